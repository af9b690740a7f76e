/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What has failed about single messages, and when they have their turn. */
#include "config.h"

#include "session/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "phase_fetch.h"
#include "session/unnamed.h"
#include "state/fact.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

enum { HOUR = 3600 };

static const struct err lost = { .kind = ERR_NETWORK, .text = "lost" };
static const struct err stopped = { .kind = ERR_STOPPED, .text = "stopped" };

/* A row as it is when so many sessions broke at its message. */
static void
set_broken(struct scene *x, int64_t id, unsigned attempts, int64_t next_try)
{
	struct err e = ERR_INIT;

	assert_int_equal(store_begin(x->session.store, STORE_LAZY, &e), 0);
	assert_int_equal(store_set_failures(x->session.store, id, attempts,
					    next_try, true, "why", &e),
			 0);
	assert_int_equal(store_commit(x->session.store, &e), 0);
}

/* --- counting --- */

static void
a_message_without_a_row_is_set_aside(void **state)
{
	struct scene *x = *state;
	struct store_row row;

	scene_list(x, "a", 100);
	scene_mailbox(x);
	failure_blame(&x->session, 0, 0, &lost);
	row = fetch_row(x, "a");
	assert_int_equal(row.status, STORE_SET_ASIDE);
	assert_int_equal(row.size, 100);
	assert_int_equal(row.attempts, 1);
	assert_true(row.broke);
	assert_true(row.next_try <= clock_unix());
}

static void
a_delivered_one_stays_delivered(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);
	struct store_row row;

	scene_list(x, "a", 100);
	scene_mailbox(x);
	assert_int_equal(failure_note(&x->session, 0, 0, FAILURE_REFUSED, "no",
				      &x->e),
			 0);
	row = scene_row_now(x, id);
	assert_int_equal(row.status, STORE_DELIVERED);
	assert_int_equal(row.attempts, 1);
	assert_false(row.broke);
	assert_in_range(row.next_try, x->session.now + HOUR,
			clock_unix() + HOUR);
}

static void
one_that_this_session_has_recorded_is_counted_in_its_row(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "b", 100, HEADER, 100, 0);

	scene_list(x, "a", 100);
	scene_mailbox(x);
	failure_blame(&x->session, 0, id, &lost);
	assert_int_equal(scene_row_now(x, id).attempts, 1);
	assert_int_equal(scene_row_count(x), 1);
}

/* The message that was delivered with another size may be another, so that its
 * row neither counts nor makes it wait; one of its own size may be it. */
static void
one_of_another_size_is_set_aside_by_itself(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 1);

	set_broken(x, id, 3, clock_unix() + HOUR);
	scene_list(x, "a", 200);
	scene_mailbox(x);
	assert_int_equal(mailbox_action(x->session.mailbox, 0), PLAN_COMPARE);
	assert_true(failure_has_turn(&x->session, 0));
	failure_blame(&x->session, 0, 0, &lost);
	assert_int_equal(scene_row_count(x), 2);
	assert_int_equal(scene_row_now(x, id).attempts, 3);
	assert_int_equal(scene_row_now(x, id + 1).attempts, 1);
	assert_int_equal(scene_row_now(x, id + 1).size, 200);
	assert_int_equal(scene_row_now(x, id + 1).status, STORE_SET_ASIDE);
}

/* Of two with one uid. */
static void
one_does_not_wait_for_the_other_that_failed(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 1);

	set_broken(x, id, 3, clock_unix() + HOUR);
	scene_list(x, "a", 100);
	scene_list(x, "a", 200);
	scene_mailbox(x);
	assert_int_equal(mailbox_action(x->session.mailbox, 1), PLAN_COMPARE);
	assert_false(failure_has_turn(&x->session, 0));
	assert_true(failure_has_turn(&x->session, 1));
	failure_blame(&x->session, 1, 0, &lost);
	assert_int_equal(scene_row_count(x), 2);
	assert_int_equal(scene_row_now(x, id).attempts, 3);
}

