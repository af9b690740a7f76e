/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What is noted of a mailbox before QUIT, or when a session has failed. */
#include "config.h"

#include "keeper/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "account/server_memory.h"
#include "phase_fetch.h"
#include "state/fact.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

/* --- what there is --- */

static void
set_gone(struct scene *x, int64_t id, int64_t days_ago)
{
	struct store *s = x->session.store;

	assert_int_equal(store_begin(s, STORE_DURABLE, &x->e), 0);
	assert_int_equal(store_set_gone(s, id,
					x->session.now - days_ago * SCENE_DAY,
					&x->e),
			 0);
	assert_int_equal(store_commit(s, &x->e), 0);
}

static void
set_dele_sent(struct scene *x, int64_t id)
{
	struct store *s = x->session.store;

	assert_int_equal(store_begin(s, STORE_DURABLE, &x->e), 0);
	assert_int_equal(store_set_dele_sent(s, id, x->session.now - 1, &x->e),
			 0);
	assert_int_equal(store_commit(s, &x->e), 0);
}

/* As scene_mailbox; but STAT counts so many more, or UIDL was not answered. */
static void
make_mailbox(struct scene *x, uint64_t unlisted, bool has_uids)
{
	struct plan_rules rules = x->keeper_settings.rules;
	struct store_rows *rows;
	struct listing *l;
	struct listing_entry a;

	listing_done(x->listing);
	a = listing_at(x->listing, 0);
	l = listing_new(1 + unlisted, 0);
	assert_true(listing_add(l, a.number, a.uid, a.uid_size));
	assert_true(listing_set_size(l, a.number, a.size));
	listing_done(l);
	assert_int_equal(store_load(x->session.store, &rows, &x->e), 0);
	x->session.mailbox = mailbox_new(l, rows, has_uids);
	rules.now = x->session.now;
	mailbox_decide(x->session.mailbox, &rules);
}

/* Entry 0 was found to be the message of the first row, as compare.c does. */
static void
settle(struct scene *x)
{
	plan_settle(mailbox_plan(x->session.mailbox), 0, 0);
}

static void
save(struct scene *x)
{
	if (notes_save(&x->session, true, &x->e) != 0)
		fail_msg("%s", x->e.text);
}

static int64_t
gone_since(struct scene *x, int64_t id)
{
	return scene_row_now(x, id).gone_since;
}

static int64_t
fact(struct scene *x, const char *name)
{
	int64_t value;

	assert_int_equal(store_fact(x->session.store, name, -1, &value, &x->e),
			 0);
	return value;
}

/* --- gone and back --- */

static void
what_is_listed_no_more_is_gone_since_now(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);
	int64_t b = scene_row(x, "b", 100, HEADER, 100, 3);

	scene_list(x, "b", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(gone_since(x, a), x->session.now);
	assert_int_equal(gone_since(x, b), 0);
}

static void
what_is_gone_still_is_gone_since_it_was_missed_first(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 30);

	set_gone(x, a, 7);
	scene_list(x, "b", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(gone_since(x, a), x->session.now - 7 * SCENE_DAY);
}

static void
what_is_back_is_gone_no_more(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 30);

	set_gone(x, a, 7);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	settle(x);
	save(x);
	assert_int_equal(gone_since(x, a), 0);
}

static void
what_may_be_back_but_was_not_compared_stays_gone(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 30);

	set_gone(x, a, 7);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(gone_since(x, a), x->session.now - 7 * SCENE_DAY);
}

static void
what_may_be_there_but_was_not_compared_is_not_gone(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 30);

	scene_list(x, "a", 120);
	scene_mailbox(x);
	save(x);
	assert_int_equal(gone_since(x, a), 0);
}

static void
after_a_clock_was_set_back_gone_counts_from_the_last_run(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);

	x->session.clock.last_run = x->session.now + 1000;
	scene_list(x, "b", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(gone_since(x, a), x->session.now + 1000);
}

/* --- what a listing cannot say --- */

static void
a_listing_that_lacks_messages_shows_none_to_be_gone(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);
	int64_t b = scene_row(x, "b", 100, HEADER, 100, 300);

	set_gone(x, b, 200);
	scene_list(x, "c", 100);
	make_mailbox(x, 1, true);
	save(x);
	assert_int_equal(gone_since(x, a), 0);
	assert_int_equal(scene_row_count(x), 2);
}

