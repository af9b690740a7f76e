/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the state database: files that are not, or no longer, a state. */
#include "config.h"
#include "state/store.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_home.h"

static void
run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(chmod(path, 0600), 0);
}

/* Rows of each kind; the log is copied into the database and goes, so that all of it
 * is in one file. */
static void
make_state(const struct home *h)
{
	static const uint8_t digest[DIGEST_SHA256_SIZE] = { 1 };
	struct store *s = home_open(h);
	struct err e = ERR_INIT;

	assert_int_equal(store_begin(s, STORE_DURABLE, &e), 0);
	for (int i = 0; i < 200; i++) {
		uint8_t uid[70] = { (uint8_t)i, (uint8_t)(i / 50) };
		struct store_message m = {
			.uid = uid,
			.uid_size = i % 4 ? sizeof(uid) : 0,
			.size = i,
			.digest = digest,
		};
		int64_t id = 0;

		if (i % 3 == 0)
			assert_int_equal(store_set_ready(s, &id, &m, "evidence",
							 &e),
					 0);
		else if (i % 3 == 1)
			assert_int_equal(store_set_aside(s, &id, &m, i, "why",
							 &e),
					 0);
		else
			assert_int_equal(store_add_delivered(s, &m, i, &e), 0);
	}
	assert_int_equal(store_add_destination(s, "maildir:/m", &e), 0);
	assert_int_equal(store_set_fact(s, "last_run", 1, &e), 0);
	assert_int_equal(store_commit(s, &e), 0);
	store_close(&s);
	run_sql(h->db, "PRAGMA wal_checkpoint(TRUNCATE)");
	unlink(h->wal);
}

static int
ignore(void *arg, int64_t id, const char *evidence, struct err *e)
{
	(void)arg;
	(void)id;
	(void)evidence;
	(void)e;
	return 0;
}

/* Opens and reads all there is; 0, or -1 and *e tells. */
static int
read_all(const char *path, struct err *e)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct store_rows *rows = NULL;
	struct store *s;
	int64_t n, id;
	bool found;
	char *text = NULL;
	int rc;

	err_clear(e);
	if (store_open(&s, path, -1, true, e) != 0) {
		assert_null(s);
		return -1;
	}
	rc = store_load(s, &rows, e);
	for (size_t i = 0; rc == 0 && i < store_rows_count(rows); i += 7)
		rc = store_digest(s, store_rows_at(rows, i).id, &found, digest,
				  e);
	if (rc == 0)
		rc = store_intents(s, ignore, NULL, e);
	if (rc == 0)
		rc = store_fact(s, "last_run", 0, &n, e);
	if (rc == 0)
		rc = store_knows_destination(s, "maildir:/m", &found, e);
	if (rc == 0)
		rc = store_find_content(s, digest, 0, &id, e);
	if (rc == 0)
		rc = store_error(s, 2, &text, e);
	free(text);
	store_rows_free(&rows);
	store_close(&s);
	return rc;
}

/* An error of the right kind, in one line that names the file, whichever way it is
 * opened; and not a byte of the directory has changed. */
static void
assert_refused(const struct home *h, const char *why)
{
	struct file before = file_read(h->db), after;
	size_t count = home_count(h);
	struct err e = ERR_INIT;

	for (int create = 0; create < 2; create++) {
		struct store *s;

		assert_int_equal(store_open(&s, h->db, -1, create, &e), -1);
		assert_null(s);
		if (e.kind != ERR_DATABASE || !strstr(e.text, why) ||
		    !strstr(e.text, h->db))
			fail_msg("kind %d: %s", e.kind, e.text);
	}
	after = file_read(h->db);
	assert_int_equal(after.size, before.size);
	if (after.size)
		assert_memory_equal(after.bytes, before.bytes, after.size);
	assert_int_equal(home_count(h), count);
	file_free(&before);
	file_free(&after);
}

static void
a_state_that_is_whole_is_read(void **state)
{
	struct home *h = *state;
	struct err e = ERR_INIT;

	make_state(h);
	if (read_all(h->db, &e) != 0)
		fail_msg("%s", e.text);
}

static void
a_database_of_another_program_is_refused(void **state)
{
	static const char *const others[] = {
		"CREATE TABLE t (a)",
		"PRAGMA application_id = 1; CREATE TABLE t (a)",
		"PRAGMA application_id = 1",
		"PRAGMA journal_mode = WAL; CREATE TABLE t (a)",
	};
	struct home *h = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		run_sql(h->db, others[i]);
		assert_refused(h, "another program");
		home_clear(h);
	}
}

static void
a_state_of_a_newer_program_is_refused(void **state)
{
	struct home *h = *state;

	make_state(h);
	run_sql(h->db, "PRAGMA user_version = 99");
	unlink(h->wal);
	assert_refused(h, "newer");
}

