/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What the phases of a session share, and what all of them use.
 *
 * A phase is a loop on its own stack that asks the courier (requests.h) and
 * reads the answers.  session.c runs them in order, and what a phase remembers
 * is its own.  They are list, compare, retrieve (with asking, incoming,
 * refusals, handover and lockstep), removal, dryrun, catch_up and verb, each in
 * a file of its name; learning and notes write down what they saw.
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

/* What LIST of one message is good for at this server (FACT_LIST_ONE). */
enum list_one { LIST_ONE_UNKNOWN, LIST_ONE_WORKS, LIST_ONE_FAILS };

/* What is known of TOP at this server, by list.c and compare.c. */
struct top {
	bool is_refused;
	unsigned came, misses; /* in this session; misses: refused, or empty */
	bool is_cut;   /* the rest waits for RETRs that follow from it */
	bool differs;  /* its header is another than by RETR */
	int64_t noted; /* when the difference was noted, or 0 */
};

/* The turn of messages at which a session broke (failure.h). */
struct turn {
	bool tries_broken; /* it is now */
	bool was_taken;	   /* in this session; what follows from it may still
			      be under way */
	bool is_careful;   /* the last one broke its session */
};

/* How many commands there are for a session: ration.c. */
struct ration {
	int64_t most;	  /* 0: as many as it likes */
	uint64_t from;	  /* requests_given before the first one that counts */
	int64_t breaks;	  /* FACT_BREAKS */
	int64_t survived; /* FACT_SURVIVED */
};

struct session {
	/* Set once. */
	const struct session_settings *set;
	struct store *store;
	struct link *report;
	struct requests *requests;
	struct report_result *result;
	int64_t end;	  /* clock_ms: then it is broken off */
	int64_t work_end; /* clock_ms: by then QUIT should be answered */

	/* What list.c has found. */
	struct facts facts;
	struct mailbox *mailbox; /* NULL: nothing is listed yet */
	/* When the clock was judged; it is not read again, since the next run
	 * must see that it jumped, should it be set right meanwhile. */
	int64_t now;
	struct age_clock clock;
	bool clock_is_doubted;

	struct top top;

	struct ration ration;
	/* Headers: FACT_LOOK_FROM, and what it becomes for want of time. */
	uint32_t look_from, look_next;
	struct removals *removals; /* removal.c */

	/* What people are told. */
	struct report_progress progress;
	int64_t progress_at; /* clock_ms of the last report */
	struct err first;    /* the first error that did not end the session */
	struct err later;    /* why no more is to be had for now */

	struct turn turn;
	enum list_one list_one;
	size_t window;	    /* FACT_WINDOW, or 0 */
	int64_t list_broke; /* FACT_LIST_BROKE */
	int64_t list_whole; /* FACT_LIST_WHOLE */

	/* Stop requests: phase.c and removal.c write stop_until. */
	int64_t stop_until;    /* 0: not asked to stop */
	bool is_stopped_short; /* a stop has left work undone */
	bool is_out_of_time;   /* there is no time for what is left */
};

/* --- answers --- */

/* How long what is on its way may take after a stop request. */
enum { PHASE_STOP_MS = 5 * 1000 };

/* 1: *a is the next answer; 0: none has come yet.  Fails as requests_next does,
 * and when more has come of a message than it can have: max_size, or 64 MiB or
 * four times what it is listed with; 1 GiB, whatever max_size, when no size is
 * known. */
int phase_take(struct session *s, struct answer *a, struct err *e);
/* 1: *a is the next answer; waits until it has come.  0: no answer is due any
 * more.  Fails, too, when the session's time is over, and after a stop request:
 * at once if nothing is listed yet, else if answers take too long. */
int phase_next(struct session *s, struct answer *a, struct err *e);
/* Waits once, for an answer, one of these descriptors or the time `until`.
 * Fails as phase_next does. */
int phase_wait(struct session *s, const int fds[], size_t fd_count,
	       int64_t until, struct err *e);
/* Has a signal asked to stop? */
bool phase_is_stopping(const struct session *s);
/* Is nothing new to be begun, because of a signal or of the time? */
bool phase_is_ending(const struct session *s);
/* session_timeout is a budget, which a session must not outlive, since without
 * QUIT nothing is deleted.  May one more such order be given, if this session
 * is to see it answered, and what was asked for before, and `later` short
 * commands (DELE) and QUIT, and programs that take so long?  That is judged by
 * how long answers have taken so far.  The commands are counted as well, where
 * there is a limit (ration.h).  Once it says no the session is out of time. */
bool phase_has_time(struct session *s, enum link_type order, int64_t program_ms,
		    size_t later);
/* Is there a command more for this session, and `later` others behind it, and
 * QUIT? */
bool phase_has_commands(const struct session *s, size_t later);
/* Is there time for something that takes so long, for what was asked for, and
 * for `later` short commands and QUIT? */
bool phase_fits(const struct session *s, int64_t first_ms, size_t later);
/* How many of a kind may be on their way while none of that kind was answered?
 * At most `most`, and so few that all would be done in time if one took 5
 * seconds; and no more RETR, TOP and DELE than the window of the session, if it
 * has one. */
size_t phase_window(const struct session *s, enum link_type order, size_t most);
/* Has the time come that is left for the end? */
bool phase_is_over(const struct session *s);
/* For how many more such orders, of `count`, is there time, and a command? */
size_t phase_affordable(const struct session *s, enum link_type order,
			size_t count);

/* --- words --- */

/* Tells people of an error that does not end the session, and remembers the
 * first one.  again: they have heard of it before, so it is folded. */
void phase_complain(struct session *s, const struct err *e, bool again);
/* The same, where people are told more than the log and the state are to
 * keep. */
void phase_complain_as(struct session *s, const struct err *told,
		       const struct err *kept, bool again);
/* The same for one that may pass: if none was before it, the session ends with
 * it, and it is folded or told as `notice_after` says. */
void phase_put_off(struct session *s, const struct err *e);
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
