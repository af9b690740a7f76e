/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the keeper makes of a courier's records. */
#include "config.h"
#include "keeper/requests.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

enum { PATIENCE_MS = 60 * 1000, PIECES = 12, PIECE = 60 * 1000 };

/* Keeper and courier, with the link between them, and the link to the parent. */
struct scene {
	struct link *keeper, *courier, *report, *parent;
	struct requests *requests;
	size_t bytes;
};

static int
take(void *arg, size_t entry, const uint8_t *bytes, size_t size, struct err *e)
{
	struct scene *c = arg;

	(void)entry, (void)bytes, (void)e;
	c->bytes += size;
	return 0;
}

static const struct errand_class retr = { .order = LINK_RETR, .chunk = take };
static const struct requests_listing listing = { .facts = NULL };

static int
set_up(void **state)
{
	struct scene *c = calloc(1, sizeof(*c));
	struct err e = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(link_pair(&c->courier, &c->keeper, true, &e), 0);
	assert_int_equal(link_pair(&c->report, &c->parent, false, &e), 0);
	c->requests = requests_new(c->keeper, c->report, &listing, c,
				 PATIENCE_MS);
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

static void
the_last_words_of_a_courier_are_heard_behind_much_mail(void **state)
{
	static const uint8_t piece[PIECE];
	struct scene *c = *state;
	struct err e = ERR_INIT;

#ifdef F_GETPIPE_SZ
	if (fcntl(link_output(c->courier), F_GETPIPE_SZ) < LINK_DEEP)
		skip();	/* a user with many pipes gets shallow ones */
#else
	skip();
#endif
	requests_give(c->requests, &retr, 1, 0);
	for (int i = 0; i < PIECES; i++)
		link_put(c->courier, LINK_CHUNK, 1, 0, piece, sizeof(piece));
	assert_int_equal(requests_failed_flight(c->requests),
			 FACTS_FLIGHT_NONE);
	link_put_text(c->courier, LINK_ERROR, FACTS_FLIGHT_UNHEARD,
		      ERR_PROTOCOL, "nonsense");
	assert_int_equal(link_flush(c->courier, &e), 0);
	link_free(&c->courier);
	while (requests_wait(c->requests, NULL, clock_deadline(PATIENCE_MS),
			    &e) == 0)
		;
	assert_int_equal(c->bytes, PIECES * PIECE);
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

	requests_give(c->requests, &retr, 1, 0);
	link_free(&c->courier);
	assert_int_equal(requests_wait(c->requests, NULL,
				      clock_deadline(PATIENCE_MS), &e), -1);
	assert_int_equal(e.kind, ERR_INTERNAL);
}

static void
an_answer_that_has_begun_cannot_be_a_refusal(void **state)
{
	struct scene *c = *state;
	struct err e = ERR_INIT;

	requests_give(c->requests, &retr, 1, 0);
	requests_give(c->requests, &retr, 2, 1);
	link_put(c->courier, LINK_CHUNK, 1, 0, "a", 1);
	link_put_text(c->courier, LINK_REFUSED, 1, ERR_MESSAGE, "no");
	link_put(c->courier, LINK_CHUNK, 2, 0, "b", 1);
	assert_int_equal(link_flush(c->courier, &e), 0);
	assert_int_equal(requests_wait(c->requests, NULL,
				      clock_deadline(PATIENCE_MS), &e), -1);
	assert_int_equal(e.kind, ERR_INTERNAL);
	assert_int_equal(c->bytes, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_words_of_a_courier_are_heard_behind_much_mail),
		TEST(a_courier_that_is_gone_without_a_word_is_an_error),
		TEST(an_answer_that_has_begun_cannot_be_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
