/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "session/about.h"

static void
each_message_has_its_own_words_until_they_are_forgotten(void **state)
{
	struct abouts a = ABOUTS_NONE;
	char subject[] = "0";

	(void)state;
	assert_string_equal(abouts_of(&a, 3), "");
	for (size_t i = 0; i < 10; i++, subject[0]++)
		abouts_note(&a, i, "jane@example.org", subject);
	assert_string_equal(abouts_of(&a, 3), " from jane@example.org, \"3\"");
	abouts_forget(&a, 3);
	abouts_forget(&a, 3);
	assert_string_equal(abouts_of(&a, 3), "");
	assert_string_equal(abouts_of(&a, 9), " from jane@example.org, \"9\"");
	abouts_note(&a, 9, "joe@example.org", "");
	assert_string_equal(abouts_of(&a, 9),
			    " from joe@example.org, without a subject");
	abouts_end(&a);
	assert_string_equal(abouts_of(&a, 9), "");
}

static void
long_and_hostile_words_are_cut_and_made_safe(void **state)
{
	struct abouts a = ABOUTS_NONE;
	char sender[300], subject[300];

	(void)state;
	memset(sender, 'x', sizeof(sender));
	memset(subject, 'y', sizeof(subject));
	memcpy(subject, "\033[2J", 4);
	sender[299] = subject[299] = '\0';
	abouts_note(&a, 0, sender, subject);
	assert_true(strlen(abouts_of(&a, 0)) < 220);
	assert_non_null(strstr(abouts_of(&a, 0), ", \"\\x1b[2Jyyy"));
	assert_non_null(strstr(abouts_of(&a, 0), "yyy...\""));
	abouts_end(&a);
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
