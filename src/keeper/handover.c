/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/handover.h"

#include "account/history.h"
#include "account/trouble.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "keeper/removal.h"
#include "sys/proc.h"
#include "session/failure.h"
#include "session/identity.h"

int
handover_open(struct handover *h, struct session *s,
	      const struct deliver_target *target, struct err *e)
{
	*h = (struct handover){ .session = s };
	return batch_open(&h->batch, s->store, target, &s->set->limits, e);
}

void
handover_close(struct handover *h)
{
	captions_clear(&h->captions);
	lockstep_close(&h->lockstep);
	batch_close(&h->batch);
}

/* --- what is on record --- */

static void
say_cut(struct session *s, size_t entry, const char *name)
{
	phase_warn(s,
		   "%s ended after %lld of %lld octets, perhaps cut by the "
		   "server: it is delivered, and fetched again before it is "
		   "deleted",
		   name, (long long)mailbox_octets(s->mailbox, entry),
		   (long long)plan_size(mailbox_plan(s->mailbox), entry));
}

static void
say_if_again(struct session *s, size_t entry, int64_t own, const char *name)
{
	struct store_row row;

	if (identity_find_piece(s->mailbox, entry, own, &row))
		phase_warn(s,
			   "%s differs from what came under its uid before, "
			   "perhaps cut: it is delivered, too",
			   name);
}

static void
take_delivered(struct handover *h, size_t entry, int64_t row)
{
	struct session *s = h->session;
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, entry, name);
	mailbox_mark(s->mailbox, entry, MAILBOX_DELIVERED);
	s->result->fetched++;
	report_log(s->report, "delivered: %s, %lld octets", name,
		   (long long)mailbox_size(s->mailbox, entry));
	if (!s->set->wants_captions ||
	    !captions_tell(&h->captions, entry,
			   mailbox_number(s->mailbox, entry), s->report))
		report_line(s->report, REPORT_VERBOSE, "%s delivered", name);
	say_if_again(s, entry, row, name);
	if (mailbox_is(s->mailbox, entry, MAILBOX_CUT))
		say_cut(s, entry, name);
	else if (s->set->keeper->rules.keep_s == 0)
		removal_add(s, entry, row);
}

/* A piece of it is delivered, and this is another one.  More would come in each
 * run: it has the pauses of what cannot be read. */
static int
refuse_piece(struct handover *h, size_t entry, const struct store_row *piece,
	     struct err *e)
{
	struct session *s = h->session;
	uint32_t number = mailbox_number(s->mailbox, entry);
	struct err why = ERR_INIT, told;
	int rc;

	(void)err_set(&why, ERR_MESSAGE,
		      "RETR %u: ended after %lld octets, and elsewhere before: "
		      "the server cuts it",
		      number, (long long)mailbox_octets(s->mailbox, entry));
	told = why;
	s->result->failed++;
	failure_say_fate(s, entry, true, &told);
	phase_complain(s, &told, piece->attempts > 0);
	if (phase_begin_note(s, e) != 0)
		return -1;
	rc = store_set_failures(s->store, piece->id, piece->attempts + 1,
				backoff_next(clock_unix(), piece->attempts),
				false, why.text, e);
	return phase_end_note(s, rc, e);
}

int
handover_see_cuts(struct handover *h, struct err *e)
{
	struct mailbox *m = h->session->mailbox;
	struct store_row piece;
	size_t entry;

	while (cuts_next(&h->lockstep.cuts, &entry)) {
		bool is_piece = !mailbox_is(m, entry, MAILBOX_PROVEN) &&
				identity_find_piece(m, entry, 0, &piece);

		mailbox_mark(m, entry, MAILBOX_CUT);
		batch_doubt(h->batch, mailbox_number(m, entry), !is_piece);
		if (is_piece && refuse_piece(h, entry, &piece, e) != 0)
			return -1;
	}
	return 0;
}

void
handover_note(struct handover *h, size_t entry, const struct header *header)
{
	h->staged++;
	if (h->session->set->wants_captions || batch_ends_one_by_one(h->batch))
		captions_add(&h->captions, entry, header);
}

/* What -vv shows is passed on to others: it says nothing of what is in a
 * mailbox. */
static const char *
about_of(struct handover *h, size_t entry)
{
	return h->session->set->trace ? ""
				      : captions_about(&h->captions, entry);
}

/* What people are told of it: the log and the state get no subjects. */
static void
say_failed(struct handover *h, size_t entry, bool aside, const struct err *why,
	   const struct err *kept)
{
	const char *about = about_of(h, entry);
	struct err told = *kept;
	char name[MAILBOX_NAME_MAX];

	mailbox_name(h->session->mailbox, entry, name);
	if (*about) {
		(void)err_set(&told, kept->kind, "%s%s", why->text,
			      aside ? "; it is set aside" : "");
		(void)err_context(&told, "%s%s", name, about);
	}
	phase_complain_as(h->session, &told, kept, false);
}

