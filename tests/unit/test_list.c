/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The answer to GO, the sizes that are asked for behind it, and the plan. */
#include "config.h"

#include "keeper/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "phase_scene.h"
#include "state/fact.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

/* The fewest rows at which so many new ones are not more than a quarter. */
enum { NEW_ONES = LINK_ORDERS_MAX + 2, ROWS = 3 * NEW_ONES };

/* --- the courier's part --- */

static void
say_stat(struct scene *x, uint32_t count, int64_t octets)
{
	scene_facts(x);
	scene_answer(x, LINK_STAT, count, octets, "");
}

static void
say_uid(struct scene *x, uint32_t number, const char *uid)
{
	scene_answer(x, LINK_UID, number, 0, uid);
}

static void
say_size(struct scene *x, uint32_t number, int64_t size)
{
	scene_answer(x, LINK_SIZE, number, size, "");
}

/* GO, or LIST of this number, or of all (0), is answered. */
static void
say_listed(struct scene *x, uint32_t number)
{
	scene_answer(x, LINK_LISTED, number, 1, "");
}

static void
refuse_list(struct scene *x, uint32_t number)
{
	scene_answer(x, LINK_LISTED, number, 0, "");
}

static void
run_well(struct scene *x)
{
	if (list_run(&x->session, &x->e) != 0)
		fail_msg("%s", x->e.text);
	assert_int_equal(requests_count(x->session.requests), 0);
}

static void
run_badly(struct scene *x, enum err_kind kind, const char *text)
{
	assert_int_equal(list_run(&x->session, &x->e), -1);
	assert_int_equal(x->e.kind, kind);
	assert_string_equal(x->e.text, text);
}

/* --- GO --- */

/* What is asked along with the login. */
static struct facts_go
read_go(struct scene *x)
{
	struct facts_go go;
	struct link_record r;

	assert_int_equal(link_pull(x->courier, &x->e), 0);
	assert_true(link_next(x->courier, &r));
	assert_int_equal(r.type, LINK_GO);
	assert_int_equal(facts_read_go(&r, &go, &x->e), 0);
	return go;
}

static void
a_new_state_asks_for_sizes_along_with_the_login(void **state)
{
	struct scene *x = *state;
	struct facts_go go;

	x->settings.trace = true;
	say_stat(x, 1, 100);
	say_uid(x, 1, "a");
	say_size(x, 1, 100);
	say_listed(x, 0);
	run_well(x);
	go = read_go(x);
	assert_true(go.wants_sizes);
	assert_true(go.trace);
	scene_assert_asked(x, "");
	assert_int_equal(mailbox_size(x->session.mailbox, 0), 100);
}

/* The total cannot show that nothing has changed. */
static void
sizes_are_asked_for_where_stat_does_not_say_their_sum(void **state)
{
	struct scene *x = *state;

	say_stat(x, 1, -1);
	say_uid(x, 1, "a");
	say_listed(x, 0);
	refuse_list(x, 1);
	say_size(x, 1, 100);
	say_listed(x, 0);
	run_well(x);
	scene_assert_asked(x, "GO, LIST 1, LIST");
	assert_int_equal(mailbox_size(x->session.mailbox, 0), 100);
}

static void
a_count_that_stat_does_not_say_is_none_that_must_be_listed(void **state)
{
	struct scene *x = *state;

	say_stat(x, UINT32_MAX, -1);
	say_listed(x, 0);
	run_well(x);
	assert_int_equal(mailbox_count(x->session.mailbox), 0);
}

static void
a_state_that_was_there_asks_for_none_along_with_the_login(void **state)
{
	struct scene *x = *state;
	struct facts_go go;

	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	store_close(&x->session.store);
	assert_int_equal(store_open(&x->session.store, x->db, -1, false, &x->e),
			 0);
	scene_list(x, "a", 100);
	scene_listing(x);
	run_well(x);
	go = read_go(x);
	assert_false(go.wants_sizes);
	assert_false(go.trace);
	scene_assert_asked(x, "");
}

static void
what_the_server_can_do_is_known_from_the_answer(void **state)
{
	struct scene *x = *state;

	x->session.facts.expire_days = 7;
	x->session.facts.has_top = false;
	x->session.facts.login_delay_s = 300;
	scene_listing(x);
	x->session.facts = (struct facts){ .has_top = true };
	run_well(x);
	assert_int_equal(x->session.facts.expire_days, 7);
	assert_false(x->session.facts.has_top);
	assert_int_equal(scene_fact(x, FACT_LOGIN_DELAY), 300);
	assert_int_not_equal(scene_fact(x, FACT_LAST_LOGIN), 0);
}

static void
a_run_that_only_looks_notes_no_login(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_CHECK;
	x->session.facts.login_delay_s = 300;
	scene_listing(x);
	run_well(x);
	assert_int_equal(scene_fact(x, FACT_LOGIN_DELAY), 0);
	assert_int_equal(scene_fact(x, FACT_LAST_LOGIN), 0);
}

