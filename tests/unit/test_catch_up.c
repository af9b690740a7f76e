/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What --catch-up asks for, records and says. */
#include "config.h"

#include "keeper/catch_up.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "session/learning.h"
#include "keeper/list.h"
#include "phase_scene.h"
#include "state/fact.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"
#define DATE   "Tue, 2 Jan 2024 10:00:00 +0000"
#define OTHER  "Message-ID: <2@x>\nDate: " DATE "\n\n"

enum { OLD_DAYS = 20 };

static int
set_up(void **state)
{
	int rc = scene_set_up(state);
	struct scene *x = *state;

	x->settings.mode = SESSION_CATCH_UP;
	return rc;
}

static void
catch_up(struct scene *x)
{
	if (catch_up_run(&x->session, &x->e) != 0)
		fail_msg("%s", x->e.text);
	assert_int_equal(requests_count(x->session.requests), 0);
}

/* Two that are new. */
static void
list_two(struct scene *x)
{
	scene_list(x, "a", 100);
	scene_list(x, "b", 200);
	scene_mailbox(x);
}

/* On record as delivered, just now. */
static void
assert_recorded(struct scene *x, const char *uid, int64_t size,
		const char *header)
{
	int64_t id = scene_row_of(x, uid);
	struct store_row row = scene_row_now(x, id);

	assert_int_equal(row.status, STORE_DELIVERED);
	assert_int_equal(row.delivered, x->session.now);
	assert_int_equal(row.size, size);
	assert_int_equal(row.octets, 0);
	assert_int_equal(row.has_digest, header != NULL);
	if (header)
		assert_true(scene_has_header(x, id, header));
}

static void
forget_told(struct scene *x)
{
	(void)scene_was_told(x, "");
	free(x->told);
	x->told = mem_string("");
}

/* --- what is recorded --- */

static void
what_is_there_is_recorded_with_its_header(void **state)
{
	struct scene *x = *state;

	list_two(x);
	scene_message(x, 2, OTHER, -1); /* for its date */
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, OTHER, -1);
	catch_up(x);
	scene_assert_asked(x, "TOP 2, TOP 1, TOP 2");
	assert_int_equal(scene_row_count(x), 2);
	assert_recorded(x, "a", 100, HEADER);
	assert_recorded(x, "b", 200, OTHER);
	assert_int_equal(x->result.kept, 2);
	assert_int_equal(scene_fact(x, FACT_CATCHING_UP), 0);
	assert_true(scene_was_told(x, "message 1 (uid 'a') recorded as "
				      "delivered"));
	assert_true(scene_was_told(x, "\n2 messages recorded as delivered"));
	assert_int_equal(scene_delivered(x), 0);
}

static void
what_is_on_record_as_delivered_is_left_alone(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	int64_t delivered = scene_row_now(x, id).delivered;

	x->keeper_settings.rules.keep_s = SCENE_DAY;
	scene_list(x, "a", 100);
	scene_mailbox(x);
	catch_up(x);
	scene_assert_asked(x, "");
	assert_true(scene_was_told(x, "recording 0 messages as delivered\n"));
	assert_int_equal(scene_row_now(x, id).delivered, delivered);
}

static void
what_was_set_aside_or_would_be_fetched_later_is_recorded(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	x->keeper_settings.rules.max_size = 150;
	x->keeper_settings.rules.max_messages = 1;
	(void)scene_aside(x, "a", 100, 1);
	scene_list(x, "a", 100);
	scene_list(x, "b", 200);
	scene_list(x, "c", 100);
	scene_list(x, "d", 100);
	scene_mailbox(x);
	catch_up(x);
	assert_int_equal(scene_row_count(x), 4);
	assert_recorded(x, "a", 100, NULL);
	assert_recorded(x, "b", 200, NULL);
	assert_recorded(x, "d", 100, NULL);
	assert_int_equal(x->result.kept, 4);
}

