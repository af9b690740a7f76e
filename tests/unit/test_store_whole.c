/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the state database: commits behind which its file alone is the state. */
#include "config.h"
#include "state/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "store_home.h"

/* --- a disk whose syncs of files are counted, and of which one may fail --- */

static int syncs, failing; /* the failing-th from now on; 0: none */

static int
count_sync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	syncs++;
	if (failing == 0 || --failing > 0)
		return 0;
	errno = EIO;
	return -1;
}

int
fsync(int fd)
{
	return count_sync(fd);
}

int
fdatasync(int fd)
{
	return count_sync(fd);
}

static void
add(struct store *s, const char *uid, enum store_durability d)
{
	struct store_message m = home_message(uid, 1, NULL);
	struct err e = ERR_INIT;

	assert_int_equal(store_begin(s, d, &e), 0);
	assert_int_equal(store_add_delivered(s, &m, 1, &e), 0);
	assert_int_equal(store_commit(s, &e), 0);
}

/* Rows in a copy of the database's file, without its log. */
static size_t
rows_in_copy(const struct home *h)
{
	char *path = home_path(h, "copy.db"),
	     *log = home_path(h, "copy.db-wal");
	struct file f = file_read(h->db);
	struct store_rows *rows;
	struct store *s;
	struct err e = ERR_INIT;
	size_t count;

	file_write(path, f.bytes, f.size);
	assert_int_equal(chmod(path, 0600), 0);
	file_free(&f);
	if (store_open(&s, path, -1, false, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(store_load(s, &rows, &e), 0);
	count = store_rows_count(rows);
	store_rows_free(&rows);
	store_close(&s);
	unlink(path);
	unlink(log);
	free(path);
	free(log);
	return count;
}

static void
make_whole(struct store *s)
{
	struct err e = ERR_INIT;

	if (store_make_whole(s, &e) != 0)
		fail_msg("%s", e.text);
}

static void
the_file_alone_has_all_behind_it(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);

	add(s, "durable", STORE_DURABLE);
	add(s, "lazy", STORE_LAZY);
	assert_int_equal(rows_in_copy(h), 0);
	make_whole(s);
	assert_int_equal(rows_in_copy(h), 2);
	store_close(&s);
	s = home_open(h);
	add(s, "durable too", STORE_DURABLE);
	make_whole(s);
	assert_int_equal(rows_in_copy(h), 3);
	store_close(&s);
}

static void
a_run_that_only_keeps_its_books_waits_for_nothing(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);

	add(s, "a", STORE_DURABLE);
	make_whole(s);
	for (int i = 0; i < 3; i++) {
		home_reopen(h, &s);
		syncs = 0;
		add(s, "b", STORE_LAZY);
		make_whole(s);
		assert_int_equal(syncs, 0);
	}
	add(s, "c", STORE_DURABLE);
	assert_int_equal(syncs, 1);
	make_whole(s);
	assert_int_equal(syncs, 3);
	make_whole(s);
	assert_int_equal(syncs, 3);
	store_close(&s);
}

static void
the_log_is_begun_anew_when_it_is_long(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct file log;

	for (int i = 0; i < 1000; i++) {
		add(s, "u", i % 2 ? STORE_DURABLE : STORE_LAZY);
		if (i % 10 != 9)
			continue;
		make_whole(s);
		home_reopen(h, &s);
	}
	store_close(&s);
	log = file_read(h->wal);
	assert_true(log.size < 3 * 1024 * 1024);
	file_free(&log);
	assert_int_equal(rows_in_copy(h), 1000);
}

static void
a_sync_that_fails_in_it_is_a_commit_that_failed(void **state)
{
	struct home *h = *state;

	for (int nth = 1; nth <= 2; nth++) {
		struct store *s = home_open(h);
		struct err e = ERR_INIT;

		add(s, "before", STORE_DURABLE);
		failing = nth;
		assert_int_equal(store_make_whole(s, &e), -1);
		assert_int_equal(failing, 0);
		assert_int_equal(store_begin(s, STORE_LAZY, &e), -1);
		assert_int_equal(e.kind, ERR_LOCAL);
		store_close(&s);
		s = home_open(h);
		add(s, "after", STORE_DURABLE);
		make_whole(s);
		store_close(&s);
	}
}

/* --- a look without the lock --- */

static void
set_fact(struct store *s, int64_t value, enum store_durability d)
{
	struct err e = ERR_INIT;

	assert_int_equal(store_begin(s, d, &e), 0);
	assert_int_equal(store_set_fact(s, "x", value, &e), 0);
	home_commit(s);
}

static void
who_does_not_hold_the_lock_sees_what_is_in_the_file(void **state)
{
	struct home *h = *state;
	char *path = home_path(h, "a %41?b#c.db");
	struct err e = ERR_INIT;
	int64_t value, when;
	struct store *s;
	size_t files;

	assert_false(store_peek(path, "x", &value, &when));
	assert_int_equal(store_open(&s, path, -1, true, &e), 0);
	set_fact(s, 7, STORE_DURABLE);
	make_whole(s);
	store_close(&s);
	files = home_count(h);
	assert_true(store_peek(path, "x", &value, &when));
	assert_int_equal(value, 7);
	assert_true(when > 0);
	assert_false(store_peek(path, "y", &value, &when));
	assert_int_equal(home_count(h), files);
	assert_int_equal(store_open(&s, path, -1, true, &e), 0);
	set_fact(s, 8, STORE_LAZY);
	store_close(&s);
	assert_true(store_peek(path, "x", &value, &when));
	assert_int_equal(value, 7);
	free(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_alone_has_all_behind_it),
		TEST(a_run_that_only_keeps_its_books_waits_for_nothing),
		TEST(the_log_is_begun_anew_when_it_is_long),
		TEST(a_sync_that_fails_in_it_is_a_commit_that_failed),
		TEST(who_does_not_hold_the_lock_sees_what_is_in_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
