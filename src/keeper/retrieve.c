/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/retrieve.h"

#include <errno.h>

#include "base/quantity.h"

enum {
	SPARE = 1024 * 1024, /* bytes left free on the disk */
	SLOW_AHEAD = 64,     /* messages, of those that run */
	SLOW_BYTES = 16 * 1024 * 1024,
	SERIAL_AHEAD = 2 /* on the wire, and the next */
};

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

const struct err *
retrieve_later(const struct retrieve *r)
{
	return &r->incoming.later;
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

/* --- credit --- */

static size_t
ahead(const struct retrieve *r)
{
	return requests_count(r->session->requests) +
	       batch_waiting(r->handover.batch);
}

/* Is enough on its way?  A slow destination takes one message after the other.
 * They are asked for many at a time all the same, so that courier and server
 * need not wake up for each. */
static bool
is_supplied(const struct retrieve *r)
{
	const struct batch *b = r->handover.batch;

	return batch_is_slow(b) && r->session->facts.pipelining &&
	       ahead(r) > SLOW_AHEAD / 2 + batch_max(b);
}

static bool
has_credit(const struct retrieve *r)
{
	const struct requests *x = r->session->requests;
	const struct batch *b = r->handover.batch;

	if (requests_room(x) == 0 || r->handover.lockstep.is_due)
		return false;
	if (ahead(r) == 0)
		return true;
	/* each may have to wait in a file that is open, until a proof has
	 * come */
	if (!batch_is_slow(b))
		return ahead(r) < 2 * batch_max(b);
	/* when a program wants no more, what is asked for comes all the same */
	if (!r->session->facts.pipelining && requests_count(x) >= SERIAL_AHEAD)
		return false;
	return ahead(r) < SLOW_AHEAD + batch_max(b) &&
	       r->asked_bytes + batch_waiting_bytes(b) < SLOW_BYTES;
}

/* --- asking --- */

static bool
is_over(const struct retrieve *r)
{
	return r->next == 2 * mailbox_count(r->session->mailbox) ||
	       r->incoming.has_given_up || r->handover.has_failed ||
	       phase_is_stopping(r->session);
}

static bool
is_wanted(const struct mailbox *m, size_t entry)
{
	return mailbox_action(m, entry) == PLAN_FETCH &&
	       !mailbox_is(m, entry, MAILBOX_TRIED);
}

static bool
has_failed_before(const struct mailbox *m, size_t entry)
{
	struct store_row row;

	return mailbox_row(m, entry, &row) && row.attempts > 0;
}

static uint64_t
expected_bytes(const struct retrieve *r, size_t entry)
{
	int64_t listed = mailbox_size(r->session->mailbox, entry);

	return listed > 0 ? (uint64_t)listed : 0;
}

/* Bytes that the disk can take beyond what was asked for. */
static uint64_t
room_on_disk(const struct retrieve *r)
{
	uint64_t taken = r->asked_bytes + SPARE;
	uint64_t has = batch_free_bytes(r->handover.batch);

	return has > taken ? has - taken : 0;
}

/* A message that cannot fit stays where it is, and does not keep those that can
 * from coming. */
static void
skip_for_space(struct retrieve *r, size_t entry, uint64_t size, uint64_t room)
{
	struct session *s = r->session;
	char name[MAILBOX_NAME_MAX], needs[QUANTITY_TEXT_MAX];
	char has[QUANTITY_TEXT_MAX];
	struct err e = ERR_INIT;

	s->result->failed++;
	if (r->has_told_space)
		return;
	r->has_told_space = true;
	mailbox_name(s->mailbox, entry, name);
	quantity_show_size(needs, size);
	quantity_show_size(has, room);
	err_set(&e, ERR_LOCAL,
		"%s, %s, is left on the server: only %s free on the disk", name,
		needs, has);
	phase_complain(s, &e);
}

/* False: not now, since a program makes room again by taking what waits for
 * it. */
static bool
ask(struct retrieve *r, size_t entry)
{
	struct session *s = r->session;
	uint64_t size = expected_bytes(r, entry);
	uint64_t room = room_on_disk(r);

	if (size > room && batch_ends_one_by_one(r->handover.batch) &&
	    ahead(r) > 0)
		return false;
	mailbox_mark(s->mailbox, entry, MAILBOX_TRIED);
	if (size > room) {
		skip_for_space(r, entry, size, room);
		return true;
	}
	requests_give(s->requests, LINK_RETR, mailbox_number(s->mailbox, entry),
		      entry);
	r->asked_bytes += size;
	return true;
}

/* Is all that came before handed over, and known to be in lockstep? */
static bool
is_clean(const struct retrieve *r)
{
	return requests_count(r->session->requests) == 0 &&
	       batch_is_quiet(r->handover.batch) &&
	       !r->handover.lockstep.is_lost;
}

static void
ask_more(struct retrieve *r)
{
	const struct mailbox *m = r->session->mailbox;
	size_t count = mailbox_count(m);

	r->is_alone = false;
	if (is_supplied(r))
		return;
	for (; !is_over(r) && has_credit(r); r->next++) {
		bool second = r->next >= count;
		size_t entry = second ? r->next - count : r->next;

		if (!is_wanted(m, entry) ||
		    (!second && has_failed_before(m, entry)))
			continue;
		r->is_alone = second && !is_clean(r);
		if (r->is_alone || !ask(r, entry))
			break;
	}
}

/* --- answers --- */

static int
take(struct retrieve *r, const struct answer *a, struct err *e)
{
	if (a->order == LINK_LIST)
		return lockstep_take(&r->handover.lockstep, r->session->mailbox,
				     a, e);
	if (a->is_last)
		r->asked_bytes -= expected_bytes(r, a->entry);
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

	while ((got = requests_next(r->session->requests, &a, e)) > 0) {
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

/* Is there nothing more to come for now? */
static bool
is_idle(const struct retrieve *r)
{
	return (is_over(r) || r->is_alone) &&
	       requests_count(r->session->requests) == 0;
}

/* Is it time for the proof?  It is needed when messages are due to be handed
 * over, or when the next one has to come alone; and all before it must be
 * answered. */
static bool
proof_is_due(struct retrieve *r)
{
	struct lockstep *l = &r->handover.lockstep;

	if (r->is_alone && l->is_lost && is_idle(r) &&
	    batch_is_quiet(r->handover.batch))
		l->is_due = true;
	return l->is_due && requests_count(r->session->requests) == 0;
}

static int
fetch(struct retrieve *r, struct err *e)
{
	bool was_idle = false, idle = false;

	r->next = 0;
	for (;;) {
		if (take_answers(r, e) != 0 ||
		    handover_run(&r->handover, idle, e) != 0)
			return -1;
		if (proof_is_due(r))
			lockstep_ask(&r->handover.lockstep, r->session);
		else if (idle && is_over(r) &&
			 batch_is_quiet(r->handover.batch))
			return 0;
		else
			ask_more(r);
		was_idle = idle;
		idle = is_idle(r);
		/* what waits is handed over before anything is waited for */
		if (idle && !was_idle)
			continue;
		if (wait_for_more(r, e) != 0)
			return -1;
	}
}

/* Did a stop request come before all was asked for? */
static void
note_rest(struct retrieve *r)
{
	struct session *s = r->session;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		if (phase_is_stopping(s) && is_wanted(s->mailbox, i))
			s->is_stopped_short = true;
}

static void
count_wanted(struct retrieve *r)
{
	struct session *s = r->session;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++) {
		if (!is_wanted(s->mailbox, i))
			continue;
		s->progress.messages_total++;
		s->progress.bytes_total += expected_bytes(r, i);
	}
}

int
retrieve_run(struct retrieve *r, struct err *e)
{
	struct session *s = r->session;

	if (!r->is_listed)
		incoming_open(&r->incoming, s, &r->handover);
	r->is_listed = true;
	count_wanted(r);
	if (s->progress.messages_total > 0)
		report_phase(s->report, "fetching");
	phase_show_progress(s, true);
	r->is_under_way = true;
	if (fetch(r, e) != 0)
		return -1;
	r->is_under_way = false;
	note_rest(r);
	if (handover_finish(&r->handover, e) != 0)
		return -1;
	phase_show_progress(s, true);
	return 0;
}

/* --- after a failure --- */

/* Is what is complete good after this error, and is there a point in handing it
 * over?  Not if the server broke the protocol, or if the destination has just
 * failed; but what was staged before a message that could not be staged is
 * good. */
static bool
is_good_after(const struct retrieve *r, const struct err *why)
{
	return r->incoming.has_failed || why->kind == ERR_NETWORK ||
	       why->kind == ERR_TLS || why->kind == ERR_LATER ||
	       why->kind == ERR_TROUBLE || why->kind == ERR_STOPPED ||
	       why->kind == ERR_INTERNAL;
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
	struct err e = ERR_INIT;
	int rc;

	see_told(r, why);
	rc = handover_save(&r->handover, is_good_after(r, why), &e);
	if (rc == 0)
		return;
	see_told(r, &e);
	/* `why` has named the disk that fails */
	if (why->kind == ERR_LOCAL || why->kind == ERR_CREATE || e.told)
		report_log(s->report, "failed: %s", e.text);
	else
		phase_complain(s, &e);
}

/* Where replies no longer fit the commands, the message at fault may be the one
 * that was waited for, or one before it that was shorter than listed, and ended
 * too early.  The next session asks for each by itself, and then knows. */
void
retrieve_blame(struct retrieve *r, const struct err *why)
{
	const struct lockstep *l = &r->handover.lockstep;
	bool protocol = why->kind == ERR_PROTOCOL;
	size_t entry;

	if (!r->is_listed || batch_is_broken(r->handover.batch))
		return;
	if (protocol && l->is_lost)
		incoming_blame(r->session, l->suspect, why);
	if (!r->is_under_way)
		return;
	if (r->incoming.has_failed)
		incoming_blame(r->session, r->incoming.failed, why);
	else if ((protocol || why->kind == ERR_NETWORK) &&
		 requests_waits_for(r->session->requests, LINK_RETR, &entry))
		incoming_blame(r->session, entry, why);
}
