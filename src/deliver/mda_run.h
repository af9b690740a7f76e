/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * One run of an MDA for one message: its process, its time limit, what it says,
 * and what its end means.
 *
 *	mda_run_start; mda_run_poll and mda_run_ended until that says yes;
 *	mda_run_free
 */
#ifndef DELIVER_MDA_RUN_H
#define DELIVER_MDA_RUN_H

#include "deliver/deliver.h"
#include "deliver/mda_program.h"
#include "sys/proc_lines.h"

struct mda_run;

/* `input` becomes its standard input, and stays the caller's.  ERR_OS when it
 * cannot be started at all. */
int mda_run_start(struct mda_run **r, const struct deliver_target *target,
		  const struct mda_program *told, int input, struct err *e);
/* Descriptors to poll for reading (returns how many), and the time (clock_ms)
 * by which mda_run_ended must be asked. */
size_t mda_run_poll(const struct mda_run *r, int fds[PROC_LINES_STREAMS],
		    int64_t *until);
/* Reads what it said, sees to its time limit (TERM, then KILL), which a stop
 * request (proc_stops) makes short, and tells whether it has ended.  If so
 * *outcome is set, and *why unless that is DELIVER_DONE. */
bool mda_run_ended(struct mda_run *r, enum deliver_outcome *outcome,
		   struct err *why);
/* Asks several of them (TERM) to end, and waits up to 5 seconds for that;
 * mda_run_free ends those that still run. */
void mda_run_stop(struct mda_run *const runs[], size_t count);
/* Ends it at once if it still runs.  Accepts NULL; *r becomes NULL. */
void mda_run_free(struct mda_run **r);

#endif
