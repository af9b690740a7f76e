/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/uidlist.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "state/fact.h"
#include "state/listing.h"
#include "state/match.h"
#include "link/link.h"
#include "sys/fs.h"

enum { UIDLIST_FILE_MAX = 256 * 1024 * 1024 };

struct uidlist {
	struct listing *uids; /* numbers count from 1 */
	int64_t *times;	      /* 0: the list does not tell */
	size_t count;
};

void
uidlist_free(struct uidlist **l)
{
	if (!*l)
		return;
	listing_free(&(*l)->uids);
	free((*l)->times);
	free(*l);
	*l = NULL;
}

/* --- lines --- */

struct uidlist_line {
	const uint8_t *uid;
	size_t size;
	int64_t time;
};

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

static void
trim(struct uidlist_line *x)
{
	while (x->size > 0 && is_blank(x->uid[x->size - 1]))
		x->size--;
	for (; x->size > 0 && is_blank(*x->uid); x->size--)
		x->uid++;
}

/* What exceeds INT64_MAX is as good as that. */
static int64_t
read_time(const uint8_t *digits, size_t size)
{
	int64_t time = 0;

	for (size_t i = 0; i < size; i++)
		if (__builtin_mul_overflow(time, 10, &time) ||
		    __builtin_add_overflow(time, digits[i] - '0', &time))
			return INT64_MAX;
	return time;
}

static void
split(struct uidlist_line *x)
{
	size_t at = x->size;

	x->time = 0;
	while (at > 0 && x->uid[at - 1] >= '0' && x->uid[at - 1] <= '9')
		at--;
	if (at < 2 || at == x->size || !is_blank(x->uid[at - 1]))
		return;
	x->time = read_time(x->uid + at, x->size - at);
	x->size = at - 1;
	trim(x);
}

static void
add(struct uidlist *l, const struct uidlist_line *x)
{
	(void)listing_add(l->uids, (uint32_t)(l->count + 1), x->uid, x->size);
	l->times[l->count++] = x->time;
}

static int
take_line(struct uidlist *l, struct uidlist_line *x, size_t number,
	  struct err *e)
{
	trim(x);
	if (x->size == 0)
		return 0;
	split(x);
	if (x->size > LINK_PAYLOAD_MAX) /* no line of UIDL has such a uid */
		return err_set(e, ERR_USAGE,
			       "line %zu: uid of %zu bytes is too long", number,
			       x->size);
	add(l, x);
	return 0;
}

static size_t
count_lines(const uint8_t *at, size_t size)
{
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += at[i] == '\n';
	return lines;
}

static int
parse(struct uidlist *l, const uint8_t *at, size_t size, struct err *e)
{
	const uint8_t *end = at + size;
	size_t lines = count_lines(at, size);

	at += text_mark_size(at, size);
	l->uids = listing_new(lines, 0);
	l->times = mem_array(lines, sizeof(*l->times));
	for (size_t number = 1; at < end; number++) {
		const uint8_t *eol = memchr(at, '\n', (size_t)(end - at));
		struct uidlist_line x = { .uid = at };

		if (!eol)
			eol = end;
		x.size = (size_t)(eol - at);
		if (take_line(l, &x, number, e) != 0)
			return -1;
		at = eol < end ? eol + 1 : end;
	}
	listing_done(l->uids);
	return 0;
}

static int
read_file(const char *path, struct buf *text, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc = -1;

	if (fd < 0)
		return fs_fail_path(e, ERR_USAGE, "open", path);
	if (fs_read_fd(fd, path, UIDLIST_FILE_MAX, text, e) == 0)
		rc = 0;
	else
		e->kind = ERR_USAGE;
	fs_drop(&fd);
	return rc;
}

int
uidlist_read(struct uidlist **list, const char *path, struct err *e)
{
	struct uidlist *l = mem_alloc(sizeof(*l));
	struct buf text;

	buf_init(&text, UIDLIST_FILE_MAX);
	if (read_file(path, &text, e) != 0)
		uidlist_free(&l);
	else if (parse(l, text.data, text.len, e) != 0) {
		(void)err_context(e, "'%s'", path);
		uidlist_free(&l);
	}
	buf_free(&text);
	*list = l;
	return !l ? -1 : 0;
}

/* --- recording --- */

struct uidlist_job {
	const struct uidlist *list;
	struct store *store;
	struct store_rows *rows;
	struct match *match;
	int64_t released, now;
	bool dry;
};

/* If not, *row is the first row of this uid, or SIZE_MAX if there is none. */
static bool
is_delivered(const struct uidlist_job *j, size_t i, size_t *row)
{
	size_t r = match_first_row(j->match, i);

	*row = r;
	for (; r != SIZE_MAX; r = match_next_row(j->match, r))
		if (store_rows_at(j->rows, r).status == STORE_DELIVERED)
			return true;
	return false;
}

static int64_t
delivered(const struct uidlist_job *j, int64_t time)
{
	if (time == 0 || time > j->now)
		return j->now;
	return time < j->released ? j->released : time;
}

/* Takes over the row of a message that was set aside or too large.  Its size
 * and header, where they are not on record, are asked for like those of the
 * other uids. */
static int
take_over(const struct uidlist_job *j, struct store_row row, int64_t when,
	  struct err *e)
{
	if (!row.has_digest &&
	    store_set_size(j->store, row.id, LISTING_SIZE_UNKNOWN, false, e) !=
		    0)
		return -1;
	return store_set_delivered(j->store, row.id, when, e);
}

static int
record_one(const struct uidlist_job *j, size_t i, size_t row, struct err *e)
{
	struct listing_entry x = listing_at(j->list->uids, i);
	int64_t when = delivered(j, j->list->times[i]);
	struct store_message m = {
		.uid = x.uid,
		.uid_size = x.uid_size,
		.size = LISTING_SIZE_UNKNOWN,
	};

	if (j->dry)
		return 0;
	if (row == SIZE_MAX)
		return store_add_delivered(j->store, &m, when, e);
	return take_over(j, store_rows_at(j->rows, row), when, e);
}

static int
record_all(const struct uidlist_job *j, struct uidlist_result *r, struct err *e)
{
	size_t row;

	for (size_t i = 0; i < j->list->count; i++) {
		/* each uid is recorded once */
		if (match_twin(j->match, i) != SIZE_MAX ||
		    is_delivered(j, i, &row))
			continue;
		if (record_one(j, i, row, e) != 0)
			return -1;
		r->count++;
		if (j->list->times[i] > r->newest)
			r->newest = j->list->times[i];
	}
	return 0;
}

static int
record_durably(const struct uidlist_job *j, struct uidlist_result *r,
	       struct err *e)
{
	if (j->dry)
		return record_all(j, r, e);
	if (store_begin(j->store, STORE_DURABLE, e) != 0)
		return -1;
	if (record_all(j, r, e) == 0 &&
	    store_set_fact(j->store, FACT_HAS_LIST, 1, e) == 0)
		return store_commit(j->store, e);
	store_rollback(j->store);
	return -1;
}

int
uidlist_record(const struct uidlist *l, struct store *s, int64_t released,
	       int64_t now, bool dry, struct uidlist_result *r, struct err *e)
{
	struct uidlist_job j = {
		.list = l,
		.store = s,
		.released = released,
		.now = now,
		.dry = dry,
	};
	int rc;

	*r = (struct uidlist_result){ .count = 0 };
	if (store_load(s, &j.rows, e) != 0)
		return -1;
	j.match = match_new(l->uids, j.rows);
	rc = record_durably(&j, r, e);
	match_free(&j.match);
	store_rows_free(&j.rows);
	return rc;
}
