/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Handing over: what becomes of what was retrieved. */
#include "config.h"

#include "keeper/handover.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "phase_fetch.h"

#define MAIL(id) "Message-ID: <" id ">\nSubject: x\n\nbody\n"

static void
lose_connection(struct scene *x)
{
	scene_answer(x, LINK_ERROR, 0, ERR_NETWORK, "connection lost");
}

/* --- a session that fails --- */

static void
what_was_whole_when_the_connection_was_lost_is_delivered(void **state)
{
	struct scene *x = *state;

	fetch_offer(x, 1, "a", MAIL("1"));
	scene_list(x, "b", 100);
	scene_list(x, "c", 100);
	scene_answer(x, LINK_CHUNK, 2, 0, "Message-ID: <2>\n");
	lose_connection(x);
	scene_mailbox(x);
	fetch_fail(x);
	assert_int_equal(x->e.kind, ERR_NETWORK);
	assert_int_equal(scene_delivered(x), 1);
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	assert_int_equal(x->result.fetched, 1);
}

static void
the_message_at_which_the_connection_was_lost_is_remembered(void **state)
{
	struct scene *x = *state;

	fetch_offer(x, 1, "a", MAIL("1"));
	scene_list(x, "b", 100);
	scene_list(x, "c", 100);
	scene_answer(x, LINK_CHUNK, 2, 0, "Message-ID: <2>\n");
	lose_connection(x);
	scene_mailbox(x);
	fetch_fail(x);
	assert_int_equal(fetch_row(x, "b").status, STORE_SET_ASIDE);
	assert_int_equal(fetch_row(x, "b").attempts, 1);
	assert_int_equal(fetch_row(x, "c").id, 0);
	assert_int_equal(fetch_row(x, "a").attempts, 0);
}

static void
what_came_in_full_before_the_protocol_was_broken_is_delivered(void **state)
{
	struct scene *x = *state;

	fetch_offer(x, 1, "a", MAIL("1"));
	scene_list(x, "b", 100);
	scene_answer(x, LINK_ERROR, 0, ERR_PROTOCOL, "unexpected reply");
	scene_mailbox(x);
	fetch_fail(x);
	assert_int_equal(scene_delivered(x), 1);
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	assert_int_equal(fetch_row(x, "b").attempts, 1);
	assert_true(fetch_row(x, "b").broke);
}

/* It waits in memory, and is written when it is whole. */
static void
a_message_that_cannot_be_staged_is_remembered_and_not_the_next(void **state)
{
	struct rlimit old, small;
	struct scene *x = *state;
	char *text = mem_format("Subject: x\n\n%020000d\n", 1);
	struct retrieve r;

	fetch_offer(x, 1, "a", text);
	scene_list(x, "b", 100);
	scene_mailbox(x);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ 10000, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(fetch_begin(x, &r), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_non_null(strstr(x->e.text, "RETR 1: "));
	retrieve_blame(&r, &x->e);
	retrieve_close(&r);
	assert_int_equal(fetch_row(x, "a").attempts, 1);
	assert_int_equal(fetch_row(x, "b").id, 0);
	free(text);
}

static void
a_login_refused_is_no_message_s_fault(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", 100);
	scene_answer(x, LINK_ERROR, 0, ERR_LOGIN, "login refused");
	scene_mailbox(x);
	fetch_fail(x);
	assert_int_equal(scene_row_count(x), 0);
}

/* --- a program's verdict --- */

static void
a_program_gets_every_message(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "grep '^Message-ID' >>$out");
	fetch_offer(x, 1, "a", MAIL("1"));
	fetch_offer(x, 2, "b", MAIL("2"));
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	fetch_assert_written("Message-ID: <1>\nMessage-ID: <2>\n");
	assert_int_equal(x->result.fetched, 2);
	assert_int_equal(fetch_row(x, "b").status, STORE_DELIVERED);
}

static void
what_a_program_refuses_is_set_aside_and_the_rest_comes(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "if grep '<1>' >/dev/null; then exit 65; fi");
	fetch_offer(x, 1, "a", MAIL("1"));
	fetch_offer(x, 2, "b", MAIL("2"));
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(fetch_row(x, "a").status, STORE_SET_ASIDE);
	assert_int_equal(fetch_row(x, "a").attempts, 1);
	assert_true(fetch_row(x, "a").next_try > x->session.now);
	assert_int_equal(fetch_row(x, "b").status, STORE_DELIVERED);
	assert_int_equal(x->session.first.kind, ERR_MESSAGE);
	assert_non_null(strstr(x->session.first.text,
			       "message 1 (uid 'a') is set aside: "));
}

static void
what_a_program_wants_later_is_named_and_the_rest_comes(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "if grep '<1>' >/dev/null; then exit 75; fi");
	fetch_offer(x, 1, "a", MAIL("1"));
	fetch_offer(x, 2, "b", MAIL("2"));
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(fetch_row(x, "a").status, STORE_SET_ASIDE);
	assert_int_equal(fetch_row(x, "a").attempts, 1);
	assert_true(fetch_row(x, "a").next_try <= clock_unix());
	assert_int_equal(fetch_row(x, "b").status, STORE_DELIVERED);
	assert_int_equal(x->session.first.kind, ERR_LATER);
	assert_non_null(strstr(x->session.first.text, "message 1 (uid 'a'): "));
}

