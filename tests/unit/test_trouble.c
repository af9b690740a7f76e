/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "account/history.h"
#include "account/trouble.h"
#include "state/fact.h"
#include "store_home.h"

enum { HOUR = 3600, DAY = 86400 };
static const int64_t start = 1795255200;
static const struct account_settings account = {
	.fingerprint = (char *)(uintptr_t) "a", .notice_failures = 3
};

static struct trouble
find(struct store *s, int64_t now)
{
	struct err e = ERR_INIT;
	struct trouble t;

	if (trouble_find(s, now, &t, &e) != 0)
		fail_msg("%s", e.text);
	return t;
}

static bool
is_due(struct store *s, int64_t now)
{
	struct trouble t = find(s, now);
	struct err e = ERR_INIT;
	bool due;

	assert_int_equal(trouble_is_due(s, &t, now, &due, &e), 0);
	return due;
}

static void
tell(struct store *s, int64_t now)
{
	struct trouble t = find(s, now);
	struct err e = ERR_INIT;

	assert_int_equal(trouble_note_told(s, &t, now, &e), 0);
}

static void
note_aside(struct store *s, int64_t now)
{
	struct err e = ERR_INIT;

	assert_int_equal(trouble_note_aside(s, now, &e), 0);
}

static int64_t
set_aside(struct store *s, const char *uid)
{
	struct store_message m = home_message(uid, 10, NULL);
	struct err e = ERR_INIT;
	int64_t id = 0;

	home_begin(s);
	assert_int_equal(store_set_aside(s, &id, &m, start, "no", &e), 0);
	home_commit(s);
	return id;
}

static void
deliver(struct store *s, int64_t id)
{
	struct err e = ERR_INIT;

	home_begin(s);
	assert_int_equal(store_set_delivered(s, id, start, &e), 0);
	home_commit(s);
}

static void
set_text(struct store *s, const char *name, const char *text)
{
	struct err e = ERR_INIT;

	home_begin(s);
	assert_int_equal(store_set_fact_text(s, name, text, &e), 0);
	home_commit(s);
}

/* --- logins --- */

static void
logins_that_are_refused_for_a_day_are_trouble(void **state)
{
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;

	for (int64_t t = 0; t < DAY; t += HOUR) {
		assert_int_equal(history_login_refused(s, &account, start + t,
						       &e),
				 0);
		assert_int_equal(history_reached(s, &e), 0);
		assert_int_equal(find(s, start + t).kind, TROUBLE_NONE);
	}
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_REFUSED);
	assert_int_equal(find(s, start + DAY).since, start);
	assert_int_equal(history_logged_in(s, 0, start + DAY, &e), 0);
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_NONE);
	store_close(&s);
}

static void
a_login_does_not_end_trouble_behind_it(void **state)
{
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;

	assert_int_equal(history_put_off(s, &account, HOUR, start, &e), 0);
	assert_int_equal(history_logged_in(s, 0, start + HOUR, &e), 0);
	assert_int_equal(history_put_off(s, &account, HOUR, start + HOUR, &e),
			 0);
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_PUT_OFF);
	assert_int_equal(history_resumed(s, &e), 0);
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_NONE);
	store_close(&s);
}

/* That is for a server in trouble alone, of which both tell. */
static void
a_message_set_aside_that_was_told_of_leaves_notice_after_alone(void **state)
{
	struct store *s = home_open(*state);
	int64_t now = start + DAY;
	struct err e = ERR_INIT;
	bool fold = false;

	(void)set_aside(s, "a");
	note_aside(s, start);
	assert_int_equal(find(s, now).kind, TROUBLE_ASIDE);
	tell(s, now);
	for (unsigned i = 0; i < account.notice_failures; i++)
		assert_int_equal(history_failed(s, &account, now + i, &fold,
						&e),
				 0);
	assert_false(fold);
	store_close(&s);
}

