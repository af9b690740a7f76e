/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "keeper/session.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "keeper/server_memory.h"
#include "keeper/session_state.h"
#include "state/fact.h"
#include "sys/proc.h"

enum {
	/* beyond the courier's own time limits, which it keeps itself */
	SESSION_PATIENCE_MS = 30 * 1000,
	SESSION_GONE_S = 180 * 86400,
	SESSION_LARGE_MAILBOX = 1000
};

/* --- remarks --- */

/* Somebody who comes from another program, or lost the state. */
static void
session_hint_catch_up(struct session *s)
{
	if (store_is_new(s->store) && s->set->keeper->rules.keep_s != 0 &&
	    plan_count(s->plan, PLAN_FETCH) >= SESSION_LARGE_MAILBOX)
		report_line(s->report, REPORT_SUMMARY,
			    "this state is new, all %zu messages are fetched; "
			    "to skip them: popfetch --catch-up %s",
			    plan_count(s->plan, PLAN_FETCH),
			    s->set->keeper->target.account);
}

/* RFC 2449 section 6.7. */
static void
session_warn_expire(struct session *s)
{
	int64_t days = s->facts.expire_days, warned = -3;
	bool concerns = s->set->keeper->rules.keep_s != 0 && days >= 0 &&
		(s->set->keeper->rules.keep_s == PLAN_KEEP_FOREVER ||
		 days <= s->set->keeper->rules.keep_s / 86400);
	struct err ignored = ERR_INIT;

	if (!concerns || store_fact(s->store, FACT_WARNED_EXPIRE, -3, &warned,
				    &ignored) == -1 || warned == days)
		return;
	if (days == 0)
		session_warn(s, "server may delete messages by itself as soon "
			     "as they were fetched (EXPIRE 0)");
	else
		session_warn(s, "server may delete messages by itself after "
			     "%lld day%s", (long long)days,
			     text_plural((uint64_t)days));
	if (session_begin_note(s, &ignored) == 0)
		(void)session_end_note(s, store_set_fact(s->store,
			FACT_WARNED_EXPIRE, days, &ignored), &ignored);
}

/* --- the end --- */

/* Was all looked up of which no uid tells whether it is known?  Only then is the absence
 * of a row without uid a sign that its message is gone. */
static bool
session_saw_contents(const struct session *s)
{
	if (s->threw_away)
		return false;
	for (size_t i = 0; i < listing_count(s->listing); i++)
		if (plan_at(s->plan, i).row == SIZE_MAX &&
		    !(s->marks[i] & MARK_LOOKED_UP))
			return false;
	return true;
}

static bool
session_would_have_seen(const struct session *s, const struct store_row *row)
{
	return row->uid_size > 0 ? s->has_uidl : s->saw_contents;
}

/* What TOP alone tells is not proven to be of this size.  And in a listing that lacks
 * messages the one whose size it was may be among these. */
static int
session_note_size(struct session *s, size_t entry, const struct store_row *row,
		  struct err *e)
{
	int64_t size = listing_at(s->listing, entry).size;
	bool proven = size == row->octets || (s->marks[entry] & MARK_PROVEN);

	if (!listing_is_complete(s->listing))
		return 0;
	return store_set_size(s->store, row->id, size, !proven, e);
}

static int
session_note_rows(struct session *s, struct err *e)
{
	for (size_t i = 0; i < listing_count(s->listing); i++) {
		struct plan_item item = plan_at(s->plan, i);
		struct store_row row;

		if (item.row == SIZE_MAX)
			continue;
		row = store_rows_at(s->rows, item.row);
		if (item.size_changed && session_note_size(s, i, &row, e) == -1)
			return -1;
		if (item.age_anew &&
		    store_set_age(s->store, row.id, s->now, e) == -1)
			return -1;
	}
	return 0;
}

/* Does the listing say anything new of whether this row's message is there? */
static bool
session_news_of_row(const struct session *s, size_t r, const struct store_row *row)
{
	return plan_row_is_here(s->plan, r) != (row->gone_since == 0) &&
	       !plan_row_is_unclear(s->plan, r) &&
	       session_would_have_seen(s, row);
}

/* What is gone is so since now; by a clock that has gone back, since the last run.  While
 * the clock is doubted nobody knows how long that is. */
static int
session_note_gone(struct session *s, struct err *e)
{
	int64_t since = s->now > s->clock.last_run ? s->now : s->clock.last_run;
	size_t purged;

	if (!listing_is_complete(s->listing))
		return 0;
	s->saw_contents = session_saw_contents(s);
	for (size_t r = 0; r < store_rows_count(s->rows); r++) {
		struct store_row row = store_rows_at(s->rows, r);

		if (session_news_of_row(s, r, &row) &&
		    store_set_gone(s->store, row.id,
				   row.gone_since == 0 ? since : 0, e) == -1)
			return -1;
	}
	if (s->clock_is_doubted)
		return 0;
	return store_purge_gone(s->store, s->now - SESSION_GONE_S, &purged, e);
}

