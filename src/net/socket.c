/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A TCP connection to a host by name or address. */
#include "config.h"

#include "net/socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/proc.h"

/* RFC 8305 section 8: Connection Attempt Delay */
enum { STAGGER_MS = 250 };

/* --- addresses in words --- */

static void
describe_address(const struct sockaddr *a, char out[SOCKET_PEER_MAX])
{
	char text[INET6_ADDRSTRLEN] = "?";
	uint16_t port;

	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;

		inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		port = ntohs(in->sin_port);
	} else if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a;

		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		port = ntohs(in6->sin6_port);
	} else {
		snprintf(out, SOCKET_PEER_MAX, "a local socket");
		return;
	}
	snprintf(out, SOCKET_PEER_MAX, "%s port %u", text, (unsigned)port);
}

static bool
peer_address(int fd, struct sockaddr_storage *peer)
{
	socklen_t size = sizeof(*peer);

	memset(peer, 0, sizeof(*peer));
	return getpeername(fd, (struct sockaddr *)peer, &size) == 0;
}

void
socket_peer(int fd, char out[SOCKET_PEER_MAX])
{
	struct sockaddr_storage peer;

	if (peer_address(fd, &peer))
		describe_address((const struct sockaddr *)&peer, out);
	else
		snprintf(out, SOCKET_PEER_MAX, "nobody");
}

bool
socket_is_loopback(int fd)
{
	struct sockaddr_storage peer;

	if (!peer_address(fd, &peer))
		return false;
	if (peer.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&peer;

		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (peer.ss_family == AF_INET6) {
		const struct in6_addr *a =
			&((const struct sockaddr_in6 *)&peer)->sin6_addr;

		return IN6_IS_ADDR_LOOPBACK(a) ||
		       (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
	}
	return false;
}

static bool
is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

bool
socket_host(const char *host, char out[SOCKET_HOST_MAX])
{
	size_t size = strlen(host);

	if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
		host++;
		size -= 2;
	} else if (size >= 2 && host[size - 1] == '.') {
		size--;
	}
	if (size == 0 || size >= SOCKET_HOST_MAX || !is_ascii(host))
		return false;
	memcpy(out, host, size);
	out[size] = '\0';
	return true;
}

bool
socket_is_literal(const char *host)
{
	struct in6_addr address;
	char plain[SOCKET_HOST_MAX];
	char *scope;

	if (!socket_host(host, plain))
		return false;
	if (host[0] != '[' && inet_pton(AF_INET, plain, &address) == 1)
		return true;
	scope = strchr(plain, '%');
	if (scope)
		*scope = '\0';
	return inet_pton(AF_INET6, plain, &address) == 1;
}

/* --- resolving --- */

static int
resolve_error(int code, const char *host, struct err *e)
{
	switch (code) {
	case EAI_NONAME:
#if defined(EAI_NODATA) && EAI_NODATA != EAI_NONAME
	case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
	case EAI_ADDRFAMILY:
#endif
		return err_set(e, ERR_NOHOST, "no such host: '%s'", host);
	case EAI_SYSTEM:
		return err_sys(e, ERR_NETWORK, "cannot resolve '%s'", host);
	default:
		return err_set(e, ERR_NETWORK, "cannot resolve '%s': %s", host,
			       gai_strerror(code));
	}
}

static int
resolve(struct addrinfo **list, const char *host, uint16_t port, struct err *e)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICSERV };
	char plain[SOCKET_HOST_MAX], service[8];
	int code;

	if (!is_ascii(host))
		return err_set(e, ERR_CONFIG,
			       "host must be written in ASCII "
			       "(xn--...): '%s'",
			       host);
	if (!socket_host(host, plain))
		return err_set(e, ERR_NOHOST, "no such host: '%s'", host);
	if (socket_is_literal(host))
		hints.ai_flags |= AI_NUMERICHOST;
	else if (host[0] == '[')
		return err_set(e, ERR_CONFIG, "not an IPv6 address: '%s'",
			       host);
	/* AI_ADDRCONFIG would hide ::1 where only the loopback interface has
	 * IPv6. */
	else if (!text_is_word(plain, strlen(plain), "localhost"))
		hints.ai_flags |= AI_ADDRCONFIG;
	snprintf(service, sizeof(service), "%u", (unsigned)port);
	code = getaddrinfo(plain, service, &hints, list);
	if (code == 0 && !*list)
		code = EAI_NONAME;
	return code == 0 ? 0 : resolve_error(code, host, e);
}

