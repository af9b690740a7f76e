/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of state/schema.h: a state of an earlier version. */
#include "config.h"
#include "state/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "store_home.h"

static void
run_sql(const char *path, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* What the first release has left. */
static void
make_version_1(const struct home *h)
{
	struct store *s = home_open(h);

	home_begin(s);
	home_add_delivered(s, "u", 100, NULL, 1000);
	home_commit(s);
	store_close(&s);
	run_sql(h->db, "ALTER TABLE message DROP COLUMN octets;"
		       "ALTER TABLE message DROP COLUMN broke;"
		       "ALTER TABLE intent DROP COLUMN prior_octets;"
		       "PRAGMA user_version = 1");
}

static void
assert_known(struct store *s)
{
	struct store_row row = home_only_row(s);

	assert_int_equal(row.size, 100);
	assert_int_equal(row.octets, 0);
	assert_int_equal(row.delivered, 1000);
	assert_int_equal(row.status, STORE_DELIVERED);
}

static void
a_state_of_version_1_is_brought_up_to_date(void **state)
{
	struct home *h = *state;
	struct store_message m = home_message("v", 5, NULL);
	struct err e = ERR_INIT;
	struct store_rows *rows;
	struct store *s;
	int64_t id = 0;

	make_version_1(h);
	s = home_open(h);
	assert_known(s);
	m.octets = 7;
	home_begin(s);
	assert_int_equal(store_set_ready(s, &id, &m, "x", &e), 0);
	home_commit(s);
	home_reopen(h, &s);
	rows = home_load(s);
	assert_int_equal(store_rows_count(rows), 2);
	assert_int_equal(store_rows_at(rows, 1).octets, 7);
	store_rows_free(&rows);
	store_close(&s);
}

static void
who_only_reads_finds_it_so_and_changes_nothing(void **state)
{
	struct home *h = *state;
	struct file db, log, db_after, log_after;
	struct err e = ERR_INIT;
	struct store *s;

	make_version_1(h);
	db = file_read(h->db);
	log = file_read(h->wal);
	if (store_open(&s, h->db, -1, false, &e) != 0)
		fail_msg("%s", e.text);
	assert_known(s);
	store_close(&s);
	db_after = file_read(h->db);
	log_after = file_read(h->wal);
	assert_int_equal(db.size, db_after.size);
	assert_memory_equal(db.bytes, db_after.bytes, db.size);
	assert_int_equal(log.size, log_after.size);
	if (log.size > 0)
		assert_memory_equal(log.bytes, log_after.bytes, log.size);
	file_free(&db);
	file_free(&log);
	file_free(&db_after);
	file_free(&log_after);
}

static void
who_reads_and_then_writes_brings_it_up_to_date(void **state)
{
	struct home *h = *state;
	struct err e = ERR_INIT;
	struct store *s;

	make_version_1(h);
	if (store_open(&s, h->db, -1, false, &e) != 0)
		fail_msg("%s", e.text);
	assert_known(s);
	home_begin(s);
	assert_int_equal(store_set_fact(s, "last_run", 5, &e), 0);
	home_commit(s);
	assert_known(s);
	store_close(&s);
	s = home_open(h);
	assert_known(s);
	store_close(&s);
}

static void
a_row_that_is_restored_has_its_octets_again(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct store_message m = home_message("u", 5, NULL);
	struct err e = ERR_INIT;
	int64_t id = 0;

	m.octets = 7;
	home_begin(s);
	assert_int_equal(store_set_ready(s, &id, &m, "x", &e), 0);
	assert_int_equal(store_set_delivered(s, id, 1, &e), 0);
	m.octets = 9;
	assert_int_equal(store_set_ready(s, &id, &m, "y", &e), 0);
	assert_int_equal(store_forget_intent(s, id, &e), 0);
	home_commit(s);
	assert_int_equal(home_only_row(s).octets, 7);
	store_close(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_state_of_version_1_is_brought_up_to_date),
		TEST(who_only_reads_finds_it_so_and_changes_nothing),
		TEST(who_reads_and_then_writes_brings_it_up_to_date),
		TEST(a_row_that_is_restored_has_its_octets_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
