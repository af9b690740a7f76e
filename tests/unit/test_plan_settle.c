/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the plan: settling what was compared, sizes, reasons, and many messages. */
#include "config.h"
#include "state/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan_scene.h"
#include "state/fit.h"

/* --- settling --- */

static void
assert_shown(const struct scene *c, const char *expected)
{
	char shown[SCENE_SHOWN_MAX];

	scene_show(c, shown);
	assert_string_equal(shown, expected);
}

static void
candidates_are_the_rows_of_the_uid_in_order(void **state)
{
	struct scene c;
	size_t at = SIZE_MAX;

	(void)state;
	scene_set(&c, "a:1:D b:1:D a:2:W a:3:N -:1:D", "a:9 c:1 -:1", "", 0);
	plan_decide(c.p, &c.rules);
	assert_true(plan_next_candidate(c.p, 0, &at) && at == 0);
	assert_true(plan_next_candidate(c.p, 0, &at) && at == 2);
	assert_true(plan_next_candidate(c.p, 0, &at) && at == 3);
	assert_false(plan_next_candidate(c.p, 0, &at));
	at = SIZE_MAX;
	assert_false(plan_next_candidate(c.p, 1, &at));
	at = SIZE_MAX;
	assert_false(plan_next_candidate(c.p, 2, &at));
	scene_end(&c);
}

static void
twins_are_the_entries_before_with_the_same_uid(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "", "a:1 b:1 a:1 -:1 a:1 -:1", "", 0);
	plan_decide(c.p, &c.rules);
	assert_true(match_twin(plan_match(c.p), 4) == 2);
	assert_true(match_twin(plan_match(c.p), 2) == 0);
	assert_true(match_twin(plan_match(c.p), 0) == SIZE_MAX);
	assert_true(match_twin(plan_match(c.p), 1) == SIZE_MAX);
	assert_true(match_twin(plan_match(c.p), 5) == SIZE_MAX);
	scene_end(&c);
}

/* Which of the entries is fetched for the first row: the first whose turn it
 * is. */
static void
assert_turn(const struct scene *c, unsigned attempts, size_t expected)
{
	struct store_row row = store_rows_at(c->rows, 0);
	size_t i = 0;

	row.broke = true;
	row.attempts = attempts;
	while (!fit_is_next(plan_match(c->p), c->l, i, &row))
		i++;
	assert_int_equal(i, expected);
}

static void
where_sessions_broke_each_of_a_uid_and_size_is_the_first_by_turns(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:s", "a:1 a:1 a:1 b:1", "", 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_turn(&c, 3 * i, 0);
		assert_turn(&c, 3 * i + 1, 1);
		assert_turn(&c, 3 * i + 2, 2);
	}
	scene_end(&c);
	scene_set(&c, "a:1:s", "a:1 a:2 a:1", "", 0);
	assert_turn(&c, 1, 0);
	scene_end(&c);
}

/* Beyond max_messages others take the place of what was known or failed. */
static void
so_many_are_admitted_as_have_not_come(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "c:1:S", "a:1 b:1 c:1 d:1 e:1 f:1", "n=2", 0);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "F F F0 P P P");
	plan_admit(c.p, 2);
	assert_shown(&c, "F F F0 P P P");
	plan_admit(c.p, 1);
	assert_shown(&c, "F F F0 F P P");
	plan_admit(c.p, 0);
	assert_shown(&c, "F F F0 F F F");
	plan_admit(c.p, 0);
	assert_int_equal(plan_count(c.p, PLAN_LATER), 0);
	scene_end(&c);
}

static void
an_equal_header_means_the_size_has_changed(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D", "a:2", "keep=5", 0);
	plan_decide(c.p, &c.rules);
	plan_settle(c.p, 0, 0);
	assert_shown(&c, "D0~");
	assert_int_equal(plan_count(c.p, PLAN_COMPARE), 0);
	assert_int_equal(plan_count(c.p, PLAN_DELETE), 1);
	scene_end(&c);
}

static void
another_header_means_a_new_message(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D", "a:2", "keep=0", 0);
	plan_decide(c.p, &c.rules);
	plan_settle(c.p, 0, SIZE_MAX);
	assert_shown(&c, "F");
	scene_end(&c);
}

