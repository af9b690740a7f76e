/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* How many commands a session gets where sessions break off early. */
#include "config.h"

#include "session/ration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "phase_scene.h"
#include "state/fact.h"

enum { PATIENCE = 8 }; /* of ration.c */

static const struct err lost = { .kind = ERR_NETWORK, .text = "lost" };
static const struct err stopped = { .kind = ERR_STOPPED, .text = "stopped" };
static const struct err refused = { .kind = ERR_LOGIN, .text = "no" };

/* The next session begins. */
static void
begin(struct scene *x)
{
	x->session.ration = (struct ration){ .most = 0 };
	assert_int_equal(ration_recall(&x->session, &x->e), 0);
	ration_begin(&x->session);
}

/* It gives so many commands, all answered but the last, and breaks. */
static void
breaks_after(struct scene *x, size_t answered, const struct err *why)
{
	struct answer a;

	for (size_t i = 0; i <= answered; i++) {
		requests_give(x->session.requests, LINK_TOP, 1, 0);
		scene_answer(x, LINK_END, 1, 0, "");
	}
	while (requests_count(x->session.requests) > 1)
		assert_int_equal(phase_next(&x->session, &a, &x->e), 1);
	ration_broke(&x->session, why);
	while (requests_count(x->session.requests) > 0)
		assert_int_equal(phase_next(&x->session, &a, &x->e), 1);
	begin(x);
}

static void
use_up(struct scene *x)
{
	struct answer a;

	for (int64_t i = 0; i < x->session.ration.most; i++) {
		requests_give(x->session.requests, LINK_TOP, 1, 0);
		scene_answer(x, LINK_END, 1, 0, "");
		assert_int_equal(phase_next(&x->session, &a, &x->e), 1);
	}
}

static void
ends_in_order(struct scene *x, bool is_out_of_time)
{
	struct store *s = x->session.store;

	x->session.is_out_of_time = is_out_of_time;
	assert_int_equal(store_begin(s, STORE_LAZY, &x->e), 0);
	assert_int_equal(ration_note(&x->session, &x->e), 0);
	assert_int_equal(store_commit(s, &x->e), 0);
	begin(x);
}

static void
make(struct scene *x)
{
	scene_list(x, "a", 100);
	scene_mailbox(x);
	begin(x);
}

static void
eight_in_a_row_make_the_next_one_short(void **state)
{
	struct scene *x = *state;

	make(x);
	breaks_after(x, 30, &lost);
	for (int i = 1; i < PATIENCE - 1; i++)
		breaks_after(x, 20, &lost);
	assert_int_equal(x->session.ration.most, 0);
	assert_true(phase_has_commands(&x->session, 1000));
	breaks_after(x, 10, &lost);
	assert_int_equal(x->session.ration.most, 15);
	/* one more, the others, and QUIT */
	assert_true(phase_has_commands(&x->session, 13));
	assert_false(phase_has_commands(&x->session, 14));
	assert_int_equal(phase_affordable(&x->session, LINK_DELE, 100), 15);
}

static void
one_that_ends_in_order_ends_the_row(void **state)
{
	struct scene *x = *state;

	make(x);
	for (int i = 0; i < PATIENCE - 1; i++)
		breaks_after(x, 30, &lost);
	ends_in_order(x, true);
	breaks_after(x, 30, &lost);
	assert_int_equal(x->session.ration.most, 0);
}

static void
half_if_it_breaks_again_and_more_if_not(void **state)
{
	struct scene *x = *state;

	make(x);
	for (int i = 0; i < PATIENCE; i++)
		breaks_after(x, 80, &lost);
	assert_int_equal(x->session.ration.most, 40);
	breaks_after(x, 7, &lost);
	assert_int_equal(x->session.ration.most, 20);
	ends_in_order(x, true); /* for want of time, not of commands */
	assert_int_equal(x->session.ration.most, 20);
	use_up(x);
	ends_in_order(x, true);
	assert_int_equal(x->session.ration.most, 26);
	ends_in_order(x, false);
	assert_int_equal(x->session.ration.most, 0);
}

static void
it_is_never_too_short_for_a_message(void **state)
{
	struct scene *x = *state;

	make(x);
	for (int i = 0; i <= PATIENCE; i++)
		breaks_after(x, 0, &lost);
	assert_int_equal(x->session.ration.most, 8);
}

static void
what_says_nothing_of_the_line_does_not_count(void **state)
{
	struct scene *x = *state;

	make(x);
	for (int i = 0; i <= PATIENCE; i++) {
		breaks_after(x, 30, &stopped);
		breaks_after(x, 30, &refused);
		x->session.turn.was_taken = true;
		breaks_after(x, 30, &lost);
		x->session.turn.was_taken = false;
	}
	assert_int_equal(scene_fact(x, FACT_BREAKS), 0);
	assert_int_equal(x->session.ration.most, 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(eight_in_a_row_make_the_next_one_short),
		TEST(one_that_ends_in_order_ends_the_row),
		TEST(half_if_it_breaks_again_and_more_if_not),
		TEST(it_is_never_too_short_for_a_message),
		TEST(what_says_nothing_of_the_line_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
