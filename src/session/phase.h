/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the phases of a session: what they share, and what each does in its turn.
 *
 * A phase is a loop on its own stack that asks the courier (requests.h) and
 * reads the answers; session.c runs them in order, and what a phase remembers
 * is its own.  They are list, compare, retrieve (with incoming, handover and
 * lockstep), removal, dryrun and catch_up, each a file.
 */
#ifndef SESSION_PHASE_H
#define SESSION_PHASE_H

#include "link/report.h"
#include "session/mailbox.h"
#include "session/requests.h"
#include "session/settings.h"
#include "state/age.h"
#include "state/store.h"

struct removals;

struct session {
	/* Set once. */
	const struct session_settings *set;
	struct store *store;
	struct link *report;
	struct requests *requests;
	struct report_result *result;
	int64_t end; /* clock_ms */

	/* Found by list.c. */
	struct facts facts;
	struct mailbox *mailbox; /* NULL: nothing is listed yet */
	int64_t now;		 /* when the clock was judged: should it be set
				    right meanwhile, the next run must see that
				    it jumped */
	struct age_clock clock;
	bool clock_is_doubted;

	/* What is known of TOP at this server; compare.c writes it. */
	struct top {
		bool is_refused;
		bool differs;  /* from RETR */
		int64_t noted; /* when that was noted, or 0 */
	} top;

	struct removals *removals; /* removal.c */

	/* What people are told. */
	struct report_progress progress;
	int64_t progress_at; /* clock_ms of the last report */
	struct err first;    /* that did not end the session */

	/* Stop requests; phase.c writes it, but is_stopped_short. */
	int64_t stop_until;    /* 0: not asked to stop */
	bool is_stopped_short; /* which left work undone */
};

/* --- answers --- */

/* The next answer that has come or comes: 1.  0: nothing is due any more.  An
 * error, too, when the time is over or a signal asked to stop. */
int phase_next(struct session *s, struct answer *a, struct err *e);
/* Waits once: for answers, one of these descriptors, or `until`. */
int phase_wait(struct session *s, const int fds[], size_t fd_count,
	       int64_t until, struct err *e);
/* A signal asked to stop: nothing new is begun. */
bool phase_is_stopping(const struct session *s);

/* --- words --- */

/* An error that does not end the session: told now, and the first
 * remembered. */
void phase_complain(struct session *s, const struct err *e);
void phase_warn(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* `now`, or when the last report is some time ago. */
void phase_show_progress(struct session *s, bool now);

/* --- small transactions around a store call or two --- */

int phase_begin_note(struct session *s, struct err *e);
/* rc: of what was done in between; else it is rolled back. */
int phase_end_note(struct session *s, int rc, struct err *e);
/* A fact, in one of its own. */
int phase_note_fact(struct session *s, const char *name, int64_t value,
		    struct err *e);

#endif
