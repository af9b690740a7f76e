/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The name of an account's state, and the password in a file. */
#include "config.h"
#include "config/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static char path[64];

static int
new_file(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/popfetch-test-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int
remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void
put(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* --- the state's name --- */

static char *
state_file(const char *user, const char *host, uint16_t port, const char *state)
{
	struct account a = { .server = { .user = mem_string(user),
					 .host = mem_string(host),
					 .port = port },
			     .state = mem_string(state) };
	char *name = account_state_file(&a);

	account_free(&a);
	return name;
}

static void
assert_state(const char *user, const char *host, uint16_t port,
	     const char *state, const char *expected)
{
	char *name = state_file(user, host, port, state);

	assert_string_equal(name, expected);
	free(name);
}

static void
the_state_is_named_by_user_and_host(void **state)
{
	(void)state;
	assert_state("jane", "Pop.Example.ORG", 995, NULL,
		     "jane@pop.example.org");
	assert_state("Jane", "pop.example.org", 110, NULL,
		     "Jane@pop.example.org");
	assert_state("jane@example.org", "h", 1995, NULL,
		     "jane@example.org@h%3A1995");
	assert_state("recent:jane", "h", 995, NULL, "recent%3Ajane@h");
	assert_state("jane", "::1", 995, NULL, "jane@%3A%3A1");
	assert_state("jane", "::1", 1110, NULL, "jane@%5B%3A%3A1%5D%3A1110");
}

static void
no_user_can_leave_the_directory(void **state)
{
	(void)state;
	assert_state("../../x", "h", 995, NULL, "%2E.%2F..%2Fx@h");
	assert_state(".", "h", 995, "..", "%2E.");
	assert_state("a\nb", "h", 995, NULL, "a%0Ab@h");
}

static void
an_explicit_state_is_used_as_it_is(void **state)
{
	(void)state;
	assert_state("jane", "h", 1995, "Old Host", "Old%20Host");
	assert_state("jane", "h", 1995, "jane@H", "jane@H");
}

static void
a_long_name_ends_in_a_digest(void **state)
{
	char user[300];
	char *one, *two, *edge;

	(void)state;
	memset(user, 'u', sizeof(user));
	user[198] = '\0';
	edge = state_file(user, "h", 995, NULL);
	assert_int_equal(strlen(edge), 200);
	assert_string_equal(edge + 198, "@h");
	user[198] = 'u';
	user[299] = '\0';
	one = state_file(user, "h", 995, NULL);
	two = state_file(user, "i", 995, NULL);
	assert_int_equal(strlen(one), 200);
	assert_int_equal(strlen(two), 200);
	assert_int_equal(strspn(one, "u"), 135);
	assert_memory_equal(one, two, 135);
	assert_string_not_equal(one, two);
	free(edge);
	free(one);
	free(two);
}

/* --- the password's file --- */

static struct account
account_of_file(void)
{
	return (struct account){ .password_file = mem_string(path) };
}

static void
assert_first_line(const char *text, const char *expected)
{
	struct account a = account_of_file();
	struct err e = ERR_INIT;

	put(text, 0400);
	if (account_read_password(&a, &e) != 0)
		fail_msg("%s", e.text);
	assert_string_equal((const char *)secret_bytes(a.courier.password),
			    expected);
	assert_int_equal(secret_size(a.courier.password), strlen(expected));
	account_free(&a);
	assert_null(a.courier.password);
	unlink(path);
}

static void
the_first_line_of_the_file_is_the_password(void **state)
{
	char *token = mem_alloc(65537 + 1);

	(void)state;
	assert_first_line("secret\n", "secret");
	assert_first_line("secret", "secret");
	assert_first_line(" se cret \r\nsecond\n", " se cret ");
	assert_first_line("\357\273\277secret\r\n", "secret");
	assert_first_line("secret\357\273\277", "secret\357\273\277");
	memset(token, 't', 65537);
	assert_first_line(token, token);
	free(token);
}

static void
assert_refused(const char *what)
{
	struct account a = account_of_file();
	struct err e = ERR_INIT;

	assert_int_equal(account_read_password(&a, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, what));
	assert_non_null(strstr(e.text, path));
	assert_null(a.courier.password);
	account_free(&a);
}

static void
a_password_file_that_is_no_use_is_refused(void **state)
{
	(void)state;
	put("", 0600);
	assert_refused("empty");
	put("\nsecret\n", 0600);
	assert_refused("empty");
	put("\357\273\277\r\nsecret\n", 0600);
	assert_refused("empty");
	put("secret\n", 0640);
	assert_refused("users other than you may read");
	put("secret\n", 0604);
	assert_refused("users other than you may read");
	unlink(path);
	assert_refused("No such file");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused("regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused("regular file");
	assert_int_equal(rmdir(path), 0);
}

/* The file is root's, and we are somebody else. */
static void
assert_mounted(mode_t mode, gid_t group, const char *error)
{
	struct account a = account_of_file();
	struct err e = ERR_INIT;
	int rc;

	put("secret\n", mode);
	assert_int_equal(chown(path, 0, group), 0);
	assert_int_equal(setegid(12345), 0);
	assert_int_equal(seteuid(12345), 0);
	rc = account_read_password(&a, &e);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	assert_int_equal(rc, error ? -1 : 0);
	if (error && !strstr(e.text, error))
		fail_msg("%s", e.text);
	if (!error)
		assert_string_equal((const char *)secret_bytes(
					    a.courier.password),
				    "secret");
	account_free(&a);
	unlink(path);
}

static void
a_file_of_root_s_may_be_read_by_our_group(void **state)
{
	static const char refused[] =
		"which is root's: it needs mode 0440 and a group of yours, or "
		"to be mounted below /run/secrets";

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_mounted(0440, 12345, NULL);
	assert_mounted(0640, 12345, NULL);
	assert_mounted(0460, 12345, refused);
	assert_mounted(0444, 12345, refused);
	assert_mounted(0404, 0, refused);
	assert_mounted(0440, 12346, "Permission denied");
	assert_mounted(0400, 12345, "Permission denied");
}

static void
nothing_is_read_when_no_file_is_needed(void **state)
{
	struct account a = { .name = NULL };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(account_read_password(&a, &e), 0);
	assert_null(a.courier.password);
	a.password_file = mem_string("/nonexistent");
	a.courier.password = secret_new("x", 1);
	assert_int_equal(account_read_password(&a, &e), 0);
	assert_string_equal((const char *)secret_bytes(a.courier.password),
			    "x");
	account_free(&a);
	account_free(&a); /* of nothing */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_file, remove_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_state_is_named_by_user_and_host),
		cmocka_unit_test(no_user_can_leave_the_directory),
		cmocka_unit_test(an_explicit_state_is_used_as_it_is),
		cmocka_unit_test(a_long_name_ends_in_a_digest),
		TEST(the_first_line_of_the_file_is_the_password),
		TEST(a_password_file_that_is_no_use_is_refused),
		TEST(a_file_of_root_s_may_be_read_by_our_group),
		TEST(nothing_is_read_when_no_file_is_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
