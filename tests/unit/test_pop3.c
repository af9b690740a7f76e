/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Tests of pop3: what goes over the line, byte by byte, and what is made of what
 * comes back.
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "fake_transport.h"
#include "pop3/method.h"
#include "pop3/pop3.h"

/* The silence after which a client gives up; only tests of silence last so. */
enum { TIMEOUT_MS = 200, TRACE_MAX = 1 << 20 };

struct session {
	struct fake *f;
	struct pop3 *p;
	struct buf trace;
	struct err e;
	struct pop3_reply r;
};

static void
note(void *arg, bool out, const void *text, size_t size)
{
	struct buf *b = arg;

	assert_true(buf_append(b, out ? "> " : "< ", 2));
	assert_true(buf_append(b, text, size));
	assert_true(buf_byte(b, '\n'));
}

/* A client of the script, which is filled in behind this. */
static void
open_session(struct session *s)
{
	struct stream *stream;

	memset(s, 0, sizeof(*s));
	s->f = fake_new();
	buf_init(&s->trace, TRACE_MAX);
	stream_new(&stream, fake_transport(s->f), TIMEOUT_MS, CLOCK_NEVER);
	pop3_new(&s->p, stream, note, &s->trace);
}

static void
greet(struct session *s, const char *greeting)
{
	open_session(s);
	fake_input_text(s->f, greeting);
	if (pop3_greeting(s->p, &s->e) != 0)
		fail_msg("greeting: %s", s->e.text);
}

static void
assert_sent(struct session *s, const char *expected)
{
	size_t size;
	const char *sent = fake_output(s->f, &size);

	assert_int_equal(size, strlen(sent));
	assert_string_equal(sent, expected);
}

/* Ends it; `expected` is all that may have been sent. */
static void
close_session(struct session *s, const char *expected)
{
	pop3_free(&s->p);
	assert_null(s->p);
	assert_true(fake_is_freed(s->f));
	if (expected != NULL)
		assert_sent(s, expected);
	fake_free(s->f);
	buf_free(&s->trace);
}

static void
assert_error(const struct session *s, enum err_kind kind, const char *part)
{
	if (s->e.kind != kind || strstr(s->e.text, part) == NULL)
		fail_msg("error %d '%s' where %d '%s' was expected", s->e.kind,
			 s->e.text, kind, part);
}

static void
assert_bytes(const uint8_t *bytes, size_t size, const char *expected)
{
	assert_int_equal(size, strlen(expected));
	assert_memory_equal(bytes, expected, size);
}

/* --- greeting --- */

static void
check_challenge(const char *greeting, const char *challenge)
{
	struct session s;

	greet(&s, greeting);
	if (challenge == NULL)
		assert_null(pop3_challenge(s.p));
	else
		assert_string_equal(pop3_challenge(s.p), challenge);
	close_session(&s, "");
}

static void
a_greeting_may_be_bare_or_long(void **state)
{
	char text[POP3_REPLY_MAX + 3];

	(void)state;
	check_challenge("+OK\r\n", NULL);
	check_challenge("+OK \r\n", NULL);
	check_challenge("+OK\tready\r\n", NULL);
	check_challenge("+OK with a bare LF\n", NULL);
	memset(text, 'a', sizeof(text));
	memcpy(text, "+OK ", 4);
	memcpy(text + POP3_REPLY_MAX, "\r\n", 3);
	check_challenge(text, NULL);
}

static void
the_challenge_of_the_greeting_is_found(void **state)
{
	(void)state;
	check_challenge("+OK POP3 server ready "
			"<1896.697170952@dbc.mtview.ca.us>\r\n",
			"<1896.697170952@dbc.mtview.ca.us>");
	check_challenge("+OK <a+/=b.1@host> hello\r\n", "<a+/=b.1@host>");
	check_challenge("+OK <1@[127.0.0.1]>\r\n", "<1@[127.0.0.1]>");
	check_challenge("+OK <x> 1 < 2 <<a@b>>\r\n", "<a@b>");
}

static void
a_challenge_that_is_no_message_id_is_none(void **state)
{
	static const char *const bad[] = {
		"<>",		"<@>",	     "<a@>",	  "<@b>",
		"<ab>",		"<a@b@c>",   "<a b@c>",	  "<a@b",
		"a@b>",		"<a@b c>",   "<a\001@b>", "<a@b\200>",
		"<\303\244@b>", "<a\177@b>", "<\"a\"@b>", "<a\\@b>",
		"<a,b@c>"
	};
	char greeting[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(greeting, sizeof(greeting), "+OK hi %s\r\n", bad[i]);
		check_challenge(greeting, NULL);
	}
}

static void
check_bad_greeting(const char *text, size_t size, enum err_kind kind,
		   const char *part)
{
	struct session s;

	open_session(&s);
	fake_input(s.f, text, size);
	fake_end(s.f);
	assert_int_equal(pop3_greeting(s.p, &s.e), -1);
	assert_error(&s, kind, part);
	close_session(&s, "");
}

static void
a_greeting_of_another_protocol_is_refused(void **state)
{
	static const char *const bad[] = {
		"\r\n",	   "\n",	  "+ok hi\r\n",	  "+OKAY\r\n",
		"+Ok\r\n", "OK\r\n",	  " +OK\r\n",	  "-err\r\n",
		"+\r\n",   "+ hello\r\n", "\377\373\r\n",
	};
	char longer[POP3_REPLY_MAX + 10];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		check_bad_greeting(bad[i], strlen(bad[i]), ERR_PROTOCOL,
				   "greeting: not a POP3 reply");
	check_bad_greeting("* OK IMAP4\r\n", 12, ERR_PROTOCOL,
			   "greeting: this is an IMAP port ('* OK IMAP4'): "
			   "POP3 has port 995 with tls = \"implicit\"");
	check_bad_greeting("220 smtp\r\n", 10, ERR_PROTOCOL,
			   "greeting: this is an SMTP port ('220 smtp')");
	check_bad_greeting("HTTP/1.0 400 Bad\r\n", 18, ERR_PROTOCOL,
			   "greeting: this is an HTTP port");
	check_bad_greeting("\0+OK\r\n", 6, ERR_PROTOCOL, "\\x00+OK");
	memset(longer, 'a', sizeof(longer));
	memcpy(longer, "+OK ", 4);
	check_bad_greeting(longer, sizeof(longer), ERR_PROTOCOL, "greeting");
}

