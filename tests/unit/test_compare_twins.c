/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Several messages under one uid, and rows that have no header yet. */
#include "config.h"

#include "keeper/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "phase_compare.h"

/* The row that an entry was found to be the message of; 0: none. */
static int64_t
row_of(struct scene *x, size_t entry)
{
	struct store_row row;

	return mailbox_row(x->session.mailbox, entry, &row) ? row.id : 0;
}

/* --- twins: nothing of them is on record --- */

/* Two of 100 octets, or the second one of another size, under one uid. */
static void
list_twins(struct scene *x, int64_t size)
{
	scene_list(x, "a", 100);
	scene_list(x, "a", size);
	scene_mailbox(x);
}

/* The first of them has come, with HEADER. */
static void
fetch_first(struct scene *x)
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	scene_digest(HEADER, digest);
	mailbox_set_digest(x->session.mailbox, 0, digest);
}

static void
deliver_first(struct scene *x)
{
	fetch_first(x);
	mailbox_mark(x->session.mailbox, 0, MAILBOX_DELIVERED);
}

static bool
is_delivered(struct scene *x, size_t entry)
{
	return mailbox_is(x->session.mailbox, entry, MAILBOX_DELIVERED);
}

static void
of_twins_the_first_is_fetched_before_any_is_compared(void **state)
{
	struct scene *x = *state;

	list_twins(x, 100);
	assert_int_equal(compare_run(&x->session, false, &x->e), 0);
	scene_assert_asked(x, "");
	compare_assert_action(x, 0, PLAN_FETCH);
	compare_assert_action(x, 1, PLAN_COMPARE);
}

static void
what_equals_a_delivered_twin_is_as_good_as_delivered(void **state)
{
	struct scene *x = *state;

	list_twins(x, 100);
	deliver_first(x);
	scene_message(x, 2, HEADER, -1);
	compare_and_delete(x, "TOP 2");
	assert_true(is_delivered(x, 1));
	compare_and_delete(x, ""); /* it is settled */
}

static void
what_equals_a_delivered_twin_and_is_not_kept_is_deleted(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	list_twins(x, 100);
	deliver_first(x);
	scene_message(x, 2, HEADER, -1);
	compare_and_delete(x, "TOP 2, DELE 2");
}

static void
what_equals_a_twin_that_is_not_delivered_waits(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	list_twins(x, 100);
	fetch_first(x);
	scene_message(x, 2, HEADER, -1);
	compare_and_delete(x, "TOP 2");
	assert_false(is_delivered(x, 1));
	compare_assert_action(x, 1, PLAN_COMPARE);
}

static void
a_twin_with_another_header_is_fetched(void **state)
{
	struct scene *x = *state;

	list_twins(x, 100);
	deliver_first(x);
	scene_message(x, 2, OTHER, -1);
	compare_and_delete(x, "TOP 2");
	compare_assert_action(x, 1, PLAN_FETCH);
}

static void
a_twin_of_another_size_is_fetched(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	list_twins(x, 140);
	deliver_first(x);
	scene_message(x, 2, HEADER, -1);
	compare_and_delete(x, "TOP 2");
	compare_assert_action(x, 1, PLAN_FETCH);
}

static void
without_top_twins_are_compared_by_retr(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	x->keeper_settings.rules.keep_s = 0;
	list_twins(x, 100);
	deliver_first(x);
	scene_message(x, 2, HEADER, 100);
	compare_and_delete(x, "RETR 2, DELE 2");
	assert_true(is_delivered(x, 1));
}

static void
the_third_of_three_equals_the_first(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", 100);
	list_twins(x, 100);
	deliver_first(x);
	scene_message(x, 2, OTHER, -1);
	scene_message(x, 3, HEADER, -1);
	compare_and_delete(x, "TOP 2, TOP 3");
	compare_assert_action(x, 1, PLAN_FETCH);
	assert_true(is_delivered(x, 2));
}

/* --- twins: some are on record --- */

static void
twins_on_record_are_each_their_rows_message(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	(void)scene_row(x, "a", 140, HEADER, 140, 1);
	scene_list(x, "a", 140);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, HEADER, -1);
	compare_and_delete(x, "TOP 1, TOP 2, DELE 2");
	compare_assert_action(x, 0, PLAN_KEEP);
}

static void
a_lists_copy_beside_ones_own_is_new(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	list_twins(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, HEADER, -1);
	compare_and_delete(x, "TOP 1, TOP 2, DELE 1");
	compare_assert_action(x, 1, PLAN_FETCH);
}

static void
a_row_of_another_size_stands_for_one_of_twins(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 90, HEADER, 90, OLD_DAYS);

	list_twins(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, HEADER, -1);
	compare_and_delete(x, "TOP 1, TOP 2");
	assert_int_equal(row_of(x, 0), id);
	compare_assert_action(x, 0, PLAN_KEEP);
	compare_assert_action(x, 1, PLAN_FETCH);
}

