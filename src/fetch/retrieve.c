/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "fetch/backoff.h"
#include "fetch/received.h"
#include "fetch/session_state.h"

/*
 * RETR into the batch.  How many messages are asked for at once is a matter of credit: a
 * Maildir or an mbox takes whatever comes; an MDA is slow, and only so much is asked for
 * ahead of it that the spool stays small.
 */
enum {
	RETRIEVE_PROGRESS_MS = 100,
	RETRIEVE_SPARE = 1024 * 1024,	/* bytes left free on the disk */
	RETRIEVE_REFUSALS = 10,		/* in a row: ask no more */
	RETRIEVE_MDA_AHEAD = 16,
	RETRIEVE_MDA_BYTES = 16 * 1024 * 1024
};

/* --- one message --- */

static struct batch_message
retrieve_message(const struct session *s, size_t entry)
{
	struct listing_entry m = listing_at(s->listing, entry);
	struct plan_item item = plan_at(s->plan, entry);
	struct batch_message b = {
		.number = m.number,
		.uid = m.uid,
		.uid_size = m.uid_size,
		.size = session_size(s, entry),
	};

	if (item.row != SIZE_MAX) {
		struct store_row row = store_rows_at(s->rows, item.row);

		b.row = row.id;
		b.attempts = row.attempts;
	}
	return b;
}

static int
retrieve_context(struct session *s, size_t entry, int result,
		 struct err *e)
{
	if (result == -1) {
		s->staging_failed = true;
		err_context(e, "RETR %u", listing_at(s->listing, entry).number);
	}
	return result;
}

static int
retrieve_begin(struct session *s, size_t entry, struct err *e)
{
	struct batch_message m = retrieve_message(s, entry);

	header_start(s->header);
	s->marks[entry] |= MARK_RETRIEVED;
	if (batch_begin(s->batch, &m, e) == -1)
		return retrieve_context(s, entry, -1, e);
	if (!s->account->received_header)
		return 0;
	free(s->received);
	s->received = received_field(s->account, s->facts.encrypted,
				     clock_unix());
	return retrieve_context(s, entry, batch_write(s->batch, s->received,
					strlen(s->received), e), e);
}

static void
retrieve_show_progress(struct session *s, bool now)
{
	if (!now && clock_ms() < s->progress_at + RETRIEVE_PROGRESS_MS)
		return;
	s->progress_at = clock_ms();
	report_progress(s->report, &s->progress);
	report_flush(s->report);
}

static int
retrieve_chunk(void *arg, size_t entry, const uint8_t *bytes, size_t size,
	       struct err *e)
{
	struct session *s = arg;

	if (!batch_is_open(s->batch) && retrieve_begin(s, entry, e) == -1)
		return -1;
	header_add(s->header, bytes, size);
	s->progress.bytes += size;
	retrieve_show_progress(s, false);
	return retrieve_context(s, entry,
				batch_write(s->batch, bytes, size, e), e);
}

static void
retrieve_forget_size(struct session *s, size_t entry)
{
	int64_t size = session_size(s, entry);

	if (size > 0)
		s->asked_bytes -= (uint64_t)size;
}

static void
retrieve_remember(struct session *s, size_t entry)
{
	if (s->digests == NULL)
		return;
	memcpy(s->digests[entry], header_digest(s->header),
	       DIGEST_SHA256_SIZE);
	s->marks[entry] |= MARK_DIGEST;
}

/* The row of an earlier session; two equal messages of this session are two. */
static size_t
retrieve_row_at(const struct session *s, int64_t id)
{
	size_t count = store_rows_count(s->rows);
	size_t r = 0;

	while (r < count && store_rows_at(s->rows, r).id != id)
		r++;
	return id == 0 || r == count ? SIZE_MAX : r;
}

/* A message without uid that an earlier session delivered is on the server still; one
 * that it set aside keeps its back-off.  *done: it is not to be delivered now. */
static void
retrieve_recognise(struct session *s, size_t entry, size_t r, bool *done)
{
	struct store_row row = store_rows_at(s->rows, r);

	plan_settle(s->plan, entry, r);
	*done = plan_at(s->plan, entry).action != PLAN_FETCH;
	if (!*done) {
		batch_set_row(s->batch, row.id, row.attempts);
		return;
	}
	batch_cancel(s->batch);
	if (plan_at(s->plan, entry).action == PLAN_DELETE)
		removal_add(s, entry, row.id);
}

static int
retrieve_look_up_content(struct session *s, size_t entry, bool *done,
			 struct err *e)
{
	int64_t id;
	size_t r;

	*done = false;
	if (!plan_at(s->plan, entry).by_content)
		return 0;
	if (store_find_content(s->store, header_content_digest(s->header), &id,
			       e) == -1)
		return -1;
	r = retrieve_row_at(s, id);
	if (r != SIZE_MAX)
		retrieve_recognise(s, entry, r, done);
	return 0;
}

