/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "account/history.h"
#include "store_home.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
static const int64_t start = 1795255200;

static struct account_settings
account(const char *fingerprint)
{
	return (struct account_settings){
		.fingerprint = (char *)(uintptr_t)fingerprint,
		.notice_failures = 3,
	};
}

static int64_t
pause_of(struct store *s, const struct account_settings *a, int64_t now,
	 enum history_pause *pause)
{
	struct err e = ERR_INIT;
	int64_t wait;

	if (history_check(s, a, now, &wait, pause, &e) != 0)
		fail_msg("%s", e.text);
	return wait;
}

static void
assert_refused_for(struct store *s, const struct account_settings *a,
		   int64_t now, int64_t expected)
{
	enum history_pause pause;

	assert_int_equal(pause_of(s, a, now, &pause), expected);
	assert_int_equal(pause,
			 expected > 0 ? HISTORY_REFUSED : HISTORY_NO_PAUSE);
}

static void
refuse(struct store *s, const struct account_settings *a, int64_t now)
{
	struct err e = ERR_INIT;

	assert_int_equal(history_login_refused(s, a, now, &e), 0);
}

static void
log_in(struct store *s, int64_t delay_s, int64_t now)
{
	struct err e = ERR_INIT;

	assert_int_equal(history_logged_in(s, delay_s, now, &e), 0);
}

/* --- refused logins --- */

static void
pauses_after_refusals_double_from_15_minutes_to_6_hours(void **state)
{
	static const int64_t minutes[] = { 15, 30, 60, 120, 240, 360, 360 };
	struct account_settings a = account("a");
	struct store *s = home_open(*state);
	int64_t now = start;

	assert_refused_for(s, &a, now, 0);
	for (size_t i = 0; i < sizeof(minutes) / sizeof(*minutes); i++) {
		int64_t pause = minutes[i] * MINUTE;

		refuse(s, &a, now);
		assert_refused_for(s, &a, now, pause);
		assert_refused_for(s, &a, now + pause - 1, 1);
		home_reopen(*state, &s);
		assert_refused_for(s, &a, now + pause, 0);
		now += pause;
	}
	store_close(&s);
}

static void
another_fingerprint_ends_the_pause_and_begins_anew(void **state)
{
	struct account_settings a = account("a"), b = account("b");
	struct store *s = home_open(*state);

	for (int i = 0; i < 4; i++)
		refuse(s, &a, start);
	assert_refused_for(s, &b, start, 0);
	assert_refused_for(s, &a, start, 2 * HOUR);
	refuse(s, &b, start);
	assert_refused_for(s, &b, start, 15 * MINUTE);
	assert_refused_for(s, &a, start, 0);
	store_close(&s);
}

static void
a_login_that_works_ends_the_pause_and_begins_anew(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);

	for (int i = 0; i < 4; i++)
		refuse(s, &a, start);
	log_in(s, 0, start + 1);
	assert_refused_for(s, &a, start + 1, 0);
	refuse(s, &a, start + 2);
	assert_refused_for(s, &a, start + 2, 15 * MINUTE);
	store_close(&s);
}

static void
a_clock_that_was_set_back_makes_no_endless_pause(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);

	refuse(s, &a, start);
	assert_refused_for(s, &a, start - 5 * HOUR, 5 * HOUR + 15 * MINUTE);
	assert_refused_for(s, &a, start - 6 * HOUR, 0);
	assert_refused_for(s, &a, start - 300 * (int64_t)DAY, 0);
	assert_refused_for(s, &a, start + 300 * (int64_t)DAY, 0);
	store_close(&s);
}

/* --- a server in trouble --- */

static void
assert_put_off_for(struct store *s, const struct account_settings *a,
		   int64_t now, int64_t expected)
{
	enum history_pause pause;

	assert_int_equal(pause_of(s, a, now, &pause), expected);
	assert_int_equal(pause,
			 expected > 0 ? HISTORY_PUT_OFF : HISTORY_NO_PAUSE);
}

static void
put_off_for(struct store *s, const struct account_settings *a,
	    int64_t longest_s, int64_t now)
{
	struct err e = ERR_INIT;

	assert_int_equal(history_put_off(s, a, longest_s, now, &e), 0);
}

static void
put_off(struct store *s, const struct account_settings *a, int64_t now)
{
	put_off_for(s, a, HISTORY_PAUSE_MOST_S, now);
}

static void
a_server_in_trouble_gets_pauses_from_a_minute_up_to_the_longest(void **state)
{
	static const int64_t minutes[] = { 1,  2,   4,	 8,   16, 32,
					   64, 128, 256, 360, 360 };
	struct account_settings a = account("a");
	struct store *s = home_open(*state);
	int64_t now = start;

	for (size_t i = 0; i < sizeof(minutes) / sizeof(*minutes); i++) {
		int64_t pause = minutes[i] * MINUTE;

		put_off(s, &a, now);
		assert_put_off_for(s, &a, now, pause);
		assert_put_off_for(s, &a, now + pause - 1, 1);
		home_reopen(*state, &s);
		assert_put_off_for(s, &a, now + pause, 0);
		now += pause;
	}
	put_off_for(s, &a, HOUR, now);
	assert_put_off_for(s, &a, now, HOUR);
	store_close(&s);
}

