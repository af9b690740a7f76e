/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What the listing makes of earlier sessions: UIDL that is refused, the clock,
 * TOP that differs, and what is too large. */
#include "config.h"

#include "keeper/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/compare.h"
#include "phase_scene.h"
#include "state/fact.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

enum { HOUR = 3600, KEEP_DAYS = 14, OLD_DAYS = 20 };

static void
run_well(struct scene *x)
{
	if (list_run(&x->session, &x->e) != 0)
		fail_msg("%s", x->e.text);
}

static void
run_badly(struct scene *x, enum err_kind kind, const char *text)
{
	assert_int_equal(list_run(&x->session, &x->e), -1);
	assert_int_equal(x->e.kind, kind);
	assert_string_equal(x->e.text, text);
}

static void
note_facts(struct scene *x)
{
	assert_int_equal(phase_begin_note(&x->session, &x->e), 0);
	assert_int_equal(phase_end_note(&x->session,
					list_note_facts(&x->session, &x->e),
					&x->e),
			 0);
}

/* The next session; what was told so far is forgotten. */
static void
begin_again(struct scene *x)
{
	(void)scene_was_told(x, "");
	free(x->told);
	x->told = mem_string("");
	mailbox_free(&x->session.mailbox);
}

/* --- UIDL is refused --- */

/* One message is counted, of 100 octets. */
static void
refuse_uidl(struct scene *x)
{
	scene_facts(x);
	scene_answer(x, LINK_STAT, 1, 100, "");
	scene_answer(x, LINK_LISTED, 0, 0, "server said: not now");
}

static void
uidl_that_is_announced_and_refused_is_asked_for_again_later(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	refuse_uidl(x);
	run_badly(x, ERR_LATER, "server refuses UIDL: server said: not now");
	scene_assert_asked(x, "GO");
	assert_int_equal(scene_fact(x, FACT_UIDL_REFUSED), 1);
}

static void
uidl_that_was_there_before_is_asked_for_again_later(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	x->session.facts.announces_uidl = false;
	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	refuse_uidl(x);
	run_badly(x, ERR_LATER, "server refuses UIDL: server said: not now");
	scene_assert_asked(x, "GO");
}

static void
refusals_of_three_runs_over_a_day_are_not_for_later_any_more(void **state)
{
	struct scene *x = *state;

	for (int i = 0; i < 2; i++) {
		refuse_uidl(x);
		run_badly(x, ERR_LATER,
			  "server refuses UIDL: server said: not now");
	}
	scene_set_fact(x, FACT_UIDL_REFUSED_SINCE, clock_unix() - SCENE_DAY);
	refuse_uidl(x);
	run_badly(x, ERR_UNAVAILABLE,
		  "server refuses UIDL: server said: not now");
	assert_int_equal(scene_fact(x, FACT_UIDL_REFUSED), 3);
}

static void
refusals_of_three_runs_within_a_day_are_for_later(void **state)
{
	struct scene *x = *state;

	scene_set_fact(x, FACT_UIDL_REFUSED, 2);
	scene_set_fact(x, FACT_UIDL_REFUSED_SINCE,
		       clock_unix() - SCENE_DAY + HOUR);
	refuse_uidl(x);
	run_badly(x, ERR_LATER, "server refuses UIDL: server said: not now");
}

static void
refusals_since_a_day_to_come_count_from_now(void **state)
{
	struct scene *x = *state;

	scene_set_fact(x, FACT_UIDL_REFUSED, 2);
	scene_set_fact(x, FACT_UIDL_REFUSED_SINCE, clock_unix() + SCENE_DAY);
	refuse_uidl(x);
	run_badly(x, ERR_LATER, "server refuses UIDL: server said: not now");
	assert_in_range(scene_fact(x, FACT_UIDL_REFUSED_SINCE),
			clock_unix() - HOUR, clock_unix());
}

static void
a_run_that_only_looks_counts_no_refusal(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_DRY_RUN;
	scene_set_fact(x, FACT_UIDL_REFUSED, 2);
	refuse_uidl(x);
	run_badly(x, ERR_LATER, "server refuses UIDL: server said: not now");
	assert_int_equal(scene_fact(x, FACT_UIDL_REFUSED), 2);
}

