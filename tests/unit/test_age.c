/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of state/age.h. */
#include "config.h"
#include "state/age.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

/* A day on which all is well. */
static const int64_t start = INT64_C(1800000000);

/* Runs at these seconds behind the start, one after the other, and whether the clock is
 * believed in each. */
struct run {
	int64_t at;
	bool good;
};

static void
check(const struct run runs[], size_t count)
{
	struct age_clock c = { .went_on_s = -1 };

	for (size_t i = 0; i < count; i++) {
		int64_t now = start + runs[i].at;

		if (age_clock_is_good(&c, now) != runs[i].good)
			fail_msg("run %zu: %d", i, !runs[i].good);
		c.last_run = now;
	}
}

#define CHECK(...)                                                \
	do {                                                      \
		static const struct run runs[] = { __VA_ARGS__ }; \
		check(runs, sizeof(runs) / sizeof(runs[0]));      \
	} while (0)

static void
a_clock_that_goes_on_is_believed(void **state)
{
	(void)state;
	CHECK({ 0, true }, { 0, true }, { HOUR, true }, { 30 * DAY, true },
	      { 60 * DAY, true });
}

static void
a_clock_that_jumps_is_doubted_until_a_day_has_passed(void **state)
{
	(void)state;
	CHECK({ 0, true }, { 400 * DAY, false }, { 400 * DAY + HOUR, false },
	      { 401 * DAY - 1, false }, { 401 * DAY, true },
	      { 401 * DAY + HOUR, true });
	CHECK({ 0, true }, { -HOUR, false }, { -HOUR + 60, false },
	      { -2 * MINUTE, false }, { 0, false }, { 23 * HOUR, false },
	      { 24 * HOUR, true });
}

static void
a_doubted_clock_that_steps_back_begins_anew(void **state)
{
	(void)state;
	CHECK({ 0, true }, { 400 * DAY, false }, { HOUR, false },
	      { 24 * HOUR, false }, { 25 * HOUR, true });
}

/* The mail that came meanwhile would look as old as the step was long. */
static void
a_clock_that_is_put_right_is_doubted_anew(void **state)
{
	(void)state;
	CHECK({ 0, true }, { -20 * DAY, false }, { 600, false },
	      { 23 * HOUR, false }, { 25 * HOUR, true });
	CHECK({ 0, true }, { -20 * DAY, false }, { -19 * DAY, true },
	      { HOUR, false }, { 25 * HOUR, true });
	CHECK({ 0, true }, { -400 * DAY, false }, { -40 * DAY, false },
	      { 600, false }, { 25 * HOUR, true });
	CHECK({ 300, true }, { 0, false }, { 5000 * DAY, false });
}

/* What a doubt waits for is a day of runs, not a leap over it. */
static void
a_gap_while_the_clock_is_doubted_for_a_step_is_doubted_too(void **state)
{
	(void)state;
	CHECK({ 0, true }, { -2 * DAY, false }, { 4 * DAY, false },
	      { 54 * DAY, false }, { 55 * DAY, true });
	CHECK({ 0, true }, { -2 * DAY, false }, { 40 * DAY, false },
	      { 80 * DAY, false }, { 120 * DAY, true });
}

static void
two_runs_a_month_are_a_habit(void **state)
{
	(void)state;
	CHECK({ 0, true }, { 31 * DAY, false }, { 31 * DAY + HOUR, false },
	      { 62 * DAY, true }, { 62 * DAY + HOUR, false },
	      { 93 * DAY, true });
	CHECK({ 0, true }, { 31 * DAY, false }, { 32 * DAY, true },
	      { 33 * DAY, true }, { 70 * DAY, false });
}

static void
what_is_adjusted_by_seconds_is_no_step(void **state)
{
	(void)state;
	CHECK({ 0, true }, { -MINUTE, true }, { -2 * MINUTE - 1, false });
}

static void
runs_once_a_month_are_doubted_once(void **state)
{
	(void)state;
	CHECK({ 0, true }, { 31 * DAY, false }, { 62 * DAY, true },
	      { 93 * DAY, true }, { 94 * DAY, true }, { 95 * DAY, true });
	CHECK({ 0, true }, { 100 * DAY, false }, { 200 * DAY, true });
}

static void
a_jump_of_years_is_doubted_behind_another_too(void **state)
{
	(void)state;
	CHECK({ 0, true }, { 45 * DAY, false }, { 7000 * DAY, false },
	      { 7000 * DAY + HOUR, false }, { 7001 * DAY, true });
	CHECK({ 0, true }, { 31 * DAY, false }, { 131 * DAY + 1, false });
}

static void
a_first_run_has_nothing_to_compare_with(void **state)
{
	struct age_clock c = { .went_on_s = -1 };

	(void)state;
	assert_true(age_clock_is_good(&c, 0));
	assert_true(age_clock_is_good(&c, INT64_MAX));
}

static void
clocks_at_the_end_of_time_are_only_numbers(void **state)
{
	struct age_clock c = { .last_run = INT64_MAX };

	(void)state;
	assert_false(age_clock_is_good(&c, INT64_MIN));
	c = (struct age_clock){ .last_run = 1, .went_on_s = INT64_MAX };
	assert_false(age_clock_is_good(&c, INT64_MAX));
	assert_true(age_is_over(INT64_MIN, INT64_MAX - 1, INT64_MAX));
	assert_false(age_is_over(INT64_MAX, 0, INT64_MIN));
}

static void
a_delivery_is_credible_from_the_release_to_now(void **state)
{
	(void)state;
	assert_false(age_is_credible(start - 1, start, start + 9));
	assert_true(age_is_credible(start, start, start + 9));
	assert_true(age_is_credible(start + 9, start, start + 9));
	assert_false(age_is_credible(start + 10, start, start + 9));
}

static void
an_age_is_over_when_it_is_reached_even_behind_2106(void **state)
{
	const int64_t late = INT64_C(0x180000000);

	(void)state;
	assert_false(age_is_over(late, 2 * DAY, late + 2 * DAY - 1));
	assert_true(age_is_over(late, 2 * DAY, late + 2 * DAY));
	assert_false(age_is_over(late, 0, late));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_goes_on_is_believed),
		cmocka_unit_test(
			a_clock_that_jumps_is_doubted_until_a_day_has_passed),
		cmocka_unit_test(a_doubted_clock_that_steps_back_begins_anew),
		cmocka_unit_test(a_clock_that_is_put_right_is_doubted_anew),
		cmocka_unit_test(
			a_gap_while_the_clock_is_doubted_for_a_step_is_doubted_too),
		cmocka_unit_test(two_runs_a_month_are_a_habit),
		cmocka_unit_test(what_is_adjusted_by_seconds_is_no_step),
		cmocka_unit_test(runs_once_a_month_are_doubted_once),
		cmocka_unit_test(a_jump_of_years_is_doubted_behind_another_too),
		cmocka_unit_test(a_first_run_has_nothing_to_compare_with),
		cmocka_unit_test(clocks_at_the_end_of_time_are_only_numbers),
		cmocka_unit_test(
			a_delivery_is_credible_from_the_release_to_now),
		cmocka_unit_test(
			an_age_is_over_when_it_is_reached_even_behind_2106),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