static void
an_empty_mailbox_is_no_trouble(void **state)
{
	struct scene *x = *state;

	say_stat(x, 0, 0);
	say_listed(x, 0);
	run_well(x);
	scene_assert_asked(x, "GO");
	assert_true(scene_was_told(x, "0 messages, 0 to fetch, 0 to delete, "
				      "0 set aside"));
}

static void
what_the_courier_says_of_a_failed_login_is_the_error(void **state)
{
	struct scene *x = *state;

	scene_answer(x, LINK_ERROR, 0, ERR_LOGIN, "login refused");
	run_badly(x, ERR_LOGIN, "login refused");
	assert_null(x->session.mailbox);
}

/* --- records out of order --- */

static void
a_listing_before_stat_is_not_believed(void **state)
{
	struct scene *x = *state;

	scene_facts(x);
	say_uid(x, 1, "a");
	run_badly(x, ERR_INTERNAL, "a listing before STAT");
}

static void
the_end_of_a_listing_without_stat_is_not_believed(void **state)
{
	struct scene *x = *state;

	scene_facts(x);
	say_listed(x, 0);
	run_badly(x, ERR_INTERNAL, "a listing before STAT");
}

static void
a_second_stat_is_not_believed(void **state)
{
	struct scene *x = *state;

	say_stat(x, 1, 100);
	scene_answer(x, LINK_STAT, 2, 200, "");
	run_badly(x, ERR_INTERNAL, "unexpected STAT");
}

static void
a_stat_of_less_than_no_octets_is_not_believed(void **state)
{
	struct scene *x = *state;

	say_stat(x, 1, -2);
	run_badly(x, ERR_INTERNAL, "unexpected STAT");
}

static void
facts_that_are_none_are_not_believed(void **state)
{
	struct scene *x = *state;

	scene_answer(x, LINK_FACTS, 0, 0, "nonsense");
	assert_int_equal(list_run(&x->session, &x->e), -1);
	assert_int_equal(x->e.kind, ERR_INTERNAL);
}

/* --- what is listed --- */

static void
a_server_that_counts_messages_and_lists_none_is_asked_again_later(void **state)
{
	struct scene *x = *state;

	say_stat(x, 3, 300);
	say_listed(x, 0);
	run_badly(x, ERR_LATER, "server lists none of its 3 messages");
	scene_assert_asked(x, "GO");
}

/* They would be messages without uid otherwise, all of them new. */
static void
sizes_alone_are_no_listing_where_uidl_was_answered(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	say_stat(x, 1, 100);
	say_size(x, 1, 100);
	say_listed(x, 0);
	run_badly(x, ERR_LATER, "server lists none of its 1 message");
}

static void
a_number_that_is_listed_twice_is_said_and_never_deleted(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, 20);
	x->keeper_settings.rules.keep_s = 0;
	say_stat(x, 1, 100);
	say_uid(x, 1, "a");
	say_uid(x, 1, "b");
	say_listed(x, 0);
	run_well(x);
	assert_true(scene_was_told(x, "UIDL: odd message number 1"));
	assert_true(scene_was_told(x, "1 message, 0 to fetch, 0 to delete"));
}

/* --- sizes --- */

static void
known_sizes_that_make_up_stats_sum_need_no_list(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	(void)scene_row(x, "b", 200, HEADER, 200, 1);
	scene_list(x, "a", 100);
	scene_list(x, "b", 200);
	scene_listing(x);
	run_well(x);
	scene_assert_asked(x, "GO");
	assert_true(scene_was_told(x, "2 messages, 0 to fetch"));
}

static void
only_what_is_new_is_asked_for_its_size(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	scene_list(x, "a", 100);
	scene_list(x, "b", 200);
	scene_listing(x);
	say_size(x, 2, 200);
	say_listed(x, 2);
	run_well(x);
	scene_assert_asked(x, "GO, LIST 2");
	assert_int_equal(mailbox_size(x->session.mailbox, 1), 200);
	assert_true(scene_was_told(x, "2 messages, 1 to fetch"));
}

static void
without_pipelining_sizes_come_by_one_list(void **state)
{
	struct scene *x = *state;

	x->session.facts.pipelining = false;
	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	scene_list(x, "a", 100);
	scene_list(x, "b", 200);
	scene_listing(x);
	say_size(x, 1, 100);
	say_size(x, 2, 200);
	say_listed(x, 0);
	run_well(x);
	scene_assert_asked(x, "GO, LIST");
	assert_int_equal(mailbox_size(x->session.mailbox, 1), 200);
}