static int
session_note_facts(struct session *s, struct err *e)
{
	if (server_memory_note(s->store, s->set->server, &s->facts, s->now, e) == -1)
		return -1;
	return survey_note_facts(s, e);
}

/* A row whose message was seen to be gone is not believed again by its uid and size, and
 * that must not be forgotten; where DELE is on record it is not believed anyway. */
static bool
session_relies_on_notes(struct session *s)
{
	if (!listing_is_complete(s->listing))
		return false;
	s->saw_contents = session_saw_contents(s);
	for (size_t r = 0; r < store_rows_count(s->rows); r++) {
		struct store_row row = store_rows_at(s->rows, r);

		if (row.gone_since == 0 && row.status == STORE_DELIVERED &&
		    (row.dele_sent == 0 || row.uid_size == 0) &&
		    session_news_of_row(s, r, &row))
			return true;
	}
	return false;
}

/* Else it is bookkeeping that a power cut may lose (doc/design.md). */
static int
session_note_all(struct session *s, struct err *e)
{
	bool durable = session_relies_on_notes(s);
	int result;

	if (store_begin(s->store, durable ? STORE_DURABLE : STORE_LAZY, e) == -1)
		return -1;
	result = session_note_rows(s, e);
	if (result == 0)
		result = session_note_gone(s, e);
	if (result == 0)
		result = session_note_facts(s, e);
	return session_end_note(s, result, e);
}

/* What is new comes first: a header that breaks the line keeps nothing from coming.  The
 * later ones of several entries with one uid have to wait for those before them: only
 * when these are on record can they be compared.  Each round finds one more to fetch, or
 * is the last. */
static int
session_retrieve(struct session *s, struct err *e)
{
	size_t before;

	do {
		if (retrieve_run(s, e) == -1)
			return -1;
		before = plan_count(s->plan, PLAN_FETCH);
		if (examine_run(s, e) == -1)
			return -1;
	} while (plan_count(s->plan, PLAN_FETCH) > before);
	return 0;
}

static int
session_fetch(struct session *s, struct err *e)
{
	size_t unproven;

	session_warn_expire(s);
	session_hint_catch_up(s);
	if (session_retrieve(s, e) == -1 || survey_name_large(s, e) == -1)
		return -1;
	unproven = plan_unproven(s->plan);
	if (s->set->keeper->rules.keep_s != PLAN_KEEP_FOREVER && !examine_has_top(s))
		unproven += plan_count(s->plan, PLAN_LEARN);
	if (unproven > 0 && survey_warn_unproven(s, unproven, e) == -1)
		return -1;
	if (removal_run(s, e) == -1 || session_note_all(s, e) == -1)
		return -1;
	return removal_quit(s, e);
}

static int
session_act(struct session *s, struct err *e)
{
	s->result->new_messages = plan_count(s->plan, PLAN_FETCH);
	switch (s->set->mode) {
	case SESSION_FETCH:
		return session_fetch(s, e);
	case SESSION_DRY_RUN:
		if (examine_run(s, e) == -1)
			return -1;
		answer_dry_run(s);
		break;
	case SESSION_CHECK:
		answer_check(s);
		break;
	case SESSION_CATCH_UP:
		if (takeover_run(s, e) == -1)
			return -1;
		break;
	case SESSION_CATCH_UP_DRY_RUN:
		if (takeover_look(s, e) == -1)
			return -1;
		break;
	}
	return removal_quit(s, e);
}

static void
session_say_how_far(const struct session *s, struct err *e)
{
	bool catches_up = s->set->mode == SESSION_CATCH_UP;

	(void)err_set(e, ERR_STOPPED, "stopped by a signal: %llu of %llu "
		      "messages %s",
		      (unsigned long long)(catches_up ? s->result->kept
						      : s->result->fetched),
		      (unsigned long long)s->progress.messages_total,
		      catches_up ? "recorded; run --catch-up again for the rest"
				 : "fetched");
}

/* What was complete is safe, deleted and confirmed; the rest is for the next run.  If
 * there is no rest, the stop came too late to matter. */
static void
session_complain_of_stop(struct session *s)
{
	struct err e = ERR_INIT;

	if (!s->stopped_short)
		return;
	session_say_how_far(s, &e);
	session_complain(s, &e);
}

static int
session_open_batch(struct session *s, struct err *e)
{
	if (s->set->mode != SESSION_FETCH)
		return 0;
	if (batch_open(&s->batch, s->store, s->target, &s->set->limits,
		       incoming_done, s, e) == -1)
		return -1;
	return 0;
}

/* Is what is complete good, and is there a point in handing it over, after this?  Not
 * what a server gave that broke the protocol, nor to a destination that has just failed;
 * but what was staged before a message that could not be. */
static bool
session_may_hand_over(const struct session *s, const struct err *why)
{
	if (s->in_doubt || s->batch_failed || session_wants_no_more(s))
		return false;
	return s->staging_failed || why->kind == ERR_NETWORK ||
	       why->kind == ERR_TLS || why->kind == ERR_LATER ||
	       why->kind == ERR_STOPPED || why->kind == ERR_INTERNAL;
}

