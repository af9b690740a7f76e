/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Do replies belong to their commands?  The proof, and what waits for it. */
#include "config.h"

#include "session/lockstep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

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

/* The answer to UIDL. */
static void
tell_uids(struct scene *x, const char *first, const char *second)
{
	scene_answer(x, LINK_UID, 1, 0, first);
	if (second)
		scene_answer(x, LINK_UID, 2, 0, second);
	scene_answer(x, LINK_LISTED, 0, 1, "");
}

static void
fetch_well(struct scene *x, const char *asked)
{
	scene_mailbox(x);
	player_start(x);
	assert_int_equal(fetch_run(x), 0);
	player_assert_asked(x, asked);
}

static void
fetch_out_of_step(struct scene *x)
{
	scene_mailbox(x);
	player_start(x);
	fetch_fail(x);
	assert_int_equal(x->e.kind, ERR_PROTOCOL);
}

/* One message that is shorter than listed; LIST is answered already. */
static void
fetch_in_vain(struct scene *x, enum err_kind kind)
{
	scene_mailbox(x);
	player_start(x);
	fetch_fail(x);
	assert_int_equal(x->e.kind, kind);
	assert_int_equal(scene_delivered(x), 0);
	assert_int_not_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	player_assert_asked(x, "RETR 1, LIST 1");
}

/* --- is it needed? --- */

static void
a_message_as_large_as_listed_needs_no_proof(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 0);
	fetch_well(x, "RETR 1");
}

static void
a_message_larger_than_listed_needs_no_proof(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", -7);
	fetch_well(x, "RETR 1");
}

/* The line breaks behind one of two messages: how many are delivered? */
static size_t
deliver_before_it_breaks(struct scene *x, int64_t more, int64_t next)
{
	offer(x, 1, "a", more);
	scene_list(x, "b", next);
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
	scene_mailbox(x);
	player_start(x);
	fetch_fail(x);
	assert_int_equal(x->e.kind, ERR_NETWORK);
	return scene_delivered(x);
}

static void
a_message_as_large_as_listed_is_delivered_when_the_line_breaks(void **state)
{
	assert_int_equal(deliver_before_it_breaks(*state, 0, SIZE + 7), 1);
}

static void
so_is_one_of_the_size_that_it_has_with_line_ends_of_one_byte(void **state)
{
	int64_t bytes = sizeof(MAIL) - 1;

	assert_int_equal(deliver_before_it_breaks(*state, bytes - SIZE,
						  SIZE + 7),
			 1);
}

/* Its own reply was never sent perhaps. */
static void
a_message_as_large_as_the_next_one_is_not(void **state)
{
	assert_int_equal(deliver_before_it_breaks(*state, 0, SIZE), 0);
}

static void
a_message_larger_than_listed_is_not(void **state)
{
	assert_int_equal(deliver_before_it_breaks(*state, -7, SIZE), 0);
}

static void
behind_a_refusal_a_size_of_its_own_is_proof_enough(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", SIZE + 7);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: broken");
	offer(x, 2, "b", 0);
	fetch_well(x, "RETR 1, RETR 2");
}

static void
behind_a_refusal_a_message_of_the_same_size_needs_the_proof(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", SIZE);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: broken");
	offer(x, 2, "b", 0);
	scene_answer(x, LINK_LISTED, 0, 0, "");
	scene_answer(x, LINK_LISTED, 0, 0, "");
	fetch_out_of_step(x);
	assert_int_equal(scene_delivered(x), 0);
}

static void
a_message_shorter_than_listed_is_delivered_after_the_proof(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 7);
	player_tell_size(x, SIZE + 7);
	fetch_well(x, "RETR 1, LIST 1");
	assert_int_equal(scene_delivered(x), 1);
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
}

