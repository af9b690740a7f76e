/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Tests of auth: which login is chosen, the exact bytes it sends, and what
 * becomes of refusals.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "fake_transport.h"
#include "pop3/auth.h"
#include "pop3/sasl.h"

enum { TIMEOUT_MS = 200, TRACE_MAX = 1 << 20, NEVER_SET = 99 };

/* "\0tim\0tanstaaftanstaaf" (RFC 4616 section 4) */
#define TIM_PLAIN    "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"
/* "tim", "tanstaaftanstaaf" */
#define TIM_USER     "dGlt"
#define TIM_PASSWORD "dGFuc3RhYWZ0YW5zdGFhZg=="
/* "user=tim\1auth=Bearer tanstaaftanstaaf\1\1" */
#define TIM_XOAUTH2  "dXNlcj10aW0BYXV0aD1CZWFyZXIgdGFuc3RhYWZ0YW5zdGFhZgEB"
/* "n,a=tim,\1host=pop.example.org\1port=995\1auth=Bearer tan...\1\1" */
#define TIM_OAUTHBEARER                                        \
	"bixhPXRpbSwBaG9zdD1wb3AuZXhhbXBsZS5vcmcBcG9ydD05OTUB" \
	"YXV0aD1CZWFyZXIgdGFuc3RhYWZ0YW5zdGFhZgEB"

struct session {
	struct fake *f;
	struct pop3 *p;
	struct buf trace;
	struct err e;
	struct auth_settings set;
	struct secret *secret;
	enum auth_method used;
};

static void
note(void *arg, bool out, const void *text, size_t size)
{
	struct buf *b = arg;

	assert_true(buf_append(b, out ? "> " : "< ", 2));
	assert_true(buf_append(b, text, size));
	assert_true(buf_byte(b, '\n'));
}

static void
set_secret(struct session *s, const void *bytes, size_t size)
{
	secret_free(&s->secret);
	s->secret = secret_new(bytes, size);
	s->set.secret = s->secret;
}

/* tim, over TLS, with a server that says these capabilities (lines between
 * blanks; NULL: it has no CAPA). */
static void
open_session(struct session *s, const char *greeting, const char *capa)
{
	struct stream *stream;
	struct capa c;
	char *copy = mem_string(capa), *line, *rest = NULL;

	memset(s, 0, sizeof(*s));
	s->f = fake_new();
	buf_init(&s->trace, TRACE_MAX);
	stream_new(&stream, fake_transport(s->f), TIMEOUT_MS, CLOCK_NEVER);
	pop3_new(&s->p, stream, note, &s->trace);
	fake_input_text(s->f, greeting);
	assert_int_equal(pop3_greeting(s->p, &s->e), 0);
	capa_start(&c);
	c.known = capa;
	for (line = copy ? strtok_r(copy, "|", &rest) : NULL; line;
	     line = strtok_r(NULL, "|", &rest))
		capa_line(&c, (const uint8_t *)line, strlen(line));
	free(copy);
	pop3_set_capabilities(s->p, &c);
	s->set = (struct auth_settings){ .method = AUTH_AUTO,
					 .user = "tim",
					 .host = "pop.example.org",
					 .port = 995,
					 .encrypted = true };
	set_secret(s, "tanstaaftanstaaf", 16);
	s->used = (enum auth_method)NEVER_SET;
}

static void
assert_sent(struct session *s, const char *expected)
{
	size_t size;
	const char *sent = fake_output(s->f, &size);

	assert_int_equal(size, strlen(sent));
	assert_string_equal(sent, expected);
}

/* No secret, in clear or in base64, may be in trace or error text. */
static void
assert_discreet(struct session *s)
{
	static const char *const secrets[] = {
		"tanstaaf",  TIM_PLAIN,	      TIM_PASSWORD,
		TIM_XOAUTH2, TIM_OAUTHBEARER, "c4c9334bac56"
	};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
		assert_null(strstr(buf_text(&s->trace), secrets[i]));
		assert_null(strstr(s->e.text, secrets[i]));
	}
}

static void
close_session(struct session *s, const char *expected)
{
	pop3_free(&s->p);
	assert_true(fake_is_freed(s->f));
	assert_sent(s, expected);
	assert_discreet(s);
	fake_free(s->f);
	buf_free(&s->trace);
	secret_free(&s->secret);
}

static int
login(struct session *s)
{
	bool whole;

	if (auth_send(s->p, &s->set, &s->used, &whole, &s->e) != 0)
		return -1;
	return auth_receive(s->p, &s->set, s->used, whole, &s->e);
}

static void
login_works(struct session *s, enum auth_method used)
{
	if (login(s) != 0)
		fail_msg("login fails: %s", s->e.text);
	assert_int_equal(s->used, used);
	assert_int_equal(pop3_outstanding(s->p), 0);
}

static void
login_fails(struct session *s, enum err_kind kind, const char *part)
{
	assert_int_equal(login(s), -1);
	if (s->e.kind != kind || !strstr(s->e.text, part))
		fail_msg("error %d '%s' where %d '%s' was expected", s->e.kind,
			 s->e.text, kind, part);
	assert_int_not_equal(s->used, NEVER_SET);
}

/* What a mechanism answers first, in base64. */
static struct secret *
first_line(struct session *s, sasl_step *step)
{
	struct sasl_exchange x = { .settings = &s->set };
	struct secret *answer, *line;
	struct buf nothing;

	buf_init(&nothing, 0);
	assert_int_equal(step(&x, &nothing, &answer, &s->e), 0);
	line = secret_base64(secret_bytes(answer), secret_size(answer));
	secret_free(&answer);
	return line;
}

static void
the_names_stand_in_the_order_of_the_methods(void **state)
{
	(void)state;
	assert_string_equal(method_table[AUTH_AUTO].word, "auto");
	assert_string_equal(method_table[AUTH_USER].word, "user");
	assert_string_equal(method_table[AUTH_PLAIN].word, "plain");
	assert_string_equal(method_table[AUTH_LOGIN].word, "login");
	assert_string_equal(method_table[AUTH_APOP].word, "apop");
	assert_string_equal(method_table[AUTH_XOAUTH2].word, "xoauth2");
	assert_string_equal(method_table[AUTH_OAUTHBEARER].word, "oauthbearer");
}