/* That the disk is full was said when a message did not fit. */
static bool
session_was_told(const struct session *s, const struct err *e)
{
	return s->out_of_space && (e->sys == ENOSPC || e->sys == EDQUOT);
}

static void
session_wait_for_batch(struct session *s)
{
	int fds[DELIVER_POLL_MAX];
	struct pollfd p[DELIVER_POLL_MAX];
	size_t n = batch_poll(s->batch, fds);

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (!batch_is_quiet(s->batch))
		(void)proc_poll(p, (nfds_t)n, batch_until(s->batch));
}

/* The session has failed: what is complete is handed over all the same, and what was
 * handed over before is recorded. */
static void
session_save_complete(struct session *s, const struct err *why)
{
	struct err e = ERR_INIT, more = ERR_INIT;

	if (s->batch == NULL || batch_is_broken(s->batch))
		return;
	batch_cancel(s->batch);
	while (!batch_is_broken(s->batch) && !batch_is_quiet(s->batch)) {
		/* what is with an MDA goes on, whatever becomes of the rest */
		if (e.kind != ERR_NONE || !session_may_hand_over(s, why))
			batch_discard_waiting(s->batch);
		if (batch_run(s->batch, true, &e) == 0)
			session_wait_for_batch(s);
	}
	if (!batch_is_broken(s->batch))
		(void)batch_finish(s->batch, e.kind == ERR_NONE ? &e : &more);
	if (e.kind == ERR_NONE)
		return;
	/* a disk that fails was named already */
	if (why->kind == ERR_LOCAL || why->kind == ERR_CREATE ||
	    session_was_told(s, &e))
		report_log(s->report, "failed: %s", e.text);
	else
		session_complain(s, &e);
}

/* --catch-up has ended early: what is whole stays, and the next one goes on. */
static void
session_save_takeover(struct session *s, struct err *why)
{
	struct err e = ERR_INIT;

	if (s->set->mode != SESSION_CATCH_UP || s->takeover == NULL)
		return;
	if (takeover_save(s, &e) == -1)
		*why = e;
	else if (why->kind != ERR_STOPPED)
		(void)err_context(why, "%llu of %llu messages are recorded, "
			      "run --catch-up again for the rest",
			      (unsigned long long)s->result->kept,
			      (unsigned long long)s->progress.messages_total);
}

/* What a listing tells of messages that are gone is true however the session ended. */
static void
session_save_absences(struct session *s)
{
	struct err ignored = ERR_INIT;

	if (!s->planned || s->set->mode != SESSION_FETCH ||
	    batch_is_broken(s->batch) || !session_relies_on_notes(s) ||
	    store_begin(s->store, STORE_DURABLE, &ignored) == -1)
		return;
	(void)session_end_note(s, session_note_gone(s, &ignored), &ignored);
}

/* Whatever went wrong: the next session asks again what this server can do. */
static void
session_forget_server(struct session *s)
{
	struct err ignored = ERR_INIT;

	if (s->set->mode == SESSION_FETCH)
		(void)server_memory_forget(s->store, s->set->server,
					   requests_failed_flight(s->requests),
					   clock_unix(), &ignored);
}

static void
session_free(struct session *s)
{
	batch_close(&s->batch);
	requests_free(&s->requests);
	plan_free(&s->plan);
	store_rows_free(&s->rows);
	listing_free(&s->listing);
	header_free(&s->header);
	free(s->marks);
	free(s->digests);
	free(s->octets);
	free(s->received);
	free(s->removals);
	takeover_free(s);
}

/* It went on to its end: which of the errors on the way is its own? */
static int
session_sum_up(struct session *s, bool *reported, struct err *e)
{
	session_complain_of_stop(s);
	*e = s->later.kind != ERR_NONE ? s->later : s->first;
	if (e->kind == ERR_NONE)
		return 0;
	*reported = s->later.kind == ERR_NONE;
	return -1;
}

int
session_run(const struct session_settings *set, struct store *store,
	    const struct deliver_target *target, struct link *courier,
	    struct link *report, struct report_result *result, bool *reported,
	    struct err *e)
{
	int64_t longest = set->server->session_timeout_ms +
			  SESSION_PATIENCE_MS;
	struct session s = {
		.set = set,
		.store = store,
		.target = target,
		.report = report,
		.result = result,
		.bye = 2,
		.end = clock_deadline(longest),
	};
	int ended = -1;

	s.header = header_new();
	s.requests = requests_new(courier, report, &survey_listing, &s, longest);
	if (session_open_batch(&s, e) == 0 && survey_go(&s, e) == 0 &&
	    survey_plan(&s, e) == 0)
		ended = session_act(&s, e);
	if (ended == -1) {
		session_save_complete(&s, e);
		session_save_takeover(&s, e);
		session_save_absences(&s);
		if (session_is_stopping(&s) && e->kind == ERR_STOPPED &&
		    s.progress.messages_total > 0)
			session_say_how_far(&s, e);
		incoming_broken(&s, e);
		session_forget_server(&s);
	}
	if (ended == 0)
		ended = session_sum_up(&s, reported, e);
	else
		*reported = session_was_told(&s, e);
	session_free(&s);
	return ended;
}
