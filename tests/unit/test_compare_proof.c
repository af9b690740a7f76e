/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What has to be seen of a message before it is deleted, or taken for one that was
 * gone. */
#include "config.h"

#include "keeper/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "phase_compare.h"

#define READ "Status: RO\n" /* 12 octets */

/* A message is on record with its header, of 100 octets (octets 0: by TOP), and
 * for longer than it is kept.  Its id. */
static int64_t
record(struct scene *x, int64_t octets)
{
	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	return scene_row(x, "a", 100, HEADER, octets, OLD_DAYS);
}

static void
list(struct scene *x, int64_t size)
{
	scene_list(x, "a", size);
	scene_mailbox(x);
}

enum change { GONE, DELETED, UNPROVEN };

/* Its message was gone, or deleted, or it was listed with 140 octets. */
static void
change_row(struct scene *x, int64_t id, enum change what)
{
	struct store *s = x->session.store;
	int64_t now = clock_unix();
	int rc;

	assert_int_equal(phase_begin_note(&x->session, &x->e), 0);
	if (what == GONE)
		rc = store_set_gone(s, id, now, &x->e);
	else if (what == DELETED)
		rc = store_set_dele_sent(s, id, now, &x->e);
	else
		rc = store_set_size(s, id, 140, true, &x->e);
	assert_int_equal(phase_end_note(&x->session, rc, &x->e), 0);
}

/* --- of its size --- */

static void
what_is_due_is_deleted_once_its_header_was_seen(void **state)
{
	struct scene *x = *state;

	(void)record(x, 100);
	list(x, 100);
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1, DELE 1");
}

static void
of_what_top_shows_changed_nothing_is_deleted(void **state)
{
	struct scene *x = *state;

	(void)record(x, 100);
	list(x, 100);
	scene_message(x, 1, OTHER, -1);
	compare_and_delete(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
without_top_what_is_due_is_retrieved_and_deleted(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	(void)record(x, 100);
	list(x, 100);
	scene_message(x, 1, HEADER, 100);
	compare_and_delete(x, "RETR 1, DELE 1");
}

static void
without_top_another_message_under_its_uid_and_size_is_new(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	(void)record(x, 100);
	list(x, 100);
	scene_message(x, 1, OTHER, 100);
	compare_and_delete(x, "RETR 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
what_is_due_and_cannot_be_had_stays(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	(void)record(x, 100);
	list(x, 100);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: locked");
	compare_and_delete(x, "RETR 1");
	assert_true(scene_was_told(x, "RETR 1: server said: locked"));
}

static void
a_size_that_is_the_one_it_came_with_needs_no_other_proof(void **state)
{
	struct scene *x = *state;

	(void)record(x, 120);
	list(x, 120);
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1, DELE 1");
}

/* --- of another size --- */

static void
of_another_size_it_is_deleted_once_its_octets_were_counted(void **state)
{
	struct scene *x = *state;

	(void)record(x, 100);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, 100);
	compare_and_delete(x, "TOP 1, RETR 1, DELE 1");
}

static void
a_lists_copy_is_not_taken_for_ones_own_that_is_due(void **state)
{
	struct scene *x = *state;

	(void)record(x, 100);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, 140);
	compare_and_delete(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
fields_that_servers_add_do_not_count(void **state)
{
	struct scene *x = *state;

	(void)record(x, 100);
	list(x, 112);
	scene_message(x, 1, READ HEADER, -1);
	scene_message(x, 1, READ HEADER, 112);
	compare_and_delete(x, "TOP 1, RETR 1, DELE 1");
}

static void
what_is_kept_needs_no_octets(void **state)
{
	struct scene *x = *state;

	(void)record(x, 100);
	x->keeper_settings.rules.keep_s = PLAN_KEEP_FOREVER;
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_KEEP);
}

static void
what_top_took_for_a_message_is_proven_before_it_is_deleted(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 100);

	change_row(x, id, UNPROVEN);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, 140);
	compare_and_delete(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
what_has_its_first_size_again_is_proven(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 100);

	change_row(x, id, UNPROVEN);
	list(x, 100);
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1, DELE 1");
}

static void
a_header_by_top_is_no_proof_for_another_size(void **state)
{
	struct scene *x = *state;

	(void)record(x, 0);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, 140);
	compare_and_delete(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
octets_that_are_its_size_prove_a_header_by_top(void **state)
{
	struct scene *x = *state;

	(void)record(x, 0);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, 100);
	compare_and_delete(x, "TOP 1, RETR 1, DELE 1");
}

static void
where_no_size_was_ever_told_the_header_has_to_do(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	(void)scene_row(x, "a", -1, HEADER, 0, OLD_DAYS);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1, DELE 1");
}

/* --- gone, or deleted, and there again --- */

static void
what_was_gone_and_has_its_size_is_known_by_its_header(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 100);

	x->keeper_settings.rules.keep_s = PLAN_KEEP_FOREVER;
	change_row(x, id, GONE);
	list(x, 100);
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_KEEP);
}

static void
what_was_gone_and_has_another_size_is_known_by_its_octets(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 100);

	x->keeper_settings.rules.keep_s = PLAN_KEEP_FOREVER;
	change_row(x, id, GONE);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, 100);
	compare_and_delete(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_KEEP);
}

