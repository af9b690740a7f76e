/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "keeper/session_state.h"

/*
 * Header digests of messages on the server, by TOP n 0, pipelined; from a server
 * without TOP by RETR, whose body is thrown away.  Only one message comes in at a time,
 * so one header reader serves.
 *
 * Some servers give another header by TOP than by RETR, or none.  What TOP shows to be
 * no known message is therefore compared once more when it was retrieved (incoming.c);
 * from a server where that has happened RETR is asked for at once, but for rows whose
 * digest is by TOP.  And RETR has to show that a message of another size is the one that
 * it seems to be, before it is deleted or where it was seen to be gone: of somebody's
 * copy and that of a mailing list the header is the same.
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

/* --- what a digest decides --- */

/* Both are known, and equal. */
static bool
examine_is_exact(const struct session *s, size_t entry, int64_t size)
{
	return size != LISTING_SIZE_UNKNOWN &&
	       plan_size(s->plan, entry) == size;
}

/* The same of a row, which has two sizes. */
static bool
examine_has_size(const struct session *s, size_t entry,
		 const struct store_row *row)
{
	return examine_is_exact(s, entry, row->size) ||
	       (row->octets > 0 && examine_is_exact(s, entry, row->octets));
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

/* Could this row be the entry's, of another size?  A message may have changed its size;
 * but one that was deleted does not come back with another, and of several with one uid
 * (somebody's copy and that of a mailing list, with the same header) each has its own. */
static bool
examine_may_have_grown(const struct session *s, size_t entry, size_t at)
{
	struct store_row row = store_rows_at(s->rows, at);
	bool unknown = row.size == LISTING_SIZE_UNKNOWN ||
		       plan_size(s->plan, entry) == LISTING_SIZE_UNKNOWN;

	return plan_row_is_open(s->plan, at) &&
	       (unknown || row.dele_sent == 0);
}

/* A message that is to be found among the rows of its uid. */
struct examine_wanted {
	size_t entry;
	const uint8_t *digest;	/* of its header */
	int64_t octets;		/* header_octets of what was retrieved now, or 0 */
	bool strict;		/* a size on record must be as many, if octets are
				   not */
};

enum examine_fit { EXAMINE_NO, EXAMINE_PERHAPS, EXAMINE_EXACT };

/* What was retrieved both times decides, whatever is listed. */
static enum examine_fit
examine_fit(const struct session *s, const struct examine_wanted *w, size_t at)
{
	struct store_row row = store_rows_at(s->rows, at);

	if (w->octets > 0 && row.octets > 0)
		return w->octets == row.octets ? EXAMINE_EXACT : EXAMINE_NO;
	if (examine_has_size(s, w->entry, &row) ||
	    (w->octets > 0 && w->octets == row.size))
		return EXAMINE_EXACT;
	if (w->strict && row.size >= 0)
		return EXAMINE_NO;
	return examine_may_have_grown(s, w->entry, at) ? EXAMINE_PERHAPS
						       : EXAMINE_NO;
}

/* A row that was recorded without a header, of no other entry yet: its size has to do, if
 * it has one.  Nothing is deleted by it. */
static bool
examine_may_be_bare(const struct session *s, size_t entry, size_t at)
{
	struct store_row row = store_rows_at(s->rows, at);

	return row.status == STORE_DELIVERED && !row.has_digest &&
	       row.gone_since == 0 && row.dele_sent == 0 && !plan_row_is_here(s->plan, at) &&
	       (row.size < 0 || examine_is_exact(s, entry, row.size));
}

/* A uid may have been given to another message, so the planned row is only the first to
 * be looked at; of equal ones that with this very size is the one. */
static int
examine_find(struct session *s, const struct examine_wanted *w, size_t *row,
	     bool *exact, struct err *e)
{
	size_t at = SIZE_MAX, bare = SIZE_MAX;
	bool same;

	*row = SIZE_MAX;
	*exact = false;
	while (plan_next_candidate(s->plan, w->entry, &at)) {
		enum examine_fit fit = examine_fit(s, w, at);

		if (bare == SIZE_MAX && examine_may_be_bare(s, w->entry, at))
			bare = at;
		if (fit == EXAMINE_NO ||
		    (*row != SIZE_MAX && fit != EXAMINE_EXACT))
			continue;
		if (examine_is_row(s, at, w->digest, &same, e) == -1)
			return -1;
		if (same)
			*row = at;
		*exact = same && fit == EXAMINE_EXACT;
		if (*exact)
			return 0;
	}
	if (*row == SIZE_MAX && bare != SIZE_MAX) {
		*row = bare;
		*exact = true;
	}
	return 0;
}

int
examine_find_row(struct session *s, size_t entry, const uint8_t *digest,
		 size_t *row, struct err *e)
{
	struct examine_wanted w = { .entry = entry, .digest = digest };
	bool exact;

	return examine_find(s, &w, row, &exact, e);
}

/* Found though TOP had shown another header. */
static void
examine_note_difference(struct session *s, size_t entry, size_t row)
{
	if (row != SIZE_MAX && (s->marks[entry] & MARK_TOP))
		s->top_differs = true;
}

int
examine_find_retrieved(struct session *s, size_t entry, const uint8_t *digest,
		       int64_t octets, size_t *row, struct err *e)
{
	struct examine_wanted w = { entry, digest, octets, true };
	bool exact;

	if (examine_find(s, &w, row, &exact, e) == -1)
		return -1;
	examine_note_difference(s, entry, *row);
	return 0;
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
	if (s->set->keeper->rules.keep_s == 0)
		removal_add(s, entry, 0);
}

static void
examine_decide(struct session *s, size_t entry, const uint8_t *digest,
	       size_t row)
{
	size_t twin = examine_find_twin(s, entry, digest);

	if (row != SIZE_MAX)
		examine_found(s, entry, row);
	else if (twin != SIZE_MAX)
		examine_twin(s, entry, twin);
	else
		examine_new(s, entry, digest);
}

/* --- asking --- */

/* Found by TOP: is that too little? */
static bool
examine_is_to_be_proven(struct session *s, size_t entry, size_t r, bool exact)
{
	struct store_row row = store_rows_at(s->rows, r);

	if (s->set->mode != SESSION_FETCH ||
	    (exact && (!row.unproven ||
		       examine_is_exact(s, entry, row.octets))))
		return false;
	if (row.octets == 0 && row.size < 0)	/* there is no proof */
		return false;
	if (row.gone_since != 0)
		return true;
	plan_settle(s->plan, entry, r);
	return plan_at(s->plan, entry).action == PLAN_DELETE;
}

static int
examine_by_top(struct session *s, size_t entry, const uint8_t *digest,
	       struct err *e)
{
	struct examine_wanted w = { .entry = entry, .digest = digest };
	size_t row;
	bool exact;

	if (plan_at(s->plan, entry).action == PLAN_LEARN)
		return takeover_learn(s, entry, digest, e);
	if (examine_find(s, &w, &row, &exact, e) == -1)
		return -1;
	if (row != SIZE_MAX && examine_is_to_be_proven(s, entry, row, exact)) {
		s->marks[entry] |= MARK_PROVE;
		return 0;
	}
	if (row != SIZE_MAX || !s->top_differs)	/* else RETR tells */
		examine_decide(s, entry, digest, row);
	if (row == SIZE_MAX && (s->top_differs ||
				plan_at(s->plan, entry).action == PLAN_FETCH))
		s->marks[entry] |= MARK_TOP;
	return 0;
}

static int
examine_by_retr(struct session *s, size_t entry, const uint8_t *digest,
		int64_t octets, struct err *e)
{
	struct examine_wanted w = {
		.entry = entry,
		.digest = digest,
		.octets = octets,
		.strict = s->marks[entry] & MARK_PROVE,
	};
	size_t row;
	bool exact;

	if (examine_find(s, &w, &row, &exact, e) == -1)
		return -1;
	examine_note_difference(s, entry, row);
	if (row != SIZE_MAX)
		s->marks[entry] |= MARK_PROVEN;
	examine_decide(s, entry, digest, row);
	return 0;
}

/* TOP may give nothing at all, which would make all messages equal. */
static int
examine_top_end(void *arg, size_t entry, int64_t value, struct err *e)
{
	struct session *s = arg;
	int result = 0;

	(void)value;
	header_end(s->header);
	if (header_is_empty(s->header))
		s->top_refused = s->top_differs = true;
	else
		result = s->examined(s, entry, header_digest(s->header), e);
	header_start(s->header);
	return result;
}

static int
examine_retr_end(void *arg, size_t entry, int64_t octets, struct err *e)
{
	struct session *s = arg;
	int result;

	header_end(s->header);
	step_note(s, entry, octets);
	result = examine_by_retr(s, entry, header_digest(s->header),
				 header_octets(s->header, octets), e);
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
	.end = examine_top_end,
	.refused = examine_no_top,
};

static const struct errand_class examine_retr = {
	.order = LINK_RETR,
	.chunk = examine_retr_chunk,
	.end = examine_retr_end,
	.refused = examine_no_retr,
};

bool
examine_has_top(const struct session *s)
{
	return !s->top_refused &&
	       s->facts.has_top;
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

/* Has one of its rows a digest by TOP? */
static bool
examine_has_row_by_top(const struct session *s, size_t entry)
{
	size_t row = SIZE_MAX;

	while (plan_next_candidate(s->plan, entry, &row))
		if (store_rows_at(s->rows, row).octets == 0)
			return true;
	return false;
}

static bool
examine_wants_top(const struct session *s, size_t entry)
{
	if (plan_at(s->plan, entry).action == PLAN_LEARN)
		return !(s->marks[entry] & MARK_LEARNED);
	return examine_is_unclear(s, entry) &&
	       !(s->marks[entry] & (MARK_TOP | MARK_PROVE)) &&
	       (!s->top_differs || examine_has_row_by_top(s, entry));
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
		while (requests_room(s->requests) == 0)
			if (session_turn(s, false, e) == -1)
				return -1;
		if (session_is_stopping(s)) {
			s->stopped_short = true;
			break;
		}
		requests_give(s->requests, class,
			     listing_at(s->listing, i).number, i);
	}
	return session_settle(s, e);
}

/* Where TOP cannot tell. */
static bool
examine_wants_retr(const struct session *s, size_t entry)
{
	return examine_is_unclear(s, entry) &&
	       (!examine_has_top(s) || s->top_differs ||
		(s->marks[entry] & MARK_PROVE));
}

int
examine_by(struct session *s, session_examined *use,
	   bool (*is_wanted)(const struct session *s, size_t entry),
	   struct err *e)
{
	s->examined = use;
	return examine_has_top(s)
		? examine_ask(s, &examine_top, is_wanted, e) : 0;
}

int
examine_run(struct session *s, struct err *e)
{
	if (examine_by(s, examine_by_top, examine_wants_top, e) == -1 ||
	    takeover_save(s, e) == -1)
		return -1;
	if (s->set->mode != SESSION_FETCH)
		return 0;
	return examine_ask(s, &examine_retr, examine_wants_retr, e);
}
