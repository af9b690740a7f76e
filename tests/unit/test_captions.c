/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What is kept of messages for people, while they are under way. */
#include "config.h"

#include "session/captions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void
add(struct captions *c, size_t entry, const char *from, const char *subject)
{
	struct header *h = header_new();
	char *text = mem_format("From: %s\nSubject: %s\n\n", from, subject);

	header_add(h, (const uint8_t *)text, strlen(text));
	header_end(h);
	captions_add(c, entry, h);
	header_free(&h);
	free(text);
}

static void
each_message_has_its_own_words_until_they_are_forgotten(void **state)
{
	struct captions c = CAPTIONS_NONE;
	char subject[] = "0";

	(void)state;
	assert_string_equal(captions_about(&c, 3), "");
	for (size_t i = 0; i < 10; i++, subject[0]++)
		add(&c, i, "Jane <jane@example.org>", subject);
	assert_string_equal(captions_about(&c, 3),
			    " from jane@example.org, \"3\"");
	captions_forget(&c, 3);
	captions_forget(&c, 3);
	assert_string_equal(captions_about(&c, 3), "");
	assert_string_equal(captions_about(&c, 9),
			    " from jane@example.org, \"9\"");
	add(&c, 9, "joe@example.org", "");
	assert_string_equal(captions_about(&c, 9),
			    " from joe@example.org, without a subject");
	captions_clear(&c);
	assert_string_equal(captions_about(&c, 9), "");
}

static void
long_and_hostile_words_are_cut_and_made_safe(void **state)
{
	struct captions c = CAPTIONS_NONE;
	char subject[300];

	(void)state;
	memset(subject, 'y', sizeof(subject));
	memcpy(subject, "\033[2J", 4);
	subject[299] = '\0';
	add(&c, 0, "jane@example.org", subject);
	assert_true(strlen(captions_about(&c, 0)) < 220);
	assert_non_null(strstr(captions_about(&c, 0), ", \"\\x1b[2Jyyy"));
	assert_non_null(strstr(captions_about(&c, 0), "yyy...\""));
	captions_clear(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			each_message_has_its_own_words_until_they_are_forgotten),
		cmocka_unit_test(long_and_hostile_words_are_cut_and_made_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