/* --- USER and PASS --- */

static void
user_and_pass_are_two_lines_in_two_flights(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "USER|TOP|UIDL");
	fake_reply(s.f, "USER tim\r\n", "+OK\r\n");
	fake_reply(s.f, "PASS tanstaaftanstaaf\r\n", "+OK 2 messages\r\n");
	login_works(&s, AUTH_USER);
	assert_string_equal(buf_text(&s.trace),
			    "< +OK\n> USER tim\n< +OK\n"
			    "> PASS ***\n< +OK 2 messages\n");
	close_session(&s, "USER tim\r\nPASS tanstaaftanstaaf\r\n");
}

static void
a_password_with_blanks_goes_as_it_is(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	set_secret(&s, " a  b\tc \377", 9);
	fake_reply(s.f, "USER tim\r\n", "+OK\r\n");
	fake_reply(s.f, "PASS  a  b\tc \377\r\n", "+OK\r\n");
	login_works(&s, AUTH_USER);
	close_session(&s, "USER tim\r\nPASS  a  b\tc \377\r\n");
}

static void
a_user_name_goes_as_it_is(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	s.set.user = "recent:jane%s@example.org";
	fake_reply(s.f, "USER recent:jane%s@example.org\r\n", "+OK\r\n");
	fake_reply(s.f, "PASS tanstaaftanstaaf\r\n", "+OK\r\n");
	login_works(&s, AUTH_USER);
	close_session(&s, "USER recent:jane%s@example.org\r\n"
			  "PASS tanstaaftanstaaf\r\n");
}

static void
a_refused_user_sends_no_password(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	fake_reply(s.f, "USER tim\r\n", "-ERR never heard of him\r\n");
	login_fails(&s, ERR_LOGIN,
		    "login refused, check user name and password: "
		    "server said: never heard of him");
	close_session(&s, "USER tim\r\n");
}

static void
a_reply_sent_ahead_of_the_password_stops_it(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	fake_reply(s.f, "USER tim\r\n", "+OK\r\n+OK logged in\r\n");
	login_fails(&s, ERR_PROTOCOL, "not asked for");
	close_session(&s, "USER tim\r\n");
}

static void
a_continuation_is_no_reply_to_user(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	fake_reply(s.f, "USER tim\r\n", "+ password please\r\n");
	login_fails(&s, ERR_PROTOCOL, "password please");
	close_session(&s, "USER tim\r\n");
}

/* --- refusals --- */

static void
check_refusal(const char *capa, const char *reply, enum err_kind kind,
	      const char *text)
{
	struct session s;

	open_session(&s, "+OK\r\n", capa);
	s.set.method = AUTH_USER;
	fake_reply(s.f, "USER tim\r\n", "+OK\r\n");
	fake_reply(s.f, "PASS tanstaaftanstaaf\r\n", reply);
	login_fails(&s, kind, "");
	assert_string_equal(s.e.text, text);
	close_session(&s, "USER tim\r\nPASS tanstaaftanstaaf\r\n");
}

static void
a_refused_login_says_what_to_check_whatever_the_server_says(void **state)
{
	(void)state;
	check_refusal("USER|AUTH-RESP-CODE", "-ERR [AUTH] no\r\n", ERR_LOGIN,
		      "login refused, check user name and password: "
		      "server said: [AUTH] no");
	check_refusal("USER|AUTH-RESP-CODE", "-ERR no\r\n", ERR_LOGIN,
		      "login refused, check user name and password: "
		      "server said: no");
	check_refusal("USER", "-ERR [AUTH] no\r\n", ERR_LOGIN,
		      "login refused, check user name and password: "
		      "server said: [AUTH] no");
	check_refusal(NULL, "-ERR\r\n", ERR_LOGIN,
		      "login refused, check user name and password: "
		      "server refused without giving a reason");
}

static void
what_is_not_the_users_fault_is_no_refused_login(void **state)
{
	(void)state;
	check_refusal("USER|RESP-CODES", "-ERR [IN-USE] x\r\n", ERR_LATER,
		      "mailbox in use: server said: [IN-USE] x");
	check_refusal("USER|RESP-CODES", "-ERR [LOGIN-DELAY] x\r\n",
		      ERR_TROUBLE,
		      "logged in too soon after the last time: "
		      "server said: [LOGIN-DELAY] x");
	check_refusal("USER|RESP-CODES", "-ERR [SYS/TEMP] x\r\n", ERR_TROUBLE,
		      "server said: [SYS/TEMP] x");
	check_refusal("USER|RESP-CODES", "-ERR [SYS/PERM] x\r\n",
		      ERR_UNAVAILABLE, "server said: [SYS/PERM] x");
	check_refusal(NULL, "-ERR lock busy\r\n", ERR_LATER,
		      "mailbox in use: server said: lock busy");
	check_refusal("USER|RESP-CODES",
		      "-ERR [AUTH] temporarily unavailable\r\n", ERR_TROUBLE,
		      "server said: [AUTH] temporarily unavailable");
	check_refusal(NULL, "-ERR too many logins\r\n", ERR_TROUBLE,
		      "server said: too many logins");
	check_refusal(NULL, "-ERR bad password, try again later\r\n", ERR_LOGIN,
		      "login refused, check user name and password: "
		      "server said: bad password, try again later");
}

static void
what_was_not_understood_is_no_refused_login(void **state)
{
	(void)state;
	check_refusal(NULL, "-ERR unknown command\r\n", ERR_UNAVAILABLE,
		      "USER and PASS: server said: unknown command");
	check_refusal("USER|SASL CRAM-MD5|AUTH-RESP-CODE",
		      "-ERR [AUTH] Unsupported authentication mechanism.\r\n",
		      ERR_UNAVAILABLE,
		      "USER and PASS: server said: [AUTH] Unsupported "
		      "authentication mechanism.");
	/* a code has more to say */
	check_refusal("USER|RESP-CODES", "-ERR [AUTH] not supported\r\n",
		      ERR_LOGIN,
		      "login refused, check user name and password: server "
		      "said: [AUTH] not supported");
	check_refusal("USER|SASL CRAM-MD5|RESP-CODES",
		      "-ERR [AUTH] syntax of the password is wrong\r\n",
		      ERR_LOGIN,
		      "login refused, check user name and password: server "
		      "said: [AUTH] syntax of the password is wrong");
	check_refusal("TOP|SASL CRAM-MD5", "-ERR no\r\n", ERR_LOGIN,
		      "login refused, check user name and password: server "
		      "said: no");
}