static void
a_message_of_unknown_size_is_delivered_after_the_proof(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", LISTING_SIZE_UNKNOWN);
	scene_message(x, 1, MAIL, SIZE);
	player_tell_size(x, SIZE + 3); /* it may be estimated */
	fetch_well(x, "RETR 1, LIST 1");
	assert_int_equal(scene_delivered(x), 1);
}

/* --- what proves it --- */

/* Some estimate the size until they have sent the message. */
static void
a_server_that_lists_what_was_retrieved_proves_it_too(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 7);
	player_tell_size(x, SIZE);
	scene_mailbox(x);
	player_start(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(scene_delivered(x), 1);
}

static void
nothing_is_handed_over_before_the_proof(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 7);
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
	fetch_in_vain(x, ERR_NETWORK);
	assert_int_equal(scene_row_count(x), 0);
}

static void
another_size_breaks_the_protocol_and_the_short_message_is_remembered(
	void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 7);
	player_tell_size(x, SIZE + 8);
	fetch_in_vain(x, ERR_PROTOCOL);
	assert_int_equal(fetch_row(x, "a").attempts, 1);
}

static void
where_list_of_one_is_refused_uidl_proves_it(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 7);
	scene_answer(x, LINK_LISTED, 0, 0, "-ERR no such command");
	tell_uids(x, "a", NULL);
	fetch_well(x, "RETR 1, LIST 1, UIDL");
	assert_int_equal(scene_delivered(x), 1);
	assert_int_equal(x->session.list_one, LIST_ONE_FAILS);
}

static void
uidl_proves_it_where_list_of_one_is_known_to_fail(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 7);
	offer(x, 2, "b", 0);
	tell_uids(x, "a", "b");
	fetch_well(x, "RETR 1, RETR 2, UIDL");
	assert_int_equal(scene_delivered(x), 2);
}

static void
another_uid_breaks_the_protocol_and_what_came_before_is_delivered(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 0);
	offer(x, 2, "b", 7);
	tell_uids(x, "a", "c");
	fetch_out_of_step(x);
	assert_int_equal(scene_delivered(x), 1);
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	assert_int_equal(fetch_row(x, "b").attempts, 1);
}

static void
a_uid_that_is_missing_breaks_the_protocol(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 7);
	offer(x, 2, "b", 0);
	tell_uids(x, "a", NULL);
	fetch_out_of_step(x);
	assert_int_equal(scene_delivered(x), 0);
}

static void
a_line_that_comes_twice_stands_for_no_other(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 7);
	offer(x, 2, "b", 0);
	scene_answer(x, LINK_UID, 1, 0, "a");
	scene_answer(x, LINK_UID, 1, 0, "a");
	scene_answer(x, LINK_LISTED, 0, 1, "");
	fetch_out_of_step(x);
	assert_int_equal(scene_delivered(x), 0);
}

static void
of_several_the_short_one_is_remembered(void **state)
{
	struct scene *x = *state;

	offer(x, 1, "a", 0);
	offer(x, 2, "b", 1);
	offer(x, 3, "c", 0);
	player_tell_size(x, SIZE + 8);
	fetch_out_of_step(x);
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	assert_int_equal(fetch_row(x, "c").id, 0);
	assert_int_equal(fetch_row(x, "b").attempts, 1);
}

/* --- when --- */

