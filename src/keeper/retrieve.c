/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/quantity.h"
#include "keeper/session_state.h"

/*
 * RETR into the batch.  How many messages are asked for at once is a matter of credit: a
 * Maildir or an mbox takes whatever comes; an MDA is slow, and only so much is asked for
 * ahead of it that the spool stays small.
 */
enum {
	RETRIEVE_SPARE = 1024 * 1024,	/* bytes left free on the disk */
	RETRIEVE_MDA_AHEAD = 64,	/* of those that run */
	RETRIEVE_MDA_BYTES = 16 * 1024 * 1024,
	RETRIEVE_SERIAL = 2		/* on the wire, and the next */
};

static bool
retrieve_is_pipelined(const struct session *s)
{
	return s->facts.pipelining;
}

static size_t
retrieve_ahead(const struct session *s)
{
	return requests_count(s->requests) + batch_waiting(s->batch);
}

/* An MDA takes one after the other.  They are asked for many at a time all the same, so
 * that courier and server need not wake up for each. */
static bool
retrieve_is_supplied(const struct session *s)
{
	return s->set->keeper->target.kind == DELIVER_MDA && retrieve_is_pipelined(s) &&
	       retrieve_ahead(s) > RETRIEVE_MDA_AHEAD / 2 + batch_max(s->batch);
}

static bool
retrieve_has_credit(const struct session *s)
{
	size_t ahead = retrieve_ahead(s);

	if (requests_room(s->requests) == 0 || s->wants_proof)
		return false;
	if (ahead == 0)
		return true;
	/* each may have to wait in a file that is open, until a proof has come */
	if (s->set->keeper->target.kind != DELIVER_MDA)
		return ahead < 2 * batch_max(s->batch);
	/* when the MDA wants no more, what is asked for comes all the same */
	if (!retrieve_is_pipelined(s) &&
	    requests_count(s->requests) >= RETRIEVE_SERIAL)
		return false;
	return ahead < RETRIEVE_MDA_AHEAD + batch_max(s->batch) &&
	       s->asked_bytes + batch_waiting_bytes(s->batch) <
		       RETRIEVE_MDA_BYTES;
}

static bool
retrieve_is_over(const struct session *s)
{
	return s->next == 2 * listing_count(s->listing) || s->postponed ||
	       session_is_stopping(s);
}

/* In a first pass over the listing all that never failed, in a second the rest, each by
 * itself: so a message that breaks the line takes no other with it. */
static bool
retrieve_is_turn(const struct session *s, size_t entry, bool second)
{
	struct plan_item item = plan_at(s->plan, entry);

	if (item.action != PLAN_FETCH || (s->marks[entry] & MARK_ASKED))
		return false;
	return second || item.row == SIZE_MAX ||
	       store_rows_at(s->rows, item.row).attempts == 0;
}

/* Bytes that the disk can take beyond what was asked for. */
static uint64_t
retrieve_room(const struct session *s)
{
	uint64_t taken = s->asked_bytes + RETRIEVE_SPARE;
	uint64_t has = batch_free_bytes(s->batch);

	return has > taken ? has - taken : 0;
}

/* What cannot fit stays where it is, and does not keep what can from coming. */
static void
retrieve_skip_for_space(struct session *s, size_t entry, uint64_t size,
			uint64_t room)
{
	char name[SESSION_NAME_MAX], needs[QUANTITY_TEXT_MAX];
	char has[QUANTITY_TEXT_MAX];
	struct err e = ERR_INIT;

	s->result->failed++;
	if (s->out_of_space)	/* told already */
		return;
	s->out_of_space = true;
	session_name(s, entry, name);
	quantity_show_size(needs, size);
	quantity_show_size(has, room);
	err_set(&e, ERR_LOCAL, "%s of %s is left on the server: %s free on the "
		"disk", name, needs, has);
	session_complain(s, &e);
}