/* What was asked for was no more than a guess. */
static void
a_server_that_does_not_announce_user_may_just_not_have_it(void **state)
{
	static const struct {
		const char *capa, *reply;
		enum err_kind kind;
	} cases[] = {
		{ "TOP|SASL CRAM-MD5", "-ERR no USER here\r\n",
		  ERR_UNAVAILABLE },
		{ "TOP|SASL CRAM-MD5", "-ERR\r\n", ERR_UNAVAILABLE },
		{ "TOP|SASL CRAM-MD5", "-ERR no such user\r\n", ERR_LOGIN },
		{ "TOP|RESP-CODES", "-ERR [AUTH] no\r\n", ERR_LOGIN },
		{ "TOP|RESP-CODES", "-ERR [IN-USE] x\r\n", ERR_LATER },
		{ "TOP|USER|SASL CRAM-MD5", "-ERR no\r\n", ERR_LOGIN },
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		open_session(&s, "+OK\r\n", cases[i].capa);
		fake_reply(s.f, "USER tim\r\n", cases[i].reply);
		login_fails(&s, cases[i].kind, "");
		close_session(&s, "USER tim\r\n");
	}
}

static void
a_password_that_the_server_repeats_stays_secret(void **state)
{
	(void)state;
	check_refusal(NULL, "-ERR what is PASS tanstaaftanstaaf?\r\n",
		      ERR_LOGIN,
		      "login refused, check user name and password: server "
		      "said: *** (hidden: it repeats a secret)");
}

/* --- PLAIN --- */

static void
plain_goes_in_one_line_when_it_fits(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK <a@b>\r\n", "USER|SASL LOGIN PLAIN");
	fake_reply(s.f, "AUTH PLAIN " TIM_PLAIN "\r\n", "+OK\r\n");
	login_works(&s, AUTH_PLAIN);
	assert_string_equal(buf_text(&s.trace),
			    "< +OK <a@b>\n> AUTH PLAIN ***\n< +OK\n");
	close_session(&s, "AUTH PLAIN " TIM_PLAIN "\r\n");
}

static void
plain_without_a_sasl_list_goes_in_two_lines(void **state)
{
	static const char *const invitations[] = { "+ \r\n", "+\r\n",
						   "+ Z28gYWhlYWQ=\r\n" };
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(invitations) / sizeof(*invitations);
	     i++) {
		open_session(&s, "+OK\r\n", i ? NULL : "USER");
		s.set.method = AUTH_PLAIN;
		fake_reply(s.f, "AUTH PLAIN\r\n", invitations[i]);
		fake_reply(s.f, TIM_PLAIN "\r\n", "+OK\r\n");
		login_works(&s, AUTH_PLAIN);
		close_session(&s, "AUTH PLAIN\r\n" TIM_PLAIN "\r\n");
	}
}

/* "AUTH PLAIN ", 240 octets of base64 (180 bytes of message) and CRLF are 253;
 * four more are too many. */
static void
plain_beyond_255_octets_goes_in_two_lines(void **state)
{
	enum { FITS = 180 - 2 - 3 };
	char *password = mem_alloc(FITS + 2), *expected;
	struct secret *encoded;
	struct session s;

	(void)state;
	memset(password, 'x', FITS + 1);
	for (int more = 0; more < 2; more++) {
		open_session(&s, "+OK\r\n", "SASL PLAIN");
		set_secret(&s, password, FITS + (size_t)more);
		encoded = first_line(&s, sasl_plain);
		expected = mem_format("AUTH PLAIN%s%s\r\n", more ? "\r\n" : " ",
				      secret_bytes(encoded));
		if (more) {
			fake_reply(s.f, "AUTH PLAIN\r\n", "+ \r\n");
			fake_reply(s.f, expected + 12, "+OK\r\n");
		} else {
			assert_int_equal(strlen(expected), 253);
			fake_reply(s.f, expected, "+OK\r\n");
		}
		login_works(&s, AUTH_PLAIN);
		close_session(&s, expected);
		free(expected);
		secret_free(&encoded);
	}
	free(password);
}

static void
a_refused_plain_is_not_followed_by_another_try(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK <a@b>\r\n",
		     "USER|SASL PLAIN LOGIN|AUTH-RESP-CODE");
	fake_reply(s.f, "AUTH PLAIN " TIM_PLAIN "\r\n", "-ERR [AUTH] x\r\n");
	login_fails(&s, ERR_LOGIN, "check user name and password");
	close_session(&s, "AUTH PLAIN " TIM_PLAIN "\r\n");
}

static void
a_mechanism_refused_before_the_password_is_missing(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	s.set.method = AUTH_PLAIN;
	fake_reply(s.f, "AUTH PLAIN\r\n", "-ERR unknown command\r\n");
	login_fails(&s, ERR_UNAVAILABLE,
		    "AUTH PLAIN: server said: unknown command");
	close_session(&s, "AUTH PLAIN\r\n");
}

static void
a_login_accepted_before_it_is_complete_is_a_protocol_error(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	s.set.method = AUTH_PLAIN;
	fake_reply(s.f, "AUTH PLAIN\r\n", "+OK welcome\r\n");
	login_fails(&s, ERR_PROTOCOL, "not complete");
	close_session(&s, "AUTH PLAIN\r\n");
}

/* --- LOGIN --- */

static void
login_answers_two_prompts_whatever_they_say(void **state)
{
	static const char *const prompts[][2] = {
		{ "+ VXNlcm5hbWU6\r\n", "+ UGFzc3dvcmQ6\r\n" },
		{ "+ UGFzc3dvcmQ6\r\n", "+ VXNlcm5hbWU6\r\n" },
		{ "+\r\n", "+ \r\n" },
		{ "+ /+A=\r\n", "+ AAAA\r\n" },
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(prompts) / sizeof(*prompts); i++) {
		open_session(&s, "+OK\r\n", "USER|SASL LOGIN");
		fake_reply(s.f, "AUTH LOGIN\r\n", prompts[i][0]);
		fake_reply(s.f, TIM_USER "\r\n", prompts[i][1]);
		fake_reply(s.f, TIM_PASSWORD "\r\n", "+OK\r\n");
		login_works(&s, AUTH_LOGIN);
		close_session(&s, "AUTH LOGIN\r\n" TIM_USER "\r\n" TIM_PASSWORD
				  "\r\n");
	}
}

