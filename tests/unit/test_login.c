/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Which way to log in comes next, and what of it is remembered. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "courier/login.h"
#include "fake_transport.h"

enum { TIMEOUT_MS = 200 };

struct fixture {
	struct fake *fake;
	struct pop3 *pop3;
	struct auth_settings settings;
	struct login login;
	struct err e;
};

/* A connection on which the server has said this to a login, and then closed
 * it. */
static void
begin(struct fixture *x, const char *reply)
{
	struct err e = ERR_INIT;
	struct pop3_reply r;
	struct stream *s;

	memset(x, 0, sizeof(*x));
	x->fake = fake_new();
	stream_new(&s, fake_transport(x->fake), TIMEOUT_MS, CLOCK_NEVER);
	pop3_new(&x->pop3, s, NULL, NULL);
	x->settings.encrypted = true;
	x->settings.user = "tim";
	x->settings.secret = secret_new((const uint8_t *)"tanstaaf", 8);
	fake_input_text(x->fake, reply);
	fake_end(x->fake);
	assert_int_equal(pop3_command(x->pop3, &e, "AUTH"), 0);
	if (pop3_reply(x->pop3, false, &r, &x->e) == 0)
		err_set(&x->e, ERR_UNAVAILABLE, "not understood");
}

static void
end(struct fixture *x)
{
	struct secret *secret = (struct secret *)(uintptr_t)x->settings.secret;

	secret_free(&secret);
	pop3_free(&x->pop3);
	fake_free(x->fake);
}

static enum login_next
fail_by(struct fixture *x, enum auth_method used, bool is_first, bool is_sure)
{
	const struct login_try t = {
		.pop3 = x->pop3,
		.settings = &x->settings,
		.used = used,
		.is_sent = true,
		.is_first = is_first,
		.has_company = !is_sure,
		.is_sure = is_sure,
	};

	return login_failed(&x->login, &t, &x->e);
}

static void
what_is_not_understood_is_followed_on_the_same_line(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, "-ERR what?\r\n");
	assert_int_equal(fail_by(&x, AUTH_PLAIN, true, true), LOGIN_SAME_LINE);
	assert_int_equal(x.login.unfit, auth_way(AUTH_PLAIN, false));
	/* replies to what was sent along would be in the way */
	assert_int_equal(fail_by(&x, AUTH_LOGIN, true, false), LOGIN_NEW_LINE);
	/* nothing is left */
	assert_int_equal(fail_by(&x, AUTH_USER, true, true), LOGIN_OVER);
	assert_int_equal(x.e.kind, ERR_UNAVAILABLE);
	assert_int_equal(x.login.unfit, 0);
	end(&x);
}

static void
a_refusal_with_a_code_is_the_last_word(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, "-ERR [SYS/PERM] no\r\n");
	assert_int_equal(fail_by(&x, AUTH_PLAIN, true, true), LOGIN_OVER);
	assert_int_equal(x.login.unfit, 0);
	end(&x);
}

static void
a_way_that_is_not_to_be_had_is_followed_also_behind_auth(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, "-ERR [AUTH] Unsupported authentication mechanism.\r\n");
	assert_int_equal(fail_by(&x, AUTH_PLAIN, true, true), LOGIN_SAME_LINE);
	assert_int_equal(x.login.unfit, auth_way(AUTH_PLAIN, false));
	end(&x);
}

static void
a_line_that_is_closed_is_followed_on_another(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x, "");
	assert_int_equal(fail_by(&x, AUTH_PLAIN, true, true), LOGIN_NEW_LINE);
	assert_int_equal(x.login.unfit, auth_way(AUTH_PLAIN, false));
	/* the way before, or what is remembered, may be why */
	assert_int_equal(fail_by(&x, AUTH_LOGIN, false, true), LOGIN_NEW_LINE);
	assert_int_equal(fail_by(&x, AUTH_LOGIN, true, false), LOGIN_OVER);
	assert_int_equal(x.login.unfit, auth_way(AUTH_PLAIN, false));
	end(&x);
}

static void
a_third_run_that_ends_so_is_a_refused_login(void **state)
{
	struct fixture x;

	(void)state;
	for (int64_t run = 1, number = 0; run <= 3; run++) {
		begin(&x, "");
		login_recall(&x.login, number, AUTH_USER);
		(void)fail_by(&x, AUTH_USER, true, true);
		login_over(&x.login, &x.e);
		assert_int_equal(x.e.kind, run < 3 ? ERR_NETWORK : ERR_LOGIN);
		number = login_number(&x.login, AUTH_USER);
		end(&x);
	}
}

static void
a_login_that_works_ends_the_row(void **state)
{
	struct login l = { .unfit = 4, .closed = 2 };

	(void)state;
	login_worked(&l);
	assert_int_equal(l.closed, 0);
	assert_int_equal(l.unfit, 4);
}

static void
what_is_remembered_counts_under_the_same_option(void **state)
{
	struct login l = { .unfit = UINT32_MAX, .closed = 15 }, again;
	int64_t number = login_number(&l, AUTH_OAUTHBEARER);

	(void)state;
	assert_true(number > 0);
	login_recall(&again, number, AUTH_OAUTHBEARER);
	assert_int_equal(again.unfit, UINT32_MAX);
	assert_int_equal(again.closed, 15);
	login_recall(&again, number, AUTH_AUTO);
	assert_int_equal(again.unfit, 0);
	assert_int_equal(again.closed, 0);
	login_recall(&again, 0, AUTH_AUTO);
	assert_int_equal(login_number(&again, AUTH_AUTO), 0);
	login_recall(&again, -1, AUTH_AUTO);
	assert_int_equal(again.unfit, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_not_understood_is_followed_on_the_same_line),
		cmocka_unit_test(a_refusal_with_a_code_is_the_last_word),
		cmocka_unit_test(
			a_way_that_is_not_to_be_had_is_followed_also_behind_auth),
		cmocka_unit_test(a_line_that_is_closed_is_followed_on_another),
		cmocka_unit_test(a_third_run_that_ends_so_is_a_refused_login),
		cmocka_unit_test(a_login_that_works_ends_the_row),
		cmocka_unit_test(
			what_is_remembered_counts_under_the_same_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