static void
a_change_of_the_configuration_ends_the_pause_after_trouble(void **state)
{
	struct account_settings a = account("a"), b = account("b");
	struct store *s = home_open(*state);

	put_off(s, &a, start);
	put_off(s, &a, start);
	assert_put_off_for(s, &b, start, 0);
	put_off(s, &b, start);
	assert_put_off_for(s, &b, start, MINUTE);
	store_close(&s);
}

/* Trouble may come at each login, or behind each login that goes well. */
static void
a_login_ends_the_pause_but_not_the_row_of_troubles(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;

	put_off(s, &a, start);
	log_in(s, 0, start + 1);
	assert_put_off_for(s, &a, start + 1, 0);
	put_off(s, &a, start + 2);
	assert_put_off_for(s, &a, start + 2, 2 * MINUTE);
	assert_int_equal(history_succeeded(s, 0, start + 3, &e), 0);
	assert_put_off_for(s, &a, start + 3, 0);
	put_off(s, &a, start + 4);
	assert_put_off_for(s, &a, start + 4, MINUTE);
	assert_int_equal(history_reached(s, &e), 0);
	assert_put_off_for(s, &a, start + 5, 0);
	put_off(s, &a, start + 6);
	assert_put_off_for(s, &a, start + 6, MINUTE);
	store_close(&s);
}

static void
a_clock_that_was_set_back_ends_the_pause_after_trouble(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);

	put_off(s, &a, start + HOUR);
	assert_put_off_for(s, &a, start, 0);
	put_off(s, &a, start);
	assert_put_off_for(s, &a, start, 2 * MINUTE);
	store_close(&s);
}

static void
a_refusal_counts_more_than_trouble(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);

	put_off(s, &a, start);
	refuse(s, &a, start);
	assert_refused_for(s, &a, start, 15 * MINUTE);
	store_close(&s);
}

/* --- LOGIN-DELAY --- */

static void
the_server_gets_the_pause_between_logins_that_it_wants(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);
	enum history_pause pause;

	log_in(s, 300, start);
	assert_int_equal(pause_of(s, &a, start, &pause), 300);
	assert_int_equal(pause, HISTORY_DELAY);
	assert_int_equal(pause_of(s, &a, start + 299, &pause), 1);
	assert_int_equal(pause_of(s, &a, start + 300, &pause), 0);
	assert_int_equal(pause, HISTORY_NO_PAUSE);
	assert_int_equal(pause_of(s, &a, start - DAY, &pause), 0);
	log_in(s, 0, start + 300); /* it wants none any more */
	assert_int_equal(pause_of(s, &a, start + 300, &pause), 0);
	store_close(&s);
}

static void
a_server_that_wants_a_pause_of_weeks_gets_a_day(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);
	enum history_pause pause;
	struct err e = ERR_INIT;

	log_in(s, 30 * DAY, start);
	assert_int_equal(pause_of(s, &a, start, &pause), DAY);
	assert_int_equal(pause_of(s, &a, start + DAY, &pause), 0);
	/* an earlier version has written it down */
	assert_int_equal(store_begin(s, STORE_LAZY, &e), 0);
	assert_int_equal(store_set_fact(s, "login_delay", 30 * DAY, &e), 0);
	assert_int_equal(store_commit(s, &e), 0);
	assert_int_equal(pause_of(s, &a, start + DAY - 1, &pause), 1);
	assert_int_equal(pause_of(s, &a, start + DAY, &pause), 0);
	store_close(&s);
}

/* --- notice_after --- */

static bool
is_told(struct store *s, const struct account_settings *a, int64_t now)
{
	struct err e = ERR_INIT;
	bool fold;

	assert_int_equal(history_failed(s, a, now, &fold, &e), 0);
	return !fold;
}

static void
the_third_failure_in_a_row_is_told_and_then_one_a_day(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);

	assert_false(is_told(s, &a, start));
	assert_false(is_told(s, &a, start + 1));
	assert_true(is_told(s, &a, start + 2));
	assert_false(is_told(s, &a, start + 2 + DAY - 1));
	assert_true(is_told(s, &a, start + 2 + DAY));
	assert_false(is_told(s, &a, start + 3 + DAY));
	store_close(&s);
}

static void
a_duration_counts_from_the_first_failure(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);

	a.notice_failures = 0;
	a.notice_s = 2 * HOUR;
	assert_false(is_told(s, &a, start));
	assert_false(is_told(s, &a, start + 2 * HOUR - 1));
	assert_true(is_told(s, &a, start + 2 * HOUR));
	store_close(&s);
}

static void
a_run_that_is_well_ends_the_row_of_failures(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;

	(void)is_told(s, &a, start);
	(void)is_told(s, &a, start + 1);
	assert_int_equal(history_succeeded(s, 0, start + 2, &e), 0);
	assert_false(is_told(s, &a, start + 3));
	assert_false(is_told(s, &a, start + 4));
	assert_int_equal(history_reached(s, &e), 0);
	assert_false(is_told(s, &a, start + 5));
	assert_false(is_told(s, &a, start + 6));
	assert_true(is_told(s, &a, start + 7));
	store_close(&s);
}

