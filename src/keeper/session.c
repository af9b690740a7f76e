/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/session.h"

#include "base/clock.h"
#include "base/text.h"
#include "keeper/catch_up.h"
#include "keeper/compare.h"
#include "keeper/dryrun.h"
#include "session/learning.h"
#include "keeper/list.h"
#include "session/list_sizes.h"
#include "keeper/notes.h"
#include "session/ending.h"
#include "session/failure.h"
#include "session/unnamed.h"
#include "session/phase.h"
#include "session/ration.h"
#include "keeper/removal.h"
#include "keeper/retrieve.h"
#include "keeper/verb.h"
#include "account/history.h"
#include "account/server_memory.h"
#include "state/fact.h"

enum {
	/* beyond the courier's own time limits, which it keeps itself */
	PATIENCE_MS = 30 * 1000,
	LARGE_MAILBOX = 1000,
	DAY_S = 86400
};

/* --- remarks --- */

/* Suggests --catch-up to whoever has a new state and a full mailbox: somebody
 * who comes from another program, or has lost the state. */
static void
hint_at_catch_up(struct session *s)
{
	size_t count = plan_count(mailbox_plan(s->mailbox), PLAN_FETCH);

	if (store_is_new(s->store) && s->set->keeper->rules.keep_s != 0 &&
	    count >= LARGE_MAILBOX)
		report_line(s->report, REPORT_SUMMARY,
			    "this state is new, all %zu messages are fetched; "
			    "to skip them: popfetch --catch-up %s",
			    count, s->set->keeper->target.account);
}

/* RFC 2449 section 6.7. */
static void
warn_of_expire(struct session *s)
{
	int64_t keep_s = s->set->keeper->rules.keep_s, warned = -3;
	int64_t days = s->facts.expire_days;
	struct err ignored = ERR_INIT;

	if (keep_s == 0 || days < 0 ||
	    (keep_s != PLAN_KEEP_FOREVER && days > keep_s / DAY_S) ||
	    store_fact(s->store, FACT_WARNED_EXPIRE, -3, &warned, &ignored) !=
		    0 ||
	    warned == days)
		return;
	if (days == 0)
		phase_warn(s, "server may delete messages by itself as soon "
			      "as they have been fetched (EXPIRE 0)");
	else
		phase_warn(s,
			   "server may delete messages by itself after "
			   "%lld day%s",
			   (long long)days, text_plural((uint64_t)days));
	(void)phase_note_fact(s, FACT_WARNED_EXPIRE, days, &ignored);
}

static int
warn_of_unproven(struct session *s, struct err *e)
{
	const struct plan *p = mailbox_plan(s->mailbox);
	size_t count = plan_unproven(p);

	if (s->set->keeper->rules.keep_s != PLAN_KEEP_FOREVER &&
	    !compare_has_top(s))
		count += plan_count(p, PLAN_LEARN);
	return count == 0 ? 0 : learning_warn_unproven(s, count, e);
}

/* QUIT was not said (removal.h).  Without uids that lasts. */
static void
warn_of_no_quit(struct session *s)
{
	struct err ignored = ERR_INIT;
	int64_t told;

	if (mailbox_has_uids(s->mailbox) ||
	    store_fact(s->store, FACT_WARNED_NO_QUIT, 0, &told, &ignored) !=
		    0 ||
	    (told != 0 && told <= s->now && s->now - told < DAY_S))
		return;
	phase_warn(s,
		   "while a message is not delivered nothing is deleted, and "
		   "all mail is fetched again in each run: at QUIT the server "
		   "would delete that message (EXPIRE 0), and it has no uids; "
		   "which: popfetch --status -v %s",
		   s->set->keeper->target.account);
	(void)phase_note_fact(s, FACT_WARNED_NO_QUIT, s->now, &ignored);
}

/* --- the phases --- */

static size_t
count_come(const struct session *s)
{
	size_t count = 0;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		count += mailbox_action(s->mailbox, i) == PLAN_FETCH &&
			 mailbox_is(s->mailbox, i, MAILBOX_DELIVERED) &&
			 failure_count(s->mailbox, i) == 0;
	return count;
}

