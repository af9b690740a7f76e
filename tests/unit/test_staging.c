/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Whether a rename whose reply was lost was carried out. */
#include "config.h"
#include "deliver/staging.h"

#include "maildirbox.h"
#include "scratch.h"

#include <stdlib.h>
#include <unistd.h>

#define NAME "1700000000.M1P2Q3R0011223344556677.host,S=5"

static bool
is_published(void)
{
	struct staging s;
	struct err e = ERR_INIT;
	bool was = false;

	assert_int_equal(staging_find(&s, box.path, MAILDIRBOX_ID, &e), 0);
	assert_int_equal(staging_was_published(&s, NAME, &was, &e), 0);
	staging_close(&s);
	return was;
}

static bool
is_published_as(const char *dir, const char *name)
{
	char *path = scratch_path(dir, name);
	bool was;

	scratch_write_text(path, "mail\n");
	was = is_published();
	unlink(path);
	free(path);
	return was;
}

static void
what_is_in_new_was_published(void **state)
{
	(void)state;
	maildirbox_make();
	assert_false(is_published());
	assert_true(is_published_as(box.fresh, NAME));
}

static void
what_a_reader_has_moved_to_cur_was_published(void **state)
{
	(void)state;
	maildirbox_make();
	assert_true(is_published_as(box.cur, NAME));
	assert_true(is_published_as(box.cur, NAME ":2,"));
	assert_true(is_published_as(box.cur, NAME ":2,RS"));
}

static void
what_has_another_name_was_not(void **state)
{
	(void)state;
	maildirbox_make();
	assert_false(is_published_as(box.fresh, "1700000000.M1P2Q3R0.host"));
	assert_false(is_published_as(box.cur, "x" NAME));
	assert_false(is_published_as(box.tmp, NAME));
	assert_int_equal(rmdir(box.cur), 0);
	assert_false(is_published());
}

static void
a_look_that_fails_is_an_error(void **state)
{
	struct staging s;
	struct err e = ERR_INIT;
	bool was = true;

	(void)state;
	maildirbox_make();
	assert_int_equal(staging_find(&s, box.path, MAILDIRBOX_ID, &e), 0);
	assert_int_equal(close(s.new_dir), 0);
	s.new_dir = -1;
	assert_int_equal(staging_was_published(&s, NAME, &was, &e), -1);
	staging_close(&s);
}

#define TEST(f)                                              \
	cmocka_unit_test_setup_teardown(f, maildirbox_setup, \
					maildirbox_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_in_new_was_published),
		TEST(what_a_reader_has_moved_to_cur_was_published),
		TEST(what_has_another_name_was_not),
		TEST(a_look_that_fails_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
