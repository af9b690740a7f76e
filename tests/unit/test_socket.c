/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "net/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

enum { PATIENCE_MS = 20000 };

/* --- servers on the loopback interface --- */

struct place {
	int fd; /* listening, or -1: nobody is there */
	uint16_t port;
	struct sockaddr_storage address;
	socklen_t size;
	struct addrinfo info;
};

/* A loopback address with a port that was free a moment ago. */
static void
place_bind(struct place *p, const char *address)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST };
	struct addrinfo *list;

	memset(p, 0, sizeof(*p));
	assert_int_equal(getaddrinfo(address, "0", &hints, &list), 0);
	p->fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd == -1 || bind(p->fd, list->ai_addr, list->ai_addrlen) != 0) {
		freeaddrinfo(list);
		skip();
	}
	freeaddrinfo(list);
	p->size = sizeof(p->address);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&p->address,
				     &p->size),
			 0);
	p->port = ntohs(
		p->address.ss_family == AF_INET
			? ((struct sockaddr_in *)&p->address)->sin_port
			: ((struct sockaddr_in6 *)&p->address)->sin6_port);
	p->info.ai_family = p->address.ss_family;
	p->info.ai_socktype = SOCK_STREAM;
	p->info.ai_addr = (struct sockaddr *)&p->address;
	p->info.ai_addrlen = p->size;
}

static void
place_listen(struct place *p, const char *address)
{
	place_bind(p, address);
	assert_int_equal(listen(p->fd, 5), 0);
}

/* Bound and not listening: refuses. */
static void
place_refuse(struct place *p, const char *address)
{
	place_bind(p, address);
}

/* Its queue is full, so that it answers nothing. */
static void
place_mute(struct place *p, const char *address, int *filler)
{
	place_bind(p, address);
	assert_int_equal(listen(p->fd, 0), 0);
	*filler = socket(p->info.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*filler, p->info.ai_addr, p->info.ai_addrlen),
			 0);
}

static struct addrinfo *
chain(struct place *places[], size_t count)
{
	for (size_t i = 0; i + 1 < count; i++)
		places[i]->info.ai_next = &places[i + 1]->info;
	return &places[0]->info;
}

static void
expect_peer(int fd, const char *address, uint16_t port)
{
	char got[SOCKET_PEER_MAX], wanted[SOCKET_PEER_MAX];

	socket_peer(fd, got);
	snprintf(wanted, sizeof(wanted), "%s port %u", address, (unsigned)port);
	assert_string_equal(got, wanted);
}

static int
open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count;
}

/* --- hosts --- */

static void
addresses_are_told_from_names(void **state)
{
	static const char *const literals[] = { "127.0.0.1",
						"192.0.2.255",
						"::1",
						"[::1]",
						"2001:db8::1",
						"[2001:db8::1]",
						"::ffff:192.0.2.1",
						"fe80::1%eth0",
						"[fe80::1%eth0]",
						"192.0.2.1." };
	static const char *const names[] = { "localhost",
					     "pop.example.org",
					     "1.2.3",
					     "1.2.3.4.5",
					     "256.0.0.1",
					     "",
					     "[]",
					     "[127.0.0.1]",
					     "[pop.example.org]",
					     "de:ad",
					     "192.0.2.1.example.org",
					     ".",
					     "[::1",
					     "::1]" };

	(void)state;
	for (size_t i = 0; i < sizeof(literals) / sizeof(*literals); i++)
		if (!socket_is_literal(literals[i]))
			fail_msg("'%s' is an address", literals[i]);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (socket_is_literal(names[i]))
			fail_msg("'%s' is no address", names[i]);
}

