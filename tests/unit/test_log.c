/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a user finds in the delivery log. */
#include "config.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "test-log-XXXXXX";
static char path[64];

static int
make_place(void **state)
{
	(void)state;
	(void)setenv("TZ", "UTC0", 1);
	tzset();
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int
remove_place(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void
read_log(char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	(void)fclose(f);
}

static void
each_line_is_dated_and_appended(void **state)
{
	struct err e = ERR_INIT;
	char text[1000], *second;
	struct stat st;

	(void)state;
	assert_int_equal(log_open(path, &e), 0);
	log_line("work: delivered %d", 1);
	assert_int_equal(log_close(&e), 0);
	assert_int_equal(log_open(path, &e), 0);
	log_line("work: delivered %d", 2);
	assert_int_equal(log_close(&e), 0);

	read_log(text, sizeof(text));
	assert_string_equal(text + 25, strstr(text, " work: delivered 1\n20"));
	second = strchr(text, '\n') + 1;
	assert_int_equal(second[10], 'T');
	assert_string_equal(second + 25, " work: delivered 2\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(path), 0);
}

static void
foreign_text_cannot_forge_a_line(void **state)
{
	struct err e = ERR_INIT;
	char text[1000];

	(void)state;
	assert_int_equal(log_open(path, &e), 0);
	log_line("uid '%s'", "x\n2026-01-01 forged\033[2J");
	assert_int_equal(log_close(&e), 0);
	read_log(text, sizeof(text));
	assert_string_equal(text + 25,
			    " uid 'x\\x0a2026-01-01 forged\\x1b[2J'\n");
	assert_int_equal(unlink(path), 0);
}

static void
an_endless_text_is_one_line_still(void **state)
{
	struct err e = ERR_INIT;
	char endless[10000], text[10000];

	(void)state;
	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(log_open(path, &e), 0);
	log_line("%s", endless);
	assert_int_equal(log_close(&e), 0);
	read_log(text, sizeof(text));
	assert_true(strlen(text) > 2000);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_int_equal(unlink(path), 0);
}

static void
without_a_log_nothing_is_written(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	log_line("nobody reads this");
	assert_int_equal(log_open(NULL, &e), 0);
	log_line("nor this");
	assert_int_equal(log_close(&e), 0);
	assert_int_equal(log_close(&e), 0);
}

static void
a_log_that_cannot_be_opened_is_named(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(log_open("missing/directory/log", &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(e.text, "'missing/directory/log'"));
	log_line("no log is open");
}

static void
a_full_disk_is_told_once_at_the_end(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	if (access("/dev/full", W_OK) != 0)
		skip();
	assert_int_equal(log_open("/dev/full", &e), 0);
	log_line("one");
	log_line("two");
	assert_int_equal(log_close(&e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
	assert_int_equal(e.sys, ENOSPC);
	assert_string_equal(e.text, "cannot write log '/dev/full': "
				    "No space left on device");
	assert_int_equal(log_close(&e), 0);
}

static void
syslog_takes_lines_without_complaint(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(log_open("syslog", &e), 0);
	log_line("work: %s", "a test of popfetch's log");
	assert_int_equal(log_close(&e), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_dated_and_appended),
		cmocka_unit_test(foreign_text_cannot_forge_a_line),
		cmocka_unit_test(an_endless_text_is_one_line_still),
		cmocka_unit_test(without_a_log_nothing_is_written),
		cmocka_unit_test(a_log_that_cannot_be_opened_is_named),
		cmocka_unit_test(a_full_disk_is_told_once_at_the_end),
		cmocka_unit_test(syslog_takes_lines_without_complaint),
	};

	return cmocka_run_group_tests(tests, make_place, remove_place);
}
