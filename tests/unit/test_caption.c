/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* By what people know a message: sender and subject, fit for a terminal. */
#include "config.h"
#include "message/caption.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "message/header.h"

enum { TEXT_MAX = 512 };

struct example {
	const char *value, *shown;
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
assert_text(const char *value, const char *shown)
{
	char out[TEXT_MAX];

	caption_text(out, sizeof(out), (const uint8_t *)value, strlen(value));
	assert_string_equal(out, shown);
}

static void
encoded_words_are_decoded(void **state)
{
	static const struct example table[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "=?utf-8?q?Gr=C3=BC=c3=9fe_an_alle?=",
		  "Gr\303\274\303\237e an alle" },
		{ "=?UTF-8?B?R3LDvMOfZQ==?=", "Gr\303\274\303\237e" },
		{ "=?UTF-8?B?R3LDvMOfZQ?=", "Gr\303\274\303\237e" },
		{ "=?ISO-8859-1?Q?Gr=FC=DFe?=", "Gr\303\274\303\237e" },
		{ "=?iso-8859-1*de?b?R3L832U=?=", "Gr\303\274\303\237e" },
		{ "=?us-ascii?q?Keith?= Moore", "Keith Moore" },
		{ "=?us-ascii?q?"
		  "?= x",
		  "x" },
		/* RFC 2047 section 8 */
		{ "(=?ISO-8859-1?Q?a?= b)", "(a b)" },
		{ "=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab" },
		{ "=?ISO-8859-1?Q?a_b?=", "a b" },
		{ "=?ISO-8859-1?Q?a?= \t =?UTF-8?B?Yg==?= c", "ab c" },
		/* a character that is split */
		{ "=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "\303\274" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_text(table[i].value, table[i].shown);
}

static void
what_is_no_encoded_word_stays_as_it_stands(void **state)
{
	static const char *const table[] = {
		"=?koi8-r?Q?=C1?=",
		"=?utf-8?x?abc?=",
		"=?utf-8?q?abc",
		"=?utf-8?q?abc?",
		"=?utf-8?q?=C?=",
		"=?utf-8?q?=XY?=",
		"=?utf-8?b?a?=",
		"=?utf-8?b?YW*j?=",
		"=?utf-8?q?two words?=",
		"=?utf-8?qq?a?=",
		"=?utf-8?",
		"=?",
		"=",
		"a =?= b",
		"=?x?q?a?= =?koi8-r?q?b?=",
		"\303\274ber",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_text(table[i], table[i]);
}

static void
nothing_harmful_is_shown(void **state)
{
	static const struct example table[] = {
		{ "a\033[2Jb\007", "a\\x1b[2Jb\\x07" },
		{ "=?utf-8?q?=1B]0;x=07?=", "\\x1b]0;x\\x07" },
		{ "=?utf-8?b?G1sySg==?=", "\\x1b[2J" },
		{ "=?utf-8?q?a=0D=0Apopfetch:_b?=", "a popfetch: b" },
		{ "=?utf-8?q?a=00b?=", "a\\x00b" },
		{ "=?iso-8859-1?q?=9B2J?=", "\\xc2\\x9b2J" },
		{ "=?utf-8?q?=E2=80=AEgnp.exe?=", "\\xe2\\x80\\xaegnp.exe" },
		{ "\342\201\246x", "\\xe2\\x81\\xa6x" },
		{ "bad \377\300\200", "bad \\xff\\xc0\\x80" },
		{ "=?us-ascii?q?=FF?=", "\\xff" },
		{ " \t a \t\t b\r\r ", "a b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_text(table[i].value, table[i].shown);
}

static void
a_sender_is_called_by_name_or_else_by_address(void **state)
{
	static const struct example table[] = {
		{ "Ann Example <ann@example.org>", "Ann Example" },
		{ "\"Example, Ann\" <ann@example.org>", "Example, Ann" },
		{ "\"A \\\"<B\\\" C\" <ann@example.org>", "A \"<B\" C" },
		{ "=?utf-8?q?J=C3=BCrgen?= <j@example.org>", "J\303\274rgen" },
		{ "\"=?utf-8?q?J=C3=BCrgen?=\" <j@example.org>",
		  "J\303\274rgen" },
		{ "<ann@example.org>", "ann@example.org" },
		{ "\"\" <ann@example.org", "ann@example.org" },
		{ "ann@example.org", "ann@example.org" },
		{ "ann@example.org (Ann)", "ann@example.org (Ann)" },
		{ "\"unended <ann@example.org>", "unended <ann@example.org>" },
		{ "\"end\\", "end\\" },
		{ "<>", "" },
		{ "<", "" },
		{ "", "" },
	};
	char out[TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		caption_name(out, sizeof(out), (const uint8_t *)table[i].value,
			     strlen(table[i].value));
		assert_string_equal(out, table[i].shown);
	}
}

/* However the header is cut into pieces. */
static void
a_header_gives_the_first_of_each_field(void **state)
{
	static const char text[] =
		"Subject:  =?utf-8?q?one?=\n\t=?utf-8?q?_two?=\n three\n"
		"X-From: x\nFrom : Ann\n  <ann@example.org>\n"
		"From: other\nSubject: other\n\nSubject: body\n";
	size_t size = sizeof(text) - 1, cut;
	struct header *h = header_new();
	char out[HEADER_TEXT_MAX];

	(void)state;
	for (cut = 0; cut <= size; cut++) {
		header_start(h);
		header_add(h, (const uint8_t *)text, cut);
		header_add(h, (const uint8_t *)text + cut, size - cut);
		header_end(h);
		header_from_name(h, out);
		assert_string_equal(out, "Ann");
		header_text(h, HEADER_FROM, out);
		assert_string_equal(out, "Ann <ann@example.org>");
		header_text(h, HEADER_SUBJECT, out);
		assert_string_equal(out, "one two three");
	}
	header_start(h);
	header_end(h);
	header_from_name(h, out);
	assert_string_equal(out, "");
	header_free(&h);
}

static void
what_is_too_long_is_cut(void **state)
{
	uint8_t bytes[CAPTION_VALUE_MAX];
	char out[8];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	caption_name(out, sizeof(out), bytes, sizeof(bytes));
	assert_string_equal(out, "\\xff");
	memset(bytes, '"', sizeof(bytes));
	caption_text(out, sizeof(out), bytes, sizeof(bytes));
	assert_string_equal(out, "\"\"\"\"\"\"\"");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encoded_words_are_decoded),
		cmocka_unit_test(what_is_no_encoded_word_stays_as_it_stands),
		cmocka_unit_test(nothing_harmful_is_shown),
		cmocka_unit_test(a_sender_is_called_by_name_or_else_by_address),
		cmocka_unit_test(a_header_gives_the_first_of_each_field),
		cmocka_unit_test(what_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