static void
the_plain_host_has_neither_brackets_nor_a_trailing_dot(void **state)
{
	char out[SOCKET_HOST_MAX], longest[SOCKET_HOST_MAX + 1];

	(void)state;
	assert_true(socket_host("pop.example.org.", out));
	assert_string_equal(out, "pop.example.org");
	assert_true(socket_host("pop.example.org..", out));
	assert_string_equal(out, "pop.example.org.");
	assert_true(socket_host("[::1]", out));
	assert_string_equal(out, "::1");
	assert_false(socket_host("", out));
	assert_false(socket_host("[]", out));
	assert_false(socket_host("p\xc3\xb6st.example", out));
	memset(longest, 'a', sizeof(longest));
	longest[SOCKET_HOST_MAX] = '\0';
	assert_false(socket_host(longest, out));
	longest[SOCKET_HOST_MAX - 1] = '\0';
	assert_true(socket_host(longest, out));
}

static void
connects_by_name_and_by_address(void **state)
{
	static const char *const four[] = { "127.0.0.1", "localhost",
					    "localhost." };
	static const char *const six[] = { "::1", "[::1]" };
	struct err e = ERR_INIT;
	struct place p;
	int fd;

	(void)state;
	place_listen(&p, "127.0.0.1");
	for (size_t i = 0; i < 3; i++) {
		if (socket_connect(&fd, four[i], p.port,
				   clock_deadline(PATIENCE_MS), &e) != 0)
			fail_msg("%s", e.text);
		expect_peer(fd, "127.0.0.1", p.port);
		close(fd);
	}
	close(p.fd);
	place_listen(&p, "::1");
	for (size_t i = 0; i < 2; i++) {
		if (socket_connect(&fd, six[i], p.port,
				   clock_deadline(PATIENCE_MS), &e) != 0)
			fail_msg("%s", e.text);
		expect_peer(fd, "::1", p.port);
		close(fd);
	}
	close(p.fd);
}

static void
the_connection_is_set_up_for_short_commands_and_long_waits(void **state)
{
	struct err e = ERR_INIT;
	struct place p;
	socklen_t size = sizeof(int);
	int fd, on = 0;

	(void)state;
	place_listen(&p, "127.0.0.1");
	assert_int_equal(socket_connect(&fd, "127.0.0.1", p.port,
					clock_deadline(PATIENCE_MS), &e),
			 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size),
			 0);
	assert_true(on);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size),
			 0);
	assert_true(on);
	close(fd);
	close(p.fd);
}

static void
a_refused_connection_names_host_address_and_cause(void **state)
{
	struct err e = ERR_INIT;
	struct place p;
	char wanted[128];
	int fd;

	(void)state;
	place_refuse(&p, "127.0.0.1");
	assert_int_equal(socket_connect(&fd, "127.0.0.1", p.port,
					clock_deadline(PATIENCE_MS), &e),
			 -1);
	assert_int_equal(fd, -1);
	assert_int_equal(e.kind, ERR_NETWORK);
	snprintf(wanted, sizeof(wanted),
		 "cannot connect to '127.0.0.1': "
		 "127.0.0.1 port %u: Connection refused",
		 (unsigned)p.port);
	assert_string_equal(e.text, wanted);
	close(p.fd);
}

