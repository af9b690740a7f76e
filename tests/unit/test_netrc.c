/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Passwords from ~/.netrc. */
#include "config.h"
#include "cli/netrc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static void
put(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

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
assert_password(const char *text, const char *host, const char *user,
		const char *expected)
{
	struct secret *password = NULL;
	struct err e = ERR_INIT;

	put(text, 0600);
	if (netrc_password(path, host, user, &password, &e) != 0)
		fail_msg("%s", e.text);
	if (!expected) {
		assert_null(password);
		return;
	}
	assert_non_null(password);
	assert_int_equal(secret_size(password), strlen(expected));
	assert_string_equal((const char *)secret_bytes(password), expected);
	secret_free(&password);
}

static void
the_entry_of_host_and_login_is_found(void **state)
{
	static const char text[] =
		"machine other.example login jane password wrong\n"
		"machine pop.example\n\tlogin joe\n\tpassword joes\n\n"
		"machine pop.example login jane passwd janes account x\n"
		"machine pop.example login jane password second\n";

	(void)state;
	assert_password(text, "pop.example", "jane", "janes");
	assert_password(text, "POP.Example", "joe", "joes");
	assert_password(text, "pop.example", "Jane", NULL);
	assert_password(text, "pop", "jane", NULL);
	assert_password("", "pop.example", "jane", NULL);
}

static void
a_file_from_another_system_is_read(void **state)
{
	(void)state;
	assert_password("\357\273\277machine h login u password p\r\n", "h",
			"u", "p");
}

static void
a_dot_at_the_end_of_a_name_makes_no_other_of_it(void **state)
{
	(void)state;
	assert_password("machine Pop.example. login u password p",
			"pop.example", "u", "p");
	assert_password("machine pop.example.. login u password p",
			"pop.example", "u", NULL);
	assert_password("machine pop.example.x login u password p",
			"pop.example", "u", NULL);
}

static void
an_entry_without_login_serves_all_users(void **state)
{
	static const char text[] = "machine pop.example password all\n"
				   "machine pop.example login jane password j";

	(void)state;
	assert_password(text, "pop.example", "jane", "all");
}

static void
an_entry_without_password_is_passed_over(void **state)
{
	(void)state;
	assert_password("machine h login u\nmachine h password \"\" login u\n"
			"machine h login u password p",
			"h", "u", "p");
	assert_password("machine h login u password", "h", "u", NULL);
}

static void
the_password_may_stand_before_the_login(void **state)
{
	(void)state;
	assert_password("machine h password a login x\n"
			"machine h password b login u\n",
			"h", "u", "b");
}

static void
default_serves_every_host(void **state)
{
	static const char text[] = "machine h login u password p\n"
				   "default login u password d\n";

	(void)state;
	assert_password(text, "h", "u", "p");
	assert_password(text, "elsewhere", "u", "d");
	assert_password(text, "elsewhere", "v", NULL);
}

static void
quotes_and_backslashes_protect(void **state)
{
	(void)state;
	assert_password("machine \"h\" login 'u password p\nmachine h login "
			"\"jane doe\" password \"a \\\"b\\\\ c\"",
			"h", "jane doe", "a \"b\\ c");
	assert_password("machine h login u password a\\ b\\\"", "h", "u",
			"a b\"");
	assert_password("machine h login u password a\"b", "h", "u", "a\"b");
	assert_password("machine h login u password \"open end", "h", "u",
			"open end");
	assert_password("machine h login u password x\\", "h", "u", "x\\");
}

static void
a_word_like_a_keyword_may_be_a_value(void **state)
{
	(void)state;
	assert_password("machine machine login login password password\n",
			"machine", "login", "password");
}

static void
a_macro_is_passed_over_to_its_empty_line(void **state)
{
	static const char text[] = "machine g login u macdef init\n"
				   "machine h login u password no\n"
				   "\nmachine h login u password yes\n";

	(void)state;
	assert_password(text, "h", "u", "yes");
	assert_password("macdef x\nmachine h password no", "h", "u", NULL);
	assert_password("macdef x\r\nput\r\n\r\nmachine h password yes", "h",
			"u", "yes");
}

static void
a_comment_goes_to_the_end_of_its_line(void **state)
{
	(void)state;
	assert_password("# machine h password no\n#\nmachine h # login v\n"
			"password #yes\n",
			"h", "u", "#yes");
}

static void
what_is_unknown_is_passed_over(void **state)
{
	(void)state;
	assert_password("machine h port 995 login u force yes password p", "h",
			"u", "p");
}

static void
an_ipv6_address_may_stand_in_brackets(void **state)
{
	(void)state;
	assert_password("machine [::1] password p", "::1", "u", "p");
	assert_password("machine ::1 password p", "::1", "u", "p");
}

static void
no_file_is_no_password(void **state)
{
	struct secret *password = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(netrc_password("/nonexistent/.netrc", "h", "u",
					&password, &e),
			 0);
	assert_null(password);
}

static void
a_file_that_others_may_read_is_refused(void **state)
{
	struct secret *password = NULL;
	struct err e = ERR_INIT;

	(void)state;
	put("machine other login u password p", 0640);
	assert_int_equal(netrc_password(path, "h", "u", &password, &e), -1);
	assert_null(password);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, path));
	put("machine h login u password p", 0604);
	assert_int_equal(netrc_password(path, "h", "u", &password, &e), -1);
	assert_null(password);
}

static void
a_readable_file_without_passwords_is_fine(void **state)
{
	struct secret *password = NULL;
	struct err e = ERR_INIT;

	(void)state;
	put("machine h login u", 0644);
	assert_int_equal(netrc_password(path, "h", "u", &password, &e), 0);
	assert_null(password);
}

static void
a_directory_is_refused(void **state)
{
	struct secret *password = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(netrc_password("/tmp", "h", "u", &password, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_null(password);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_file, remove_file)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_entry_of_host_and_login_is_found),
		TEST(an_entry_without_login_serves_all_users),
		TEST(a_file_from_another_system_is_read),
		TEST(a_dot_at_the_end_of_a_name_makes_no_other_of_it),
		TEST(an_entry_without_password_is_passed_over),
		TEST(the_password_may_stand_before_the_login),
		TEST(default_serves_every_host),
		TEST(quotes_and_backslashes_protect),
		TEST(a_word_like_a_keyword_may_be_a_value),
		TEST(a_macro_is_passed_over_to_its_empty_line),
		TEST(a_comment_goes_to_the_end_of_its_line),
		TEST(what_is_unknown_is_passed_over),
		TEST(an_ipv6_address_may_stand_in_brackets),
		TEST(no_file_is_no_password),
		TEST(a_file_that_others_may_read_is_refused),
		TEST(a_readable_file_without_passwords_is_fine),
		TEST(a_directory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
