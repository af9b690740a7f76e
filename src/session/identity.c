/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/identity.h"

#include <string.h>

#include "state/fit.h"

bool
identity_has_size(const struct mailbox *m, size_t entry, int64_t size)
{
	return size != LISTING_SIZE_UNKNOWN &&
	       plan_size(mailbox_plan(m), entry) == size;
}

size_t
identity_find_twin(const struct mailbox *m, size_t entry, const uint8_t *digest)
{
	const struct plan *p = mailbox_plan(m);
	size_t twin = entry;

	while ((twin = match_twin(plan_match(p), twin)) != SIZE_MAX)
		if (identity_has_size(m, entry, plan_size(p, twin)) &&
		    mailbox_has_digest(m, twin, digest))
			break;
	return twin;
}

/* A row has two sizes: that of LIST, and the octets of RETR. */
static bool
is_of_size(const struct mailbox *m, size_t entry, const struct store_row *row)
{
	return identity_has_size(m, entry, row->size) ||
	       (row->octets > 0 && identity_has_size(m, entry, row->octets));
}

bool
identity_may_have_failed(const struct mailbox *m, size_t entry, size_t at)
{
	struct store_row row = store_rows_at(mailbox_rows(m), at);

	if (row.status == STORE_DELIVERED && row.gone_since != 0)
		return false;
	return plan_size(mailbox_plan(m), entry) == LISTING_SIZE_UNKNOWN ||
	       fit_has_no_size(&row) || is_of_size(m, entry, &row);
}

static bool
may_have_size_of(const struct mailbox *m, size_t entry, size_t other)
{
	int64_t size = plan_size(mailbox_plan(m), other);

	return size == LISTING_SIZE_UNKNOWN ||
	       plan_size(mailbox_plan(m), entry) == LISTING_SIZE_UNKNOWN ||
	       identity_has_size(m, entry, size);
}

static bool
may_be_delivered_by(const struct mailbox *m, size_t entry, size_t row)
{
	return store_rows_at(mailbox_rows(m), row).status == STORE_DELIVERED &&
	       identity_may_have_failed(m, entry, row);
}

bool
identity_may_be_missing(const struct mailbox *m, size_t entry)
{
	const struct match *match = plan_match(mailbox_plan(m));
	size_t i = match_last(match, entry), row = match_first_row(match, i);
	int listed = 0, delivered = 0, n;

	for (n = 0; i != SIZE_MAX && n < MATCH_ROWS_MAX; n++) {
		listed += may_have_size_of(m, entry, i);
		i = match_twin(match, i);
	}
	for (n = 0; row != SIZE_MAX && n < MATCH_ROWS_MAX; n++) {
		delivered += may_be_delivered_by(m, entry, row);
		row = match_next_row(match, row);
	}
	return i == SIZE_MAX && row == SIZE_MAX && listed > delivered;
}

bool
identity_find_piece(const struct mailbox *m, size_t entry, int64_t own,
		    struct store_row *row)
{
	size_t at = SIZE_MAX;

	while (plan_next_candidate(mailbox_plan(m), entry, &at)) {
		*row = store_rows_at(mailbox_rows(m), at);
		if (row->unproven && row->status == STORE_DELIVERED &&
		    row->uid_size > 0 && row->id != own)
			return true;
	}
	return false;
}

/* Could this row be the entry's, although its size is another?  The size of a
 * message may have changed.  But one that was deleted does not come back with
 * another size; and of several messages with one uid (one's own copy and that
 * of a mailing list, with the same header) each has a size of its own. */
static bool
may_have_grown(const struct mailbox *m, size_t entry, size_t at,
	       const struct store_row *row)
{
	const struct plan *p = mailbox_plan(m);
	bool unknown = row->size == LISTING_SIZE_UNKNOWN ||
		       plan_size(p, entry) == LISTING_SIZE_UNKNOWN;

	return plan_row_is_open(p, at) && (unknown || row->dele_sent == 0);
}

enum likeness { FIT_NONE, FIT_PERHAPS, FIT_EXACT };

/* Octets that were counted both times decide, whatever the server lists. */
static enum likeness
fit_row(const struct mailbox *m, const struct identity *w, size_t at,
	const struct store_row *row)
{
	if (w->octets > 0 && row->octets > 0)
		return w->octets == row->octets ? FIT_EXACT : FIT_NONE;
	if (is_of_size(m, w->entry, row) ||
	    (w->octets > 0 && w->octets == row->size))
		return FIT_EXACT;
	if (w->is_strict && row->size >= 0)
		return FIT_NONE;
	return may_have_grown(m, w->entry, at, row) ? FIT_PERHAPS : FIT_NONE;
}

/* May the row of a message that was recorded without a header be the entry's?
 * It must not be another entry's already, and its size, if it has one, has to
 * do.  Nothing is deleted by such a row. */
static bool
may_be_bare(const struct mailbox *m, size_t entry, size_t at,
	    const struct store_row *row)
{
	return row->status == STORE_DELIVERED && !row->has_digest &&
	       row->gone_since == 0 && row->dele_sent == 0 &&
	       !plan_row_is_here(mailbox_plan(m), at) &&
	       (row->size < 0 || identity_has_size(m, entry, row->size));
}

static int
is_same_header(struct session *s, int64_t id, const uint8_t *digest, bool *same,
	       struct err *e)
{
	uint8_t stored[DIGEST_SHA256_SIZE];
	bool found;

	if (store_digest(s->store, id, &found, stored, e) != 0)
		return -1;
	*same = found && memcmp(stored, digest, sizeof(stored)) == 0;
	return 0;
}

/* Looks at one row.  The first that fits perhaps is taken, unless a later one
 * fits exactly. */
static int
look_at(struct session *s, const struct identity *w, size_t at,
	const struct store_row *row, struct identity_match *found,
	struct err *e)
{
	enum likeness fit = fit_row(s->mailbox, w, at, row);
	bool same;

	if (fit == FIT_NONE || (found->row != SIZE_MAX && fit != FIT_EXACT))
		return 0;
	if (is_same_header(s, row->id, w->digest, &same, e) != 0)
		return -1;
	if (same)
		*found = (struct identity_match){ at, fit == FIT_EXACT };
	return 0;
}

/* A server may have given the uid to another message, so the row of the plan is
 * only the first to be looked at.  Among equal ones the row of this very size
 * is taken. */
int
identity_find(struct session *s, const struct identity *w,
	      struct identity_match *found, struct err *e)
{
	const struct mailbox *m = s->mailbox;
	size_t at = SIZE_MAX, bare = SIZE_MAX;

	*found = (struct identity_match){ SIZE_MAX, false };
	while (!found->is_exact &&
	       plan_next_candidate(mailbox_plan(m), w->entry, &at)) {
		struct store_row row = store_rows_at(mailbox_rows(m), at);

		if (bare == SIZE_MAX && may_be_bare(m, w->entry, at, &row))
			bare = at;
		if (look_at(s, w, at, &row, found, e) != 0)
			return -1;
	}
	if (found->row == SIZE_MAX && bare != SIZE_MAX)
		*found = (struct identity_match){ bare, true };
	return 0;
}