static void
the_third_time_it_waits_an_hour(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	set_broken(x, id, BACKOFF_PATIENCE, 0);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	failure_blame(&x->session, 0, 0, &lost);
	assert_int_equal(scene_row_now(x, id).attempts, 3);
	assert_in_range(scene_row_now(x, id).next_try, x->session.now + HOUR,
			clock_unix() + HOUR);
	assert_true(scene_was_told(
		x, "not deleted for now: message 1 (uid 'a'): lost"));
}

static void
a_stop_never_sets_a_message_aside(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	set_broken(x, id, BACKOFF_PATIENCE, 0);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	failure_blame(&x->session, 0, 0, &stopped);
	assert_int_equal(scene_row_now(x, id).attempts, BACKOFF_PATIENCE);
}

static void
what_came_after_all_is_forgiven(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	set_broken(x, id, 1, 0);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	assert_int_equal(failure_forget(&x->session, 0, &x->e), 0);
	assert_int_equal(scene_row_now(x, id).attempts, 0);
	assert_false(scene_row_now(x, id).broke);
}

/* --- turns --- */

static void
one_at_which_a_session_broke_has_its_own_turn(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	x->keeper_settings.rules.keep_s = SCENE_DAY;
	set_broken(x, id, 1, 0);
	scene_list(x, "a", 100);
	scene_list(x, "b", 100);
	scene_mailbox(x);
	assert_false(failure_has_turn(&x->session, 0));
	assert_true(failure_has_turn(&x->session, 1));
	assert_true(failure_awaits_turn(&x->session, true));
	x->session.turn.tries_broken = true;
	assert_true(failure_has_turn(&x->session, 0));
	assert_false(failure_has_turn(&x->session, 1));
}

static void
one_that_waits_has_none(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	x->keeper_settings.rules.keep_s = SCENE_DAY;
	set_broken(x, id, 3, clock_unix() + HOUR);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	assert_int_equal(mailbox_action(x->session.mailbox, 0), PLAN_KEEP);
	assert_false(failure_awaits_turn(&x->session, true));
	x->session.turn.tries_broken = true;
	assert_false(failure_has_turn(&x->session, 0));
}

/* --- without uids --- */

/* Two messages; this is on record. */
static void
list_unnamed(struct scene *x, const char *fact)
{
	assert_int_equal(phase_begin_note(&x->session, &x->e), 0);
	assert_int_equal(store_set_fact_text(x->session.store, FACT_UNNAMED,
					     fact, &x->e),
			 0);
	assert_int_equal(phase_end_note(&x->session, 0, &x->e), 0);
	scene_list(x, "", 100);
	scene_list(x, "", 200);
	scene_mailbox(x);
	assert_int_equal(unnamed_recall(&x->session, &x->e), 0);
}

static bool
is_marked(const struct scene *x, size_t entry, enum mailbox_mark mark)
{
	return mailbox_is(x->session.mailbox, entry, mark);
}

static void
what_has_no_uid_is_known_by_number_and_size(void **state)
{
	struct scene *x = *state;

	list_unnamed(x, "");
	failure_blame(&x->session, 1, 0, &lost);
	failure_blame(&x->session, 1, 0, &lost);
	assert_int_equal(failure_attempts(&x->session, 0), 0);
	assert_int_equal(failure_attempts(&x->session, 1), 2);
	assert_int_equal(scene_row_count(x), 0);
	mailbox_mark(x->session.mailbox, 1, MAILBOX_RETRIEVED);
	assert_int_equal(unnamed_settle(&x->session, &x->e), 0);
	assert_int_equal(failure_attempts(&x->session, 1), 0);
}

