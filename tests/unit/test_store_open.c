/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the state database: facts, transactions, making and opening. */
#include "config.h"
#include "state/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_home.h"

static const uint8_t digest_a[DIGEST_SHA256_SIZE] = { 1, 2, 3 };

/* --- facts and destinations --- */

static void
facts_are_remembered(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct err e = ERR_INIT;
	int64_t n;
	char *text;

	assert_int_equal(store_fact(s, "last_run", -7, &n, &e), 0);
	assert_true(n == -7);
	assert_int_equal(store_fact_text(s, "capa", &text, &e), 0);
	assert_null(text);
	home_begin(s);
	assert_int_equal(store_set_fact(s, "last_run", 1, &e), 0);
	assert_int_equal(store_set_fact(s, "last_run", INT64_MAX, &e), 0);
	assert_int_equal(store_set_fact_text(s, "capa", "TOP UIDL", &e), 0);
	home_commit(s);
	home_reopen(h, &s);
	assert_int_equal(store_fact(s, "last_run", 0, &n, &e), 0);
	assert_true(n == INT64_MAX);
	assert_int_equal(store_fact_text(s, "capa", &text, &e), 0);
	assert_string_equal(text, "TOP UIDL");
	free(text);
	home_begin(s);
	assert_int_equal(store_set_fact_text(s, "capa", NULL, &e), 0);
	home_commit(s);
	assert_int_equal(store_fact_text(s, "capa", &text, &e), 0);
	assert_null(text);
	store_close(&s);
}

static void
a_fact_is_compared_as_a_whole_and_an_absent_one_is_none(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct err e = ERR_INIT;
	bool is = true;

	assert_int_equal(store_fact_is(s, "capa_of", "", &is, &e), 0);
	assert_false(is);
	home_begin(s);
	assert_int_equal(store_set_fact_text(s, "capa_of", "a 995 1", &e), 0);
	home_commit(s);
	assert_int_equal(store_fact_is(s, "capa_of", "a 995 1", &is, &e), 0);
	assert_true(is);
	assert_int_equal(store_fact_is(s, "capa_of", "a 995", &is, &e), 0);
	assert_false(is);
	store_close(&s);
}

static void
destinations_are_remembered(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct err e = ERR_INIT;
	bool known;

	home_begin(s);
	assert_int_equal(store_add_destination(s, "maildir:/m", &e), 0);
	assert_int_equal(store_add_destination(s, "maildir:/m", &e), 0);
	home_commit(s);
	home_reopen(h, &s);
	assert_int_equal(store_knows_destination(s, "maildir:/m", &known, &e),
			 0);
	assert_true(known);
	assert_int_equal(store_knows_destination(s, "maildir:/n", &known, &e),
			 0);
	assert_false(known);
	store_close(&s);
}

/* --- transactions --- */

static void
what_is_rolled_back_or_not_committed_never_was(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct store_rows *rows;

	store_rollback(s);
	home_begin(s);
	home_add_delivered(s, "u", 1, NULL, 1);
	store_rollback(s);
	home_begin(s);
	home_add_delivered(s, "u", 1, NULL, 1);
	home_reopen(h, &s);
	rows = home_load(s);
	assert_int_equal(store_rows_count(rows), 0);
	store_rows_free(&rows);
	store_close(&s);
}

/* It stands for a file that lost rows. */
static void
a_row_that_is_missing_is_damage_and_spoils_the_transaction(void **state)
{
	struct store *s = home_open(*state);
	struct store_rows *rows;
	struct err e = ERR_INIT;

	home_begin(s);
	home_add_delivered(s, "u", 1, NULL, 1);
	assert_int_equal(store_set_delivered(s, 99, 1, &e), -1);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_non_null(strstr(e.text, "row 99 is missing"));
	assert_int_equal(store_set_size(s, 1, 5, false, &e), -1);
	assert_int_equal(store_commit(s, &e), -1);
	rows = home_load(s);
	assert_int_equal(store_rows_count(rows), 0);
	store_rows_free(&rows);
	home_begin(s);
	home_add_delivered(s, "u", 1, NULL, 1);
	home_commit(s);
	store_close(&s);
}

