/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keeper: the process of an account that has the lock, the state database, the
 * staging directory, the mailbox and the MDA.  It forks its courier before it opens
 * anything, then takes the account's lock, lets recovery finish what an earlier run has
 * left, and runs one session.  It never sees a raw byte of a server.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include "link/link.h"
#include "keeper/session.h"

struct keeper_job {
	struct account *account;	/* its password is wiped here */
	const char *state_dir;
	struct session_settings settings;
};

/* The body of the process; takes the link to the parent, over which all that people
 * should know is reported (report.h), REPORT_RESULT last.  The caller then ends the
 * process. */
void keeper_run(const struct keeper_job *job, struct link **report);

#endif
