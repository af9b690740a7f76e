/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller and a user notice of base/err.h. */
#include "config.h"
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
setting_an_error_returns_minus_one_and_fills_it(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(e.kind, ERR_NONE);
	assert_int_equal(err_set(&e, ERR_LOGIN, "refused: %s", "no"), -1);
	assert_int_equal(e.kind, ERR_LOGIN);
	assert_int_equal(e.sys, 0);
	assert_string_equal(e.text, "refused: no");
	err_clear(&e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_string_equal(e.text, "");
}

static void
a_system_error_keeps_errno_and_appends_its_words(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOSPC;
	assert_int_equal(err_sys(&e, ERR_LOCAL, "cannot write '%s'", "x"), -1);
	assert_int_equal(e.sys, ENOSPC);
	assert_string_equal(e.text,
			    "cannot write 'x': No space left on device");
}

static void
context_goes_before_the_text_and_keeps_kind_and_errno(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	errno = ENOENT;
	err_sys(&e, ERR_CREATE, "cannot open 'y'");
	assert_int_equal(err_context(&e, "RETR %u", 17U), -1);
	assert_int_equal(err_context(&e, "work"), -1);
	assert_string_equal(e.text, "work: RETR 17: cannot open 'y': "
				    "No such file or directory");
	assert_int_equal(e.kind, ERR_CREATE);
	assert_int_equal(e.sys, ENOENT);
}

static void
server_text_is_made_harmless(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_PROTOCOL, "said '%s'", "a\r\nb\033[31m\xff \\");
	assert_string_equal(e.text, "said 'a\\x0d\\x0ab\\x1b[31m\\xff \\'");
	err_context(&e, "a\tb");
	assert_string_equal(e.text,
			    "a\\x09b: said 'a\\x0d\\x0ab\\x1b[31m\\xff \\'");
}

static void
a_long_text_is_cut_between_characters(void **state)
{
	struct err e = ERR_INIT;
	char text[2000];
	size_t start, i;

	(void)state;
	for (start = 0; start < 4; start++) {
		memset(text, 'x', start);
		for (i = start; i + 2 < sizeof(text); i += 2)
			memcpy(text + i, "\xc3\xa4", 3);
		err_set(&e, ERR_LATER, "%s", text);
		assert_true(strlen(e.text) >= ERR_TEXT_MAX - 3);
		assert_null(strstr(e.text, "\\x"));
		assert_memory_equal(e.text, text, strlen(e.text));
	}
}

static void
a_long_path_does_not_push_the_cause_out(void **state)
{
	struct err e = ERR_INIT;
	char path[4096];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	errno = EACCES;
	err_sys(&e, ERR_LOCAL, "cannot open '%s'", path);
	assert_non_null(strstr(e.text, ": Permission denied"));
	assert_true(strlen(e.text) < ERR_TEXT_MAX);
	err_set(&e, ERR_LOCAL, "the cause");
	err_context(&e, "%s", path);
	assert_non_null(strstr(e.text, ": the cause"));
}

static void
an_error_may_be_made_from_its_own_text(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set(&e, ERR_LATER, "inner");
	err_set(&e, ERR_STOPPED, "outer (%s)", e.text);
	assert_string_equal(e.text, "outer (inner)");
	err_context(&e, "%s", e.text);
	assert_string_equal(e.text, "outer (inner): outer (inner)");
}

static void
every_kind_has_its_exit_status(void **state)
{
	static const struct {
		enum err_kind kind;
		int status;
	} table[] = { { ERR_NONE, 0 },	    { ERR_BUSY, 0 },
		      { ERR_USAGE, 64 },    { ERR_DATABASE, 65 },
		      { ERR_NOHOST, 68 },   { ERR_UNAVAILABLE, 69 },
		      { ERR_INTERNAL, 70 }, { ERR_OS, 71 },
		      { ERR_CREATE, 73 },   { ERR_LOCAL, 74 },
		      { ERR_LATER, 75 },    { ERR_TROUBLE, 75 },
		      { ERR_NETWORK, 75 },  { ERR_MESSAGE, 75 },
		      { ERR_STOPPED, 75 },  { ERR_PROTOCOL, 76 },
		      { ERR_TLS, 76 },	    { ERR_LOGIN, 77 },
		      { ERR_CONFIG, 78 } };
	size_t i;

	(void)state;
	assert_int_equal(sizeof(table) / sizeof(table[0]), ERR_KINDS);
	for (i = 0; i < ERR_KINDS; i++)
		assert_int_equal(err_status(table[i].kind), table[i].status);
}

static void
of_two_statuses_the_worse_one_ends_the_run(void **state)
{
	static const int order[] = { 78, 77, 65, 73, 74, 71, 70,
				     76, 69, 68, 75, 64, 0 };
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		for (j = i; j < sizeof(order) / sizeof(order[0]); j++) {
			assert_int_equal(err_status_worse(order[i], order[j]),
					 order[i]);
			assert_int_equal(err_status_worse(order[j], order[i]),
					 order[i]);
		}
	}
}

static void
troubles_of_network_and_server_pass_by_themselves(void **state)
{
	int kind;

	(void)state;
	for (kind = 0; kind < ERR_KINDS; kind++)
		assert_int_equal(err_is_passing((enum err_kind)kind),
				 kind == ERR_NETWORK || kind == ERR_NOHOST ||
					 kind == ERR_LATER ||
					 kind == ERR_TROUBLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			setting_an_error_returns_minus_one_and_fills_it),
		cmocka_unit_test(
			a_system_error_keeps_errno_and_appends_its_words),
		cmocka_unit_test(
			context_goes_before_the_text_and_keeps_kind_and_errno),
		cmocka_unit_test(server_text_is_made_harmless),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(a_long_path_does_not_push_the_cause_out),
		cmocka_unit_test(an_error_may_be_made_from_its_own_text),
		cmocka_unit_test(every_kind_has_its_exit_status),
		cmocka_unit_test(of_two_statuses_the_worse_one_ends_the_run),
		cmocka_unit_test(
			troubles_of_network_and_server_pass_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