static void
write_outside(struct store *s)
{
	struct err e = ERR_INIT;

	(void)store_set_fact(s, "x", 1, &e);
}

static void
begin_twice(struct store *s)
{
	struct err e = ERR_INIT;

	(void)store_begin(s, STORE_LAZY, &e);
	(void)store_begin(s, STORE_LAZY, &e);
}

static void
commit_nothing(struct store *s)
{
	struct err e = ERR_INIT;

	(void)store_commit(s, &e);
}

static void
take_the_id(struct store *s)
{
	struct err e = ERR_INIT;

	(void)store_begin(s, STORE_LAZY, &e);
	(void)store_set_fact_text(s, "id", "mine", &e);
}

static void
misuse_of_transactions_aborts(void **state)
{
	void (*const misuses[])(struct store *) = { write_outside, begin_twice,
						    commit_nothing,
						    take_the_id };
	struct home *h = *state;
	struct store *s = home_open(h);

	for (size_t i = 0; i < sizeof(misuses) / sizeof(misuses[0]); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			/* cmocka would take the signal for a failure. */
			signal(SIGABRT, SIG_DFL);
			fclose(stderr);
			misuses[i](s);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
	store_close(&s);
}

/* --- making and opening --- */

static void
a_new_state_is_private_and_has_a_name_of_its_own(void **state)
{
	struct home *h = *state;
	mode_t old = umask(0);
	struct store *s = home_open(h);
	char id[STORE_ID_SIZE + 1], *other;
	struct stat st;
	struct err e = ERR_INIT;

	assert_true(store_is_new(s));
	snprintf(id, sizeof(id), "%s", store_id(s));
	assert_int_equal(strlen(store_id(s)), STORE_ID_SIZE);
	assert_int_equal(strspn(id, "0123456789abcdef"), STORE_ID_SIZE);
	home_reopen(h, &s);
	assert_false(store_is_new(s));
	assert_string_equal(store_id(s), id);
	store_close(&s);
	store_close(&s);
	umask(old);
	assert_int_equal(stat(h->db, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(h->wal, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	other = home_path(h, "other.db");
	assert_int_equal(store_open(&s, other, -1, true, &e), 0);
	assert_string_not_equal(store_id(s), id);
	store_close(&s);
	free(other);
}

static void
a_state_that_is_not_made_is_empty_and_leaves_no_trace(void **state)
{
	struct home *h = *state;
	char *deeper = home_path(h, "no/such/dir/a.db");
	const char *paths[] = { h->db, deeper };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 2; i++) {
		struct store *s;
		int64_t n;

		assert_int_equal(store_open(&s, paths[i], -1, false, &e), 0);
		assert_true(store_is_new(s));
		assert_int_equal(strlen(store_id(s)), STORE_ID_SIZE);
		assert_int_equal(store_fact(s, "x", 3, &n, &e), 0);
		assert_true(n == 3);
		home_begin(s);
		home_add_delivered(s, "u", 1, NULL, 1);
		home_commit(s);
		assert_int_equal(home_only_row(s).uid_size, 1);
		store_close(&s);
		assert_int_equal(home_count(h), 0);
	}
	free(deeper);
}

static off_t
file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* A kill while it was made. */
static void
who_only_looks_leaves_one_that_is_half_made_as_it_is(void **state)
{
	struct home *h = *state;
	char *journal = home_path(h, "a.db-journal");

	for (int with_journal = 0; with_journal < 2; with_journal++) {
		struct err e = ERR_INIT;
		struct store *s;

		home_clear(h);
		file_write(h->db, "", 0);
		assert_int_equal(chmod(h->db, 0600), 0);
		if (with_journal)
			file_write(journal, "left", 4);
		if (store_open(&s, h->db, -1, false, &e) != 0)
			fail_msg("%s", e.text);
		assert_true(store_is_new(s));
		store_close(&s);
		assert_int_equal(home_count(h), 1 + with_journal);
		assert_int_equal(file_size(h->db), 0);
	}
	free(journal);
}

static void
a_directory_that_is_not_there_cannot_have_a_new_state(void **state)
{
	char *path = home_path(*state, "no/such/a.db");
	struct store *s;
	struct err e = ERR_INIT;

	assert_int_equal(store_open(&s, path, -1, true, &e), -1);
	assert_null(s);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_non_null(strstr(e.text, path));
	free(path);
}

static void
a_path_too_long_for_sqlite_is_refused_in_words(void **state)
{
	struct home *h = *state;
	char name[251], *dir, *path;
	struct store *s;
	struct err e = ERR_INIT;

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	dir = home_path(h, name);
	assert_int_equal(mkdir(dir, 0700), 0);
	path = malloc(strlen(dir) + sizeof(name) + 1);
	sprintf(path, "%s/%s", dir, name);
	assert_int_equal(store_open(&s, path, -1, true, &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_non_null(strstr(e.text, "File name too long"));
	free(path);
	free(dir);
}

static void
a_state_behind_a_linked_directory_is_fine(void **state)
{
	struct home *h = *state;
	char *real = home_path(h, "real"), *linked = home_path(h, "linked");
	char *path = home_path(h, "linked/a.db");
	struct store *s;
	struct err e = ERR_INIT;

	assert_int_equal(mkdir(real, 0700), 0);
	assert_int_equal(symlink("real", linked), 0);
	for (int i = 0; i < 2; i++) {
		if (store_open(&s, path, -1, true, &e) != 0)
			fail_msg("%s", e.text);
		assert_int_equal(store_is_new(s), i == 0);
		store_close(&s);
	}
	free(real);
	free(linked);
	free(path);
}

static void
a_relative_path_is_fine(void **state)
{
	struct home *h = *state;
	char old[1024];
	struct store *s;
	struct err e = ERR_INIT;

	assert_non_null(getcwd(old, sizeof(old)));
	assert_int_equal(chdir(h->dir), 0);
	assert_int_equal(store_open(&s, "a.db", -1, true, &e), 0);
	store_close(&s);
	assert_int_equal(chdir(old), 0);
	assert_int_equal(access(h->db, F_OK), 0);
}

static void
a_state_in_use_by_another_program_is_left_for_later(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h), *second;
	struct err e = ERR_INIT;

	assert_int_equal(store_open(&second, h->db, -1, true, &e), -1);
	assert_null(second);
	assert_int_equal(e.kind, ERR_LATER);
	assert_non_null(strstr(e.text, "in use by another program"));
	store_close(&s);
}

static void
many_rows_are_read_at_once(void **state)
{
	const int count = 50000;
	struct store *s = home_open(*state);
	struct store_rows *rows;

	home_begin(s);
	for (int i = 0; i < count; i++) {
		char uid[32];

		snprintf(uid, sizeof(uid), "%016x", (unsigned)i * 7);
		home_add_delivered(s, uid, i, i % 2 ? digest_a : NULL, i);
	}
	home_commit(s);
	rows = home_load(s);
	assert_int_equal(store_rows_count(rows), count);
	for (int i = 0; i < count; i++) {
		struct store_row row = store_rows_at(rows, (size_t)i);
		char uid[32];

		snprintf(uid, sizeof(uid), "%016x", (unsigned)i * 7);
		assert_int_equal(row.uid_size, 16);
		assert_memory_equal(row.uid, uid, 16);
		assert_true(row.size == i);
		assert_int_equal(row.has_digest, i % 2);
	}
	store_rows_free(&rows);
	store_close(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(facts_are_remembered),
		TEST(a_fact_is_compared_as_a_whole_and_an_absent_one_is_none),
		TEST(destinations_are_remembered),
		TEST(what_is_rolled_back_or_not_committed_never_was),
		TEST(a_row_that_is_missing_is_damage_and_spoils_the_transaction),
		TEST(misuse_of_transactions_aborts),
		TEST(a_new_state_is_private_and_has_a_name_of_its_own),
		TEST(a_state_that_is_not_made_is_empty_and_leaves_no_trace),
		TEST(who_only_looks_leaves_one_that_is_half_made_as_it_is),
		TEST(a_directory_that_is_not_there_cannot_have_a_new_state),
		TEST(a_path_too_long_for_sqlite_is_refused_in_words),
		TEST(a_state_behind_a_linked_directory_is_fine),
		TEST(a_relative_path_is_fine),
		TEST(a_state_in_use_by_another_program_is_left_for_later),
		TEST(many_rows_are_read_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
