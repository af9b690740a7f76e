/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the state database: what it records of messages. */
#include "config.h"
#include "state/listing.h"
#include "state/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_home.h"

static const uint8_t digest_a[DIGEST_SHA256_SIZE] = { 1, 2, 3 };
static const uint8_t digest_b[DIGEST_SHA256_SIZE] = { 9, 8, 7 };

static int64_t
set_ready(struct store *s, int64_t id, const char *uid, int64_t size,
	  const uint8_t *digest, const char *evidence)
{
	struct store_message m = home_message(uid, size, digest);
	struct err e = ERR_INIT;

	if (store_set_ready(s, &id, &m, evidence, &e) != 0)
		fail_msg("%s", e.text);
	assert_true(id > 0);
	return id;
}

static int64_t
set_aside(struct store *s, int64_t id, const char *uid, int64_t next_try,
	  const char *error)
{
	struct store_message m = home_message(uid, 500, NULL);
	struct err e = ERR_INIT;

	assert_int_equal(store_set_aside(s, &id, &m, next_try, error, &e), 0);
	return id;
}

static void
assert_digest(struct store *s, int64_t id, const uint8_t *expected)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct err e = ERR_INIT;
	bool found;

	assert_int_equal(store_digest(s, id, &found, digest, &e), 0);
	assert_int_equal(found, expected != NULL);
	if (expected)
		assert_memory_equal(digest, expected, sizeof(digest));
}

/* "id=evidence;" for each intent. */
struct told {
	char text[512];
	int calls, stop_at;
};

static int
tell(void *arg, int64_t id, const char *evidence, struct err *e)
{
	struct told *t = arg;
	size_t len = strlen(t->text);

	if (++t->calls == t->stop_at)
		return err_set(e, ERR_LOCAL, "enough");
	snprintf(t->text + len, sizeof(t->text) - len, "%d=%s;", (int)id,
		 evidence);
	return 0;
}

static void
assert_intents(struct store *s, const char *expected)
{
	struct told t = { .calls = 0 };
	struct err e = ERR_INIT;

	assert_int_equal(store_intents(s, tell, &t, &e), 0);
	assert_string_equal(t.text, expected);
}

/* --- rows --- */

static void
a_row_is_read_as_it_was_written(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct store_message m = home_message("uid \xff", 1234, digest_a);
	struct store_row row;
	struct err e = ERR_INIT;

	home_begin(s);
	assert_int_equal(store_add_delivered(s, &m, 1700000000, &e), 0);
	home_commit(s);
	row = home_only_row(s);
	home_begin(s);
	assert_int_equal(store_set_gone(s, row.id, 1700000001, &e), 0);
	assert_int_equal(store_set_dele_sent(s, row.id, 1700000002, &e), 0);
	home_commit(s);
	home_reopen(h, &s);
	row = home_only_row(s);
	assert_int_equal(row.uid_size, 5);
	assert_memory_equal(row.uid, "uid \xff", 5);
	assert_true(row.size == 1234);
	assert_int_equal(row.status, STORE_DELIVERED);
	assert_true(row.has_digest);
	assert_true(row.delivered == 1700000000);
	assert_true(row.gone_since == 1700000001);
	assert_true(row.dele_sent == 1700000002);
	assert_true(row.next_try == 0);
	assert_int_equal(row.attempts, 0);
	assert_digest(s, row.id, digest_a);
	assert_digest(s, row.id + 1, NULL);
	store_close(&s);
}

static void
uids_with_nul_bytes_and_empty_ones_are_kept(void **state)
{
	static const size_t sizes[] = { 0, 1, 69, LISTING_UID_MOST };
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	struct store *s = home_open(*state);
	struct store_rows *rows;
	struct err e = ERR_INIT;
	uint8_t uid[LISTING_UID_MOST] = { 0 };

	home_begin(s);
	for (size_t i = 0; i < count; i++) {
		struct store_message m = { uid, sizes[i], -1, NULL, 0 };

		uid[0] = (uint8_t)i;
		assert_int_equal(store_add_delivered(s, &m, 1, &e), 0);
	}
	home_commit(s);
	rows = home_load(s);
	assert_int_equal(store_rows_count(rows), count);
	for (size_t i = 0; i < count; i++) {
		struct store_row row = store_rows_at(rows, i);

		assert_int_equal(row.uid_size, sizes[i]);
		assert_non_null(row.uid);
		uid[0] = (uint8_t)i;
		assert_memory_equal(row.uid, uid, sizes[i]);
		assert_true(row.size == -1);
		assert_false(row.has_digest);
	}
	store_rows_free(&rows);
	store_rows_free(&rows);
	store_close(&s);
}