static void
much_that_is_new_is_one_list(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", 100);
	scene_list(x, "b", 200);
	scene_listing(x);
	say_size(x, 1, 100);
	say_size(x, 2, 200);
	say_listed(x, 0);
	run_well(x);
	scene_assert_asked(x, "GO, LIST");
	assert_int_equal(mailbox_size(x->session.mailbox, 0), 100);
	assert_int_equal(mailbox_size(x->session.mailbox, 1), 200);
}

static void
where_new_sizes_do_not_explain_the_sum_all_are_asked_for(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	scene_list(x, "a", 150);
	scene_list(x, "b", 200);
	scene_listing(x);
	say_size(x, 2, 200);
	say_listed(x, 2);
	say_size(x, 1, 150);
	say_size(x, 2, 200);
	say_listed(x, 0);
	run_well(x);
	scene_assert_asked(x, "GO, LIST 2, LIST");
	assert_int_equal(mailbox_action(x->session.mailbox, 0), PLAN_COMPARE);
}

static void
known_sizes_that_do_not_make_up_the_sum_are_asked_for(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	scene_list(x, "a", 150);
	scene_listing(x);
	say_size(x, 1, 150);
	say_listed(x, 0);
	run_well(x);
	scene_assert_asked(x, "GO, LIST");
	assert_int_equal(mailbox_action(x->session.mailbox, 0), PLAN_COMPARE);
}

static void
a_server_that_refuses_list_and_tells_no_size_is_fetched_from(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", 100);
	scene_listing(x);
	refuse_list(x, 1);
	say_size(x, 1, -1);
	say_listed(x, 0);
	run_well(x);
	scene_assert_asked(x, "GO, LIST 1, LIST");
	assert_int_equal(mailbox_size(x->session.mailbox, 0), -1);
	assert_true(scene_was_told(x, "1 message, 1 to fetch"));
}

/* So many known messages, of one octet each, and new ones of two. */
static void
list_many(struct scene *x)
{
	struct store_message m = { .size = 1, .octets = 1 };
	char uid[16];

	assert_int_equal(store_begin(x->session.store, STORE_DURABLE, &x->e),
			 0);
	m.uid = (const uint8_t *)uid;
	for (int i = 0; i < ROWS; i++) {
		m.uid_size = (size_t)snprintf(uid, sizeof(uid), "o%d", i);
		assert_int_equal(store_add_delivered(x->session.store, &m,
						     x->session.now, &x->e),
				 0);
		scene_list(x, uid, 1);
	}
	assert_int_equal(store_commit(x->session.store, &x->e), 0);
	for (int i = 0; i < NEW_ONES; i++) {
		(void)snprintf(uid, sizeof(uid), "n%d", i);
		scene_list(x, uid, 2);
	}
}

static void
more_sizes_than_orders_may_be_on_their_way_are_asked_for(void **state)
{
	struct scene *x = *state;

	list_many(x);
	scene_listing(x);
	for (uint32_t i = 1; i <= NEW_ONES; i++) {
		say_size(x, ROWS + i, 2);
		say_listed(x, ROWS + i);
	}
	run_well(x);
	for (size_t i = 0; i < NEW_ONES; i++)
		assert_int_equal(mailbox_size(x->session.mailbox, ROWS + i), 2);
	assert_true(scene_was_told(x, "2056 messages, 514 to fetch"));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_state_asks_for_sizes_along_with_the_login),
		TEST(a_state_that_was_there_asks_for_none_along_with_the_login),
		TEST(sizes_are_asked_for_where_stat_does_not_say_their_sum),
		TEST(a_count_that_stat_does_not_say_is_none_that_must_be_listed),
		TEST(what_the_server_can_do_is_known_from_the_answer),
		TEST(a_run_that_only_looks_notes_no_login),
		TEST(an_empty_mailbox_is_no_trouble),
		TEST(what_the_courier_says_of_a_failed_login_is_the_error),
		TEST(a_listing_before_stat_is_not_believed),
		TEST(the_end_of_a_listing_without_stat_is_not_believed),
		TEST(a_second_stat_is_not_believed),
		TEST(a_stat_of_less_than_no_octets_is_not_believed),
		TEST(facts_that_are_none_are_not_believed),
		TEST(a_server_that_counts_messages_and_lists_none_is_asked_again_later),
		TEST(sizes_alone_are_no_listing_where_uidl_was_answered),
		TEST(a_number_that_is_listed_twice_is_said_and_never_deleted),
		TEST(known_sizes_that_make_up_stats_sum_need_no_list),
		TEST(only_what_is_new_is_asked_for_its_size),
		TEST(without_pipelining_sizes_come_by_one_list),
		TEST(much_that_is_new_is_one_list),
		TEST(where_new_sizes_do_not_explain_the_sum_all_are_asked_for),
		TEST(known_sizes_that_do_not_make_up_the_sum_are_asked_for),
		TEST(a_server_that_refuses_list_and_tells_no_size_is_fetched_from),
		TEST(more_sizes_than_orders_may_be_on_their_way_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
