/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "net/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "net/socket.h"
#include "net/stranger.h"
#include "net/tls.h"

enum { HELLO_MAX = 8192, TLS_HEAD = 3 };

struct probe {
	int fd;
	bool is_asked; /* the ClientHello is sent */
	uint8_t hello[HELLO_MAX];
	size_t hello_size;
	uint8_t answer[STRANGER_FIRST_MAX];
	size_t answer_size;
};

/* --- the ClientHello --- */

/* Has OpenSSL begin a handshake in memory.  The limits of tls_context.c are no
 * matter here: an old server may answer by an alert, which is TLS as well. */
static bool
begin_in_memory(SSL *ssl, const char *name)
{
	char plain[SOCKET_HOST_MAX];
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (!in || !out) {
		BIO_free(in);
		BIO_free(out);
		return false;
	}
	SSL_set_bio(ssl, in, out);
	if (!socket_is_literal(name) && socket_host(name, plain))
		(void)SSL_set_tlsext_host_name(ssl, plain);
	return SSL_get_error(ssl, SSL_connect(ssl)) == SSL_ERROR_WANT_READ;
}

static void
make_hello(struct probe *p, const char *name)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	int size = 0;

	ERR_clear_error();
	if (ssl && begin_in_memory(ssl, name))
		size = BIO_read(SSL_get_wbio(ssl), p->hello, sizeof(p->hello));
	/* one that is cut would wait for its end for ever */
	if (size > 0 && BIO_pending(SSL_get_wbio(ssl)) == 0)
		p->hello_size = (size_t)size;
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error();
}

/* --- asking --- */

struct probe *
probe_new(int fd, const char *name)
{
	struct probe *p = mem_alloc(sizeof(*p));

	p->fd = -1;
	make_hello(p, name);
	if (p->hello_size > 0)
		p->fd = socket_again(fd);
	if (p->fd < 0)
		probe_free(&p);
	return p;
}

void
probe_free(struct probe **p)
{
	if (!*p)
		return;
	if ((*p)->fd != -1)
		close((*p)->fd);
	free(*p);
	*p = NULL;
}

struct pollfd
probe_wants(const struct probe *p)
{
	return (struct pollfd){ .fd = p->fd,
				.events = p->is_asked ? POLLIN : POLLOUT };
}

static bool
is_put_off(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* It fits into the buffer of a new connection as a whole. */
static enum probe_state
ask(struct probe *p)
{
	ssize_t n = send(p->fd, p->hello, p->hello_size, MSG_NOSIGNAL);

	if (n < 0)
		return is_put_off() || errno == ENOTCONN ? PROBE_WAITS
							 : PROBE_OVER;
	p->is_asked = (size_t)n == p->hello_size;
	return p->is_asked ? PROBE_WAITS : PROBE_OVER;
}

/* Is there no sense in waiting for more of the answer? */
static bool
is_whole(const struct probe *p)
{
	return p->answer_size == sizeof(p->answer) ||
	       memchr(p->answer, '\n', p->answer_size);
}

/* `ended`: no more will come. */
static enum probe_state
judge(const struct probe *p, bool ended)
{
	bool is_tls = tls_is_record(p->answer, p->answer_size);

	if (is_tls && p->answer_size >= TLS_HEAD)
		return PROBE_TLS;
	if (!is_tls && stranger_name(p->answer, p->answer_size))
		return PROBE_STRANGER;
	return ended || (!is_tls && is_whole(p)) ? PROBE_OVER : PROBE_WAITS;
}

enum probe_state
probe_go_on(struct probe *p)
{
	ssize_t n;

	if (!p->is_asked)
		return ask(p);
	n = recv(p->fd, p->answer + p->answer_size,
		 sizeof(p->answer) - p->answer_size, 0);
	if (n < 0 && is_put_off())
		return PROBE_WAITS;
	if (n > 0)
		p->answer_size += (size_t)n;
	return judge(p, n <= 0);
}

bool
probe_is_asked(const struct probe *p)
{
	return p->is_asked;
}

const uint8_t *
probe_answer(const struct probe *p, size_t *size)
{
	*size = p->answer_size;
	return p->answer;
}