static void
a_long_uid_that_is_on_record_is_read_as_the_listing_knows_it(void **state)
{
	uint8_t uid[LISTING_UID_MOST + 1] = { 'u' };
	struct store_message m = { uid, sizeof(uid), -1, NULL, 0 };
	struct store *s = home_open(*state);
	struct listing *l = listing_new(1, 1);
	struct err e = ERR_INIT;
	struct store_row row;

	home_begin(s);
	assert_int_equal(store_add_delivered(s, &m, 1, &e), 0);
	home_commit(s);
	row = home_only_row(s);
	assert_true(listing_add(l, 1, uid, sizeof(uid)));
	listing_done(l);
	assert_int_equal(row.uid_size, listing_at(l, 0).uid_size);
	assert_memory_equal(row.uid, listing_at(l, 0).uid, row.uid_size);
	listing_free(&l);
	store_close(&s);
}

static void
a_size_can_be_learned_later(void **state)
{
	struct store *s = home_open(*state);
	struct store_row row;
	struct err e = ERR_INIT;

	home_begin(s);
	home_add_delivered(s, "u", -1, NULL, 5);
	home_commit(s);
	row = home_only_row(s);
	home_begin(s);
	assert_int_equal(store_set_size(s, row.id, 77, false, &e), 0);
	home_commit(s);
	assert_true(home_only_row(s).size == 77);
	assert_false(home_only_row(s).unproven);
	store_close(&s);
}

/* The id of the first without uid behind this one that has this content, or 0. */
static int64_t
find_content(struct store *s, const uint8_t *digest, int64_t after)
{
	struct err e = ERR_INIT;
	int64_t id = -1;

	assert_int_equal(store_find_content(s, digest, after, &id, &e), 0);
	return id;
}

static void
a_message_without_uid_is_found_by_its_content(void **state)
{
	struct store *s = home_open(*state);
	int64_t ready;

	home_begin(s);
	home_add_delivered(s, "with uid", 10, digest_a, 5);
	home_commit(s);
	assert_true(find_content(s, digest_a, 0) == 0);
	home_begin(s);
	ready = set_ready(s, 0, "", 10, digest_a, "x");
	home_commit(s);
	assert_true(find_content(s, digest_a, 0) == ready);
	assert_true(find_content(s, digest_a, ready) == 0);
	assert_true(find_content(s, digest_b, 0) == 0);
	store_close(&s);
}

static void
what_was_deleted_and_is_gone_is_not_found_by_content(void **state)
{
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;
	int64_t id;

	home_begin(s);
	id = set_ready(s, 0, "", 10, digest_a, "x");
	assert_int_equal(store_set_delivered(s, id, 5, &e), 0);
	assert_int_equal(store_set_gone(s, id, 7, &e), 0);
	assert_true(find_content(s, digest_a, 0) == id); /* it may return */
	assert_int_equal(store_set_dele_sent(s, id, 6, &e), 0);
	assert_true(find_content(s, digest_a, 0) == 0);
	home_commit(s);
	store_close(&s);
}

static void
what_is_too_large_is_noted(void **state)
{
	struct store *s = home_open(*state);
	struct store_message m = home_message("big", 1 << 30, NULL);
	struct err e = ERR_INIT;

	home_begin(s);
	assert_int_equal(store_set_too_large(s, &m, &e), 0);
	home_commit(s);
	assert_int_equal(home_only_row(s).status, STORE_TOO_LARGE);
	assert_true(home_only_row(s).delivered == 0);
	store_close(&s);
}