static void
it_is_told_once_a_day_under_any_clock(void **state)
{
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;
	int64_t now = start + 2 * DAY;

	assert_int_equal(history_login_refused(s, &account, start, &e), 0);
	assert_true(is_due(s, now));
	tell(s, now);
	assert_false(is_due(s, now));
	assert_false(is_due(s, now + DAY - 1));
	assert_true(is_due(s, now + DAY));
	assert_true(is_due(s, now - 1));
	store_close(&s);
}

static void
what_notice_after_has_told_is_not_told_again(void **state)
{
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;
	bool fold = true;

	assert_int_equal(history_put_off(s, &account, HOUR, start, &e), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(history_failed(s, &account, start + DAY, &fold,
						&e),
				 0);
	assert_false(fold);
	assert_false(is_due(s, start + DAY + HOUR));
	tell(s, start + 2 * DAY);
	assert_int_equal(history_failed(s, &account, start + 2 * DAY + HOUR,
					&fold, &e),
			 0);
	assert_true(fold);
	store_close(&s);
}

/* --- messages --- */

static void
one_message_that_waits_is_trouble_and_all_are_counted(void **state)
{
	struct store *s = home_open(*state);
	int64_t first = set_aside(s, "a");

	note_aside(s, start);
	(void)set_aside(s, "b");
	note_aside(s, start + DAY);
	assert_int_equal(find(s, start + DAY - 1).kind, TROUBLE_NONE);
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_ASIDE);
	assert_int_equal(find(s, start + DAY).since, start);
	assert_int_equal(find(s, start + DAY).count, 2);
	deliver(s, first);
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_NONE);
	note_aside(s, start + DAY);
	assert_int_equal(find(s, start + 2 * DAY - 1).kind, TROUBLE_NONE);
	assert_int_equal(find(s, start + 2 * DAY).since, start + DAY);
	store_close(&s);
}

static void
a_message_without_uid_waits_as_well(void **state)
{
	struct store *s = home_open(*state);

	set_text(s, FACT_UNNAMED, "3 1000 4 1795255200;");
	note_aside(s, start);
	note_aside(s, start + HOUR);
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_ASIDE);
	assert_int_equal(find(s, start + DAY).count, 1);
	set_text(s, FACT_UNNAMED, "");
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_NONE);
	note_aside(s, start + DAY);
	assert_int_equal(find(s, start + 9 * DAY).kind, TROUBLE_NONE);
	store_close(&s);
}

static void
a_message_that_is_gone_waits_no_longer(void **state)
{
	struct store *s = home_open(*state);
	int64_t id = set_aside(s, "a");
	struct err e = ERR_INIT;

	note_aside(s, start);
	home_begin(s);
	assert_int_equal(store_set_gone(s, id, start, &e), 0);
	home_commit(s);
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_NONE);
	store_close(&s);
}

static void
a_time_under_a_wrong_clock_is_begun_anew(void **state)
{
	struct store *s = home_open(*state);

	(void)set_aside(s, "a");
	note_aside(s, start + 99 * DAY);
	assert_int_equal(find(s, start).kind, TROUBLE_NONE);
	note_aside(s, start);
	assert_int_equal(find(s, start + DAY).since, start);
	store_close(&s);
}

/* --- messages that are not listed --- */

static void
note_left_out(struct store *s, uint64_t count, int64_t now)
{
	struct err e = ERR_INIT;

	home_begin(s);
	assert_int_equal(trouble_note_left_out(s, count, now, &e), 0);
	home_commit(s);
}

static void
what_is_left_out_of_two_listings_in_a_row_is_trouble(void **state)
{
	struct store *s = home_open(*state);

	note_left_out(s, 2, start);
	assert_int_equal(find(s, start).kind, TROUBLE_NONE);
	note_left_out(s, 0, start + 1);
	note_left_out(s, 2, start + 2);
	assert_int_equal(find(s, start + 2).kind, TROUBLE_NONE);
	note_left_out(s, 1, start + 3);
	assert_int_equal(find(s, start + 3).kind, TROUBLE_LEFT_OUT);
	assert_int_equal(find(s, start + 3).since, start + 2);
	assert_int_equal(find(s, start + 3).left_out, 1);
	assert_true(is_due(s, start + 3));
	tell(s, start + 3);
	assert_false(is_due(s, start + DAY + 2));
	assert_true(is_due(s, start + DAY + 3));
	note_left_out(s, 0, start + DAY + 4);
	assert_int_equal(find(s, start + DAY + 4).kind, TROUBLE_NONE);
	store_close(&s);
}

