/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/retrieve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "base/text.h"
#include "keeper/asking.h"
#include "keeper/removal.h"
#include "session/failure.h"
#include "session/unnamed.h"
#include "state/fact.h"

enum { GROUP_MOST = 256 };

int
retrieve_open(struct retrieve *r, struct session *s,
	      const struct deliver_target *target, struct err *e)
{
	*r = (struct retrieve){ .session = s };
	return handover_open(&r->handover, s, target, e);
}

void
retrieve_close(struct retrieve *r)
{
	handover_close(&r->handover);
	if (r->is_listed)
		incoming_close(&r->incoming);
}

size_t
retrieve_left(const struct retrieve *r)
{
	size_t left = r->handover.thrown;

	for (size_t i = 0; i < mailbox_count(r->session->mailbox); i++)
		left += asking_wants(r->session, i);
	return left;
}

bool
retrieve_saw_contents(const struct retrieve *r)
{
	const struct mailbox *m = r->session->mailbox;
	struct store_row row;

	if (r->incoming.threw_away)
		return false;
	for (size_t i = 0; i < mailbox_count(m); i++)
		if (!mailbox_row(m, i, &row) &&
		    !mailbox_is(m, i, MAILBOX_LOOKED_UP))
			return false;
	return true;
}

/* --- what is in hand --- */

static bool
is_single(const struct retrieve *r)
{
	return r->in_hand == 1 || r->in_hand == -1;
}

/* "": it has none. */
static char *
uid_of(const struct mailbox *m, size_t entry)
{
	struct listing_entry l = mailbox_at(m, entry);
	char *hex = mem_array(2 * l.uid_size + 1, 1);

	text_hex(hex, l.uid, l.uid_size);
	return hex;
}

static int
write_down(const struct retrieve *r, size_t entry, struct err *e)
{
	struct store *store = r->session->store;
	char *uid;
	int rc;

	if (store_set_fact(store, FACT_IN_HAND, r->in_hand, e) != 0)
		return -1;
	if (!is_single(r))
		return 0;
	uid = uid_of(r->session->mailbox, entry);
	rc = store_set_fact_text(store, FACT_IN_HAND_UID, uid, e);
	free(uid);
	return rc;
}

int
retrieve_note_in_hand(struct retrieve *r, int64_t count, size_t entry,
		      struct err *e)
{
	struct session *s = r->session;
	enum store_durability d =
		s->turn.tries_broken ? STORE_DURABLE : STORE_LAZY;

	if (s->turn.tries_broken)
		count = -count;
	if (count == r->in_hand && !is_single(r))
		return 0;
	r->in_hand = count;
	if (store_begin(s->store, d, e) != 0)
		return -1;
	return phase_end_note(s, write_down(r, entry, e), e);
}

static bool
has_uid(const struct mailbox *m, size_t entry, const char *uid)
{
	char *own = uid_of(m, entry);
	bool is_so = strcmp(own, uid) == 0;

	free(own);
	return is_so;
}

/* The first message that a run would have asked for, in the turn of others, or
 * of those at which a session broke: if its uid is known, of that uid, since
 * others may have come before it. */
static size_t
find_first(struct session *s, bool broken, const char *uid)
{
	const struct mailbox *m = s->mailbox;
	size_t found = SIZE_MAX;
	bool turn = s->turn.tries_broken;

	s->turn.tries_broken = broken;
	for (size_t i = 0; i < mailbox_count(m); i++)
		if (asking_wants(s, i) && (!*uid || has_uid(m, i, uid)) &&
		    (found == SIZE_MAX ||
		     failure_count(m, i) < failure_count(m, found)))
			found = i;
	s->turn.tries_broken = turn;
	return found;
}

/* SIZE_MAX: it is not to blame, since what was with the destination has been
 * judged.  What was delivered is not wanted any more; but where the uid is not
 * known that may have been it. */
static int
find_single(const struct retrieve *r, size_t *entry, struct err *e)
{
	struct session *s = r->session;
	bool is_judged;
	char *uid;

	if (store_fact_text(s->store, FACT_IN_HAND_UID, &uid, e) != 0)
		return -1;
	is_judged =
		uid && *uid ? s->set->has_undelivered : s->set->was_interrupted;
	*entry = is_judged ? SIZE_MAX
			   : find_first(s, r->in_hand < 0, uid ? uid : "");
	free(uid);
	return 0;
}

static void
blame(struct session *s, size_t entry)
{
	bool aside = failure_attempts(s, entry) >= BACKOFF_PATIENCE;
	struct err why = ERR_INIT;

	(void)err_set(&why, ERR_INTERNAL,
		      "the run was killed while this message was fetched");
	failure_blame(s, entry, 0, &why);
	mailbox_mark(s->mailbox, entry, aside ? MAILBOX_TRIED : MAILBOX_BROKE);
}

