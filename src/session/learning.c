/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/learning.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "session/identity.h"
#include "state/fact.h"

void
learning_open(struct learning *l, struct session *s)
{
	*l = (struct learning){ .session = s };
}

void
learning_close(struct learning *l)
{
	free(l->at);
	l->at = NULL;
}

/* --- a step --- */

/* Is the row free for this message, or its own? */
static bool
is_free(const struct session *s, size_t entry, size_t row)
{
	const struct plan *p = mailbox_plan(s->mailbox);

	return plan_at(p, entry).row == row || !plan_row_is_here(p, row);
}

/* Is the message the one of this row, whose header it has?  Of another size it
 * is perhaps somebody's copy beside that of a mailing list. */
static bool
is_same_message(const struct session *s, size_t entry,
		const struct identity_match *match)
{
	struct store_row row =
		store_rows_at(mailbox_rows(s->mailbox), match->row);

	if (match->is_exact)
		return true;
	return is_free(s, entry, match->row) &&
	       (row.status != STORE_DELIVERED || row.size < 0 ||
		mailbox_at(s->mailbox, entry).size < 0);
}

/* Finds the row that is to say that the message is delivered; if there is none
 * (*found is false), it needs a row of its own. */
static int
find_row(struct session *s, const struct learnt *t, bool *found,
	 struct store_row *row, struct err *e)
{
	struct identity w = { .entry = t->entry, .digest = t->digest };
	struct identity_match match = { SIZE_MAX, false };

	if (t->has_digest && identity_find(s, &w, &match, e) != 0)
		return -1;
	if (match.row != SIZE_MAX) {
		*row = store_rows_at(mailbox_rows(s->mailbox), match.row);
		*found = is_same_message(s, t->entry, &match);
		if (*found)
			return 0;
	}
	/* the row of one that was set aside or too large has no digest; or the
	 * header could not be had */
	*found = mailbox_row(s->mailbox, t->entry, row) &&
		 (!t->has_digest || !row->has_digest);
	return 0;
}

/* With neither header nor size it would pass for one of a list, whose header is
 * learnt later; but that may be another message's by then, under the same uid.
 * So it is skipped, and never deleted. */
static int
record_as(struct session *s, int64_t id, const struct store_message *m,
	  struct err *e)
{
	if (!m->digest && m->size < 0)
		return store_set_skipped(s->store, &id, m, s->now, e);
	return id == 0 ? store_add_delivered(s->store, m, s->now, e)
		       : store_set_delivered(s->store, id, s->now, e);
}

static int
record_row(struct session *s, const struct store_row *row,
	   const struct store_message *m, struct err *e)
{
	if (m->digest && store_set_header(s->store, row->id, m, e) != 0)
		return -1;
	return row->status == STORE_DELIVERED ? 0 : record_as(s, row->id, m, e);
}

/* row: what is known of it, or NULL. */
static int
skip(struct session *s, struct learnt *t, const struct store_row *row,
     const struct store_message *m, struct err *e)
{
	int64_t id = row ? row->id : 0;

	t->was_delivered =
		row && row->status == STORE_DELIVERED && !row->skipped;
	return t->was_delivered
		       ? 0
		       : store_set_skipped(s->store, &id, m, s->now, e);
}

/* When it is on record. */
static void
say_skipped(struct session *s, const struct learnt *t)
{
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, t->entry, name);
	if (t->was_delivered) {
		report_line(s->report, REPORT_ANSWER,
			    "%s has been delivered already", name);
		return;
	}
	report_line(s->report, REPORT_ANSWER, "%s is skipped", name);
	report_log(s->report, "skipped: %s", name);
}

static int
record(struct learning *n, struct learnt *t, struct err *e)
{
	struct session *s = n->session;
	struct listing_entry l = mailbox_at(s->mailbox, t->entry);
	struct store_message m = {
		.uid = l.uid,
		.uid_size = l.uid_size,
		.size = l.size,
		.digest = t->has_digest ? t->digest : NULL,
	};
	char name[MAILBOX_NAME_MAX];
	struct store_row row;
	bool found;

	if (find_row(s, t, &found, &row, e) != 0)
		return -1;
	if (s->set->mode == SESSION_SKIP) {
		n->recorded++;
		return skip(s, t, found ? &row : NULL, &m, e);
	}
	if (!found && s->set->known_only)
		return 0;
	n->recorded++;
	if (found)
		return record_row(s, &row, &m, e);
	mailbox_name(s->mailbox, t->entry, name);
	report_line(s->report, REPORT_VERBOSE, "%s recorded as delivered",
		    name);
	return record_as(s, 0, &m, e);
}

static int
record_all(struct learning *l, struct err *e)
{
	struct session *s = l->session;

	for (size_t i = 0; i < l->count; i++)
		if (record(l, &l->at[i], e) != 0)
			return -1;
	/* so that a run that ends early is told from an account that works */
	if (s->set->mode != SESSION_CATCH_UP)
		return 0;
	return store_set_fact(s->store, FACT_CATCHING_UP, 1, e);
}

int
learning_save(struct learning *l, struct err *e)
{
	struct session *s = l->session;
	int rc;

	if (l->count == 0)
		return 0;
	l->recorded = 0;
	rc = store_begin(s->store, STORE_DURABLE, e);
	if (rc == 0)
		rc = phase_end_note(s, record_all(l, e), e);
	if (rc == 0)
		s->result->kept += l->recorded;
	for (size_t i = 0; i < l->count && rc == 0; i++)
		if (s->set->mode == SESSION_SKIP)
			say_skipped(s, &l->at[i]);
	l->count = 0; /* also of a step that has failed, which ends all */
	return rc;
}

int
learning_add(struct learning *l, size_t entry, const uint8_t *digest,
	     struct err *e)
{
	struct session *s = l->session;
	struct learnt *t;

	if (s->set->mode != SESSION_FETCH && s->set->mode != SESSION_CATCH_UP &&
	    s->set->mode != SESSION_SKIP)
		return 0;
	if (!l->at)
		l->at = mem_array(LEARNING_STEP, sizeof(*l->at));
	if (l->count == 0)
		l->begun = clock_ms();
	t = &l->at[l->count++];
	t->entry = entry;
	t->has_digest = digest;
	if (digest)
		memcpy(t->digest, digest, sizeof(t->digest));
	mailbox_mark(s->mailbox, entry, MAILBOX_LEARNED);
	if (l->count < LEARNING_STEP &&
	    clock_ms() < l->begun + LEARNING_STEP_MS)
		return 0;
	return learning_save(l, e);
}

/* --- words --- */

int
learning_warn_unproven(struct session *s, uint64_t count, struct err *e)
{
	int64_t warned;

	if (store_fact(s->store, FACT_WARNED_UNPROVEN, 0, &warned, e) != 0)
		return -1;
	if (warned != 0)
		return 0;
	phase_warn(s,
		   "server gave no header (TOP) of %llu message%s recorded by "
		   "--catch-up: popfetch never deletes %s",
		   (unsigned long long)count, text_plural(count),
		   count == 1 ? "it" : "them");
	return phase_note_fact(s, FACT_WARNED_UNPROVEN, s->now, e);
}
