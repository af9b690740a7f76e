/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The keeper: the process of an account that has the lock, the state database,
 * the staging directory, the mailbox and the MDA.  It has its courier forked
 * before it opens anything.  Then it takes the account's lock, lets recovery
 * finish what an earlier run has left, and runs one session.  It never sees a
 * raw byte of a server.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <sys/types.h>

#include "keeper/session.h"
#include "link/link.h"

struct keeper_job {
	/* keeper_run calls it first, before the keeper has opened anything:
	 * forks the account's courier, and gives the keeper's end of the link
	 * to it.  The keeper does not know which program the courier is. */
	int (*start_courier)(void *arg, struct link **courier, pid_t *pid,
			     struct err *e);
	void *arg;
	const char *state_dir;
	struct session_settings settings;
};

/* The body of the process.  Takes over the link to the parent, and reports on
 * it all that people should know (report.h), REPORT_RESULT last.  The caller
 * then ends the process. */
void keeper_run(const struct keeper_job *job, struct link **report);

#endif
