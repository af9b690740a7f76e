/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a user notices of base/quantity.h. */
#include "config.h"
#include "base/quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
durations_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} table[] = { { "90 seconds", 90 },
		      { "1 second", 1 },
		      { "5s", 5 },
		      { "5 sec", 5 },
		      { "2 minutes", 120 },
		      { "2min", 120 },
		      { "3 m", 180 },
		      { "1 hour", 3600 },
		      { "2H", 7200 },
		      { "14 days", 14 * 86400 },
		      { "1 Day", 86400 },
		      { "2d", 2 * 86400 },
		      { "2 weeks", 14 * 86400 },
		      { "1w", 7 * 86400 },
		      { "1 hour 30 minutes", 5400 },
		      { "1h30m", 5400 },
		      { " 1 d  2 h ", 86400 + 7200 },
		      { "1\tday", 86400 },
		      { "0", 0 },
		      { " 0 ", 0 },
		      { "0 days", 0 },
		      { "36525 days", 36525 * INT64_C(86400) } };
	int64_t seconds;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		seconds = -1;
		assert_true(quantity_duration(table[i].text, &seconds));
		assert_int_equal(seconds, table[i].seconds);
	}
}

static void
durations_that_say_too_little_or_too_much_are_refused(void **state)
{
	static const char *const wrong[] = { "",
					     " ",
					     "14",
					     "days",
					     "-1 day",
					     "+1 day",
					     "1.5 hours",
					     "1 fortnight",
					     "1 day 2",
					     "1 day x",
					     "1 day, 2 hours",
					     "36526 days",
					     "36525 days 1 second",
					     "1 month",
					     "99999999999999999999 s",
					     "9223372036854775807 weeks",
					     "0 0",
					     "1 MiB",
					     "1 day\n" };
	int64_t seconds = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(quantity_duration(wrong[i], &seconds));
	assert_int_equal(seconds, 7);
}

static void
sizes_are_read_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} table[] = { { "0", 0 },
		      { "512", 512 },
		      { "512 B", 512 },
		      { "1 byte", 1 },
		      { "7 bytes", 7 },
		      { "1K", 1024 },
		      { "1 KB", 1024 },
		      { "1kib", 1024 },
		      { "20 MiB", 20 << 20 },
		      { "20m", 20 << 20 },
		      { "3 GB", UINT64_C(3) << 30 },
		      { " 3 g ", UINT64_C(3) << 30 },
		      { "4611686018427387904", UINT64_C(1) << 62 },
		      { "4294967296 GiB", UINT64_C(1) << 62 } };
	uint64_t bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bytes = 99;
		assert_true(quantity_size(table[i].text, &bytes));
		assert_true(bytes == table[i].bytes);
	}
}

static void
sizes_that_make_no_sense_are_refused(void **state)
{
	static const char *const wrong[] = { "",
					     "MiB",
					     "-1",
					     "1.5 MiB",
					     "1 MiB 2 KiB",
					     "1 MiBs",
					     "4611686018427387905",
					     "4294967297 GiB",
					     "1 TiB",
					     "5 days",
					     "18446744073709551616",
					     "0x10",
					     "1 2" };
	uint64_t bytes = 7;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(quantity_size(wrong[i], &bytes));
	assert_true(bytes == 7);
}

static void
sizes_are_shown_with_one_decimal(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} table[] = { { 0, "0 B" },
		      { 312, "312 B" },
		      { 1023, "1023 B" },
		      { 1024, "1 KiB" },
		      { 1100, "1.1 KiB" },
		      { 1536, "1.5 KiB" },
		      { 1258291, "1.2 MiB" },
		      { 1048575, "1 MiB" },
		      { 1023 * 1024, "1023 KiB" },
		      { 20 << 20, "20 MiB" },
		      { UINT64_C(1) << 62, "4 EiB" },
		      { UINT64_MAX, "16 EiB" } };
	char out[QUANTITY_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		quantity_show_size(out, table[i].bytes);
		assert_string_equal(out, table[i].text);
	}
}

static void
sizes_in_columns_always_have_tenths(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} table[] = { { 1023, "1023 B" },
		      { 1024, "1.0 KiB" },
		      { 1536, "1.5 KiB" },
		      { 1023 * 1024, "1023.0 KiB" },
		      { 20 << 20, "20.0 MiB" } };
	char out[QUANTITY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		quantity_show_tenths(out, table[i].bytes);
		assert_string_equal(out, table[i].text);
	}
}

static void
durations_are_shown_in_at_most_two_units(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} table[] = { { 0, "0 seconds" },
		      { 1, "1 second" },
		      { 59, "59 seconds" },
		      { 60, "1 minute" },
		      { 61, "1 minute 1 second" },
		      { 5400, "1 hour 30 minutes" },
		      { 3601, "1 hour" },
		      { 14 * 86400, "14 days" },
		      { 86400 + 3600, "1 day 1 hour" },
		      { 86400 + 60, "1 day" },
		      { -5, "0 seconds" },
		      { INT64_MAX, "106751991167300 days 15 hours" } };
	char out[QUANTITY_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		quantity_show_duration(out, table[i].seconds);
		assert_string_equal(out, table[i].text);
	}
}

static void
what_took_less_than_a_minute_is_shown_in_tenths_of_seconds(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} table[] = { { 0, "0.0 seconds" },
		      { 49, "0.0 seconds" },
		      { 50, "0.1 seconds" },
		      { 7234, "7.2 seconds" },
		      { 59949, "59.9 seconds" },
		      { 59950, "1 minute" },
		      { 125000, "2 minutes 5 seconds" },
		      { -1, "0.0 seconds" } };
	char out[QUANTITY_TEXT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		quantity_show_taken(out, table[i].ms);
		assert_string_equal(out, table[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_as_people_write_them),
		cmocka_unit_test(
			durations_that_say_too_little_or_too_much_are_refused),
		cmocka_unit_test(sizes_are_read_as_people_write_them),
		cmocka_unit_test(sizes_that_make_no_sense_are_refused),
		cmocka_unit_test(sizes_are_shown_with_one_decimal),
		cmocka_unit_test(sizes_in_columns_always_have_tenths),
		cmocka_unit_test(durations_are_shown_in_at_most_two_units),
		cmocka_unit_test(
			what_took_less_than_a_minute_is_shown_in_tenths_of_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