static void
a_server_that_says_no_at_once_is_tried_later(void **state)
{
	(void)state;
	check_bad_greeting("-ERR no\r\n", 9, ERR_LATER,
			   "greeting: server said: no");
	check_bad_greeting("-ERR\r\n", 6, ERR_LATER, "without giving a reason");
	check_bad_greeting("-ERR [SYS/PERM] closed\r\n", 24, ERR_UNAVAILABLE,
			   "[SYS/PERM] closed");
	check_bad_greeting("+ERR busy\r\n", 11, ERR_TROUBLE, "busy");
	check_bad_greeting("-ERR [SYS/TEMP] no\r\n", 20, ERR_TROUBLE, "no");
	check_bad_greeting("-ERR [AUTH] go away\r\n", 21, ERR_LATER,
			   "greeting: server said: [AUTH] go away");
}

static void
a_server_that_speaks_tls_from_the_start_is_told_apart(void **state)
{
	/* an alert, and a handshake record */
	check_bad_greeting("\025\003\001\000\002\002\106", 7, ERR_TLS,
			   "tls = \"implicit\"");
	check_bad_greeting("\026\003\003\000\100", 5, ERR_TLS, "implicit");
	(void)state;
}

static void
a_connection_that_ends_or_is_silent_is_a_network_error(void **state)
{
	struct session s;

	(void)state;
	check_bad_greeting("", 0, ERR_NETWORK, "greeting");
	check_bad_greeting("+OK hal", 7, ERR_NETWORK, "greeting");
	open_session(&s);
	fake_input_text(s.f, "+OK no line end");
	assert_int_equal(pop3_greeting(s.p, &s.e), -1);
	assert_error(&s, ERR_NETWORK, "greeting");
	close_session(&s, "");
}

/* --- capabilities --- */

static void
capabilities_are_asked_and_understood(void **state)
{
	struct session s;

	(void)state;
	greet(&s, "+OK\r\n");
	assert_false(pop3_capabilities(s.p)->known);
	fake_reply(
		s.f, "CAPA\r\n",
		"+OK list follows\r\nTOP\r\nSASL PLAIN\r\n..\r\nUIDL\r\n.\r\n");
	assert_int_equal(pop3_capa(s.p, &s.e), 0);
	assert_true(pop3_capabilities(s.p)->known);
	assert_true(pop3_capabilities(s.p)->top);
	assert_true(pop3_capabilities(s.p)->uidl);
	assert_false(pop3_capabilities(s.p)->stls);
	assert_int_equal(pop3_capabilities(s.p)->mechanisms, 1 << AUTH_PLAIN);
	assert_int_equal(pop3_outstanding(s.p), 0);
	/* asked again, what is not said again is forgotten */
	fake_reply(s.f, "CAPA\r\n", "+OK\r\nSTLS\r\n.\r\n");
	assert_int_equal(pop3_capa(s.p, &s.e), 0);
	assert_false(pop3_capabilities(s.p)->top);
	assert_true(pop3_capabilities(s.p)->stls);
	close_session(&s, "CAPA\r\nCAPA\r\n");
}

static void
a_server_without_capa_is_fine(void **state)
{
	struct session s;
	struct capa known;

	(void)state;
	greet(&s, "+OK\r\n");
	capa_start(&known);
	known.known = known.stls = true;
	pop3_set_capabilities(s.p, &known);
	assert_true(pop3_capabilities(s.p)->stls);
	fake_reply(s.f, "CAPA\r\n", "-ERR unknown command\r\n");
	assert_int_equal(pop3_capa(s.p, &s.e), 0);
	assert_false(pop3_capabilities(s.p)->known);
	assert_false(pop3_capabilities(s.p)->stls);
	close_session(&s, "CAPA\r\n");
}

static void
an_endless_capability_list_is_a_protocol_error(void **state)
{
	struct buf b;
	struct session s;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		int n, lines = POP3_CAPA_LINES_MAX + i;

		buf_init(&b, 1 << 20);
		assert_true(buf_append(&b, "+OK\r\n", 5));
		for (n = 0; n < lines; n++)
			assert_true(buf_format(&b, "X-%d\r\n", n));
		assert_true(buf_append(&b, ".\r\n", 3));
		greet(&s, "+OK\r\n");
		fake_reply(s.f, "CAPA\r\n", buf_text(&b));
		assert_int_equal(pop3_capa(s.p, &s.e), -i);
		if (i == 1)
			assert_error(&s, ERR_PROTOCOL, "CAPA: more than 1000");
		close_session(&s, "CAPA\r\n");
		buf_free(&b);
	}
}

/* --- STLS --- */

static void
after_stls_the_stream_goes_back_to_the_caller(void **state)
{
	struct session s;
	struct stream *stream;

	(void)state;
	greet(&s, "+OK <a@b>\r\n");
	fake_reply(s.f, "STLS\r\n", "+OK begin\r\n");
	assert_int_equal(pop3_stls(s.p, &s.e), 0);
	stream = pop3_take_stream(&s.p);
	assert_null(s.p);
	assert_false(fake_is_freed(s.f));
	/* the session begins anew, with nothing remembered */
	pop3_new(&s.p, stream, NULL, NULL);
	assert_null(pop3_challenge(s.p));
	assert_false(pop3_capabilities(s.p)->known);
	close_session(&s, "STLS\r\n");
}

static void
check_stls(const char *before, const char *reply, enum err_kind kind,
	   const char *part, const char *sent)
{
	struct session s;

	greet(&s, "+OK\r\n");
	fake_input_text(s.f, before);
	fake_reply(s.f, "STLS\r\n", reply);
	fake_end(s.f);
	assert_int_equal(pop3_stls(s.p, &s.e), -1);
	assert_error(&s, kind, part);
	close_session(&s, sent);
}