static void
login_stops_when_the_user_is_refused(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "SASL LOGIN");
	fake_reply(s.f, "AUTH LOGIN\r\n", "+ VXNlcm5hbWU6\r\n");
	fake_reply(s.f, TIM_USER "\r\n", "-ERR who?\r\n");
	login_fails(&s, ERR_LOGIN, "who?");
	close_session(&s, "AUTH LOGIN\r\n" TIM_USER "\r\n");
}

static void
a_third_prompt_is_cancelled(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "SASL LOGIN");
	fake_reply(s.f, "AUTH LOGIN\r\n", "+ VXNlcm5hbWU6\r\n");
	fake_reply(s.f, TIM_USER "\r\n", "+ UGFzc3dvcmQ6\r\n");
	fake_reply(s.f, TIM_PASSWORD "\r\n", "+ UElOOg==\r\n");
	fake_reply(s.f, "*\r\n", "-ERR cancelled\r\n");
	login_fails(&s, ERR_PROTOCOL, "challenge after the last response");
	close_session(&s, "AUTH LOGIN\r\n" TIM_USER "\r\n" TIM_PASSWORD
			  "\r\n*\r\n");
}

static void
a_challenge_that_is_no_base64_is_cancelled(void **state)
{
	static const char *const bad[] = { "Username:", "VXNlcm5hbWU",
					   "=",		"VXN=cm5h",
					   "VXNl cm5h", "VXNlcm5hbWU6 ",
					   "VX\200l" };
	struct session s;
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		open_session(&s, "+OK\r\n", "SASL LOGIN");
		snprintf(line, sizeof(line), "+ %s\r\n", bad[i]);
		fake_reply(s.f, "AUTH LOGIN\r\n", line);
		fake_reply(s.f, "*\r\n", i % 2 ? "-ERR fine\r\n" : "huh\r\n");
		login_fails(&s, ERR_PROTOCOL, "challenge is not base64");
		close_session(&s, "AUTH LOGIN\r\n*\r\n");
	}
}

static void
a_challenge_of_64_kib_is_taken(void **state)
{
	enum { ENCODED = 87384 };
	char *line = mem_alloc(ENCODED + 8);
	struct session s;

	(void)state;
	memset(line, 'A', ENCODED + 2);
	memcpy(line, "+ ", 2);
	memcpy(line + ENCODED + 2, "\r\n", 3);
	open_session(&s, "+OK\r\n", "SASL LOGIN");
	fake_reply(s.f, "AUTH LOGIN\r\n", line);
	fake_reply(s.f, TIM_USER "\r\n", "+ \r\n");
	fake_reply(s.f, TIM_PASSWORD "\r\n", "+OK\r\n");
	login_works(&s, AUTH_LOGIN);
	close_session(&s, "AUTH LOGIN\r\n" TIM_USER "\r\n" TIM_PASSWORD "\r\n");
	free(line);
}

static void
a_verdict_is_no_longer_than_any_reply(void **state)
{
	char line[POP3_REPLY_MAX + 16] = "+OK ";
	struct session s;

	(void)state;
	memset(line + 4, 'a', POP3_REPLY_MAX);
	memcpy(line + 4 + POP3_REPLY_MAX, "\r\n", 3);
	open_session(&s, "+OK\r\n", "SASL PLAIN");
	fake_reply(s.f, "AUTH PLAIN " TIM_PLAIN "\r\n", line);
	login_fails(&s, ERR_PROTOCOL, "not a POP3 reply");
	close_session(&s, "AUTH PLAIN " TIM_PLAIN "\r\n");
}

/* --- APOP --- */

static void
apop_sends_the_digest_of_the_standard(void **state)
{
	struct session s;

	(void)state;
	open_session(&s,
		     "+OK POP3 server ready "
		     "<1896.697170952@dbc.mtview.ca.us>\r\n",
		     NULL);
	s.set.method = AUTH_APOP;
	s.set.user = "mrose";
	set_secret(&s, "tanstaaf", 8);
	fake_reply(s.f, "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n",
		   "+OK\r\n");
	login_works(&s, AUTH_APOP);
	close_session(&s, "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n");
}

static void
apop_needs_a_valid_challenge(void **state)
{
	static const char *const greetings[] = { "+OK\r\n", "+OK <ab>\r\n",
						 "+OK <a\200@b>\r\n" };
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(greetings) / sizeof(*greetings); i++) {
		open_session(&s, greetings[i], NULL);
		s.set.method = AUTH_APOP;
		login_fails(&s, ERR_UNAVAILABLE, "'apop'");
		assert_int_equal(s.used, AUTH_APOP);
		close_session(&s, "");
	}
}

static void
a_refused_apop_sends_no_password(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK <1896.697170952@dbc.mtview.ca.us>\r\n", NULL);
	s.set.encrypted = false;
	s.set.user = "mrose";
	set_secret(&s, "tanstaaf", 8);
	fake_reply(s.f, "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n",
		   "-ERR no\r\n");
	login_fails(&s, ERR_LOGIN,
		    "login refused, check user name and password: "
		    "server said: no");
	close_session(&s, "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n");
}

/* --- OAuth --- */

static void
oauth_takes_two_lines_always(void **state)
{
	static const char *const capas[] = { NULL, "USER", "SASL PLAIN",
					     "SASL PLAIN XOAUTH2 OAUTHBEARER" };
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(capas) / sizeof(*capas); i++) {
		open_session(&s, "+OK\r\n", capas[i]);
		s.set.method = AUTH_XOAUTH2;
		fake_reply(s.f, "AUTH XOAUTH2\r\n", "+ \r\n");
		fake_reply(s.f, TIM_XOAUTH2 "\r\n", "+OK\r\n");
		login_works(&s, AUTH_XOAUTH2);
		close_session(&s, "AUTH XOAUTH2\r\n" TIM_XOAUTH2 "\r\n");

		open_session(&s, "+OK\r\n", capas[i]);
		s.set.method = AUTH_OAUTHBEARER;
		fake_reply(s.f, "AUTH OAUTHBEARER\r\n", "+\r\n");
		fake_reply(s.f, TIM_OAUTHBEARER "\r\n", "+OK\r\n");
		login_works(&s, AUTH_OAUTHBEARER);
		close_session(&s,
			      "AUTH OAUTHBEARER\r\n" TIM_OAUTHBEARER "\r\n");
	}
}

