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

/*
 * Judges every READY row by what is in its destination, records the verdicts,
 * and removes stale staged files of this state.  The caller holds the account's
 * lock.  It may be killed at any point and done again.  *delivered and *again
 * tell how many of the messages in doubt were delivered, and how many are to be
 * fetched again.
 */
int recovery_run(struct store *store, const struct deliver_target *target,
		 size_t *delivered, size_t *again, struct err *e);

#endif