static void
stls_that_is_refused_or_broken_is_an_error(void **state)
{
	(void)state;
	check_stls("", "-ERR not now\r\n", ERR_TLS, "not now", "STLS\r\n");
	check_stls("", "-ERR [SYS/TEMP] x\r\n", ERR_TLS, "x", "STLS\r\n");
	check_stls("", "+ok\r\n", ERR_PROTOCOL, "STLS", "STLS\r\n");
	check_stls("", "+ go on\r\n", ERR_PROTOCOL, "STLS", "STLS\r\n");
	check_stls("", "+OK half", ERR_NETWORK, "STLS", "STLS\r\n");
	check_stls("", "", ERR_NETWORK, "STLS", "STLS\r\n");
	check_stls("", "+OK but gone\r\n", ERR_NETWORK, "STLS", "STLS\r\n");
}

static void
bytes_behind_the_reply_to_stls_are_an_injection(void **state)
{
	char many[4096] = "+OK\r\n";
	int i;

	(void)state;
	check_stls("", "+OK\r\n+OK injected\r\n", ERR_PROTOCOL, "injected",
		   "STLS\r\n");
	check_stls("", "+OK\r\nx", ERR_PROTOCOL, "not asked for", "STLS\r\n");
	for (i = 0; i < 64; i++)
		strcat(many, "+OK fake reply\r\n");
	check_stls("", many, ERR_PROTOCOL, "fake reply", "STLS\r\n");
}

static void
a_reply_to_stls_that_came_before_it_is_an_injection(void **state)
{
	(void)state;
	check_stls("+OK begin\r\n", "", ERR_PROTOCOL, "not asked for", "");
	check_stls("+", "", ERR_PROTOCOL, "not asked for", "");
}

/* --- commands --- */

static void
a_command_is_one_line_of_at_most_255_octets(void **state)
{
	char name[300], expected[400];
	struct session s;

	(void)state;
	greet(&s, "+OK\r\n");
	memset(name, 'u', sizeof(name));
	name[248] = '\0';
	assert_int_equal(pop3_command(s.p, &s.e, "USER %s", name), 0);
	assert_int_equal(pop3_outstanding(s.p), 1);
	name[248] = 'u';
	name[249] = '\0';
	assert_int_equal(pop3_command(s.p, &s.e, "USER %s", name), -1);
	assert_error(&s, ERR_CONFIG, "USER needs a line of 256 octets");
	assert_int_equal(pop3_outstanding(s.p), 1);
	fake_input_text(s.f, "+OK\r\n");
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
	name[248] = '\0';
	snprintf(expected, sizeof(expected), "USER %s\r\n", name);
	assert_int_equal(strlen(expected), POP3_COMMAND_MAX);
	close_session(&s, expected);
}

static void
a_secret_command_is_as_long_only_inside_an_exchange(void **state)
{
	uint8_t secret[70000];
	struct session s;
	size_t size;

	(void)state;
	greet(&s, "+OK\r\n");
	memset(secret, 's', sizeof(secret));
	assert_int_equal(pop3_secret_command(s.p, "PASS ", secret, 248, false,
					     &s.e),
			 0);
	assert_int_equal(pop3_secret_command(s.p, "PASS ", secret, 249, false,
					     &s.e),
			 -1);
	assert_error(&s, ERR_CONFIG, "PASS needs a line of 256 octets");
	assert_null(strstr(s.e.text, "ss"));
	assert_int_equal(pop3_secret_command(s.p, "", secret, sizeof(secret),
					     true, &s.e),
			 0);
	fake_input_text(s.f, "+OK\r\n-ERR\r\n");
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
	(void)fake_output(s.f, &size);
	assert_int_equal(size, 255 + 70002);
	close_session(&s, NULL);
}

static void
a_secret_that_nobody_could_send_is_refused(void **state)
{
	size_t size = 2 * STREAM_OUTPUT_MAX;
	uint8_t *secret = mem_alloc(size);
	struct session s;

	(void)state;
	memset(secret, 's', size);
	greet(&s, "+OK\r\n");
	assert_int_equal(pop3_secret_command(s.p, "", secret, size, true, &s.e),
			 -1);
	assert_error(&s, ERR_CONFIG, "too long");
	close_session(&s, "");
	free(secret);
}

/* It answers before it was heard. */
static void
long_secrets_that_a_server_does_not_take_are_refused(void **state)
{
	size_t size = STREAM_OUTPUT_MAX / 2;
	uint8_t *secret = mem_alloc(size);
	struct session s;

	(void)state;
	memset(secret, 's', size);
	greet(&s, "+OK\r\n");
	assert_int_equal(pop3_secret_command(s.p, "", secret, size, true, &s.e),
			 0);
	assert_int_equal(pop3_secret_command(s.p, "", secret, size, true, &s.e),
			 -1);
	assert_error(&s, ERR_CONFIG, "too long");
	assert_int_equal(pop3_command(s.p, &s.e, "*"), 0);
	close_session(&s, NULL);
	free(secret);
}

/* --- replies --- */

/* The reply to a command, of a server that has (or has not) told its
 * capabilities, with (or without) response codes. */
static void
answer(struct session *s, const char *line, bool known, bool resp_codes)
{
	struct capa c;

	greet(s, "+OK\r\n");
	capa_start(&c);
	c.known = known;
	c.resp_codes = resp_codes;
	pop3_set_capabilities(s->p, &c);
	fake_reply(s->f, "X\r\n", line);
	assert_int_equal(pop3_command(s->p, &s->e, "X"), 0);
	fake_end(s->f);
}

static void
check_reply(const char *line, enum pop3_status status, const char *text)
{
	struct session s;

	answer(&s, line, false, false);
	assert_int_equal(pop3_reply(s.p, true, &s.r, &s.e), 0);
	assert_int_equal(s.r.status, status);
	assert_bytes(s.r.text, s.r.text_size, text);
	close_session(&s, "X\r\n");
}

