/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Which message is which, by its header: what is asked, and what comes of it. */
#include "config.h"

#include "keeper/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "keeper/list.h"
#include "keeper/removal.h"
#include "phase_compare.h"
#include "state/fact.h"


enum { MANY = LINK_ORDERS_MAX + 88 };

/* What has been asked for, and the deletions that come of it. */
static void
assert_asked_and_deleted(struct scene *x, const char *expected)
{
	assert_int_equal(removal_run(&x->session, &x->e), 0);
	scene_assert_asked(x, expected);
}

/* A message on record, of 100 octets, now listed with 107. */
static void
list_with_other_size(struct scene *x)
{
	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	scene_list(x, "a", 107);
	scene_mailbox(x);
}

/* --- by TOP --- */

static void
a_message_of_another_size_is_known_by_its_header(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	scene_message(x, 1, HEADER, -1);
	compare_well(x);
	scene_assert_asked(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_KEEP);
	assert_true(plan_at(mailbox_plan(x->session.mailbox), 0).size_changed);
}

static void
a_message_with_another_header_is_new(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	scene_message(x, 1, OTHER, -1);
	compare_well(x);
	scene_assert_asked(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
what_needs_no_comparison_is_not_asked_for(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	scene_list(x, "a", 100);
	scene_list(x, "b", 100);
	scene_mailbox(x);
	compare_well(x);
	scene_assert_asked(x, "");
	compare_assert_action(x, 0, PLAN_KEEP);
	compare_assert_action(x, 1, PLAN_FETCH);
}

static void
a_header_in_pieces_is_the_same(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	scene_answer(x, LINK_CHUNK, 1, 0, "Message-ID: <1");
	scene_answer(x, LINK_CHUNK, 1, 0, "@x>\nSubject: x\n\n");
	scene_answer(x, LINK_END, 1, 31, "");
	compare_well(x);
	compare_assert_action(x, 0, PLAN_KEEP);
}

static void
the_error_that_ends_the_line_ends_the_comparison(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	scene_answer(x, LINK_CHUNK, 1, 0, "Message-ID: <1");
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
	assert_int_equal(compare_run(&x->session, false, &x->e), -1);
	assert_int_equal(x->e.kind, ERR_NETWORK);
	compare_assert_action(x, 0, PLAN_COMPARE);
}

static void
after_a_stop_no_header_is_asked_for(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	x->session.stop_until = clock_deadline(1000);
	compare_well(x);
	scene_assert_asked(x, "");
	assert_true(x->session.is_stopped_short);
	compare_assert_action(x, 0, PLAN_COMPARE);
}

/* --- RETR in place of TOP --- */

static void
what_top_refuses_is_asked_for_by_retr(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: no TOP");
	scene_message(x, 1, HEADER, 100);
	compare_well(x);
	scene_assert_asked(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_KEEP);
	assert_false(scene_was_told(x, "no TOP"));
}

static void
a_server_without_top_is_not_asked_for_it(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	list_with_other_size(x);
	scene_message(x, 1, OTHER, 100);
	compare_well(x);
	scene_assert_asked(x, "RETR 1");
	compare_assert_action(x, 0, PLAN_FETCH);
}

static void
what_one_top_shows_counts_where_another_is_refused(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	(void)scene_row(x, "b", 100, OTHER, 100, OLD_DAYS);
	scene_list(x, "a", 107);
	scene_list(x, "b", 107);
	scene_mailbox(x);
	scene_refuse(x, 1, ERR_MESSAGE, "");
	scene_message(x, 2, OTHER, -1);
	scene_message(x, 1, HEADER, 100);
	compare_well(x);
	scene_assert_asked(x, "TOP 1, TOP 2, RETR 1");
	compare_assert_action(x, 0, PLAN_KEEP);
	compare_assert_action(x, 1, PLAN_KEEP);
}

/* It would make all messages equal. */
static void
an_empty_header_is_none(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	scene_message(x, 1, "", -1);
	scene_message(x, 1, HEADER, 100);
	compare_well(x);
	scene_assert_asked(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_KEEP);
	assert_int_equal(phase_begin_note(&x->session, &x->e), 0);
	assert_int_equal(phase_end_note(&x->session,
					list_note_facts(&x->session, &x->e),
					&x->e),
			 0);
	assert_int_not_equal(scene_fact(x, FACT_TOP_DIFFERS), 0);
}

static void
a_message_without_header_says_nothing_of_top(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, "", 100, OLD_DAYS);
	(void)scene_row(x, "b", 100, OTHER, 100, OLD_DAYS);
	scene_list(x, "a", 107);
	scene_list(x, "b", 107);
	scene_mailbox(x);
	scene_message(x, 1, "", -1);
	scene_message(x, 2, OTHER, -1);
	scene_message(x, 1, "", 100);
	compare_well(x);
	scene_assert_asked(x, "TOP 1, TOP 2, RETR 1");
	compare_assert_action(x, 0, PLAN_KEEP);
	compare_assert_action(x, 1, PLAN_KEEP);
	assert_false(x->session.top.differs);
}

static void
what_retr_refuses_is_told_and_stays_as_it_is(void **state)
{
	struct scene *x = *state;

	x->session.facts.has_top = false;
	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	list_with_other_size(x);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: locked");
	compare_well(x);
	compare_assert_action(x, 0, PLAN_COMPARE);
	assert_true(scene_was_told(x, "RETR 1: server said: locked"));
	assert_int_equal(x->session.first.kind, ERR_MESSAGE);
	assert_true(x->session.first.told);
	compare_well(x); /* which does not ask again */
	assert_asked_and_deleted(x, "RETR 1");
}

static void
where_top_differs_retr_tells(void **state)
{
	struct scene *x = *state;

	x->session.top.differs = true;
	list_with_other_size(x);
	scene_message(x, 1, HEADER, 100);
	compare_well(x);
	scene_assert_asked(x, "RETR 1");
	compare_assert_action(x, 0, PLAN_KEEP);
}

static void
where_top_differs_a_header_on_record_by_top_is_found_by_top(void **state)
{
	struct scene *x = *state;

	x->session.top.differs = true;
	(void)scene_row(x, "a", 100, HEADER, 0, OLD_DAYS);
	scene_list(x, "a", 107);
	scene_mailbox(x);
	scene_message(x, 1, HEADER, -1);
	compare_well(x);
	scene_assert_asked(x, "TOP 1");
	compare_assert_action(x, 0, PLAN_KEEP);
}

static void
where_top_differs_what_it_does_not_know_retr_tells(void **state)
{
	struct scene *x = *state;

	x->session.top.differs = true;
	(void)scene_row(x, "a", 100, HEADER, 0, OLD_DAYS);
	(void)scene_row(x, "a", 200, OTHER, 200, OLD_DAYS);
	scene_list(x, "a", 207);
	scene_mailbox(x);
	scene_message(x, 1, "Subject: changed\n\n", -1);
	scene_message(x, 1, OTHER, 200);
	compare_well(x);
	scene_assert_asked(x, "TOP 1, RETR 1");
	compare_assert_action(x, 0, PLAN_KEEP);
}

/* --- what was new by TOP has come by RETR --- */

static void
find_retrieved(struct scene *x, const char *header, int64_t octets, size_t row)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	size_t found;

	scene_digest(header, digest);
	assert_int_equal(compare_retrieved(&x->session, 0, digest, octets,
					   &found, &x->e),
			 0);
	assert_int_equal(found, row);
}