static void
what_was_set_aside_gets_its_header(void **state)
{
	struct scene *x = *state;

	(void)scene_aside(x, "a", 100, 1);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, -1);
	catch_up(x);
	assert_int_equal(scene_row_count(x), 1);
	assert_recorded(x, "a", 100, HEADER);
}

static void
what_has_no_uid_is_not_recorded(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	scene_list(x, "", 100);
	scene_list(x, "b", 200);
	scene_mailbox(x);
	catch_up(x);
	assert_int_equal(scene_row_count(x), 1);
	assert_int_equal(x->result.kept, 1);
}

static void
what_a_list_said_gets_its_header_and_keeps_its_age(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", -1, NULL, 0, OLD_DAYS);
	int64_t delivered = scene_row_now(x, id).delivered;

	scene_list(x, "a", 100);
	scene_mailbox(x);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, -1);
	catch_up(x);
	assert_true(scene_has_header(x, id, HEADER));
	assert_int_equal(scene_row_now(x, id).size, 100);
	assert_int_equal(scene_row_now(x, id).delivered, delivered);
	assert_int_equal(scene_row_count(x), 1);
	assert_int_equal(x->result.kept, 1);
}

/* Somebody's runs have all failed: what they have not seen is new. */
static void
where_only_what_is_known_is_wanted_the_rest_is_left(void **state)
{
	struct scene *x = *state;

	x->settings.known_only = true;
	(void)scene_aside(x, "a", 100, 1);
	list_two(x);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, -1);
	catch_up(x);
	scene_assert_asked(x, "TOP 1, TOP 1");
	assert_int_equal(scene_row_count(x), 1);
	assert_recorded(x, "a", 100, HEADER);
}

/* --- what is said --- */

static void
the_date_of_the_newest_is_said(void **state)
{
	struct scene *x = *state;

	list_two(x);
	scene_message(x, 2, OTHER, -1);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, OTHER, -1);
	catch_up(x);
	assert_true(scene_was_told(x, "recording 2 messages as delivered, the "
				      "newest dated " DATE "\n"));
}

static void
the_date_of_the_only_one_is_said(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", 100);
	scene_mailbox(x);
	scene_message(x, 1, OTHER, -1);
	scene_message(x, 1, OTHER, -1);
	catch_up(x);
	assert_true(scene_was_told(
		x, "recording 1 message as delivered, dated " DATE "\n"));
}

static void
where_the_newest_has_no_date_none_is_said(void **state)
{
	struct scene *x = *state;

	list_two(x);
	scene_message(x, 2, HEADER, -1);
	scene_message(x, 1, OTHER, -1);
	scene_message(x, 2, HEADER, -1);
	catch_up(x);
	assert_true(scene_was_told(x, "recording 2 messages as delivered\n"));
}

/* --- without a header --- */

static void
what_top_does_not_give_is_recorded_and_warned_of_once(void **state)
{
	struct scene *x = *state;

	list_two(x);
	scene_message(x, 2, OTHER, -1);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: no");
	scene_message(x, 2, OTHER, -1);
	catch_up(x);
	assert_recorded(x, "a", 100, NULL);
	assert_recorded(x, "b", 200, OTHER);
	assert_true(scene_was_told(x,
				   "server gave no header (TOP) of 1 message "
				   "recorded by --catch-up: popfetch never "
				   "deletes it\n"));
	forget_told(x);
	mailbox_free(&x->session.mailbox);
	listing_free(&x->listing);
	scene_list(x, "c", 300);
	scene_mailbox(x);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: no");
	scene_refuse(x, 1, ERR_MESSAGE, "server said: no");
	catch_up(x);
	assert_recorded(x, "c", 300, NULL);
	assert_false(scene_was_told(x, "gave no header"));
}

/* What comes under its uid later may be another message, whose header must not
 * make it one that was delivered. */