/* Not in a turn in which none of them would come. */
static bool
may_admit(const struct session *s, const struct retrieve *r)
{
	return plan_count(mailbox_plan(s->mailbox), PLAN_LATER) > 0 &&
	       !s->turn.tries_broken && !phase_is_ending(s) &&
	       !r->handover.has_failed && s->later.kind == ERR_NONE;
}

/* What is new comes first, so that a header that breaks the line keeps nothing
 * from coming.  Of several entries with one uid the later ones have to wait for
 * those before them: only when these are on record can they be compared.  Each
 * round finds one more to fetch, or is the last.  max_messages counts what has
 * come: for what was known already, or failed, others take its place. */
static int
retrieve_all(struct session *s, struct retrieve *r, struct err *e)
{
	struct plan *p = mailbox_plan(s->mailbox);
	size_t before;

	do {
		if (retrieve_run(r, e) != 0)
			return -1;
		before = plan_count(p, PLAN_FETCH);
		if (compare_run(s, true, e) != 0)
			return -1;
		if (may_admit(s, r))
			plan_admit(p, count_come(s));
	} while (plan_count(p, PLAN_FETCH) > before ||
		 (s->top.is_cut && !phase_is_ending(s)));
	return retrieve_settle(r, e);
}

static int
take_turn(struct session *s, struct retrieve *r, bool broken, struct err *e)
{
	int rc;

	s->turn.tries_broken = broken;
	rc = retrieve_all(s, r, e);
	if (rc == 0)
		s->turn.tries_broken = false;
	return rc;
}

/* They come in a session of their own, where another login is welcome. */
static int
leave_turn(struct session *s, struct err *e)
{
	bool is_refused;

	if (history_refuses_again(s->store, s->now, &is_refused, e) != 0)
		return -1;
	s->result->is_again = s->facts.login_delay_s == 0 && !is_refused &&
			      failure_awaits_turn(s, true);
	if (!s->result->is_again && !is_refused)
		err_set(&s->later, ERR_LATER,
			"messages at which a session broke are left for a run "
			"that has nothing else to do (%s)",
			s->facts.login_delay_s > 0 ? "LOGIN-DELAY" : "no UIDL");
	return failure_note_turn(s, true, e);
}

/* Behind them comes what has come meanwhile, but in the second session of a run
 * not where max_messages has been used already; and then what was compared, and
 * turned out to be one of them: of several rows with one uid it was not known
 * which is its own. */
static int
take_turn_of_broken(struct session *s, struct retrieve *r, struct err *e)
{
	bool is_used =
		s->set->broken_only && s->set->keeper->rules.max_messages > 0;

	if (failure_begin_turn(s, e) != 0 || take_turn(s, r, true, e) != 0 ||
	    (!is_used && take_turn(s, r, false, e) != 0))
		return -1;
	if (!failure_awaits_turn(s, false))
		return 0;
	if (phase_is_ending(s))
		return failure_note_turn(s, true, e);
	if (!s->set->broken_only && removal_waiting(s) > 0)
		return leave_turn(s, e);
	return take_turn(s, r, true, e);
}

/* First all but those at which a session broke before.  They get no command in
 * a session that has anything else to do, which they would take with them: they
 * come now if there was nothing else, or in a session of their own.  Where
 * there is none for long, the others wait for once. */
static int
take_turns(struct session *s, struct retrieve *r, struct err *e)
{
	uint64_t before = requests_given(s->requests);

	if (s->set->broken_only || failure_is_overdue(s))
		return take_turn_of_broken(s, r, e);
	if (retrieve_all(s, r, e) != 0)
		return -1;
	if (!failure_awaits_turn(s, false))
		return failure_note_turn(s, false, e);
	if (phase_is_ending(s) || s->later.kind != ERR_NONE)
		return failure_note_turn(s, true, e);
	if (requests_given(s->requests) == before)
		return take_turn_of_broken(s, r, e);
	return leave_turn(s, e);
}

