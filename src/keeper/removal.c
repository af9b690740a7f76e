/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/removal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "session/failure.h"
#include "session/ration.h"
#include "state/fact.h"

enum bye { BYE_NONE, BYE_REFUSED, BYE_OK };

struct removal {
	size_t entry;
	int64_t row;
};

struct removals {
	struct removal *at;
	size_t count, room;
	size_t asked;	  /* of these, DELE was given to the courier */
	size_t answered;  /* and answered, in this order */
	size_t step;	  /* so many at most are noted at once */
	uint64_t marked;  /* DELE was answered with +OK */
	uint64_t refused; /* or refused, for the first time */
	int64_t again;	  /* a session before has sent DELE as well */
	bool is_refused;  /* one was, now or before */
	bool was_sure;	  /* no session before has left DELEs unconfirmed */
	enum bye bye;	  /* how QUIT was answered */
};

/* Each step is noted durably before it is given, and answered before the next
 * one: a large one costs no more, but a small one soon shows how long it
 * takes. */
enum { FIRST_STEP = 256, NEXT_STEP = 8, MOST_STEP = 1000 * 1000 };

struct removals *
removals_new(void)
{
	struct removals *r = mem_alloc(sizeof(*r));

	r->step = FIRST_STEP;
	return r;
}

void
removals_free(struct removals **r)
{
	free((*r)->at);
	free(*r);
	*r = NULL;
}

void
removal_add(struct session *s, size_t entry, int64_t row)
{
	struct removals *r = s->removals;

	if (mailbox_at(s->mailbox, entry).odd ||
	    mailbox_is(s->mailbox, entry, MAILBOX_REMOVAL))
		return;
	mailbox_mark(s->mailbox, entry, MAILBOX_REMOVAL);
	if (r->count == r->room) {
		r->room = r->room == 0 ? 64 : r->room * 2;
		r->at = mem_resize(r->at, r->room, sizeof(*r->at));
	}
	r->at[r->count++] = (struct removal){ entry, row };
}

size_t
removal_waiting(const struct session *s)
{
	return s->removals->count - s->removals->asked;
}

/* --- DELE --- */

static bool
was_sent(const struct session *s, size_t entry)
{
	struct store_row row;

	/* one that failed before has an answer of its own */
	return mailbox_row(s->mailbox, entry, &row) && row.dele_sent != 0 &&
	       row.attempts == 0;
}

static bool
has_dele_on_record(const struct store_rows *rows)
{
	bool has = false;

	for (size_t i = 0; i < store_rows_count(rows) && !has; i++)
		has = store_rows_at(rows, i).dele_sent != 0 &&
		      store_rows_at(rows, i).gone_since == 0;
	return has;
}

/* Some mailboxes answer +OK to DELE and keep the message all the same. */
static int
look_back(struct session *s, int64_t count, struct err *e)
{
	int64_t confirmed, warned;

	if (store_fact(s->store, FACT_QUIT_CONFIRMED, 0, &confirmed, e) != 0 ||
	    store_fact(s->store, FACT_WARNED_DELE, 0, &warned, e) != 0)
		return -1;
	if (s->removals->asked == 0)
		s->removals->was_sure =
			confirmed != 0 ||
			!has_dele_on_record(mailbox_rows(s->mailbox));
	if (count == 0 || confirmed == 0 || warned != 0)
		return 0;
	phase_warn(s,
		   "server still lists %lld message%s deleted before: "
		   "deleted again, and not fetched again",
		   (long long)count, text_plural((uint64_t)count));
	return store_set_fact(s->store, FACT_WARNED_DELE, clock_unix(), e);
}

static int
note_rows(struct session *s, size_t end, struct err *e)
{
	struct removals *r = s->removals;
	int64_t now = clock_unix(), again = 0;

	for (size_t i = r->asked; i < end; i++) {
		again += was_sent(s, r->at[i].entry);
		if (r->at[i].row != 0 &&
		    store_set_dele_sent(s->store, r->at[i].row, now, e) != 0)
			return -1;
	}
	r->again += again;
	if (look_back(s, again, e) != 0)
		return -1;
	return store_set_fact(s->store, FACT_QUIT_CONFIRMED, 0, e);
}

/* Puts on the disk what is about to be deleted, before it is.  From then on no
 * message is taken for its row's by uid and size alone, and one of another size
 * under its uid is another message (one's own copy and that of a mailing
 * list). */
static int
note(struct session *s, size_t end, struct err *e)
{
	if (store_begin(s->store, STORE_DURABLE, e) != 0)
		return -1;
	return phase_end_note(s, note_rows(s, end, e), e);
}

static int
take_deleted(struct session *s, size_t entry, struct err *e)
{
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, entry, name);
	s->removals->marked++;
	mailbox_mark(s->mailbox, entry, MAILBOX_DELETED);
	report_line(s->report, REPORT_VERBOSE, "%s marked as deleted", name);
	return failure_forget(s, entry, e);
}

/* A twin has no row of its own to count in. */
static bool
has_row(const struct session *s, const struct removal *x)
{
	struct store_row row;

	return x->row != 0 || failure_row(s->mailbox, x->entry, &row);
}

