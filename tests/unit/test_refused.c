/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What becomes of messages that the server refuses to give. */
#include "config.h"

#include "keeper/incoming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "phase_fetch.h"

#define MAIL "Message-ID: <1@x>\nSubject: x\n\nbody\n"

enum { HOUR = 3600, MANY = 12, IN_A_ROW = 5 };

static void
list_many(struct scene *x)
{
	char uid[16];

	for (unsigned i = 1; i <= MANY; i++) {
		(void)snprintf(uid, sizeof(uid), "uid%u", i);
		scene_list(x, uid, fetch_octets(MAIL));
	}
}

/* Runs it; what the server said when it gave no more. */
static struct err
fetch_until_later(struct scene *x)
{
	struct retrieve r;
	struct err later;

	assert_int_equal(fetch_begin(x, &r), 0);
	later = x->session.later;
	retrieve_close(&r);
	return later;
}

static void
what_the_server_refuses_waits_an_hour_and_the_rest_comes(void **state)
{
	struct scene *x = *state;
	struct store_row row;

	scene_list(x, "a", 100);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: broken");
	fetch_offer(x, 2, "b", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	row = fetch_row(x, "a");
	assert_int_equal(row.status, STORE_SET_ASIDE);
	assert_int_equal(row.attempts, 1);
	assert_in_range(row.next_try, x->session.now + HOUR,
			clock_unix() + HOUR);
	assert_int_equal(scene_delivered(x), 1);
	assert_true(scene_was_told(x, "RETR 1: server said: broken"));
	assert_int_equal(x->session.first.kind, ERR_MESSAGE);
	assert_int_equal(x->result.failed, 1);
}

static void
what_is_refused_without_uid_leaves_no_row(void **state)
{
	struct scene *x = *state;

	scene_list(x, "", 100);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: broken");
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	assert_int_equal(scene_row_count(x), 0);
	assert_true(scene_was_told(x, "RETR 1: server said: broken"));
}

static void
what_is_refused_again_waits_twice_as_long(void **state)
{
	struct scene *x = *state;
	int64_t id = fetch_set_aside(x, "a", 100, 1);

	scene_list(x, "a", 100);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: broken");
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	assert_int_equal(scene_row_now(x, id).attempts, 2);
	assert_in_range(scene_row_now(x, id).next_try,
			x->session.now + 2 * HOUR, clock_unix() + 2 * HOUR);
}

/* All `count` are refused in these words, which may have the number in them. */
static void
refuse_many(struct scene *x, unsigned from, unsigned to, enum err_kind kind,
	    const char *words)
{
	char text[64];

	for (uint32_t i = from; i <= to; i++) {
		(void)snprintf(text, sizeof(text), "server said: %s %u", words,
			       i);
		scene_refuse(x, i, kind, text);
	}
}

static void
all_refused_in_the_same_words_are_the_server_s_limit(void **state)
{
	struct scene *x = *state;
	struct err later;

	list_many(x);
	refuse_many(x, 1, MANY, ERR_MESSAGE, "quota exceeded, message");
	scene_mailbox(x);
	later = fetch_until_later(x);
	assert_int_equal(later.kind, ERR_TROUBLE);
	assert_string_equal(later.text,
			    "RETR 1 and 11 more: server gives no more messages "
			    "for now: server said: quota exceeded, message 1");
	assert_true(x->result.is_limited);
	assert_int_equal(scene_row_count(x), 0);
	assert_false(scene_was_told(x, "quota"));
}

static void
five_at_most_are_their_own_fault(void **state)
{
	struct scene *x = *state;
	char uid[16];

	for (unsigned i = 1; i <= IN_A_ROW; i++) {
		(void)snprintf(uid, sizeof(uid), "uid%u", i);
		scene_list(x, uid, fetch_octets(MAIL));
	}
	refuse_many(x, 1, IN_A_ROW, ERR_MESSAGE, "broken");
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	assert_int_equal(scene_row_count(x), IN_A_ROW);
	assert_int_equal(x->result.failed, IN_A_ROW);
}

static void
refusals_in_other_words_are_not_in_a_row(void **state)
{
	struct scene *x = *state;

	list_many(x);
	for (uint32_t i = 1; i <= MANY; i++)
		scene_refuse(x, i, ERR_MESSAGE,
			     i % 4 == 0 ? "server said: locked"
					: "server said: broken");
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	assert_int_equal(x->result.failed, MANY);
}

static void
refusals_with_a_good_one_among_them_are_not_in_a_row(void **state)
{
	struct scene *x = *state;
	char uid[16];

	for (uint32_t i = 1; i <= MANY; i++) {
		bool is_good = i % IN_A_ROW == 0;

		/* of another size than its neighbours it needs no proof */
		(void)snprintf(uid, sizeof(uid), "uid%u", i);
		scene_list(x, uid, fetch_octets(MAIL) + !is_good);
		if (is_good)
			scene_message(x, i, MAIL, -1);
		else
			scene_refuse(x, i, ERR_MESSAGE, "server said: broken");
	}
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	assert_int_equal(x->result.failed, MANY - 2);
	assert_int_equal(scene_delivered(x), 2);
}

static void
a_server_that_refuses_all_for_good_is_at_its_limit_too(void **state)
{
	struct scene *x = *state;

	list_many(x);
	refuse_many(x, 1, MANY, ERR_UNAVAILABLE, "[SYS/PERM] closed");
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_TROUBLE);
	assert_int_equal(scene_row_count(x), 0);
}