static void
hosts_that_cannot_be_are_told_apart(void **state)
{
	struct err e = ERR_INIT;
	int fd;

	(void)state;
	assert_int_equal(socket_connect(&fd, "p\xc3\xb6st.example", 995,
					CLOCK_NEVER, &e),
			 -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_string_equal(e.text, "host must be written in ASCII "
				    "(xn--...): 'p\xc3\xb6st.example'");
	assert_int_equal(socket_connect(&fd, "[pop.example.org]", 995,
					CLOCK_NEVER, &e),
			 -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(socket_connect(&fd, "", 995, CLOCK_NEVER, &e), -1);
	assert_int_equal(e.kind, ERR_NOHOST);
	/* No resolver is asked for a label of 64 bytes. */
	assert_int_equal(
		socket_connect(&fd,
			       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
			       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid",
			       995, CLOCK_NEVER, &e),
		-1);
	assert_int_equal(e.kind, ERR_NOHOST);
}

/* --- several addresses --- */

static void
refusing_addresses_are_followed_by_the_next_at_once(void **state)
{
	enum { REFUSING = 8 };
	struct err e = ERR_INIT;
	struct place refusing, last;
	struct addrinfo list[REFUSING];
	int64_t start;
	int fd, before;

	(void)state;
	place_refuse(&refusing, "127.0.0.1");
	place_listen(&last, "127.0.0.2");
	for (size_t i = 0; i < REFUSING; i++) {
		list[i] = refusing.info;
		list[i].ai_next = i + 1 < REFUSING ? &list[i + 1] : &last.info;
	}
	before = open_descriptors();
	start = clock_ms();
	assert_int_equal(socket_connect_any(&fd, list,
					    clock_deadline(PATIENCE_MS), &e),
			 0);
	/* A pause before each would make 2 seconds. */
	assert_true(clock_ms() - start < 1000);
	assert_int_equal(e.kind, ERR_NONE);
	expect_peer(fd, "127.0.0.2", last.port);
	assert_int_equal(open_descriptors(), before + 1);
	close(fd);
	close(refusing.fd);
	close(last.fd);
}

static void
a_dead_first_address_costs_a_quarter_of_a_second(void **state)
{
	struct err e = ERR_INIT;
	struct place a, b;
	struct place *places[] = { &a, &b };
	int64_t took;
	int fd, filler, before;

	(void)state;
	place_mute(&a, "127.0.0.1", &filler);
	place_listen(&b, "::1");
	before = open_descriptors();
	took = -clock_ms();
	assert_int_equal(socket_connect_any(&fd, chain(places, 2),
					    clock_deadline(PATIENCE_MS), &e),
			 0);
	took += clock_ms();
	assert_true(took >= 250 && took <= 2000);
	expect_peer(fd, "::1", b.port);
	assert_int_equal(open_descriptors(), before + 1);
	close(fd);
	close(filler);
	close(a.fd);
	close(b.fd);
}

static void
a_slow_address_wins_when_those_after_it_refuse(void **state)
{
	struct err e = ERR_INIT;
	struct place a, b;
	struct place *places[] = { &a, &b };
	int fd, filler, status;
	pid_t pid;

	(void)state;
	place_mute(&a, "127.0.0.1", &filler);
	place_refuse(&b, "127.0.0.2");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Room in the queue: the kernel's next SYN is answered. */
		usleep(400000);
		_exit(accept(a.fd, NULL, NULL) == -1);
	}
	if (socket_connect_any(&fd, chain(places, 2),
			       clock_deadline(PATIENCE_MS), &e) != 0)
		fail_msg("%s", e.text);
	expect_peer(fd, "127.0.0.1", a.port);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(fd);
	close(filler);
	close(a.fd);
	close(b.fd);
}

static void
the_families_take_turns_beginning_with_the_first(void **state)
{
	struct err e = ERR_INIT;
	struct place a, b, c, d;
	struct place *places[] = { &a, &b, &c, &d };
	char wanted[64];
	int fd;

	(void)state;
	/* The order is seen from who answers: the first that listens. */
	place_refuse(&a, "127.0.0.1");
	place_listen(&b, "127.0.0.2");
	place_refuse(&c, "127.0.0.3");
	place_listen(&d, "::1");
	assert_int_equal(socket_connect_any(&fd, chain(places, 4),
					    clock_deadline(PATIENCE_MS), &e),
			 0);
	expect_peer(fd, "::1", d.port);
	close(fd);
	close(b.fd);
	close(d.fd);

	place_refuse(&b, "127.0.0.2");
	place_refuse(&d, "::1");
	assert_int_equal(socket_connect_any(&fd, chain(places, 4),
					    clock_deadline(PATIENCE_MS), &e),
			 -1);
	snprintf(wanted, sizeof(wanted),
		 "127.0.0.3 port %u: Connection "
		 "refused",
		 (unsigned)c.port);
	assert_string_equal(e.text, wanted);
	close(a.fd);
	close(b.fd);
	close(c.fd);
	close(d.fd);
}

static void
a_list_longer_than_what_is_tried_is_no_trouble(void **state)
{
	enum { COUNT = SOCKET_ADDRESSES_MAX + 4 };
	struct err e = ERR_INIT;
	struct place refusing;
	struct addrinfo list[COUNT];
	int fd;

	(void)state;
	place_refuse(&refusing, "127.0.0.1");
	for (size_t i = 0; i < COUNT; i++) {
		list[i] = refusing.info;
		list[i].ai_next = i + 1 < COUNT ? &list[i + 1] : NULL;
	}
	assert_int_equal(socket_connect_any(&fd, list,
					    clock_deadline(PATIENCE_MS), &e),
			 -1);
	assert_int_equal(e.kind, ERR_NETWORK);
	close(refusing.fd);
}

static void
dead_addresses_end_at_the_deadline_and_leave_nothing_open(void **state)
{
	struct err e = ERR_INIT;
	struct place a, b;
	struct place *places[] = { &a, &b };
	int64_t deadline;
	int fd, fillers[2], before;

	(void)state;
	place_mute(&a, "127.0.0.1", &fillers[0]);
	place_mute(&b, "127.0.0.2", &fillers[1]);
	before = open_descriptors();
	deadline = clock_deadline(300);
	assert_int_equal(socket_connect_any(&fd, chain(places, 2), deadline,
					    &e),
			 -1);
	assert_true(clock_ms() >= deadline);
	assert_int_equal(fd, -1);
	assert_int_equal(e.kind, ERR_NETWORK);
	assert_non_null(strstr(e.text, "Connection timed out"));
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(socket_connect_any(&fd, chain(places, 2),
					    clock_ms() - 1, &e),
			 -1);
	close(fillers[0]);
	close(fillers[1]);
	close(a.fd);
	close(b.fd);
}

/* --- peers --- */

static void
loopback_is_recognised_in_both_families(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "127.9.8.7",
					     "::ffff:127.0.0.1" };
	struct err e = ERR_INIT;
	struct place p;
	char peer[SOCKET_PEER_MAX];
	int fd, pair[2];

	(void)state;
	place_listen(&p, "0.0.0.0");
	for (size_t i = 0; i < 3; i++) {
		if (socket_connect(&fd, hosts[i], p.port,
				   clock_deadline(PATIENCE_MS), &e) != 0)
			fail_msg("%s", e.text);
		assert_true(socket_is_loopback(fd));
		close(fd);
	}
	close(p.fd);
	assert_false(socket_is_loopback(-1));
	socket_peer(-1, peer);
	assert_string_equal(peer, "nobody");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_false(socket_is_loopback(pair[0]));
	socket_peer(pair[0], peer);
	assert_string_equal(peer, "a local socket");
	close(pair[0]);
	close(pair[1]);
}