/* A message that ends before its listed size may have held an end marker that the server
 * forgot to stuff: then the rest of it stands where replies are expected, and what
 * comes next is not what it seems.  Nothing is handed over until the session has proved
 * to be in step. */
static void
retrieve_doubt(struct session *s, size_t entry, int64_t octets)
{
	int64_t listed = session_size(s, entry);

	if (listed < 0 || octets < listed)
		s->in_doubt = true;
}

static int
retrieve_stage_end(struct session *s, size_t entry, struct err *e)
{
	const uint8_t *digest = plan_at(s->plan, entry).by_content
					? header_content_digest(s->header)
					: header_digest(s->header);

	retrieve_remember(s, entry);
	if (retrieve_context(s, entry, batch_end(s->batch, digest,
					header_sender(s->header), e), e) == -1)
		return -1;
	/* many small ones may come at once, each with a descriptor */
	if (batch_waiting(s->batch) < batch_max(s->batch))
		return 0;
	return session_run_batch(s, false, e);
}

static int
retrieve_end(void *arg, size_t entry, int64_t octets, struct err *e)
{
	struct session *s = arg;
	bool done;

	retrieve_doubt(s, entry, octets);
	if (!batch_is_open(s->batch) && retrieve_begin(s, entry, e) == -1)
		return -1;
	header_end(s->header);
	retrieve_forget_size(s, entry);
	s->refusals = 0;
	s->progress.messages++;
	retrieve_show_progress(s, false);
	if (retrieve_look_up_content(s, entry, &done, e) == -1)
		return -1;
	return done ? 0 : retrieve_stage_end(s, entry, e);
}

static int
retrieve_set_aside(struct session *s, size_t entry, int64_t next_try,
		   const char *why, struct err *e)
{
	struct batch_message m = retrieve_message(s, entry);
	struct store_message row = { m.uid, m.uid_size, m.size, NULL };

	if (m.uid_size == 0)	/* there is nothing to know it by */
		return 0;
	if (session_begin_note(s, e) == -1)
		return -1;
	return session_end_note(s, store_set_aside(s->store, &m.row, &row,
						   next_try, why, e), e);
}

/* A quota of downloads, say: no need to hear it of each message. */
static bool
retrieve_is_hopeless(struct session *s, const struct err *why)
{
	return why->kind != ERR_MESSAGE || ++s->refusals >= RETRIEVE_REFUSALS;
}

/* The server does not give it: the others go on, and it waits for its next try. */
static int
retrieve_refused(void *arg, size_t entry, const struct err *why, struct err *e)
{
	struct session *s = arg;
	struct batch_message m = retrieve_message(s, entry);
	struct err told = *why;

	retrieve_forget_size(s, entry);
	s->result->failed++;
	err_context(&told, "RETR %u", m.number);
	if (retrieve_is_hopeless(s, why)) {
		told.kind = why->kind == ERR_MESSAGE ? ERR_LATER : why->kind;
		session_postpone(s, &told);
		return 0;
	}
	session_complain(s, &told);
	report_log(s->report, "set aside: message %u: %s", m.number, why->text);
	return retrieve_set_aside(s, entry,
				  backoff_next(clock_unix(), m.attempts),
				  told.text, e);
}

static const struct errand_class retrieve_errand = {
	.order = LINK_RETR,
	.chunk = retrieve_chunk,
	.end = retrieve_end,
	.refused = retrieve_refused,
};

void
retrieve_broken(struct session *s, const struct err *why)
{
	struct err ignored = ERR_INIT;
	struct batch_message m;
	size_t entry;

	if ((why->kind != ERR_NETWORK && !s->staging_failed) ||
	    s->batch == NULL || batch_is_broken(s->batch) ||
	    !errands_waits_for(s->errands, &retrieve_errand, &entry))
		return;
	m = retrieve_message(s, entry);
	(void)retrieve_set_aside(s, entry,
				 backoff_next_broken(clock_unix(), m.attempts),
				 why->text, &ignored);
	if (m.attempts >= BACKOFF_PATIENCE)
		report_log(s->report, "set aside: message %u: %s", m.number,
			   why->text);
}

/* --- recorded --- */

static void
retrieve_delivered(struct session *s, size_t entry, int64_t row)
{
	char name[SESSION_NAME_MAX];

	session_name(s, entry, name);
	s->marks[entry] |= MARK_DELIVERED;
	s->result->fetched++;
	report_log(s->report, "delivered: %s, %lld octets", name,
		   (long long)session_size(s, entry));
	report_line(s->report, REPORT_VERBOSE, "%s delivered", name);
	if (s->account->keep_s == 0)
		removal_add(s, entry, row);
}

