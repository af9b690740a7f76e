/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Lines for a terminal, mostly of 80 columns. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/columns.h"
#include "cli/wrap.h"

static void
assert_wrapped(size_t indent, const char *text, const char *expected)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	wrap_add(&out, WRAP_COLUMNS, indent, text);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

#define TEN "123456789 "

static void
a_text_that_fits_is_one_line(void **state)
{
	(void)state;
	assert_wrapped(0, "", "");
	assert_wrapped(0, "a  b ", "a b\n");
	assert_wrapped(4, "a b", "    a b\n");
	assert_wrapped(0, TEN TEN TEN TEN TEN TEN TEN "1234567890",
		       TEN TEN TEN TEN TEN TEN TEN "1234567890\n");
}

static void
a_line_ends_between_words(void **state)
{
	(void)state;
	assert_wrapped(0, TEN TEN TEN TEN TEN TEN TEN "12345678901",
		       "123456789 123456789 123456789 123456789 123456789 "
		       "123456789 123456789\n    12345678901\n");
	assert_wrapped(8, TEN TEN TEN TEN TEN TEN TEN "a bcd",
		       "        " TEN TEN TEN TEN TEN TEN TEN "a\n"
		       "            bcd\n");
}

#define LONG "/23456789/23456789/23456789/23456789/23456789/23456789/2345678"

static void
a_word_that_is_longer_than_a_line_is_cut(void **state)
{
	(void)state;
	assert_wrapped(0, "see " LONG LONG,
		       "see " LONG "/23456789/2345\n"
		       "    6789/23456789/23456789/23456789/23456789/"
		       "2345678\n");
}

/* Whatever a character is, it is not cut, and no line is too wide. */
static void
characters_of_two_columns_are_counted_as_such(void **state)
{
	char text[3 * 100 + 1], *copy, *line, *rest;
	size_t shown = 0, lines = 0;
	struct buf out;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		memcpy(text + 3 * i, "\xe4\xb8\xad", 4);
	buf_init(&out, SIZE_MAX);
	wrap_add(&out, WRAP_COLUMNS, 3, text);
	copy = rest = mem_string(buf_text(&out));
	while ((line = strsep(&rest, "\n")) && rest) {
		size_t size = strlen(line + strspn(line, " "));

		assert_true(columns_of(line) <= WRAP_COLUMNS);
		assert_int_equal(size % 3, 0);
		shown += size;
		lines++;
	}
	assert_string_equal(line, "");
	assert_int_equal(lines, 3);
	assert_int_equal(shown, strlen(text));
	free(copy);
	buf_free(&out);
}

static void
a_narrow_terminal_has_lines_of_its_width(void **state)
{
	static const char *const expected[] = {
		"    123456789 12\n        3456789\n",
		"    123456789\n        123456789\n",
		"    123456789 123456789\n",
	};
	static const size_t columns[] = { 0, 17, 23 };
	struct buf out;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		buf_init(&out, SIZE_MAX);
		wrap_add(&out, columns[i], 4, TEN TEN);
		assert_string_equal(buf_text(&out), expected[i]);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_that_fits_is_one_line),
		cmocka_unit_test(a_line_ends_between_words),
		cmocka_unit_test(a_word_that_is_longer_than_a_line_is_cut),
		cmocka_unit_test(a_narrow_terminal_has_lines_of_its_width),
		cmocka_unit_test(characters_of_two_columns_are_counted_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
