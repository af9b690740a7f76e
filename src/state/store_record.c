/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a state records of messages, and how it is read again. */
#include "config.h"

#include "state/store.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state/sql.h"

/* --- reading --- */

/* A statement whose only parameter is a row's id. */
static sqlite3_stmt *
get_for(struct store *s, enum sql which, int64_t id, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, which, e);

	if (st)
		sql_bind_number(st, 1, id);
	return st;
}

int
store_digest(struct store *s, int64_t id, bool *found,
	     uint8_t digest[DIGEST_SHA256_SIZE], struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_DIGEST, id, e);
	const void *bytes;
	bool row;

	*found = false;
	if (!st || sql_next(s, st, &row, e) != 0)
		return -1;
	if (!row)
		return 0;
	bytes = sqlite3_column_blob(st, 0);
	if (bytes && sqlite3_column_bytes(st, 0) == DIGEST_SHA256_SIZE) {
		memcpy(digest, bytes, DIGEST_SHA256_SIZE);
		*found = true;
	}
	sql_end(st);
	return 0;
}

int
store_find_content(struct store *s, const uint8_t digest[DIGEST_SHA256_SIZE],
		   int64_t after, int64_t *id, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_CONTENT, e);
	bool row;

	*id = 0;
	if (!st)
		return -1;
	sql_bind_bytes(st, 1, digest, DIGEST_SHA256_SIZE);
	sql_bind_number(st, 2, after);
	if (sql_next(s, st, &row, e) != 0)
		return -1;
	if (row)
		*id = sqlite3_column_int64(st, 0);
	sql_end(st);
	return 0;
}

int
store_error(struct store *s, int64_t id, char **text, struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_ERROR, id, e);
	bool row;

	*text = NULL;
	if (!st || sql_next(s, st, &row, e) != 0)
		return -1;
	if (row)
		*text = sql_string(st, 0);
	sql_end(st);
	return 0;
}

int
store_aside(struct store *s, int64_t row, uint64_t *count, int64_t *first,
	    bool *is_one, struct err *e)
{
	sqlite3_stmt *st;
	bool found;

	*count = 0;
	*first = 0;
	*is_one = false;
	if (s->has_no_aside)
		return 0;
	st = get_for(s, SQL_WAITING, row, e);
	if (!st || sql_next(s, st, &found, e) != 0)
		return -1;
	if (found) {
		*count = (uint64_t)sqlite3_column_int64(st, 0);
		*first = sqlite3_column_int64(st, 1);
		*is_one = sqlite3_column_int(st, 2) != 0;
	}
	sql_end(st);
	return 0;
}

struct intents {
	int64_t *ids;
	char **evidence;
	size_t count, room;
};

static int
read_intents(struct store *s, struct intents *all, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_INTENTS, e);
	bool row;

	if (!st)
		return -1;
	for (;;) {
		if (sql_next(s, st, &row, e) != 0)
			return -1;
		if (!row)
			return 0;
		if (all->count == all->room) {
			all->room = 2 * all->room + 64;
			all->ids = mem_resize(all->ids, all->room,
					      sizeof(*all->ids));
			all->evidence = mem_resize(all->evidence, all->room,
						   sizeof(*all->evidence));
		}
		all->ids[all->count] = sqlite3_column_int64(st, 0);
		all->evidence[all->count++] = sql_string(st, 1);
	}
}

/* All are read before the first call, so that `each` may write. */
int
store_intents(struct store *s,
	      int (*each)(void *arg, int64_t id, const char *evidence,
			  struct err *e),
	      void *arg, struct err *e)
{
	struct intents all = { .count = 0 };
	int rc = read_intents(s, &all, e);

	for (size_t i = 0; rc == 0 && i < all.count; i++) {
		if (all.evidence[i])
			rc = each(arg, all.ids[i], all.evidence[i], e);
		else
			rc = sql_damaged(s, "an intent makes no sense", e);
	}
	for (size_t i = 0; i < all.count; i++)
		free(all.evidence[i]);
	free(all.evidence);
	free(all.ids);
	return rc;
}

/* --- writing --- */

static void
bind_digest(sqlite3_stmt *st, int at, const uint8_t *digest)
{
	if (digest)
		sql_bind_bytes(st, at, digest, DIGEST_SHA256_SIZE);
	/* else it stays NULL */
}

/* For statements about one row, which the caller knows to exist: one that is
 * missing is damage to the file. */
