/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Whose fault it is when a program does not take its messages. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "commit/verdict.h"

struct fixture {
	struct verdicts v;
	struct batch_list settled;
	uint32_t number;
};

static int
setup(void **state)
{
	*state = mem_alloc(sizeof(struct fixture));
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	batch_list_free(&x->settled, false);
	verdict_close(&x->v);
	free(x);
	return 0;
}

/* The next message ends so. */
static void
end(struct fixture *x, enum deliver_outcome outcome, enum err_kind kind)
{
	struct parcel *p = mem_alloc(sizeof(*p));

	(void)verdict_room(&x->v, 1, 0, &p->is_probe);
	p->message.number = ++x->number;
	p->outcome = outcome;
	p->why.kind = kind;
	verdict_take(&x->v, p, &x->settled);
}

static void
deliver(struct fixture *x)
{
	end(x, DELIVER_DONE, ERR_NONE);
}

static void
postpone(struct fixture *x, size_t times, enum err_kind kind)
{
	while (times-- > 0)
		end(x, DELIVER_POSTPONED, kind);
}

static void
misuse(struct fixture *x)
{
	end(x, DELIVER_REFUSED, ERR_CONFIG);
}

static size_t
counted(const struct fixture *x)
{
	size_t count = 0;

	for (size_t i = 0; i < x->settled.count; i++)
		count += x->settled.at[i]->outcome != DELIVER_DONE &&
			 x->settled.at[i]->is_counted;
	return count;
}

static bool
goes_on(const struct fixture *x)
{
	bool is_probe;

	return verdict_room(&x->v, 1, 0, &is_probe) > 0;
}

static void
one_that_is_postponed_is_counted_when_the_next_is_taken(void **state)
{
	struct fixture *x = *state;

	postpone(x, 1, ERR_LATER);
	assert_int_equal(x->settled.count, 0);
	deliver(x);
	assert_int_equal(x->settled.count, 2);
	assert_int_equal(counted(x), 1);
	assert_true(goes_on(x));
}

static void
five_in_a_row_are_five_failures_if_one_more_is_taken(void **state)
{
	struct fixture *x = *state;

	postpone(x, 5, ERR_LATER);
	assert_true(goes_on(x));
	deliver(x);
	verdict_end(&x->v, &x->settled);
	assert_int_equal(counted(x), 5);
	assert_int_equal(x->v.all.why.kind, ERR_NONE);
}

static void
six_in_a_row_are_nobody_s_failure(void **state)
{
	struct fixture *x = *state;

	deliver(x);
	postpone(x, 6, ERR_LATER);
	assert_int_equal(counted(x), 0);
	assert_int_equal(x->settled.count, 7);
	assert_int_equal(x->v.all.why.kind, ERR_LATER);
	assert_int_equal(x->v.all.number, 2);
	assert_int_equal(x->v.all.last, 6);
	assert_false(goes_on(x));
	/* what still runs is no proof any more, either way */
	postpone(x, 1, ERR_LATER);
	deliver(x);
	assert_int_equal(counted(x), 0);
}

static void
programs_that_die_in_a_row_are_nobody_s_failure_either(void **state)
{
	struct fixture *x = *state;

	postpone(x, 6, ERR_MESSAGE);
	assert_int_equal(counted(x), 0);
	assert_int_equal(x->v.all.why.kind, ERR_LATER);
}

static void
the_last_that_waits_is_tried_alone(void **state)
{
	struct fixture *x = *state;
	bool is_probe;

	postpone(x, 4, ERR_LATER);
	assert_int_equal(verdict_room(&x->v, 3, 1, &is_probe), 3);
	assert_false(is_probe);
	postpone(x, 1, ERR_LATER);
	assert_int_equal(verdict_room(&x->v, 3, 1, &is_probe), 0);
	assert_int_equal(verdict_room(&x->v, 4, 0, &is_probe), 1);
	assert_true(is_probe);
}