/* In an earlier run, that is: what failed before it was delivered is another
 * thing. */
static bool
has_failed_before(const struct session *s, size_t entry)
{
	struct store_row row;

	return failure_row(s->mailbox, entry, &row) && row.attempts > 0 &&
	       row.status == STORE_DELIVERED;
}

void
removal_refuse(struct session *s, size_t entry, struct err *why)
{
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, entry, name);
	err_context(why, "%s is not deleted", name);
	phase_complain(s, why, false);
}

/* A mailbox that may only be read refuses all: people hear of the first one,
 * and in the end of how many there were. */
static int
take_refused(struct session *s, const struct answer *a, struct err *e)
{
	struct removals *r = s->removals;
	const struct removal *x = &r->at[r->answered];
	bool again = has_failed_before(s, a->entry);
	struct err why, told;

	answer_why(a, &why);
	err_context(&why, "DELE %u", a->record.number);
	r->is_refused = true;
	if (s->set->mode == SESSION_DELETE) {
		removal_refuse(s, a->entry, &why);
		return 0;
	}
	r->refused += !again;
	told = why;
	failure_say_fate(s, a->entry, true, &told);
	phase_complain(s, &told, again || r->refused > 1);
	return has_row(s, x) ? failure_note(s, a->entry, x->row, FAILURE_LATER,
					    why.text, e)
			     : 0;
}

static enum bye
how_it_ended(int64_t value)
{
	if (value < 0)
		return BYE_NONE; /* no answer came */
	return value == 1 ? BYE_OK : BYE_REFUSED;
}

static int
take(struct session *s, const struct answer *a, struct err *e)
{
	int rc = 0;

	if (a->type == LINK_BYE)
		s->removals->bye = how_it_ended(a->record.value);
	else if (a->type == LINK_DELETED)
		rc = take_deleted(s, a->entry, e);
	else if (a->type == LINK_REFUSED)
		rc = take_refused(s, a, e);
	s->removals->answered += a->order == LINK_DELE;
	return rc;
}

/* How many are there time for, of those that wait? */
static size_t
next_step(struct session *s)
{
	struct removals *r = s->removals;
	size_t count = phase_affordable(s, LINK_DELE, removal_waiting(s));

	/* only one shows how long it takes */
	if (count == 0 && requests_answered(s->requests, LINK_DELE) == 0)
		count = !phase_is_over(s);
	if (count > 0)
		count = phase_window(s, LINK_DELE, count);
	if (count == 0)
		s->is_out_of_time = true;
	if (count > r->step)
		count = r->step;
	if (r->step < MOST_STEP)
		r->step *= NEXT_STEP;
	return count;
}

static int
run_step(struct session *s, size_t count, struct err *e)
{
	struct removals *r = s->removals;
	size_t end = r->asked + count;
	struct answer a;

	if (note(s, end, e) != 0)
		return -1;
	while (r->asked < end) {
		size_t entry = r->at[r->asked].entry;

		while (requests_room(s->requests) <= 1) /* one is QUIT's */
			if (phase_next(s, &a, e) < 0 || take(s, &a, e) != 0)
				return -1;
		requests_give(s->requests, LINK_DELE,
			      mailbox_number(s->mailbox, entry), entry);
		r->asked++;
	}
	return 0;
}

int
removal_run(struct session *s, struct err *e)
{
	struct removals *r = s->removals;
	size_t count;

	if (removal_waiting(s) == 0)
		return 0;
	report_phase(s->report, "deleting");
	if (phase_is_stopping(s)) /* what was complete has taken its time */
		s->stop_until = clock_deadline(PHASE_STOP_MS);
	while (removal_waiting(s) > 0 && (count = next_step(s)) > 0)
		if (run_step(s, count, e) != 0 ||
		    (removal_waiting(s) > 0 && removal_drain(s, e) != 0))
			return -1;
	r->count = r->asked;
	return 0;
}

int
removal_drain(struct session *s, struct err *e)
{
	struct answer a;
	int got;

	while ((got = phase_next(s, &a, e)) > 0)
		if (take(s, &a, e) != 0)
			return -1;
	return got;
}

void
removal_blame(struct session *s, bool is_answered, const struct err *why)
{
	const struct removals *r = s->removals;
	size_t i = r->answered - is_answered;

	if (i < r->asked && has_row(s, &r->at[i]))
		failure_blame(s, r->at[i].entry, r->at[i].row, why);
}

/* --- QUIT --- */

static void
log_deleted(struct session *s)
{
	const struct removals *r = s->removals;
	char name[MAILBOX_NAME_MAX];

	s->result->deleted = r->marked;
	for (size_t i = 0; i < r->count; i++) {
		if (!mailbox_is(s->mailbox, r->at[i].entry, MAILBOX_DELETED))
			continue;
		mailbox_name(s->mailbox, r->at[i].entry, name);
		report_log(s->report, "deleted: %s", name);
	}
}

/* Some servers close in place of an answer.  But if one before did not delete
 * either, the line drops too early, or the server deletes nothing. */