/* --- connecting --- */

/* Attempts in the order of their start; fds[i].fd is -1 once attempt i is
 * over. */
struct race {
	const struct addrinfo *order[SOCKET_ADDRESSES_MAX];
	struct pollfd fds[SOCKET_ADDRESSES_MAX];
	size_t count, started, running;
	int64_t next_at; /* when to start the next attempt */
};

/* Orders the addresses by families in turn, beginning with that of the first
 * (RFC 8305 section 4). */
static void
race_order(struct race *r, const struct addrinfo *list)
{
	int family = list->ai_family;
	const struct addrinfo *same = list, *other = list;

	while (r->count < SOCKET_ADDRESSES_MAX) {
		while (same && same->ai_family != family)
			same = same->ai_next;
		while (other && other->ai_family == family)
			other = other->ai_next;
		if (!same && !other)
			break;
		if (same && (r->count % 2 == 0 || !other)) {
			r->order[r->count++] = same;
			same = same->ai_next;
		} else if (other) {
			r->order[r->count++] = other;
			other = other->ai_next;
		}
	}
}

/* Sets the error of a failed attempt, whose cause is errno. */
static int
attempt_error(const struct addrinfo *a, struct err *e)
{
	char where[SOCKET_PEER_MAX];
	int cause = errno;

	describe_address(a->ai_addr, where);
	errno = cause;
	return err_sys(e, ERR_NETWORK, "%s", where);
}

static int
attempt_socket(const struct addrinfo *a)
{
	int on = 1;
	int fd = socket(a->ai_family,
			a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			a->ai_protocol);

	if (fd < 0)
		return -1;
	/* Without these options a connection is slower, or a dead one is
	 * noticed later, but it works all the same. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return fd;
}

/* A connection that is made at once is found by the next poll. */
static void
race_start(struct race *r, struct err *e)
{
	const struct addrinfo *a = r->order[r->started];
	int fd = attempt_socket(a);

	if (fd != -1 && connect(fd, a->ai_addr, a->ai_addrlen) != 0 &&
	    errno != EINPROGRESS && errno != EINTR) {
		int cause = errno;

		close(fd);
		fd = -1;
		errno = cause;
	}
	if (fd < 0)
		attempt_error(a, e);
	else
		r->running++;
	r->fds[r->started++] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	r->next_at = fd < 0 ? clock_ms() : clock_deadline(STAGGER_MS);
}

/* The descriptor of an attempt that succeeded, or -1. */
static int
race_look(struct race *r, struct err *e)
{
	for (size_t i = 0; i < r->started; i++) {
		int fd = r->fds[i].fd;
		int cause = 0;
		socklen_t size = sizeof(cause);

		if (fd < 0 || r->fds[i].revents == 0)
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &size) != 0)
			cause = errno;
		r->fds[i].fd = -1;
		r->running--;
		if (cause == 0)
			return fd;
		close(fd);
		errno = cause;
		attempt_error(r->order[i], e);
		r->next_at = clock_ms();
	}
	return -1;
}

static int
race_timeout(const struct race *r, struct err *e)
{
	errno = ETIMEDOUT;
	return attempt_error(r->order[r->started > 0 ? r->started - 1 : 0], e);
}

/* Every attempt that fails sets e anew, so that e tells of the one that failed
 * last. */