static void
the_proof_comes_when_all_before_it_is_answered(void **state)
{
	struct scene *x = *state;

	x->settings.limits.messages = 1; /* due at once */
	offer(x, 1, "a", 7);
	offer(x, 2, "b", 7);
	player_tell_size(x, SIZE + 7);
	scene_mailbox(x);
	player_start(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(scene_delivered(x), 2);
}

static void
what_has_to_come_alone_waits_for_the_proof(void **state)
{
	struct scene *x = *state;
	int64_t id = fetch_set_aside(x, "b", 100, 1);

	offer(x, 1, "a", 7);
	scene_list(x, "b", 100);
	/* what comes next: LIST; RETR 2 would be blamed */
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
	scene_mailbox(x);
	player_start(x);
	fetch_fail(x);
	assert_int_equal(scene_row_now(x, id).attempts, 1);
	assert_int_equal(scene_delivered(x), 0);
}

/* Nothing is to be handed over: the first one is known, when it has come. */
static void
what_has_to_come_alone_comes_after_the_proof(void **state)
{
	struct scene *x = *state;

	scene_row(x, "a", 500, MAIL, SIZE, 1);
	fetch_set_aside(x, "a", SIZE + 7, 1);
	fetch_set_aside(x, "b", SIZE + 7, 1);
	offer(x, 1, "a", 7);
	scene_list(x, "b", SIZE + 7);
	player_tell_size(x, SIZE + 7);
	scene_message(x, 2, MAIL, SIZE + 7);
	scene_mailbox(x);
	player_start(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(scene_delivered(x), 1);
	assert_int_equal(fetch_row(x, "b").status, STORE_DELIVERED);
}

static void
nobody_can_foresee_which_message_it_is_about(void **state)
{
	enum { MESSAGES = 64, TIMES = 20 };
	struct scene *x = *state;
	struct lockstep l = { .need = LOCKSTEP_PROOF };
	struct link_record r, first;
	unsigned others = 0;
	char uid[16];

	for (unsigned i = 0; i < MESSAGES; i++) {
		(void)snprintf(uid, sizeof(uid), "uid%u", i);
		scene_list(x, uid, SIZE);
	}
	scene_mailbox(x);
	x->session.list_one = LIST_ONE_WORKS;
	for (unsigned i = 0; i < TIMES; i++)
		lockstep_ask(&l, &x->session);
	assert_int_equal(link_flush(x->keeper, &x->e), 0);
	assert_int_equal(link_pull(x->courier, &x->e), 0);
	assert_true(link_next(x->courier, &first));
	assert_int_equal(first.type, LINK_LIST);
	while (link_next(x->courier, &r)) {
		assert_in_range(r.number, 1, MESSAGES);
		others += r.number != first.number;
	}
	assert_true(others > 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
#define PLAYED(name) \
	cmocka_unit_test_setup_teardown(name, player_set_up, player_tear_down)
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
		PLAYED(a_message_as_large_as_listed_needs_no_proof),
		PLAYED(a_message_larger_than_listed_needs_no_proof),
		PLAYED(a_message_as_large_as_listed_is_delivered_when_the_line_breaks),
		PLAYED(so_is_one_of_the_size_that_it_has_with_line_ends_of_one_byte),
		PLAYED(a_message_as_large_as_the_next_one_is_not),
		PLAYED(a_message_larger_than_listed_is_not),
		PLAYED(behind_a_refusal_a_size_of_its_own_is_proof_enough),
		PLAYED(behind_a_refusal_a_message_of_the_same_size_needs_the_proof),
		KNOWN(a_message_shorter_than_listed_is_delivered_after_the_proof),
		KNOWN(a_message_of_unknown_size_is_delivered_after_the_proof),
		KNOWN(a_server_that_lists_what_was_retrieved_proves_it_too),
		KNOWN(nothing_is_handed_over_before_the_proof),
		KNOWN(another_size_breaks_the_protocol_and_the_short_message_is_remembered),
		KNOWN(where_list_of_one_is_refused_uidl_proves_it),
		FAILING(uidl_proves_it_where_list_of_one_is_known_to_fail),
		FAILING(another_uid_breaks_the_protocol_and_what_came_before_is_delivered),
		FAILING(a_uid_that_is_missing_breaks_the_protocol),
		FAILING(a_line_that_comes_twice_stands_for_no_other),
		KNOWN(of_several_the_short_one_is_remembered),
		KNOWN(the_proof_comes_when_all_before_it_is_answered),
		KNOWN(what_has_to_come_alone_waits_for_the_proof),
		KNOWN(what_has_to_come_alone_comes_after_the_proof),
		TEST(nobody_can_foresee_which_message_it_is_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