/* False: not now, since an MDA makes room again by taking what waits for it. */
static bool
retrieve_ask(struct session *s, size_t entry)
{
	int64_t listed = session_size(s, entry);
	uint64_t size = listed > 0 ? (uint64_t)listed : 0;
	uint64_t room = retrieve_room(s);

	if (size > room && s->set->keeper->target.kind == DELIVER_MDA &&
	    retrieve_ahead(s) > 0)
		return false;
	s->marks[entry] |= MARK_ASKED;
	if (size > room) {
		retrieve_skip_for_space(s, entry, size, room);
		return true;
	}
	requests_give(s->requests, &incoming_errand,
		     listing_at(s->listing, entry).number, entry);
	s->asked_bytes += size;
	return true;
}

/* Is all that came before handed over, and known to be in step? */
static bool
retrieve_is_clean(const struct session *s)
{
	return requests_count(s->requests) == 0 && batch_is_quiet(s->batch) &&
	       !s->in_doubt;
}

static void
retrieve_give(struct session *s)
{
	size_t count = listing_count(s->listing);

	s->by_itself = false;
	if (retrieve_is_supplied(s))
		return;
	for (; !retrieve_is_over(s) && retrieve_has_credit(s); s->next++) {
		bool second = s->next >= count;
		size_t entry = second ? s->next - count : s->next;

		if (!retrieve_is_turn(s, entry, second))
			continue;
		s->by_itself = second && !retrieve_is_clean(s);
		if (s->by_itself || !retrieve_ask(s, entry))
			break;
	}
}

/* Nothing else comes for now. */
static bool
retrieve_is_idle(const struct session *s)
{
	return (retrieve_is_over(s) || s->by_itself) &&
	       requests_count(s->requests) == 0;
}

/* Hands over all that came; *flushed: nothing of it is left to wait for. */
static int
retrieve_flush(struct session *s, bool *flushed, struct err *e)
{
	if (session_run_batch(s, true, e) == -1)
		return -1;
	*flushed = batch_is_quiet(s->batch);
	if (*flushed && s->by_itself && s->in_doubt)
		s->wants_proof = true;
	return 0;
}

static void
retrieve_count(struct session *s)
{
	for (size_t i = 0; i < listing_count(s->listing); i++) {
		int64_t size = session_size(s, i);

		if (plan_at(s->plan, i).action != PLAN_FETCH ||
		    (s->marks[i] & MARK_ASKED))
			continue;
		s->progress.messages_total++;
		s->progress.bytes_total += size > 0 ? (uint64_t)size : 0;
	}
}

/* --- rounds --- */

/* Did a stop request come before all was asked for? */
static void
retrieve_note_rest(struct session *s)
{
	size_t count = listing_count(s->listing);

	for (size_t i = 0; i < count && session_is_stopping(s); i++)
		if (retrieve_is_turn(s, i, true))
			s->stopped_short = true;
}

static int
retrieve_round(struct session *s, struct err *e)
{
	bool idle, flushed;

	s->next = 0;	/* of two passes */
	for (;;) {
		retrieve_give(s);
		flushed = false;
		idle = retrieve_is_idle(s);
		if (idle && retrieve_flush(s, &flushed, e) == -1)
			return -1;
		if (s->wants_proof && requests_count(s->requests) == 0)
			step_give_proof(s);
		else if (flushed && retrieve_is_over(s))
			break;
		else if (flushed)
			continue;
		if (session_turn(s, idle, e) == -1)
			return -1;
	}
	retrieve_note_rest(s);
	s->fetched_some = true;
	return batch_finish(s->batch, e);
}

int
retrieve_run(struct session *s, struct err *e)
{
	retrieve_count(s);
	if (s->progress.messages_total > 0)
		report_phase(s->report, "fetching");
	incoming_show_progress(s, true);
	if (retrieve_round(s, e) == -1)
		return -1;
	incoming_show_progress(s, true);
	return 0;
}
