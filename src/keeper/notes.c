/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/notes.h"

#include <stdlib.h>

#include "base/mem.h"
#include "keeper/compare.h"
#include "keeper/list.h"
#include "session/failure.h"
#include "session/identity.h"
#include "account/server_memory.h"

enum { GONE_S = 180 * 86400 }; /* after that a row is forgotten */

/* --- sizes and ages --- */

/* That a message found by TOP alone has this size is not proven.  And in a
 * listing that lacks messages, the one whose size was on record may be among
 * those it lacks. */
static int
note_size(struct session *s, size_t entry, const struct store_row *row,
	  struct err *e)
{
	int64_t size = mailbox_at(s->mailbox, entry).size;
	bool proven = size == row->octets ||
		      mailbox_is(s->mailbox, entry, MAILBOX_PROVEN);

	if (!listing_is_complete(mailbox_listing(s->mailbox)))
		return 0;
	return store_set_size(s->store, row->id, size, !proven, e);
}

/* Its header was not asked for, since the session had to end: with a size on
 * record it would never be asked for again. */
static bool
is_yet_to_learn(const struct session *s, size_t entry)
{
	const struct mailbox *m = s->mailbox;

	return mailbox_action(m, entry) == PLAN_LEARN && compare_has_top(s) &&
	       !mailbox_is(m, entry, MAILBOX_LEARNED | MAILBOX_NO_TOP) &&
	       failure_count(m, entry) == 0;
}

/* An earlier session has sent DELE, which was of no effect, as its header has
 * shown now; and it is to be kept.  Unless that DELE is forgotten it is
 * compared in each run. */
static bool
has_outlived_dele(const struct session *s, size_t entry,
		  const struct store_row *row)
{
	return row->dele_sent != 0 && row->has_digest && row->uid_size > 0 &&
	       mailbox_action(s->mailbox, entry) == PLAN_KEEP &&
	       !mailbox_is(s->mailbox, entry, MAILBOX_REMOVAL);
}

/* Has it come with the same octets once more?  Its size is a hint then. */
static bool
is_proven_now(const struct mailbox *m, size_t entry,
	      const struct store_row *row)
{
	return row->unproven && mailbox_is(m, entry, MAILBOX_PROVEN) &&
	       identity_has_size(m, entry, row->size);
}

static int
note_rows(struct session *s, struct err *e)
{
	struct store_row row;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++) {
		struct plan_item item = plan_at(mailbox_plan(s->mailbox), i);

		if (!mailbox_row(s->mailbox, i, &row))
			continue;
		if (is_proven_now(s->mailbox, i, &row) &&
		    store_set_size(s->store, row.id, row.size, false, e) != 0)
			return -1;
		if (item.size_changed && !is_yet_to_learn(s, i) &&
		    note_size(s, i, &row, e) != 0)
			return -1;
		if (plan_counts_anew(mailbox_plan(s->mailbox), i) &&
		    store_set_age(s->store, row.id, s->now, e) != 0)
			return -1;
		if (has_outlived_dele(s, i, &row) &&
		    store_set_dele_sent(s->store, row.id, 0, e) != 0)
			return -1;
	}
	return 0;
}

/* --- what is gone --- */

/* By TOP, or by its size, it is a new message; but only when it has come is
 * that sure, and it was not asked for: there was no time, or max_messages were
 * there. */
static bool
is_still_to_come(const struct mailbox *m, size_t entry)
{
	enum plan_action action = mailbox_action(m, entry);
	struct store_row row;

	/* a piece that was not delivered says nothing of the row */
	if (mailbox_is(m, entry, MAILBOX_CUT) &&
	    !mailbox_is(m, entry, MAILBOX_DELIVERED))
		return true;
	return (action == PLAN_FETCH || action == PLAN_LATER ||
		action == PLAN_TOO_LARGE) &&
	       !mailbox_is(m, entry, MAILBOX_TRIED | MAILBOX_LOOKED_UP) &&
	       !mailbox_row(m, entry, &row);
}

/* What the session has seen of what is there. */
struct sight {
	bool saw_contents;
	bool *open; /* rows that may be of messages still to come; owned */
};

static struct sight
look(const struct mailbox *m, bool saw_contents)
{
	size_t count = store_rows_count(mailbox_rows(m));
	struct sight g = { saw_contents, mem_array(count, sizeof(*g.open)) };

	for (size_t i = 0; i < mailbox_count(m); i++) {
		size_t row = SIZE_MAX;

		if (mailbox_is_back(m, i)) /* not compared: it may be new */
			g.open[plan_at(mailbox_plan(m), i).row] = true;
		if (!is_still_to_come(m, i))
			continue;
		while (plan_next_candidate(mailbox_plan(m), i, &row))
			g.open[row] = true;
	}
	return g;
}

