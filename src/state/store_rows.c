/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* All rows of a state in memory. */
#include "config.h"

#include "state/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state/listing.h"
#include "state/sql.h"

/* A million rows are not unusual, so they are packed. */
struct packed {
	int64_t id;
	int64_t size;
	int64_t octets;	  /* negative: unproven */
	uint64_t uid_end; /* in uids; it starts where the uid before ends */
	int64_t delivered;
	int64_t gone_since;
	int64_t dele_sent;
	int64_t next_try;
	uint16_t attempts;
	uint8_t status;
	bool has_digest;
	bool broke;
};

struct store_rows {
	struct packed *rows;
	size_t count, room;
	uint8_t *uids;
	size_t uids_size, uids_room;
};

/* The columns of SQL_ROWS. */
enum {
	ID,
	UID,
	SIZE,
	DIGEST_SIZE,
	STATUS,
	DELIVERED,
	GONE_SINCE,
	DELE_SENT,
	NEXT_TRY,
	ATTEMPTS,
	OCTETS,
	BROKE
};

static int64_t
clamped(sqlite3_stmt *st, int column, int64_t min, int64_t max)
{
	int64_t value = sqlite3_column_int64(st, column);

	if (value < min)
		return min;
	return value > max ? max : value;
}

static int64_t
time_of(sqlite3_stmt *st, int column)
{
	return clamped(st, column, 0, INT64_MAX);
}

static void
make_room(struct store_rows *r, size_t uid_size)
{
	if (r->count == r->room) {
		r->room += r->room / 4 + 64;
		r->rows = mem_resize(r->rows, r->room, sizeof(*r->rows));
	}
	if (uid_size > r->uids_room - r->uids_size) {
		r->uids_room += r->uids_room / 4 + uid_size + 1024;
		r->uids = mem_resize(r->uids, r->uids_room, 1);
	}
}

static int
add_row(struct store *s, struct store_rows *r, sqlite3_stmt *st, struct err *e)
{
	const void *uid = sqlite3_column_blob(st, UID);
	size_t uid_size = (size_t)sqlite3_column_bytes(st, UID);
	int64_t digest_size = sqlite3_column_int64(st, DIGEST_SIZE);
	int64_t status = sqlite3_column_int64(st, STATUS);
	char hex[LISTING_UID_HEX];

	if (uid_size > 0 && !uid)
		mem_exhausted();
	if (status < STORE_READY || status > SQL_STATUS_SKIPPED ||
	    (digest_size != 0 && digest_size != DIGEST_SHA256_SIZE))
		return sql_damaged(s, "a row makes no sense", e);
	/* of a version that kept it */
	uid = listing_short_uid(uid, &uid_size, hex);
	make_room(r, uid_size);
	if (uid_size > 0)
		memcpy(r->uids + r->uids_size, uid, uid_size);
	r->uids_size += uid_size;
	r->rows[r->count++] = (struct packed){
		.id = sqlite3_column_int64(st, ID),
		.size = clamped(st, SIZE, -1, INT64_MAX),
		.octets = clamped(st, OCTETS, -INT64_MAX, INT64_MAX),
		.uid_end = r->uids_size,
		.delivered = status == STORE_DELIVERED ||
					     status == SQL_STATUS_SKIPPED
				     ? time_of(st, DELIVERED)
				     : 0,
		.gone_since = time_of(st, GONE_SINCE),
		.dele_sent = time_of(st, DELE_SENT),
		.next_try = time_of(st, NEXT_TRY),
		.attempts = (uint16_t)clamped(st, ATTEMPTS, 0, UINT16_MAX),
		.status = (uint8_t)status,
		.has_digest = digest_size != 0,
		.broke = sqlite3_column_int(st, BROKE) != 0,
	};
	return 0;
}

/* Spares store_purge_gone a look at all rows when there is nothing to purge. */
static int64_t
oldest_gone(const struct store_rows *r)
{
	int64_t oldest = INT64_MAX;

	for (size_t i = 0; i < r->count; i++)
		if (r->rows[i].gone_since > 0 && r->rows[i].gone_since < oldest)
			oldest = r->rows[i].gone_since;
	return oldest;
}

/* Spares store_aside the same. */
static bool
has_aside(const struct store_rows *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->rows[i].status == STORE_SET_ASIDE)
			return true;
	return false;
}

/* Gives back what was allocated beyond need. */
static void
trim(struct store_rows *r)
{
	r->rows = mem_resize(r->rows, r->count, sizeof(*r->rows));
	r->uids = mem_resize(r->uids, r->uids_size, 1);
	r->room = r->count;
	r->uids_room = r->uids_size;
}

int
store_load(struct store *s, struct store_rows **rows, struct err *e)
{
	struct store_rows *r = mem_alloc(sizeof(*r));
	sqlite3_stmt *st = sql_get(s, SQL_ROWS, e);
	bool more = st;
	int rc = st ? 0 : -1;

	while (more) {
		rc = sql_next(s, st, &more, e);
		if (more)
			rc = add_row(s, r, st, e);
		if (rc != 0)
			break;
	}
	sql_end(st);
	if (rc == 0) {
		trim(r);
		s->oldest_gone = oldest_gone(r);
		s->has_no_aside = !has_aside(r);
	} else {
		store_rows_free(&r);
	}
	*rows = r;
	return rc;
}

size_t
store_rows_count(const struct store_rows *r)
{
	return r->count;
}

struct store_row
store_rows_at(const struct store_rows *r, size_t i)
{
	static const uint8_t none[1];
	const struct packed *x = &r->rows[i];
	bool skipped = x->status == SQL_STATUS_SKIPPED;
	size_t start;

	assert(i < r->count);
	start = i > 0 ? (size_t)r->rows[i - 1].uid_end : 0;
	return (struct store_row){
		.id = x->id,
		.uid = x->uid_end > start ? r->uids + start : none,
		.uid_size = (size_t)x->uid_end - start,
		.size = x->size,
		.octets = x->octets < 0 ? -x->octets : x->octets,
		.unproven = x->octets < 0,
		.status = skipped ? STORE_DELIVERED : x->status,
		.skipped = skipped,
		.has_digest = x->has_digest,
		.delivered = x->delivered,
		.gone_since = x->gone_since,
		.dele_sent = x->dele_sent,
		.next_try = x->next_try,
		.attempts = x->attempts,
		.broke = x->broke,
	};
}

void
store_rows_free(struct store_rows **r)
{
	if (!*r)
		return;
	free((*r)->rows);
	free((*r)->uids);
	free(*r);
	*r = NULL;
}