/* The version has not reached the database itself. */
static void
a_state_of_a_newer_program_is_refused_by_its_log_too(void **state)
{
	struct home *h = *state;
	struct file db, wal, before;
	sqlite3 *sql;
	struct store *s;
	struct err e = ERR_INIT;

	make_state(h);
	assert_int_equal(sqlite3_open(h->db, &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, "PRAGMA user_version = 99", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	db = file_read(h->db);
	wal = file_read(h->wal);
	sqlite3_close(sql);
	home_clear(h);
	file_write(h->db, db.bytes, db.size);
	file_write(h->wal, wal.bytes, wal.size);
	assert_int_equal(store_open(&s, h->db, -1, true, &e), -1);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_non_null(strstr(e.text, "newer"));
	before = file_read(h->wal);
	assert_int_equal(before.size, wal.size);
	assert_memory_equal(before.bytes, wal.bytes, wal.size);
	file_free(&before);
	before = file_read(h->db);
	assert_int_equal(before.size, db.size);
	assert_memory_equal(before.bytes, db.bytes, db.size);
	file_free(&before);
	file_free(&db);
	file_free(&wal);
}

static void
what_is_no_database_is_refused(void **state)
{
	struct home *h = *state;
	char noise[5000];

	memset(noise, 'x', sizeof(noise));
	file_write(h->db, noise, sizeof(noise));
	assert_refused(h, "not a database");
	file_write(h->db, noise, 1);
	assert_refused(h, "not a database");
	memset(noise, 0, sizeof(noise));
	file_write(h->db, noise, sizeof(noise));
	assert_refused(h, "not a database");
	file_write(h->db, "SQLite format 3", 16);
	assert_refused(h, "damaged");
	memcpy(noise, "SQLite format 3", 16);
	file_write(h->db, noise, sizeof(noise));
	assert_refused(h, "damaged");
}

static void
what_is_no_regular_file_is_refused(void **state)
{
	struct home *h = *state;
	char *target = home_path(h, "target.db");
	struct store *s;
	struct err e = ERR_INIT;

	assert_int_equal(mkdir(h->db, 0700), 0);
	assert_int_equal(store_open(&s, h->db, -1, true, &e), -1);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_int_equal(rmdir(h->db), 0);

	assert_int_equal(mkfifo(h->db, 0600), 0);
	assert_int_equal(store_open(&s, h->db, -1, true, &e), -1);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_int_equal(unlink(h->db), 0);

	assert_int_equal(symlink("target.db", h->db), 0);
	assert_int_equal(store_open(&s, h->db, -1, true, &e), -1);
	assert_int_equal(e.kind, ERR_DATABASE);
	assert_int_equal(access(target, F_OK), -1);
	assert_int_equal(store_open(&s, target, -1, true, &e), 0);
	store_close(&s);
	assert_int_equal(store_open(&s, h->db, -1, true, &e), -1);
	assert_int_equal(e.kind, ERR_DATABASE);
	free(target);
}

static void
a_state_open_to_others_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0601 };
	struct home *h = *state;

	make_state(h);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(h->db, modes[i]), 0);
		assert_refused(h, "chmod 600");
	}
}

/* In a process of its own, which is not root's. */
static void
refuse_as_user(const struct home *h)
{
	struct err e = ERR_INIT;
	struct store *s;
	int wrong = geteuid() == 0 && setuid(65534) != 0;

	for (int create = 0; create < 2; create++)
		wrong += store_open(&s, h->db, -1, create, &e) != -1 ||
			 e.kind != ERR_DATABASE ||
			 !strstr(e.text, "chmod it to 600");
	_exit(wrong);
}

static void
a_state_that_may_not_be_written_is_refused(void **state)
{
	static const mode_t modes[] = { 0400, 0200, 0000 };
	struct home *h = *state;
	int status;

	make_state(h);
	if (geteuid() == 0) {
		assert_int_equal(chown(h->dir, 65534, 65534), 0);
		assert_int_equal(chown(h->db, 65534, 65534), 0);
	}
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		pid_t child;

		assert_int_equal(chmod(h->db, modes[i]), 0);
		child = fork();
		if (child == 0)
			refuse_as_user(h);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

static void
an_id_that_is_no_id_is_damage(void **state)
{
	static const char *const ids[] = {
		"DELETE FROM fact WHERE name = 'id'",
		"UPDATE fact SET value = '../../etc' WHERE name = 'id'",
		"UPDATE fact SET value = NULL WHERE name = 'id'",
		"UPDATE fact SET value = value || '0' WHERE name = 'id'",
	};
	struct home *h = *state;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		make_state(h);
		run_sql(h->db, ids[i]);
		assert_int_equal(read_all(h->db, &e), -1);
		assert_int_equal(e.kind, ERR_DATABASE);
		home_clear(h);
	}
}

static void
rows_and_tables_that_make_no_sense_are_damage(void **state)
{
	static const char *const changes[] = {
		"UPDATE message SET status = 9 WHERE id = 5",
		"UPDATE message SET status = 'x' WHERE id = 5",
		"UPDATE message SET digest = 'short' WHERE id = 5",
		"DROP TABLE intent",
		"ALTER TABLE message RENAME COLUMN uid TO uidl",
	};
	struct home *h = *state;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		make_state(h);
		run_sql(h->db, changes[i]);
		assert_int_equal(read_all(h->db, &e), -1);
		assert_int_equal(e.kind, ERR_DATABASE);
		assert_non_null(strstr(e.text, h->db));
		home_clear(h);
	}
}