static void
a_lists_copy_that_comes_when_ones_own_is_gone_is_new(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 100);

	x->keeper_settings.rules.keep_s = PLAN_KEEP_FOREVER;
	change_row(x, id, GONE);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, 140);
	compare_and_delete(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
what_was_gone_with_a_header_by_top_has_no_proof_for_another_size(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 0);

	x->keeper_settings.rules.keep_s = PLAN_KEEP_FOREVER;
	change_row(x, id, GONE);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 1, HEADER, 140);
	compare_and_delete(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
what_was_deleted_does_not_come_back_with_another_size(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 100);

	change_row(x, id, DELETED);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
what_was_deleted_and_is_still_listed_is_deleted_again(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 100);

	change_row(x, id, DELETED);
	list(x, 100);
	scene_message(x, 1, HEADER, -1);
	compare_and_delete(x, "TOP 1, DELE 1");
}

/* --- a dry run --- */

static void
a_dry_run_asks_for_top_alone(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_DRY_RUN;
	(void)record(x, 100);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	assert_int_equal(compare_run(&x->session, false, &x->e), 0);
	scene_assert_asked(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_DELETE);
}

static void
a_dry_run_takes_the_header_for_proof(void **state)
{
	struct scene *x = *state;
	int64_t id = record(x, 100);

	x->settings.mode = SESSION_DRY_RUN;
	x->keeper_settings.rules.keep_s = PLAN_KEEP_FOREVER;
	change_row(x, id, GONE);
	list(x, 140);
	scene_message(x, 1, HEADER, -1);
	assert_int_equal(compare_run(&x->session, false, &x->e), 0);
	scene_assert_asked(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_KEEP);
}

static void
a_dry_run_leaves_open_what_top_does_not_tell(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_DRY_RUN;
	(void)record(x, 100);
	list(x, 140);
	scene_refuse(x, 1, ERR_MESSAGE, "");
	assert_int_equal(compare_run(&x->session, false, &x->e), 0);
	scene_assert_asked(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_COMPARE);
}

static void
a_dry_run_writes_nothing(void **state)
{
	struct scene *x = *state;
	int64_t id;

	x->settings.mode = SESSION_DRY_RUN;
	(void)record(x, 100);
	id = scene_row(x, "b", -1, NULL, 0, OLD_DAYS);
	scene_list(x, "b", 100);
	list(x, 140);
	scene_message(x, 1, OTHER, -1);
	scene_message(x, 2, HEADER, -1);
	assert_int_equal(compare_run(&x->session, false, &x->e), 0);
	scene_assert_asked(x, "TOP 1, TOP 2");
	assert_false(scene_row_now(x, id).has_digest);
	assert_int_equal(scene_row_now(x, id).size, -1);
	assert_int_equal(scene_row_count(x), 2);
}

static void
a_proof_that_fails_says_nothing_of_top(void **state)
{
	struct scene *x = *state;
	uint8_t digest[DIGEST_SHA256_SIZE];
	size_t row;

	x->keeper_settings.rules.keep_s = 14 * SCENE_DAY;
	(void)scene_row(x, "a", 100, HEADER, 100, 20);
	scene_list(x, "a", 140); /* a list's copy */
	scene_list(x, "a", 107); /* the one on record, counted anew */
	scene_mailbox(x);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, HEADER, -1);
	scene_message(x, 1, HEADER, 140);
	scene_message(x, 2, HEADER, 100);
	assert_int_equal(compare_run(&x->session, true, &x->e), 0);
	scene_digest(HEADER, digest);
	assert_int_equal(compare_retrieved(&x->session, 1, digest, 100, &row,
					   &x->e),
			 0);
	assert_int_equal(row, 0);
	assert_false(x->session.top.differs);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_due_is_deleted_once_its_header_was_seen),
		TEST(of_what_top_shows_changed_nothing_is_deleted),
		TEST(without_top_what_is_due_is_retrieved_and_deleted),
		TEST(without_top_another_message_under_its_uid_and_size_is_new),
		TEST(what_is_due_and_cannot_be_had_stays),
		TEST(a_size_that_is_the_one_it_came_with_needs_no_other_proof),
		TEST(of_another_size_it_is_deleted_once_its_octets_were_counted),
		TEST(a_lists_copy_is_not_taken_for_ones_own_that_is_due),
		TEST(fields_that_servers_add_do_not_count),
		TEST(what_is_kept_needs_no_octets),
		TEST(what_top_took_for_a_message_is_proven_before_it_is_deleted),
		TEST(what_has_its_first_size_again_is_proven),
		TEST(a_header_by_top_is_no_proof_for_another_size),
		TEST(octets_that_are_its_size_prove_a_header_by_top),
		TEST(where_no_size_was_ever_told_the_header_has_to_do),
		TEST(what_was_gone_and_has_its_size_is_known_by_its_header),
		TEST(what_was_gone_and_has_another_size_is_known_by_its_octets),
		TEST(a_lists_copy_that_comes_when_ones_own_is_gone_is_new),
		TEST(what_was_gone_with_a_header_by_top_has_no_proof_for_another_size),
		TEST(what_was_deleted_does_not_come_back_with_another_size),
		TEST(what_was_deleted_and_is_still_listed_is_deleted_again),
		TEST(a_dry_run_asks_for_top_alone),
		TEST(a_dry_run_takes_the_header_for_proof),
		TEST(a_dry_run_leaves_open_what_top_does_not_tell),
		TEST(a_dry_run_writes_nothing),
		TEST(a_proof_that_fails_says_nothing_of_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
