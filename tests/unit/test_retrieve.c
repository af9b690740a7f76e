/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* RETR: what is asked for, and when. */
#include "config.h"

#include "keeper/retrieve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "keeper/removal.h"
#include "phase_fetch.h"
#include "phase_player.h"
#include "state/fact.h"

#define MAIL(id) "Message-ID: <" id ">\nSubject: x\n\nbody\n"
#define LARGE	 (INT64_C(1) << 39)

/* --- steps --- */

static void
list_many(struct scene *x, unsigned count, int64_t size)
{
	char uid[16];

	for (unsigned i = 1; i <= count; i++) {
		(void)snprintf(uid, sizeof(uid), "uid%u", i);
		scene_list(x, uid, size);
	}
}

/* The first `count` of them, as large as list_many said. */
static void
answer_many(struct scene *x, unsigned count)
{
	for (unsigned i = 1; i <= count; i++)
		scene_message(x, i, MAIL("x"), -1);
}

static void
lose_connection(struct scene *x)
{
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
}

/* The messages 1 to `count`, and no other. */
static void
assert_retrs(struct scene *x, unsigned count)
{
	char *all = mem_string("RETR 1");

	for (unsigned i = 2; i <= count; i++) {
		char *before = all;

		all = mem_format("%s, RETR %u", before, i);
		free(before);
	}
	scene_assert_asked(x, all);
	free(all);
}

/* --- what is asked for --- */

static void
all_that_is_new_is_asked_for_in_one_go_and_delivered(void **state)
{
	struct scene *x = *state;

	fetch_offer(x, 1, "a", MAIL("1"));
	fetch_offer(x, 2, "b", MAIL("2"));
	fetch_offer(x, 3, "c", MAIL("3"));
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_retrs(x, 3);
	assert_int_equal(scene_delivered(x), 3);
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	assert_int_equal(fetch_row(x, "c").status, STORE_DELIVERED);
	assert_int_equal(x->result.fetched, 3);
}

static void
what_is_delivered_already_is_not_asked_for(void **state)
{
	struct scene *x = *state;

	scene_row(x, "a", fetch_octets(MAIL("1")), MAIL("1"), 0, 1);
	scene_list(x, "a", fetch_octets(MAIL("1")));
	fetch_offer(x, 2, "b", MAIL("2"));
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	scene_assert_asked(x, "RETR 2");
	assert_int_equal(scene_delivered(x), 1);
}

static void
what_is_not_to_be_kept_is_deleted_when_it_is_on_record(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	fetch_offer(x, 1, "a", MAIL("1"));
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(removal_run(&x->session, &x->e), 0);
	scene_assert_asked(x, "RETR 1, DELE 1");
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
}

static void
what_failed_before_is_not_asked_for_beside_what_is_new(void **state)
{
	struct scene *x = *state;

	fetch_set_aside(x, "a", 100, 1);
	list_many(x, 1, 100);
	scene_list(x, "a", 100);
	scene_list(x, "b", 100);
	lose_connection(x);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), -1);
	scene_assert_asked(x, "RETR 1, RETR 3");
}

static void
what_failed_before_is_asked_for_last_and_alone(void **state)
{
	struct scene *x = *state;

	fetch_set_aside(x, "a", fetch_octets(MAIL("1")), 1);
	fetch_set_aside(x, "c", fetch_octets(MAIL("3")), 2);
	scene_list(x, "a", fetch_octets(MAIL("1")));
	fetch_offer(x, 2, "b", MAIL("2"));
	scene_list(x, "c", fetch_octets(MAIL("3")));
	lose_connection(x); /* in answer to RETR 1 */
	scene_mailbox(x);
	player_start(x);
	assert_int_equal(fetch_run(x), -1);
	assert_int_equal(scene_delivered(x), 1);
	player_assert_asked(x, "RETR 2, RETR 1");
}

static void
what_failed_before_comes_when_it_is_its_turn(void **state)
{
	struct scene *x = *state;

	fetch_set_aside(x, "a", fetch_octets(MAIL("1")), 1);
	fetch_set_aside(x, "b", fetch_octets(MAIL("2")), 2);
	fetch_offer(x, 1, "a", MAIL("1"));
	fetch_offer(x, 2, "b", MAIL("2"));
	scene_mailbox(x);
	player_start(x);
	assert_int_equal(fetch_run(x), 0);
	player_assert_asked(x, "RETR 1, RETR 2");
	assert_int_equal(scene_delivered(x), 2);
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	assert_int_equal(scene_row_count(x), 2);
}

static void
what_a_program_postponed_in_a_row_is_behind_the_others(void **state)
{
	struct scene *x = *state;

	assert_int_equal(phase_note_fact(&x->session, FACT_TRY_FROM, 3, &x->e),
			 0);
	list_many(x, 4, 100);
	lose_connection(x);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), -1);
	scene_assert_asked(x, "RETR 3, RETR 4, RETR 1, RETR 2");
}

