/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller notices of base/clock.h. */
#include "config.h"
#include "base/clock.h"

#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void
use_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void
assert_rfc5322(int64_t unix_s, const char *expected)
{
	char out[CLOCK_DATE_MAX];

	clock_rfc5322(out, sizeof(out), unix_s);
	assert_string_equal(out, expected);
}

static void
header_dates_carry_the_local_offset(void **state)
{
	(void)state;
	use_zone("UTC0");
	assert_rfc5322(1795255200, "Sat, 21 Nov 2026 10:00:00 +0000");
	assert_rfc5322(0, "Thu, 01 Jan 1970 00:00:00 +0000");
	use_zone("CET-1");
	assert_rfc5322(1795255200, "Sat, 21 Nov 2026 11:00:00 +0100");
	use_zone("NST3:30");
	assert_rfc5322(1795255200, "Sat, 21 Nov 2026 06:30:00 -0330");
	use_zone("XXX0:30");
	assert_rfc5322(1795255200, "Sat, 21 Nov 2026 09:30:00 -0030");
}

static void
a_from_line_date_is_utc_whatever_the_zone(void **state)
{
	char out[CLOCK_DATE_MAX];

	(void)state;
	use_zone("CET-1");
	clock_asctime(out, sizeof(out), 1795255200);
	assert_string_equal(out, "Sat Nov 21 10:00:00 2026");
	clock_asctime(out, sizeof(out), 5 * 86400 - 1);
	assert_string_equal(out, "Mon Jan  5 23:59:59 1970");
}

static void
log_dates_are_iso_8601(void **state)
{
	char out[CLOCK_DATE_MAX];

	(void)state;
	use_zone("CET-1");
	clock_iso8601(out, sizeof(out), 1795251600);
	assert_string_equal(out, "2026-11-21T10:00:00+01:00");
}

static void
the_locale_changes_no_date(void **state)
{
	(void)state;
	if (!setlocale(LC_ALL, "de_DE.UTF-8"))
		(void)setlocale(LC_ALL, "C.UTF-8");
	use_zone("UTC0");
	assert_rfc5322(1764547200, "Mon, 01 Dec 2025 00:00:00 +0000");
	(void)setlocale(LC_ALL, "C");
}

static void
impossible_dates_do_no_harm(void **state)
{
	static const int64_t times[] = { INT64_MAX, INT64_MIN, -1,
					 253402300800 };
	char out[CLOCK_DATE_MAX];
	size_t i;

	(void)state;
	use_zone("UTC0");
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		clock_rfc5322(out, sizeof(out), times[i]);
		assert_true(strlen(out) >= 31);
		clock_asctime(out, sizeof(out), times[i]);
		assert_true(strlen(out) >= 24);
		clock_iso8601(out, sizeof(out), times[i]);
		assert_true(strlen(out) >= 25);
	}
}

static void
deadlines_lie_ahead_and_never_overflow(void **state)
{
	int64_t start = clock_ms(), deadline = clock_deadline(1000);

	(void)state;
	assert_true(deadline >= start + 1000);
	assert_true(deadline <= clock_ms() + 1000);
	assert_true(clock_deadline(-1) == CLOCK_NEVER);
	assert_true(clock_deadline(INT64_MAX) == CLOCK_NEVER);
	assert_true(clock_deadline(INT64_MAX - 1) == CLOCK_NEVER);
	assert_true(clock_earlier(3, CLOCK_NEVER) == 3);
	assert_true(clock_earlier(CLOCK_NEVER, 3) == 3);
}

static void
poll_waits_as_long_as_the_deadline_says(void **state)
{
	int timeout = clock_poll_timeout(clock_deadline(100000));

	(void)state;
	assert_true(timeout >= 90000 && timeout <= 100000);
	assert_int_equal(clock_poll_timeout(CLOCK_NEVER), -1);
	assert_int_equal(clock_poll_timeout(0), 0);
	assert_int_equal(clock_poll_timeout(clock_ms() - 5), 0);
	assert_int_equal(clock_poll_timeout(CLOCK_NEVER - 1), INT_MAX);
}

static void
the_wall_clock_agrees_with_itself(void **state)
{
	int64_t before = clock_unix(), us = clock_unix_us();

	(void)state;
	assert_true(before > 1700000000);
	assert_true(us / 1000000 >= before);
	assert_true(us / 1000000 <= clock_unix());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_dates_carry_the_local_offset),
		cmocka_unit_test(a_from_line_date_is_utc_whatever_the_zone),
		cmocka_unit_test(log_dates_are_iso_8601),
		cmocka_unit_test(the_locale_changes_no_date),
		cmocka_unit_test(impossible_dates_do_no_harm),
		cmocka_unit_test(deadlines_lie_ahead_and_never_overflow),
		cmocka_unit_test(poll_waits_as_long_as_the_deadline_says),
		cmocka_unit_test(the_wall_clock_agrees_with_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
