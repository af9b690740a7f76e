/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/asking.h"

#include <limits.h>

#include "base/quantity.h"
#include "keeper/removal.h"
#include "session/failure.h"
#include "state/fact.h"

enum {
	SPARE = 1024 * 1024, /* bytes left free on the disk */
	FIRST = 128,	     /* are asked for before any has come */
	UNTRIED = 4,	     /* before a program has ended */
	SLOW_AHEAD = 64,     /* messages, of those that run */
	SLOW_BYTES = 16 * 1024 * 1024,
	SERIAL_MOST = 16, /* without PIPELINING */
	SERIAL_AHEAD = 2  /* on the wire, and the next */
};

bool
asking_wants(const struct session *s, size_t entry)
{
	/* one without uid may have come in the session before */
	if (s->set->broken_only && mailbox_at(s->mailbox, entry).uid_size == 0)
		return false;
	return mailbox_action(s->mailbox, entry) == PLAN_FETCH &&
	       !mailbox_is(s->mailbox, entry, MAILBOX_TRIED) &&
	       failure_has_turn(s, entry);
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

/* How long they take is not known at first; and what is ahead may be refused,
 * all of it. */
static size_t
most_requests(const struct retrieve *r)
{
	const struct session *s = r->session;
	bool grows = s->facts.pipelining && s->window == 0;

	return phase_window(s, LINK_RETR,
			    s->facts.pipelining ? FIRST : SERIAL_MOST) +
	       (grows ? requests_answered(s->requests, LINK_RETR) : 0);
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
	if (requests_count(x) >= most_requests(r))
		return false;
	/* each may have to wait in a file that is open, until a proof has
	 * come */
	if (!batch_is_slow(b))
		return ahead(r) < 2 * batch_max(b);
	/* nor how long a program takes: what comes too late for it comes again,
	 * which keeps such a server from hearing QUIT */
	if (r->session->facts.expire_days == 0 &&
	    handover_is_untried(&r->handover))
		return ahead(r) < UNTRIED + batch_max(b);
	/* when a program wants no more, what is asked for comes all the same */
	if (!r->session->facts.pipelining && requests_count(x) >= SERIAL_AHEAD)
		return false;
	return ahead(r) < SLOW_AHEAD + batch_max(b) &&
	       r->asked_bytes + batch_waiting_bytes(b) < SLOW_BYTES;
}

/* --- asking --- */

bool
asking_is_over(const struct retrieve *r)
{
	return r->next == 2 * mailbox_count(r->session->mailbox) ||
	       r->session->later.kind != ERR_NONE || r->handover.has_failed ||
	       phase_is_ending(r->session);
}

uint64_t
asking_bytes(const struct retrieve *r, size_t entry)
{
	int64_t listed = mailbox_size(r->session->mailbox, entry);

	return listed > 0 ? (uint64_t)listed : 0;
}

/* Bytes of messages that the disk can take beyond what was asked for. */
static uint64_t
room_on(const struct deliver_space *disk, const struct retrieve *r)
{
	uint64_t room;

	if (disk->free_bytes == UINT64_MAX)
		return UINT64_MAX;
	if (disk->free_bytes < SPARE)
		return 0;
	room = (disk->free_bytes - SPARE) / disk->copies;
	return room > r->asked_bytes ? room - r->asked_bytes : 0;
}

static void
tell_space(struct retrieve *r, size_t entry, const struct deliver_space *disk)
{
	struct session *s = r->session;
	char name[MAILBOX_NAME_MAX], needs[QUANTITY_TEXT_MAX];
	char has[QUANTITY_TEXT_MAX], kept[QUANTITY_TEXT_MAX];
	char coming[QUANTITY_TEXT_MAX];
	struct err e = ERR_INIT;

	mailbox_name(s->mailbox, entry, name);
	quantity_show_size(needs, asking_bytes(r, entry));
	quantity_show_size(has, disk->free_bytes);
	quantity_show_size(kept, SPARE);
	quantity_show_size(coming, r->asked_bytes);
	err_set(&e, ERR_LOCAL,
		"%s, %s%s, is left on the server: %s is kept free on the disk "
		"of '%s', of which %s is free%s%s%s",
		name, needs, disk->copies > 1 ? " and stored twice" : "", kept,
		disk->path, has, r->asked_bytes > 0 ? ", and " : "",
		r->asked_bytes > 0 ? coming : "",
		r->asked_bytes > 0 ? " is for what is on its way" : "");
	phase_complain(s, &e, false);
}

/* A message that cannot fit stays where it is, and does not keep those that can
 * from coming. */
static void
skip_for_space(struct retrieve *r, size_t entry,
	       const struct deliver_space *disk)
{
	r->session->result->failed++;
	if (r->has_told_space)
		return;
	r->has_told_space = true;
	tell_space(r, entry, disk);
}

/* False: not now, since a program makes room again by taking what waits for
 * it. */
static bool
ask(struct retrieve *r, size_t entry)
{
	struct session *s = r->session;
	uint64_t size = asking_bytes(r, entry);
	struct deliver_space disk;
	uint64_t room;

	batch_space(r->handover.batch, &disk);
	room = room_on(&disk, r);
	if (size > room && batch_ends_one_by_one(r->handover.batch) &&
	    ahead(r) > 0)
		return false;
	mailbox_mark(s->mailbox, entry, MAILBOX_TRIED);
	if (size > room) {
		skip_for_space(r, entry, &disk);
		return true;
	}
	requests_give(s->requests, LINK_RETR, mailbox_number(s->mailbox, entry),
		      entry);
	r->asked_bytes += size;
	return true;
}

/* Is all that came before handed over, and known to be in lockstep? */
bool
asking_is_clean(const struct retrieve *r)
{
	return requests_count(r->session->requests) == 0 &&
	       batch_is_quiet(r->handover.batch) &&
	       r->handover.lockstep.need == LOCKSTEP_SURE;
}

/* --- groups --- */

/* The next group is larger, if the one before came well.  But programs that run
 * beside each other would be blamed for each other. */
static int
open_group(struct retrieve *r, size_t entry, struct err *e)
{
	uint64_t failed = r->session->result->failed;
	bool is_well = r->group > 0 && failed == r->failed &&
		       !batch_is_slow(r->handover.batch);

	r->group = is_well ? 2 * r->group : 1;
	if (r->group > r->group_most)
		r->group = r->group_most;
	r->in_group = r->group;
	r->failed = failed;
	return retrieve_note_in_hand(r, (int64_t)r->group, entry, e);
}

/* May the next message be asked for, as far as those before it are concerned?
 * If not, r->is_alone says so. */
static int
enter_group(struct retrieve *r, size_t entry, bool second, struct err *e)
{
	r->is_alone = false;
	if (!second && !r->is_careful)
		return retrieve_note_in_hand(r, LINK_ORDERS_MAX, entry, e);
	if (r->in_group > 0)
		return 0;
	r->is_alone = !asking_is_clean(r);
	return r->is_alone ? 0 : open_group(r, entry, e);
}

/* The last one that is wanted; SIZE_MAX: there is none. */
static size_t
find_last(const struct retrieve *r)
{
	const struct mailbox *m = r->session->mailbox;
	bool new_only = refusals_are_of_new(&r->incoming.refusals);
	size_t entry = mailbox_count(m);

	while (entry-- > 0)
		if (asking_wants(r->session, entry) &&
		    (!new_only || failure_count(m, entry) == 0))
			return entry;
	return SIZE_MAX;
}

/* The same, if need be from those behind max_messages, whose turn it is not
 * while those at which a session broke have it. */
static size_t
find_other_end(const struct retrieve *r)
{
	struct plan *p = mailbox_plan(r->session->mailbox);
	size_t last = find_last(r);

	while (last == SIZE_MAX && !r->session->turn.tries_broken &&
	       plan_admit_last(p))
		last = find_last(r);
	return last;
}

/* The server has refused many, one after the other: one at the other end of the
 * list shows whether it refuses all.  Where no new one is left to show it, all
 * those that failed before have to, since any of them may be bad itself; unless
 * there were more than many. */
static int
ask_other_end(struct retrieve *r, struct err *e)
{
	const struct requests *x = r->session->requests;
	struct refusals *refusals = &r->incoming.refusals;
	size_t last;

	while (requests_count(x) == 0 && !r->has_asked_other_end &&
	       (last = find_other_end(r)) != SIZE_MAX) {
		if (!ask(r, last))
			return 0;
		/* unless there is no room for it */
		r->has_asked_other_end = requests_count(x) > 0;
	}
	if (requests_count(x) > 0)
		return 0;
	r->asks_all = !r->has_asked_other_end && !asking_is_over(r) &&
		      (r->asks_all || !refusals_reach_the_end(refusals));
	if (r->asks_all)
		return 0;
	if (!refusals_have_new(refusals) ||
	    (!r->has_asked_other_end && !refusals_reach_the_end(refusals)))
		return refusals_settle(refusals, e);
	refusals_confirm(refusals);
	return 0;
}

/* Is there time for it, and for deleting what has come? */
static bool
has_time(const struct retrieve *r)
{
	struct session *s = r->session;
	size_t later = removal_waiting(s);

	if (s->set->keeper->rules.keep_s == 0)
		later += ahead(r) + 1;
	return phase_has_time(s, LINK_RETR,
			      handover_program_ms(&r->handover, ahead(r) + 1),
			      later);
}

/* --- the order --- */

/* The second pass goes by how often they have failed: to the next such number.
 * False: all were looked at. */
static bool
enter_level(struct retrieve *r)
{
	const struct session *s = r->session;
	unsigned next = UINT_MAX;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++) {
		unsigned failures;

		if (!asking_wants(s, i))
			continue;
		failures = failure_count(s->mailbox, i);
		if (failures > r->level && failures < next)
			next = failures;
	}
	r->level = next;
	return next != UINT_MAX;
}