static int
fetch(struct session *s, struct retrieve *r, struct err *e)
{
	uint64_t given;

	warn_of_expire(s);
	hint_at_catch_up(s);
	if (take_turns(s, r, e) != 0 || list_name_large(s, e) != 0 ||
	    warn_of_unproven(s, e) != 0 || removal_run(s, e) != 0 ||
	    notes_save(s, retrieve_saw_contents(r), e) != 0)
		return -1;
	given = requests_given(s->requests);
	if (removal_quit(s, e) != 0)
		return -1;
	if (requests_given(s->requests) == given)
		warn_of_no_quit(s);
	return unnamed_settle(s, e);
}

static int
look(struct session *s, struct err *e)
{
	if (compare_run(s, false, e) != 0)
		return -1;
	dryrun_say(s);
	return removal_quit(s, e);
}

static int
act(struct session *s, struct retrieve *r, struct err *e)
{
	s->result->new_messages =
		plan_count(mailbox_plan(s->mailbox), PLAN_FETCH);
	switch (s->set->mode) {
	case SESSION_FETCH:
		return fetch(s, r, e);
	case SESSION_DRY_RUN:
		return look(s, e);
	case SESSION_CHECK:
		if (compare_run(s, false, e) != 0)
			return -1;
		dryrun_count(s);
		break;
	case SESSION_CATCH_UP:
		if (catch_up_run(s, e) != 0)
			return -1;
		break;
	case SESSION_CATCH_UP_DRY_RUN:
		if (catch_up_look(s, e) != 0)
			return -1;
		break;
	case SESSION_LIST:
	case SESSION_SKIP:
	case SESSION_DELETE:
		if (verb_run(s, e) != 0)
			return -1;
		break;
	}
	return removal_quit(s, e);
}

/* --- the end --- */

/* The time was over before all had come, or was looked at.  What is left to be
 * deleted waits for the next run without a word. */
static void
say_time(const struct session *s, const struct retrieve *r, struct err *e)
{
	size_t left;

	if (!s->is_out_of_time)
		return;
	if (s->set->mode != SESSION_FETCH) {
		(void)err_set(e, ERR_NETWORK,
			      "session_timeout reached: not all messages were "
			      "looked at");
		return;
	}
	left = retrieve_left(r) + compare_left(s) + failure_left(s);
	if (left > 0)
		(void)err_set(e, ERR_NETWORK,
			      "%s: %zu message%s left for the next run",
			      ration_is_used(s)
				      ? "sessions break off, so they are kept "
					"short"
				      : "session_timeout reached",
			      left, left == 1 ? " is" : "s are");
}

/* The session went on to its end: which of the errors on the way does it end
 * with?  What was complete when a stop came is safe, deleted and confirmed; the
 * rest is for the next run.  If there is no rest, the stop came too late to
 * matter. */
static int
sum_up(struct session *s, const struct retrieve *r, struct err *e)
{
	struct err cut = ERR_INIT;

	if (ending_is_early(s, &cut))
		phase_complain(s, &cut, false);
	*e = s->later.kind != ERR_NONE ? s->later : s->first;
	if (e->kind == ERR_NONE)
		say_time(s, r, e);
	return e->kind == ERR_NONE ? 0 : -1;
}

/* What came by RETR is not asked for again, if it is delivered; and where one
 * was shorter than listed, that one is to blame. */
static void
blame_retrieved(struct session *s, struct retrieve *r, size_t entry,
		const struct err *why)
{
	if (!r->handover.lockstep.has_suspect &&
	    !mailbox_is(s->mailbox, entry, MAILBOX_DELIVERED))
		failure_blame(s, entry, 0, why);
}

/* By something that was not asked for?  A LIST is nobody's fault. */
static bool
blame_answered(struct session *s, struct retrieve *r, const struct err *why)
{
	const struct requests *x = s->requests;
	size_t entry;

	if (requests_broke_behind(x, LINK_RETR, &entry))
		blame_retrieved(s, r, entry, why);
	else if (requests_broke_behind(x, LINK_TOP, &entry))
		failure_blame(s, entry, 0, why);
	else if (requests_broke_behind(x, LINK_DELE, &entry))
		removal_blame(s, true, why);
	else
		return false;
	return true;
}

/* At what did the session break?  That is counted where it will be asked about
 * again. */
