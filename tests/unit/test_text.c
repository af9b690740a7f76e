/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller and a user notice of base/text.h. */
#include "config.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
assert_safe(const char *in, size_t size, const char *expected)
{
	char out[200];

	text_safe(out, sizeof(out), in, size);
	assert_string_equal(out, expected);
}
#define ASSERT_SAFE(in, expected) assert_safe(in, sizeof(in) - 1, expected)

static void
plain_text_and_other_scripts_stay(void **state)
{
	(void)state;
	ASSERT_SAFE("", "");
	ASSERT_SAFE("plain ~ \\ text", "plain ~ \\ text");
	ASSERT_SAFE("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\xac",
		    "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x93\xac");
	ASSERT_SAFE("\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\xc2\xa0",
		    "\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\xc2\xa0");
}

static void
control_characters_become_escapes(void **state)
{
	(void)state;
	ASSERT_SAFE("a\0b\tc\r\n\x1b[0m\x7f",
		    "a\\x00b\\x09c\\x0d\\x0a\\x1b[0m\\x7f");
	ASSERT_SAFE("\xc2\x80\xc2\x9f", "\\xc2\\x80\\xc2\\x9f");
}

static void
bidirectional_controls_and_separators_become_escapes(void **state)
{
	char in[4] = "", out[20], expected[20];
	unsigned c;

	(void)state;
	for (c = 0x2000; c < 0x2070; c++) {
		bool bad = (c >= 0x200b && c <= 0x200f) ||
			   (c >= 0x2028 && c <= 0x202e) || c >= 0x2060;

		in[0] = (char)0xe2;
		in[1] = (char)(0x80 | (c >> 6 & 0x3f));
		in[2] = (char)(0x80 | (c & 0x3f));
		snprintf(expected, sizeof(expected), "\\xe2\\x%02x\\x%02x",
			 0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f));
		text_safe(out, sizeof(out), in, 3);
		assert_string_equal(out, bad ? expected : in);
	}
}

static void
characters_that_are_not_seen_become_escapes(void **state)
{
	(void)state;
	ASSERT_SAFE("a\xc2\xad\xc2\xae", "a\\xc2\\xad\xc2\xae");
	ASSERT_SAFE("\xe1\xa0\x8d\xe1\xa0\x8e\xe1\xa0\x8f",
		    "\xe1\xa0\x8d\\xe1\\xa0\\x8e\xe1\xa0\x8f");
	ASSERT_SAFE("\xef\xbb\xbf", "\\xef\\xbb\\xbf");
	ASSERT_SAFE("\xef\xbf\xb9\xef\xbf\xbb\xef\xbf\xbc",
		    "\\xef\\xbf\\xb9\\xef\\xbf\\xbb\xef\xbf\xbc");
	ASSERT_SAFE("\xf3\xa0\x80\x80\xf3\xa0\x81\xbf",
		    "\\xf3\\xa0\\x80\\x80\\xf3\\xa0\\x81\\xbf");
	ASSERT_SAFE("\xf3\xa0\x84\x80", "\xf3\xa0\x84\x80"); /* U+E0100 */
}

