/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The messages that --uid names. */
#include "config.h"

#include "account/chosen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t all_kinds[] = { 'a', ' ',	'%',  '\'', '"', '\\',
				     0,	  0x7f, 0xe4, '/',  '~' };

static void
any_uid_can_be_written_and_is_read_as_it_was(void **state)
{
	struct chosen *c = chosen_new();
	char *text = chosen_text(all_kinds, sizeof(all_kinds));

	(void)state;
	assert_string_equal(text, "a%20%25%27%22%5C%00%7F%E4/~");
	assert_true(chosen_add(c, text));
	assert_true(chosen_find(c, all_kinds, sizeof(all_kinds)));
	assert_false(chosen_find(c, all_kinds, sizeof(all_kinds) - 1));
	free(text);
	chosen_free(&c);
}

static void
digits_are_read_in_either_case(void **state)
{
	struct chosen *c = chosen_new();

	(void)state;
	assert_true(chosen_add(c, "%e4%E4"));
	assert_true(chosen_find(c, (const uint8_t *)"\xe4\xe4", 2));
	chosen_free(&c);
}

static void
what_is_no_uid_is_not_taken(void **state)
{
	static const char *const bad[] = { "", "%", "a%", "%1", "%zz", "%1g" };
	struct chosen *c = chosen_new();
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(chosen_add(c, bad[i]));
	assert_int_equal(chosen_missing(c, "was taken", &e), 0);
	chosen_free(&c);
}

static void
the_first_that_was_not_found_is_missing(void **state)
{
	struct chosen *c = chosen_new();
	struct err e = ERR_INIT;

	(void)state;
	assert_true(chosen_add(c, "a"));
	assert_true(chosen_add(c, "b%20c"));
	assert_true(chosen_find(c, (const uint8_t *)"a", 1));
	assert_int_equal(chosen_missing(c, "is not here", &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_string_equal(e.text, "uid 'b%20c' is not here");
	assert_true(chosen_find(c, (const uint8_t *)"b c", 3));
	assert_int_equal(chosen_missing(c, "is not here", &e), 0);
	chosen_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_uid_can_be_written_and_is_read_as_it_was),
		cmocka_unit_test(digits_are_read_in_either_case),
		cmocka_unit_test(what_is_no_uid_is_not_taken),
		cmocka_unit_test(the_first_that_was_not_found_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