static int
write_row(struct store *s, sqlite3_stmt *st, int64_t id, struct err *e)
{
	char what[64];
	int changed;

	if (sql_write(s, st, &changed, e) != 0)
		return -1;
	if (changed == 1)
		return 0;
	s->spoiled = true;
	snprintf(what, sizeof(what), "row %" PRId64 " is missing", id);
	return sql_damaged(s, what, e);
}

/* Sets one number of one row. */
static int
set_number(struct store *s, enum sql which, int64_t id, int64_t number,
	   struct err *e)
{
	sqlite3_stmt *st = get_for(s, which, id, e);

	if (!st)
		return -1;
	sql_bind_number(st, 2, number);
	return write_row(s, st, id, e);
}

/* How a new row starts. */
struct start {
	int status; /* enum store_status, or SQL_STATUS_SKIPPED */
	int64_t delivered;
	unsigned attempts;
	int64_t next_try;
	const char *error;
};

static int
add_message(struct store *s, const struct store_message *m,
	    const struct start *start, int64_t *id, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_ADD_MESSAGE, e);

	if (!st)
		return -1;
	sql_bind_bytes(st, 1, m->uid, m->uid_size);
	sql_bind_number(st, 2, m->size < 0 ? -1 : m->size);
	bind_digest(st, 3, m->digest);
	s->has_no_aside &= start->status != STORE_SET_ASIDE;
	sql_bind_number(st, 4, start->status);
	sql_bind_number(st, 5, start->delivered);
	sql_bind_number(st, 6, start->attempts);
	sql_bind_number(st, 7, start->next_try);
	sql_bind_text(st, 8, start->error);
	sql_bind_number(st, 9, m->octets);
	if (sql_write(s, st, NULL, e) != 0)
		return -1;
	*id = sqlite3_last_insert_rowid(s->db);
	return 0;
}

static int
add_intent(struct store *s, int64_t id, bool made, const char *evidence,
	   struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_ADD_INTENT, id, e);

	if (!st)
		return -1;
	sql_bind_text(st, 2, evidence);
	sql_bind_number(st, 3, made);
	return write_row(s, st, id, e);
}

/* There need not be one: what was set aside before it was ready has no
 * intent. */
static int
remove_intent(struct store *s, int64_t id, struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_REMOVE_INTENT, id, e);

	return st ? sql_write(s, st, NULL, e) : -1;
}

static int
make_ready(struct store *s, int64_t id, const struct store_message *m,
	   struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_READY, id, e);

	if (!st)
		return -1;
	sql_bind_number(st, 2, m->size);
	bind_digest(st, 3, m->digest);
	sql_bind_number(st, 4, m->octets);
	return write_row(s, st, id, e);
}

int
store_set_ready(struct store *s, int64_t *id, const struct store_message *m,
		const char *evidence, struct err *e)
{
	static const struct start ready = { .status = STORE_READY };

	assert(evidence);
	if (*id == 0)
		return add_message(s, m, &ready, id, e) != 0
			       ? -1
			       : add_intent(s, *id, true, evidence, e);
	/* The intent first: it remembers what the row is before. */
	return add_intent(s, *id, false, evidence, e) != 0
		       ? -1
		       : make_ready(s, *id, m, e);
}

int
store_set_delivered(struct store *s, int64_t id, int64_t when, struct err *e)
{
	return set_number(s, SQL_DELIVERED, id, when, e) != 0
		       ? -1
		       : remove_intent(s, id, e);
}

int
store_add_delivered(struct store *s, const struct store_message *m,
		    int64_t when, struct err *e)
{
	struct start start = { .status = STORE_DELIVERED, .delivered = when };
	int64_t id;

	return add_message(s, m, &start, &id, e);
}

int
store_set_skipped(struct store *s, int64_t *id, const struct store_message *m,
		  int64_t when, struct err *e)
{
	struct start start = { .status = SQL_STATUS_SKIPPED,
			       .delivered = when };
	sqlite3_stmt *st;

	if (*id == 0)
		return add_message(s, m, &start, id, e);
	st = get_for(s, SQL_SKIPPED, *id, e);
	if (!st)
		return -1;
	sql_bind_number(st, 2, m->size);
	bind_digest(st, 3, m->digest);
	sql_bind_number(st, 4, when);
	return write_row(s, st, *id, e);
}

int
store_forget_skip(struct store *s, int64_t id, struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_FORGET_SKIP, id, e);

	s->has_no_aside = false;
	return st ? write_row(s, st, id, e) : -1;
}

