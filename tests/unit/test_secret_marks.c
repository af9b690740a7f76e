/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Secrets are found in texts after they are wiped. */
#include "config.h"

#include "base/secret_marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool
is_in(const struct secret_marks *m, const char *text)
{
	return secret_marks_are_in(m, text, strlen(text));
}

static void
a_secret_is_found_wherever_it_stands(void **state)
{
	struct secret_marks m = { .count = 0 };

	(void)state;
	assert_false(is_in(&m, "swordfish"));
	secret_marks_add(&m, "swordfish", 9);
	assert_true(is_in(&m, "swordfish"));
	assert_true(is_in(&m, "-ERR unknown command PASS swordfish"));
	assert_true(is_in(&m, "swordfish?"));
	assert_true(is_in(&m, "swordswordfishfish"));
	assert_true(secret_marks_are_in(&m, "a\0swordfish", 11));
	assert_false(is_in(&m, "swordfis"));
	assert_false(is_in(&m, "wordfish, sword-fish, Swordfish, hsifdrows"));
	assert_false(is_in(&m, ""));
}

static void
secrets_of_any_bytes_and_lengths_are_told_from_their_like(void **state)
{
	char secret[300], text[600];

	(void)state;
	for (size_t size = SECRET_MARKS_LEAST; size < sizeof(secret); size++) {
		struct secret_marks m = { .count = 0 };

		for (size_t i = 0; i < size; i++)
			secret[i] = (char)(i * 37 + size);
		memset(text, secret[0], sizeof(text));
		memcpy(text + size, secret, size);
		secret_marks_add(&m, secret, size);
		assert_true(secret_marks_are_in(&m, text, sizeof(text)));
		text[size + size / 2] ^= 1;
		assert_false(secret_marks_are_in(&m, text, sizeof(text)));
	}
}

static void
what_is_in_every_text_is_no_secret(void **state)
{
	struct secret_marks m = { .count = 0 };

	(void)state;
	secret_marks_add(&m, "", 0);
	secret_marks_add(&m, "OK", 2);
	assert_false(is_in(&m, "+OK"));
}

static void
the_last_ones_count_each_once(void **state)
{
	struct secret_marks m = { .count = 0 };
	char text[16];

	(void)state;
	for (int i = 0; i < 100; i++)
		secret_marks_add(&m, "swordfish", 9);
	for (int i = 1; i < SECRET_MARKS_MAX; i++) {
		snprintf(text, sizeof(text), "secret %d", i);
		secret_marks_add(&m, text, strlen(text));
	}
	assert_true(is_in(&m, "swordfish"));
	secret_marks_add(&m, "another", 7);
	assert_false(is_in(&m, "swordfish"));
	assert_true(is_in(&m, "secret 1"));
	assert_true(is_in(&m, "another"));
}

static void
of_the_secret_nothing_stays(void **state)
{
	struct secret_marks m = { .count = 0 };
	char *bytes = (char *)&m;

	(void)state;
	secret_marks_add(&m, "swordfish", 9);
	for (size_t i = 0; i + 4 <= sizeof(m); i++)
		assert_memory_not_equal(bytes + i, "swor", 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_is_found_wherever_it_stands),
		cmocka_unit_test(
			secrets_of_any_bytes_and_lengths_are_told_from_their_like),
		cmocka_unit_test(what_is_in_every_text_is_no_secret),
		cmocka_unit_test(the_last_ones_count_each_once),
		cmocka_unit_test(of_the_secret_nothing_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
