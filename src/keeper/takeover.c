/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "keeper/session_state.h"
#include "state/fact.h"

/*
 * Messages that are recorded as delivered though nobody here delivered them: --catch-up,
 * and the headers of those that a list has recorded.  In steps, each a transaction, so
 * that a slow line or a stop leaves what was done.
 */
enum {
	TAKEOVER_STEP = 256,		/* messages */
	TAKEOVER_STEP_MS = 10 * 1000
};

struct takeover_message {
	size_t entry;
	bool has_digest;
	uint8_t digest[DIGEST_SHA256_SIZE];
};

/* What is not recorded yet. */
struct takeover {
	struct takeover_message at[TAKEOVER_STEP];
	size_t count;
	int64_t begun;		/* clock_ms of the first */
};

void
takeover_free(struct session *s)
{
	free(s->takeover);
}

/* --- a step --- */

/* The row that is to say that it is delivered: of its own, or SIZE_MAX. */
static int
takeover_find_row(struct session *s, const struct takeover_message *t,
		  size_t *row, struct err *e)
{
	struct plan_item item = plan_at(s->plan, t->entry);

	*row = SIZE_MAX;
	if (t->has_digest &&
	    examine_find_row(s, t->entry, t->digest, row, e) == -1)
		return -1;
	/* set aside or too large: it has no digest, or the header could not be had */
	if (*row == SIZE_MAX && item.row != SIZE_MAX &&
	    (!t->has_digest || !store_rows_at(s->rows, item.row).has_digest))
		*row = item.row;
	return 0;
}

static int
takeover_record_row(struct session *s, const struct store_row *row,
		    const struct store_message *m, struct err *e)
{
	if (m->digest != NULL &&
	    store_set_header(s->store, row->id, m, e) == -1)
		return -1;
	if (row->status == STORE_DELIVERED)
		return 0;
	s->result->kept++;
	return store_set_delivered(s->store, row->id, s->now, e);
}

static int
takeover_record(struct session *s, const struct takeover_message *t,
		struct err *e)
{
	struct listing_entry l = listing_at(s->listing, t->entry);
	struct store_message m = {
		.uid = l.uid,
		.uid_size = l.uid_size,
		.size = l.size,
		.digest = t->has_digest ? t->digest : NULL,
	};
	char name[SESSION_NAME_MAX];
	struct store_row row;
	size_t r;

	if (takeover_find_row(s, t, &r, e) == -1)
		return -1;
	session_name(s, t->entry, name);
	if (r != SIZE_MAX) {
		row = store_rows_at(s->rows, r);
		return takeover_record_row(s, &row, &m, e);
	}
	s->result->kept++;
	report_line(s->report, REPORT_VERBOSE, "%s recorded as delivered", name);
	return store_add_delivered(s->store, &m, s->now, e);
}

static int
takeover_record_all(struct session *s, struct err *e)
{
	for (size_t i = 0; i < s->takeover->count; i++)
		if (takeover_record(s, &s->takeover->at[i], e) == -1)
			return -1;
	/* a run that ends early is told from an account that works */
	if (s->set->mode != SESSION_CATCH_UP)
		return 0;
	return store_set_fact(s->store, FACT_CATCHING_UP, 1, e);
}

int
takeover_save(struct session *s, struct err *e)
{
	int result;

	if (s->takeover == NULL || s->takeover->count == 0)
		return 0;
	if (store_begin(s->store, STORE_DURABLE, e) == -1)
		return -1;
	result = session_end_note(s, takeover_record_all(s, e), e);
	s->takeover->count = 0;
	return result;
}

static int
takeover_add(struct session *s, size_t entry, const uint8_t *digest,
	     struct err *e)
{
	struct takeover *t = s->takeover;
	struct takeover_message *m;

	if (t == NULL)
		t = s->takeover = mem_alloc(sizeof(*t));
	if (t->count == 0)
		t->begun = clock_ms();
	m = &t->at[t->count++];
	m->entry = entry;
	m->has_digest = digest != NULL;
	if (digest != NULL)
		memcpy(m->digest, digest, sizeof(m->digest));
	s->marks[entry] |= MARK_LEARNED;
	if (t->count < TAKEOVER_STEP &&
	    clock_ms() < t->begun + TAKEOVER_STEP_MS)
		return 0;
	return takeover_save(s, e);
}

int
takeover_learn(struct session *s, size_t entry, const uint8_t *digest,
	       struct err *e)
{
	/* --dry-run changes nothing */
	return s->set->mode == SESSION_FETCH ? takeover_add(s, entry, digest, e)
					     : 0;
}