static void
blame(struct session *s, struct retrieve *r, const struct err *why)
{
	bool broke = failure_may_be_by_message(why);
	size_t entry;

	if (retrieve_blame(r, why) || blame_answered(s, r, why))
		broke = false;
	else
		failure_blame_awaited(s, why);
	if (broke && requests_waits_for(s->requests, LINK_DELE, &entry))
		removal_blame(s, false, why);
	list_sizes_blame(s, broke);
}

/* Replies that a server had ready may be lost with the line, or one was never
 * sent, and then the one that was waited for is not the one at which it broke:
 * half as many are asked for in the next session, until it is clear. */
static void
narrow(struct session *s, const struct err *why)
{
	size_t count = requests_flight(s->requests);
	struct err ignored = ERR_INIT;

	if (s->facts.pipelining && failure_may_be_by_message(why) && count > 1)
		(void)phase_note_fact(s, FACT_WINDOW, (int64_t)(count / 2),
				      &ignored);
}

/* The session has failed: what is complete is saved, what it has shown is
 * remembered, and the next session asks again what this server can do. */
static void
save(struct session *s, struct retrieve *r, struct err *why)
{
	struct err ignored = ERR_INIT;
	bool is_broken;

	retrieve_save(r, why);
	is_broken = batch_is_broken(r->handover.batch);
	if (s->mailbox && mailbox_is_decided(s->mailbox) && !is_broken)
		notes_save_absences(s, retrieve_saw_contents(r));
	if (s->mailbox && !is_broken) {
		blame(s, r, why);
		if (s->turn.was_taken && failure_may_be_by_message(why))
			(void)phase_note_fact(s, FACT_TURN_BROKE, 1, &ignored);
		narrow(s, why);
		ration_broke(s, why);
		retrieve_put_down(r);
	}
	(void)server_memory_forget(s->store, s->set->server,
				   requests_failed_flight(s->requests),
				   clock_unix(), &ignored);
}

/* Whatever became of the login, the next one begins with what it has shown,
 * but for a second one that the server may refuse since it came so soon. */
static void
note_login(struct session *s)
{
	int64_t login = requests_login(s->requests);
	bool is_in_vain = s->set->broken_only && !s->result->is_logged_in;
	struct err ignored = ERR_INIT;

	if (login >= 0 && !is_in_vain &&
	    (s->set->mode == SESSION_FETCH || s->set->mode == SESSION_CATCH_UP))
		(void)server_memory_note_login(s->store, s->set->server, login,
					       clock_unix(), &ignored);
}

static int
run(struct session *s, struct retrieve *r, struct err *e)
{
	int rc = list_run(s, e);

	note_login(s);
	if (rc == 0 && act(s, r, e) == 0)
		return sum_up(s, r, e);
	s->result->is_again = false;
	if (s->set->mode == SESSION_FETCH)
		save(s, r, e);
	else if (s->set->mode == SESSION_CATCH_UP)
		catch_up_blame(s, e);
	else
		verb_blame(s, e);
	if (phase_is_stopping(s) && e->kind == ERR_STOPPED &&
	    s->progress.messages_total > 0)
		ending_say(s, ERR_STOPPED, "stopped by a signal", e);
	return -1;
}

static int
open_and_run(struct session *s, const struct deliver_target *target,
	     struct err *e)
{
	struct retrieve r = { .session = s };
	int rc = 0;

	if (s->set->mode == SESSION_FETCH)
		rc = retrieve_open(&r, s, target, e);
	if (rc == 0)
		rc = run(s, &r, e);
	retrieve_close(&r);
	return rc;
}

int
session_run(const struct session_settings *set, struct store *store,
	    const struct deliver_target *target, struct link *courier,
	    struct link *report, struct report_result *result, struct err *e)
{
	int64_t longest = set->server->session_timeout_ms + PATIENCE_MS;
	struct session s = {
		.set = set,
		.store = store,
		.report = report,
		.result = result,
		.requests = requests_new(courier, report, longest),
		.removals = removals_new(),
		.facts.expire_days = FACTS_EXPIRE_UNSAID,
		.end = clock_deadline(longest),
		.work_end = clock_deadline(set->server->session_timeout_ms),
	};
	int rc = open_and_run(&s, target, e);

	mailbox_free(&s.mailbox);
	removals_free(&s.removals);
	requests_free(&s.requests);
	return rc;
}