/* Was the run before killed while messages were in hand? */
static int
recall_in_hand(struct retrieve *r, struct err *e)
{
	struct session *s = r->session;
	size_t entry;

	if (unnamed_recall(s, e) != 0 ||
	    store_fact(s->store, FACT_IN_HAND, 0, &r->in_hand, e) != 0)
		return -1;
	r->is_careful = r->in_hand > 0;
	/* it was one of fewer than those */
	r->group_most = r->in_hand > 1 && r->in_hand < GROUP_MOST
				? (size_t)r->in_hand / 2
				: GROUP_MOST;
	if (!is_single(r))
		return 0;
	if (find_single(r, &entry, e) != 0)
		return -1;
	if (entry != SIZE_MAX)
		blame(s, entry);
	return 0;
}

void
retrieve_put_down(struct retrieve *r)
{
	struct err ignored = ERR_INIT;

	if (r->in_hand != 0)
		(void)phase_note_fact(r->session, FACT_IN_HAND, 0, &ignored);
	r->in_hand = 0;
}

/* --- answers --- */

static int
take(struct retrieve *r, const struct answer *a, struct err *e)
{
	if (a->order == LINK_LIST || a->order == LINK_UIDL) {
		if (lockstep_take(&r->handover.lockstep, r->session, a, e) != 0)
			return -1;
		return handover_see_cuts(&r->handover, e);
	}
	if (a->is_last)
		r->asked_bytes -= asking_bytes(r, a->entry);
	return incoming_take(&r->incoming, a, e);
}

/* Takes all that have come, or stops when something is to be handed over: many
 * small messages may come at once, each with a descriptor. */
static int
take_answers(struct retrieve *r, struct err *e)
{
	const struct handover *h = &r->handover;
	struct answer a;
	int got;

	while ((got = phase_take(r->session, &a, e)) > 0) {
		if (take(r, &a, e) != 0)
			return -1;
		if (a.is_last && !h->lockstep.is_due &&
		    batch_is_due(h->batch, false))
			break;
	}
	return got < 0 ? -1 : 0;
}

static int
wait_for_more(struct retrieve *r, struct err *e)
{
	int fds[DELIVER_POLL_MAX];
	size_t count = batch_poll(r->handover.batch, fds);

	return phase_wait(r->session, fds, count, handover_until(&r->handover),
			  e);
}

/* --- a round --- */

/* Must the other end of the list still be asked for? */
static bool
is_unclear(const struct retrieve *r)
{
	return refusals_are_many(&r->incoming.refusals) &&
	       (!r->asks_all || asking_is_over(r)) &&
	       !phase_is_ending(r->session) && !r->handover.has_failed;
}

/* Is there nothing more to come for now? */
static bool
is_idle(const struct retrieve *r)
{
	return (asking_is_over(r) || r->is_alone) && !is_unclear(r) &&
	       requests_count(r->session->requests) == 0;
}

/* Is it time for the proof?  It is needed when messages are due to be handed
 * over, when one that is known is to be deleted, or when the next one has to
 * come alone; and all before it must be answered. */
static bool
proof_is_due(struct retrieve *r)
{
	struct lockstep *l = &r->handover.lockstep;
	bool is_wanted = r->is_alone || removal_waiting(r->session) > 0;

	if (is_wanted && l->need != LOCKSTEP_SURE && is_idle(r) &&
	    batch_is_quiet(r->handover.batch))
		l->is_due = true;
	return l->is_due && requests_count(r->session->requests) == 0;
}

static int
fetch(struct retrieve *r, struct err *e)
{
	bool was_idle = false, idle = false;

	asking_begin(r);
	for (;;) {
		if (take_answers(r, e) != 0 ||
		    handover_run(&r->handover, idle, e) != 0)
			return -1;
		if (proof_is_due(r))
			lockstep_ask(&r->handover.lockstep, r->session);
		else if (idle && asking_is_over(r) &&
			 batch_is_quiet(r->handover.batch))
			return 0;
		else if (asking_more(r, e) != 0)
			return -1;
		was_idle = idle;
		idle = is_idle(r);
		/* what waits is handed over before anything is waited for */
		if (idle && (!was_idle || (asking_is_over(r) &&
					   batch_is_quiet(r->handover.batch))))
			continue;
		if (wait_for_more(r, e) != 0)
			return -1;
	}
}