static void
a_reply_is_a_status_and_a_text(void **state)
{
	(void)state;
	check_reply("+OK\r\n", POP3_OK, "");
	check_reply("+OK \r\n", POP3_OK, "");
	check_reply("+OK x y\r\n", POP3_OK, "x y");
	check_reply("+OK  x\r\n", POP3_OK, " x");
	check_reply("+OK\tx\r\n", POP3_OK, "x");
	check_reply("+OK x\n", POP3_OK, "x");
	check_reply("+OK x\ry\r\n", POP3_OK, "x\ry");
	check_reply("-ERR\r\n", POP3_ERR, "");
	check_reply("-ERR no\r\n", POP3_ERR, "no");
	check_reply("+ERR no\r\n", POP3_ERR, "no");
	check_reply("+\r\n", POP3_CONTINUE, "");
	check_reply("+ \r\n", POP3_CONTINUE, "");
	check_reply("+ abc=\r\n", POP3_CONTINUE, "abc=");
}

static void
what_is_not_a_reply_is_a_protocol_error(void **state)
{
	static const char *const bad[] = {
		"+ok\r\n",   "+Ok x\r\n", "+OKx\r\n",	"-err\r\n", "-ERRx\r\n",
		"+ERRx\r\n", "-OK\r\n",	  "*\r\n",	"* OK\r\n", "OK\r\n",
		"\r\n",	     "\n",	  " +OK\r\n",	".\r\n",    "+abc\r\n",
		"-\r\n",     "- ERR\r\n", "\033[2J\r\n"
	};
	struct session s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		answer(&s, bad[i], false, false);
		assert_int_equal(pop3_reply(s.p, true, &s.r, &s.e), -1);
		assert_error(&s, ERR_PROTOCOL, "not a POP3 reply");
		close_session(&s, "X\r\n");
	}
}

static void
a_continuation_is_a_reply_only_where_one_may_come(void **state)
{
	struct session s;

	(void)state;
	answer(&s, "+ go on\r\n", false, false);
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), -1);
	assert_error(&s, ERR_PROTOCOL, "'+ go on'");
	close_session(&s, "X\r\n");
}

static void
a_reply_is_4096_octets_long_at_most(void **state)
{
	char line[POP3_REPLY_MAX + 4];
	struct session s;

	(void)state;
	memset(line, 'a', sizeof(line));
	memcpy(line, "+OK ", 4);
	memcpy(line + POP3_REPLY_MAX, "\r\n", 3);
	answer(&s, line, false, false);
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
	assert_int_equal(s.r.text_size, POP3_REPLY_MAX - 4);
	close_session(&s, "X\r\n");

	memcpy(line + POP3_REPLY_MAX, "a\r\n", 4);
	answer(&s, line, false, false);
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), -1);
	assert_int_equal(s.e.kind, ERR_PROTOCOL);
	close_session(&s, "X\r\n");
}

static void
a_reply_to_no_command_is_a_protocol_error(void **state)
{
	struct session s;

	(void)state;
	greet(&s, "+OK\r\n+OK\r\n");
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), -1);
	assert_int_equal(s.e.kind, ERR_PROTOCOL);
	close_session(&s, "");
}

static void
replies_to_many_queued_commands_come_in_order(void **state)
{
	struct session s;
	uint64_t count;
	int64_t total;
	unsigned i;

	(void)state;
	greet(&s, "+OK\r\n");
	for (i = 0; i < 64; i++)
		assert_int_equal(pop3_command(s.p, &s.e, "DELE %u", i), 0);
	assert_int_equal(pop3_outstanding(s.p), 64);
	for (i = 0; i < 64; i++) {
		char line[32];

		snprintf(line, sizeof(line), "%s %u 0\r\n",
			 i == 31 ? "-ERR" : "+OK", i);
		fake_input_text(s.f, line);
	}
	fake_dribble(s.f, 5);
	for (i = 0; i < 64; i++) {
		assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
		assert_int_equal(s.r.status, i == 31 ? POP3_ERR : POP3_OK);
		assert_true(pop3_parse_stat(&s.r, &count, &total));
		assert_int_equal(count, i);
		assert_int_equal(pop3_outstanding(s.p), 63 - i);
	}
	assert_int_equal(pop3_check_idle(s.p, &s.e), 0);
	close_session(&s, NULL);
}

/* --- response codes --- */

static void
check_code(const char *text, enum pop3_code announced, enum pop3_code unasked,
	   enum pop3_code unannounced)
{
	static const struct {
		bool known, resp_codes;
	} servers[] = { { true, true }, { false, false }, { true, false } };
	enum pop3_code expected[] = { announced, unasked, unannounced };
	struct session s;
	char line[200];
	size_t i;

	snprintf(line, sizeof(line), "-ERR %s\r\n", text);
	for (i = 0; i < sizeof(servers) / sizeof(*servers); i++) {
		answer(&s, line, servers[i].known, servers[i].resp_codes);
		assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
		if (s.r.code != expected[i])
			fail_msg("'%s' with server %zu gives code %d", text, i,
				 s.r.code);
		assert_bytes(s.r.text, s.r.text_size, text);
		close_session(&s, NULL);
	}
}

static void
response_codes_are_known_by_name_in_any_case(void **state)
{
	(void)state;
	check_code("[IN-USE] x", POP3_CODE_IN_USE, POP3_CODE_IN_USE, 0);
	check_code("[in-use] x", POP3_CODE_IN_USE, POP3_CODE_IN_USE, 0);
	check_code("[LOGIN-DELAY]", POP3_CODE_LOGIN_DELAY,
		   POP3_CODE_LOGIN_DELAY, 0);
	check_code("[Sys/Temp] x", POP3_CODE_SYS_TEMP, POP3_CODE_SYS_TEMP, 0);
	check_code("[SYS/PERM]x", POP3_CODE_SYS_PERM, POP3_CODE_SYS_PERM, 0);
	check_code("[AUTH] x", POP3_CODE_AUTH, POP3_CODE_AUTH, 0);
}

static void
response_codes_are_a_hierarchy(void **state)
{
	(void)state;
	check_code("[SYS/TEMP/DISK/FULL] x", POP3_CODE_SYS_TEMP,
		   POP3_CODE_SYS_TEMP, 0);
	check_code("[auth/locked] x", POP3_CODE_AUTH, POP3_CODE_AUTH, 0);
	check_code("[SYS/OTHER] x", POP3_CODE_SYS_TEMP, POP3_CODE_SYS_TEMP, 0);
	check_code("[SYS] x", POP3_CODE_SYS_TEMP, POP3_CODE_SYS_TEMP, 0);
	check_code("[SYS/PERMANENT] x", POP3_CODE_SYS_TEMP, POP3_CODE_SYS_TEMP,
		   0);
}