static void
refusals_never_end_a_run(void **state)
{
	struct fixture *x = *state;

	for (int i = 0; i < 20; i++)
		end(x, DELIVER_REFUSED, ERR_MESSAGE);
	assert_int_equal(counted(x), 20);
	assert_true(goes_on(x));
}

static void
when_all_there_was_asked_for_later_nothing_is_counted(void **state)
{
	struct fixture *x = *state;

	postpone(x, 2, ERR_LATER);
	verdict_end(&x->v, &x->settled);
	assert_int_equal(x->settled.count, 2);
	assert_int_equal(counted(x), 0);
	assert_int_equal(x->v.all.why.kind, ERR_LATER);
}

static void
one_alone_and_those_that_died_are_counted_at_the_end(void **state)
{
	struct fixture *x = *state;

	postpone(x, 1, ERR_LATER);
	verdict_end(&x->v, &x->settled);
	assert_int_equal(counted(x), 1);
	postpone(x, 2, ERR_MESSAGE);
	verdict_end(&x->v, &x->settled);
	assert_int_equal(counted(x), 3);
	assert_int_equal(x->v.all.why.kind, ERR_NONE);
}

static void
one_that_cannot_be_started_is_nobody_s_failure(void **state)
{
	struct fixture *x = *state;

	postpone(x, 1, ERR_OS);
	assert_int_equal(counted(x), 0);
	assert_int_equal(x->settled.count, 1);
	assert_int_equal(x->v.all.why.kind, ERR_OS);
	assert_false(goes_on(x));
}

static void
what_a_stop_request_ended_is_not_counted(void **state)
{
	struct fixture *x = *state;

	postpone(x, 1, ERR_STOPPED);
	assert_int_equal(x->settled.count, 1);
	assert_int_equal(counted(x), 0);
	assert_int_equal(x->v.all.why.kind, ERR_NONE);
}

static void
called_wrongly_twice_it_is_the_configuration(void **state)
{
	struct fixture *x = *state;

	misuse(x);
	assert_int_equal(x->settled.count, 0);
	misuse(x);
	assert_int_equal(x->v.all.why.kind, ERR_CONFIG);
	assert_int_equal(x->v.all.number, 1);
	assert_int_equal(x->v.all.last, 0);
	assert_int_equal(counted(x), 0);
	assert_false(goes_on(x));
}

static void
called_wrongly_for_the_only_message_it_is_the_configuration(void **state)
{
	struct fixture *x = *state;

	misuse(x);
	verdict_end(&x->v, &x->settled);
	assert_int_equal(x->v.all.why.kind, ERR_CONFIG);
	assert_int_equal(counted(x), 0);
}

static void
called_wrongly_for_some_it_has_refused_them(void **state)
{
	struct fixture *x = *state;

	misuse(x);
	deliver(x);
	assert_int_equal(counted(x), 1);
	/* and these options have delivered now */
	misuse(x);
	misuse(x);
	misuse(x);
	assert_int_equal(counted(x), 4);
	assert_true(goes_on(x));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_is_postponed_is_counted_when_the_next_is_taken),
		TEST(five_in_a_row_are_five_failures_if_one_more_is_taken),
		TEST(six_in_a_row_are_nobody_s_failure),
		TEST(programs_that_die_in_a_row_are_nobody_s_failure_either),
		TEST(the_last_that_waits_is_tried_alone),
		TEST(refusals_never_end_a_run),
		TEST(when_all_there_was_asked_for_later_nothing_is_counted),
		TEST(one_alone_and_those_that_died_are_counted_at_the_end),
		TEST(one_that_cannot_be_started_is_nobody_s_failure),
		TEST(what_a_stop_request_ended_is_not_counted),
		TEST(called_wrongly_twice_it_is_the_configuration),
		TEST(called_wrongly_for_the_only_message_it_is_the_configuration),
		TEST(called_wrongly_for_some_it_has_refused_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