static void
without_uidl_no_message_with_a_uid_is_gone(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);

	scene_list(x, "", 100);
	make_mailbox(x, 0, false);
	save(x);
	assert_int_equal(gone_since(x, a), 0);
}

static void
a_message_without_uid_is_gone_when_all_contents_were_seen(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "", 100, HEADER, 100, 3);

	scene_list(x, "b", 100);
	scene_mailbox(x);
	assert_int_equal(notes_save(&x->session, false, &x->e), 0);
	assert_int_equal(gone_since(x, id), 0);
	assert_int_equal(notes_save(&x->session, true, &x->e), 0);
	assert_int_equal(gone_since(x, id), x->session.now);
}

/* --- forgotten --- */

static void
what_is_gone_for_180_days_is_forgotten(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 400);
	int64_t b = scene_row(x, "b", 100, HEADER, 100, 400);

	set_gone(x, a, 181);
	set_gone(x, b, 180);
	scene_list(x, "c", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(scene_row_count(x), 1);
	assert_int_equal(scene_row_now(x, b).id, b);
}

static void
while_the_clock_is_doubted_nothing_is_forgotten(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 400);

	set_gone(x, a, 181);
	x->session.clock_is_doubted = true;
	scene_list(x, "c", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(scene_row_count(x), 1);
}

/* --- sizes --- */

static void
a_size_that_top_alone_vouches_for_is_unproven(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);

	scene_list(x, "a", 120);
	scene_mailbox(x);
	settle(x);
	save(x);
	assert_int_equal(scene_row_now(x, a).size, 120);
	assert_true(scene_row_now(x, a).unproven);
}

static void
a_size_that_was_compared_by_retr_is_proven(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);

	scene_list(x, "a", 120);
	scene_mailbox(x);
	settle(x);
	mailbox_mark(x->session.mailbox, 0, MAILBOX_PROVEN);
	save(x);
	assert_int_equal(scene_row_now(x, a).size, 120);
	assert_false(scene_row_now(x, a).unproven);
}

static void
a_size_as_it_was_retrieved_is_proven(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 120, 3);

	scene_list(x, "a", 120);
	scene_mailbox(x);
	save(x);
	assert_int_equal(scene_row_now(x, a).size, 120);
	assert_false(scene_row_now(x, a).unproven);
}

/* Its uid may be that of the one which is not listed now. */
static void
in_a_listing_that_lacks_messages_no_size_is_anew(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);

	scene_list(x, "a", 120);
	make_mailbox(x, 1, true);
	settle(x);
	save(x);
	assert_int_equal(scene_row_now(x, a).size, 100);
}

/* --- ages --- */

/* When it was delivered, as on record behind a session; 0: as it was before. */
static void
assert_age(struct scene *x, int64_t days_ago, int64_t expected)
{
	int64_t a = scene_row(x, "a", 100, HEADER, 100, days_ago);
	int64_t before = scene_row_now(x, a).delivered;

	x->keeper_settings.rules.released = x->session.now - 500 * SCENE_DAY;
	scene_list(x, "a", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(scene_row_now(x, a).delivered,
			 expected == 0 ? before : expected);
}

static void
an_age_that_can_be_stays(void **state)
{
	struct scene *x = *state;

	assert_age(x, 3, 0);
}

static void
what_was_delivered_in_the_future_is_as_old_as_this_run(void **state)
{
	struct scene *x = *state;

	assert_age(x, -3, x->session.now);
}

static void
while_the_clock_is_doubted_it_may_have_been_the_future(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.clock_is_doubted = true;
	assert_age(x, -3, 0);
}

static void
what_was_delivered_before_there_was_a_program_is_as_old_as_this_run(
	void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.clock_is_doubted = true;
	assert_age(x, 600, x->session.now);
}

/* --- the server and the clock --- */

static void
the_next_run_knows_when_this_one_was(void **state)
{
	struct scene *x = *state;

	x->session.clock = (struct age_clock){ .went_on_s = 77 };
	scene_list(x, "a", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(fact(x, FACT_LAST_RUN), x->session.now);
	assert_int_equal(fact(x, FACT_CLOCK_WENT_ON), 77);
}

static void
the_next_run_knows_what_the_server_can_do(void **state)
{
	struct scene *x = *state;
	struct facts_go go = { .trace = false };

	x->session.facts.capa_is_new = true;
	(void)strcpy(x->session.facts.capa, "UIDL\n");
	scene_list(x, "a", 100);
	scene_mailbox(x);
	save(x);
	assert_int_equal(server_memory_load(x->session.store, &x->server,
					    x->session.now, &go, &x->e),
			 0);
	assert_true(go.knows_capa);
	assert_string_equal(go.capa, "UIDL\n");
}

/* --- a session that has failed --- */

static void
what_was_gone_in_a_session_that_failed_is_noted_and_no_more(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 120, 3);
	int64_t b = scene_row(x, "b", 100, HEADER, 100, 3);

	scene_list(x, "a", 120);
	scene_mailbox(x);
	notes_save_absences(&x->session, true);
	assert_int_equal(gone_since(x, b), x->session.now);
	assert_int_equal(scene_row_now(x, a).size, 100);
	assert_int_equal(fact(x, FACT_LAST_RUN), -1);
}

/* Of one that DELE was sent for, or that was never delivered. */
static void
an_absence_on_which_nothing_rests_is_left_to_the_next_session(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);
	int64_t b = fetch_set_aside(x, "b", 100, 1);

	set_dele_sent(x, a);
	scene_list(x, "c", 100);
	scene_mailbox(x);
	notes_save_absences(&x->session, true);
	assert_int_equal(gone_since(x, a), 0);
	assert_int_equal(gone_since(x, b), 0);
}

