/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What the keeper makes of a courier's records. */
#include "config.h"

#include "session/requests.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

enum { PATIENCE_MS = 60 * 1000, PIECES = 12, PIECE = 60 * 1000 };
/* More than a link and the largest pipe hold. */
enum { UNREAD = 200 * 1000 };

/* Keeper and courier, with the link between them, and the link to the parent. */
struct scene {
	struct link *keeper, *courier, *report, *parent;
	struct requests *requests;
};

static int
set_up(void **state)
{
	struct scene *c = calloc(1, sizeof(*c));
	struct err e = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(link_pair(&c->courier, &c->keeper, true, &e), 0);
	assert_int_equal(link_pair(&c->report, &c->parent, false, &e), 0);
	c->requests = requests_new(c->keeper, c->report, PATIENCE_MS);
	*state = c;
	return 0;
}

static int
tear_down(void **state)
{
	struct scene *c = *state;

	requests_free(&c->requests);
	link_free(&c->keeper);
	link_free(&c->courier);
	link_free(&c->report);
	link_free(&c->parent);
	free(c);
	return 0;
}

/* The next answer, waited for: as requests_next. */
static int
next(struct scene *c, struct answer *a, struct err *e)
{
	int64_t until = clock_deadline(PATIENCE_MS);
	int got;

	while ((got = requests_next(c->requests, a, e)) == 0)
		if (requests_wait(c->requests, NULL, 0, until, e) != 0)
			return -1;
	return got;
}

static void
answer_with(struct scene *c, unsigned type, uint32_t number, const char *text)
{
	link_put_text(c->courier, type, number, 0, text);
}

static void
send_answers(struct scene *c)
{
	struct err e = ERR_INIT;

	assert_int_equal(link_flush(c->courier, &e), 0);
}

static void
assert_nonsense(struct scene *c)
{
	struct err e = ERR_INIT;
	struct answer a;

	send_answers(c);
	assert_int_equal(next(c, &a, &e), -1);
	assert_int_equal(e.kind, ERR_INTERNAL);
}

/* --- what belongs to what --- */

static void
answers_come_with_what_was_asked(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;

	requests_give(c->requests, LINK_RETR, 4, 17);
	requests_give(c->requests, LINK_DELE, 5, 18);
	answer_with(c, LINK_CHUNK, 4, "bytes");
	answer_with(c, LINK_END, 4, "");
	answer_with(c, LINK_REFUSED, 5, "no");
	send_answers(c);
	assert_int_equal(next(c, &a, &e), 1);
	assert_int_equal(a.type, LINK_CHUNK);
	assert_int_equal(a.order, LINK_RETR);
	assert_int_equal(a.entry, 17);
	assert_false(a.is_last);
	assert_memory_equal(a.record.data, "bytes", 5);
	assert_int_equal(next(c, &a, &e), 1);
	assert_int_equal(a.type, LINK_END);
	assert_true(a.is_last);
	assert_int_equal(requests_count(c->requests), 1);
	assert_int_equal(next(c, &a, &e), 1);
	assert_int_equal(a.type, LINK_REFUSED);
	assert_int_equal(a.entry, 18);
	answer_why(&a, &e);
	assert_string_equal(e.text, "no");
	assert_int_equal(requests_count(c->requests), 0);
}

static void
nothing_that_was_not_asked_for_is_taken(void **state)
{
	answer_with(*state, LINK_END, 1, "");
	assert_nonsense(*state);
}

static void
another_number_is_no_answer(void **state)
{
	struct scene *c = *state;

	requests_give(c->requests, LINK_RETR, 4, 17);
	answer_with(c, LINK_CHUNK, 5, "bytes");
	assert_nonsense(c);
}

static void
an_answer_of_another_kind_is_none(void **state)
{
	struct scene *c = *state;

	requests_give(c->requests, LINK_DELE, 4, 17);
	answer_with(c, LINK_END, 4, "");
	assert_nonsense(c);
}

static void
an_answer_that_has_begun_cannot_be_a_refusal(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;

	requests_give(c->requests, LINK_RETR, 1, 0);
	requests_give(c->requests, LINK_RETR, 2, 1);
	answer_with(c, LINK_CHUNK, 1, "a");
	answer_with(c, LINK_REFUSED, 1, "no");
	answer_with(c, LINK_CHUNK, 2, "b");
	send_answers(c);
	assert_int_equal(next(c, &a, &e), 1);
	assert_nonsense(c);
}

static void
a_listing_is_no_answer_to_a_message(void **state)
{
	struct scene *c = *state;

	requests_give(c->requests, LINK_RETR, 1, 0);
	answer_with(c, LINK_UID, 1, "uid");
	assert_nonsense(c);
}

/* A user with many pipes gets small ones. */
static void
many_requests_fit_a_small_pipe(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct link_record r;
	struct answer a;

#ifdef F_SETPIPE_SZ
	(void)fcntl(link_output(c->keeper), F_SETPIPE_SZ, 4096);
#endif
	for (uint32_t i = 1; i <= LINK_ORDERS_MAX; i++)
		requests_give(c->requests, LINK_DELE, i, i);
	for (uint32_t i = 1; i <= LINK_ORDERS_MAX; i++) {
		while (!link_next(c->courier, &r)) {
			assert_int_equal(requests_wait(c->requests, NULL, 0,
						       clock_ms(), &e),
					 0);
			assert_int_equal(link_pull(c->courier, &e), 0);
		}
		assert_int_equal(r.number, i);
		answer_with(c, LINK_DELETED, i, "");
	}
	send_answers(c);
	for (uint32_t i = 1; i <= LINK_ORDERS_MAX; i++) {
		assert_int_equal(next(c, &a, &e), 1);
		assert_int_equal(a.entry, i);
	}
}