static void
step(struct retrieve *r)
{
	size_t count = mailbox_count(r->session->mailbox);

	r->next++;
	if (r->next == count)
		r->group = r->in_group = 0;
	if (r->next == count || r->next == 2 * count)
		r->next = enter_level(r) ? count : 2 * count;
}

static int
ask_next(struct retrieve *r, struct err *e)
{
	size_t count = mailbox_count(r->session->mailbox);
	bool second = r->next >= count;
	size_t entry = (r->start + r->next) % count;

	if (asking_wants(r->session, entry) &&
	    failure_count(r->session->mailbox, entry) == r->level) {
		if (enter_group(r, entry, second, e) != 0)
			return -1;
		if (r->is_alone || !has_time(r) || !ask(r, entry))
			return 0;
		r->in_group -= r->in_group > 0;
	}
	step(r);
	return 1;
}

int
asking_more(struct retrieve *r, struct err *e)
{
	int more = 1;

	r->is_alone = false;
	if (refusals_are_many(&r->incoming.refusals)) {
		if (ask_other_end(r, e) != 0)
			return -1;
		if (requests_count(r->session->requests) > 0)
			return 0;
	} else {
		r->has_asked_other_end = r->asks_all = false;
	}
	if (is_supplied(r))
		return 0;
	while (more > 0 && !asking_is_over(r) && has_credit(r))
		more = ask_next(r, e);
	if (more >= 0 && r->asks_all && asking_is_over(r) &&
	    requests_count(r->session->requests) == 0)
		return ask_other_end(r, e); /* there was no other */
	return more < 0 ? -1 : 0;
}

int
asking_recall(struct retrieve *r, struct err *e)
{
	const struct mailbox *m = r->session->mailbox;
	int64_t from;

	if (store_fact(r->session->store, FACT_TRY_FROM, 0, &from, e) != 0)
		return -1;
	r->start = 0;
	while (r->start < mailbox_count(m) &&
	       mailbox_number(m, r->start) < from)
		r->start++;
	if (r->start == mailbox_count(m))
		r->start = 0;
	return 0;
}

int
asking_note(const struct retrieve *r, struct err *e)
{
	const struct batch_trouble *t = batch_trouble(r->handover.batch);
	struct session *s = r->session;
	int64_t before, from = t && t->last > 0 ? (int64_t)t->last + 1 : 0;

	if (store_fact(s->store, FACT_TRY_FROM, 0, &before, e) != 0)
		return -1;
	return from == before ? 0 : phase_note_fact(s, FACT_TRY_FROM, from, e);
}

void
asking_begin(struct retrieve *r)
{
	r->next = r->level = 0;
	r->group = r->in_group = 0;
}
