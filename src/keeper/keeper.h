/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keeper: the process of an account that has the lock, the state database,
 * the staging directory, the mailbox and the MDA.  It has its courier forked
 * before it opens anything, then takes the account's lock, lets recovery finish
 * what an earlier run has left, and runs one session.  It never sees a raw byte
 * of a server.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <sys/types.h>

#include "keeper/session.h"
#include "link/link.h"

struct keeper_job {
	/* Forks the account's courier, before the keeper has opened anything,
	 * and gives the keeper's end of the link to it: which program that is
	 * the keeper does not know. */
	int (*start_courier)(void *arg, struct link **courier, pid_t *pid,
			     struct err *e);
	void *arg;
	const char *state_dir;
	struct session_settings settings;
};

/* The body of the process; takes the link to the parent, over which all that
 * people should know is reported (report.h), REPORT_RESULT last.  The caller
 * then ends the process. */
void keeper_run(const struct keeper_job *job, struct link **report);

#endif