/* It answers what it knows will be asked, so that more is asked. */
static void
what_a_courier_never_reads_is_dropped_at_last(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;

	for (uint32_t i = 1; i <= UNREAD; i++) {
		requests_give(c->requests, LINK_LIST, i, i);
		link_put(c->courier, LINK_LISTED, i, 1, NULL, 0);
		send_answers(c);
		assert_int_equal(next(c, &a, &e), 1);
	}
	assert_false(link_has_unsent(c->keeper));
}

static void
a_courier_is_never_busy(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;

	requests_give(c->requests, LINK_RETR, 1, 0);
	link_put_text(c->courier, LINK_ERROR, 0, ERR_BUSY, "pretends");
	send_answers(c);
	assert_int_equal(next(c, &a, &e), -1);
	assert_int_equal(e.kind, ERR_INTERNAL);
}

/* --- ends --- */

static void
the_last_words_of_a_courier_are_heard_behind_much_mail(void **state)
{
	static const uint8_t piece[PIECE];
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;
	size_t bytes = 0;

#ifdef F_GETPIPE_SZ
	if (fcntl(link_output(c->courier), F_GETPIPE_SZ) < LINK_DEEP)
		skip(); /* a user with many pipes gets shallow ones */
#else
	skip();
#endif
	requests_give(c->requests, LINK_RETR, 1, 0);
	for (int i = 0; i < PIECES; i++)
		link_put(c->courier, LINK_CHUNK, 1, 0, piece, sizeof(piece));
	assert_int_equal(requests_failed_flight(c->requests),
			 FACTS_FLIGHT_NONE);
	link_put_text(c->courier, LINK_ERROR, FACTS_FLIGHT_UNHEARD,
		      ERR_PROTOCOL, "nonsense");
	send_answers(c);
	link_free(&c->courier);
	while (next(c, &a, &e) > 0)
		bytes += a.record.size;
	assert_int_equal(bytes, PIECES * PIECE);
	assert_int_equal(e.kind, ERR_PROTOCOL);
	assert_string_equal(e.text, "nonsense");
	assert_int_equal(requests_failed_flight(c->requests),
			 FACTS_FLIGHT_UNHEARD);
}

static void
a_courier_that_is_gone_without_a_word_is_an_error(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;

	requests_give(c->requests, LINK_RETR, 1, 0);
	link_free(&c->courier);
	assert_int_equal(next(c, &a, &e), -1);
	assert_int_equal(e.kind, ERR_INTERNAL);
}

static void
a_courier_may_be_gone_once_it_has_said_goodbye(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;

	requests_give(c->requests, LINK_QUIT, 0, 0);
	answer_with(c, LINK_BYE, 0, "");
	send_answers(c);
	link_free(&c->courier);
	assert_int_equal(next(c, &a, &e), 1);
	assert_int_equal(a.type, LINK_BYE);
	assert_int_equal(requests_next(c->requests, &a, &e), 0);
}

static void
a_parent_that_is_gone_ends_the_wait(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;

	requests_give(c->requests, LINK_RETR, 1, 0);
	link_free(&c->parent);
	assert_int_equal(next(c, &a, &e), -1);
	assert_int_equal(e.kind, ERR_STOPPED);
}

/* Nobody answers, but the time goes on as if one had. */
static void
a_kind_that_was_not_answered_yet_is_as_slow_as_the_slowest(void **state)
{
	enum { PAUSE_MS = 30 };
	struct scene *c = *state;
	struct err e = ERR_INIT;
	struct answer a;
	int64_t until;

	assert_int_equal(requests_pace_ms(c->requests, LINK_DELE, 10), 0);
	requests_give(c->requests, LINK_DELE, 1, 0);
	until = clock_deadline(PAUSE_MS);
	while (clock_ms() < until)
		(void)requests_wait(c->requests, NULL, 0, until, &e);
	link_put(c->courier, LINK_DELETED, 1, 0, NULL, 0);
	assert_int_equal(link_flush(c->courier, &e), 0);
	assert_int_equal(next(c, &a, &e), 1);
	assert_in_range(requests_pace_ms(c->requests, LINK_DELE, 1), PAUSE_MS,
			100 * PAUSE_MS);
	assert_in_range(requests_pace_ms(c->requests, LINK_TOP, 2),
			2 * PAUSE_MS, 200 * PAUSE_MS);
	assert_int_equal(requests_expected_ms(c->requests), 0);
	requests_give(c->requests, LINK_TOP, 1, 0);
	assert_in_range(requests_expected_ms(c->requests), PAUSE_MS,
			100 * PAUSE_MS);
	assert_int_equal(requests_answered(c->requests, LINK_DELE), 1);
	assert_int_equal(requests_given(c->requests), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_come_with_what_was_asked),
		TEST(nothing_that_was_not_asked_for_is_taken),
		TEST(another_number_is_no_answer),
		TEST(an_answer_of_another_kind_is_none),
		TEST(an_answer_that_has_begun_cannot_be_a_refusal),
		TEST(a_listing_is_no_answer_to_a_message),
		TEST(many_requests_fit_a_small_pipe),
		TEST(what_a_courier_never_reads_is_dropped_at_last),
		TEST(a_courier_is_never_busy),
		TEST(the_last_words_of_a_courier_are_heard_behind_much_mail),
		TEST(a_courier_that_is_gone_without_a_word_is_an_error),
		TEST(a_courier_may_be_gone_once_it_has_said_goodbye),
		TEST(a_kind_that_was_not_answered_yet_is_as_slow_as_the_slowest),
		TEST(a_parent_that_is_gone_ends_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