/* {"status":"400","schemes":"Bearer"} */
#define STATUS_400 "+ eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=\r\n"

static void
a_failed_xoauth2_is_acknowledged_with_an_empty_line(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "SASL XOAUTH2|RESP-CODES");
	s.set.method = AUTH_XOAUTH2;
	fake_reply(s.f, "AUTH XOAUTH2\r\n", "+ \r\n");
	fake_reply(s.f, TIM_XOAUTH2 "\r\n", STATUS_400);
	fake_reply(s.f, "\r\n", "-ERR [AUTH] not accepted\r\n");
	login_fails(&s, ERR_LOGIN,
		    "login refused, get a new token (status 400): "
		    "server said: [AUTH] not accepted");
	close_session(&s, "AUTH XOAUTH2\r\n" TIM_XOAUTH2 "\r\n\r\n");
}

/* {"status":"invalid_token","error_description":"it is old"} */
#define INVALID_TOKEN                                          \
	"+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwiZXJyb3JfZGVzY3" \
	"JpcHRpb24iOiJpdCBpcyBvbGQifQ==\r\n"

static void
a_failed_oauthbearer_is_acknowledged_with_a_control_a(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	s.set.method = AUTH_OAUTHBEARER;
	fake_reply(s.f, "AUTH OAUTHBEARER\r\n", "+ \r\n");
	fake_reply(s.f, TIM_OAUTHBEARER "\r\n", INVALID_TOKEN);
	fake_reply(s.f, "AQ==\r\n", "-ERR no\r\n");
	login_fails(&s, ERR_LOGIN,
		    "login refused, get a new token (status invalid_token: "
		    "it is old): server said: no");
	assert_non_null(strstr(buf_text(&s.trace), "> ***\n< + eyJ"));
	assert_non_null(strstr(buf_text(&s.trace), "> AQ==\n< -ERR no\n"));
	close_session(&s,
		      "AUTH OAUTHBEARER\r\n" TIM_OAUTHBEARER "\r\nAQ==\r\n");
}

static void
a_failed_oauth_login_cannot_turn_into_success(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	s.set.method = AUTH_XOAUTH2;
	fake_reply(s.f, "AUTH XOAUTH2\r\n", "+ \r\n");
	fake_reply(s.f, TIM_XOAUTH2 "\r\n", STATUS_400);
	fake_reply(s.f, "\r\n", "+OK never mind\r\n");
	login_fails(&s, ERR_PROTOCOL, "not complete");
	close_session(&s, "AUTH XOAUTH2\r\n" TIM_XOAUTH2 "\r\n\r\n");

	/* nor go on for ever */
	open_session(&s, "+OK\r\n", NULL);
	s.set.method = AUTH_XOAUTH2;
	fake_reply(s.f, "AUTH XOAUTH2\r\n", "+ \r\n");
	fake_reply(s.f, TIM_XOAUTH2 "\r\n", STATUS_400);
	fake_reply(s.f, "\r\n", STATUS_400);
	fake_reply(s.f, "*\r\n", "-ERR\r\n");
	login_fails(&s, ERR_PROTOCOL, "challenge after the last response");
	close_session(&s, "AUTH XOAUTH2\r\n" TIM_XOAUTH2 "\r\n\r\n*\r\n");
}

static void
a_token_of_64_kib_works(void **state)
{
	enum { SIZE = 65536 };
	char *token = mem_alloc(SIZE), *line, *sent;
	struct secret *encoded;
	struct session s;

	(void)state;
	memset(token, 't', SIZE);
	open_session(&s, "+OK\r\n", "SASL XOAUTH2");
	s.set.method = AUTH_XOAUTH2;
	set_secret(&s, token, SIZE);
	encoded = first_line(&s, sasl_xoauth2);
	line = mem_format("%s\r\n", secret_bytes(encoded));
	sent = mem_format("AUTH XOAUTH2\r\n%s", line);
	fake_reply(s.f, "AUTH XOAUTH2\r\n", "+ \r\n");
	fake_reply(s.f, line, "+OK\r\n");
	login_works(&s, AUTH_XOAUTH2);
	assert_null(strstr(buf_text(&s.trace), "tttt"));
	close_session(&s, sent);
	secret_free(&encoded);
	free(token);
	free(line);
	free(sent);
}

/* --- the choice --- */

/* Which method does `auto` choose?  The server refuses whatever is sent. */
static void
check_choice(const char *greeting, const char *capa, enum auth_method used,
	     enum err_kind kind)
{
	struct session s;

	open_session(&s, greeting, capa);
	fake_end(s.f);
	assert_int_equal(login(&s), -1);
	assert_int_equal(s.e.kind, kind);
	assert_int_equal(s.used, used);
	pop3_free(&s.p);
	fake_free(s.f);
	buf_free(&s.trace);
	secret_free(&s.secret);
}

static void
auto_takes_what_the_server_offers(void **state)
{
	static const char plain[] = "+OK\r\n", apop[] = "+OK <a@b>\r\n";

	(void)state;
	check_choice(apop, "USER|SASL LOGIN PLAIN XOAUTH2", AUTH_PLAIN,
		     ERR_NETWORK);
	check_choice(apop, "USER|sasl login", AUTH_LOGIN, ERR_NETWORK);
	check_choice(apop, "USER|SASL XOAUTH2 SCRAM-SHA-256", AUTH_USER,
		     ERR_NETWORK);
	check_choice(plain, NULL, AUTH_USER, ERR_NETWORK);
	check_choice(apop, NULL, AUTH_USER, ERR_NETWORK);
	check_choice(apop, "TOP|UIDL", AUTH_APOP, ERR_NETWORK);
	check_choice(plain, "TOP|UIDL", AUTH_USER, ERR_NETWORK);
	/* OAuth never chooses itself */
	check_choice(plain, "SASL XOAUTH2", AUTH_AUTO, ERR_UNAVAILABLE);
	/* CAPA may just have left out USER */
	check_choice(plain, "SASL X-UNKNOWN", AUTH_USER, ERR_NETWORK);
}

