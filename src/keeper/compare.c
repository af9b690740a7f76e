/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/compare.h"

#include <stdlib.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "session/headers.h"
#include "session/identity.h"
#include "session/learning.h"
#include "session/refusals.h"
#include "keeper/removal.h"
#include "session/failure.h"

enum { TOP_MISSES = 3 }; /* before anything came: then it is not asked for */

bool
compare_has_top(const struct session *s)
{
	return !s->top.is_refused && s->facts.has_top;
}

/* --- what a digest decides --- */

static void
settle_known(struct session *s, size_t entry, size_t row)
{
	struct plan *p = mailbox_plan(s->mailbox);
	struct plan_item item = plan_at(p, entry);

	if (item.action != PLAN_DELETE || item.row != row)
		plan_settle(p, entry, row);
	if (mailbox_action(s->mailbox, entry) == PLAN_DELETE)
		removal_add(s, entry,
			    store_rows_at(mailbox_rows(s->mailbox), row).id);
}

static void
settle_new(struct session *s, size_t entry, const uint8_t *digest)
{
	plan_settle(mailbox_plan(s->mailbox), entry, SIZE_MAX);
	mailbox_set_digest(s->mailbox, entry, digest);
	if (s->turn.tries_broken) /* it comes in the same turn */
		mailbox_mark(s->mailbox, entry, MAILBOX_BROKE);
}

/* Of equal twins one is delivered; the others wait until it is on record, and
 * are then as good as delivered. */
static void
settle_twin(struct session *s, size_t entry, size_t twin)
{
	if (!mailbox_is(s->mailbox, twin, MAILBOX_DELIVERED))
		return;
	mailbox_mark(s->mailbox, entry, MAILBOX_DELIVERED);
	if (s->set->keeper->rules.keep_s == 0 &&
	    !mailbox_is(s->mailbox, twin, MAILBOX_CUT))
		removal_add(s, entry, 0);
}

static void
settle(struct session *s, size_t entry, const uint8_t *digest, size_t row)
{
	size_t twin = identity_find_twin(s->mailbox, entry, digest);

	if (row != SIZE_MAX)
		settle_known(s, entry, row);
	else if (twin != SIZE_MAX)
		settle_twin(s, entry, twin);
	else
		settle_new(s, entry, digest);
}

/* --- by TOP --- */

/* The row was found by TOP: is that too little? */
static bool
needs_proof(struct session *s, size_t entry, const struct identity_match *found)
{
	struct plan *p = mailbox_plan(s->mailbox);
	struct store_row row =
		store_rows_at(mailbox_rows(s->mailbox), found->row);

	if (s->set->mode != SESSION_FETCH)
		return false;
	if (found->is_exact &&
	    (!row.unproven || identity_has_size(s->mailbox, entry, row.octets)))
		return false;
	if (row.octets == 0 && row.size < 0) /* nothing could prove it */
		return false;
	if (row.gone_since != 0)
		return true;
	return plan_would_delete(p, entry, found->row);
}

/* What is not a known message by TOP may be one all the same; where that was
 * seen, RETR tells. */
static void
decide_unknown_by_top(struct session *s, size_t entry, const uint8_t *digest)
{
	if (!s->top.differs)
		settle(s, entry, digest, SIZE_MAX);
	if (s->top.differs || mailbox_action(s->mailbox, entry) == PLAN_FETCH)
		mailbox_mark(s->mailbox, entry, MAILBOX_NEW_BY_TOP);
}

static int
decide_by_top(struct session *s, size_t entry, const uint8_t *digest,
	      struct err *e)
{
	struct identity w = { .entry = entry, .digest = digest };
	struct identity_match found;

	if (identity_find(s, &w, &found, e) != 0)
		return -1;
	if (found.row == SIZE_MAX)
		decide_unknown_by_top(s, entry, digest);
	else if (needs_proof(s, entry, &found))
		mailbox_mark(s->mailbox, entry, MAILBOX_UNPROVEN);
	else
		settle(s, entry, digest, found.row);
	return 0;
}

/* A message that TOP refuses is asked for by RETR later; and all are, if TOP
 * has given nothing yet.  An empty header counts as none, since by that all
 * messages would be equal; but a message may be empty. */