static bool
would_have_seen(const struct mailbox *m, const struct store_row *row,
		bool saw_contents)
{
	return row->uid_size > 0 ? mailbox_has_uids(m) : saw_contents;
}

/* Does the listing tell anything new about whether this row's message is
 * there? */
static bool
is_news(const struct mailbox *m, size_t r, const struct store_row *row,
	const struct sight *g)
{
	const struct plan *p = mailbox_plan(m);

	return plan_row_is_here(p, r) != (row->gone_since == 0) &&
	       !plan_row_is_unclear(p, r) && !g->open[r] &&
	       would_have_seen(m, row, g->saw_contents);
}

/* What is gone is so since now, or since the latest time that earlier runs have
 * seen, if the clock has been set back. */
static int64_t
gone_now(const struct session *s)
{
	int64_t since = s->now;

	if (s->clock.last_run > since)
		since = s->clock.last_run;
	return s->clock.high > since ? s->clock.high : since;
}

/* A row whose message is not there: since a time that cannot be, it counts from
 * now, or it would be forgotten as soon as the clock is right. */
static bool
needs_time(const struct session *s, size_t r, const struct store_row *row)
{
	return row->gone_since != 0 &&
	       !plan_row_is_here(mailbox_plan(s->mailbox), r) &&
	       !age_is_credible(row->gone_since, RELEASED, gone_now(s));
}

static int
note_row_gone(struct session *s, size_t r, const struct store_row *row,
	      const struct sight *g, struct err *e)
{
	if (is_news(s->mailbox, r, row, g))
		return store_set_gone(s->store, row->id,
				      row->gone_since == 0 ? gone_now(s) : 0,
				      e);
	return needs_time(s, r, row)
		       ? store_set_gone(s->store, row->id, gone_now(s), e)
		       : 0;
}

/* While the clock is doubted nobody knows how long ago anything was, and
 * nothing is forgotten. */
static int
note_gone(struct session *s, const struct sight *g, struct err *e)
{
	const struct store_rows *rows = mailbox_rows(s->mailbox);
	size_t purged;

	if (!listing_is_complete(mailbox_listing(s->mailbox)))
		return 0;
	for (size_t r = 0; r < store_rows_count(rows); r++) {
		struct store_row row = store_rows_at(rows, r);

		if (note_row_gone(s, r, &row, g, e) != 0)
			return -1;
	}
	if (s->clock_is_doubted)
		return 0;
	return store_purge_gone(s->store, s->now - GONE_S, &purged, e);
}

/* Is there an absence that must be durable?  A row whose message was seen to be
 * gone is not believed again by its uid and size, and that must not be
 * forgotten; where DELE is on record it is not believed anyway. */
static bool
is_relied_on(const struct session *s, const struct sight *g)
{
	const struct store_rows *rows = mailbox_rows(s->mailbox);

	if (!listing_is_complete(mailbox_listing(s->mailbox)))
		return false;
	for (size_t r = 0; r < store_rows_count(rows); r++) {
		struct store_row row = store_rows_at(rows, r);

		if (row.gone_since == 0 && row.status == STORE_DELIVERED &&
		    (row.dele_sent == 0 || row.uid_size == 0) &&
		    is_news(s->mailbox, r, &row, g))
			return true;
	}
	return false;
}

void
notes_save_absences(struct session *s, bool saw_contents)
{
	struct sight g = look(s->mailbox, saw_contents);
	struct err ignored = ERR_INIT;

	if (is_relied_on(s, &g) &&
	    store_begin(s->store, STORE_DURABLE, &ignored) == 0)
		(void)phase_end_note(s, note_gone(s, &g, &ignored), &ignored);
	free(g.open);
}

/* --- all --- */

static int
note_all(struct session *s, const struct sight *g, struct err *e)
{
	if (note_rows(s, e) != 0 || note_gone(s, g, e) != 0 ||
	    server_memory_note(s->store, s->set->server, &s->facts, s->now,
			       e) != 0)
		return -1;
	return list_note_facts(s, e);
}

/* What nothing relies on is bookkeeping that a power cut may lose
 * (doc/design.md). */
int
notes_save(struct session *s, bool saw_contents, struct err *e)
{
	struct sight g = look(s->mailbox, saw_contents);
	bool durable = is_relied_on(s, &g);
	int rc;

	rc = store_begin(s->store, durable ? STORE_DURABLE : STORE_LAZY, e);
	if (rc == 0)
		rc = phase_end_note(s, note_all(s, &g, e), e);
	free(g.open);
	return rc;
}