/* Neither never, since the time that it has lasted for is negative, nor at
 * once, since it seems to have lasted for decades. */
static void
a_row_that_began_under_a_wrong_clock_is_told_in_time(void **state)
{
	static const int64_t wrong[] = { start + 300 * (int64_t)DAY, HOUR };
	struct account_settings a = account("a");
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;

	a.notice_failures = 0;
	a.notice_s = 2 * HOUR;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_int_equal(history_reached(s, &e), 0);
		assert_false(is_told(s, &a, wrong[i]));
		assert_false(is_told(s, &a, start));
		assert_false(is_told(s, &a, start + 2 * HOUR - 1));
		assert_true(is_told(s, &a, start + 2 * HOUR));
		assert_false(is_told(s, &a, start + 3 * HOUR));
	}
	store_close(&s);
}

/* --- for --status --- */

static void
assert_fact(struct store *s, const char *name, int64_t expected)
{
	struct err e = ERR_INIT;
	int64_t value;

	assert_int_equal(store_fact(s, name, -1, &value, &e), 0);
	assert_int_equal(value, expected);
}

static void
what_was_delivered_counts_however_the_run_ended(void **state)
{
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;
	char *text;

	assert_int_equal(history_note_error(s, "it broke", 2, start, &e), 0);
	assert_fact(s, "last_fetched", 2);
	assert_fact(s, "last_failure", start);
	assert_int_equal(store_fact_text(s, "last_error", &text, &e), 0);
	assert_string_equal(text, "it broke");
	free(text);
	assert_int_equal(history_succeeded(s, 5, start + 1, &e), 0);
	assert_fact(s, "last_fetched", 5);
	assert_fact(s, "last_failure", 0);
	assert_fact(s, "last_success", start + 1);
	store_close(&s);
}

/* --- a program that cannot work --- */

static void
that_a_program_cannot_work_is_told_once_a_day(void **state)
{
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;
	static const struct {
		const char *fingerprint;
		int64_t after;
		bool fold;
	} runs[] = { { "12ab", 0, false },
		     { "12ab", DAY - 1, true },
		     { "34cd", DAY - 1, false },
		     { "34cd", 2 * DAY - 2, true },
		     { "34cd", 2 * DAY - 1, false },
		     /* the clock was set back */
		     { "34cd", 0, false } };
	bool fold;

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		assert_int_equal(history_mda_broken(s, runs[i].fingerprint,
						    start + runs[i].after,
						    &fold, &e),
				 0);
		assert_int_equal(fold, runs[i].fold);
	}
	store_close(&s);
}

static bool
is_failing(struct store *s, const struct account_settings *a, int64_t now)
{
	struct err e = ERR_INIT;
	bool is;

	assert_int_equal(history_is_failing(s, a, now, &is, &e), 0);
	return is;
}

static void
an_account_is_failing_when_its_failures_were_to_be_told(void **state)
{
	struct account_settings a = account("a");
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;
	bool fold;

	assert_false(is_failing(s, &a, start));
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(history_note_error(s, "x", 0, start, &e), 0);
		assert_int_equal(history_failed(s, &a, start, &fold, &e), 0);
		assert_int_equal(is_failing(s, &a, start), i == 3);
	}
	a.notice_failures = 0;
	a.notice_s = HOUR;
	assert_false(is_failing(s, &a, start + HOUR - 1));
	assert_true(is_failing(s, &a, start + HOUR));
	assert_int_equal(history_reached(s, &e), 0);
	assert_true(is_failing(s, &a, start));
	assert_int_equal(history_succeeded(s, 0, start, &e), 0);
	assert_false(is_failing(s, &a, start + DAY));
	store_close(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pauses_after_refusals_double_from_15_minutes_to_6_hours),
		TEST(another_fingerprint_ends_the_pause_and_begins_anew),
		TEST(a_login_that_works_ends_the_pause_and_begins_anew),
		TEST(a_clock_that_was_set_back_makes_no_endless_pause),
		TEST(a_server_in_trouble_gets_pauses_from_a_minute_up_to_the_longest),
		TEST(a_change_of_the_configuration_ends_the_pause_after_trouble),
		TEST(a_login_ends_the_pause_but_not_the_row_of_troubles),
		TEST(a_clock_that_was_set_back_ends_the_pause_after_trouble),
		TEST(a_refusal_counts_more_than_trouble),
		TEST(the_server_gets_the_pause_between_logins_that_it_wants),
		TEST(a_server_that_wants_a_pause_of_weeks_gets_a_day),
		TEST(the_third_failure_in_a_row_is_told_and_then_one_a_day),
		TEST(a_duration_counts_from_the_first_failure),
		TEST(a_row_that_began_under_a_wrong_clock_is_told_in_time),
		TEST(a_run_that_is_well_ends_the_row_of_failures),
		TEST(what_was_delivered_counts_however_the_run_ended),
		TEST(that_a_program_cannot_work_is_told_once_a_day),
		TEST(an_account_is_failing_when_its_failures_were_to_be_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
