/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/catch_up.h"

#include <stdlib.h>

#include "account/uidlist.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "keeper/compare.h"
#include "session/failure.h"
#include "session/headers.h"
#include "session/learning.h"
#include "state/fact.h"

/* --- which account --- */

static bool
catches_up(const struct session_settings *set)
{
	return set->mode == SESSION_CATCH_UP ||
	       set->mode == SESSION_CATCH_UP_DRY_RUN;
}

int
catch_up_leaves_alone(struct session_settings *set, struct store *store,
		      struct link *report, bool *does, struct err *e)
{
	enum store_use use;

	*does = false;
	if (!catches_up(set) || set->ignore_backoff)
		return 0;
	if (store_use(store, &use, e) != 0)
		return -1;
	*does = use == STORE_WORKS;
	set->known_only = use == STORE_BEGUN;
	if (*does)
		report_line(report, REPORT_ANSWER,
			    "left alone, since it has "
			    "been fetched before; to record what is there now: "
			    "popfetch --catch-up %s",
			    set->keeper->target.account);
	return 0;
}

/* --- which messages --- */

static bool
may_be_recorded(enum plan_action action)
{
	switch (action) {
	case PLAN_KEEP:
	case PLAN_DELETE:
		return false;
	case PLAN_FETCH:
	case PLAN_COMPARE:
	case PLAN_LEARN:
	case PLAN_TOO_LARGE:
	case PLAN_SET_ASIDE:
	case PLAN_LATER:
		break;
	}
	return true;
}

static bool
is_wanted(const struct session *s, size_t entry)
{
	const struct mailbox *m = s->mailbox;
	struct store_row row;

	if (!may_be_recorded(mailbox_action(m, entry)))
		return false;
	/* whether one is known that is unclear, its header tells */
	if (s->set->known_only && !mailbox_row(m, entry, &row) &&
	    mailbox_action(m, entry) != PLAN_COMPARE)
		return false;
	/* without a uid there is nothing to know it by */
	return mailbox_at(m, entry).uid_size > 0 &&
	       !mailbox_is(m, entry, MAILBOX_LEARNED);
}

/* Where two sessions broke it is recorded without a header. */
static bool
wants_header(const struct session *s, size_t entry)
{
	return is_wanted(s, entry) &&
	       (!failure_has_broken(s->mailbox, entry) ||
		failure_count(s->mailbox, entry) < BACKOFF_PATIENCE);
}

static bool *
all_with_header(const struct session *s)
{
	size_t count = mailbox_count(s->mailbox);
	bool *wanted = mem_array(count, sizeof(*wanted));

	for (size_t i = 0; i < count; i++)
		wanted[i] = wants_header(s, i);
	return wanted;
}

/* --- the newest --- */

static int
take_date(struct session *s, void *arg, size_t entry, const struct header *h,
	  struct err *e)
{
	char *date = arg;

	(void)s;
	(void)entry;
	(void)e;
	header_date(h, date);
	return 0;
}

/* Asks for the date of the last wanted message, which is the newest at all
 * servers that are known; "" where the server does not give it. */
static int
ask_date(struct session *s, size_t newest, char date[HEADER_DATE_MAX],
	 struct err *e)
{
	bool *wanted;
	int rc;

	if (!compare_has_top(s))
		return 0;
	wanted = mem_array(mailbox_count(s->mailbox), sizeof(*wanted));
	wanted[newest] = true;
	rc = headers_each(s, wanted, take_date, date, e);
	free(wanted);
	return rc;
}

static void
say(struct session *s, const char *verb, const char *date)
{
	uint64_t count = s->progress.messages_total;

	report_line(s->report,
		    s->set->mode == SESSION_CATCH_UP ? REPORT_SUMMARY
						     : REPORT_ANSWER,
		    "%s %llu message%s as delivered%s%s", verb,
		    (unsigned long long)count, text_plural(count),
		    date[0] == '\0' ? ""
		    : count == 1    ? ", dated "
				    : ", the newest dated ",
		    date);
}

/* Counts the messages that are wanted, and finds the date of the newest. */
static int
start(struct session *s, char date[HEADER_DATE_MAX], struct err *e)
{
	size_t newest = SIZE_MAX;

	date[0] = '\0';
	if (!mailbox_has_uids(s->mailbox))
		return err_set(e, ERR_UNAVAILABLE,
			       "--catch-up needs a server with UIDL");
	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		if (is_wanted(s, i)) {
			s->progress.messages_total++;
			if (wants_header(s, i))
				newest = i;
		}
	return newest == SIZE_MAX ? 0 : ask_date(s, newest, date, e);
}

/* --- recording --- */

static int
take(struct session *s, struct learning *l, size_t entry, const uint8_t *digest,
     struct err *e)
{
	s->progress.messages++;
	phase_show_progress(s, false);
	return learning_add(l, entry, digest, e);
}

static int
take_header(struct session *s, void *arg, size_t entry, const struct header *h,
	    struct err *e)
{
	return take(s, arg, entry, header_digest(h), e);
}

