/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/keeper.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "base/text.h"
#include "account/claim.h"
#include "account/history.h"
#include "commit/recovery.h"
#include "link/report.h"
#include "keeper/alarm.h"
#include "keeper/catch_up.h"
#include "state/fact.h"
#include "sys/proc.h"

enum {
	PATIENCE_MS = 2 * 1000, /* for a courier to end by itself */
	LOCK_MS = 5 * 1000,	/* for who holds the lock, perhaps to copy the
				   state, before people are told of it */
	LOCK_STEP_MS = 100,
	LIMIT_PAUSE_MOST_S = 3600 /* what a server gives is limited by the hour
				     or the day */
};

struct keeper {
	const struct keeper_job *job;
	struct link *report, *courier;
	pid_t courier_pid;
	struct claim claim;
	struct report_result result;
	struct alarm alarm;
	int64_t began; /* clock_ms */
	bool fold;     /* people know of the failure */
};

/* Does it count as a run of the account? */
static bool
is_run(const struct keeper *k)
{
	return k->job->settings.mode == SESSION_FETCH ||
	       k->job->settings.mode == SESSION_CATCH_UP;
}

static bool
may_write(const struct keeper *k)
{
	return is_run(k) || k->job->settings.mode == SESSION_SKIP ||
	       k->job->settings.mode == SESSION_DELETE;
}

static uint64_t
fetched_in_all(const struct keeper *k)
{
	return k->job->settings.fetched_before + k->result.fetched;
}

/* --- the courier --- */

/* The end of the link makes it end; if it does not, it is killed. */
static void
end_courier(struct keeper *k)
{
	int64_t until = clock_deadline(PATIENCE_MS);
	int status;

	link_free(&k->courier);
	if (k->courier_pid <= 0)
		return;
	while (!proc_reap(k->courier_pid, &status)) {
		if (clock_ms() >= until) {
			proc_kill(k->courier_pid);
			break;
		}
		(void)proc_poll(NULL, 0, until);
	}
	k->courier_pid = 0;
}

/* --- destination and recovery --- */

/* deliver_target.note: the destination holds it while it is open, and calls it
 * with what a program says, when no transaction is open. */
static void
note_program(void *arg, const char *line)
{
	struct keeper *k = arg;

	report_line(k->report, REPORT_VERBOSE, "mda: %s", line);
	report_log(k->report, "mda: %s", line);
}

static struct deliver_target
full_target(struct keeper *k)
{
	struct deliver_target target = k->job->settings.keeper->target;

	target.state_id = store_id(k->claim.store);
	target.spool = k->job->state_dir;
	target.note = note_program;
	target.note_arg = k;
	return target;
}

/* What the killed run had in hand has been judged.  A run that fetches goes by
 * was_interrupted; behind another one, the next would blame a message that has
 * nothing to do with it. */
static void
put_down(struct keeper *k)
{
	struct err ignored = ERR_INIT;

	if (k->job->settings.mode == SESSION_FETCH ||
	    store_begin(k->claim.store, STORE_LAZY, &ignored) != 0)
		return;
	if (store_set_fact(k->claim.store, FACT_IN_HAND, 0, &ignored) != 0 ||
	    store_commit(k->claim.store, &ignored) != 0)
		store_rollback(k->claim.store);
}

static int
recover(struct keeper *k, const struct deliver_target *target,
	struct session_settings *set, struct err *e)
{
	struct recovery_result r;

	if (!may_write(k))
		return 0;
	if (recovery_run(k->claim.store, target, &r, e) != 0)
		return -1;
	set->was_interrupted = r.delivered + r.again > 0;
	set->has_undelivered = r.again > 0;
	if (set->was_interrupted)
		report_line(k->report, REPORT_VERBOSE,
			    "an earlier run was interrupted: messages that had "
			    "been delivered: %zu, to be fetched again: %zu",
			    r.delivered, r.again);
	if (set->was_interrupted)
		put_down(k);
	if (r.set_aside > 0)
		report_line(k->report, REPORT_WARNING,
			    "%zu message%s set aside, since three runs were "
			    "ended while the program had %s; -n tells which",
			    r.set_aside, r.set_aside == 1 ? " is" : "s are",
			    r.set_aside == 1 ? "it" : "them");
	return 0;
}

/* --- what earlier runs have taught --- */

/* The trouble itself was noted when it was met. */
static int
fail_paused(struct keeper *k, enum history_pause pause, const char *wait,
	    struct err *e)
{
	k->fold = true;
	if (pause == HISTORY_REFUSED)
		return err_set(e, ERR_LOGIN,
			       "login was refused, next try in "
			       "%s; name the account to try now",
			       wait);
	return err_set(e, ERR_TROUBLE,
		       "server was in trouble, next try in "
		       "%s; name the account to try now",
		       wait);
}

