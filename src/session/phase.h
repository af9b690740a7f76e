/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What the phases of a session share, and what all of them use.
 *
 * A phase is a loop on its own stack that asks the courier (requests.h) and
 * reads the answers.  session.c runs them in order, and what a phase remembers
 * is its own.  They are list, compare, retrieve (with incoming, handover and
 * lockstep), removal, dryrun and catch_up, each in a file of its name; learning
 * and notes write down what they saw.
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

	/* What list.c has found. */
	struct facts facts;
	struct mailbox *mailbox; /* NULL: nothing is listed yet */
	/* When the clock was judged; it is not read again, since the next run
	 * must see that it jumped, should it be set right meanwhile. */
	int64_t now;
	struct age_clock clock;
	bool clock_is_doubted;

	/* What is known of TOP at this server, by list.c and compare.c. */
	struct top {
		bool is_refused;
		bool differs;  /* its header is another than by RETR */
		int64_t noted; /* when the difference was noted, or 0 */
	} top;

	struct removals *removals; /* removal.c */

	/* What people are told. */
	struct report_progress progress;
	int64_t progress_at; /* clock_ms of the last report */
	struct err first;    /* the first error that did not end the session */

	/* Stop requests: phase.c and removal.c write stop_until. */
	int64_t stop_until;    /* 0: not asked to stop */
	bool is_stopped_short; /* a stop has left work undone */
};

/* --- answers --- */

/* How long what is on its way may take after a stop request. */
enum { PHASE_STOP_MS = 5 * 1000 };

/* 1: *a is the next answer; waits until it has come.  0: no answer is due any
 * more.  Fails, too, when the session's time is over, and after a stop request:
 * at once if nothing is listed yet, else if answers take too long. */
int phase_next(struct session *s, struct answer *a, struct err *e);
/* Waits once, for an answer, one of these descriptors or the time `until`.
 * Fails as phase_next does. */
int phase_wait(struct session *s, const int fds[], size_t fd_count,
	       int64_t until, struct err *e);
/* Has a signal asked to stop?  Then nothing new is begun. */
bool phase_is_stopping(const struct session *s);

/* --- words --- */

/* Tells people of an error that does not end the session, and remembers the
 * first one. */
void phase_complain(struct session *s, const struct err *e);
void phase_warn(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Reports progress, `now` or if the last report is some time ago. */
void phase_show_progress(struct session *s, bool now);

/* --- small transactions around a store call or two --- */

int phase_begin_note(struct session *s, struct err *e);
/* rc is the result of what was done in between: 0 commits it, -1 rolls it
 * back. */
int phase_end_note(struct session *s, int rc, struct err *e);
/* Sets a fact, in a transaction of its own. */
int phase_note_fact(struct session *s, const char *name, int64_t value,
		    struct err *e);

#endif
