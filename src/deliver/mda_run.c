/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* One run of an MDA for one message. */
#include "config.h"

#include "deliver/mda_run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "sys/fs.h"
#include "sys/proc.h"

enum { GRACE_MS = 5 * 1000 }; /* between TERM and KILL */
/* After a stop request: how long it may go on, and then between TERM and KILL
 * (popfetch(1), Signals). */
enum { STOP_MS = 7 * 1000, STOP_GRACE_MS = 2 * 1000 };
/* How often an MDA is looked at, since perhaps neither a signal nor a
 * descriptor tells that it has ended. */
enum { LOOK_MS = 1000 };
/* The same while several are asked to end: their pipes are not polled then. */
enum { STOP_LOOK_MS = 50 };

struct mda_run {
	const struct deliver_target *target;
	struct proc *proc;
	int64_t deadline; /* when it gets TERM, or KILL */
	bool is_stopping; /* the deadline is that of a stop request */
	bool was_asked;	  /* to end, by TERM */
	struct proc_lines lines;
};

int
mda_run_start(struct mda_run **r, const struct deliver_target *target,
	      const struct mda_program *told, int input, struct err *e)
{
	char **argv = mda_program_arguments(target, told);
	char **env = mda_program_environment(target, told);
	const struct proc_program program = {
		.argv = (const char *const *)argv,
		.env = (const char *const *)env,
		.directory = fs_home() ? fs_home() : "/",
		.input = input,
		.wants_output = true,
		.wants_errors = true,
		/* so that it is not still at work when the next run hands the
		 * same message over */
		.dies_with_us = true
	};
	struct proc *proc;
	int rc = proc_start(&proc, &program, e);

	mda_program_free_list(argv);
	mda_program_free_list(env);
	if (rc != 0)
		return -1;
	*r = mem_alloc(sizeof(**r));
	(*r)->target = target;
	(*r)->proc = proc;
	(*r)->deadline = clock_deadline(target->mda_timeout_ms);
	proc_lines_start(&(*r)->lines, target->note, target->note_arg,
			 proc_output(proc), proc_errors(proc));
	return 0;
}

size_t
mda_run_poll(const struct mda_run *r, int fds[PROC_LINES_STREAMS],
	     int64_t *until)
{
	*until = clock_earlier(r->deadline, clock_deadline(LOOK_MS));
	return proc_lines_poll(&r->lines, fds);
}

/* --- its end --- */

static const char *
duration(char out[QUANTITY_TEXT_MAX], int64_t ms)
{
	quantity_show_duration(out, (ms + 999) / 1000);
	return out;
}

/* 64 is EX_USAGE of sysexits; a shell says 127 when it does not find a program,
 * and 126 when it cannot run it. */
static bool
is_misuse(int code)
{
	return code == 64 || code == 126 || code == 127;
}

static int
errno_of(int code)
{
	if (code == 127)
		return ENOENT;
	return code == 126 ? EACCES : 0;
}

/* What its exit means.  75 is EX_TEMPFAIL of sysexits, 71 is EX_OSERR, and 111
 * is what qmail has for that. */
static enum deliver_outcome
judge(const struct mda_run *r, int status, struct err *e)
{
	const char *name = r->target->argv[0];
	char time[QUANTITY_TEXT_MAX];
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (code == 0 && !r->was_asked)
		return DELIVER_DONE;
	if (r->was_asked && r->is_stopping)
		err_set(e, ERR_STOPPED, "'%s' was ended by a stop request",
			name);
	else if (r->was_asked) /* the message's fault, perhaps */
		err_set(e, ERR_MESSAGE, "'%s' did not end within %s", name,
			duration(time, r->target->mda_timeout_ms));
	else if (WIFSIGNALED(status))
		err_set(e, ERR_MESSAGE, "'%s' was ended by signal %d", name,
			WTERMSIG(status));
	else if (code == 75 || code == 71 || code == 111)
		err_set(e, ERR_LATER,
			"'%s' asks to try again later (status "
			"%d)",
			name, code);
	else {
		err_set(e, is_misuse(code) ? ERR_CONFIG : ERR_MESSAGE,
			"'%s' refused the message (status %d)", name, code);
		e->sys = errno_of(code);
		return DELIVER_REFUSED;
	}
	return DELIVER_POSTPONED;
}

/* Its own last words often tell more than its status. */
static void
add_last_line(const struct mda_run *r, struct err *e)
{
	const char *last = proc_lines_last(&r->lines);
	struct err plain = *e;

	if (e->kind != ERR_NONE && *last)
		err_set(e, plain.kind, "%s: %s", plain.text, last);
	e->sys = plain.sys;
}

/* A stop request brings its deadline nearer, once. */
static void
see_stop(struct mda_run *r)
{
	int64_t deadline = clock_deadline(STOP_MS);

	if (proc_stops() == 0 || r->is_stopping || r->was_asked ||
	    deadline >= r->deadline)
		return;
	r->is_stopping = true;
	r->deadline = deadline;
}

/* The first time-out asks it to end, the next one ends it.  Returns whether it
 * has ended by itself in the last moment. */
static bool
hurry(struct mda_run *r, int *status)
{
	see_stop(r);
	if (clock_ms() < r->deadline)
		return false;
	/* reading what it said may have taken long */
	if (proc_ended(r->proc, status))
		return true;
	proc_signal(r->proc, r->was_asked ? SIGKILL : SIGTERM);
	r->was_asked = true;
	r->deadline = clock_deadline(r->is_stopping ? STOP_GRACE_MS : GRACE_MS);
	return false;
}

bool
mda_run_ended(struct mda_run *r, enum deliver_outcome *outcome, struct err *why)
{
	int status = 0;
	/* This is asked first: what the MDA wrote before it ended is in the
	 * pipes by then.  A child that it has left behind may hold them open,
	 * so nobody waits for their end. */
	bool ended = proc_ended(r->proc, &status);

	proc_lines_read(&r->lines);
	if (!ended && !hurry(r, &status))
		return false;
	if (!ended)
		proc_lines_read(&r->lines);
	proc_lines_end(&r->lines);
	*outcome = judge(r, status, why);
	add_last_line(r, why);
	return true;
}

static size_t
count_running(struct mda_run *const runs[], size_t count)
{
	size_t i, running = 0;
	int status;

	for (i = 0; i < count; i++) {
		running += !proc_ended(runs[i]->proc, &status);
		proc_lines_read(
			&runs[i]->lines); /* so that none waits for us */
	}
	return running;
}

void
mda_run_stop(struct mda_run *const runs[], size_t count)
{
	int64_t until = clock_deadline(GRACE_MS), look;

	for (size_t i = 0; i < count; i++)
		proc_signal(runs[i]->proc, SIGTERM);
	while (count_running(runs, count) > 0 && clock_ms() < until) {
		look = clock_deadline(STOP_LOOK_MS);
		(void)proc_poll(NULL, 0, clock_earlier(until, look));
	}
}

void
mda_run_free(struct mda_run **r)
{
	if (!*r)
		return;
	proc_free(&(*r)->proc);
	free(*r);
	*r = NULL;
}
