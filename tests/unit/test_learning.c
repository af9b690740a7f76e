/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What --catch-up makes of messages that are on record already, and what
 * becomes of its steps when the state cannot be written. */
#include "config.h"

#include "session/learning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "keeper/catch_up.h"
#include "keeper/compare.h"
#include "keeper/removal.h"
#include "phase_scene.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

enum { OLD_DAYS = 20, MANY = 300 };

static void
catch_up(struct scene *x)
{
	x->settings.mode = SESSION_CATCH_UP;
	scene_mailbox(x);
	if (catch_up_run(&x->session, &x->e) != 0)
		fail_msg("%s", x->e.text);
}

/* The next session, which fetches. */
static void
begin_again(struct scene *x)
{
	mailbox_free(&x->session.mailbox);
	listing_free(&x->listing);
	x->settings.mode = SESSION_FETCH;
	x->keeper_settings.rules.keep_s = 14 * SCENE_DAY;
}

static enum plan_action
action(const struct scene *x, size_t entry)
{
	return mailbox_action(x->session.mailbox, entry);
}

/* --- what is on record --- */

static void
a_copy_of_another_size_gets_a_row_of_its_own(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);

	scene_list(x, "a", 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, -1);
	catch_up(x);
	assert_int_equal(scene_row_now(x, id).size, 100);
	assert_int_equal(scene_row_count(x), 2);
	begin_again(x);
	scene_list(x, "a", 140);
	scene_mailbox(x);
	assert_int_equal(action(x, 0), PLAN_KEEP); /* as of today */
}

static void
two_copies_of_other_sizes_get_a_row_each(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	scene_list(x, "a", 107);
	scene_list(x, "a", 140);
	scene_message(x, 2, HEADER, -1);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, HEADER, -1);
	catch_up(x);
	begin_again(x);
	scene_list(x, "a", 107);
	scene_list(x, "a", 140);
	scene_mailbox(x);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, HEADER, -1);
	assert_int_equal(compare_run(&x->session, true, &x->e), 0);
	assert_int_equal(action(x, 0), PLAN_KEEP);
	assert_int_equal(action(x, 1), PLAN_KEEP);
}

static void
copies_of_other_sizes_that_a_list_named_once_get_a_row_each(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", -1, NULL, 0, OLD_DAYS);
	scene_list(x, "a", 40);
	scene_list(x, "a", 58);
	scene_message(x, 2, HEADER, -1);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, HEADER, -1);
	catch_up(x);
	assert_int_equal(x->result.kept, 2);
	assert_int_equal(scene_row_count(x), 2);
}

static void
what_was_set_aside_is_known_by_its_header(void **state)
{
	struct scene *x = *state;
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct store_message m = { (const uint8_t *)"a", 1, 100, digest, 100 };
	int64_t id = 0;

	scene_digest(HEADER, digest);
	assert_int_equal(phase_begin_note(&x->session, &x->e), 0);
	assert_int_equal(store_set_aside(x->session.store, &id, &m,
					 clock_unix() + 3600, "no", &x->e),
			 0);
	assert_int_equal(phase_end_note(&x->session, 0, &x->e), 0);
	x->settings.known_only = true;
	scene_list(x, "a", 107);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, -1);
	catch_up(x);
	assert_int_equal(scene_row_now(x, id).status, STORE_DELIVERED);
}

static void
what_is_unclear_and_new_is_left_where_only_the_known_is_wanted(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	x->settings.known_only = true;
	scene_list(x, "a", 140);
	scene_message(x, 1, "Message-ID: <2@x>\n\n", -1);
	scene_message(x, 1, "Message-ID: <2@x>\n\n", -1);
	catch_up(x);
	assert_int_equal(scene_row_count(x), 1);
	assert_int_equal(x->result.kept, 0);
}

static void
what_has_no_header_and_no_row_is_left_where_only_the_known_is_wanted(
	void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	x->settings.known_only = true;
	scene_list(x, "a", 140);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: no");
	scene_refuse(x, 1, ERR_MESSAGE, "server said: no");
	catch_up(x);
	assert_int_equal(scene_row_count(x), 1);
	assert_int_equal(x->result.kept, 0);
	assert_false(scene_was_told(x, "gave no header"));
}

static void
how_far_it_came_counts_the_messages_of_a_list(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", -1, NULL, 0, 1);
	(void)scene_row(x, "b", -1, NULL, 0, 1);
	x->settings.mode = SESSION_CATCH_UP;
	scene_list(x, "a", 107);
	scene_list(x, "b", 100);
	scene_mailbox(x);
	scene_message(x, 2, HEADER, -1);
	scene_message(x, 1, HEADER, -1);
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
	assert_int_equal(catch_up_run(&x->session, &x->e), -1);
	assert_string_equal(x->e.text,
			    "1 of 2 messages are recorded, run --catch-up "
			    "again for the rest: connection lost");
}

/* --- a state that cannot be written --- */

static void
list_many(struct scene *x, bool on_record)
{
	char uid[16];

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(uid, sizeof(uid), "u%d", i);
		if (on_record)
			(void)scene_row(x, uid, -1, NULL, 0, 1);
		scene_list(x, uid, 100);
	}
	scene_mailbox(x);
}

static void
answer_many(struct scene *x)
{
	for (uint32_t i = 1; i <= MANY; i++)
		scene_message(x, i, HEADER, -1);
}

static void
a_step_that_cannot_be_written_ends_the_catch_up(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_CATCH_UP;
	list_many(x, false);
	scene_message(x, MANY, HEADER, -1); /* the newest */
	answer_many(x);
	store_doubt(x->session.store);
	assert_int_equal(catch_up_run(&x->session, &x->e), -1);
	assert_int_equal(x->result.kept, 0);
}

static void
a_step_that_cannot_be_written_ends_the_comparison(void **state)
{
	struct scene *x = *state;

	list_many(x, true);
	answer_many(x);
	store_doubt(x->session.store);
	assert_int_equal(compare_run(&x->session, false, &x->e), -1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_of_another_size_gets_a_row_of_its_own),
		TEST(two_copies_of_other_sizes_get_a_row_each),
		TEST(copies_of_other_sizes_that_a_list_named_once_get_a_row_each),
		TEST(what_was_set_aside_is_known_by_its_header),
		TEST(what_is_unclear_and_new_is_left_where_only_the_known_is_wanted),
		TEST(what_has_no_header_and_no_row_is_left_where_only_the_known_is_wanted),
		TEST(how_far_it_came_counts_the_messages_of_a_list),
		TEST(a_step_that_cannot_be_written_ends_the_catch_up),
		TEST(a_step_that_cannot_be_written_ends_the_comparison),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