static void
an_address_elsewhere_is_not_loopback(void **state)
{
	/* A datagram socket is connected without a packet. */
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(995) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	inet_pton(AF_INET, "192.0.2.1", &a.sin_addr);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
		close(fd);
		skip();
	}
	assert_false(socket_is_loopback(fd));
	expect_peer(fd, "192.0.2.1", 995);
	close(fd);
}

/* --- the transport --- */

static void
the_transport_moves_bytes_and_never_waits(void **state)
{
	struct err e = ERR_INIT;
	struct transport *t;
	int pair[2];
	char got[16];
	ptrdiff_t n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	t = socket_transport(pair[0]);
	assert_int_equal(t->fd, pair[0]);
	assert_int_equal(t->class->read(t, got, sizeof(got), &e),
			 TRANSPORT_WANT_READ);
	assert_int_equal(write(pair[1], "+OK\r\n", 5), 5);
	assert_int_equal(t->class->read(t, got, 3, &e), 3);
	assert_memory_equal(got, "+OK", 3);
	assert_int_equal(t->class->write(t, "QUIT\r\n", 6, &e), 6);
	assert_int_equal(read(pair[1], got, sizeof(got)), 6);
	do {
		static char block[65536];

		n = t->class->write(t, block, sizeof(block), &e);
	} while (n > 0);
	assert_int_equal(n, TRANSPORT_WANT_WRITE);
	t->class->free(t);
	assert_int_equal(fcntl(pair[0], F_GETFD), -1);
	close(pair[1]);
}