static void
a_listing_with_uids_ends_the_row_of_refusals(void **state)
{
	struct scene *x = *state;

	scene_set_fact(x, FACT_UIDL_REFUSED, 2);
	scene_listing(x);
	run_well(x);
	note_facts(x);
	assert_int_equal(scene_fact(x, FACT_UIDL_REFUSED), 0);
}

/* --- there is no UIDL --- */

static void
without_uidl_what_is_kept_cannot_be_known_again(void **state)
{
	struct scene *x = *state;

	x->session.facts.announces_uidl = false;
	refuse_uidl(x);
	run_badly(x, ERR_UNAVAILABLE,
		  "server has no UIDL: only keep = \"no\" works");
	scene_assert_asked(x, "GO");
	assert_int_equal(scene_fact(x, FACT_UIDL_REFUSED), 0);
}

static void
without_uidl_list_tells_what_is_there(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	x->session.facts.announces_uidl = false;
	refuse_uidl(x);
	scene_answer(x, LINK_SIZE, 1, 100, "");
	scene_answer(x, LINK_LISTED, 0, 1, "");
	run_well(x);
	scene_assert_asked(x, "GO, LIST");
	assert_false(mailbox_has_uids(x->session.mailbox));
	assert_int_equal(mailbox_size(x->session.mailbox, 0), 100);
	assert_true(scene_was_told(x, "1 message, 1 to fetch"));
}

static void
a_list_that_came_along_is_not_asked_for_again(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	x->session.facts.announces_uidl = false;
	scene_facts(x);
	scene_answer(x, LINK_STAT, 1, 100, "");
	scene_answer(x, LINK_SIZE, 1, 100, "");
	scene_answer(x, LINK_LISTED, 0, 0, "server said: not now");
	run_well(x);
	scene_assert_asked(x, "GO");
	assert_true(scene_was_told(x, "1 message, 1 to fetch"));
}

/* --- the clock --- */

/* One message, on record for longer than it is kept. */
static void
list_what_is_due(struct scene *x)
{
	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	scene_list(x, "a", 100);
	scene_listing(x);
}

static void
a_clock_that_went_on_deletes_what_is_due(void **state)
{
	struct scene *x = *state;

	scene_set_fact(x, FACT_LAST_RUN, clock_unix() - HOUR);
	list_what_is_due(x);
	run_well(x);
	assert_true(scene_was_told(x, "0 to fetch, 1 to delete"));
	assert_false(scene_was_told(x, "jumped"));
	note_facts(x);
	assert_int_equal(scene_fact(x, FACT_LAST_RUN), x->session.now);
}

static void
a_clock_that_was_set_back_deletes_nothing_and_that_is_said_once(void **state)
{
	struct scene *x = *state;

	scene_set_fact(x, FACT_LAST_RUN, clock_unix() + HOUR);
	list_what_is_due(x);
	run_well(x);
	assert_true(scene_was_told(x, "0 to fetch, 0 to delete"));
	assert_true(scene_was_told(x, "the clock has jumped since the last "
				      "run: nothing is deleted by age"));
	note_facts(x);
	begin_again(x);
	scene_set_fact(x, FACT_LAST_RUN, clock_unix() - HOUR);
	scene_listing(x);
	run_well(x);
	assert_true(scene_was_told(x, "0 to fetch, 0 to delete"));
	assert_false(scene_was_told(x, "jumped"));
}

static void
a_clock_that_has_gone_on_for_a_day_is_believed_again(void **state)
{
	struct scene *x = *state;

	scene_set_fact(x, FACT_LAST_RUN, clock_unix() - HOUR);
	scene_set_fact(x, FACT_CLOCK_WENT_ON, SCENE_DAY - HOUR);
	list_what_is_due(x);
	run_well(x);
	assert_true(scene_was_told(x, "0 to fetch, 1 to delete"));
	note_facts(x);
	assert_int_equal(scene_fact(x, FACT_CLOCK_WENT_ON), -1);
}

