/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a program that delivers is told: arguments and environment. */
#include "config.h"
#include "deliver/deliver.h"

#include "mdabox.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sys/proc.h"

static void
arguments_are_expanded_each_for_itself(void **state)
{
	const char *const argv[] = { box.script,    "-f",
				     "%{sender}",   "to=%{user}/%{account}",
				     "100%%",	    "%s %{other} %",
				     "$HOME `id` ;" };

	(void)state;
	memcpy(box.argv, argv, sizeof(argv));
	assert_int_equal(
		mdabox_run_script("printf '[%s]\\n' \"$@\" >\"$HOME/out\"",
				  "a\n", NULL),
		DELIVER_DONE);
	mdabox_expect("[-f]\n[joe@example.net]\n[to=jane@example.org/work]\n"
		      "[100%]\n[%s %{other} %]\n[$HOME `id` ;]\n");
}

static void
no_expansion_makes_an_option_of_an_argument(void **state)
{
	const char *const argv[] = { box.script,	  "%{account}",
				     "%{user}",		  "-%{account}",
				     "%{account}%{user}", "x%{account}",
				     "%{user}-x" };

	(void)state;
	memcpy(box.argv, argv, sizeof(argv));
	box.target.account = "-rf";
	box.target.user = "";
	assert_int_equal(
		mdabox_run_script("printf '[%s]\\n' \"$@\" >\"$HOME/out\"",
				  "a\n", NULL),
		DELIVER_DONE);
	mdabox_expect("[_-rf]\n[]\n[--rf]\n[_-rf]\n[x-rf]\n[_-x]\n");
}

/* Does the fingerprint tell them apart?  It is so short that one change may be
 * missed, once in a long while, but not three. */
static bool
differ(const char *const argv[], void (*change)(int number))
{
	char *first, *now;
	bool any = false;

	box.target.argv = argv;
	first = deliver_fingerprint(&box.target);
	for (int i = 0; i < 3; i++) {
		if (change)
			change(i);
		now = deliver_fingerprint(&box.target);
		assert_int_equal(strlen(now), 4);
		any = any || strcmp(first, now) != 0;
		free(now);
	}
	free(first);
	return any;
}

static char number_text[2];

static void
change_argument(int number)
{
	number_text[0] = (char)('1' + number);
}

static void
change_program(int number)
{
	char *text = mem_format("exit 0 # %0*d", number + 2, 0);

	mdabox_script(text);
	free(text);
}

static void
change_script(int number)
{
	char *text = mem_format("exit 0 # %0*d", number + 2, 0);

	scratch_write_text(box.out, text);
	free(text);
}

static void
a_fingerprint_changes_with_arguments_and_files(void **state)
{
	const char *const program[] = { box.script, number_text, NULL };
	const char *const script[] = { "sh", box.out, NULL };

	(void)state;
	mdabox_script("exit 0");
	strcpy(number_text, "0");
	assert_false(differ(program, NULL));
	assert_true(differ(program, change_argument));
	assert_true(differ(program, change_program));
	assert_false(differ(script, NULL));
	assert_true(differ(script, change_script));
}

static void
the_environment_is_small_and_has_what_the_manual_says(void **state)
{
	char expected[300];

	setenv("SECRET_OF_OURS", "x", 1);
	setenv("TZ", "UTC", 1);
	setenv("LANG", "C", 1);
	setenv("LOGNAME", "jane", 1);
	setenv("USER", "jane", 1);
	setenv("SHELL", "/bin/zsh", 1);
	mdabox_script("[ -z \"$SECRET_OF_OURS\" ] || exit 1\n"
		      "[ \"$LOGNAME$USER\" = janejane ] || exit 2\n"
		      "[ \"$SHELL\" = /bin/zsh ] || exit 3\n"
		      "[ \"$TZ$LANG\" = UTCC ] || exit 4\n"
		      "[ \"$PATH\" ] || exit 5\n"
		      "[ ${#POPFETCH_DELIVERY_ID} = 32 ] || exit 6\n"
		      "echo \"$PWD|$HOME|$POPFETCH_ACCOUNT|$POPFETCH_UID|"
		      "$POPFETCH_SENDER|$POPFETCH_SIZE\" >\"$HOME/out\"\n"
		      "env | cut -d= -f1 | grep -v '^POPFETCH_' | sort | "
		      "tr '\\n' ' ' >\"$HOME/names\"");
	struct deliver *d = mdabox_open();
	char *names = scratch_path(*state, "names"), *there;

	assert_int_equal(mdabox_run(d, mdabox_stage(d, "12345\n", "a/b% c"),
				    NULL),
			 DELIVER_DONE);
	deliver_close(&d);
	snprintf(expected, sizeof(expected),
		 "%s|%s|work|a%%2Fb%%25%%20c|joe@example.net|6\n",
		 (char *)*state, (char *)*state);
	mdabox_expect(expected);
	there = scratch_read(names, NULL);
	assert_null(strstr(there, "OURS"));
	free(there);
	free(names);
	unsetenv("TZ");
}

static void
get_id(char id[64], const char *uid, const char *header)
{
	struct deliver *d;
	char *text;

	mdabox_script("echo $POPFETCH_DELIVERY_ID >\"$HOME/out\"");
	d = mdabox_open();
	assert_int_equal(mdabox_run(d, mdabox_stage(d, header, uid), NULL),
			 DELIVER_DONE);
	deliver_close(&d);
	text = scratch_read(box.out, NULL);
	assert_true(strlen(text) < 64);
	strcpy(id, text);
	free(text);
}

static void
the_delivery_id_is_that_of_the_message(void **state)
{
	char a[64], b[64], c[64], d[64];

	(void)state;
	get_id(a, "uid1", "x\n");
	get_id(b, "uid1", "x\n");
	get_id(c, "uid2", "x\n");
	get_id(d, "uid1", "y\n");
	assert_string_equal(a, b);
	assert_string_not_equal(a, c);
	assert_string_not_equal(a, d);
	box.target.state_id = "other";
	get_id(d, "uid1", "x\n");
	assert_string_not_equal(a, d);
}

static void
it_has_no_descriptor_of_ours(void **state)
{
	(void)state;
	if (scratch_count("/proc/self/fd") == 0)
		skip();
	assert_int_equal(mdabox_run_script("ls /proc/self/fd | tr '\\n' ' ' "
					   ">\"$HOME/out\"",
					   "a\n", NULL),
			 DELIVER_DONE);
	mdabox_expect("0 1 2 3 "); /* 3 is what ls reads */
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, mdabox_setup, mdabox_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(arguments_are_expanded_each_for_itself),
		TEST(no_expansion_makes_an_option_of_an_argument),
		TEST(a_fingerprint_changes_with_arguments_and_files),
		TEST(the_environment_is_small_and_has_what_the_manual_says),
		TEST(the_delivery_id_is_that_of_the_message),
		TEST(it_has_no_descriptor_of_ours)
	};

	proc_signals(PROC_STOPPABLE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