static void
miss_top(struct session *s, const struct headers *h)
{
	mailbox_mark(s->mailbox, h->entry, MAILBOX_NO_TOP);
	if (!h->is_refused)
		mailbox_mark(s->mailbox, h->entry, MAILBOX_EMPTY_BY_TOP);
	if (s->top.came == 0 && ++s->top.misses >= TOP_MISSES)
		s->top.is_refused = true;
}

/* If nothing more is to be done about it, what has failed so far is over. */
static int
end_failures(struct session *s, size_t entry, struct err *e)
{
	enum plan_action action = mailbox_action(s->mailbox, entry);

	if (s->set->mode != SESSION_FETCH ||
	    (action != PLAN_KEEP && action != PLAN_LEARN))
		return 0;
	return failure_forget(s, entry, e);
}

static int
take_top(struct session *s, const struct headers *h, struct learning *l,
	 struct err *e)
{
	const uint8_t *digest;

	if (h->is_refused || header_is_empty(h->header)) {
		miss_top(s, h);
		return 0;
	}
	s->top.came++;
	digest = header_digest(h->header);
	if (mailbox_action(s->mailbox, h->entry) == PLAN_LEARN) {
		if (learning_add(l, h->entry, digest, e) != 0)
			return -1;
	} else if (decide_by_top(s, h->entry, digest, e) != 0) {
		return -1;
	}
	return end_failures(s, h->entry, e);
}

/* --- by RETR --- */

/* Has TOP shown none, though there is one? */
static void
note_empty(struct session *s, size_t entry, const struct header *header)
{
	if (mailbox_is(s->mailbox, entry, MAILBOX_EMPTY_BY_TOP) &&
	    !header_is_empty(header))
		s->top.differs = true;
}

/* If the message was found though TOP had shown another header, TOP differs. */
static void
note_difference(struct session *s, size_t entry, size_t row)
{
	if (row != SIZE_MAX &&
	    mailbox_is(s->mailbox, entry, MAILBOX_NEW_BY_TOP))
		s->top.differs = true;
}

static int
find_retrieved(struct session *s, const struct identity *w, size_t *row,
	       struct err *e)
{
	struct identity_match found;

	if (identity_find(s, w, &found, e) != 0)
		return -1;
	note_difference(s, w->entry, found.row);
	*row = found.row;
	return 0;
}

int
compare_retrieved(struct session *s, size_t entry, const uint8_t *digest,
		  int64_t octets, size_t *row, struct err *e)
{
	struct identity w = { entry, digest, octets, true };

	return find_retrieved(s, &w, row, e);
}

static int
take_retr(struct session *s, const struct headers *h, struct refusals *r,
	  struct err *e)
{
	struct identity w = {
		.entry = h->entry,
		.is_strict = mailbox_is(s->mailbox, h->entry, MAILBOX_UNPROVEN),
	};
	size_t row;

	if (h->is_refused) { /* it stays as it is */
		mailbox_mark(s->mailbox, h->entry, MAILBOX_REFUSED);
		return refusals_add(r, h->entry, &h->why, e);
	}
	if (refusals_settle(r, e) != 0)
		return -1;
	note_empty(s, h->entry, h->header);
	mailbox_set_octets(s->mailbox, h->entry, h->octets);
	w.digest = header_digest(h->header);
	w.octets = header_octets(h->header, h->octets);
	if (find_retrieved(s, &w, &row, e) != 0)
		return -1;
	if (row != SIZE_MAX)
		mailbox_mark(s->mailbox, h->entry, MAILBOX_PROVEN);
	settle(s, h->entry, w.digest, row);
	return end_failures(s, h->entry, e);
}

/* --- what to ask for --- */

/* Is there anything to compare this entry with? */
static bool
is_unclear(const struct session *s, size_t entry, bool fetched_some)
{
	const struct mailbox *m = s->mailbox;
	size_t row = SIZE_MAX;

	if (mailbox_is(m, entry, MAILBOX_DELIVERED | MAILBOX_REFUSED))
		return false;
	if (mailbox_action(m, entry) == PLAN_COMPARE)
		return fetched_some ||
		       plan_next_candidate(mailbox_plan(m), entry, &row);
	return mailbox_action(m, entry) == PLAN_DELETE &&
	       s->set->mode != SESSION_CHECK &&
	       !mailbox_is(m, entry, MAILBOX_REMOVAL);
}

