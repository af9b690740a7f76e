/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>

#include "base/backoff.h"

static void
the_first_failure_waits_an_hour_and_each_next_twice_as_long(void **state)
{
	(void)state;
	assert_int_equal(backoff_next(1000, 0), 1000 + 3600);
	assert_int_equal(backoff_next(1000, 1), 1000 + 7200);
	assert_int_equal(backoff_next(1000, 4), 1000 + 16 * 3600);
}

static void
it_never_waits_longer_than_a_week(void **state)
{
	(void)state;
	assert_int_equal(backoff_next(0, 7), 128 * 3600);
	assert_int_equal(backoff_next(0, 8), 7 * 86400);
	assert_int_equal(backoff_next(0, UINT_MAX), 7 * 86400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_first_failure_waits_an_hour_and_each_next_twice_as_long),
		cmocka_unit_test(it_never_waits_longer_than_a_week),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