void
retrieve_done(void *arg, const struct batch_message *m,
	      enum deliver_outcome outcome, const struct err *why)
{
	struct session *s = arg;
	size_t entry = listing_find(s->listing, m->number);
	struct err told = *why;
	char name[SESSION_NAME_MAX];

	if (outcome == DELIVER_DONE)
		retrieve_delivered(s, entry, m->row);
	if (outcome != DELIVER_REFUSED)
		return;
	session_name(s, entry, name);
	s->result->failed++;
	err_context(&told, "%s", name);
	told.kind = ERR_MESSAGE;
	session_complain(s, &told);
	report_log(s->report, "set aside: %s: %s", name, why->text);
}

/* --- all of them --- */

static bool
retrieve_has_credit(const struct session *s)
{
	size_t ahead = errands_count(s->errands) + batch_waiting(s->batch);

	if (errands_room(s->errands) == 0 || s->wants_proof)
		return false;
	if (s->account->kind != DELIVER_MDA || ahead == 0)
		return true;
	return ahead < RETRIEVE_MDA_AHEAD &&
	       s->asked_bytes + batch_waiting_bytes(s->batch) <
		       RETRIEVE_MDA_BYTES;
}

static bool
retrieve_is_over(const struct session *s)
{
	return s->next == 2 * listing_count(s->listing) || s->postponed ||
	       session_is_stopping(s);
}

/* In a first pass over the listing all that never failed, in a second the rest, so that
 * a message that breaks the line does not stand before the others. */
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

/* An MDA makes room again by taking what waits for it. */
static bool
retrieve_may_fit_later(const struct session *s, size_t entry)
{
	int64_t size = session_size(s, entry);

	return s->account->kind == DELIVER_MDA &&
	       batch_waiting(s->batch) + errands_count(s->errands) > 0 &&
	       size > 0 && (uint64_t)size > retrieve_room(s);
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

static void
retrieve_ask(struct session *s, size_t entry)
{
	int64_t listed = session_size(s, entry);
	uint64_t size = listed > 0 ? (uint64_t)listed : 0;
	uint64_t room = retrieve_room(s);

	s->marks[entry] |= MARK_ASKED;
	if (size > room) {
		retrieve_skip_for_space(s, entry, size, room);
		return;
	}
	errands_give(s->errands, &retrieve_errand,
		     listing_at(s->listing, entry).number, entry);
	s->asked_bytes += size;
}

static void
retrieve_give(struct session *s)
{
	size_t count = listing_count(s->listing);

	for (; !retrieve_is_over(s) && retrieve_has_credit(s); s->next++) {
		bool second = s->next >= count;
		size_t entry = second ? s->next - count : s->next;

		if (!retrieve_is_turn(s, entry, second))
			continue;
		if (retrieve_may_fit_later(s, entry))
			break;
		retrieve_ask(s, entry);
	}
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

/* --- in step? --- */

static int
retrieve_proved(void *arg, size_t entry, int64_t value, struct err *e)
{
	struct session *s = arg;
	int64_t listed = session_size(s, entry);

	if (value != 1 || (listed >= 0 && s->proof >= 0 && s->proof != listed))
		return err_set(e, ERR_PROTOCOL,
			       "replies and commands are out of step");
	s->in_doubt = s->wants_proof = false;
	return 0;
}

static const struct errand_class retrieve_proof = {
	.order = LINK_LIST,
	.end = retrieve_proved,
};

/* LIST of a message that nobody can foresee: its reply names number and size, so that no
 * left-over of a message passes for it.  All before it is answered. */
static void
retrieve_give_proof(struct session *s)
{
	uint64_t random;
	size_t entry;

	digest_random(&random, sizeof(random));
	entry = (size_t)(random % listing_count(s->listing));
	s->proof = LISTING_SIZE_UNKNOWN;
	errands_give(s->errands, &retrieve_proof,
		     listing_at(s->listing, entry).number, entry);
}

/* --- rounds --- */

static int
retrieve_round(struct session *s, struct err *e)
{
	bool all;

	s->next = 0;	/* of two passes */
	for (;;) {
		retrieve_give(s);
		all = retrieve_is_over(s) && errands_count(s->errands) == 0;
		if (all && session_run_batch(s, true, e) == -1)
			return -1;
		if (s->wants_proof && errands_count(s->errands) == 0)
			retrieve_give_proof(s);
		else if (all && (s->batch_failed || batch_is_quiet(s->batch)))
			break;
		if (session_turn(s, all, e) == -1)
			return -1;
	}
	s->fetched_some = true;
	return batch_finish(s->batch, e);
}

int
retrieve_run(struct session *s, struct err *e)
{
	retrieve_count(s);
	if (s->progress.messages_total > 0)
		report_phase(s->report, "fetching");
	retrieve_show_progress(s, true);
	if (retrieve_round(s, e) == -1)
		return -1;
	retrieve_show_progress(s, true);
	return 0;
}
