/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One run of an MDA for one message: its process, its time limit, what it says, and what
 * its end means.
 *
 *	mdarun_start; mdarun_poll and mdarun_ended until that says yes; mdarun_free
 */
#ifndef DELIVER_MDARUN_H
#define DELIVER_MDARUN_H

#include "deliver/deliver.h"
#include "deliver/mdalines.h"
#include "deliver/mdaprogram.h"

struct mdarun;

/* `input` becomes its standard input, and stays the caller's.  Fails with ERR_OS when it
 * cannot be started at all. */
int mdarun_start(struct mdarun **r, const struct deliver_target *target,
		 const struct mdaprogram *told, int input, struct err *e);
/* Descriptors to poll for reading (returns how many), and the time (clock_ms) by which
 * mdarun_ended must be asked. */
size_t mdarun_poll(const struct mdarun *r, int fds[MDALINES_STREAMS],
		   int64_t *until);
/* Reads what it said, sees to its time limit (TERM, then KILL), and tells whether it has
 * ended: then *outcome and, unless that is DELIVER_DONE, *why are set. */
bool mdarun_ended(struct mdarun *r, enum deliver_outcome *outcome,
		  struct err *why);
/* Asks several that run (TERM) to end, and waits for them up to 5 seconds; those that
 * run still are ended by mdarun_free. */
void mdarun_stop(struct mdarun *const runs[], size_t count);
/* Ends it at once if it runs still.  Accepts NULL; *r becomes NULL. */
void mdarun_free(struct mdarun **r);

#endif