/* Records those whose header the server gives. */
static int
take_headers(struct session *s, struct learning *l, struct err *e)
{
	bool *wanted = all_with_header(s);
	int rc = headers_each(s, wanted, take_header, l, e);

	free(wanted);
	return rc;
}

/* Records those whose header the server did not give. */
static int
take_rest(struct session *s, struct learning *l, struct err *e)
{
	uint64_t count = 0;
	struct store_row row;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++) {
		if (!is_wanted(s, i))
			continue;
		/* nothing can show that it is known */
		if (s->set->known_only && !mailbox_row(s->mailbox, i, &row))
			continue;
		count++;
		if (take(s, l, i, NULL, e) != 0)
			return -1;
	}
	return count == 0 ? 0 : learning_warn_unproven(s, count, e);
}

static bool
is_any_wanted(const struct session *s)
{
	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		if (is_wanted(s, i))
			return true;
	return false;
}

static int
finish(struct session *s, struct learning *l, struct err *e)
{
	if (phase_is_ending(s) && is_any_wanted(s)) {
		s->is_stopped_short = phase_is_stopping(s);
		return 0;
	}
	if (take_rest(s, l, e) != 0 || learning_save(l, e) != 0 ||
	    store_begin(s->store, STORE_DURABLE, e) != 0 ||
	    phase_end_note(s, store_set_fact(s->store, FACT_CATCHING_UP, 0, e),
			   e) != 0)
		return -1;
	report_line(s->report, REPORT_SUMMARY,
		    "%llu message%s recorded as delivered",
		    (unsigned long long)s->result->kept,
		    text_plural(s->result->kept));
	return 0;
}

/* The run has failed: what is complete is recorded, and the next one goes on
 * from there. */
static void
save_whole(struct session *s, struct learning *l, struct err *why)
{
	struct err e = ERR_INIT;

	if (!l->at) /* nothing was learnt yet */
		return;
	if (learning_save(l, &e) != 0)
		*why = e;
	else if (why->kind != ERR_STOPPED)
		(void)err_context(why,
				  "%llu of %llu messages are recorded, "
				  "run --catch-up again for the rest",
				  (unsigned long long)s->result->kept,
				  (unsigned long long)
					  s->progress.messages_total);
}

int
catch_up_run(struct session *s, struct err *e)
{
	char date[HEADER_DATE_MAX];
	struct learning l;
	int rc = 0;

	if (start(s, date, e) != 0)
		return -1;
	say(s, "recording", date);
	report_phase(s->report, "recording");
	learning_open(&l, s);
	if (compare_has_top(s))
		rc = take_headers(s, &l, e);
	if (rc == 0)
		rc = learning_save(&l, e);
	if (rc == 0)
		rc = finish(s, &l, e);
	if (rc != 0)
		save_whole(s, &l, e);
	learning_close(&l);
	return rc;
}

static bool
waits_for_known(const struct session *s)
{
	struct store_row row;
	size_t entry;

	return requests_waits_for(s->requests, LINK_TOP, &entry) &&
	       failure_row(s->mailbox, entry, &row);
}

void
catch_up_blame(struct session *s, const struct err *why)
{
	struct err ignored = ERR_INIT;

	if (why->kind == ERR_STOPPED)
		return;
	/* with a row alone it would look like an account that fetches */
	if (s->set->known_only
		    ? waits_for_known(s)
		    : phase_note_fact(s, FACT_CATCHING_UP, 1, &ignored) == 0)
		failure_blame_awaited(s, why);
}

int
catch_up_look(struct session *s, struct err *e)
{
	char name[MAILBOX_NAME_MAX], date[HEADER_DATE_MAX];

	if (start(s, date, e) != 0)
		return -1;
	for (size_t i = 0; i < mailbox_count(s->mailbox); i++) {
		if (!is_wanted(s, i))
			continue;
		mailbox_name(s->mailbox, i, name);
		report_line(s->report, REPORT_ANSWER, "would record %s", name);
	}
	/* the sum comes last, as in a dry run, where it stays in sight */
	say(s, "would record", date);
	return 0;
}

/* --- by a list --- */

int
catch_up_list(const struct session_settings *set, struct store *store,
	      struct link *report, struct err *e)
{
	bool dry = set->mode == SESSION_CATCH_UP_DRY_RUN;
	char date[CLOCK_DATE_MAX] = "";
	struct uidlist_result r;

	if (uidlist_record(set->list, store, RELEASED, clock_unix(), dry, &r,
			   e) != 0)
		return -1;
	if (r.newest > 0)
		clock_rfc5322(date, sizeof(date), r.newest);
	report_line(report, dry ? REPORT_ANSWER : REPORT_SUMMARY,
		    "%s %llu uid%s as delivered%s%s",
		    dry ? "would record" : "recorded",
		    (unsigned long long)r.count, text_plural(r.count),
		    date[0] == '\0' ? "" : ", the newest of ", date);
	return 0;
}