/* Has one of its rows a digest by TOP? */
static bool
has_row_by_top(const struct mailbox *m, size_t entry)
{
	size_t row = SIZE_MAX;

	while (plan_next_candidate(mailbox_plan(m), entry, &row))
		if (store_rows_at(mailbox_rows(m), row).octets == 0)
			return true;
	return false;
}

/* TOP was refused, or it may be TOP that breaks sessions; but it may be RETR as
 * well, so they take turns. */
static bool
is_for_retr(const struct session *s, size_t entry)
{
	const struct mailbox *m = s->mailbox;

	return mailbox_is(m, entry, MAILBOX_NO_TOP) ||
	       (s->turn.tries_broken &&
		mailbox_action(m, entry) == PLAN_COMPARE &&
		failure_count(m, entry) % 2 == 1);
}

/* Two sessions broke at it, and the last turn broke one: might others be lost
 * with it, above all a DELE that waits?  Then it comes alone, when it has
 * failed least of all.  After a turn that went well there is no such care, lest
 * many that are good again come one by one. */
static bool
is_risky(const struct session *s, size_t entry, size_t safest)
{
	return s->turn.tries_broken && s->turn.is_careful &&
	       failure_count(s->mailbox, entry) >= BACKOFF_PATIENCE &&
	       (removal_waiting(s) > 0 || entry != safest);
}

static bool
may_want_top(const struct session *s, size_t entry, bool fetched_some)
{
	const struct mailbox *m = s->mailbox;

	if (mailbox_action(m, entry) == PLAN_LEARN)
		return s->set->mode != SESSION_CHECK &&
		       !mailbox_is(m, entry, MAILBOX_LEARNED);
	return is_unclear(s, entry, fetched_some) &&
	       !mailbox_is(m, entry, MAILBOX_NEW_BY_TOP | MAILBOX_UNPROVEN) &&
	       (!s->top.differs || has_row_by_top(m, entry));
}

/* Of those whose turn it is one that has failed least; SIZE_MAX where there is
 * no such care. */
static size_t
find_safest(const struct session *s, bool fetched_some)
{
	size_t safest = SIZE_MAX, count = mailbox_count(s->mailbox);

	for (size_t i = 0;
	     s->turn.tries_broken && s->turn.is_careful && i < count; i++)
		if (is_unclear(s, i, fetched_some) && failure_has_turn(s, i) &&
		    failure_is_safer(s->mailbox, i, safest))
			safest = i;
	return safest;
}

static bool
wants_top(const struct session *s, size_t entry, bool fetched_some,
	  size_t safest)
{
	return may_want_top(s, entry, fetched_some) &&
	       failure_has_turn(s, entry) && !is_for_retr(s, entry) &&
	       !is_risky(s, entry, safest);
}

/* Is it for RETR to tell, since TOP cannot? */
static bool
wants_retr(const struct session *s, size_t entry, bool fetched_some,
	   size_t safest)
{
	return is_unclear(s, entry, fetched_some) &&
	       failure_has_turn(s, entry) && !is_risky(s, entry, safest) &&
	       (!compare_has_top(s) || s->top.differs ||
		is_for_retr(s, entry) ||
		mailbox_is(s->mailbox, entry, MAILBOX_UNPROVEN));
}

/* --- the two passes --- */

/* What has been found to be due is deleted while there is time. */
static int
end_slice(struct session *s, struct err *e)
{
	if (s->set->mode != SESSION_FETCH || removal_waiting(s) == 0)
		return 0;
	return removal_run(s, e) != 0 ? -1 : removal_drain(s, e);
}

/* Is it for RETR to go on with, as far as TOP can tell? */
static bool
is_left_to_retr(const struct session *s, size_t entry)
{
	return s->set->mode == SESSION_FETCH &&
	       (mailbox_action(s->mailbox, entry) == PLAN_FETCH ||
		mailbox_is(s->mailbox, entry,
			   MAILBOX_NO_TOP | MAILBOX_UNPROVEN |
				   MAILBOX_NEW_BY_TOP));
}