static void
what_is_skipped_is_as_good_as_delivered_until_it_is_not(void **state)
{
	struct store *s = home_open(*state);
	struct store_message m = home_message("a", 10, NULL);
	struct err e = ERR_INIT;
	struct store_row row;
	int64_t id = 0;

	home_begin(s);
	assert_int_equal(store_set_aside(s, &id, &m, 99, "why", &e), 0);
	m.digest = digest_a;
	assert_int_equal(store_set_skipped(s, &id, &m, 7, &e), 0);
	home_commit(s);
	row = home_only_row(s);
	assert_true(row.skipped && row.has_digest);
	assert_int_equal(row.status, STORE_DELIVERED);
	assert_int_equal(row.delivered, 7);
	assert_int_equal(row.attempts, 0);
	home_begin(s);
	assert_int_equal(store_forget_skip(s, id, &e), 0);
	home_commit(s);
	row = home_only_row(s);
	assert_false(row.skipped);
	assert_int_equal(row.status, STORE_SET_ASIDE);
	assert_int_equal(row.next_try, 0);
	store_close(&s);
}

static void
only_rows_gone_for_long_are_purged(void **state)
{
	struct store *s = home_open(*state);
	struct store_rows *rows;
	struct err e = ERR_INIT;
	size_t count;
	int64_t ready;

	home_begin(s);
	home_add_delivered(s, "gone long", 1, NULL, 1);
	home_add_delivered(s, "gone lately", 1, NULL, 1);
	home_add_delivered(s, "there", 1, NULL, 1);
	ready = set_ready(s, 0, "in doubt", 1, digest_a, "x");
	assert_int_equal(store_set_gone(s, 1, 100, &e), 0);
	assert_int_equal(store_set_gone(s, 2, 200, &e), 0);
	assert_int_equal(store_set_gone(s, ready, 100, &e), 0);
	assert_int_equal(store_purge_gone(s, 200, &count, &e), 0);
	home_commit(s);
	assert_int_equal(count, 1);
	rows = home_load(s);
	assert_int_equal(store_rows_count(rows), 3);
	assert_true(store_rows_at(rows, 0).gone_since == 200);
	store_rows_free(&rows);
	home_begin(s);
	assert_int_equal(store_set_gone(s, 2, 0, &e), 0);
	assert_int_equal(store_purge_gone(s, 1000, &count, &e), 0);
	home_commit(s);
	assert_int_equal(count, 0);
	store_close(&s);
}

/* --- intents --- */

static void
an_intent_ends_with_the_delivery(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct err e = ERR_INIT;
	int64_t id;

	home_begin(s);
	id = set_ready(s, 0, "u", 10, digest_a, "file 'x'\xff");
	home_commit(s);
	home_reopen(h, &s);
	assert_int_equal(home_only_row(s).status, STORE_READY);
	assert_intents(s, "1=file 'x'\xff;");
	home_begin(s);
	assert_int_equal(store_set_delivered(s, id, 4711, &e), 0);
	home_commit(s);
	assert_intents(s, "");
	assert_int_equal(home_only_row(s).status, STORE_DELIVERED);
	assert_true(home_only_row(s).delivered == 4711);
	store_close(&s);
}

static void
intents_are_told_in_order_of_commitment_not_of_rows(void **state)
{
	struct store *s = home_open(*state);
	struct told t = { .stop_at = 2 };
	struct err e = ERR_INIT;

	home_begin(s);
	set_aside(s, 0, "first", 0, "no");
	home_commit(s);
	home_begin(s);
	set_ready(s, 0, "second", 10, digest_a, "b");
	home_commit(s);
	home_begin(s);
	set_ready(s, 0, "third", 10, digest_a, "c");
	set_ready(s, 1, "first", 10, digest_a, "a");
	home_commit(s);
	assert_intents(s, "2=b;3=c;1=a;");
	/* One that says no ends it. */
	assert_int_equal(store_intents(s, tell, &t, &e), -1);
	assert_string_equal(e.text, "enough");
	assert_string_equal(t.text, "2=b;");
	store_close(&s);
}

static int
deliver_in_passing(void *arg, int64_t id, const char *evidence, struct err *e)
{
	(void)evidence;
	return store_set_delivered(arg, id, 1, e);
}