/* The bits of ways that were not understood, and what is sent then. */
static void
check_next(const char *capa, enum auth_method option, uint32_t unfit,
	   const char *first_line)
{
	struct session s;

	open_session(&s, "+OK\r\n", capa);
	s.set.method = option;
	s.set.unfit = unfit;
	assert_int_equal(auth_has_way(s.p, &s.set), first_line != NULL);
	if (first_line)
		fake_reply(s.f, first_line, "-ERR no\r\n");
	assert_int_equal(login(&s), -1);
	close_session(&s, first_line ? first_line : "");
}

static void
ways_that_are_not_understood_are_followed_by_the_next(void **state)
{
	const uint32_t line = auth_way(AUTH_PLAIN, true);
	const uint32_t plain = auth_way(AUTH_PLAIN, false);
	const uint32_t user = auth_way(AUTH_USER, false);
	const uint32_t logins = auth_way(AUTH_LOGIN, false);

	(void)state;
	check_next("SASL PLAIN LOGIN", AUTH_AUTO, line, "AUTH PLAIN\r\n");
	check_next("SASL PLAIN LOGIN", AUTH_AUTO, line | plain,
		   "AUTH LOGIN\r\n");
	check_next("SASL PLAIN LOGIN", AUTH_AUTO, line | plain | logins,
		   "USER tim\r\n");
	check_next("SASL PLAIN XOAUTH2", AUTH_AUTO, line | plain | user, NULL);
	check_next("SASL PLAIN", AUTH_PLAIN, line, "AUTH PLAIN\r\n");
	check_next("SASL PLAIN", AUTH_PLAIN, line | plain, NULL);
	check_next("SASL LOGIN", AUTH_LOGIN, logins, NULL);
}

static void
the_error_names_what_is_offered_and_a_way_out(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "TOP|SASL LOGIN NTLM");
	s.set.method = AUTH_PLAIN;
	login_fails(&s, ERR_UNAVAILABLE,
		    "server does not offer the login method 'plain'; server "
		    "offers LOGIN NTLM; auth = \"user\" may work");
	close_session(&s, "");
}

static void
a_server_with_tokens_alone_is_named_as_such(void **state)
{
	static const struct {
		const char *capa, *text;
	} cases[] = {
		{ "TOP|SASL XOAUTH2",
		  "server offers XOAUTH2: set auth = \"xoauth2\" and let "
		  "password_command print a token" },
		{ "TOP|SASL OAUTHBEARER GSSAPI",
		  "server offers OAUTHBEARER GSSAPI: set auth = "
		  "\"oauthbearer\" and" },
		{ "TOP|SASL XOAUTH2 OAUTHBEARER",
		  ": set auth = \"xoauth2\" or \"oauthbearer\" and" },
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		open_session(&s, "+OK\r\n", cases[i].capa);
		login_fails(&s, ERR_UNAVAILABLE, cases[i].text);
		close_session(&s, "");
	}
}

static void
a_named_method_that_is_not_offered_is_not_tried(void **state)
{
	static const struct {
		enum auth_method method;
		const char *capa;
	} cases[] = {
		{ AUTH_PLAIN, "USER|SASL LOGIN" },
		{ AUTH_LOGIN, "USER|SASL PLAIN" },
		{ AUTH_APOP, "USER|SASL PLAIN" },
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		open_session(&s, "+OK\r\n", cases[i].capa);
		s.set.method = cases[i].method;
		login_fails(&s, ERR_UNAVAILABLE,
			    "server does not offer the login method");
		assert_non_null(
			strstr(s.e.text, method_table[cases[i].method].word));
		close_session(&s, "");
	}
}

static void
a_named_method_is_tried_when_the_server_lists_none(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "TOP|UIDL");
	s.set.method = AUTH_LOGIN;
	fake_reply(s.f, "AUTH LOGIN\r\n", "-ERR\r\n");
	login_fails(&s, ERR_UNAVAILABLE, "AUTH LOGIN");
	close_session(&s, "AUTH LOGIN\r\n");
}

/* --- open connections --- */

/* No octet leaves whatever the server announces. */
static void
no_secret_goes_over_an_open_connection(void **state)
{
	static const char *const capas[] = {
		NULL,
		"",
		"USER",
		"SASL PLAIN",
		"USER|SASL PLAIN LOGIN XOAUTH2 OAUTHBEARER",
		"USER|SASL PLAIN LOGIN|PIPELINING",
		"SASL XOAUTH2 OAUTHBEARER"
	};
	static const enum auth_method methods[] = {
		AUTH_AUTO,  AUTH_USER,	  AUTH_PLAIN,
		AUTH_LOGIN, AUTH_XOAUTH2, AUTH_OAUTHBEARER
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(capas) / sizeof(*capas); i++)
		for (size_t j = 0; j < sizeof(methods) / sizeof(*methods);
		     j++) {
			open_session(&s, "+OK\r\n", capas[i]);
			s.set.method = methods[j];
			s.set.encrypted = false;
			assert_int_equal(login(&s), -1);
			if (s.e.kind != ERR_UNAVAILABLE) {
				assert_int_equal(s.e.kind, ERR_CONFIG);
				assert_non_null(
					strstr(s.e.text, "tls = \"starttls\""));
				assert_non_null(strstr(s.e.text,
						       "insecure_auth = true"));
			}
			assert_int_equal(pop3_outstanding(s.p), 0);
			close_session(&s, "");
		}
}

static void
the_halves_of_a_login_keep_to_that_each(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "USER");
	s.set.encrypted = false;
	assert_int_equal(auth_receive(s.p, &s.set, AUTH_USER, false, &s.e), -1);
	assert_int_equal(s.e.kind, ERR_CONFIG);
	close_session(&s, "");
}

static void
auto_takes_apop_alone_over_an_open_connection(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK <1896.697170952@dbc.mtview.ca.us>\r\n",
		     "USER|SASL PLAIN LOGIN");
	s.set.encrypted = false;
	s.set.user = "mrose";
	set_secret(&s, "tanstaaf", 8);
	fake_reply(s.f, "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n",
		   "+OK\r\n");
	login_works(&s, AUTH_APOP);
	close_session(&s, "APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n");
}