/* Is it too early to log in again?  Naming the account overrides the pause. */
static int
check_history(struct keeper *k, bool *skip, struct err *e)
{
	const struct session_settings *set = &k->job->settings;
	char wait[QUANTITY_TEXT_MAX];
	enum history_pause pause;
	int64_t wait_s;

	*skip = false;
	if ((set->mode != SESSION_FETCH && set->mode != SESSION_CHECK) ||
	    set->ignore_backoff)
		return 0;
	if (history_check(k->claim.store, &set->keeper->account, clock_unix(),
			  &wait_s, &pause, e) != 0)
		return -1;
	quantity_show_duration(wait, wait_s);
	if (pause == HISTORY_REFUSED || pause == HISTORY_PUT_OFF)
		return fail_paused(k, pause, wait, e);
	if (pause == HISTORY_NO_PAUSE || set->mode != SESSION_FETCH)
		return 0;
	*skip = true;
	report_line(k->report, REPORT_SUMMARY,
		    "server wants a pause between logins (LOGIN-DELAY), next "
		    "one in %s",
		    wait);
	return 0;
}

/* A limit that was reached is no reason for a pause; one that still holds
 * is. */
static void
put_off(struct keeper *k)
{
	const struct report_result *r = &k->result;
	int64_t longest =
		r->is_limited ? LIMIT_PAUSE_MOST_S : HISTORY_PAUSE_MOST_S;
	struct err ignored = ERR_INIT;

	if (r->is_limited && r->fetched > 0)
		(void)history_resumed(k->claim.store, &ignored);
	else
		(void)history_put_off(k->claim.store,
				      &k->job->settings.keeper->account,
				      longest, clock_unix(), &ignored);
}

/* A server that refuses the listing for no reason, in one run after the other,
 * is in trouble as well. */
static bool
is_in_trouble(const struct keeper *k, enum err_kind why)
{
	const struct report_result *r = &k->result;
	struct err ignored = ERR_INIT;
	bool goes_on;

	if (why != ERR_LATER || !r->is_logged_in || r->is_listed)
		return why == ERR_TROUBLE;
	return history_has_failed(k->claim.store, &goes_on, &ignored) == 0 &&
	       goes_on;
}

static void
remember_failure(struct keeper *k, const struct err *why)
{
	struct err ignored = ERR_INIT;
	bool may_pass = err_is_passing(why->kind) && !why->told;
	const struct account_settings *account =
		&k->job->settings.keeper->account;

	/* in a pause it is what brought the pause about that counts */
	if (!k->claim.store || !is_run(k) || k->fold)
		return;
	(void)history_note_error(k->claim.store, why->text, fetched_in_all(k),
				 clock_unix(), &ignored);
	if (why->kind == ERR_LOGIN)
		(void)history_login_refused(k->claim.store, account,
					    clock_unix(), &ignored);
	if (is_in_trouble(k, why->kind))
		put_off(k);
	else if (!may_pass) /* the server was reached */
		(void)history_reached(k->claim.store, &ignored);
	if (may_pass)
		(void)history_failed(k->claim.store, account, clock_unix(),
				     &k->fold, &ignored);
}

/* The server has served us, whatever became of the session behind the listing:
 * nobody puts logins off any more. */
static void
note_served(struct keeper *k, const struct err *why)
{
	struct err ignored = ERR_INIT;

	if (k->claim.store && is_run(k) && k->result.is_listed &&
	    why->kind != ERR_TROUBLE)
		(void)history_resumed(k->claim.store, &ignored);
}

/* --- the run --- */

static int
try_claim(struct keeper *k, struct err *e)
{
	claim_release(&k->claim);
	err_clear(e);
	return claim_take(&k->claim, &k->job->settings.keeper->account,
			  k->job->state_dir, may_write(k), e);
}

/* A lock that seems to be held for long may just be held again. */
static int
claim(struct keeper *k, struct err *e)
{
	int rc = try_claim(k, e);
	int64_t until = clock_deadline(LOCK_MS), step;

	if (rc == 0 || e->kind != ERR_BUSY)
		return rc;
	alarm_look_at_lock(&k->alarm);
	while (k->alarm.trouble.kind != TROUBLE_NONE && rc != 0 &&
	       e->kind == ERR_BUSY && clock_ms() < until && proc_stops() == 0) {
		step = clock_deadline(LOCK_STEP_MS);
		(void)proc_poll(NULL, 0, clock_earlier(until, step));
		rc = try_claim(k, e);
	}
	if (rc == 0 || e->kind != ERR_BUSY || proc_stops() > 0)
		k->alarm.trouble.kind = TROUBLE_NONE;
	return rc;
}

static int
run_session(struct keeper *k, struct err *e)
{
	struct session_settings settings = k->job->settings;
	struct deliver_target target;
	bool skip;

	if (claim(k, e) != 0)
		return -1;
	target = full_target(k);
	if (recover(k, &target, &settings, e) != 0 ||
	    catch_up_leaves_alone(&settings, k->claim.store, k->report, &skip,
				  e) != 0 ||
	    (!skip && check_history(k, &skip, e) != 0))
		return -1;
	if (skip)
		return 0;
	if (settings.list)
		return catch_up_list(&settings, k->claim.store, k->report, e);
	if (session_run(&settings, k->claim.store, &target, k->courier,
			k->report, &k->result, e) != 0)
		return -1;
	return is_run(k) ? history_succeeded(k->claim.store, fetched_in_all(k),
					     clock_unix(), e)
			 : 0;
}