static void
a_dele_of_what_is_kept_and_was_compared_is_forgotten(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 3);

	set_dele_sent(x, id);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	save(x);
	assert_int_not_equal(scene_row_now(x, id).dele_sent, 0);
	settle(x);
	save(x);
	assert_int_equal(scene_row_now(x, id).dele_sent, 0);
}

static void
a_dele_of_what_is_to_be_deleted_is_not_forgotten(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 3);

	x->keeper_settings.rules.keep_s = SCENE_DAY;
	set_dele_sent(x, id);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	settle(x);
	save(x);
	assert_int_not_equal(scene_row_now(x, id).dele_sent, 0);
}

/* It would be known by its content, though it was deleted. */
static void
that_one_without_uid_is_gone_is_noted_though_dele_was_sent(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "", 100, HEADER, 100, 3);

	set_dele_sent(x, id);
	scene_list(x, "c", 100);
	scene_mailbox(x);
	notes_save_absences(&x->session, true);
	assert_int_equal(gone_since(x, id), x->session.now);
}

static void
a_failed_session_with_a_listing_that_lacks_messages_notes_nothing(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 3);

	scene_list(x, "c", 100);
	make_mailbox(x, 1, true);
	notes_save_absences(&x->session, true);
	assert_int_equal(gone_since(x, a), 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_listed_no_more_is_gone_since_now),
		TEST(what_is_gone_still_is_gone_since_it_was_missed_first),
		TEST(what_is_back_is_gone_no_more),
		TEST(what_may_be_back_but_was_not_compared_stays_gone),
		TEST(what_may_be_there_but_was_not_compared_is_not_gone),
		TEST(after_a_clock_was_set_back_gone_counts_from_the_last_run),
		TEST(a_listing_that_lacks_messages_shows_none_to_be_gone),
		TEST(without_uidl_no_message_with_a_uid_is_gone),
		TEST(a_message_without_uid_is_gone_when_all_contents_were_seen),
		TEST(what_is_gone_for_180_days_is_forgotten),
		TEST(while_the_clock_is_doubted_nothing_is_forgotten),
		TEST(a_size_that_top_alone_vouches_for_is_unproven),
		TEST(a_size_that_was_compared_by_retr_is_proven),
		TEST(a_size_as_it_was_retrieved_is_proven),
		TEST(in_a_listing_that_lacks_messages_no_size_is_anew),
		TEST(an_age_that_can_be_stays),
		TEST(what_was_delivered_in_the_future_is_as_old_as_this_run),
		TEST(while_the_clock_is_doubted_it_may_have_been_the_future),
		TEST(what_was_delivered_before_there_was_a_program_is_as_old_as_this_run),
		TEST(the_next_run_knows_when_this_one_was),
		TEST(the_next_run_knows_what_the_server_can_do),
		TEST(what_was_gone_in_a_session_that_failed_is_noted_and_no_more),
		TEST(an_absence_on_which_nothing_rests_is_left_to_the_next_session),
		TEST(that_one_without_uid_is_gone_is_noted_though_dele_was_sent),
		TEST(a_dele_of_what_is_kept_and_was_compared_is_forgotten),
		TEST(a_dele_of_what_is_to_be_deleted_is_not_forgotten),
		TEST(a_failed_session_with_a_listing_that_lacks_messages_notes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