static void
what_is_left_out_is_told_beside_what_is_set_aside(void **state)
{
	struct store *s = home_open(*state);

	(void)set_aside(s, "a");
	note_aside(s, start);
	note_left_out(s, 3, start);
	note_left_out(s, 3, start + 1);
	assert_int_equal(find(s, start + 1).kind, TROUBLE_LEFT_OUT);
	assert_int_equal(find(s, start + DAY).kind, TROUBLE_ASIDE);
	assert_int_equal(find(s, start + DAY).left_out, 3);
	store_close(&s);
}

static void
since_when_it_is_left_out_is_begun_anew_after_a_wrong_clock(void **state)
{
	struct store *s = home_open(*state);

	note_left_out(s, 1, start + 9 * DAY);
	note_left_out(s, 1, start + 9 * DAY);
	assert_int_equal(find(s, start).kind, TROUBLE_NONE);
	note_left_out(s, 1, start);
	assert_int_equal(find(s, start).since, start);
	store_close(&s);
}

/* --- words --- */

static void
the_line_says_what_to_type(void **state)
{
	struct trouble t = { TROUBLE_ASIDE, start, 3, 0 };
	char text[ERR_TEXT_MAX];

	(void)state;
	trouble_text(text, &t, "work", NULL, start + 2 * DAY + 3 * HOUR);
	assert_non_null(strstr(text, "3 messages are set aside, the first "
				     "since 2026-"));
	assert_non_null(strstr(text, " (2 days 3 hours); why: popfetch "
				     "--status -v work; to try again: "
				     "popfetch --retry work"));
	trouble_text(text, &t, "my mail", NULL, start);
	assert_non_null(strstr(text, "--retry 'my mail'"));
	t.left_out = 1;
	trouble_text(text, &t, "work", NULL, start + DAY);
	assert_non_null(strstr(text, " (1 day); and server counts 1 message "
				     "more than it lists; why: popfetch"));
	t.kind = TROUBLE_PROGRAM;
	trouble_text(text, &t, "work", NULL, start);
	assert_non_null(strstr(text, "3 messages are set aside, since a "
				     "program that option 'mda' needs "));
	assert_non_null(strstr(text, "; to try again: popfetch --retry work"));
	t.kind = TROUBLE_LOCKED;
	trouble_text(text, &t, "work", "/s/a.lock", start + 2 * HOUR);
	assert_non_null(strstr(text, "(2 hours)"));
	assert_non_null(strstr(text, "fuser -v '/s/a.lock'"));
	assert_null(strstr(text, "--retry"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(logins_that_are_refused_for_a_day_are_trouble),
		TEST(a_login_does_not_end_trouble_behind_it),
		TEST(a_message_set_aside_that_was_told_of_leaves_notice_after_alone),
		TEST(it_is_told_once_a_day_under_any_clock),
		TEST(what_notice_after_has_told_is_not_told_again),
		TEST(one_message_that_waits_is_trouble_and_all_are_counted),
		TEST(a_message_without_uid_waits_as_well),
		TEST(a_message_that_is_gone_waits_no_longer),
		TEST(a_time_under_a_wrong_clock_is_begun_anew),
		TEST(what_is_left_out_of_two_listings_in_a_row_is_trouble),
		TEST(what_is_left_out_is_told_beside_what_is_set_aside),
		TEST(since_when_it_is_left_out_is_begun_anew_after_a_wrong_clock),
		cmocka_unit_test(the_line_says_what_to_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
