/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What of a message stands before its header, however it comes in. */
#include "config.h"
#include "message/fromline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void
take_held(struct fromline *f, struct buf *out)
{
	size_t size;
	const uint8_t *held = fromline_held(f, &size);

	assert_true(buf_append(out, held, size));
}

static void
take(struct fromline *f, const char *bytes, size_t size, struct buf *out)
{
	/* of the very size, for sanitizers */
	uint8_t *copy = malloc(size + !size);
	size_t taken;

	memcpy(copy, bytes, size);
	taken = fromline_take(f, copy, size);
	assert_true(taken <= size);
	take_held(f, out);
	assert_true(buf_append(out, copy + taken, size - taken));
	free(copy);
}

/* In pieces that end at `first` and `second`. */
static void
assert_splits(const char *text, const char *rest, size_t first, size_t second)
{
	struct fromline f;
	struct buf out;

	buf_init(&out, SIZE_MAX);
	fromline_start(&f);
	take(&f, text, first, &out);
	take(&f, text + first, second - first, &out);
	take(&f, text + second, strlen(text) - second, &out);
	fromline_end(&f);
	take_held(&f, &out);
	assert_string_equal(buf_text(&out), rest);
	buf_free(&out);
}

/* What is left of the text, by every split into three. */
static void
assert_left(const char *text, const char *rest)
{
	size_t size = strlen(text);

	for (size_t first = 0; first <= size; first++)
		for (size_t second = first; second <= size; second++)
			assert_splits(text, rest, first, second);
}

static void
a_from_line_is_left_out(void **state)
{
	(void)state;
	assert_left("From jane@x Mon Jan  1 00:00:00 2024\nSubject: a\n\nb\n",
		    "Subject: a\n\nb\n");
	assert_left(">From jane@x Mon Jan  1 00:00:00 2024\nSubject: a\n",
		    "Subject: a\n");
	assert_left(">>>From  jane\nSubject: a\n", "Subject: a\n");
	assert_left("From nobody\nFrom: a@b\n", "From: a@b\n");
	assert_left("From - Mon Jan  1 00:00:00 2024\r\nTo: a\r\n",
		    "To: a\r\n");
}

static void
several_are_left_out_and_what_continues_them(void **state)
{
	(void)state;
	assert_left("From a Mon\n>From b Tue\nFrom c\n\tWed\n X: y\nTo: a\n",
		    "To: a\n");
	assert_left("From a\n\n body\n", "\n body\n");
}

static void
a_header_field_is_never_left_out(void **state)
{
	static const char *const texts[] = {
		"From: jane@x\nSubject: a\n",
		"From : jane@x\n",
		"From \t : jane@x\n",
		">From : x\n",
		">From: x\n",
		"from jane@x\n",
		"FROM jane\n",
		"From\tjane@x\n",
		"Fro",
		"From",
		"From ",
		">",
		">>>>",
		"Froma: b\n",
		" From jane@x\n",
		"\nFrom me to you\n",
		"",
		"\n",
		"Subject: a\nFrom me to you\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_left(texts[i], texts[i]);
}

static void
a_from_line_without_end_is_one(void **state)
{
	(void)state;
	assert_left("From jane@x Mon", "");
	assert_left("From \n", "");
	assert_left("From a\n", "");
}

/* It is no use to wait for ever. */
static void
more_quotes_and_blanks_than_fit_are_of_the_message(void **state)
{
	char quotes[100], blanks[100];
	size_t i;

	(void)state;
	for (i = 0; i + 1 < sizeof(quotes); i++) {
		quotes[i] = '>';
		blanks[i] = ' ';
	}
	quotes[i] = blanks[i] = '\0';
	memcpy(blanks, "From", 4);
	assert_left(quotes, quotes);
	assert_left(blanks, blanks);
	memcpy(quotes + 70, "From jane\na: b\n", 16);
	assert_left(quotes, quotes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_from_line_is_left_out),
		cmocka_unit_test(several_are_left_out_and_what_continues_them),
		cmocka_unit_test(a_header_field_is_never_left_out),
		cmocka_unit_test(a_from_line_without_end_is_one),
		cmocka_unit_test(
			more_quotes_and_blanks_than_fit_are_of_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