static void
rows_may_be_changed_while_intents_are_told(void **state)
{
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;

	home_begin(s);
	for (int i = 0; i < 300; i++)
		set_ready(s, 0, "u", i, digest_a, "x");
	assert_int_equal(store_intents(s, deliver_in_passing, s, &e), 0);
	home_commit(s);
	assert_intents(s, "");
	store_close(&s);
}

static void
a_forgotten_intent_takes_the_row_made_for_it_along(void **state)
{
	struct store *s = home_open(*state);
	struct store_rows *rows;
	struct err e = ERR_INIT;
	int64_t id;

	home_begin(s);
	id = set_ready(s, 0, "u", 10, digest_a, "x");
	home_commit(s);
	home_begin(s);
	assert_int_equal(store_forget_intent(s, id, &e), 0);
	home_commit(s);
	rows = home_load(s);
	assert_int_equal(store_rows_count(rows), 0);
	store_rows_free(&rows);
	assert_intents(s, "");
	store_close(&s);
}

static void
a_forgotten_intent_leaves_an_older_row_as_it_was(void **state)
{
	struct store *s = home_open(*state);
	struct store_row row;
	struct err e = ERR_INIT;
	char *text;
	int64_t id;

	home_begin(s);
	id = set_aside(s, 0, "u", 9000, "it failed");
	home_commit(s);
	home_begin(s);
	set_ready(s, id, "u", 10, digest_a, "x");
	home_commit(s);
	assert_true(home_only_row(s).size == 10);
	assert_true(home_only_row(s).has_digest);
	home_begin(s);
	/* Again, before the first was forgotten: it does not come to
	 * take READY for what the row was. */
	set_ready(s, id, "u", 11, digest_b, "y");
	home_commit(s);
	assert_intents(s, "1=y;");
	home_begin(s);
	assert_int_equal(store_forget_intent(s, id, &e), 0);
	home_commit(s);
	row = home_only_row(s);
	assert_int_equal(row.status, STORE_SET_ASIDE);
	assert_true(row.size == 500);
	assert_false(row.has_digest);
	assert_true(row.next_try == 9000);
	assert_int_equal(row.attempts, 1);
	assert_int_equal(store_error(s, id, &text, &e), 0);
	assert_string_equal(text, "it failed");
	free(text);
	assert_intents(s, "");
	store_close(&s);
}

static void
a_delivered_message_stays_so_when_fetching_it_anew_is_given_up(void **state)
{
	struct store *s = home_open(*state);
	struct store_row row;
	struct err e = ERR_INIT;

	home_begin(s);
	home_add_delivered(s, "u", 500, digest_a, 4711);
	set_ready(s, 1, "u", 600, digest_b, "x");
	home_commit(s);
	assert_int_equal(home_only_row(s).status, STORE_READY);
	assert_true(home_only_row(s).delivered == 0);
	home_begin(s);
	assert_int_equal(store_forget_intent(s, 1, &e), 0);
	home_commit(s);
	row = home_only_row(s);
	assert_int_equal(row.status, STORE_DELIVERED);
	assert_true(row.delivered == 4711);
	assert_true(row.size == 500);
	assert_digest(s, 1, digest_a);
	store_close(&s);
}

static void
a_delivered_message_is_not_set_aside_when_fetching_it_anew_fails(void **state)
{
	struct store *s = home_open(*state);
	struct store_row row;

	home_begin(s);
	home_add_delivered(s, "u", 500, digest_a, 4711);
	set_ready(s, 1, "u", 500, digest_a, "x");
	set_aside(s, 1, "u", 9000, "refused");
	home_commit(s);
	row = home_only_row(s);
	assert_int_equal(row.status, STORE_DELIVERED);
	assert_true(row.delivered == 4711);
	assert_intents(s, "");
	/* Nor when it failed before there was an intent. */
	home_begin(s);
	set_aside(s, 1, "u", 9000, "refused");
	home_commit(s);
	assert_int_equal(home_only_row(s).status, STORE_DELIVERED);
	store_close(&s);
}

