/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "commit/backoff.h"
#include "keeper/received_field.h"
#include "keeper/session_state.h"

/* What RETR brings: each message into the batch, and what becomes of it. */
enum {
	INCOMING_PROGRESS_MS = 100,
	INCOMING_REFUSALS = 10	/* in a row: ask no more */
};

/* --- one message --- */

static struct batch_message
incoming_message(const struct session *s, size_t entry)
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
incoming_context(struct session *s, size_t entry, int result,
		 struct err *e)
{
	if (result == -1) {
		s->staging_failed = true;
		err_context(e, "RETR %u", listing_at(s->listing, entry).number);
	}
	return result;
}

static int
incoming_begin(struct session *s, size_t entry, struct err *e)
{
	struct batch_message m = incoming_message(s, entry);

	header_start(s->header);
	fromline_start(&s->fromline);
	if (batch_begin(s->batch, &m, e) == -1)
		return incoming_context(s, entry, -1, e);
	if (!s->set->keeper->received_header)
		return 0;
	free(s->received);
	s->received = received_field(s->set->server, s->facts.encrypted,
				     clock_unix());
	return incoming_context(s, entry, batch_write(s->batch, s->received,
					strlen(s->received), e), e);
}

void
incoming_show_progress(struct session *s, bool now)
{
	if (!now && clock_ms() < s->progress_at + INCOMING_PROGRESS_MS)
		return;
	s->progress_at = clock_ms();
	report_progress(s->report, &s->progress);
	report_flush(s->report);
}

/* All but what stands before the header. */
static int
incoming_write(struct session *s, const uint8_t *bytes, size_t size,
	       struct err *e)
{
	size_t taken = fromline_take(&s->fromline, bytes, size), held_size;
	const uint8_t *held = fromline_held(&s->fromline, &held_size);

	if (held_size > 0 && batch_write(s->batch, held, held_size, e) == -1)
		return -1;
	return taken == size ? 0 : batch_write(s->batch, bytes + taken,
					       size - taken, e);
}

static int
incoming_chunk(void *arg, size_t entry, const uint8_t *bytes, size_t size,
	       struct err *e)
{
	struct session *s = arg;

	s->marks[entry] |= MARK_RETRIEVED;
	if (session_wants_no_more(s)) {
		batch_cancel(s->batch);
		return 0;
	}
	if (!batch_is_open(s->batch) && incoming_begin(s, entry, e) == -1)
		return -1;
	header_add(s->header, bytes, size);
	s->progress.bytes += size;
	incoming_show_progress(s, false);
	return incoming_context(s, entry,
				incoming_write(s, bytes, size, e), e);
}

static void
incoming_forget_size(struct session *s, size_t entry)
{
	int64_t size = session_size(s, entry);

	if (size > 0)
		s->asked_bytes -= (uint64_t)size;
}

static void
incoming_remember(struct session *s, size_t entry)
{
	if (s->digests == NULL)
		return;
	memcpy(s->digests[entry], header_digest(s->header),
	       DIGEST_SHA256_SIZE);
	s->marks[entry] |= MARK_DIGEST;
}