static int
slice_by_top(struct session *s, struct headers *h, struct learning *l,
	     struct err *e)
{
	int got;

	while ((got = headers_next(h, e)) > 0) {
		size_t before = removal_waiting(s);

		if (take_top(s, h, l, e) != 0)
			return -1;
		if (s->top.is_refused)
			headers_stop(h);
		if (is_left_to_retr(s, h->entry))
			headers_expect_retr(h);
		headers_expect(h, removal_waiting(s) - before);
	}
	return got;
}

static int
pass_by_top(struct session *s, bool is_wanted[], struct err *e)
{
	struct learning l;
	struct headers h;
	int rc;

	learning_open(&l, s);
	headers_open(&h, s, LINK_TOP, is_wanted);
	headers_expect(&h, removal_waiting(s));
	while ((rc = slice_by_top(s, &h, &l, e)) == 0 && headers_go_on(&h))
		if ((rc = end_slice(s, e)) != 0)
			break;
	headers_close(&h);
	if (rc == 0)
		rc = learning_save(&l, e);
	learning_close(&l);
	return rc;
}

static int
slice_by_retr(struct session *s, struct headers *h, struct refusals *r,
	      struct err *e)
{
	int got;

	while ((got = headers_next(h, e)) > 0) {
		size_t before = removal_waiting(s);

		if (take_retr(s, h, r, e) != 0)
			return -1;
		if (mailbox_action(s->mailbox, h->entry) == PLAN_FETCH)
			headers_expect_retr(h);
		headers_expect(h, removal_waiting(s) - before);
		if (refusals_are_many(r))
			headers_ask_last(h);
	}
	return got;
}

/* All that was asked for is answered: were the last ones refused because the
 * server gives no more? */
static int
end_refusals(struct headers *h, struct refusals *r, struct err *e)
{
	if (!refusals_are_many(r) || !refusals_have_new(r) ||
	    (!headers_has_asked_last(h) && !refusals_reach_the_end(r)))
		return refusals_settle(r, e);
	if (refusals_note_due(r, e) != 0)
		return -1;
	refusals_confirm(r);
	headers_stop(h);
	return 0;
}

static int
pass_by_retr(struct session *s, bool is_wanted[], struct err *e)
{
	struct refusals r;
	struct headers h;
	int rc;

	refusals_open(&r, s);
	headers_open(&h, s, LINK_RETR, is_wanted);
	headers_expect(&h, removal_waiting(s));
	while ((rc = slice_by_retr(s, &h, &r, e)) == 0 &&
	       (rc = end_refusals(&h, &r, e)) == 0 && headers_go_on(&h))
		if ((rc = end_slice(s, e)) != 0)
			break;
	headers_close(&h);
	refusals_close(&r);
	return rc;
}

int
compare_run(struct session *s, bool fetched_some, struct err *e)
{
	size_t count = mailbox_count(s->mailbox);
	bool *is_wanted = mem_array(count, sizeof(*is_wanted));
	size_t safest = find_safest(s, fetched_some);
	int rc = 0;

	s->top.is_cut = false;
	for (size_t i = 0; i < count; i++)
		is_wanted[i] = wants_top(s, i, fetched_some, safest);
	if (compare_has_top(s))
		rc = pass_by_top(s, is_wanted, e);
	for (size_t i = 0; i < count; i++)
		is_wanted[i] = wants_retr(s, i, fetched_some, safest);
	if (rc == 0 && s->set->mode == SESSION_FETCH)
		rc = pass_by_retr(s, is_wanted, e);
	if (rc == 0 && s->top.is_cut) /* the next round may take all the time */
		rc = end_slice(s, e);
	free(is_wanted);
	return rc;
}

size_t
compare_left(const struct session *s)
{
	size_t left = 0;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		left += (mailbox_is_back(s->mailbox, i) ||
			 (mailbox_action(s->mailbox, i) == PLAN_COMPARE &&
			  is_unclear(s, i, true))) &&
			failure_has_turn(s, i);
	return left;
}
