/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
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
#include "sys/proc_lines.h"

/*
 * Signals.  proc_signals blocks INT, TERM, HUP and CHLD, sets handlers for them
 * that set a flag at most, and lets them through only inside proc_poll, so that
 * no wait can miss one.  SIGPIPE and SIGXFSZ are ignored, since the write that
 * fails says more (EPIPE, EFBIG).  Call it once in the parent and again in each
 * forked process, with the role that says what the process does about INT, TERM
 * and HUP.
 */
enum proc_role {
	PROC_STOPPABLE, /* INT, TERM, HUP set the stop flag */
	PROC_TERM_ONLY, /* only TERM does; INT and HUP are ignored */
	PROC_DEAF	/* all three are ignored (the courier) */
};
void proc_signals(enum proc_role role);
/* How many stop signals have come so far (0: none). */
int proc_stops(void);

/* poll(2) until an event, the deadline (clock_ms), or a signal that is let
 * through.  Returns the number of ready descriptors, or 0 at the deadline or
 * after a signal (then look at proc_stops and at each child), never -1. */
int proc_poll(struct pollfd fds[], nfds_t count, int64_t deadline);

/*
 * Forks a process of our own program.  Returns 0 in the child, its pid in the
 * parent, or -1 with ERR_OS.  The child dies with its parent where the system
 * can do that (PR_SET_PDEATHSIG KILL) and leaves no core file; no unflushed
 * stdio of the parent is printed twice.
 */
pid_t proc_fork(struct err *e);
/* Closes every descriptor above 2 that is not in keep[]. */
void proc_close_others(const int keep[], size_t count);
/* Ends a child of proc_fork at once and reaps it; accepts pid <= 0. */
void proc_kill(pid_t pid);
/* Reaps a child without waiting: true when it has ended; *status is as of
 * wait(2). */
bool proc_reap(pid_t pid, int *status);

/*
 * A program to be run for us, in a session and process group of its own.
 */
struct proc_program {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in
				    PATH (in its absolute directories) when it
				    has no slash */
	const char *const *env;	 /* NULL-terminated, the whole environment */
	const char *directory;	 /* working directory; NULL: ours */
	int input;		 /* its descriptor 0, or -1: /dev/null */
	bool wants_output;	 /* its descriptor 1 is a pipe, else
				    /dev/null */
	bool wants_errors;	 /* its descriptor 2 is a pipe, else ours */
	bool dies_with_us;	 /* it gets TERM when we die, where the system
				    can do that (not for a setuid or setgid
				    program) */
};

struct proc;

/* The path of the file that a program of this name is: the name itself if it
 * has a slash, else it is looked up in these directories, a value of PATH.
 * Owned by the caller; NULL with errno. */
char *proc_find(const char *name, const char *dirs);
/* Starts the program with default signal dispositions, an empty signal mask and
 * no descriptors but 0 to 2.  Fails with ERR_OS when the program cannot be
 * started, with the errno in e->sys; the text names argv[0]. */
int proc_start(struct proc **p, const struct proc_program *program,
	       struct err *e);
/* The read ends of its pipes, non-blocking, or -1. */
int proc_output(const struct proc *p);
int proc_errors(const struct proc *p);
/* Has it ended?  Then *status is as of wait(2). */
bool proc_ended(struct proc *p, int *status);
/* Sends a signal to its whole process group. */
void proc_signal(struct proc *p, int signal);
/* Ends the program, reaps it and closes its pipes.  The group gets KILL, unless
 * the program has ended by itself with no signal of ours (then what it left
 * running stays).  Accepts NULL; *p becomes NULL. */
void proc_free(struct proc **p);

/*
 * Runs argv with our own environment and no standard input or terminal, until
 * it ends or the deadline, and gives the first line of its output, at most
 * `max` bytes without the line end, as *line, which the caller owns.  What it
 * has left running does not count.  `note` (or NULL) gets the lines of its
 * standard error.  Fails with
 * ERR_CONFIG when it cannot be started, ERR_STOPPED at a stop request, and
 * ERR_LATER when it exits non-zero, is killed, is too slow, or prints nothing
 * or too long a line.  The text names argv[0], the cause and the last line of
 * its standard error, never what it printed.
 */
int proc_first_line(const char *const argv[], size_t max, int64_t deadline,
		    proc_lines_note *note, void *arg, struct secret **line,
		    struct err *e);

#endif