static void
a_clock_that_has_jumped_and_withholds_nothing_is_not_spoken_of(void **state)
{
	struct scene *x = *state;

	scene_set_fact(x, FACT_LAST_RUN, clock_unix() + HOUR);
	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	scene_list(x, "a", 100);
	scene_listing(x);
	run_well(x);
	assert_false(scene_was_told(x, "jumped"));
}

static void
without_a_last_run_the_last_delivery_is_one(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	(void)scene_row(x, "a", 100, HEADER, 100, 50);
	(void)scene_row(x, "b", 100, HEADER, 100, 40);
	/* of a list, which is no delivery */
	(void)scene_row(x, "c", -1, NULL, 0, 1);
	scene_list(x, "a", 100);
	scene_listing(x);
	run_well(x);
	assert_true(scene_was_told(x, "jumped"));
	assert_true(scene_was_told(x, "0 to fetch, 0 to delete"));
}

/* --- TOP --- */

/* What is asked for to compare a header, when TOP was seen to differ then. */
static void
assert_asked_for_header(struct scene *x, int64_t noted, const char *asked)
{
	int64_t id = scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);

	scene_set_fact(x, FACT_TOP_DIFFERS, noted);
	scene_set_fact(x, FACT_LAST_RUN, clock_unix() - HOUR);
	assert_int_equal(phase_begin_note(&x->session, &x->e), 0);
	assert_int_equal(store_set_dele_sent(x->session.store, id, clock_unix(),
					     &x->e),
			 0);
	assert_int_equal(phase_end_note(&x->session, 0, &x->e), 0);
	scene_list(x, "a", 100);
	scene_listing(x);
	scene_message(x, 1, HEADER, 100);
	run_well(x);
	assert_int_equal(compare_run(&x->session, false, &x->e), 0);
	scene_assert_asked(x, asked);
}

static void
top_that_differed_is_not_asked_for_a_month(void **state)
{
	struct scene *x = *state;
	int64_t noted = clock_unix() - 29 * SCENE_DAY;

	assert_asked_for_header(x, noted, "GO, RETR 1");
	note_facts(x); /* the month began then */
	assert_int_equal(scene_fact(x, FACT_TOP_DIFFERS), noted);
}

static void
top_that_differed_is_asked_again_after_a_month(void **state)
{
	struct scene *x = *state;
	int64_t noted = clock_unix() - 31 * SCENE_DAY;

	assert_asked_for_header(x, noted, "GO, TOP 1");
	note_facts(x);
	assert_int_equal(scene_fact(x, FACT_TOP_DIFFERS), noted);
}

static void
top_that_differed_at_a_time_to_come_is_asked_again(void **state)
{
	struct scene *x = *state;

	assert_asked_for_header(x, clock_unix() + SCENE_DAY, "GO, TOP 1");
}

static void
that_top_differs_is_noted_with_its_time(void **state)
{
	struct scene *x = *state;

	scene_listing(x);
	run_well(x);
	note_facts(x);
	assert_int_equal(scene_fact(x, FACT_TOP_DIFFERS), 0);
	x->session.top.differs = true;
	note_facts(x);
	assert_int_equal(scene_fact(x, FACT_TOP_DIFFERS), x->session.now);
}

/* --- too large --- */

static void
what_is_too_large_is_named_once_in_its_life(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.max_size = 150;
	scene_list(x, "b", 200);
	scene_mailbox(x);
	assert_int_equal(list_name_large(&x->session, &x->e), 0);
	assert_true(scene_was_told(x, "message 1 (uid 'b'), 200 B, is larger "
				      "than max_size (150 B): left on the "
				      "server"));
	assert_int_equal(scene_row_now(x, scene_row_of(x, "b")).status,
			 STORE_TOO_LARGE);
	assert_int_equal(list_name_large(&x->session, &x->e), 0);
	assert_int_equal(scene_row_count(x), 1);
	begin_again(x);
	scene_mailbox(x);
	assert_int_equal(list_name_large(&x->session, &x->e), 0);
	assert_false(scene_was_told(x, "larger"));
	assert_int_equal(scene_row_count(x), 1);
}