/* If the run is to fetch mail, the other one does just that; if it is for
 * anything else, people have to know that it was not done. */
static void
report_busy(struct keeper *k)
{
	static const char text[] = "is being fetched by another run";
	struct err e = ERR_INIT;

	switch (k->job->settings.mode) {
	case SESSION_FETCH:
		report_line(k->report, REPORT_VERBOSE, "%s", text);
		break;
	case SESSION_DRY_RUN:
	case SESSION_CATCH_UP_DRY_RUN:
		report_line(k->report, REPORT_ANSWER, "%s", text);
		break;
	case SESSION_CHECK:
	case SESSION_CATCH_UP:
	case SESSION_LIST:
	case SESSION_SKIP:
	case SESSION_DELETE:
		err_set(&e, ERR_LATER, "%s", text);
		report_error(k->report, &e, false);
		break;
	}
}

/* A session for messages that broke one before need not come about, as far as
 * the server is concerned.  That refuses no secret: it has just been taken. */
static bool
is_in_vain(const struct keeper *k, const struct err *e)
{
	return k->job->settings.broken_only && !k->result.is_listed &&
	       (err_is_passing(e->kind) || e->kind == ERR_LOGIN);
}

static void
report_failure(struct keeper *k, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (e->kind == ERR_BUSY) {
		report_busy(k);
		return;
	}
	report_log(k->report, "failed: %s", e->text);
	if (e->kind == ERR_LOCAL || e->kind == ERR_DATABASE)
		k->result.is_again = false;
	if (is_in_vain(k, e)) {
		if (e->kind == ERR_LOGIN)
			(void)history_again_refused(k->claim.store,
						    clock_unix(), &ignored);
		return;
	}
	remember_failure(k, e);
	if (e->told)
		return;
	if (!k->fold)
		alarm_join(&k->alarm, e);
	report_error(k->report, e, k->fold);
}

/* Of two sessions of a run the second one tells. */
static bool
is_last_session(const struct keeper *k)
{
	return k->job->settings.broken_only || !k->result.is_again;
}

/* The last line of an account; where nobody could log in there is nothing to
 * count. */
static void
say_counts(struct keeper *k)
{
	const struct report_result *r = &k->result;
	bool quiet = r->fetched + r->deleted == 0;
	char size[QUANTITY_TEXT_MAX], time[QUANTITY_TEXT_MAX], deleted[64] = "";

	if (!r->is_logged_in)
		return;
	quantity_show_size(size, r->bytes);
	quantity_show_taken(time, clock_ms() - k->began);
	if (r->deleted > 0)
		snprintf(deleted, sizeof(deleted),
			 ", %llu deleted on the server",
			 (unsigned long long)r->deleted);
	report_line(k->report, quiet ? REPORT_VERBOSE : REPORT_SUMMARY,
		    "%llu message%s fetched, %s in %s%s",
		    (unsigned long long)r->fetched, text_plural(r->fetched),
		    size, time, deleted);
}

static void
report_counts(struct keeper *k)
{
	const struct report_result *r = &k->result;

	if (k->job->settings.mode != SESSION_FETCH)
		return;
	say_counts(k);
	report_log(k->report,
		   "session: %llu fetched, %llu deleted, %llu failed",
		   (unsigned long long)r->fetched,
		   (unsigned long long)r->deleted,
		   (unsigned long long)r->failed);
}

/* What is committed is safe, but a copy of the database file alone would lack
 * it. */
static void
make_whole(struct keeper *k)
{
	struct err e = ERR_INIT;

	if (!k->claim.store || store_make_whole(k->claim.store, &e) == 0)
		return;
	k->result.is_again = false;
	report_log(k->report, "failed: %s", e.text);
	report_error(k->report, &e, false);
}

void
keeper_run(const struct keeper_job *job, struct link **report)
{
	struct keeper k = {
		.job = job,
		.report = *report,
		.began = clock_ms(),
		.claim = CLAIM_NONE,
	};
	struct err e = ERR_INIT;
	bool failed;

	k.alarm = (struct alarm){ .set = &job->settings,
				  .state_dir = job->state_dir,
				  .report = k.report };
	proc_signals(PROC_TERM_ONLY);
	failed = job->start_courier(job->arg, &k.courier, &k.courier_pid, &e) !=
			 0 ||
		 run_session(&k, &e) != 0;
	if (failed)
		note_served(&k, &e);
	if (k.claim.store && is_last_session(&k))
		alarm_look(&k.alarm, k.claim.store, e.kind);
	if (failed)
		report_failure(&k, &e);
	alarm_tell(&k.alarm, k.claim.store);
	if (!failed || e.kind != ERR_BUSY)
		report_counts(&k);
	end_courier(&k);
	make_whole(&k);
	claim_release(&k.claim);
	report_result(k.report, &k.result);
	link_free(report);
}
