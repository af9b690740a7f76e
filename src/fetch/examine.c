/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "fetch/session_state.h"

/*
 * Header digests of messages on the server, by TOP n 0, pipelined; from a server
 * without TOP by RETR, whose body is thrown away.  Only one message comes in at a time,
 * so one header reader serves.
 */

static int
examine_chunk(void *arg, size_t entry, const uint8_t *bytes, size_t size,
	      struct err *e)
{
	struct session *s = arg;

	(void)entry;
	(void)e;
	header_add(s->header, bytes, size);
	return 0;
}

static int
examine_retr_chunk(void *arg, size_t entry, const uint8_t *bytes, size_t size,
		   struct err *e)
{
	struct session *s = arg;

	s->marks[entry] |= MARK_RETRIEVED;
	return examine_chunk(arg, entry, bytes, size, e);
}

static const uint8_t *
examine_digest(struct session *s)
{
	header_end(s->header);
	return header_digest(s->header);
}

/* --- what a digest decides --- */

/* Both are known, and equal. */
static bool
examine_is_exact(const struct session *s, size_t entry, int64_t size)
{
	return size != LISTING_SIZE_UNKNOWN &&
	       plan_size(s->plan, entry) == size;
}

/* An equal entry before this one, under the same uid, that is new in this session; or
 * SIZE_MAX. */
static size_t
examine_find_twin(const struct session *s, size_t entry, const uint8_t *digest)
{
	size_t twin = entry;

	while ((twin = plan_twin(s->plan, twin)) != SIZE_MAX)
		if ((s->marks[twin] & MARK_DIGEST) &&
		    examine_is_exact(s, entry,
				     plan_size(s->plan, twin)) &&
		    memcmp(s->digests[twin], digest, DIGEST_SHA256_SIZE) == 0)
			break;
	return twin;
}

static int
examine_is_row(struct session *s, size_t row, const uint8_t *digest,
	       bool *same, struct err *e)
{
	uint8_t stored[DIGEST_SHA256_SIZE];
	bool found;

	if (store_digest(s->store, store_rows_at(s->rows, row).id, &found,
			 stored, e) == -1)
		return -1;
	*same = found && memcmp(stored, digest, sizeof(stored)) == 0;
	return 0;
}

/* Could this row be the entry's, by its size?  A message may have changed its size; but
 * one that was deleted does not come back with another, and of several with one uid
 * (somebody's copy and that of a mailing list, with the same header) each has its own. */
static bool
examine_fits(const struct session *s, size_t entry, size_t at)
{
	struct store_row row = store_rows_at(s->rows, at);
	bool unknown = row.size == LISTING_SIZE_UNKNOWN ||
		       plan_size(s->plan, entry) == LISTING_SIZE_UNKNOWN;

	return examine_is_exact(s, entry, row.size) ||
	       (plan_row_is_open(s->plan, at) &&
		(unknown || row.dele_sent == 0));
}

/* A uid may have been given to another message, so the planned row is only the first to
 * be looked at; of equal ones that with this very size is the one. */
int
examine_find_row(struct session *s, size_t entry, const uint8_t *digest,
		 size_t *row, struct err *e)
{
	size_t at = SIZE_MAX;
	bool same;

	*row = SIZE_MAX;
	while (plan_next_candidate(s->plan, entry, &at)) {
		bool exact = examine_is_exact(
			s, entry, store_rows_at(s->rows, at).size);

		if (!examine_fits(s, entry, at) || (*row != SIZE_MAX && !exact))
			continue;
		if (examine_is_row(s, at, digest, &same, e) == -1)
			return -1;
		if (same)
			*row = at;
		if (same && exact)
			break;
	}
	return 0;
}

/* Recorded without a digest (--catch-up on a server without TOP): uid and size are all
 * there is to know it by, as long as it was not seen to be gone. */
static bool
examine_is_known_by_uid_alone(const struct session *s, size_t entry)
{
	struct plan_item item = plan_at(s->plan, entry);
	struct store_row row;

	if (item.action != PLAN_DELETE)
		return false;
	row = store_rows_at(s->rows, item.row);
	return !row.has_digest && (row.dele_sent == 0 || row.gone_since == 0);
}

static void
examine_found(struct session *s, size_t entry, size_t row)
{
	struct plan_item item = plan_at(s->plan, entry);

	if (item.action != PLAN_DELETE || item.row != row)
		plan_settle(s->plan, entry, row);
	if (plan_at(s->plan, entry).action == PLAN_DELETE)
		removal_add(s, entry, store_rows_at(s->rows, row).id);
}