static void
a_known_message_that_top_shows_changed_is_found_when_it_comes(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	scene_message(x, 1, "Subject: [marked] x\n\n", -1);
	compare_well(x);
	compare_assert_action(x, 0, PLAN_FETCH);
	find_retrieved(x, HEADER, 100, 0);
	assert_true(x->session.top.differs);
}

static void
a_new_message_is_not_found_when_it_comes(void **state)
{
	struct scene *x = *state;

	list_with_other_size(x);
	scene_message(x, 1, OTHER, -1);
	compare_well(x);
	find_retrieved(x, OTHER, 107, SIZE_MAX);
	find_retrieved(x, HEADER, 107, SIZE_MAX); /* a list's copy */
	assert_false(x->session.top.differs);
}

/* --- many --- */

static void
show_header(char out[64], int i)
{
	(void)snprintf(out, 64, "Message-ID: <%d@x>\n", i);
}

/* So many on record, each listed with another size and answered by its own
 * header, but for the last one. */
static void
list_many(struct scene *x)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct store_message m = { .size = 5, .digest = digest, .octets = 5 };
	char uid[16], header[64];

	assert_int_equal(store_begin(x->session.store, STORE_DURABLE, &x->e),
			 0);
	m.uid = (const uint8_t *)uid;
	for (int i = 1; i <= MANY; i++) {
		m.uid_size = (size_t)snprintf(uid, sizeof(uid), "%d", i);
		show_header(header, i);
		scene_digest(header, digest);
		assert_int_equal(store_add_delivered(x->session.store, &m,
						     x->session.now, &x->e),
				 0);
		scene_list(x, uid, 6);
		show_header(header, i < MANY ? i : 0);
		scene_message(x, (uint32_t)i, header, -1);
	}
	assert_int_equal(store_commit(x->session.store, &x->e), 0);
}

static void
more_headers_than_orders_may_be_on_their_way_come_in_order(void **state)
{
	struct scene *x = *state;
	struct buf asked;

	list_many(x);
	scene_mailbox(x);
	compare_well(x);
	buf_init(&asked, 64 * 1024);
	for (int i = 1; i <= MANY; i++)
		(void)buf_format(&asked, "%sTOP %d", i == 1 ? "" : ", ", i);
	scene_assert_asked(x, buf_text(&asked));
	buf_free(&asked);
	for (size_t i = 0; i + 1 < MANY; i++)
		compare_assert_action(x, i, PLAN_KEEP);
	compare_assert_action(x, MANY - 1, PLAN_FETCH);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_of_another_size_is_known_by_its_header),
		TEST(a_message_with_another_header_is_new),
		TEST(what_needs_no_comparison_is_not_asked_for),
		TEST(a_header_in_pieces_is_the_same),
		TEST(the_error_that_ends_the_line_ends_the_comparison),
		TEST(after_a_stop_no_header_is_asked_for),
		TEST(what_top_refuses_is_asked_for_by_retr),
		TEST(a_server_without_top_is_not_asked_for_it),
		TEST(what_one_top_shows_counts_where_another_is_refused),
		TEST(an_empty_header_is_none),
		TEST(a_message_without_header_says_nothing_of_top),
		TEST(what_retr_refuses_is_told_and_stays_as_it_is),
		TEST(where_top_differs_retr_tells),
		TEST(where_top_differs_a_header_on_record_by_top_is_found_by_top),
		TEST(where_top_differs_what_it_does_not_know_retr_tells),
		TEST(a_known_message_that_top_shows_changed_is_found_when_it_comes),
		TEST(a_new_message_is_not_found_when_it_comes),
		TEST(more_headers_than_orders_may_be_on_their_way_come_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