static void
refused_for_good_alone_it_is_this_message(void **state)
{
	struct scene *x = *state;
	int64_t id = fetch_set_aside(x, "a", 100, 1);

	scene_list(x, "a", 100);
	scene_refuse(x, 1, ERR_UNAVAILABLE, "server said: [SYS/PERM]");
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	assert_int_equal(scene_row_now(x, id).attempts, 2);
	assert_int_equal(x->session.first.kind, ERR_MESSAGE);
	assert_true(scene_was_told(x, "RETR 1: server said: [SYS/PERM]"));
}

static void
trouble_with_one_message_is_tried_again_and_the_others_come(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", 100);
	scene_refuse(x, 1, ERR_LATER, "server said: [SYS/TEMP]");
	fetch_offer(x, 2, "b", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	assert_int_equal(fetch_row(x, "a").attempts, 1);
	assert_true(fetch_row(x, "a").next_try <= clock_unix());
	assert_int_equal(scene_delivered(x), 1);
}

static void
trouble_with_one_message_sets_it_aside_the_third_time(void **state)
{
	struct scene *x = *state;
	int64_t id = fetch_set_aside(x, "a", 100, 2);

	scene_list(x, "a", 100);
	scene_refuse(x, 1, ERR_LATER, "server said: [SYS/TEMP]");
	scene_mailbox(x);
	assert_int_equal(fetch_until_later(x).kind, ERR_NONE);
	assert_int_equal(scene_row_now(x, id).attempts, 3);
	assert_in_range(scene_row_now(x, id).next_try, x->session.now + HOUR,
			clock_unix() + HOUR);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_server_refuses_waits_an_hour_and_the_rest_comes),
		TEST(what_is_refused_without_uid_leaves_no_row),
		TEST(what_is_refused_again_waits_twice_as_long),
		TEST(all_refused_in_the_same_words_are_the_server_s_limit),
		TEST(five_at_most_are_their_own_fault),
		TEST(refusals_in_other_words_are_not_in_a_row),
		TEST(refusals_with_a_good_one_among_them_are_not_in_a_row),
		TEST(a_server_that_refuses_all_for_good_is_at_its_limit_too),
		TEST(refused_for_good_alone_it_is_this_message),
		TEST(trouble_with_one_message_is_tried_again_and_the_others_come),
		TEST(trouble_with_one_message_sets_it_aside_the_third_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