static int
race_run(struct race *r, int64_t deadline, struct err *e)
{
	for (;;) {
		int64_t until = deadline;
		int fd;

		if (clock_ms() >= deadline)
			return race_timeout(r, e);
		while (r->started < r->count &&
		       (r->running == 0 || clock_ms() >= r->next_at))
			race_start(r, e);
		if (r->running == 0)
			return -1;
		if (r->started < r->count)
			until = clock_earlier(until, r->next_at);
		if (proc_poll(r->fds, r->started, until) == 0)
			continue;
		fd = race_look(r, e);
		if (fd != -1)
			return fd;
	}
}

int
socket_connect_any(int *fd, const struct addrinfo *list, int64_t deadline,
		   struct err *e)
{
	struct race r = { .count = 0 };

	assert(list);
	race_order(&r, list);
	*fd = race_run(&r, deadline, e);
	for (size_t i = 0; i < r.started; i++)
		if (r.fds[i].fd != -1)
			close(r.fds[i].fd);
	if (*fd < 0)
		return -1;
	err_clear(e);
	return 0;
}

int
socket_connect(int *fd, const char *host, uint16_t port, int64_t deadline,
	       struct err *e)
{
	struct addrinfo *list = NULL;
	int rc;

	*fd = -1;
	if (resolve(&list, host, port, e) != 0)
		return -1;
	rc = socket_connect_any(fd, list, deadline, e);
	freeaddrinfo(list);
	if (rc != 0)
		err_context(e, "cannot connect to '%s'", host);
	return rc;
}

int
socket_again(int fd)
{
	struct sockaddr_storage peer;
	struct addrinfo a = { .ai_socktype = SOCK_STREAM,
			      .ai_addr = (struct sockaddr *)&peer };
	int again;

	if (!peer_address(fd, &peer))
		return -1;
	a.ai_family = peer.ss_family;
	a.ai_addrlen = peer.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						  : sizeof(struct sockaddr_in);
	again = attempt_socket(&a);
	if (again == -1 || connect(again, a.ai_addr, a.ai_addrlen) == 0 ||
	    errno == EINPROGRESS || errno == EINTR)
		return again;
	close(again);
	return -1;
}

bool
socket_has_bytes(int fd)
{
	char first;

	return recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* --- the transport --- */

static ptrdiff_t
socket_read(struct transport *t, void *out, size_t size, struct err *e)
{
	for (;;) {
		ssize_t n = recv(t->fd, out, size, 0);

		if (n >= 0)
			return n == 0 ? TRANSPORT_END : n;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return TRANSPORT_WANT_READ;
		if (errno == EINTR)
			continue;
		err_sys(e, ERR_NETWORK, "cannot read from server");
		return TRANSPORT_ERROR;
	}
}

static ptrdiff_t
socket_write(struct transport *t, const void *bytes, size_t size, struct err *e)
{
	for (;;) {
		ssize_t n = send(t->fd, bytes, size, MSG_NOSIGNAL);

		if (n > 0)
			return n;
		if (n == 0 || errno == EAGAIN || errno == EWOULDBLOCK)
			return TRANSPORT_WANT_WRITE;
		if (errno == EINTR)
			continue;
		err_sys(e, ERR_NETWORK, "cannot write to server");
		return TRANSPORT_ERROR;
	}
}

static void
socket_free(struct transport *t)
{
	close(t->fd);
	free(t);
}

/* The stream that owns the transport calls these through its class; under TLS
 * only `free` is called, by the TLS transport. */
static const struct transport_class socket_class = {
	.read = socket_read,
	.write = socket_write,
	.free = socket_free,
};

struct transport *
socket_transport(int fd)
{
	struct transport *t = mem_alloc(sizeof(*t));
	int flags = fcntl(fd, F_GETFL);

	assert(flags != -1);
	if ((flags & O_NONBLOCK) == 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	t->class = &socket_class;
	t->fd = fd;
	return t;
}