static void
a_message_found_to_be_new_by_its_header_obeys_the_limits(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D b:1:D c:1:D", "a:2 b:99 c:2 d:1", "n=2 max=9", 0);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "C C C F");
	plan_settle(c.p, 0, SIZE_MAX);
	plan_settle(c.p, 1, SIZE_MAX);
	plan_settle(c.p, 2, SIZE_MAX);
	assert_shown(&c, "F L P F");
	scene_end(&c);
}

/* The header is checked before DELE: a uid given to another message. */
static void
a_message_due_for_deletion_that_is_another_one_is_fetched(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D", "a:1", "keep=0", 0);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "D0");
	plan_settle(c.p, 0, SIZE_MAX);
	assert_shown(&c, "F");
	scene_end(&c);
}

static void
a_message_without_uid_that_is_known_is_kept_or_deleted(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "-:1:D -:1:D", "-:1 -:1", "keep=0 n=1", 0);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "F# P");
	assert_false(plan_row_is_here(c.p, 1));
	plan_settle(c.p, 0, 1);
	assert_shown(&c, "D1 P");
	assert_true(plan_row_is_here(c.p, 1));
	assert_false(plan_row_is_here(c.p, 0));
	scene_end(&c);
}

static void
equal_messages_under_one_uid_are_one_delivered_message(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D", "a:1 a:1 a:1", "keep=0", 0);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "C C C");
	plan_settle(c.p, 0, 0);
	plan_settle(c.p, 1, SIZE_MAX);
	plan_settle(c.p, 2, 0);
	assert_shown(&c, "D0 F D0");
	scene_end(&c);
}

static void
with_all_equal_messages_under_one_uid_are_fetched_once(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D", "a:1 a:1", "all", 0);
	plan_decide(c.p, &c.rules);
	plan_settle(c.p, 0, 0);
	plan_settle(c.p, 1, 0);
	assert_shown(&c, "F0 K0");
	/* The first turns out otherwise: the row is free again. */
	plan_settle(c.p, 0, SIZE_MAX);
	plan_settle(c.p, 1, 0);
	assert_shown(&c, "F F0");
	scene_end(&c);
}

/* The server refuses RETR and TOP of one of two messages under one uid: each run
 * compares, finds nothing, and must come back to the row that the first run made. */
static void
a_failing_message_under_a_double_uid_keeps_its_row(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D a:1:w", "a:1 a:1", "", 0);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "C C");
	plan_settle(c.p, 0, 0);
	plan_settle(c.p, 1, SIZE_MAX);
	assert_shown(&c, "K0 A1");
	scene_end(&c);

	scene_set(&c, "a:1:D a:1:s", "a:1 a:1 a:1", "", 0);
	plan_decide(c.p, &c.rules);
	plan_settle(c.p, 0, 0);
	plan_settle(c.p, 1, SIZE_MAX);
	plan_settle(c.p, 2, SIZE_MAX);
	assert_shown(&c, "K0 F1 F");
	scene_end(&c);
}

static void
rows_know_whether_their_message_is_there(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D b:1:D a:2:D -:1:D c:1:D", "x:1 a:1 -:1 c:2", "",
		  0);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "F K0 F# C");
	assert_true(plan_row_is_here(c.p, 0));
	for (size_t r = 1; r < 5; r++)
		assert_false(plan_row_is_here(c.p, r));
	for (size_t r = 0; r < 5; r++)
		assert_int_equal(plan_row_is_unclear(c.p, r), r == 4);
	plan_settle(c.p, 3, 4);
	assert_true(plan_row_is_here(c.p, 4));
	assert_false(plan_row_is_unclear(c.p, 4));
	scene_end(&c);
}

/* The uid has been given to another message: the old one is gone. */
static void
a_row_whose_uid_is_another_messages_is_not_there(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D", "a:1", "keep=0", 0);
	plan_decide(c.p, &c.rules);
	assert_true(plan_row_is_here(c.p, 0));
	plan_settle(c.p, 0, SIZE_MAX);
	assert_false(plan_row_is_here(c.p, 0));
	assert_false(plan_row_is_unclear(c.p, 0));
	scene_end(&c);
}