static void
a_rare_code_counts_only_when_codes_were_announced(void **state)
{
	(void)state;
	check_code("[UTF8] x", POP3_CODE_UTF8, 0, 0);
}

static void
what_is_not_a_code_is_text(void **state)
{
	(void)state;
	check_code("[AUTHX] x", 0, 0, 0);
	check_code("[XAUTH] x", 0, 0, 0);
	check_code("[AUTH x", 0, 0, 0);
	check_code("AUTH] x", 0, 0, 0);
	check_code(" [AUTH] x", 0, 0, 0);
	check_code("x [AUTH]", 0, 0, 0);
	check_code("[]", 0, 0, 0);
	check_code("[ AUTH]", 0, 0, 0);
	check_code("[", 0, 0, 0);
	check_code("[UNKNOWN/x] y", 0, 0, 0);
}

static void
what_old_servers_say_means_the_same(void **state)
{
	static const char *const in_use[] = {
		"lock busy",
		"Mailbox in use",
		"Your MAILBOX IS IN USE by another",
		"maildrop already in use",
		"mailbox locked",
		"can't open: Mailbox is locked",
		"maildrop already locked",
		"unable to lock maildrop"
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(in_use) / sizeof(*in_use); i++)
		check_code(in_use[i], POP3_CODE_IN_USE, POP3_CODE_IN_USE,
			   POP3_CODE_IN_USE);
	check_code("Busy. Try again later.", POP3_CODE_SYS_TEMP,
		   POP3_CODE_SYS_TEMP, POP3_CODE_SYS_TEMP);
	/* a code says it better */
	check_code("[AUTH] wrong, try again later", POP3_CODE_AUTH,
		   POP3_CODE_AUTH, POP3_CODE_SYS_TEMP);
}

static void
a_code_in_a_good_reply_means_nothing(void **state)
{
	struct session s;

	(void)state;
	answer(&s, "+OK [IN-USE] lock busy, try again later\r\n", true, true);
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
	assert_int_equal(s.r.code, POP3_CODE_NONE);
	close_session(&s, NULL);
}

static void
check_refusal(const char *text, enum err_kind kind, const char *shown)
{
	struct session s;
	char line[1000];

	snprintf(line, sizeof(line), "-ERR %s\r\n", text);
	answer(&s, line, true, true);
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
	assert_int_equal(pop3_refusal(&s.r, ERR_MESSAGE, &s.e), -1);
	assert_int_equal(s.e.kind, kind);
	assert_string_equal(s.e.text, shown);
	close_session(&s, NULL);
}

static void
a_refusal_becomes_an_error_of_the_right_kind(void **state)
{
	(void)state;
	check_refusal("[IN-USE] x", ERR_LATER,
		      "mailbox in use: server said: [IN-USE] x");
	check_refusal("[LOGIN-DELAY] x", ERR_LATER,
		      "logged in too soon after the last time: server said: "
		      "[LOGIN-DELAY] x");
	check_refusal("[SYS/TEMP] x", ERR_LATER, "server said: [SYS/TEMP] x");
	check_refusal("[SYS/PERM] x", ERR_UNAVAILABLE,
		      "server said: [SYS/PERM] x");
	check_refusal("[AUTH] x", ERR_LOGIN, "server said: [AUTH] x");
	check_refusal("no such message", ERR_MESSAGE,
		      "server said: no such message");
	check_refusal("", ERR_MESSAGE,
		      "server refused without giving a reason");
}

static void
the_text_of_a_refusal_is_safe_and_short(void **state)
{
	char text[500], shown[500] = "server said: ";

	(void)state;
	check_refusal("\033]52;c;x\007\342\200\256", ERR_MESSAGE,
		      "server said: \\x1b]52;c;x\\x07\\xe2\\x80\\xae");
	check_refusal("100% %s %n", ERR_MESSAGE, "server said: 100% %s %n");
	memset(text, 'a', sizeof(text));
	text[499] = '\0';
	memcpy(shown + strlen(shown), text, 200);
	check_refusal(text, ERR_MESSAGE, shown);
}

/* --- idle --- */

static void
input_that_nothing_asked_for_is_a_protocol_error(void **state)
{
	struct session s;

	(void)state;
	greet(&s, "+OK\r\n");
	assert_false(pop3_has_input(s.p));
	assert_int_equal(pop3_check_idle(s.p, &s.e), 0);
	fake_input_text(s.f, "+OK unasked\r\n");
	assert_int_equal(pop3_check_idle(s.p, &s.e), -1);
	assert_error(&s, ERR_PROTOCOL, "'+OK unasked");
	assert_true(pop3_has_input(s.p));
	close_session(&s, "");

	greet(&s, "+OK\r\n");
	fake_end(s.f);
	assert_int_equal(pop3_check_idle(s.p, &s.e), -1);
	assert_int_equal(s.e.kind, ERR_NETWORK);
	close_session(&s, "");
}

/* --- listings --- */

/* Reads a listing; its lines are joined with "|". */
static int
read_listing(struct session *s, struct buf *lines)
{
	const uint8_t *line;
	size_t size;
	bool end;

	for (;;) {
		if (pop3_list_line(s->p, &line, &size, &end, &s->e) != 0)
			return -1;
		if (end) {
			assert_int_equal(size, 0);
			return 0;
		}
		assert_true(buf_append(lines, line, size));
		assert_true(buf_byte(lines, '|'));
	}
}

static void
check_listing(const char *bytes, size_t size, const char *expected)
{
	struct session s;
	struct buf lines;
	size_t cut;

	for (cut = 0; cut <= size; cut++) {
		greet(&s, "+OK\r\n");
		/* at 0 a byte at a time */
		fake_dribble(s.f, cut == 0);
		fake_cut(s.f, cut + 5);
		fake_input(s.f, bytes, size);
		buf_init(&lines, 10000);
		assert_int_equal(read_listing(&s, &lines), 0);
		assert_false(pop3_has_input(s.p));
		assert_string_equal(buf_text(&lines), expected);
		buf_free(&lines);
		close_session(&s, "");
	}
}