static void
note_no_bye(struct session *s)
{
	struct err why = ERR_INIT;

	(void)err_set(&why, ERR_NETWORK,
		      "QUIT: no answer from server, and what was deleted in "
		      "an earlier run is still there");
	ration_broke(s, &why);
	phase_put_off(s, &why);
}

/* What has such a uid from now on is another message, which a row without
 * digest could not tell. */
static int
end_row(struct session *s, const struct store_row *row, struct err *e)
{
	if (!row->has_digest &&
	    store_set_dele_sent(s->store, row->id, clock_unix(), e) != 0)
		return -1;
	return row->status == STORE_SET_ASIDE
		       ? store_set_gone(s->store, row->id, clock_unix(), e)
		       : 0;
}

/* The deletions of this session count as confirmed, unless those of one before
 * would count with them. */
static int
end_rows(struct session *s, struct err *e)
{
	const struct removals *r = s->removals;
	struct store_row row;

	for (size_t i = 0; i < r->count; i++)
		if (mailbox_is(s->mailbox, r->at[i].entry, MAILBOX_DELETED) &&
		    mailbox_row(s->mailbox, r->at[i].entry, &row) &&
		    end_row(s, &row, e) != 0)
			return -1;
	if (r->is_refused || !r->was_sure)
		return 0;
	return store_set_fact(s->store, FACT_QUIT_CONFIRMED, clock_unix(), e);
}

void
removal_say_count(struct session *s)
{
	unsigned long long count = s->removals->marked;
	unsigned long long all = s->progress.messages_total;

	/* how far it came is said where it ended early */
	if (count == all || phase_is_ending(s))
		report_line(s->report, REPORT_ANSWER,
			    "%llu message%s deleted on the server", count,
			    text_plural(count));
	else
		report_line(s->report, REPORT_ANSWER,
			    "%llu of %llu message%s deleted on the server; "
			    "nothing tries %s again",
			    count, all, text_plural(all),
			    all == 1 ? "it" : "the others");
}

/* The end of --delete, which nothing does again. */
static int
note_verb_bye(struct session *s, struct err *e)
{
	const struct removals *r = s->removals;
	struct err why = ERR_INIT;

	if (r->count == 0)
		return 0;
	if (r->marked > 0 && r->bye != BYE_OK) {
		(void)err_set(&why, ERR_LATER,
			      "QUIT: %s: perhaps nothing is deleted, --list "
			      "shows it",
			      r->bye == BYE_NONE ? "no answer from server"
						 : "server refused it");
		phase_complain(s, &why, false);
		return 0;
	}
	log_deleted(s);
	removal_say_count(s);
	if (store_begin(s->store, STORE_DURABLE, e) != 0 ||
	    phase_end_note(s, end_rows(s, e), e) != 0)
		return -1;
	return failure_settle(s, e);
}

static int
note_bye(struct session *s, struct err *e)
{
	const struct removals *r = s->removals;

	if (s->set->mode == SESSION_DELETE)
		return note_verb_bye(s, e);
	if (r->count == 0 || s->set->mode != SESSION_FETCH)
		return 0;
	if (r->refused > 1)
		report_line(s->report, REPORT_WARNING,
			    "DELE was refused for %llu messages: these stay on "
			    "the server, and are tried again later",
			    (unsigned long long)r->refused);
	if (r->bye == BYE_REFUSED)
		phase_warn(s, "server refused QUIT: what was to be deleted is "
			      "looked at again in the next run");
	if (r->bye == BYE_NONE && r->again > 0)
		note_no_bye(s);
	if (r->bye != BYE_OK) {
		report_log(s->report, "deletion not confirmed: %llu messages",
			   (unsigned long long)r->marked);
		return 0;
	}
	log_deleted(s);
	return r->is_refused ? 0
			     : phase_note_fact(s, FACT_QUIT_CONFIRMED,
					       clock_unix(), e);
}

/* Was something retrieved that is not delivered, or perhaps not whole? */
static bool
would_lose(const struct mailbox *m)
{
	for (size_t i = 0; i < mailbox_count(m); i++) {
		enum plan_action action = mailbox_action(m, i);

		if (mailbox_is(m, i, MAILBOX_RETRIEVED) &&
		    (!mailbox_is(m, i, MAILBOX_DELIVERED) ||
		     mailbox_is(m, i, MAILBOX_CUT)) &&
		    action != PLAN_KEEP && action != PLAN_DELETE)
			return true;
	}
	return false;
}

int
removal_quit(struct session *s, struct err *e)
{
	/* RFC 2449 section 6.7: to such a server, retrieved is as good as
	 * deleted once it hears QUIT */
	if (s->facts.expire_days == 0 && would_lose(s->mailbox)) {
		report_line(s->report, REPORT_VERBOSE,
			    "no QUIT: the server would delete what was not "
			    "delivered (EXPIRE 0)");
		return 0;
	}
	/* a program may have taken all the time that a stop leaves */
	if (s->removals->count == 0 && phase_is_stopping(s))
		s->stop_until = clock_deadline(PHASE_STOP_MS);
	requests_give(s->requests, LINK_QUIT, 0, 0);
	return removal_drain(s, e) != 0 ? -1 : note_bye(s, e);
}
