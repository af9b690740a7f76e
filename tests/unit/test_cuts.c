/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A message that came shorter than listed: was it cut? */
#include "config.h"

#include "session/lockstep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keeper/removal.h"
#include "phase_fetch.h"
#include "phase_player.h"

#define MAIL "Message-ID: <1@x>\nSubject: x\n\nbody\n"

enum { SIZE = sizeof("Message-ID: <1@x>\r\nSubject: x\r\n\r\nbody\r\n") - 1 };

/* A message that is listed with so many octets more than it has. */
static void
offer(struct scene *x, uint32_t number, const char *uid, int64_t more)
{
	scene_list(x, uid, SIZE + more);
	scene_message(x, number, MAIL, SIZE);
}

/* One that is as large as listed, and one that is not, under keep = "no". */
static void
offer_exact_and_short(struct scene *x)
{
	x->keeper_settings.rules.keep_s = 0;
	offer(x, 1, "a", 0);
	offer(x, 2, "b", 7);
}

/* Both are delivered: is it proven what "b" is, and how many may be deleted? */
static void
fetch_short(struct scene *x, bool unproven, size_t removals)
{
	scene_mailbox(x);
	player_start(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	assert_int_equal(fetch_row(x, "b").status, STORE_DELIVERED);
	assert_false(fetch_row(x, "a").unproven);
	assert_int_equal(fetch_row(x, "b").unproven, unproven);
	assert_int_equal(fetch_row(x, "b").octets, SIZE);
	assert_int_equal(removal_waiting(&x->session), removals);
}

static void
where_sizes_are_exact_one_that_is_listed_as_longer_still_was_cut_perhaps(
	void **state)
{
	struct scene *x = *state;

	offer_exact_and_short(x);
	player_tell_size(x, SIZE);
	player_tell_size(x, SIZE + 7);
	fetch_short(x, true, 1);
	assert_true(scene_was_told(x, "message 2 (uid 'b') ended after"));
}

static void
one_that_is_listed_as_it_came_by_now_was_not(void **state)
{
	struct scene *x = *state;

	offer_exact_and_short(x);
	player_tell_size(x, SIZE);
	player_tell_size(x, SIZE);
	fetch_short(x, false, 2);
}

static void
one_whose_size_is_refused_was_cut_perhaps(void **state)
{
	struct scene *x = *state;

	offer_exact_and_short(x);
	player_tell_size(x, SIZE);
	scene_answer(x, LINK_LISTED, 0, 0, "-ERR cannot tell");
	fetch_short(x, true, 1);
	assert_int_equal(x->session.list_one, LIST_ONE_WORKS);
}

static void
where_list_of_one_fails_its_size_is_not_asked_for(void **state)
{
	struct scene *x = *state;

	offer_exact_and_short(x);
	scene_answer(x, LINK_UID, 1, 0, "a");
	scene_answer(x, LINK_UID, 2, 0, "b");
	scene_answer(x, LINK_LISTED, 0, 1, "");
	fetch_short(x, true, 1);
	player_assert_asked(x, "RETR 1, RETR 2, UIDL");
}

static void
where_most_sizes_are_wrong_it_is_not_asked_for_either(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	(void)scene_row(x, "y", 500, MAIL, 400, 1);
	(void)scene_row(x, "z", 500, MAIL, 400, 1);
	offer(x, 1, "a", 0);
	offer(x, 2, "b", 7);
	player_tell_size(x, SIZE);
	fetch_short(x, false, 2);
}

static void
rows_tell_that_sizes_are_exact(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "z", 500, MAIL, 500, 1);
	offer(x, 1, "a", 7);
	player_tell_size(x, SIZE + 7);
	player_tell_size(x, SIZE + 7);
	scene_mailbox(x);
	player_start(x);
	assert_int_equal(fetch_run(x), 0);
	player_assert_asked(x, "RETR 1, LIST 1, LIST 1");
	assert_true(fetch_row(x, "a").unproven);
}

#define FAILING(name)                                                \
	cmocka_unit_test_setup_teardown(name, player_set_up_failing, \
					player_tear_down)
#define KNOWN(name)                                                \
	cmocka_unit_test_setup_teardown(name, player_set_up_known, \
					player_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		KNOWN(where_sizes_are_exact_one_that_is_listed_as_longer_still_was_cut_perhaps),
		KNOWN(one_that_is_listed_as_it_came_by_now_was_not),
		KNOWN(one_whose_size_is_refused_was_cut_perhaps),
		FAILING(where_list_of_one_fails_its_size_is_not_asked_for),
		KNOWN(where_most_sizes_are_wrong_it_is_not_asked_for_either),
		KNOWN(rows_tell_that_sizes_are_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