static void
a_listing_is_lines_up_to_a_dot(void **state)
{
	static const char listing
		[] = "1 a\r\n2 b\r\n.\r\n",
	 odd[] = "\r\n..\r\n...\r\n.x\r\na.\r\n.\r\r\nb\rc\r\n \377\r\n.\r\n",
	 bare[] = "1 a\n2 b\r\n\n..\n.\r\n";

	(void)state;
	check_listing(".\r\n", 3, "");
	check_listing(listing, sizeof(listing) - 1, "1 a|2 b|");
	check_listing(odd, sizeof(odd) - 1, "|.|..|x|a.|\r|b\rc| \377|");
	check_listing(bare, sizeof(bare) - 1, "1 a|2 b||.|");
}

static void
check_bad_listing(const char *bytes, size_t size, enum err_kind kind)
{
	struct session s;
	struct buf lines;

	greet(&s, "+OK\r\n");
	fake_input(s.f, bytes, size);
	fake_end(s.f);
	buf_init(&lines, 1 << 20);
	assert_int_equal(read_listing(&s, &lines), -1);
	assert_int_equal(s.e.kind, kind);
	buf_free(&lines);
	close_session(&s, "");
}

static void
a_listing_never_ends_in_a_guess(void **state)
{
	(void)state;
	check_bad_listing("1 a\r\n.\n", 7, ERR_PROTOCOL);
	check_bad_listing("1 a\r\n.\n.\r\n", 10, ERR_PROTOCOL);
	check_bad_listing("1 a\r\n", 5, ERR_NETWORK);
	check_bad_listing("1 a\r\n.", 6, ERR_NETWORK);
	check_bad_listing("1 a\r\n.\r", 7, ERR_NETWORK);
	check_bad_listing("", 0, ERR_NETWORK);
}

static void
a_line_of_a_listing_is_bounded(void **state)
{
	char *line = mem_alloc(POP3_LINE_MAX + 10);
	struct session s;
	struct buf lines;

	(void)state;
	memset(line, 'a', POP3_LINE_MAX + 10);
	check_bad_listing(line, POP3_LINE_MAX + 10, ERR_PROTOCOL);
	line[POP3_LINE_MAX + 1] = '\n';
	check_bad_listing(line, POP3_LINE_MAX + 2, ERR_PROTOCOL);

	memcpy(line + POP3_LINE_MAX - 1, "\r\n.\r\n", 5);
	greet(&s, "+OK\r\n");
	fake_input(s.f, line, POP3_LINE_MAX + 4);
	buf_init(&lines, 1 << 20);
	assert_int_equal(read_listing(&s, &lines), 0);
	assert_int_equal(lines.len, POP3_LINE_MAX);
	buf_free(&lines);
	close_session(&s, "");
	free(line);
}

static void
a_million_lines_are_read_in_no_time(void **state)
{
	enum { LINES = 1000000 };
	struct session s;
	struct buf b;
	const uint8_t *line, *uid;
	size_t size, uid_size;
	uint32_t number, i;
	bool end = false;

	(void)state;
	buf_init(&b, 64 << 20);
	for (i = 1; i <= LINES; i++)
		assert_true(buf_format(&b, "%u uid%07u\r\n", i, i));
	assert_true(buf_append(&b, ".\r\n", 3));
	greet(&s, "+OK\r\n");
	fake_input(s.f, b.data, b.len);
	for (i = 1; i <= LINES; i++) {
		assert_int_equal(pop3_list_line(s.p, &line, &size, &end, &s.e),
				 0);
		if (end ||
		    !pop3_parse_uid(line, size, &number, &uid, &uid_size) ||
		    number != i || uid_size != 10)
			fail_msg("line %u: '%.*s'", i, (int)size,
				 (const char *)line);
	}
	assert_int_equal(pop3_list_line(s.p, &line, &size, &end, &s.e), 0);
	assert_true(end);
	buf_free(&b);
	close_session(&s, "");
}

/* --- bodies --- */

static void
read_body(struct session *s, struct body *b, struct buf *message,
	  size_t out_size)
{
	uint8_t out[64];
	size_t written;

	body_start(b);
	while (!b->ended) {
		assert_int_equal(pop3_body(s->p, b, out, out_size, &written,
					   &s->e),
				 0);
		assert_true(written > 0 || b->ended);
		assert_true(buf_append(message, out, written));
	}
}

static void
messages_are_decoded_however_they_arrive(void **state)
{
	static const char wire[] = "Subject: a\r\n\r\n..dot\r\n\r\n.\r\n",
			  text[] = "Subject: a\n\n.dot\n\n";
	struct session s;
	struct buf message;
	struct body b;
	size_t cut, out_size;

	(void)state;
	for (cut = 0; cut < sizeof(wire); cut++)
		for (out_size = BODY_OUT_MIN; out_size <= 64; out_size += 15) {
			greet(&s, "+OK\r\n");
			fake_dribble(s.f, cut == 0);
			fake_cut(s.f, cut + 5);
			fake_input_text(s.f, wire);
			fake_input_text(s.f, "+OK next\r\n");
			buf_init(&message, 1000);
			read_body(&s, &b, &message, out_size);
			assert_string_equal(buf_text(&message), text);
			assert_int_equal(b.octets, 22);
			/* the next reply is still there */
			assert_int_equal(pop3_command(s.p, &s.e, "NOOP"), 0);
			assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
			assert_bytes(s.r.text, s.r.text_size, "next");
			buf_free(&message);
			close_session(&s, NULL);
		}
}

static void
a_message_that_breaks_off_is_a_network_error_everywhere(void **state)
{
	static const char wire[] = "a\r\n..\r\n.\r\n";
	struct session s;
	struct body b;
	uint8_t out[64];
	size_t size, written;
	int result;

	(void)state;
	for (size = 0; size < sizeof(wire) - 1; size++) {
		greet(&s, "+OK\r\n");
		fake_input(s.f, wire, size);
		fake_end(s.f);
		body_start(&b);
		do
			result = pop3_body(s.p, &b, out, sizeof(out), &written,
					   &s.e);
		while (result == 0 && !b.ended);
		assert_int_equal(result, -1);
		assert_false(b.ended);
		assert_error(&s, ERR_NETWORK, "");
		close_session(&s, "");
	}
}