static void
messages_that_are_due_without_a_header_are_counted(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:d b:1:D c:1:d", "a:1 b:1 c:1", "keep=5", 0);
	plan_decide(c.p, &c.rules);
	assert_int_equal(plan_unproven(c.p), 2);
	c.rules = scene_rules("keep=11");
	plan_decide(c.p, &c.rules);
	assert_int_equal(plan_unproven(c.p), 0);
	scene_end(&c);
}

static void
deletion_withheld_because_of_the_clock_is_told(void **state)
{
	static const struct {
		const char *rows, *rules;
		bool odd;
	} cases[] = {
		{ "a:1:D", "keep=5", false },
		{ "a:1:D", "keep=5 last=-1", false },
		{ "a:1:D", "keep=5 last=1", true },
		{ "a:1:D", "keep=5 last=-31", true },
		{ "a:1:N", "keep=5 last=-31", false }, /* not due anyway */
		{ "a:1:N", "keep=5 last=10", true },   /* due by that clock */
		{ "a:1:D", "keep=0 last=1", false },
		{ "a:1:D", "last=1", false },
		{ "a:1:W", "keep=5 last=1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene c;

		scene_set(&c, cases[i].rows, "a:1", cases[i].rules, 0);
		plan_decide(c.p, &c.rules);
		assert_int_equal(plan_is_withheld(c.p), cases[i].odd);
		scene_end(&c);
	}
}

/* --- sizes --- */

static void
sizes_are_asked_for_only_as_needed(void **state)
{
	static const struct {
		const char *what, *rows, *listed;
		uint64_t total;
		enum plan_sizes first;
	} cases[] = {
		{ "an empty mailbox", "a:1:D", "", 0, PLAN_SIZES_ENOUGH },
		{ "all known, and the sum is right", "a:1:D b:2:W c:3:L",
		  "a:? b:? c:?", 6, PLAN_SIZES_ENOUGH },
		{ "all known, but the sum is not", "a:1:D b:2:D", "a:? b:?", 4,
		  PLAN_SIZES_ALL },
		{ "one new", "a:1:D b:1:D c:1:D", "a:? b:? c:? d:?", 9,
		  PLAN_SIZES_NEW },
		{ "one without uid", "a:1:D b:1:D c:1:D", "a:? b:? c:? -:?", 9,
		  PLAN_SIZES_NEW },
		{ "a new one alone", "", "a:?", 9, PLAN_SIZES_NEW },
		{ "too many new", "a:1:D", "a:? b:? c:? d:?", 9,
		  PLAN_SIZES_ALL },
		{ "a known one without size", "a:?:D b:1:D", "a:? b:?", 5,
		  PLAN_SIZES_NEW },
		{ "a uid of two sizes", "a:1:D a:2:D", "a:?", 1,
		  PLAN_SIZES_NEW },
		{ "a uid in two rows of one size", "a:1:D a:1:D", "a:?", 1,
		  PLAN_SIZES_ENOUGH },
		{ "a known uid counts once", "a:1:D b:1:D c:1:D",
		  "a:? a:? b:? c:?", 4, PLAN_SIZES_NEW },
		{ "sums that overflow",
		  "a:9223372036854775807:D"
		  " b:9223372036854775807:D c:9223372036854775807:D",
		  "a:? b:? c:?", UINT64_C(9223372036854775805),
		  PLAN_SIZES_ALL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene c;

		scene_set(&c, cases[i].rows, cases[i].listed, "",
			  cases[i].total);
		if (plan_sizes(c.p) != cases[i].first)
			fail_msg("%s", cases[i].what);
		scene_end(&c);
	}
}

static void
sizes_listed_for_the_new_ones_are_enough_if_they_add_up(void **state)
{
	struct scene c;

	(void)state;
	for (int64_t size = 6; size < 8; size++) {
		scene_set(&c, "a:1:D b:1:D c:1:D", "a:? b:? c:? d:?", "", 9);
		assert_int_equal(plan_sizes(c.p), PLAN_SIZES_NEW);
		assert_true(plan_size(c.p, 0) >= 0);
		assert_true(plan_size(c.p, 3) == LISTING_SIZE_UNKNOWN);
		listing_set_size(c.l, 4, size);
		assert_true(plan_size(c.p, 3) >= 0);
		assert_int_equal(plan_sizes(c.p), size == 6 ? PLAN_SIZES_ENOUGH
							    : PLAN_SIZES_ALL);
		scene_end(&c);
	}
}

static void
a_server_that_tells_no_sizes_is_not_asked_for_ever(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D b:1:D c:1:D", "a:? b:? c:? d:?", "", 9);
	assert_int_equal(plan_sizes(c.p), PLAN_SIZES_NEW);
	assert_int_equal(plan_sizes(c.p), PLAN_SIZES_ALL);
	assert_int_equal(plan_sizes(c.p), PLAN_SIZES_ENOUGH);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "K0 K1 K2 F");
	scene_end(&c);
}

/* LIST shows which message has taken over a known uid. */
static void
a_sum_that_differs_leads_to_the_message_that_does(void **state)
{
	struct scene c;

	(void)state;
	scene_set(&c, "a:1:D b:2:D", "a:? b:?", "", 4);
	assert_int_equal(plan_sizes(c.p), PLAN_SIZES_ALL);
	listing_set_size(c.l, 1, 1);
	listing_set_size(c.l, 2, 3);
	plan_decide(c.p, &c.rules);
	assert_shown(&c, "K0 C");
	scene_end(&c);
}

/* --- words --- */

static void
each_decision_has_its_reason(void **state)
{
	static const struct {
		const char *row, *entry, *rules, *reason;
	} cases[] = {
		{ "", "a:1", "", "new" },
		{ "", "-:1", "", "without uid, compared with earlier ones" },
		{ "a:1:D", "a:1", "", "delivered 10 days ago, kept" },
		{ "a:1:D", "a:1", "keep=14",
		  "delivered 10 days ago, kept for 14 days" },
		{ "a:1:D", "a:1", "keep=5",
		  "delivered 10 days ago, kept for 5 days" },
		{ "a:1:N", "a:1", "keep=0", "delivered 1 day ago, not kept" },
		{ "a:1:Z", "a:1", "keep=5", "delivered, kept for 5 days" },
		{ "a:1:D", "a:1!", "keep=0",
		  "delivered 10 days ago, not"
		  " deleted: listed more than once" },
		{ "a:1:D", "a:1", "keep=5 last=1",
		  "delivered 10 days ago, not"
		  " deleted: the clock has jumped" },
		{ "a:1:D", "a:1", "all", "delivered 10 days ago" },
		{ "a:1:D", "a:2", "", "known uid, to be compared" },
		{ "a:1:D", "a:1 a:1", "",
		  "uid listed more than once, to be compared" },
		{ "", "a:20971521", "max=20971520", "larger than 20 MiB" },
		{ "a:1:W", "a:1", "", "set aside, next try in 2 hours" },
		{ "a:1:S", "a:1", "", "set aside, next try is due" },
		{ "a:1:L", "a:1", "", "was too large, no longer is" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char reason[PLAN_REASON_MAX];
		struct scene c;

		scene_set(&c, cases[i].row, cases[i].entry, cases[i].rules, 0);
		plan_decide(c.p, &c.rules);
		plan_reason(c.p, 0, reason);
		assert_string_equal(reason, cases[i].reason);
		scene_end(&c);
	}
}

static void
what_is_beyond_the_limit_says_so(void **state)
{
	char reason[PLAN_REASON_MAX];
	struct scene c;

	(void)state;
	scene_set(&c, "", "a:1 b:1", "n=1", 0);
	plan_decide(c.p, &c.rules);
	plan_reason(c.p, 1, reason);
	assert_string_equal(reason,
			    "left for a later run: 'max_messages' is 1");
	scene_end(&c);
}

/* --- many --- */

static void
add_many(struct scene *c, unsigned rows, unsigned entries, bool same)
{
	struct err e = ERR_INIT;
	char uid[32];

	scene_check(store_open(&c->store, "/nonexistent/popfetch.db", -1, false,
			       &e),
		    &e);
	scene_check(store_begin(c->store, STORE_LAZY, &e), &e);
	for (unsigned i = 0; i < rows; i++) {
		snprintf(uid, sizeof(uid), "%024x", same ? 1 : i);
		scene_add_row(c->store, uid, 1, 'D');
	}
	scene_check(store_commit(c->store, &e), &e);
	scene_check(store_load(c->store, &c->rows, &e), &e);
	c->l = listing_new(entries, entries);
	for (unsigned i = 0; i < entries; i++) {
		snprintf(uid, sizeof(uid), "%024x", same ? 1 : i);
		assert_true(listing_add(c->l, i + 1, uid, strlen(uid)));
	}
	listing_done(c->l);
	c->p = plan_new(c->l, c->rows);
	c->rules = scene_rules("keep=5");
	(void)plan_sizes(c->p);
	plan_decide(c->p, &c->rules);
}

static void
many_known_and_new_messages_are_told_apart(void **state)
{
	struct scene c;

	(void)state;
	add_many(&c, 60000, 100000, false);
	assert_int_equal(plan_count(c.p, PLAN_DELETE), 60000);
	assert_int_equal(plan_count(c.p, PLAN_FETCH), 40000);
	for (size_t i = 0; i < 60000; i++)
		assert_true(plan_at(c.p, i).row == i);
	scene_end(&c);
}

/* In squared time this would take minutes. */
static void
one_uid_a_hundred_thousand_times_is_no_trouble(void **state)
{
	struct scene c;

	(void)state;
	add_many(&c, 50000, 100000, true);
	assert_int_equal(plan_count(c.p, PLAN_COMPARE), 100000);
	for (size_t i = 0; i < 100000; i++)
		plan_settle(c.p, i, SIZE_MAX);
	assert_int_equal(plan_count(c.p, PLAN_FETCH), 100000);
	scene_end(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(candidates_are_the_rows_of_the_uid_in_order),
		cmocka_unit_test(
			twins_are_the_entries_before_with_the_same_uid),
		cmocka_unit_test(
			where_sessions_broke_each_of_a_uid_and_size_is_the_first_by_turns),
		cmocka_unit_test(so_many_are_admitted_as_have_not_come),
		cmocka_unit_test(an_equal_header_means_the_size_has_changed),
		cmocka_unit_test(another_header_means_a_new_message),
		cmocka_unit_test(
			a_message_found_to_be_new_by_its_header_obeys_the_limits),
		cmocka_unit_test(
			a_message_due_for_deletion_that_is_another_one_is_fetched),
		cmocka_unit_test(
			a_message_without_uid_that_is_known_is_kept_or_deleted),
		cmocka_unit_test(
			equal_messages_under_one_uid_are_one_delivered_message),
		cmocka_unit_test(
			with_all_equal_messages_under_one_uid_are_fetched_once),
		cmocka_unit_test(
			a_failing_message_under_a_double_uid_keeps_its_row),
		cmocka_unit_test(rows_know_whether_their_message_is_there),
		cmocka_unit_test(
			a_row_whose_uid_is_another_messages_is_not_there),
		cmocka_unit_test(
			messages_that_are_due_without_a_header_are_counted),
		cmocka_unit_test(
			deletion_withheld_because_of_the_clock_is_told),
		cmocka_unit_test(sizes_are_asked_for_only_as_needed),
		cmocka_unit_test(
			sizes_listed_for_the_new_ones_are_enough_if_they_add_up),
		cmocka_unit_test(
			a_server_that_tells_no_sizes_is_not_asked_for_ever),
		cmocka_unit_test(
			a_sum_that_differs_leads_to_the_message_that_does),
		cmocka_unit_test(each_decision_has_its_reason),
		cmocka_unit_test(what_is_beyond_the_limit_says_so),
		cmocka_unit_test(many_known_and_new_messages_are_told_apart),
		cmocka_unit_test(
			one_uid_a_hundred_thousand_times_is_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
