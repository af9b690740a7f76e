/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What waits behind a port: the question in TLS, and what answers tell. */
#include "config.h"

#include "net/probe.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/stranger.h"

enum { PATIENCE_MS = 20000 };

#define NAME "pop.example.com"

/* --- a port --- */

struct port {
	int listener, first;
};

static struct port
open_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof(a);
	struct port p;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p.listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(p.listener, (struct sockaddr *)&a, size), 0);
	assert_int_equal(listen(p.listener, 4), 0);
	assert_int_equal(getsockname(p.listener, (struct sockaddr *)&a, &size),
			 0);
	p.first = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(p.first, (struct sockaddr *)&a, size), 0);
	close(accept(p.listener, NULL, NULL));
	return p;
}

static void
close_port(struct port *p)
{
	close(p->first);
	close(p->listener);
}

static enum probe_state
step(struct probe *p)
{
	struct pollfd fd = probe_wants(p);

	assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
	return probe_go_on(p);
}

/* The other end of the question, which has been asked. */
static int
be_asked(const struct port *port, struct probe *p)
{
	assert_non_null(p);
	assert_int_equal(step(p), PROBE_WAITS);
	return accept(port->listener, NULL, NULL);
}

/* --- the question --- */

static void
one_client_hello_is_sent_and_no_more(void **state)
{
	struct port port = open_port();
	struct probe *p = probe_new(port.first, NAME);
	int fd = be_asked(&port, p);
	unsigned char got[16384];
	ssize_t n = recv(fd, got, sizeof(got), 0);

	(void)state;
	assert_true(n > 5);
	assert_int_equal(got[0], 22);
	assert_int_equal(n, 5 + (got[3] << 8) + got[4]);
	assert_non_null(memmem(got, (size_t)n, NAME, strlen(NAME)));
	assert_int_equal(send(fd, "\x16\x03\x03", 3, 0), 3);
	assert_int_equal(step(p), PROBE_TLS);
	probe_free(&p);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 0);
	close(fd);
	close_port(&port);
}

static void
an_address_is_not_sent_as_a_name(void **state)
{
	struct port port = open_port();
	struct probe *p = probe_new(port.first, "192.0.2.77");
	int fd = be_asked(&port, p);
	char got[16384];
	ssize_t n = recv(fd, got, sizeof(got), 0);

	(void)state;
	assert_true(n > 5);
	assert_null(memmem(got, (size_t)n, "192.0.2.77", 10));
	probe_free(&p);
	close(fd);
	close_port(&port);
}

/* --- the answer --- */

static enum probe_state
answer_in_pieces(const char *text, size_t size)
{
	struct port port = open_port();
	struct probe *p = probe_new(port.first, NAME);
	int fd = be_asked(&port, p);
	enum probe_state state = PROBE_WAITS;

	for (size_t i = 0; i < size && state == PROBE_WAITS; i++) {
		assert_int_equal(send(fd, text + i, 1, MSG_NOSIGNAL), 1);
		state = step(p);
	}
	close(fd); /* may reset it, as the hello was not read */
	while (state == PROBE_WAITS)
		state = step(p);
	probe_free(&p);
	close_port(&port);
	return state;
}

static void
any_record_of_tls_is_an_answer(void **state)
{
	(void)state;
	assert_int_equal(answer_in_pieces("\x16\x03\x03\x00\x7a", 5),
			 PROBE_TLS);
	assert_int_equal(answer_in_pieces("\x15\x03\x01\x00\x02", 5),
			 PROBE_TLS);
	assert_int_equal(answer_in_pieces("\x15\x03", 2), PROBE_OVER);
}

static void
what_is_said_in_the_clear_is_none(void **state)
{
	static const char *const nothing[] = {
		"",
		"+OK hello\r\n",
		"-ERR no\r\n",
		"what?",
		"\x16\x04\x03\n",
		"a line of which nobody can say yet where it will end",
		("a line that is longer than anybody would want to look at, "
		 "and that has no end at all, or none in sight"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++)
		assert_int_equal(answer_in_pieces(nothing[i],
						  strlen(nothing[i])),
				 PROBE_OVER);
	assert_int_equal(answer_in_pieces("HTTP/1.1 400 Bad", 16),
			 PROBE_STRANGER);
}

static void
a_port_that_is_closed_meanwhile_gives_no_answer(void **state)
{
	struct port port = open_port();
	struct probe *p;

	(void)state;
	close(port.listener);
	p = probe_new(port.first, NAME);
	if (p)
		assert_int_equal(step(p), PROBE_OVER);
	probe_free(&p);
	close(port.first);
	assert_null(probe_new(-1, NAME));
}

/* --- strangers --- */

static void
expect_name(const char *first, const char *name)
{
	const char *found =
		stranger_name((const uint8_t *)first, strlen(first));

	if (!name)
		assert_null(found);
	else if (!found || strcmp(found, name) != 0)
		fail_msg("'%s' is %s", first, found ? found : "nobody");
}

static void
services_are_known_by_what_they_say_first(void **state)
{
	(void)state;
	expect_name("220 mx.example.org ESMTP", "an SMTP");
	expect_name("220-mx.example.org waits", "an SMTP");
	expect_name("554 no", "an SMTP");
	expect_name("220 ProFTPD", "an FTP");
	expect_name("* OK ready", "an IMAP");
	expect_name("* BYE busy", "an IMAP");
	expect_name("HTTP/1.0 400 Bad", "an HTTP");
	expect_name("SSH-2.0-OpenSSH", "an SSH");
	expect_name("", NULL);
	expect_name("220", NULL);
	expect_name("2200 messages", NULL);
	expect_name("+OK 220", NULL);
	expect_name("-ERR * OK", NULL);
}

static void
a_stranger_s_words_are_made_safe_and_cut(void **state)
{
	static const char first[] =
		"220 \033]0;x\007" NAME " ESMTP with a greeting of great length"
		"\r\n220 more";
	struct err e = ERR_INIT;

	(void)state;
	stranger_error(ERR_PROTOCOL, (const uint8_t *)first, strlen(first), &e);
	assert_int_equal(e.kind, ERR_PROTOCOL);
	assert_non_null(strstr(e.text, "an SMTP port ('220 \\x1b]0;x\\x07pop"));
	assert_non_null(strstr(e.text, "'): POP3 has port 995"));
	assert_null(strstr(e.text, "more"));
	assert_true(strlen(e.text) < 180);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_client_hello_is_sent_and_no_more),
		cmocka_unit_test(an_address_is_not_sent_as_a_name),
		cmocka_unit_test(any_record_of_tls_is_an_answer),
		cmocka_unit_test(what_is_said_in_the_clear_is_none),
		cmocka_unit_test(
			a_port_that_is_closed_meanwhile_gives_no_answer),
		cmocka_unit_test(services_are_known_by_what_they_say_first),
		cmocka_unit_test(a_stranger_s_words_are_made_safe_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