/* Rows are in order of their ids.  SIZE_MAX: it is none of an earlier session. */
static size_t
incoming_row_at(const struct session *s, int64_t id)
{
	size_t from = 0, to = store_rows_count(s->rows);

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (store_rows_at(s->rows, middle).id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from < store_rows_count(s->rows) &&
		store_rows_at(s->rows, from).id == id ? from : SIZE_MAX;
}

/* A message that an earlier session delivered is on the server still; one that it set
 * aside keeps its back-off.  *done: it is not to be delivered now. */
static void
incoming_recognise(struct session *s, size_t entry, size_t r, bool *done)
{
	struct store_row row = store_rows_at(s->rows, r);

	plan_settle(s->plan, entry, r);
	s->marks[entry] |= MARK_PROVEN;
	*done = plan_at(s->plan, entry).action != PLAN_FETCH;
	if (!*done) {
		batch_set_row(s->batch, row.id, row.attempts);
		return;
	}
	batch_cancel(s->batch);
	if (plan_at(s->plan, entry).action == PLAN_DELETE)
		removal_add(s, entry, row.id);
}

/* A row is one message: of several that are equal each needs its own, and two equal
 * ones of this session are two. */
static int
incoming_find_content(struct session *s, const uint8_t *digest, size_t *r,
		      struct err *e)
{
	bool again = memcmp(s->content, digest, sizeof(s->content)) == 0;
	int64_t id, behind = again ? s->content_row : 0;

	for (;; behind = id) {
		if (store_find_content(s->store, digest, behind, &id, e) == -1)
			return -1;
		*r = id == 0 ? SIZE_MAX : incoming_row_at(s, id);
		if (*r == SIZE_MAX || !plan_row_is_here(s->plan, *r))
			break;
	}
	memcpy(s->content, digest, sizeof(s->content));
	s->content_row = behind;
	return 0;
}

/* May it be one that is known by its uid, though it did not look so before it came?
 * --all fetches what was delivered on purpose. */
static bool
incoming_may_be_known(const struct session *s, size_t entry)
{
	struct plan_item item = plan_at(s->plan, entry);
	size_t row = SIZE_MAX;

	if (item.row != SIZE_MAX &&
	    store_rows_at(s->rows, item.row).status == STORE_DELIVERED)
		return false;
	return plan_next_candidate(s->plan, entry, &row);
}

/* Is it one that is known?  *done as above. */
static int
incoming_look_up(struct session *s, size_t entry, int64_t octets, bool *done,
		 struct err *e)
{
	struct plan_item item = plan_at(s->plan, entry);
	size_t r = SIZE_MAX;
	int result = 0;

	*done = false;
	/* in a row of its own, too, that it failed in or was too large for */
	if (item.by_content ||
	    (s->knows_contents &&
	     (item.row == SIZE_MAX ||
	      store_rows_at(s->rows, item.row).status != STORE_DELIVERED)))
		result = incoming_find_content(
			s, header_content_digest(s->header), &r, e);
	if (result == 0 && r == SIZE_MAX && !item.by_content &&
	    incoming_may_be_known(s, entry))
		result = examine_find_retrieved(
			s, entry, header_digest(s->header), octets, &r, e);
	if (result == 0 && r != SIZE_MAX && r != item.row)
		incoming_recognise(s, entry, r, done);
	return result;
}

static int
incoming_stage_end(struct session *s, size_t entry, int64_t octets,
		   struct err *e)
{
	const uint8_t *digest = plan_at(s->plan, entry).by_content
					? header_content_digest(s->header)
					: header_digest(s->header);

	fromline_end(&s->fromline);
	if (incoming_context(s, entry, incoming_write(s, NULL, 0, e), e) == -1)
		return -1;
	incoming_remember(s, entry);
	if (incoming_context(s, entry, batch_end(s->batch, digest, octets,
					header_sender(s->header), e), e) == -1)
		return -1;
	/* many small ones may come at once, each with a descriptor */
	if (batch_waiting(s->batch) < batch_max(s->batch))
		return 0;
	return session_run_batch(s, false, e);
}

static void
incoming_throw_away(struct session *s, size_t entry)
{
	s->threw_away = true;
	batch_cancel(s->batch);
	incoming_forget_size(s, entry);
	if (!s->batch_failed)
		s->stopped_short = true;
}

static int
incoming_end(void *arg, size_t entry, int64_t octets, struct err *e)
{
	struct session *s = arg;
	bool done;

	s->marks[entry] |= MARK_RETRIEVED;
	step_doubt(s, entry, octets);
	if (session_wants_no_more(s)) {
		incoming_throw_away(s, entry);
		return 0;
	}
	if (!batch_is_open(s->batch) && incoming_begin(s, entry, e) == -1)
		return -1;
	header_end(s->header);
	incoming_forget_size(s, entry);
	s->refusals = 0;
	s->progress.messages++;
	incoming_show_progress(s, false);
	octets = header_octets(s->header, octets);
	if (incoming_look_up(s, entry, octets, &done, e) == -1)
		return -1;
	s->marks[entry] |= MARK_LOOKED_UP;
	return done ? 0 : incoming_stage_end(s, entry, octets, e);
}

static int
incoming_set_aside(struct session *s, size_t entry, int64_t next_try,
		   const char *why, struct err *e)
{
	struct batch_message m = incoming_message(s, entry);
	struct store_message row = { m.uid, m.uid_size, m.size, NULL, 0 };

	if (m.uid_size == 0)	/* there is nothing to know it by */
		return 0;
	if (session_begin_note(s, e) == -1)
		return -1;
	return session_end_note(s, store_set_aside(s->store, &m.row, &row,
						   next_try, why, e), e);
}

/* A quota of downloads, say, or a server in trouble: no need to hear it of each message.
 * [SYS/PERM] of one that has failed before, or has no uid to know that by, tells nothing
 * about the others. */
static bool
incoming_is_hopeless(struct session *s, const struct err *why,
		     const struct batch_message *m)
{
	bool again = why->kind == ERR_UNAVAILABLE &&
		     (m->attempts > 0 || m->uid_size == 0);

	return (why->kind != ERR_MESSAGE && !again) ||
	       ++s->refusals >= INCOMING_REFUSALS;
}

/* One more session that ended at this message. */
static void
incoming_blame(struct session *s, size_t entry, const struct err *why)
{
	struct batch_message m = incoming_message(s, entry);
	struct err ignored = ERR_INIT;

	(void)incoming_set_aside(s, entry,
				 backoff_next_broken(clock_unix(), m.attempts),
				 why->text, &ignored);
	if (m.attempts >= BACKOFF_PATIENCE)
		report_log(s->report, "set aside: message %u: %s", m.number,
			   why->text);
}

/* The server does not give it: the others go on, and it waits for its next try. */
static int
incoming_refused(void *arg, size_t entry, const struct err *why, struct err *e)
{
	struct session *s = arg;
	struct batch_message m = incoming_message(s, entry);
	struct err told = *why;

	incoming_forget_size(s, entry);
	s->result->failed++;
	err_context(&told, "RETR %u", m.number);
	if (incoming_is_hopeless(s, why, &m)) {
		/* it may be this message alone: next time others come first */
		if (why->kind == ERR_UNAVAILABLE && !s->postponed)
			incoming_blame(s, entry, why);
		told.kind = why->kind == ERR_MESSAGE ? ERR_LATER : why->kind;
		session_postpone(s, &told);
		return 0;
	}
	if (why->kind != ERR_MESSAGE) {
		told.kind = ERR_MESSAGE;
		incoming_blame(s, entry, &told);
		session_complain(s, &told);
		return 0;
	}
	session_complain(s, &told);
	report_log(s->report, "set aside: message %u: %s", m.number, why->text);
	return incoming_set_aside(s, entry,
				  backoff_next(clock_unix(), m.attempts),
				  told.text, e);
}

const struct errand_class incoming_errand = {
	.order = LINK_RETR,
	.chunk = incoming_chunk,
	.end = incoming_end,
	.refused = incoming_refused,
};

/* Where replies no longer fit the commands it may be the message that was waited for, or
 * the one before it that was shorter than listed, and ended too early.  The next session
 * asks for each by itself, and then knows (retrieve.c). */
void
incoming_broken(struct session *s, const struct err *why)
{
	bool protocol = why->kind == ERR_PROTOCOL;
	size_t entry;

	if (s->batch == NULL || batch_is_broken(s->batch))
		return;
	if (protocol && s->in_doubt)
		incoming_blame(s, s->doubted, why);
	if ((protocol || why->kind == ERR_NETWORK || s->staging_failed) &&
	    requests_waits_for(s->requests, &incoming_errand, &entry))
		incoming_blame(s, entry, why);
}

/* --- recorded --- */

static void
incoming_delivered(struct session *s, size_t entry, int64_t row)
{
	char name[SESSION_NAME_MAX];

	session_name(s, entry, name);
	s->marks[entry] |= MARK_DELIVERED;
	s->result->fetched++;
	report_log(s->report, "delivered: %s, %lld octets", name,
		   (long long)session_size(s, entry));
	report_line(s->report, REPORT_VERBOSE, "%s delivered", name);
	if (s->set->keeper->rules.keep_s == 0)
		removal_add(s, entry, row);
}

void
incoming_done(void *arg, const struct batch_message *m,
	      enum deliver_outcome outcome, const struct err *why)
{
	struct session *s = arg;
	size_t entry = listing_find(s->listing, m->number);
	struct err told = *why;
	char name[SESSION_NAME_MAX];

	if (outcome == DELIVER_DONE)
		incoming_delivered(s, entry, m->row);
	if (outcome != DELIVER_REFUSED)
		return;
	session_name(s, entry, name);
	s->result->failed++;
	err_context(&told, "%s", name);
	told.kind = ERR_MESSAGE;
	session_complain(s, &told);
	report_log(s->report, "set aside: %s: %s", name, why->text);
}