/* A failure that is the message's own. */
static void
take_failed(struct handover *h, size_t entry, const struct batch_result *r)
{
	struct session *s = h->session;
	bool aside = r->outcome == DELIVER_REFUSED ||
		     r->message.attempts >= BACKOFF_PATIENCE;
	struct err kept = r->why;
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, entry, name);
	s->result->failed++;
	h->programless += r->outcome == DELIVER_REFUSED && r->why.sys != 0;
	if (aside)
		failure_say_fate(s, entry, false, &kept);
	else
		err_context(&kept, "%s", name);
	if (kept.kind == ERR_CONFIG)
		kept.kind = ERR_MESSAGE;
	say_failed(h, entry, aside, &r->why, &kept);
	report_log(s->report, "%s: %s: %s", aside ? "set aside" : "failed",
		   name, r->why.text);
}

/* What all the others met too is told elsewhere (see_trouble). */
static void
take_untouched(struct session *s, size_t entry, const struct err *why)
{
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, entry, name);
	report_log(s->report, "not delivered: %s: %s", name, why->text);
	if (why->kind == ERR_STOPPED)
		s->is_stopped_short = true;
}

static void
take_recorded(struct handover *h)
{
	struct session *s = h->session;
	struct batch_result r;

	while (batch_next_recorded(h->batch, &r)) {
		size_t entry = listing_find(mailbox_listing(s->mailbox),
					    r.message.number);

		if (r.outcome == DELIVER_DONE)
			take_delivered(h, entry, r.message.row);
		else if (r.is_counted)
			take_failed(h, entry, &r);
		else
			take_untouched(s, entry, &r.why);
		/* one of those that are untouched may be told of yet */
		if (r.outcome == DELIVER_DONE || r.is_counted)
			captions_forget(&h->captions, entry);
	}
}

/* The runs that follow are silent while these messages wait, although what they
 * lack may be there again: so this one says what to do then. */
static void
tell_programless(struct handover *h)
{
	struct session *s = h->session;
	struct trouble t = { .kind = TROUBLE_PROGRAM, .count = h->programless };
	char text[ERR_TEXT_MAX];

	if (h->programless == 0)
		return;
	h->programless = 0;
	trouble_text(text, &t, s->set->keeper->target.account, NULL, s->now);
	report_line(s->report, REPORT_TROUBLE, "%s", text);
}

/* --- failures --- */

static int
fail(struct handover *h)
{
	h->has_failed = true;
	return -1;
}

static void
describe(const struct session *s, const struct batch_trouble *t,
	 const char *about, struct err *e)
{
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox,
		     listing_find(mailbox_listing(s->mailbox), t->number),
		     name);
	*e = t->why;
	err_context(e, "%s%s", name, about);
	if (t->why.kind == ERR_CONFIG)
		err_context(e,
			    "option 'mda' seems to be wrong, it has %s; no "
			    "message is set aside",
			    t->is_changed ? "not delivered since it or its "
					    "program was changed"
					  : "never delivered");
	else if (t->count > 1)
		err_context(e,
			    "%zu messages in a row were not taken, the next "
			    "run tries again",
			    t->count);
}

/* A configuration that cannot work is told once a day. */
static bool
is_known(struct session *s, const struct batch_trouble *t)
{
	struct err ignored = ERR_INIT;
	bool fold = false;

	if (t->why.kind == ERR_CONFIG)
		(void)history_mda_broken(s->store, t->fingerprint, clock_unix(),
					 &fold, &ignored);
	return fold;
}

/* What keeps a program from taking any message ends the handing over, but not
 * the session. */
static void
see_trouble(struct handover *h)
{
	const struct batch_trouble *t = batch_trouble(h->batch);
	struct session *s = h->session;
	struct err e, told;
	size_t entry;

	if (!t || h->has_failed)
		return;
	h->has_failed = true;
	entry = listing_find(mailbox_listing(s->mailbox), t->number);
	describe(s, t, "", &e);
	describe(s, t, about_of(h, entry), &told);
	phase_complain_as(s, &told, &e, is_known(s, t));
	report_log(s->report, "failed: %s", e.text);
	batch_discard_waiting(h->batch);
}

/* After a stop request a program gets no other message. */
static void
see_stop(struct handover *h)
{
	size_t before = batch_waiting(h->batch);

	if (proc_stops() == 0 || !batch_ends_one_by_one(h->batch))
		return;
	batch_discard_waiting(h->batch);
	if (batch_waiting(h->batch) < before)
		h->session->is_stopped_short = true;
}

bool
handover_wants_no_more(const struct handover *h)
{
	return batch_ends_one_by_one(h->batch) &&
	       (h->has_failed || h->is_late || proc_stops() > 0);
}

