/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Processes and signals: stop requests, waiting, and children that run other
 * programs.  No shell is ever involved.
 */
#ifndef SYS_PROC_H
#define SYS_PROC_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/secret.h"

/*
 * Signals.  proc_signals blocks INT, TERM, HUP and CHLD and sets handlers that
 * set a flag at most; SIGPIPE and SIGXFSZ are ignored, since the write that
 * fails says more (EPIPE, EFBIG).  They are let through only inside proc_poll,
 * so no wait can miss one.  Call it once in the parent and again in each forked
 * process, with what that process does about INT and TERM.
 */
enum proc_role {
	PROC_STOPPABLE, /* INT, TERM, HUP set the stop flag */
	PROC_TERM_ONLY, /* only TERM does; INT and HUP are ignored */
	PROC_DEAF	/* all three are ignored (the courier) */
};
void proc_signals(enum proc_role role);
/* How many stop signals have come (0: none).  Stays. */
int proc_stops(void);

/* poll(2) until an event, the deadline (clock_ms), or a signal that is let
 * through.  Returns the number of ready descriptors, 0 at the deadline or after
 * a signal (see proc_stops and each child), never -1. */
int proc_poll(struct pollfd fds[], nfds_t count, int64_t deadline);

/*
 * Forks a process of our own program.  In the child: returns 0, dies with its
 * parent where the system can do that (PR_SET_PDEATHSIG KILL), leaves no core
 * file, and no unflushed stdio of the parent is printed twice.  In the parent:
 * the pid.  -1 with ERR_OS.
 */
pid_t proc_fork(struct err *e);
/* Every descriptor above 2 that is not in keep[] is closed. */
void proc_close_others(const int keep[], size_t count);
/* Ends a child of proc_fork at once and reaps it; accepts pid <= 0. */
void proc_kill(pid_t pid);
/* Reaps without waiting: true when it has ended; *status is wait(2)'s. */
bool proc_reap(pid_t pid, int *status);

/*
 * A program run for us in a session and process group of its own.
 */
struct proc_program {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in
				    PATH (absolute directories of it) when it
				    has no slash */
	const char *const *env;	 /* NULL-terminated, the whole environment */
	const char *directory;	 /* working directory, NULL: as it is */
	int input;		 /* its descriptor 0, or -1: /dev/null */
	bool wants_output;	 /* give descriptor 1 as a pipe ... */
	bool wants_errors;	 /* ... and 2; else 1 is /dev/null, 2 ours */
	bool dies_with_us;	 /* gets TERM when we die, where the system can
				    do that (not for a setuid or setgid
				    program) */
};

struct proc;

/* Starts it with default signal dispositions, empty signal mask and no
 * descriptor but 0 to 2.  A program that cannot be started fails here, with its
 * errno in e->sys (ERR_OS; the text names argv[0]). */
int proc_start(struct proc **p, const struct proc_program *program,
	       struct err *e);
/* Read ends, non-blocking, or -1. */
int proc_output(const struct proc *p);
int proc_errors(const struct proc *p);
/* Has it ended?  *status as of wait(2). */
bool proc_ended(struct proc *p, int *status);
/* A signal to its whole group. */
void proc_signal(struct proc *p, int signal);
/* Ends it, reaps, closes: KILL to the group, unless it has ended by itself with
 * no signal of ours (then what it left running stays).  Accepts NULL; *p
 * becomes NULL. */
void proc_free(struct proc **p);

/*
 * Runs argv with our own environment and no standard input (its standard error
 * is ours) until the deadline and returns the first line of its output without
 * its line end, at most `max` bytes.  Fails with ERR_CONFIG when it cannot be
 * started, ERR_LATER when it exits non-zero, is killed, is too slow, or says
 * nothing; the text names argv[0] and the cause, never what it printed.
 */
int proc_first_line(const char *const argv[], size_t max, int64_t deadline,
		    struct secret **line, struct err *e);

#endif