static void
the_transport_tells_an_end_from_an_error(void **state)
{
	struct linger at_once = { .l_onoff = 1 };
	struct err e = ERR_INIT;
	struct transport *t;
	struct place p;
	char got[16];

	(void)state;
	place_listen(&p, "127.0.0.1");
	for (int reset = 0; reset < 2; reset++) {
		int fd, server;

		assert_int_equal(socket_connect(&fd, "127.0.0.1", p.port,
						clock_deadline(PATIENCE_MS),
						&e),
				 0);
		t = socket_transport(fd);
		server = accept(p.fd, NULL, NULL);
		if (reset)
			setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once,
				   sizeof(at_once));
		close(server);
		assert_int_equal(transport_ready(t, TRANSPORT_WANT_READ,
						 PATIENCE_MS, CLOCK_NEVER, &e),
				 0);
		assert_int_equal(t->class->read(t, got, sizeof(got), &e),
				 reset ? TRANSPORT_ERROR : TRANSPORT_END);
		if (reset) {
			assert_int_equal(e.kind, ERR_NETWORK);
			assert_string_equal(e.text, "cannot read from server: "
						    "Connection reset by peer");
			/* The signal that would come is not ours to get. */
			assert_int_equal(t->class->write(t, "x", 1, &e),
					 TRANSPORT_ERROR);
			assert_int_equal(e.kind, ERR_NETWORK);
		}
		t->class->free(t);
	}
	close(p.fd);
}

static void
waiting_for_a_transport_has_two_limits(void **state)
{
	struct err e = ERR_INIT;
	struct transport *t;
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	t = socket_transport(pair[0]);
	assert_int_equal(transport_ready(t, TRANSPORT_WANT_WRITE, PATIENCE_MS,
					 CLOCK_NEVER, &e),
			 0);
	assert_int_equal(transport_ready(t, TRANSPORT_WANT_READ, 30,
					 CLOCK_NEVER, &e),
			 -1);
	assert_int_equal(e.kind, ERR_NETWORK);
	assert_string_equal(e.text, "no answer from server for 30 ms");
	assert_int_equal(transport_ready(t, TRANSPORT_WANT_READ, PATIENCE_MS,
					 clock_deadline(30), &e),
			 -1);
	assert_int_equal(e.kind, ERR_NETWORK);
	assert_string_equal(e.text, "session_timeout reached");
	t->class->free(t);
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_told_from_names),
		cmocka_unit_test(
			the_plain_host_has_neither_brackets_nor_a_trailing_dot),
		cmocka_unit_test(connects_by_name_and_by_address),
		cmocka_unit_test(
			the_connection_is_set_up_for_short_commands_and_long_waits),
		cmocka_unit_test(
			a_refused_connection_names_host_address_and_cause),
		cmocka_unit_test(hosts_that_cannot_be_are_told_apart),
		cmocka_unit_test(
			refusing_addresses_are_followed_by_the_next_at_once),
		cmocka_unit_test(
			a_dead_first_address_costs_a_quarter_of_a_second),
		cmocka_unit_test(
			a_slow_address_wins_when_those_after_it_refuse),
		cmocka_unit_test(
			the_families_take_turns_beginning_with_the_first),
		cmocka_unit_test(
			a_list_longer_than_what_is_tried_is_no_trouble),
		cmocka_unit_test(
			dead_addresses_end_at_the_deadline_and_leave_nothing_open),
		cmocka_unit_test(loopback_is_recognised_in_both_families),
		cmocka_unit_test(an_address_elsewhere_is_not_loopback),
		cmocka_unit_test(the_transport_moves_bytes_and_never_waits),
		cmocka_unit_test(the_transport_tells_an_end_from_an_error),
		cmocka_unit_test(waiting_for_a_transport_has_two_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