static void
all_fetches_a_known_twin_into_its_row(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);

	x->settings.all = true;
	list_twins(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, HEADER, -1);
	compare_and_delete(x, "TOP 1, TOP 2");
	compare_assert_action(x, 0, PLAN_FETCH);
	assert_int_equal(row_of(x, 0), id);
	compare_assert_action(x, 1, PLAN_FETCH);
	assert_int_equal(row_of(x, 1), 0);
}

/* --- rows without a header --- */

static void
a_row_without_header_stands_for_one_message_and_deletes_none(void **state)
{
	struct scene *x = *state;
	int64_t bare;

	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	bare = scene_row(x, "a", 140, NULL, 0, OLD_DAYS);
	scene_list(x, "a", 100);
	scene_list(x, "a", 140);
	list_twins(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, OTHER, -1);
	scene_message(x, 3, HEADER, -1);
	scene_message(x, 4, OTHER, -1);
	compare_and_delete(x, "TOP 1, TOP 2, TOP 3, TOP 4, DELE 1, DELE 3");
	assert_int_equal(row_of(x, 1), bare);
	compare_assert_action(x, 1, PLAN_KEEP);
	compare_assert_action(x, 3, PLAN_FETCH);
}

static void
a_row_without_header_is_no_message_of_another_size(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	(void)scene_row(x, "a", 130, NULL, 0, OLD_DAYS);
	list_twins(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, OTHER, -1);
	compare_and_delete(x, "TOP 1, TOP 2");
	compare_assert_action(x, 0, PLAN_KEEP);
	compare_assert_action(x, 1, PLAN_FETCH);
}

/* --- a list said that it is delivered --- */

static int64_t
list_what_a_list_said(struct scene *x)
{
	int64_t id = scene_row(x, "a", -1, NULL, 0, OLD_DAYS);

	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	scene_list(x, "a", 100);
	scene_mailbox(x);
	return id;
}

static void
what_a_list_said_gets_header_and_size_and_is_not_deleted_yet(void **state)
{
	struct scene *x = *state;
	int64_t id = list_what_a_list_said(x);
	int64_t delivered = scene_row_now(x, id).delivered;

	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1");
	assert_true(scene_has_header(x, id, HEADER));
	assert_int_equal(scene_row_now(x, id).size, 100);
	assert_int_equal(scene_row_now(x, id).delivered, delivered);
	assert_int_equal(scene_row_count(x), 1);
	compare_and_delete(x, ""); /* it is learned */
}

static void
what_a_list_said_is_not_retrieved_for_its_header(void **state)
{
	struct scene *x = *state;
	int64_t id = list_what_a_list_said(x);

	scene_refuse(x, 1, ERR_MESSAGE, "");
	compare_and_delete(x, "TOP 1");
	assert_false(scene_row_now(x, id).has_digest);
	compare_assert_action(x, 0, PLAN_LEARN);
}

static void
an_empty_header_is_not_learned(void **state)
{
	struct scene *x = *state;
	int64_t id = list_what_a_list_said(x);

	scene_message(x, 1, "", -1);
	compare_and_delete(x, "TOP 1");
	assert_false(scene_row_now(x, id).has_digest);
}

static void
where_top_differs_a_lists_header_is_learned_by_it_all_the_same(void **state)
{
	struct scene *x = *state;
	int64_t id = list_what_a_list_said(x);

	x->session.top.differs = true;
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1");
	assert_true(scene_has_header(x, id, HEADER));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_twins_the_first_is_fetched_before_any_is_compared),
		TEST(what_equals_a_delivered_twin_is_as_good_as_delivered),
		TEST(what_equals_a_delivered_twin_and_is_not_kept_is_deleted),
		TEST(what_equals_a_twin_that_is_not_delivered_waits),
		TEST(a_twin_with_another_header_is_fetched),
		TEST(a_twin_of_another_size_is_fetched),
		TEST(without_top_twins_are_compared_by_retr),
		TEST(the_third_of_three_equals_the_first),
		TEST(twins_on_record_are_each_their_rows_message),
		TEST(a_lists_copy_beside_ones_own_is_new),
		TEST(a_row_of_another_size_stands_for_one_of_twins),
		TEST(all_fetches_a_known_twin_into_its_row),
		TEST(a_row_without_header_stands_for_one_message_and_deletes_none),
		TEST(a_row_without_header_is_no_message_of_another_size),
		TEST(what_a_list_said_gets_header_and_size_and_is_not_deleted_yet),
		TEST(what_a_list_said_is_not_retrieved_for_its_header),
		TEST(an_empty_header_is_not_learned),
		TEST(where_top_differs_a_lists_header_is_learned_by_it_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