/* Begins where no message waits and the store knows. */
static void
begin_with_none_aside(struct store *s)
{
	struct store_rows *rows = home_load(s);

	store_rows_free(&rows);
	home_begin(s);
}

static void
assert_one_aside_and_undo(struct store *s)
{
	struct err e = ERR_INIT;
	uint64_t count;
	int64_t first;
	bool is_one;

	assert_int_equal(store_aside(s, 0, &count, &first, &is_one, &e), 0);
	assert_int_equal(count, 1);
	store_rollback(s);
}

static void
however_a_message_comes_to_wait_it_is_counted(void **state)
{
	struct store_message m = home_message("skipped", 1, NULL);
	struct store *s = home_open(*state);
	struct err e = ERR_INIT;
	int64_t ready, waited, skipped = 0;

	home_begin(s);
	ready = set_ready(s, 0, "ready", 1, NULL, "x");
	waited = set_aside(s, 0, "waited", 1, "no");
	set_ready(s, waited, "waited", 1, NULL, "x");
	assert_int_equal(store_set_skipped(s, &skipped, &m, 7, &e), 0);
	home_commit(s);
	begin_with_none_aside(s);
	set_aside(s, 0, "new", 1, "no");
	assert_one_aside_and_undo(s);
	begin_with_none_aside(s);
	set_aside(s, ready, "ready", 1, "no");
	assert_one_aside_and_undo(s);
	begin_with_none_aside(s);
	assert_int_equal(store_forget_intent(s, waited, &e), 0);
	assert_one_aside_and_undo(s);
	begin_with_none_aside(s);
	assert_int_equal(store_forget_skip(s, skipped, &e), 0);
	assert_one_aside_and_undo(s);
	store_close(&s);
}

static void
attempts_are_counted_until_the_delivery(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct store_row row;
	struct err e = ERR_INIT;
	char *text;
	int64_t id;

	home_begin(s);
	id = set_aside(s, 0, "u", 100, "first");
	set_ready(s, id, "u", -1, digest_a, "x");
	set_aside(s, id, "u", 200, "second");
	home_commit(s);
	home_reopen(h, &s);
	row = home_only_row(s);
	assert_int_equal(row.status, STORE_SET_ASIDE);
	assert_int_equal(row.attempts, 2);
	assert_true(row.next_try == 200);
	assert_true(row.has_digest);
	assert_true(row.size == 500);
	assert_intents(s, "");
	assert_int_equal(store_error(s, id, &text, &e), 0);
	assert_string_equal(text, "second");
	free(text);
	home_begin(s);
	set_ready(s, id, "u", 10, digest_a, "x");
	assert_int_equal(store_set_delivered(s, id, 5, &e), 0);
	home_commit(s);
	row = home_only_row(s);
	assert_int_equal(row.attempts, 0);
	assert_true(row.next_try == 0);
	assert_int_equal(store_error(s, id, &text, &e), 0);
	assert_null(text);
	store_close(&s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_is_read_as_it_was_written),
		TEST(uids_with_nul_bytes_and_empty_ones_are_kept),
		TEST(a_long_uid_that_is_on_record_is_read_as_the_listing_knows_it),
		TEST(a_size_can_be_learned_later),
		TEST(a_message_without_uid_is_found_by_its_content),
		TEST(what_was_deleted_and_is_gone_is_not_found_by_content),
		TEST(what_is_too_large_is_noted),
		TEST(what_is_skipped_is_as_good_as_delivered_until_it_is_not),
		TEST(only_rows_gone_for_long_are_purged),
		TEST(an_intent_ends_with_the_delivery),
		TEST(intents_are_told_in_order_of_commitment_not_of_rows),
		TEST(rows_may_be_changed_while_intents_are_told),
		TEST(a_forgotten_intent_takes_the_row_made_for_it_along),
		TEST(a_forgotten_intent_leaves_an_older_row_as_it_was),
		TEST(a_delivered_message_stays_so_when_fetching_it_anew_is_given_up),
		TEST(a_delivered_message_is_not_set_aside_when_fetching_it_anew_fails),
		TEST(however_a_message_comes_to_wait_it_is_counted),
		TEST(attempts_are_counted_until_the_delivery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