/* --- --catch-up --- */

static bool
takeover_wants(const struct session *s, size_t entry)
{
	switch (plan_at(s->plan, entry).action) {
	case PLAN_KEEP:
	case PLAN_DELETE:
		return false;
	case PLAN_FETCH:
	case PLAN_COMPARE:
	case PLAN_LEARN:
	case PLAN_TOO_LARGE:
	case PLAN_SET_ASIDE:
	case PLAN_LATER:
		break;
	}
	if (s->set->known_only && plan_at(s->plan, entry).row == SIZE_MAX)
		return false;
	/* without uid there is nothing to know it by */
	return listing_at(s->listing, entry).uid_size > 0 &&
	       !(s->marks[entry] & MARK_LEARNED);
}

static bool
takeover_is_newest(const struct session *s, size_t entry)
{
	return entry == s->newest;
}

static int
takeover_see_newest(struct session *s, size_t entry, const uint8_t *digest,
		    struct err *e)
{
	(void)entry;
	(void)digest;
	(void)e;
	header_date(s->header, s->newest_date);
	return 0;
}

/* How many are wanted, and by its own word when the last one listed, which is the newest
 * at all servers that are known, was written. */
static int
takeover_count(struct session *s, struct err *e)
{
	int result;

	for (size_t i = 0; i < listing_count(s->listing); i++)
		if (takeover_wants(s, i)) {
			s->progress.messages_total++;
			s->newest = i;
		}
	if (s->progress.messages_total == 0)
		return 0;
	result = examine_by(s, takeover_see_newest, takeover_is_newest, e);
	/* what this one lacks the others may have */
	s->top_refused = s->top_differs = false;
	return result;
}

static void
takeover_say(struct session *s, const char *verb)
{
	uint64_t count = s->progress.messages_total;
	const char *date = s->newest_date;

	report_line(s->report, s->set->mode == SESSION_CATCH_UP
		    ? REPORT_SUMMARY : REPORT_ANSWER,
		    "%s %llu message%s as delivered%s%s", verb,
		    (unsigned long long)count, text_plural(count),
		    date[0] == '\0' ? "" : count == 1 ? ", dated " :
		    ", the newest dated ", date);
}

static int
takeover_take(struct session *s, size_t entry, const uint8_t *digest,
	      struct err *e)
{
	s->progress.messages++;
	incoming_show_progress(s, false);
	return takeover_add(s, entry, digest, e);
}

/* Those whose header the server did not give. */
static int
takeover_take_rest(struct session *s, struct err *e)
{
	uint64_t count = 0;

	for (size_t i = 0; i < listing_count(s->listing); i++) {
		if (!takeover_wants(s, i))
			continue;
		count++;
		if (takeover_take(s, i, NULL, e) == -1)
			return -1;
	}
	if (count == 0)
		return 0;
	return survey_warn_unproven(s, count, e);
}

static int
takeover_finish(struct session *s, struct err *e)
{
	if (session_is_stopping(s))
		return 0;
	if (takeover_take_rest(s, e) == -1 || takeover_save(s, e) == -1 ||
	    store_begin(s->store, STORE_DURABLE, e) == -1 ||
	    session_end_note(s, store_set_fact(s->store, FACT_CATCHING_UP,
					       0, e), e) == -1)
		return -1;
	report_line(s->report, REPORT_SUMMARY,
		    "%llu message%s recorded as delivered",
		    (unsigned long long)s->result->kept,
		    text_plural(s->result->kept));
	return 0;
}

static int
takeover_start(struct session *s, const char *verb, struct err *e)
{
	if (!s->has_uidl)
		return err_set(e, ERR_UNAVAILABLE,
			       "--catch-up needs a server with UIDL");
	if (takeover_count(s, e) == -1)
		return -1;
	takeover_say(s, verb);
	return 0;
}

int
takeover_run(struct session *s, struct err *e)
{
	if (takeover_start(s, "recording", e) == -1)
		return -1;
	report_phase(s->report, "recording");
	if (examine_by(s, takeover_take, takeover_wants, e) == -1 ||
	    takeover_save(s, e) == -1)
		return -1;
	return takeover_finish(s, e);
}

int
takeover_look(struct session *s, struct err *e)
{
	char name[SESSION_NAME_MAX];

	if (takeover_start(s, "would record", e) == -1)
		return -1;
	for (size_t i = 0; i < listing_count(s->listing); i++) {
		if (!takeover_wants(s, i))
			continue;
		session_name(s, i, name);
		report_line(s->report, REPORT_ANSWER, "would record %s", name);
	}
	return 0;
}