static void
secrets_go_in_the_clear_only_when_that_is_said(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK <a@b>\r\n", "SASL PLAIN");
	s.set.encrypted = false;
	s.set.may_be_clear = true;
	fake_reply(s.f, "AUTH PLAIN " TIM_PLAIN "\r\n", "+OK\r\n");
	login_works(&s, AUTH_PLAIN);
	close_session(&s, "AUTH PLAIN " TIM_PLAIN "\r\n");
}

/* --- what lines cannot carry --- */

static void
line_ends_and_nuls_are_refused_before_anything_is_sent(void **state)
{
	static const enum auth_method methods[] = {
		AUTH_AUTO, AUTH_USER,	 AUTH_PLAIN,	  AUTH_LOGIN,
		AUTH_APOP, AUTH_XOAUTH2, AUTH_OAUTHBEARER
	};
	static const char bad[] = { '\r', '\n', '\0' };
	char text[4] = "a.b";
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		for (size_t j = 0; j < sizeof(bad); j++) {
			text[1] = bad[j];
			open_session(&s, "+OK <a@b>\r\n", NULL);
			s.set.method = methods[i];
			set_secret(&s, text, 3);
			login_fails(&s, ERR_CONFIG, "control character");
			close_session(&s, "");
			if (bad[j] == '\0')
				continue;
			open_session(&s, "+OK <a@b>\r\n", NULL);
			s.set.method = methods[i];
			s.set.user = text;
			login_fails(&s, ERR_CONFIG, "user name");
			close_session(&s, "");
		}
}

static void
a_control_character_cannot_add_fields_to_an_oauth_message(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", NULL);
	s.set.method = AUTH_XOAUTH2;
	set_secret(&s, "a\001b", 3);
	login_fails(&s, ERR_CONFIG, "token contains a control character");
	close_session(&s, "");
}

static void
what_is_too_long_for_user_and_pass_goes_by_plain_or_not_at_all(void **state)
{
	enum { TOO_LONG = 249 };
	char long_text[TOO_LONG + 1], *line, *sent;
	struct secret *encoded;
	struct session s;

	(void)state;
	memset(long_text, 'x', TOO_LONG);
	long_text[TOO_LONG] = '\0';
	for (int part = 0; part < 2; part++) {
		open_session(&s, "+OK\r\n", "USER");
		s.set.user = part ? long_text : "tim";
		if (part == 0)
			set_secret(&s, long_text, TOO_LONG);
		login_fails(&s, ERR_CONFIG, "too long");
		close_session(&s, "");

		open_session(&s, "+OK\r\n", "USER|SASL PLAIN");
		s.set.method = AUTH_USER;
		s.set.user = part ? long_text : "tim";
		if (part == 0)
			set_secret(&s, long_text, TOO_LONG);
		encoded = first_line(&s, sasl_plain);
		line = mem_format("%s\r\n", secret_bytes(encoded));
		sent = mem_format("AUTH PLAIN\r\n%s", line);
		fake_reply(s.f, "AUTH PLAIN\r\n", "+ \r\n");
		fake_reply(s.f, line, "+OK\r\n");
		login_works(&s, AUTH_PLAIN);
		close_session(&s, sent);
		secret_free(&encoded);
		free(line);
		free(sent);
	}
}

static void
user_and_pass_may_just_fill_their_lines(void **state)
{
	char long_text[249], *user, *pass, *both;
	struct session s;

	(void)state;
	memset(long_text, 'x', 248);
	long_text[248] = '\0';
	open_session(&s, "+OK\r\n", NULL);
	s.set.user = long_text;
	set_secret(&s, long_text, 248);
	user = mem_format("USER %s\r\n", long_text);
	pass = mem_format("PASS %s\r\n", long_text);
	both = mem_format("%s%s", user, pass);
	fake_reply(s.f, user, "+OK\r\n");
	fake_reply(s.f, pass, "+OK\r\n");
	login_works(&s, AUTH_USER);
	close_session(&s, both);
	free(user);
	free(pass);
	free(both);
}

static void
an_apop_line_is_never_cut(void **state)
{
	char long_text[256];
	struct session s;

	(void)state;
	memset(long_text, 'x', 255);
	long_text[255] = '\0';
	open_session(&s, "+OK <a@b>\r\n", "SASL PLAIN");
	s.set.method = AUTH_APOP;
	s.set.user = long_text;
	login_fails(&s, ERR_CONFIG, "APOP needs a line of");
	close_session(&s, "");
}

/* --- one flight --- */

static void
commands_travel_behind_a_login_of_one_line(void **state)
{
	struct session s;
	struct pop3_reply r;
	bool whole = false;

	(void)state;
	open_session(&s, "+OK\r\n", "SASL PLAIN|PIPELINING");
	fake_reply(s.f, "AUTH PLAIN " TIM_PLAIN "\r\nSTAT\r\nUIDL\r\n",
		   "+OK in\r\n+OK 1 5\r\n+OK\r\n");
	assert_int_equal(auth_send(s.p, &s.set, &s.used, &whole, &s.e), 0);
	assert_true(whole);
	assert_int_equal(pop3_command(s.p, &s.e, "STAT"), 0);
	assert_int_equal(pop3_command(s.p, &s.e, "UIDL"), 0);
	assert_int_equal(pop3_outstanding(s.p), 3);
	assert_int_equal(auth_receive(s.p, &s.set, s.used, whole, &s.e), 0);
	assert_int_equal(pop3_outstanding(s.p), 2);
	assert_int_equal(pop3_reply(s.p, false, &r, &s.e), 0);
	assert_memory_equal(r.text, "1 5", 3);
	assert_int_equal(pop3_reply(s.p, false, &r, &s.e), 0);
	close_session(&s, "AUTH PLAIN " TIM_PLAIN "\r\nSTAT\r\nUIDL\r\n");
}

