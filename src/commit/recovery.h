/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Finishes what an earlier run has left of its batch when it died, before
 * anything is said to the server.
 */
#ifndef COMMIT_RECOVERY_H
#define COMMIT_RECOVERY_H

#include <stddef.h>

#include "base/err.h"
#include "deliver/deliver.h"
#include "state/store.h"

/* How many of the messages in doubt were delivered, and how many were not.  Of
 * the latter, those that were with a program have failed once more, since it
 * may be one of them that ends the runs: they wait for the turn of messages at
 * which a session broke, and some are set aside by now. */
struct recovery_result {
	size_t delivered, again, set_aside;
};

/*
 * Judges every READY row by what is in its destination, records the verdicts,
 * and removes stale staged files of this state.  The caller holds the account's
 * lock.  It may be killed at any point and done again.
 */
int recovery_run(struct store *store, const struct deliver_target *target,
		 struct recovery_result *r, struct err *e);

#endif