static void
examine_new(struct session *s, size_t entry, const uint8_t *digest)
{
	plan_settle(s->plan, entry, SIZE_MAX);
	if (s->digests == NULL)
		return;
	memcpy(s->digests[entry], digest, DIGEST_SHA256_SIZE);
	s->marks[entry] |= MARK_DIGEST;
}

/* Of equal twins one is delivered; the others wait until it is on record, and are then
 * as good as delivered. */
static void
examine_twin(struct session *s, size_t entry, size_t twin)
{
	if (!(s->marks[twin] & MARK_DELIVERED))
		return;
	s->marks[entry] |= MARK_DELIVERED;
	if (s->account->keep_s == 0)
		removal_add(s, entry, 0);
}

static int
examine_decide(struct session *s, size_t entry, const uint8_t *digest,
	       struct err *e)
{
	size_t row, twin;

	if (examine_find_row(s, entry, digest, &row, e) == -1)
		return -1;
	if (row == SIZE_MAX && examine_is_known_by_uid_alone(s, entry))
		row = plan_at(s->plan, entry).row;
	twin = examine_find_twin(s, entry, digest);
	if (row != SIZE_MAX)
		examine_found(s, entry, row);
	else if (twin != SIZE_MAX)
		examine_twin(s, entry, twin);
	else
		examine_new(s, entry, digest);
	return 0;
}

/* --- asking --- */

static int
examine_end(void *arg, size_t entry, int64_t value, struct err *e)
{
	struct session *s = arg;
	const uint8_t *digest = examine_digest(s);
	int result;

	(void)value;
	result = s->examined(s, entry, digest, e);
	header_start(s->header);
	return result;
}

/* What TOP refused is asked for by RETR later; what RETR refuses stays as it is. */
static int
examine_no_top(void *arg, size_t entry, const struct err *why, struct err *e)
{
	struct session *s = arg;

	(void)entry;
	(void)why;
	(void)e;
	s->top_refused = true;
	return 0;
}

static int
examine_no_retr(void *arg, size_t entry, const struct err *why, struct err *e)
{
	struct session *s = arg;
	struct err told = *why;

	(void)e;
	s->marks[entry] |= MARK_SHUT;
	err_context(&told, "RETR %u", listing_at(s->listing, entry).number);
	session_complain(s, &told);
	return 0;
}

static const struct errand_class examine_top = {
	.order = LINK_TOP,
	.chunk = examine_chunk,
	.end = examine_end,
	.refused = examine_no_top,
};

static const struct errand_class examine_retr = {
	.order = LINK_RETR,
	.chunk = examine_retr_chunk,
	.end = examine_end,
	.refused = examine_no_retr,
};

static bool
examine_has_top(const struct session *s)
{
	return !s->top_refused &&
	       (!s->facts.capa.known || s->facts.capa.top);
}

/* Is there anything to compare this entry with? */
static bool
examine_is_unclear(const struct session *s, size_t entry)
{
	size_t row = SIZE_MAX;

	if (s->marks[entry] & (MARK_DELIVERED | MARK_SHUT))
		return false;
	switch (plan_at(s->plan, entry).action) {
	case PLAN_COMPARE:
		return plan_next_candidate(s->plan, entry, &row) ||
		       s->fetched_some;
	case PLAN_DELETE:
		return !(s->marks[entry] & MARK_REMOVAL);
	default:
		return false;
	}
}

static bool
examine_is_new(const struct session *s, size_t entry)
{
	enum plan_action action = plan_at(s->plan, entry).action;

	return action != PLAN_KEEP && action != PLAN_DELETE;
}

static int
examine_ask(struct session *s, const struct errand_class *class,
	    bool (*is_wanted)(const struct session *s, size_t entry),
	    struct err *e)
{
	header_start(s->header);
	for (size_t i = 0; i < listing_count(s->listing); i++) {
		if (!is_wanted(s, i))
			continue;
		while (errands_room(s->errands) == 0)
			if (session_turn(s, false, e) == -1)
				return -1;
		if (session_is_stopping(s)) {
			s->stopped_short = true;
			break;
		}
		errands_give(s->errands, class,
			     listing_at(s->listing, i).number, i);
	}
	return session_settle(s, e);
}

int
examine_run(struct session *s, struct err *e)
{
	s->examined = examine_decide;
	if (examine_has_top(s) &&
	    examine_ask(s, &examine_top, examine_is_unclear, e) == -1)
		return -1;
	if (examine_has_top(s) || s->set->mode != SESSION_FETCH)
		return 0;
	return examine_ask(s, &examine_retr, examine_is_unclear, e);
}

int
examine_digests(struct session *s, session_examined *use, struct err *e)
{
	s->examined = use;
	if (examine_has_top(s) &&
	    examine_ask(s, &examine_top, examine_is_new, e) == -1)
		return -1;
	return 0;
}