/* Each either reads (what was hit did not matter) or is damage; none crashes, none
 * changes the file. */
static void
flipped_bits_are_harmless_or_damage(void **state)
{
	struct home *h = *state;
	struct file whole, after;
	size_t refused = 0;
	struct err e = ERR_INIT;

	make_state(h);
	whole = file_read(h->db);
	for (size_t i = 0; i < 1000; i++) {
		/* All bits of the file header's first half, then anywhere. */
		size_t bit = i < 400 ? i : i * 7919 * 13 % (whole.size * 8);

		whole.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		file_write(h->db, whole.bytes, whole.size);
		unlink(h->wal);
		if (read_all(h->db, &e) != 0) {
			refused++;
			if (e.kind != ERR_DATABASE)
				fail_msg("bit %zu: kind %d: %s", bit, e.kind,
					 e.text);
			assert_non_null(strstr(e.text, h->db));
		}
		after = file_read(h->db);
		assert_int_equal(after.size, whole.size);
		assert_memory_equal(after.bytes, whole.bytes, whole.size);
		file_free(&after);
		whole.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(refused > 100);
	file_free(&whole);
}

static void
a_truncated_state_is_damage(void **state)
{
	struct home *h = *state;
	struct file whole, after;
	struct err e = ERR_INIT;

	make_state(h);
	whole = file_read(h->db);
	for (size_t size = 1; size < whole.size; size += 997) {
		file_write(h->db, whole.bytes, size);
		unlink(h->wal);
		assert_int_equal(read_all(h->db, &e), -1);
		if (e.kind != ERR_DATABASE)
			fail_msg("%zu: kind %d: %s", size, e.kind, e.text);
		after = file_read(h->db);
		assert_int_equal(after.size, size);
		assert_memory_equal(after.bytes, whole.bytes, size);
		file_free(&after);
	}
	file_free(&whole);
}

/* A log ends where its checksums do, so a flip in it may lose the last
 * transactions, as a power cut may; nothing else. */
static void
flipped_bits_in_the_log_never_crash(void **state)
{
	struct home *h = *state;
	struct store *s;
	struct file db, wal;
	struct err e = ERR_INIT;

	make_state(h);
	s = home_open(h);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(store_begin(s, STORE_LAZY, &e), 0);
		assert_int_equal(store_set_fact(s, "last_run", i, &e), 0);
		assert_int_equal(store_set_gone(s, 40 * i + 1, i, &e), 0);
		assert_int_equal(store_commit(s, &e), 0);
	}
	store_close(&s);
	db = file_read(h->db);
	wal = file_read(h->wal);
	assert_true(wal.size > 4096);
	for (size_t i = 0; i < 300; i++) {
		size_t bit = i < 256 ? i : i * 7919 * 13 % (wal.size * 8);

		wal.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		file_write(h->db, db.bytes, db.size);
		file_write(h->wal, wal.bytes, wal.size);
		if (read_all(h->db, &e) != 0 && e.kind != ERR_DATABASE &&
		    e.kind != ERR_LOCAL)
			fail_msg("bit %zu: kind %d: %s", bit, e.kind, e.text);
		wal.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	file_free(&db);
	file_free(&wal);
}

/* What a kill or a power cut can leave of a state in the making. */
static void
an_empty_file_is_made_into_a_state(void **state)
{
	static const char *const blanks[] = { NULL, "VACUUM",
					      "PRAGMA journal_mode = WAL" };
	struct home *h = *state;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++) {
		struct file before, after;
		struct store *s;

		if (blanks[i])
			run_sql(h->db, blanks[i]);
		else
			file_write(h->db, "", 0);
		before = file_read(h->db);
		/* Not when nothing shall be made. */
		assert_int_equal(store_open(&s, h->db, -1, false, &e), 0);
		assert_true(store_is_new(s));
		store_close(&s);
		after = file_read(h->db);
		assert_int_equal(after.size, before.size);
		file_free(&before);
		file_free(&after);
		s = home_open(h);
		assert_true(store_is_new(s));
		home_reopen(h, &s);
		assert_false(store_is_new(s));
		store_close(&s);
		home_clear(h);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_state_that_is_whole_is_read),
		TEST(a_database_of_another_program_is_refused),
		TEST(a_state_of_a_newer_program_is_refused),
		TEST(a_state_of_a_newer_program_is_refused_by_its_log_too),
		TEST(what_is_no_database_is_refused),
		TEST(what_is_no_regular_file_is_refused),
		TEST(a_state_open_to_others_is_refused),
		TEST(a_state_that_may_not_be_written_is_refused),
		TEST(an_id_that_is_no_id_is_damage),
		TEST(rows_and_tables_that_make_no_sense_are_damage),
		TEST(flipped_bits_are_harmless_or_damage),
		TEST(a_truncated_state_is_damage),
		TEST(flipped_bits_in_the_log_never_crash),
		TEST(an_empty_file_is_made_into_a_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
