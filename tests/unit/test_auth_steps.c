/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Tests of a login by steps: a mechanism that the program does not have, whose
 * answers depend on challenges and on what it keeps between them, needs nothing
 * but a row and its step.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "fake_transport.h"
#include "pop3/auth.h"

enum { TIMEOUT_MS = 200, TRACE_MAX = 1 << 20 };

#define PASSWORD "tanstaaftanstaaf"

/* --- the mechanism --- */

/*
 * The client sends its name, the server a nonce; the client sends the digest of
 * nonce and password, the server that of password and nonce; the client agrees.
 */
struct proof {
	char hex[2 * DIGEST_SHA256_SIZE + 1]; /* of the server, to come */
};

static unsigned states_alive;

static void
free_proof(void *state)
{
	if (state)
		states_alive--;
	free(state);
}

static void
prove(char hex[2 * DIGEST_SHA256_SIZE + 1], const void *first,
      size_t first_size, const void *second, size_t second_size)
{
	struct digest *d = digest_new(DIGEST_SHA256);
	uint8_t bytes[DIGEST_SIZE_MAX];

	digest_add(d, first, first_size);
	digest_add(d, second, second_size);
	digest_end(d, bytes);
	digest_free(&d);
	text_hex(hex, bytes, DIGEST_SHA256_SIZE);
}

static struct secret *
answer_nonce(struct sasl_exchange *x, const struct buf *nonce)
{
	const struct secret *s = x->settings->secret;
	struct proof *p = mem_alloc(sizeof(*p)), ours;

	states_alive++;
	x->state = p;
	prove(p->hex, secret_bytes(s), secret_size(s), nonce->data, nonce->len);
	prove(ours.hex, nonce->data, nonce->len, secret_bytes(s),
	      secret_size(s));
	return secret_new(ours.hex, strlen(ours.hex));
}

static int
step(struct sasl_exchange *x, const struct buf *challenge,
     struct secret **answer, struct err *e)
{
	const struct proof *p = x->state;
	const char *user = x->settings->user;

	switch (x->answers) {
	case 0:
		*answer = secret_new(user, strlen(user));
		break;
	case 1:
		*answer = answer_nonce(x, challenge);
		break;
	case 2:
		if (!text_is_word(challenge->data, challenge->len, p->hex))
			return err_set(e, ERR_PROTOCOL,
				       "server does not know the password");
		*answer = secret_new("", 0);
		x->progress = SASL_DONE;
	}
	return 0;
}

static const struct method row = {
	.word = "x-proof",
	.name = "X-PROOF",
	.step = step,
	.free_state = free_proof,
	.hides_secret = true,
};

/* --- a session --- */

struct session {
	struct fake *f;
	struct pop3 *p;
	struct buf trace;
	struct err e;
	struct secret *secret;
	char *proof, *wrong; /* what the server sends at last */
	char *response;	     /* what the client sends before */
};

static void
note(void *arg, bool out, const void *text, size_t size)
{
	assert_true(buf_append(arg, out ? "> " : "< ", 2));
	assert_true(buf_append(arg, text, size));
	assert_true(buf_byte(arg, '\n'));
}

static char *
line_of(const char *prefix, const char *text)
{
	struct secret *s = secret_base64(text, strlen(text));
	const char *bytes = (const char *)secret_bytes(s);
	char *line = mem_format("%s%s\r\n", prefix, bytes);

	secret_free(&s);
	return line;
}

/* The nonce is "nonce". */
#define NONCE "+ bm9uY2U=\r\n"
#define USER  "dGlt\r\n"

static void
open_session(struct session *s)
{
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	struct stream *stream;

	memset(s, 0, sizeof(*s));
	s->f = fake_new();
	buf_init(&s->trace, TRACE_MAX);
	stream_new(&stream, fake_transport(s->f), TIMEOUT_MS, CLOCK_NEVER);
	pop3_new(&s->p, stream, note, &s->trace);
	fake_input_text(s->f, "+OK\r\n");
	assert_int_equal(pop3_greeting(s->p, &s->e), 0);
	s->secret = secret_new(PASSWORD, strlen(PASSWORD));
	prove(hex, PASSWORD, strlen(PASSWORD), "nonce", 5);
	s->proof = line_of("+ ", hex);
	prove(hex, "nonce", 5, PASSWORD, strlen(PASSWORD));
	s->response = line_of("", hex);
	prove(hex, "another", 7, "nonce", 5);
	s->wrong = line_of("+ ", hex);
}

/* The server plays along until it has its last word before `answers`. */
static void
play(struct session *s, unsigned answers, const char *reply)
{
	const char *const commands[] = { "AUTH X-PROOF\r\n", USER, s->response,
					 "\r\n" };
	const char *const replies[] = { "+ \r\n", NONCE, s->proof };

	for (unsigned i = 0; i < answers; i++)
		fake_reply(s->f, commands[i], replies[i]);
	fake_reply(s->f, commands[answers], reply);
}

static int
login(struct session *s)
{
	struct auth_settings settings = { .user = "tim", .secret = s->secret };

	return auth_exchange(s->p, &row, &settings, false, &s->e);
}