static void
of_what_has_neither_header_nor_size_nothing_is_learnt_later(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", -1);
	scene_mailbox(x);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: no");
	scene_refuse(x, 1, ERR_MESSAGE, "server said: no");
	catch_up(x);
	assert_true(scene_row_now(x, scene_row_of(x, "a")).skipped);
	mailbox_free(&x->session.mailbox);
	listing_free(&x->listing);
	x->settings.mode = SESSION_FETCH;
	x->keeper_settings.rules.keep_s = 0;
	scene_list(x, "a", -1);
	scene_mailbox(x);
	assert_int_equal(mailbox_action(x->session.mailbox, 0), PLAN_KEEP);
}

static void
a_server_without_top_is_not_asked_for_it(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	list_two(x);
	catch_up(x);
	scene_assert_asked(x, "");
	assert_recorded(x, "a", 100, NULL);
	assert_recorded(x, "b", 200, NULL);
	assert_true(scene_was_told(x,
				   "server gave no header (TOP) of 2 messages "
				   "recorded by --catch-up: popfetch never "
				   "deletes them\n"));
}

static void
an_empty_header_is_none(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", 100);
	scene_mailbox(x);
	scene_message(x, 1, "", -1);
	scene_message(x, 1, "", -1);
	catch_up(x);
	assert_recorded(x, "a", 100, NULL);
	assert_true(scene_was_told(x, "gave no header"));
}

static void
without_uidl_there_is_nothing_to_record(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	x->session.facts.announces_uidl = false;
	scene_facts(x);
	scene_answer(x, LINK_STAT, 1, 100, "");
	scene_answer(x, LINK_SIZE, 1, 100, "");
	scene_answer(x, LINK_LISTED, 0, 0, "server said: what?");
	assert_int_equal(list_run(&x->session, &x->e), 0);
	assert_int_equal(catch_up_run(&x->session, &x->e), -1);
	assert_int_equal(x->e.kind, ERR_UNAVAILABLE);
	assert_string_equal(x->e.text, "--catch-up needs a server with UIDL");
	scene_assert_asked(x, "GO");
	assert_int_equal(scene_row_count(x), 0);
}

/* --- in steps --- */

static void
list_many(struct scene *x, int count)
{
	char uid[16];

	for (int i = 1; i <= count; i++) {
		(void)snprintf(uid, sizeof(uid), "%d", i);
		scene_list(x, uid, 100);
	}
	scene_mailbox(x);
}

static void
answer_many(struct scene *x, uint32_t count)
{
	for (uint32_t i = 1; i <= count; i++)
		scene_message(x, i, "Message-ID: 1\n", -1);
}

static void
a_step_is_recorded_when_it_is_whole(void **state)
{
	struct scene *x = *state;
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct learning l;

	list_many(x, LEARNING_STEP + 1);
	scene_digest(HEADER, digest);
	learning_open(&l, &x->session);
	for (size_t i = 0; i < LEARNING_STEP; i++) {
		assert_int_equal(scene_row_count(x), 0);
		assert_int_equal(learning_add(&l, i, digest, &x->e), 0);
	}
	assert_int_equal(scene_row_count(x), LEARNING_STEP);
	assert_int_equal(scene_fact(x, FACT_CATCHING_UP), 1);
	assert_int_equal(learning_add(&l, LEARNING_STEP, NULL, &x->e), 0);
	learning_close(&l);
	assert_int_equal(scene_row_count(x), LEARNING_STEP);
}

static void
a_step_that_takes_long_is_recorded_before_it_is_whole(void **state)
{
	struct scene *x = *state;
	struct learning l;

	list_two(x);
	learning_open(&l, &x->session);
	assert_int_equal(learning_add(&l, 0, NULL, &x->e), 0);
	assert_int_equal(scene_row_count(x), 0);
	l.begun -= LEARNING_STEP_MS;
	assert_int_equal(learning_add(&l, 1, NULL, &x->e), 0);
	learning_close(&l);
	assert_int_equal(scene_row_count(x), 2);
}