static void
a_login_of_several_lines_sends_nothing_ahead(void **state)
{
	static const enum auth_method methods[] = { AUTH_USER, AUTH_LOGIN,
						    AUTH_XOAUTH2, AUTH_APOP };
	struct session s;
	bool whole = true;

	(void)state;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		open_session(&s, "+OK <a@b>\r\n",
			     "USER|SASL LOGIN PLAIN|PIPELINING");
		s.set.method = methods[i];
		assert_int_equal(auth_send(s.p, &s.set, &s.used, &whole, &s.e),
				 0);
		assert_false(whole);
		assert_int_equal(stream_queued(pop3_stream(s.p)), 0);
		close_session(&s, "");
	}
}

static void
a_challenge_to_a_whole_login_is_a_protocol_error(void **state)
{
	struct session s;
	bool whole;

	(void)state;
	open_session(&s, "+OK\r\n", "SASL PLAIN|PIPELINING");
	fake_reply(s.f, "AUTH PLAIN " TIM_PLAIN "\r\nSTAT\r\n",
		   "+ \r\n-ERR STAT is not base64\r\n");
	assert_int_equal(auth_send(s.p, &s.set, &s.used, &whole, &s.e), 0);
	assert_int_equal(pop3_command(s.p, &s.e, "STAT"), 0);
	assert_int_equal(auth_receive(s.p, &s.set, s.used, whole, &s.e), -1);
	assert_int_equal(s.e.kind, ERR_PROTOCOL);
	close_session(&s, "AUTH PLAIN " TIM_PLAIN "\r\nSTAT\r\n");
}

static void
input_before_the_login_stops_it(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "SASL PLAIN");
	fake_input_text(s.f, "+OK logged in\r\n");
	login_fails(&s, ERR_PROTOCOL, "not asked for");
	close_session(&s, "");
}

static void
a_login_that_breaks_off_is_a_network_error(void **state)
{
	struct session s;

	(void)state;
	open_session(&s, "+OK\r\n", "SASL PLAIN");
	fake_reply(s.f, "AUTH PLAIN " TIM_PLAIN "\r\n", "+O");
	fake_end(s.f);
	login_fails(&s, ERR_NETWORK, "closed");
	close_session(&s, "AUTH PLAIN " TIM_PLAIN "\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_names_stand_in_the_order_of_the_methods),
		cmocka_unit_test(user_and_pass_are_two_lines_in_two_flights),
		cmocka_unit_test(a_password_with_blanks_goes_as_it_is),
		cmocka_unit_test(a_user_name_goes_as_it_is),
		cmocka_unit_test(a_refused_user_sends_no_password),
		cmocka_unit_test(a_reply_sent_ahead_of_the_password_stops_it),
		cmocka_unit_test(a_continuation_is_no_reply_to_user),
		cmocka_unit_test(
			a_refused_login_says_what_to_check_whatever_the_server_says),
		cmocka_unit_test(
			what_is_not_the_users_fault_is_no_refused_login),
		cmocka_unit_test(what_was_not_understood_is_no_refused_login),
		cmocka_unit_test(
			a_server_that_does_not_announce_user_may_just_not_have_it),
		cmocka_unit_test(
			a_password_that_the_server_repeats_stays_secret),
		cmocka_unit_test(plain_goes_in_one_line_when_it_fits),
		cmocka_unit_test(plain_without_a_sasl_list_goes_in_two_lines),
		cmocka_unit_test(plain_beyond_255_octets_goes_in_two_lines),
		cmocka_unit_test(
			a_refused_plain_is_not_followed_by_another_try),
		cmocka_unit_test(
			a_mechanism_refused_before_the_password_is_missing),
		cmocka_unit_test(
			a_login_accepted_before_it_is_complete_is_a_protocol_error),
		cmocka_unit_test(login_answers_two_prompts_whatever_they_say),
		cmocka_unit_test(login_stops_when_the_user_is_refused),
		cmocka_unit_test(a_third_prompt_is_cancelled),
		cmocka_unit_test(a_challenge_that_is_no_base64_is_cancelled),
		cmocka_unit_test(a_challenge_of_64_kib_is_taken),
		cmocka_unit_test(a_verdict_is_no_longer_than_any_reply),
		cmocka_unit_test(apop_sends_the_digest_of_the_standard),
		cmocka_unit_test(apop_needs_a_valid_challenge),
		cmocka_unit_test(a_refused_apop_sends_no_password),
		cmocka_unit_test(oauth_takes_two_lines_always),
		cmocka_unit_test(
			a_failed_xoauth2_is_acknowledged_with_an_empty_line),
		cmocka_unit_test(
			a_failed_oauthbearer_is_acknowledged_with_a_control_a),
		cmocka_unit_test(a_failed_oauth_login_cannot_turn_into_success),
		cmocka_unit_test(a_token_of_64_kib_works),
		cmocka_unit_test(auto_takes_what_the_server_offers),
		cmocka_unit_test(
			ways_that_are_not_understood_are_followed_by_the_next),
		cmocka_unit_test(the_error_names_what_is_offered_and_a_way_out),
		cmocka_unit_test(a_server_with_tokens_alone_is_named_as_such),
		cmocka_unit_test(
			a_named_method_that_is_not_offered_is_not_tried),
		cmocka_unit_test(
			a_named_method_is_tried_when_the_server_lists_none),
		cmocka_unit_test(no_secret_goes_over_an_open_connection),
		cmocka_unit_test(the_halves_of_a_login_keep_to_that_each),
		cmocka_unit_test(auto_takes_apop_alone_over_an_open_connection),
		cmocka_unit_test(
			secrets_go_in_the_clear_only_when_that_is_said),
		cmocka_unit_test(
			line_ends_and_nuls_are_refused_before_anything_is_sent),
		cmocka_unit_test(
			a_control_character_cannot_add_fields_to_an_oauth_message),
		cmocka_unit_test(
			what_is_too_long_for_user_and_pass_goes_by_plain_or_not_at_all),
		cmocka_unit_test(user_and_pass_may_just_fill_their_lines),
		cmocka_unit_test(an_apop_line_is_never_cut),
		cmocka_unit_test(commands_travel_behind_a_login_of_one_line),
		cmocka_unit_test(a_login_of_several_lines_sends_nothing_ahead),
		cmocka_unit_test(
			a_challenge_to_a_whole_login_is_a_protocol_error),
		cmocka_unit_test(input_before_the_login_stops_it),
		cmocka_unit_test(a_login_that_breaks_off_is_a_network_error),
	};

	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