static int
was_delivered(struct store *s, int64_t id, bool *was, struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_WAS_DELIVERED, id, e);
	bool row;

	*was = false;
	if (!st || sql_next(s, st, &row, e) != 0)
		return -1;
	if (row)
		*was = sqlite3_column_int(st, 0) != 0;
	sql_end(st);
	return 0;
}

static int
update_aside(struct store *s, int64_t id, const struct store_message *m,
	     int64_t next_try, const char *error, struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_ASIDE, id, e);

	s->has_no_aside = false;
	if (!st)
		return -1;
	sql_bind_number(st, 2, m->size);
	bind_digest(st, 3, m->digest);
	sql_bind_number(st, 4, next_try);
	sql_bind_text(st, 5, error);
	sql_bind_number(st, 6, llabs(m->octets));
	return write_row(s, st, id, e) != 0 ? -1 : remove_intent(s, id, e);
}

int
store_set_aside(struct store *s, int64_t *id, const struct store_message *m,
		int64_t next_try, const char *error, struct err *e)
{
	struct start start = {
		.status = STORE_SET_ASIDE,
		.attempts = 1,
		.next_try = next_try,
		.error = error,
	};
	bool delivered;

	if (*id == 0)
		return add_message(s, m, &start, id, e);
	if (was_delivered(s, *id, &delivered, e) != 0)
		return -1;
	if (delivered)
		return store_forget_intent(s, *id, e);
	return update_aside(s, *id, m, next_try, error, e);
}

int
store_set_too_large(struct store *s, const struct store_message *m,
		    struct err *e)
{
	static const struct start start = { .status = STORE_TOO_LARGE };
	int64_t id;

	return add_message(s, m, &start, &id, e);
}

int
store_forget_intent(struct store *s, int64_t id, struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_RESTORE, id, e);

	s->has_no_aside = false;
	if (!st || sql_write(s, st, NULL, e) != 0)
		return -1;
	st = get_for(s, SQL_REMOVE_MADE, id, e);
	if (!st || sql_write(s, st, NULL, e) != 0)
		return -1;
	return remove_intent(s, id, e);
}

int
store_set_header(struct store *s, int64_t id, const struct store_message *m,
		 struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_SET_HEADER, id, e);

	if (!st)
		return -1;
	sql_bind_number(st, 2, m->size);
	bind_digest(st, 3, m->digest);
	return write_row(s, st, id, e);
}

int
store_set_age(struct store *s, int64_t id, int64_t delivered, struct err *e)
{
	return set_number(s, SQL_SET_AGE, id, delivered, e);
}

int
store_set_size(struct store *s, int64_t id, int64_t size, bool unproven,
	       struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_SET_SIZE, id, e);

	if (!st)
		return -1;
	sql_bind_number(st, 2, size < 0 ? -1 : size);
	sql_bind_number(st, 3, unproven);
	return write_row(s, st, id, e);
}

int
store_set_dele_sent(struct store *s, int64_t id, int64_t when, struct err *e)
{
	return set_number(s, SQL_SET_DELE_SENT, id, when, e);
}

int
store_set_gone(struct store *s, int64_t id, int64_t since, struct err *e)
{
	if (since > 0 && since < s->oldest_gone)
		s->oldest_gone = since;
	return set_number(s, SQL_SET_GONE, id, since, e);
}

int
store_set_failures(struct store *s, int64_t id, unsigned attempts,
		   int64_t next_try, bool broke, const char *error,
		   struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_SET_FAILURES, id, e);

	if (!st)
		return -1;
	sql_bind_number(st, 2, attempts);
	sql_bind_number(st, 3, next_try);
	sql_bind_number(st, 4, broke);
	sql_bind_text(st, 5, error);
	return write_row(s, st, id, e);
}

int
store_forget_failures(struct store *s, int64_t id, struct err *e)
{
	sqlite3_stmt *st = get_for(s, SQL_FORGET_FAILURES, id, e);

	return st ? write_row(s, st, id, e) : -1;
}

int
store_purge_gone(struct store *s, int64_t before, size_t *count, struct err *e)
{
	sqlite3_stmt *st;
	int changed = 0, rc = 0;

	if (s->oldest_gone < before) {
		st = get_for(s, SQL_PURGE_GONE, before, e);
		rc = st ? sql_write(s, st, &changed, e) : -1;
	}
	*count = (size_t)changed;
	return rc;
}