static void
what_came_before_the_line_broke_stays_and_is_counted(void **state)
{
	struct scene *x = *state;

	list_many(x, 300);
	scene_message(x, 300, HEADER, -1);
	answer_many(x, LEARNING_STEP + 4);
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
	assert_int_equal(catch_up_run(&x->session, &x->e), -1);
	assert_int_equal(x->e.kind, ERR_NETWORK);
	assert_string_equal(x->e.text,
			    "260 of 300 messages are recorded, run --catch-up "
			    "again for the rest: connection lost");
	assert_int_equal(scene_row_count(x), LEARNING_STEP + 4);
	assert_int_equal(scene_fact(x, FACT_CATCHING_UP), 1);
	assert_false(scene_was_told(x, "messages recorded as delivered"));
}

static void
what_breaks_before_the_first_header_is_told_as_it_is(void **state)
{
	struct scene *x = *state;

	list_two(x);
	scene_message(x, 2, OTHER, -1);
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
	assert_int_equal(catch_up_run(&x->session, &x->e), -1);
	assert_string_equal(x->e.text, "connection lost");
	assert_int_equal(scene_row_count(x), 0);
	assert_int_equal(scene_fact(x, FACT_CATCHING_UP), 0);
}

static void
after_a_stop_nothing_more_is_recorded(void **state)
{
	struct scene *x = *state;

	list_two(x);
	x->session.stop_until = clock_deadline(1000);
	catch_up(x);
	scene_assert_asked(x, "");
	assert_int_equal(scene_row_count(x), 0);
	assert_true(x->session.is_stopped_short);
	assert_false(scene_was_told(x, "recorded as delivered"));
}

/* --- a look --- */

static void
a_look_says_what_would_be_recorded_and_changes_nothing(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_CATCH_UP_DRY_RUN;
	(void)scene_row(x, "c", 300, HEADER, 300, OLD_DAYS);
	scene_list(x, "c", 300);
	list_two(x);
	scene_message(x, 3, OTHER, -1);
	assert_int_equal(catch_up_look(&x->session, &x->e), 0);
	scene_assert_asked(x, "TOP 3");
	assert_true(scene_was_told(x, "would record message 2 (uid 'a')\n"
				      "would record message 3 (uid 'b')\n"
				      "would record 2 messages as delivered, "
				      "the newest dated " DATE "\n"));
	assert_false(scene_was_told(x, "(uid 'c')"));
	assert_int_equal(scene_row_count(x), 1);
	assert_int_equal(x->result.kept, 0);
	assert_int_equal(scene_fact(x, FACT_WARNED_UNPROVEN), 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_is_recorded_with_its_header),
		TEST(what_is_on_record_as_delivered_is_left_alone),
		TEST(what_was_set_aside_or_would_be_fetched_later_is_recorded),
		TEST(what_was_set_aside_gets_its_header),
		TEST(what_has_no_uid_is_not_recorded),
		TEST(what_a_list_said_gets_its_header_and_keeps_its_age),
		TEST(where_only_what_is_known_is_wanted_the_rest_is_left),
		TEST(the_date_of_the_newest_is_said),
		TEST(the_date_of_the_only_one_is_said),
		TEST(where_the_newest_has_no_date_none_is_said),
		TEST(what_top_does_not_give_is_recorded_and_warned_of_once),
		TEST(of_what_has_neither_header_nor_size_nothing_is_learnt_later),
		TEST(a_server_without_top_is_not_asked_for_it),
		TEST(an_empty_header_is_none),
		TEST(without_uidl_there_is_nothing_to_record),
		TEST(a_step_is_recorded_when_it_is_whole),
		TEST(a_step_that_takes_long_is_recorded_before_it_is_whole),
		TEST(what_came_before_the_line_broke_stays_and_is_counted),
		TEST(what_breaks_before_the_first_header_is_told_as_it_is),
		TEST(after_a_stop_nothing_more_is_recorded),
		TEST(a_look_says_what_would_be_recorded_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
