/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "keeper/session_state.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "sys/proc.h"

/* After a stop request, for what is on its way already. */
enum { SESSION_STOP_MS = 5 * 1000 };

/* --- turns --- */

bool
session_is_stopping(const struct session *s)
{
	return s->stop_until != 0;
}

static int
session_see_stop(struct session *s, struct err *e)
{
	bool idle = requests_count(s->requests) == 0;

	if (proc_stops() == 0)
		return 0;
	if (s->stop_until == 0)
		s->stop_until = clock_deadline(SESSION_STOP_MS);
	if (!s->listed || (!idle && clock_ms() >= s->stop_until))
		return err_set(e, ERR_STOPPED, "stopped by a signal");
	return 0;
}

static bool
session_has_mda(const struct session *s)
{
	return s->set->keeper->target.kind == DELIVER_MDA;
}

/* What an MDA wants later does not end the session; a disk or database that fails
 * does.  Several that run at once need not all say the same. */
static int
session_batch_failed(struct session *s, struct err *e)
{
	bool is_mda = session_has_mda(s) &&
		      (e->kind == ERR_LATER || e->kind == ERR_OS ||
		       e->kind == ERR_MESSAGE);

	if (batch_is_broken(s->batch) || !is_mda) {
		s->batch_failed = true;
		return -1;
	}
	if (s->batch_failed)
		report_log(s->report, "failed: %s", e->text);
	else
		session_complain(s, e);
	err_clear(e);
	s->batch_failed = s->postponed = true;
	batch_discard_waiting(s->batch);
	return 0;
}

/* After a stop request an MDA gets no other message. */
static void
session_stop_mda(struct session *s)
{
	size_t before = batch_waiting(s->batch);

	if (proc_stops() == 0 || !session_has_mda(s))
		return;
	batch_discard_waiting(s->batch);
	if (batch_waiting(s->batch) < before)
		s->stopped_short = true;
}

bool
session_wants_no_more(const struct session *s)
{
	return session_has_mda(s) && (s->batch_failed || proc_stops() > 0);
}

int
session_run_batch(struct session *s, bool all, struct err *e)
{
	if (s->batch == NULL)
		return 0;
	if (batch_continue(s->batch, e) == -1 &&
	    session_batch_failed(s, e) == -1)
		return -1;
	session_stop_mda(s);
	if (s->batch_failed || !batch_is_due(s->batch, all))
		return 0;
	if (s->in_doubt)
		s->wants_proof = true;
	else if (batch_hand_over(s->batch, all, e) == -1)
		return session_batch_failed(s, e);
	return 0;
}

static int64_t
session_wait_until(const struct session *s)
{
	int64_t until = s->end;

	/* what is due and in doubt waits for the proof, not for a time */
	if (s->batch != NULL && (session_has_mda(s) || !s->wants_proof))
		until = clock_earlier(until, batch_until(s->batch));
	if (s->stop_until != 0 && requests_count(s->requests) > 0)
		until = clock_earlier(until, s->stop_until);
	return until;
}

int
session_turn(struct session *s, bool all, struct err *e)
{
	if (session_see_stop(s, e) == -1)
		return -1;
	if (clock_ms() >= s->end)
		return err_set(e, ERR_NETWORK, "session_timeout reached");
	if (requests_wait(s->requests, s->batch, session_wait_until(s), e) == -1)
		return -1;
	return session_run_batch(s, all, e);
}

int
session_settle(struct session *s, struct err *e)
{
	while (requests_count(s->requests) > 0)
		if (session_turn(s, false, e) == -1)
			return -1;
	return 0;
}

/* --- words --- */

void
session_complain(struct session *s, const struct err *e)
{
	if (s->first.kind == ERR_NONE)
		s->first = *e;
	report_error(s->report, e, false);
}

void
session_postpone(struct session *s, const struct err *e)
{
	if (s->later.kind == ERR_NONE)
		s->later = *e;
	s->postponed = true;
}

void
session_warn(struct session *s, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report_line(s->report, REPORT_WARNING, "%s", text);
}

void
session_name(const struct session *s, size_t entry, char out[SESSION_NAME_MAX])
{
	struct listing_entry m = listing_at(s->listing, entry);
	char uid[SESSION_NAME_MAX - 40];

	if (m.uid_size == 0) {
		(void)snprintf(out, SESSION_NAME_MAX, "message %u", m.number);
		return;
	}
	text_safe(uid, sizeof(uid), m.uid, m.uid_size);
	(void)snprintf(out, SESSION_NAME_MAX, "message %u (uid '%s')",
		       m.number, uid);
}

int64_t
session_size(const struct session *s, size_t entry)
{
	int64_t size = listing_at(s->listing, entry).size;
	size_t row = plan_at(s->plan, entry).row;

	if (size == LISTING_SIZE_UNKNOWN && row != SIZE_MAX)
		size = store_rows_at(s->rows, row).size;
	return size;
}

int
session_begin_note(struct session *s, struct err *e)
{
	return store_begin(s->store, STORE_LAZY, e);
}

int
session_end_note(struct session *s, int result, struct err *e)
{
	if (result == 0)
		return store_commit(s->store, e);
	store_rollback(s->store);
	return -1;
}