static void
login_fails(struct session *s, enum err_kind kind, const char *text)
{
	assert_int_equal(login(s), -1);
	assert_string_equal(s->e.text, text);
	assert_int_equal(s->e.kind, kind);
}

/* The client has sent so many answers and then `more`, nothing secret shows,
 * and nothing of the mechanism is left. */
static void
close_session(struct session *s, unsigned answers, const char *more)
{
	char *sent =
		mem_format("AUTH X-PROOF\r\n%s%s%s%s", answers > 0 ? USER : "",
			   answers > 1 ? s->response : "",
			   answers > 2 ? "\r\n" : "", more);
	size_t size;

	assert_int_equal(states_alive, 0);
	pop3_free(&s->p);
	assert_string_equal(fake_output(s->f, &size), sent);
	s->response[strlen(s->response) - 2] = '\0';
	assert_null(strstr(buf_text(&s->trace), s->response));
	assert_null(strstr(buf_text(&s->trace), PASSWORD));
	assert_null(strstr(s->e.text, PASSWORD));
	fake_free(s->f);
	buf_free(&s->trace);
	secret_free(&s->secret);
	free(s->proof);
	free(s->wrong);
	free(s->response);
	free(sent);
}

/* --- tests --- */

static void
answers_depend_on_challenges_and_on_what_was_kept(void **state)
{
	struct session s;
	char *trace;

	(void)state;
	open_session(&s);
	play(&s, 3, "+OK in\r\n");
	if (login(&s) != 0)
		fail_msg("login fails: %s", s.e.text);
	assert_int_equal(pop3_outstanding(s.p), 0);
	trace = mem_format("< +OK\n> AUTH X-PROOF\n< + \n> ***\n"
			   "< + bm9uY2U=\n> ***\n< %.*s\n> ***\n< +OK in\n",
			   (int)strlen(s.proof) - 2, s.proof);
	assert_string_equal(buf_text(&s.trace), trace);
	close_session(&s, 3, "");
	free(trace);
}

static void
one_challenge_too_many_is_cancelled(void **state)
{
	struct session s;

	(void)state;
	open_session(&s);
	play(&s, 3, NONCE);
	fake_reply(s.f, "*\r\n", "-ERR fine\r\n");
	login_fails(&s, ERR_PROTOCOL, "challenge after the last response");
	close_session(&s, 3, "*\r\n");
}

static void
a_login_accepted_before_the_last_step_is_a_protocol_error(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers < 3; answers++) {
		struct session s;

		open_session(&s);
		play(&s, answers, "+OK welcome\r\n");
		login_fails(&s, ERR_PROTOCOL,
			    "server accepts a login that is not complete");
		close_session(&s, answers, "");
	}
}

static void
a_challenge_that_is_not_base64_is_cancelled_at_each_step(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers <= 3; answers++) {
		struct session s;

		open_session(&s);
		play(&s, answers, "+ bm9uY2U\r\n");
		fake_reply(s.f, "*\r\n", "-ERR fine\r\n");
		login_fails(&s, ERR_PROTOCOL, "challenge is not base64");
		close_session(&s, answers, "*\r\n");
	}
}

static void
a_challenge_that_the_mechanism_refuses_is_cancelled(void **state)
{
	struct session s;

	(void)state;
	open_session(&s);
	play(&s, 2, s.wrong);
	fake_reply(s.f, "*\r\n", "-ERR fine\r\n");
	login_fails(&s, ERR_PROTOCOL, "server does not know the password");
	close_session(&s, 2, "*\r\n");
}

static void
a_refusal_blames_the_mechanism_before_the_first_answer_alone(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers <= 3; answers++) {
		struct session s;

		open_session(&s);
		play(&s, answers, "-ERR no\r\n");
		if (answers == 0)
			login_fails(&s, ERR_UNAVAILABLE,
				    "AUTH X-PROOF: server said: no");
		else
			login_fails(&s, ERR_LOGIN,
				    "login refused, check user name and "
				    "password: server said: no");
		close_session(&s, answers, "");
	}
}

static void
a_connection_that_ends_leaves_nothing_behind(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers <= 3; answers++) {
		struct session s;

		open_session(&s);
		play(&s, answers, "+");
		fake_end(s.f);
		assert_int_equal(login(&s), -1);
		assert_int_equal(s.e.kind, ERR_NETWORK);
		close_session(&s, answers, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			answers_depend_on_challenges_and_on_what_was_kept),
		cmocka_unit_test(one_challenge_too_many_is_cancelled),
		cmocka_unit_test(
			a_login_accepted_before_the_last_step_is_a_protocol_error),
		cmocka_unit_test(
			a_challenge_that_is_not_base64_is_cancelled_at_each_step),
		cmocka_unit_test(
			a_challenge_that_the_mechanism_refuses_is_cancelled),
		cmocka_unit_test(
			a_refusal_blames_the_mechanism_before_the_first_answer_alone),
		cmocka_unit_test(a_connection_that_ends_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("auth_steps", tests, NULL, NULL);
}