/* Of many it would not be clear whose fault they are. */
int
retrieve_settle(struct retrieve *r, struct err *e)
{
	struct refusals *x = &r->incoming.refusals;

	if (refusals_are_many(x))
		refusals_forget(x);
	return refusals_settle(x, e);
}

/* If others are to take the place of those refused, what becomes of them tells
 * more. */
static int
settle_if_last(struct retrieve *r, struct err *e)
{
	const struct plan *p = mailbox_plan(r->session->mailbox);

	return plan_count(p, PLAN_LATER) > 0 ? 0 : retrieve_settle(r, e);
}

/* Did a stop request come before all was asked for? */
static void
note_rest(struct retrieve *r)
{
	struct session *s = r->session;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		if (phase_is_stopping(s) && asking_wants(s, i))
			s->is_stopped_short = true;
}

static void
count_wanted(struct retrieve *r)
{
	struct session *s = r->session;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++) {
		if (!asking_wants(s, i))
			continue;
		s->progress.messages_total++;
		s->progress.bytes_total += asking_bytes(r, i);
	}
}

int
retrieve_run(struct retrieve *r, struct err *e)
{
	struct session *s = r->session;

	if (!r->is_listed) {
		incoming_open(&r->incoming, s, &r->handover);
		r->is_listed = true;
		if (recall_in_hand(r, e) != 0 || asking_recall(r, e) != 0)
			return -1;
	}
	count_wanted(r);
	if (s->progress.messages_total > 0)
		report_phase(s->report, "fetching");
	phase_show_progress(s, true);
	r->is_under_way = true;
	if (fetch(r, e) != 0 || settle_if_last(r, e) != 0)
		return -1;
	r->is_under_way = false;
	note_rest(r);
	if (handover_finish(&r->handover, e) != 0 || asking_note(r, e) != 0)
		return -1;
	retrieve_put_down(r);
	phase_show_progress(s, true);
	return 0;
}

/* --- after a failure --- */

/* Is what is complete good after this error, and is there a point in handing it
 * over?  Not if the destination has just failed; but what was staged before a
 * message that could not be staged is good. */
static bool
is_good_after(const struct retrieve *r, const struct err *why)
{
	return r->incoming.has_failed || why->kind == ERR_NETWORK ||
	       why->kind == ERR_PROTOCOL || why->kind == ERR_TLS ||
	       why->kind == ERR_LATER || why->kind == ERR_TROUBLE ||
	       why->kind == ERR_STOPPED || why->kind == ERR_INTERNAL;
}

/* People were told that the disk is full when a message did not fit. */
static void
see_told(const struct retrieve *r, struct err *e)
{
	if (r->has_told_space && (e->sys == ENOSPC || e->sys == EDQUOT))
		e->told = true;
}

void
retrieve_save(struct retrieve *r, struct err *why)
{
	struct session *s = r->session;
	struct err e = ERR_INIT, ignored = ERR_INIT;
	int rc;

	if (r->is_listed && !batch_is_broken(r->handover.batch))
		(void)retrieve_settle(r, &ignored);
	see_told(r, why);
	rc = handover_save(&r->handover, is_good_after(r, why), &e);
	if (r->is_listed && batch_trouble(r->handover.batch) &&
	    !batch_is_broken(r->handover.batch))
		(void)asking_note(r, &ignored);
	if (rc == 0)
		return;
	see_told(r, &e);
	/* `why` has named the disk that fails */
	if (why->kind == ERR_LOCAL || why->kind == ERR_CREATE || e.told)
		report_log(s->report, "failed: %s", e.text);
	else
		phase_complain(s, &e, false);
}

/* Where replies no longer fit the commands, the message at fault may be the one
 * that was waited for, or one before it that was shorter than listed, and ended
 * too early, or was refused with a line too many; in a session out of step the
 * proof may also be waited for in vain.  The next session asks for each by
 * itself, and then knows. */
bool
retrieve_blame(struct retrieve *r, const struct err *why)
{
	const struct lockstep *l = &r->handover.lockstep;
	struct session *s = r->session;
	bool is_out_of_step = why->kind == ERR_PROTOCOL;
	size_t ignored;

	if (!r->is_listed)
		return false;
	if (why->kind == ERR_NETWORK)
		is_out_of_step =
			requests_waits_for(s->requests, LINK_UIDL, &ignored);
	if (is_out_of_step && l->has_suspect)
		failure_blame(s, l->suspect, 0, why);
	else if (is_out_of_step && l->had_refusal)
		failure_blame(s, l->refused, 0, why);
	if (!r->is_under_way || !r->incoming.has_failed)
		return false;
	failure_blame(s, r->incoming.failed, 0, why);
	return true;
}
