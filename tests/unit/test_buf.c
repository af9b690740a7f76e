/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller notices of base/buf.h. */
#include "config.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
bytes_of_any_value_are_kept_in_order(void **state)
{
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, 100000);
	for (i = 0; i < 100000; i++)
		assert_true(buf_byte(&b, (uint8_t)(i * 7)));
	assert_int_equal(b.len, 100000);
	for (i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], (uint8_t)(i * 7));
	assert_false(buf_byte(&b, 0));
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_true(buf_byte(&b, 0));
	buf_free(&b);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.max, 100000);
}

static void
what_would_exceed_the_maximum_changes_nothing(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	assert_true(buf_append(&b, "abc", 3));
	assert_false(buf_append(&b, "def", 3));
	assert_false(buf_append(&b, "", SIZE_MAX));
	assert_false(buf_format(&b, "%s", "def"));
	assert_null(buf_room(&b, 3));
	assert_int_equal(b.len, 3);
	assert_string_equal(buf_text(&b), "abc");
	assert_true(buf_append(&b, "de", 2));
	assert_string_equal(buf_text(&b), "abcde");
	buf_free(&b);
}

static void
a_buffer_with_maximum_0_stays_empty_and_has_a_text(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_true(buf_append(&b, NULL, 0));
	assert_false(buf_byte(&b, 'x'));
	assert_string_equal(buf_text(&b), "");
	buf_free(&b);
}

static void
a_buffer_without_limit_works(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	assert_true(buf_append(&b, "abc", 3));
	assert_string_equal(buf_text(&b), "abc");
	buf_free(&b);
}

static void
formatted_text_is_appended_at_every_length(void **state)
{
	struct buf b;
	int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		buf_init(&b, 600);
		assert_true(buf_append(&b, "<", 1));
		assert_true(buf_format(&b, "%*d", i, 5));
		assert_int_equal(b.len, 1 + (i ? i : 1));
		assert_int_equal(b.data[b.len - 1], '5');
		buf_free(&b);
	}
}

static void
room_is_there_to_be_written_in(void **state)
{
	struct buf b;
	uint8_t *room;

	(void)state;
	buf_init(&b, 1000);
	room = buf_room(&b, 1000);
	assert_non_null(room);
	memset(room, 'r', 1000);
	buf_added(&b, 1000);
	assert_int_equal(b.len, 1000);
	assert_non_null(buf_room(&b, 0));
	assert_int_equal(strlen(buf_text(&b)), 1000);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_any_value_are_kept_in_order),
		cmocka_unit_test(what_would_exceed_the_maximum_changes_nothing),
		cmocka_unit_test(
			a_buffer_with_maximum_0_stays_empty_and_has_a_text),
		cmocka_unit_test(a_buffer_without_limit_works),
		cmocka_unit_test(formatted_text_is_appended_at_every_length),
		cmocka_unit_test(room_is_there_to_be_written_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