static void
offer_many(struct scene *x)
{
	static const char *const uids[] = { "a", "b", "c", "d", "e",
					    "f", "g", "h", "i" };

	for (uint32_t i = 0; i < 9; i++)
		fetch_offer(x, i + 1, uids[i], MAIL("1"));
	scene_mailbox(x);
}

static void
a_program_that_wants_all_later_gets_no_more_and_is_told_once(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "echo ran >>$out\nexit 75");
	offer_many(x);
	assert_int_equal(fetch_run(x), 0); /* the session goes on */
	fetch_assert_written("ran\nran\nran\nran\nran\nran\n");
	assert_int_equal(scene_row_count(x), 0);
	assert_int_equal(x->session.first.kind, ERR_LATER);
	assert_int_equal(fetch_times_told(x, "6 messages in a row"),
			 2); /* once for the log */
	assert_non_null(strstr(x->session.first.text, "message 1 (uid 'a'): "));
	assert_false(x->session.is_stopped_short);
}

static void
programs_that_want_all_later_at_once_are_told_once(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "exit 75");
	x->keeper_settings.target.mda_jobs = 3;
	fetch_offer(x, 1, "a", MAIL("1"));
	fetch_offer(x, 2, "b", MAIL("2"));
	fetch_offer(x, 3, "c", MAIL("3"));
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(fetch_times_told(x, "3 messages in a row"), 2);
	assert_int_equal(scene_row_count(x), 0);
}

static void
a_program_that_was_called_wrongly_is_told_once_as_configuration(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "echo ran >>$out\necho sorry >&2\nexit 127");
	offer_many(x);
	assert_int_equal(fetch_run(x), 0);
	fetch_assert_written("ran\nran\n");
	assert_int_equal(scene_row_count(x), 0);
	assert_int_equal(x->session.first.kind, ERR_CONFIG);
	assert_int_equal(fetch_times_told(x, "(status 127): sorry"),
			 2 + 2); /* and for the log, as is each message */
	assert_int_equal(fetch_times_told(x, "option 'mda'"), 2);
}

/* As retrieve_run does with what was on its way. */
static void
what_comes_after_a_program_has_failed_is_thrown_away(void **state)
{
	struct scene *x = *state;
	struct answer chunk = {
		.type = LINK_CHUNK,
		.order = LINK_RETR,
		.record = { .data = (const uint8_t *)"x\n", .size = 2 },
	};
	struct answer end = {
		.type = LINK_END,
		.order = LINK_RETR,
		.is_last = true,
		.record = { .value = 3 },
	};
	struct retrieve r;

	fetch_by_program(x, "echo ran >>$out");
	fetch_set_aside(x, "a", 3, 1);
	scene_list(x, "a", 3);
	scene_mailbox(x);
	assert_int_equal(retrieve_open(&r, &x->session,
				       &x->keeper_settings.target, &x->e),
			 0);
	incoming_open(&r.incoming, &x->session, &r.handover);
	r.is_listed = true;
	r.handover.has_failed = true;
	assert_int_equal(incoming_take(&r.incoming, &chunk, &x->e), 0);
	assert_int_equal(incoming_take(&r.incoming, &end, &x->e), 0);
	assert_true(batch_is_quiet(r.handover.batch));
	assert_false(x->session.is_stopped_short);
	/* whether it was one of a time without UIDL nobody knows */
	assert_false(retrieve_saw_contents(&r));
	retrieve_close(&r);
}

static void
a_program_that_runs_when_the_connection_is_lost_is_waited_for(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "cat >/dev/null\nsleep 0.2\necho ran >>$out");
	fetch_offer(x, 1, "a", MAIL("1"));
	scene_list(x, "b", 100);
	lose_connection(x);
	scene_mailbox(x);
	fetch_fail(x);
	fetch_assert_written("ran\n");
	assert_int_equal(fetch_row(x, "a").status, STORE_DELIVERED);
	assert_int_equal(x->result.fetched, 1);
}

/* --- a stop request: no other test can come after it --- */

static void
answer_the_first(struct scene *x)
{
	scene_message(x, 1, MAIL("1"), -1);
}

static void
after_a_stop_a_program_gets_no_message_that_comes(void **state)
{
	struct scene *x = *state;

	fetch_by_program(x, "echo ran >>$out");
	scene_list(x, "a", fetch_octets(MAIL("1")));
	scene_mailbox(x);
	fetch_stop_when_asked(x, answer_the_first);
	assert_int_equal(fetch_run(x), 0);
	fetch_assert_written("");
	assert_int_equal(scene_row_count(x), 0);
	assert_true(x->session.is_stopped_short);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_whole_when_the_connection_was_lost_is_delivered),
		TEST(the_message_at_which_the_connection_was_lost_is_remembered),
		TEST(what_came_in_full_before_the_protocol_was_broken_is_delivered),
		TEST(a_message_that_cannot_be_staged_is_remembered_and_not_the_next),
		TEST(a_login_refused_is_no_message_s_fault),
		TEST(a_program_gets_every_message),
		TEST(what_a_program_refuses_is_set_aside_and_the_rest_comes),
		TEST(what_a_program_wants_later_is_named_and_the_rest_comes),
		TEST(a_program_that_wants_all_later_gets_no_more_and_is_told_once),
		TEST(programs_that_want_all_later_at_once_are_told_once),
		TEST(a_program_that_was_called_wrongly_is_told_once_as_configuration),
		TEST(what_comes_after_a_program_has_failed_is_thrown_away),
		TEST(a_program_that_runs_when_the_connection_is_lost_is_waited_for),
		TEST(after_a_stop_a_program_gets_no_message_that_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