static void
what_is_too_large_and_has_no_uid_is_counted_and_told_once(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.max_size = 150;
	scene_list(x, "", 200);
	scene_mailbox(x);
	assert_int_equal(list_name_large(&x->session, &x->e), 0);
	assert_true(scene_was_told(x, "message 1, 200 B, is larger than "
				      "max_size (150 B)"));
	assert_true(scene_was_told(x, "1 message is larger than max_size "
				      "(150 B): left on the server"));
	assert_int_equal(scene_row_count(x), 0);
	begin_again(x);
	scene_mailbox(x);
	assert_int_equal(list_name_large(&x->session, &x->e), 0);
	assert_false(scene_was_told(x, "left on the server"));
}

static void
sizes_that_look_alike_are_told_in_bytes(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.max_size = 102400;
	scene_list(x, "a", 102410);
	scene_mailbox(x);
	assert_int_equal(list_name_large(&x->session, &x->e), 0);
	assert_true(scene_was_told(x, "message 1 (uid 'a'), 102410 B, is "
				      "larger than max_size (102400 B): left "
				      "on the server"));
}

static void
what_is_not_too_large_is_not_named(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.max_size = 200;
	scene_list(x, "a", 200);
	scene_list(x, "b", -1);
	scene_mailbox(x);
	assert_int_equal(list_name_large(&x->session, &x->e), 0);
	assert_false(scene_was_told(x, "larger"));
	assert_int_equal(scene_row_count(x), 0);
}

/* --- the rules of a run --- */

static void
all_and_a_named_account_reach_the_plan(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	(void)scene_aside(x, "b", 100, 1);
	scene_list(x, "a", 100);
	scene_list(x, "b", 100);
	scene_listing(x);
	run_well(x);
	assert_true(scene_was_told(x, "2 messages, 0 to fetch, 0 to delete, "
				      "1 set aside"));
	begin_again(x);
	x->settings.ignore_backoff = true;
	scene_listing(x);
	run_well(x);
	assert_true(scene_was_told(x, "2 messages, 1 to fetch"));
	begin_again(x);
	x->settings.all = true;
	scene_listing(x);
	run_well(x);
	assert_true(scene_was_told(x, "2 messages, 2 to fetch"));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(uidl_that_is_announced_and_refused_is_asked_for_again_later),
		TEST(uidl_that_was_there_before_is_asked_for_again_later),
		TEST(refusals_of_three_runs_over_a_day_are_not_for_later_any_more),
		TEST(refusals_of_three_runs_within_a_day_are_for_later),
		TEST(refusals_since_a_day_to_come_count_from_now),
		TEST(a_run_that_only_looks_counts_no_refusal),
		TEST(a_listing_with_uids_ends_the_row_of_refusals),
		TEST(without_uidl_what_is_kept_cannot_be_known_again),
		TEST(without_uidl_list_tells_what_is_there),
		TEST(a_list_that_came_along_is_not_asked_for_again),
		TEST(a_clock_that_went_on_deletes_what_is_due),
		TEST(a_clock_that_was_set_back_deletes_nothing_and_that_is_said_once),
		TEST(a_clock_that_has_gone_on_for_a_day_is_believed_again),
		TEST(a_clock_that_has_jumped_and_withholds_nothing_is_not_spoken_of),
		TEST(without_a_last_run_the_last_delivery_is_one),
		TEST(top_that_differed_is_not_asked_for_a_month),
		TEST(top_that_differed_is_asked_again_after_a_month),
		TEST(top_that_differed_at_a_time_to_come_is_asked_again),
		TEST(that_top_differs_is_noted_with_its_time),
		TEST(what_is_too_large_is_named_once_in_its_life),
		TEST(what_is_too_large_and_has_no_uid_is_counted_and_told_once),
		TEST(sizes_that_look_alike_are_told_in_bytes),
		TEST(what_is_not_too_large_is_not_named),
		TEST(all_and_a_named_account_reach_the_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