static void
what_begins_behind_the_end_begins_with_the_first(void **state)
{
	struct scene *x = *state;

	assert_int_equal(phase_note_fact(&x->session, FACT_TRY_FROM, 9, &x->e),
			 0);
	list_many(x, 2, 100);
	lose_connection(x);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), -1);
	assert_retrs(x, 2);
}

/* --- credit --- */

static void
for_a_maildir_twice_the_batch_is_ahead_and_no_more(void **state)
{
	struct scene *x = *state;

	x->settings.limits.messages = 2;
	list_many(x, 3, fetch_octets(MAIL("x")));
	for (unsigned i = 4; i <= 10; i++)
		scene_list(x, "", 100);
	answer_many(x, 3); /* two are handed over, one waits */
	lose_connection(x);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), -1);
	assert_retrs(x, 6);
	assert_int_equal(scene_delivered(x), 2);
}

static void
a_program_has_64_messages_ahead_and_no_more(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "cat >/dev/null");
	list_many(x, 100, 100);
	lose_connection(x);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), -1);
	assert_retrs(x, 64 + 1); /* one is for the program at once */
}

static void
a_program_has_few_large_messages_ahead(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "cat >/dev/null");
	list_many(x, 10, 6 * 1024 * 1024);
	lose_connection(x);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), -1);
	assert_retrs(x, 3);
}

static void
without_pipelining_a_program_has_two_messages_ahead(void **state)
{
	struct scene *x = *state;

	x->session.facts.pipelining = false;
	fetch_by_program(x, "cat >/dev/null");
	list_many(x, 10, 100);
	lose_connection(x);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), -1);
	assert_retrs(x, 2);
}

/* --- a disk that is full --- */

static void
what_does_not_fit_the_disk_is_told_once_and_the_rest_comes(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", LARGE);
	scene_list(x, "b", LARGE);
	fetch_offer(x, 3, "c", MAIL("3"));
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	scene_assert_asked(x, "RETR 3");
	assert_int_equal(scene_delivered(x), 1);
	assert_true(scene_was_told(x, "message 1 (uid 'a'), "));
	assert_int_equal(fetch_times_told(x, "is left on the server"), 1);
	assert_int_equal(x->session.first.kind, ERR_LOCAL);
	assert_int_equal(x->result.failed, 2);
	assert_int_equal(fetch_row(x, "a").id, 0);
}

/* --- a stop request: no other test can come after these --- */

static void
answer_four(struct scene *x)
{
	answer_many(x, 4);
}

static void
after_a_stop_what_was_asked_for_is_delivered_and_the_rest_is_left(void **state)
{
	struct scene *x = *state;

	x->settings.limits.messages = 2;
	list_many(x, 10, fetch_octets(MAIL("x")));
	scene_mailbox(x);
	fetch_stop_when_asked(x, answer_four);
	assert_int_equal(fetch_run(x), 0);
	assert_retrs(x, 4);
	assert_int_equal(scene_delivered(x), 4);
	assert_true(x->session.is_stopped_short);
}

static void
after_a_stop_nothing_is_asked_for(void **state)
{
	struct scene *x = *state;

	list_many(x, 10, 100);
	scene_mailbox(x);
	fetch_stop();
	assert_int_equal(fetch_run(x), 0);
	scene_assert_asked(x, "");
	assert_true(x->session.is_stopped_short);
}

static void
a_stop_that_leaves_nothing_undone_is_not_told(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, NULL, 0, 1);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	fetch_stop();
	assert_int_equal(fetch_run(x), 0);
	assert_false(x->session.is_stopped_short);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
#define PLAYED(name) \
	cmocka_unit_test_setup_teardown(name, player_set_up, player_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_that_is_new_is_asked_for_in_one_go_and_delivered),
		TEST(what_is_delivered_already_is_not_asked_for),
		TEST(what_is_not_to_be_kept_is_deleted_when_it_is_on_record),
		TEST(what_failed_before_is_not_asked_for_beside_what_is_new),
		PLAYED(what_failed_before_is_asked_for_last_and_alone),
		PLAYED(what_failed_before_comes_when_it_is_its_turn),
		TEST(what_a_program_postponed_in_a_row_is_behind_the_others),
		TEST(what_begins_behind_the_end_begins_with_the_first),
		TEST(for_a_maildir_twice_the_batch_is_ahead_and_no_more),
		TEST(a_program_has_64_messages_ahead_and_no_more),
		TEST(a_program_has_few_large_messages_ahead),
		TEST(without_pipelining_a_program_has_two_messages_ahead),
		TEST(what_does_not_fit_the_disk_is_told_once_and_the_rest_comes),
		TEST(after_a_stop_what_was_asked_for_is_delivered_and_the_rest_is_left),
		TEST(after_a_stop_nothing_is_asked_for),
		TEST(a_stop_that_leaves_nothing_undone_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