/* --- time --- */

static size_t
count_ended(const struct handover *h)
{
	size_t waiting = batch_waiting(h->batch);

	return h->staged > waiting ? h->staged - waiting : 0;
}

bool
handover_is_untried(const struct handover *h)
{
	return batch_ends_one_by_one(h->batch) && count_ended(h) == 0;
}

int64_t
handover_program_ms(const struct handover *h, size_t count)
{
	size_t ended = count_ended(h);

	if (!batch_ends_one_by_one(h->batch))
		return 0;
	return h->busy_ms * (int64_t)count / (ended > 0 ? (int64_t)ended : 1);
}

static void
measure(struct handover *h)
{
	int64_t now = clock_ms();

	if (h->seen_at != 0)
		h->busy_ms += now - h->seen_at;
	h->seen_at = batch_waiting(h->batch) > 0 ? now : 0;
}

/* Slow programs get no other message when the time that is left is needed to
 * delete what they have taken: the rest is for the next run. */
static void
see_time(struct handover *h)
{
	struct session *s = h->session;
	size_t before = batch_waiting(h->batch);

	measure(h);
	if (!batch_ends_one_by_one(h->batch) || h->is_late || before == 0 ||
	    phase_fits(s, handover_program_ms(h, 1),
		       removal_waiting(s) + batch_max(h->batch)))
		return;
	h->is_late = s->is_out_of_time = true;
	batch_discard_waiting(h->batch);
	h->thrown += before - batch_waiting(h->batch);
}

/* --- handing over --- */

static int
hand_over(struct handover *h, bool all, struct err *e)
{
	int rc = batch_hand_over(h->batch, all, e);

	take_recorded(h);
	if (rc != 0)
		return fail(h);
	see_trouble(h);
	return 0;
}

int
handover_run(struct handover *h, bool all, struct err *e)
{
	if (batch_continue(h->batch, e) != 0)
		return fail(h);
	see_trouble(h);
	see_stop(h);
	see_time(h);
	if (batch_ends_one_by_one(h->batch)) {
		if (batch_record_ended(h->batch, e) != 0)
			return fail(h);
		take_recorded(h);
	}
	if (h->has_failed || !batch_is_due(h->batch, all))
		return 0;
	if (h->lockstep.need == LOCKSTEP_SURE)
		return hand_over(h, all, e);
	h->lockstep.is_due = true;
	return 0;
}

int
handover_finish(struct handover *h, struct err *e)
{
	int rc = batch_finish(h->batch, e);

	take_recorded(h);
	tell_programless(h);
	if (rc != 0)
		return -1;
	see_trouble(h);
	return 0;
}

int64_t
handover_until(const struct handover *h)
{
	/* what waits for certainty has no time at which it is due */
	return !batch_ends_one_by_one(h->batch) && h->lockstep.is_due
		       ? CLOCK_NEVER
		       : batch_until(h->batch);
}

static void
wait_for_programs(struct handover *h)
{
	int fds[DELIVER_POLL_MAX];
	struct pollfd p[DELIVER_POLL_MAX];
	size_t n = batch_poll(h->batch, fds);
	int64_t until = batch_until(h->batch);

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	/* none runs, and none is to: there is nothing to wait for */
	if (until == CLOCK_NEVER)
		batch_discard_waiting(h->batch);
	else if (!batch_is_quiet(h->batch))
		(void)proc_poll(p, (nfds_t)n, until);
}

/* What came in full before the first message that is in doubt is good. */
static void
drop_doubtful(struct handover *h)
{
	const struct mailbox *m = h->session->mailbox;

	if (h->lockstep.need != LOCKSTEP_SURE)
		batch_discard_from(h->batch,
				   mailbox_number(m, h->lockstep.first));
}

int
handover_save(struct handover *h, bool is_good, struct err *e)
{
	struct err more = ERR_INIT;
	bool has_run;
	int rc = 0;

	if (batch_is_broken(h->batch))
		return 0;
	batch_cancel(h->batch);
	is_good = is_good && !h->has_failed;
	drop_doubtful(h);
	while (!batch_is_broken(h->batch) && !batch_is_quiet(h->batch)) {
		/* what is with a program goes on, whatever becomes of the
		 * rest */
		if (rc != 0 || !is_good || handover_wants_no_more(h))
			batch_discard_waiting(h->batch);
		has_run = batch_run(h->batch, true, rc == 0 ? e : &more) == 0;
		if (!has_run)
			rc = -1;
		see_trouble(h);
		if (has_run)
			wait_for_programs(h);
	}
	if (!batch_is_broken(h->batch) &&
	    batch_finish(h->batch, rc == 0 ? e : &more) != 0)
		rc = -1;
	take_recorded(h);
	tell_programless(h);
	see_trouble(h);
	return rc;
}