static void
what_is_not_utf_8_becomes_escapes(void **state)
{
	(void)state;
	ASSERT_SAFE("\x80\xbf\xfe\xff", "\\x80\\xbf\\xfe\\xff");
	ASSERT_SAFE("\xc3", "\\xc3"); /* cut short */
	ASSERT_SAFE("\xc3(", "\\xc3(");
	ASSERT_SAFE("\xe2\x82", "\\xe2\\x82");
	ASSERT_SAFE("\xc0\xaf\xc1\xbf", "\\xc0\\xaf\\xc1\\xbf"); /* over-long */
	ASSERT_SAFE("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	ASSERT_SAFE("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf");
	ASSERT_SAFE("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* surrogate */
	ASSERT_SAFE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	ASSERT_SAFE("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
}

static void
a_cut_never_divides_a_character_or_an_escape(void **state)
{
	static const char in[] = "a\xc3\xa4\x01\xe2\x82\xac";
	static const char *const expected[] = { "",
						"a",
						"a",
						"a\xc3\xa4",
						"a\xc3\xa4",
						"a\xc3\xa4",
						"a\xc3\xa4",
						"a\xc3\xa4\\x01",
						"a\xc3\xa4\\x01",
						"a\xc3\xa4\\x01",
						"a\xc3\xa4\\x01\xe2\x82\xac" };
	char out[12] = "?";
	size_t size;

	(void)state;
	text_safe(out, 0, in, sizeof(in) - 1);
	assert_string_equal(out, "?");
	for (size = 1; size <= 11; size++) {
		memset(out, '?', sizeof(out));
		text_safe(out, size, in, sizeof(in) - 1);
		assert_string_equal(out, expected[size - 1]);
	}
}

static void
what_was_made_safe_stays_as_it_is(void **state)
{
	char in[256], once[1100], twice[1100];
	int i;

	(void)state;
	for (i = 0; i < 256; i++)
		in[i] = (char)i;
	text_safe(once, sizeof(once), in, sizeof(in));
	text_safe(twice, sizeof(twice), once, strlen(once));
	assert_string_equal(once, twice);
}

static void
hexadecimal_goes_both_ways(void **state)
{
	uint8_t bytes[4];
	char hex[9];

	(void)state;
	text_hex(hex, "\x00\xff\x1a\xb0", 4);
	assert_string_equal(hex, "00ff1ab0");
	assert_true(text_unhex(hex, bytes, 4));
	assert_memory_equal(bytes, "\x00\xff\x1a\xb0", 4);
	assert_true(text_unhex("00:FF:1a:B0", bytes, 4));
	assert_memory_equal(bytes, "\x00\xff\x1a\xb0", 4);
	assert_true(text_unhex("", bytes, 0));
	text_hex(hex, bytes, 0);
	assert_string_equal(hex, "");
}

static void
hexadecimal_of_another_length_or_form_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",	     "00ff1a",	  "00ff1ab",	"00ff1ab000",
		"00ff1ab0:", ":00ff1ab0", "00::ff1ab0", "0:0ff1ab0",
		"00ff1ag0",  "00ff 1ab0", "00ff1ab0 "
	};
	uint8_t bytes[4];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(text_unhex(wrong[i], bytes, 4));
}

static void
a_file_name_is_percent_encoded(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_true(text_percent(&b, "Jane.Doe+x_y-1@example.org"));
	assert_string_equal(buf_text(&b), "Jane.Doe+x_y-1@example.org");
	buf_clear(&b);
	assert_true(text_percent(&b, "../a b/\xc3\xa4%:"));
	assert_string_equal(buf_text(&b), "%2E.%2Fa%20b%2F%C3%A4%25%3A");
	buf_clear(&b);
	assert_true(text_percent(&b, ""));
	assert_int_equal(b.len, 0);
	buf_free(&b);
	buf_init(&b, 5);
	assert_true(text_percent(&b, "ab"));
	assert_false(text_percent(&b, "c d"));
	assert_string_equal(buf_text(&b), "ab");
	buf_free(&b);
}

static void
the_nearest_option_is_found(void **state)
{
	static const char *const options[] = { "host",
					       "port",
					       "password",
					       "password_file",
					       "password_command",
					       "maildir",
					       "mbox",
					       "keep",
					       NULL };
	char endless[200];

	(void)state;
	assert_string_equal(text_nearest("hots", options), "host");
	assert_string_equal(text_nearest("HOST", options), "host");
	assert_string_equal(text_nearest("hosts", options), "host");
	assert_string_equal(text_nearest("mailldir", options), "maildir");
	assert_string_equal(text_nearest("pasword_comand", options),
			    "password_command");
	assert_string_equal(text_nearest("passwordfile", options),
			    "password_file");
	assert_null(text_nearest("colour", options));
	assert_null(text_nearest("", options));
	assert_null(text_nearest("xy", options));
	memset(endless, 'h', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_null(text_nearest(endless, options));
}

static void
words_are_compared_without_case(void **state)
{
	char s[] = "MiXed-\xc4 1";

	(void)state;
	assert_true(text_is_word("CaPa", 4, "capa"));
	assert_false(text_is_word("capa", 3, "capa"));
	assert_false(text_is_word("capab", 5, "capa"));
	assert_false(text_is_word("cap\0", 4, "capa"));
	assert_true(text_is_word("", 0, ""));
	assert_true(text_starts("+OK ready", 9, "+ok"));
	assert_false(text_starts("+O", 2, "+ok"));
	assert_true(text_starts("x", 1, ""));
	assert_false(text_starts("[", 1, "{"));
	text_lower(s);
	assert_string_equal(s, "mixed-\xc4 1");
}

static void
a_number_is_digits_up_to_the_maximum(void **state)
{
	uint64_t n = 99;

	(void)state;
	assert_true(text_number("0", 1, 0, &n));
	assert_int_equal(n, 0);
	assert_true(text_number("0042", 4, 42, &n));
	assert_int_equal(n, 42);
	assert_true(text_number("18446744073709551615", 20, UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
	n = 7;
	assert_false(text_number("18446744073709551616", 20, UINT64_MAX, &n));
	assert_false(text_number("99999999999999999999", 20, UINT64_MAX, &n));
	assert_false(text_number("43", 2, 42, &n));
	assert_false(text_number("", 0, 42, &n));
	assert_false(text_number("-1", 2, 42, &n));
	assert_false(text_number("+1", 2, 42, &n));
	assert_false(text_number("1 ", 2, 42, &n));
	assert_false(text_number("1\0", 2, 42, &n));
	assert_int_equal(n, 7);
}

static void
a_byte_order_mark_is_three_bytes_at_the_start(void **state)
{
	(void)state;
	assert_int_equal(text_mark_size("\357\273\277x", 4), 3);
	assert_int_equal(text_mark_size("\357\273\277", 3), 3);
	assert_int_equal(text_mark_size("\357\273\277", 2), 0);
	assert_int_equal(text_mark_size("x\357\273\277", 4), 0);
	assert_int_equal(text_mark_size(NULL, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_and_other_scripts_stay),
		cmocka_unit_test(control_characters_become_escapes),
		cmocka_unit_test(
			bidirectional_controls_and_separators_become_escapes),
		cmocka_unit_test(characters_that_are_not_seen_become_escapes),
		cmocka_unit_test(what_is_not_utf_8_becomes_escapes),
		cmocka_unit_test(a_cut_never_divides_a_character_or_an_escape),
		cmocka_unit_test(what_was_made_safe_stays_as_it_is),
		cmocka_unit_test(hexadecimal_goes_both_ways),
		cmocka_unit_test(
			hexadecimal_of_another_length_or_form_is_refused),
		cmocka_unit_test(a_file_name_is_percent_encoded),
		cmocka_unit_test(the_nearest_option_is_found),
		cmocka_unit_test(words_are_compared_without_case),
		cmocka_unit_test(a_number_is_digits_up_to_the_maximum),
		cmocka_unit_test(a_byte_order_mark_is_three_bytes_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
