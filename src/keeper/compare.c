/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/compare.h"

#include <stdlib.h>

#include "base/mem.h"
#include "session/headers.h"
#include "session/identity.h"
#include "keeper/learning.h"
#include "keeper/removal.h"

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
}

/* Of equal twins one is delivered; the others wait until it is on record, and
 * are then as good as delivered. */
static void
settle_twin(struct session *s, size_t entry, size_t twin)
{
	if (!mailbox_is(s->mailbox, twin, MAILBOX_DELIVERED))
		return;
	mailbox_mark(s->mailbox, entry, MAILBOX_DELIVERED);
	if (s->set->keeper->rules.keep_s == 0)
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

/* A message that TOP refuses is asked for by RETR later.  And TOP may give an
 * empty header, by which all messages would be equal. */
static int
take_top(struct session *s, const struct headers *h, struct learning *l,
	 struct err *e)
{
	const uint8_t *digest;

	if (h->is_refused) {
		s->top.is_refused = true;
		return 0;
	}
	if (header_is_empty(h->header)) {
		s->top.is_refused = s->top.differs = true;
		return 0;
	}
	digest = header_digest(h->header);
	if (mailbox_action(s->mailbox, h->entry) == PLAN_LEARN)
		return learning_add(l, h->entry, digest, e);
	return decide_by_top(s, h->entry, digest, e);
}

/* --- by RETR --- */

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

/* A message that RETR refuses stays as it is. */
static void
take_refusal(struct session *s, const struct headers *h)
{
	struct err told = h->why;

	mailbox_mark(s->mailbox, h->entry, MAILBOX_REFUSED);
	err_context(&told, "RETR %u", mailbox_number(s->mailbox, h->entry));
	phase_complain(s, &told);
}

static int
take_retr(struct session *s, const struct headers *h, struct err *e)
{
	struct identity w = {
		.entry = h->entry,
		.is_strict = mailbox_is(s->mailbox, h->entry, MAILBOX_UNPROVEN),
	};
	size_t row;

	if (h->is_refused) {
		take_refusal(s, h);
		return 0;
	}
	mailbox_set_octets(s->mailbox, h->entry, h->octets);
	w.digest = header_digest(h->header);
	w.octets = header_octets(h->header, h->octets);
	if (find_retrieved(s, &w, &row, e) != 0)
		return -1;
	if (row != SIZE_MAX)
		mailbox_mark(s->mailbox, h->entry, MAILBOX_PROVEN);
	settle(s, h->entry, w.digest, row);
	return 0;
}

/* --- what to ask for --- */

/* Is there anything to compare this entry with? */
static bool
is_unclear(const struct mailbox *m, size_t entry, bool fetched_some)
{
	size_t row = SIZE_MAX;

	if (mailbox_is(m, entry, MAILBOX_DELIVERED | MAILBOX_REFUSED))
		return false;
	if (mailbox_action(m, entry) == PLAN_COMPARE)
		return fetched_some ||
		       plan_next_candidate(mailbox_plan(m), entry, &row);
	return mailbox_action(m, entry) == PLAN_DELETE &&
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

static bool
wants_top(const struct session *s, size_t entry, bool fetched_some)
{
	const struct mailbox *m = s->mailbox;

	if (mailbox_action(m, entry) == PLAN_LEARN)
		return !mailbox_is(m, entry, MAILBOX_LEARNED);
	return is_unclear(m, entry, fetched_some) &&
	       !mailbox_is(m, entry, MAILBOX_NEW_BY_TOP | MAILBOX_UNPROVEN) &&
	       (!s->top.differs || has_row_by_top(m, entry));
}

/* Is it for RETR to tell, since TOP cannot? */
static bool
wants_retr(const struct session *s, size_t entry, bool fetched_some)
{
	return is_unclear(s->mailbox, entry, fetched_some) &&
	       (!compare_has_top(s) || s->top.differs ||
		mailbox_is(s->mailbox, entry, MAILBOX_UNPROVEN));
}

/* --- the two passes --- */

static int
pass_by_top(struct session *s, const bool is_wanted[], struct err *e)
{
	struct learning l;
	struct headers h;
	int got = 1, rc = 0;

	learning_open(&l, s);
	headers_open(&h, s, LINK_TOP, is_wanted);
	while (rc == 0 && (got = headers_next(&h, e)) > 0)
		rc = take_top(s, &h, &l, e);
	headers_close(&h);
	if (rc == 0)
		rc = got;
	if (rc == 0)
		rc = learning_save(&l, e);
	learning_close(&l);
	return rc;
}

static int
pass_by_retr(struct session *s, const bool is_wanted[], struct err *e)
{
	struct headers h;
	int got = 1, rc = 0;

	headers_open(&h, s, LINK_RETR, is_wanted);
	while (rc == 0 && (got = headers_next(&h, e)) > 0)
		rc = take_retr(s, &h, e);
	headers_close(&h);
	return rc != 0 ? -1 : got;
}

int
compare_run(struct session *s, bool fetched_some, struct err *e)
{
	size_t count = mailbox_count(s->mailbox);
	bool *is_wanted = mem_array(count, sizeof(*is_wanted));
	int rc = 0;

	for (size_t i = 0; i < count; i++)
		is_wanted[i] = wants_top(s, i, fetched_some);
	if (compare_has_top(s))
		rc = pass_by_top(s, is_wanted, e);
	for (size_t i = 0; i < count; i++)
		is_wanted[i] = wants_retr(s, i, fetched_some);
	if (rc == 0 && s->set->mode == SESSION_FETCH)
		rc = pass_by_retr(s, is_wanted, e);
	free(is_wanted);
	return rc;
}