/* --- trace, secrets --- */

static void
the_trace_shows_lines_but_no_secret_listing_or_message(void **state)
{
	struct session s;
	struct buf lines;

	(void)state;
	greet(&s, "+OK hi\r\n");
	fake_reply(s.f, "CAPA\r\n", "+OK\r\nTOP\r\n.\r\n");
	fake_reply(s.f, "PASS hunter2\r\n", "+OK in\r\n");
	fake_reply(s.f, "UIDL\r\n", "+OK\r\n1 a\r\n.\r\n");
	assert_int_equal(pop3_capa(s.p, &s.e), 0);
	assert_int_equal(pop3_secret_command(s.p, "PASS ",
					     (const uint8_t *)"hunter2", 7,
					     false, &s.e),
			 0);
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
	assert_int_equal(pop3_command(s.p, &s.e, "UIDL"), 0);
	assert_int_equal(pop3_reply(s.p, false, &s.r, &s.e), 0);
	buf_init(&lines, 100);
	assert_int_equal(read_listing(&s, &lines), 0);
	buf_free(&lines);
	assert_string_equal(buf_text(&s.trace),
			    "< +OK hi\n> CAPA\n< +OK\n"
			    "< TOP\n> PASS ***\n< +OK in\n> UIDL\n< +OK\n");
	close_session(&s, "CAPA\r\nPASS hunter2\r\nUIDL\r\n");
}

static void
a_secret_that_the_server_repeats_is_not_shown(void **state)
{
	static const char *const replies[] = { "-ERR unknown: PASS hunter2",
					       "hunter2", "+OK hunter2",
					       "-ERR hunter2 [AUTH]" };
	struct session s;
	char line[100];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(replies) / sizeof(*replies); i++) {
		greet(&s, "+OK\r\n");
		snprintf(line, sizeof(line), "%s\r\n", replies[i]);
		fake_reply(s.f, "PASS hunter2\r\n", line);
		assert_int_equal(pop3_secret_command(s.p, "PASS ",
						     (const uint8_t *)"hunter2",
						     7, false, &s.e),
				 0);
		if (pop3_reply(s.p, false, &s.r, &s.e) == 0) {
			assert_true(s.r.text_size > 0);
			pop3_mask(s.p, &s.r.text, &s.r.text_size);
			pop3_refusal(&s.r, ERR_LOGIN, &s.e);
		}
		assert_null(strstr(s.e.text, "hunter"));
		assert_null(strstr(buf_text(&s.trace), "hunter"));
		close_session(&s, "PASS hunter2\r\n");
	}
}

/* --- numbers --- */

static struct pop3_reply
reply_text(const char *text)
{
	struct pop3_reply r = { .text = (const uint8_t *)text,
				.text_size = strlen(text) };

	return r;
}

static void
stat_is_two_numbers_and_anything(void **state)
{
	static const char *const bad[] = { "",	    "a b",
					   "x 2",   "-1 2",
					   "2,3",   "0x1 2",
					   "1.0 2", "18446744073709551616 1" };
	static const char *const count_only[] = { "2",
						  "2 ",
						  "2 x",
						  "2 -1",
						  "2 320octets",
						  "2 messages (320 octets)",
						  "2 octets 320",
						  "2 99999999999999999999" };
	struct pop3_reply r = reply_text("2 320");
	uint64_t count;
	int64_t total;
	size_t i;

	(void)state;
	assert_true(pop3_parse_stat(&r, &count, &total));
	assert_int_equal(count, 2);
	assert_int_equal(total, 320);
	r = reply_text("0 0 messages");
	assert_true(pop3_parse_stat(&r, &count, &total));
	assert_int_equal(count, 0);
	r = reply_text("  1000000000\t9223372036854775807 (x) y");
	assert_true(pop3_parse_stat(&r, &count, &total));
	assert_int_equal(count, 1000000000);
	assert_int_equal(total, INT64_MAX);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		r = reply_text(bad[i]);
		assert_false(pop3_parse_stat(&r, &count, &total));
	}
	for (i = 0; i < sizeof(count_only) / sizeof(*count_only); i++) {
		r = reply_text(count_only[i]);
		assert_true(pop3_parse_stat(&r, &count, &total));
		assert_int_equal(count, 2);
		assert_int_equal(total, -1);
	}
}

static void
sizes_of_a_listing_are_hints(void **state)
{
	static const struct {
		const char *line;
		uint32_t number;
		int64_t octets;
	} good[] = {
		{ "1 120", 1, 120 },
		{ "1 120 more", 1, 120 },
		{ "7 0", 7, 0 },
		{ " 1  2 ", 1, 2 },
		{ "4294967295 1", UINT32_MAX, 1 },
		{ "1 9223372036854775807", 1, INT64_MAX },
		{ "1 9223372036854775808", 1, -1 },
		{ "1 -1", 1, -1 },
		{ "1 0x10", 1, -1 },
		{ "1", 1, -1 },
		{ "1 ", 1, -1 },
		{ "1 a", 1, -1 },
		{ "0 5", 0, 5 },
	};
	static const char *const bad[] = {
		"", " ", "a", "-1 2", "4294967296 1", "1a 2", "+1 2", "120,"
	};
	uint32_t number;
	int64_t octets;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(pop3_parse_size((const uint8_t *)good[i].line,
					    strlen(good[i].line), &number,
					    &octets));
		assert_int_equal(number, good[i].number);
		assert_true(octets == good[i].octets);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(pop3_parse_size((const uint8_t *)bad[i],
					     strlen(bad[i]), &number, &octets));
}

static void
check_uid(const char *line, size_t size, uint32_t number, const char *uid,
	  size_t uid_size)
{
	const uint8_t *got;
	uint32_t n;
	size_t got_size;

	assert_true(pop3_parse_uid((const uint8_t *)line, size, &n, &got,
				   &got_size));
	assert_int_equal(n, number);
	assert_int_equal(got_size, uid_size);
	if (uid_size > 0)
		assert_memory_equal(got, uid, uid_size);
}