static void
its_number_may_have_become_smaller(void **state)
{
	struct scene *x = *state;

	list_unnamed(x, "7 200 2 0;");
	assert_false(is_marked(x, 0, MAILBOX_BROKE));
	assert_true(is_marked(x, 1, MAILBOX_BROKE));
	assert_false(is_marked(x, 1, MAILBOX_TRIED));
}

static void
where_newer_ones_are_listed_first_its_number_has_grown(void **state)
{
	struct scene *x = *state;

	list_unnamed(x, "1 200 2 0;");
	assert_true(is_marked(x, 1, MAILBOX_BROKE));
	assert_int_equal(failure_attempts(&x->session, 1), 2);
}

static void
what_broke_once_is_no_different_from_others(void **state)
{
	struct scene *x = *state;

	list_unnamed(x, "2 200 1 0;");
	assert_false(is_marked(x, 1, MAILBOX_BROKE));
	failure_blame(&x->session, 1, 0, &lost);
	assert_int_equal(failure_attempts(&x->session, 1), 2);
}

static void
the_third_time_it_waits_as_others_do(void **state)
{
	struct scene *x = *state;

	list_unnamed(x, "2 200 2 0;");
	failure_blame(&x->session, 1, 0, &lost);
	assert_true(scene_was_told(x, "message 2 is set aside"));
	assert_int_equal(unnamed_recall(&x->session, &x->e), 0);
	assert_true(is_marked(x, 1, MAILBOX_TRIED));
}

static void
what_is_refused_waits_at_once_and_comes_last(void **state)
{
	struct scene *x = *state;

	list_unnamed(x, "");
	assert_int_equal(failure_note(&x->session, 1, 0, FAILURE_REFUSED, "no",
				      &x->e),
			 0);
	assert_int_equal(failure_attempts(&x->session, 1), 1);
	assert_int_equal(unnamed_recall(&x->session, &x->e), 0);
	assert_true(is_marked(x, 1, MAILBOX_TRIED));
	assert_false(is_marked(x, 1, MAILBOX_BROKE));
	assert_int_equal(failure_count(x->session.mailbox, 0), 0);
	assert_int_equal(failure_count(x->session.mailbox, 1), 1);
}

/* Or one of its size that comes later would be taken for it. */
static void
its_number_is_that_of_the_next_listing(void **state)
{
	struct scene *x = *state;
	char *fact;

	list_unnamed(x, "2 200 -1 9;");
	mailbox_mark(x->session.mailbox, 0, MAILBOX_DELETED);
	assert_int_equal(unnamed_settle(&x->session, &x->e), 0);
	assert_int_equal(store_fact_text(x->session.store, FACT_UNNAMED, &fact,
					 &x->e),
			 0);
	assert_string_equal(fact, "1 200 -1 9;");
	free(fact);
}

static void
nonsense_on_record_is_nobody(void **state)
{
	struct scene *x = *state;

	list_unnamed(x, "2 200 two;");
	assert_false(is_marked(x, 1, MAILBOX_BROKE));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_without_a_row_is_set_aside),
		TEST(a_delivered_one_stays_delivered),
		TEST(one_that_this_session_has_recorded_is_counted_in_its_row),
		TEST(one_of_another_size_is_set_aside_by_itself),
		TEST(one_does_not_wait_for_the_other_that_failed),
		TEST(the_third_time_it_waits_an_hour),
		TEST(a_stop_never_sets_a_message_aside),
		TEST(what_came_after_all_is_forgiven),
		TEST(one_at_which_a_session_broke_has_its_own_turn),
		TEST(one_that_waits_has_none),
		TEST(what_has_no_uid_is_known_by_number_and_size),
		TEST(its_number_may_have_become_smaller),
		TEST(where_newer_ones_are_listed_first_its_number_has_grown),
		TEST(what_broke_once_is_no_different_from_others),
		TEST(the_third_time_it_waits_as_others_do),
		TEST(what_is_refused_waits_at_once_and_comes_last),
		TEST(its_number_is_that_of_the_next_listing),
		TEST(nonsense_on_record_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