static void
a_uid_is_all_the_rest_of_the_line(void **state)
{
	static const size_t sizes[] = { 70,  71,  127,	128,  129,
					255, 500, 4000, 60000 };
	static const char *const odd[] = {
		"../../x",  "/etc/passwd", "a/b",      ".",	 "%n%s",
		"\303\244", "\200\377",	   "\001\037", "a b  c", "[]\"'"
	};
	static const char *const bad[] = { "", "x", "1x y", "-1 a",
					   "4294967296 a" };
	char line[60100];
	const uint8_t *uid;
	size_t i, uid_size;
	uint32_t number;

	(void)state;
	check_uid("1 abc", 5, 1, "abc", 3);
	check_uid("1    abc", 8, 1, "abc", 3);
	check_uid("1\tabc  ", 7, 1, "abc", 3);
	check_uid("1", 1, 1, "", 0);
	check_uid("1 ", 2, 1, "", 0);
	check_uid("1 a\0b", 5, 1, "a\0b", 3);
	for (i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		int size = snprintf(line, sizeof(line), "12 %s", odd[i]);

		check_uid(line, (size_t)size, 12, odd[i], strlen(odd[i]));
	}
	memset(line, 'u', sizeof(line));
	memcpy(line, "12 ", 3);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		check_uid(line, sizes[i] + 3, 12, line + 3, sizes[i]);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(pop3_parse_uid((const uint8_t *)bad[i],
					    strlen(bad[i]), &number, &uid,
					    &uid_size));
}

/* --- misuse --- */

static void
command_with_line_end(struct pop3 *p)
{
	struct err e = ERR_INIT;

	(void)pop3_command(p, &e, "USER %s", "jane\r\nDELE 1");
}

static void
secret_with_line_end(struct pop3 *p)
{
	struct err e = ERR_INIT;

	(void)pop3_secret_command(p, "PASS ", (const uint8_t *)"a\nb", 3, false,
				  &e);
}

static void
assert_aborts(struct pop3 *p, void (*misuse)(struct pop3 *))
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		misuse(p);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
a_line_end_in_an_argument_never_gets_out(void **state)
{
	struct session s;

	(void)state;
	greet(&s, "+OK\r\n");
	assert_aborts(s.p, command_with_line_end);
	assert_aborts(s.p, secret_with_line_end);
	close_session(&s, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_may_be_bare_or_long),
		cmocka_unit_test(the_challenge_of_the_greeting_is_found),
		cmocka_unit_test(a_challenge_that_is_no_message_id_is_none),
		cmocka_unit_test(a_greeting_of_another_protocol_is_refused),
		cmocka_unit_test(a_server_that_says_no_at_once_is_tried_later),
		cmocka_unit_test(
			a_server_that_speaks_tls_from_the_start_is_told_apart),
		cmocka_unit_test(
			a_connection_that_ends_or_is_silent_is_a_network_error),
		cmocka_unit_test(capabilities_are_asked_and_understood),
		cmocka_unit_test(a_server_without_capa_is_fine),
		cmocka_unit_test(
			an_endless_capability_list_is_a_protocol_error),
		cmocka_unit_test(after_stls_the_stream_goes_back_to_the_caller),
		cmocka_unit_test(stls_that_is_refused_or_broken_is_an_error),
		cmocka_unit_test(
			bytes_behind_the_reply_to_stls_are_an_injection),
		cmocka_unit_test(
			a_reply_to_stls_that_came_before_it_is_an_injection),
		cmocka_unit_test(a_command_is_one_line_of_at_most_255_octets),
		cmocka_unit_test(
			a_secret_command_is_as_long_only_inside_an_exchange),
		cmocka_unit_test(a_secret_that_nobody_could_send_is_refused),
		cmocka_unit_test(
			long_secrets_that_a_server_does_not_take_are_refused),
		cmocka_unit_test(a_reply_is_a_status_and_a_text),
		cmocka_unit_test(what_is_not_a_reply_is_a_protocol_error),
		cmocka_unit_test(
			a_continuation_is_a_reply_only_where_one_may_come),
		cmocka_unit_test(a_reply_is_4096_octets_long_at_most),
		cmocka_unit_test(a_reply_to_no_command_is_a_protocol_error),
		cmocka_unit_test(replies_to_many_queued_commands_come_in_order),
		cmocka_unit_test(response_codes_are_known_by_name_in_any_case),
		cmocka_unit_test(response_codes_are_a_hierarchy),
		cmocka_unit_test(
			a_rare_code_counts_only_when_codes_were_announced),
		cmocka_unit_test(what_is_not_a_code_is_text),
		cmocka_unit_test(what_old_servers_say_means_the_same),
		cmocka_unit_test(a_code_in_a_good_reply_means_nothing),
		cmocka_unit_test(a_refusal_becomes_an_error_of_the_right_kind),
		cmocka_unit_test(the_text_of_a_refusal_is_safe_and_short),
		cmocka_unit_test(
			input_that_nothing_asked_for_is_a_protocol_error),
		cmocka_unit_test(a_listing_is_lines_up_to_a_dot),
		cmocka_unit_test(a_listing_never_ends_in_a_guess),
		cmocka_unit_test(a_line_of_a_listing_is_bounded),
		cmocka_unit_test(a_million_lines_are_read_in_no_time),
		cmocka_unit_test(messages_are_decoded_however_they_arrive),
		cmocka_unit_test(
			a_message_that_breaks_off_is_a_network_error_everywhere),
		cmocka_unit_test(
			the_trace_shows_lines_but_no_secret_listing_or_message),
		cmocka_unit_test(a_secret_that_the_server_repeats_is_not_shown),
		cmocka_unit_test(stat_is_two_numbers_and_anything),
		cmocka_unit_test(sizes_of_a_listing_are_hints),
		cmocka_unit_test(a_uid_is_all_the_rest_of_the_line),
		cmocka_unit_test(a_line_end_in_an_argument_never_gets_out),
	};

	return cmocka_run_group_tests_name("pop3", tests, NULL, NULL);
}
