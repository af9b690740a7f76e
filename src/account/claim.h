/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * An account claimed by this process: its lock is held, its state database is
 * open.
 */
#ifndef ACCOUNT_CLAIM_H
#define ACCOUNT_CLAIM_H

#include <stdbool.h>

#include "base/err.h"
#include "account/settings.h"
#include "state/store.h"

struct claim {
	int lock;	     /* descriptor, or -1 */
	struct store *store; /* NULL until it is open */
};
#define CLAIM_NONE ((struct claim){ .lock = -1 })

/* Takes the lock, then opens the database in state_dir.  With `may_create` it
 * makes what does not exist, state_dir with all its parents; without, it
 * creates nothing, and an account that has no state gets an empty one in
 * memory.  ERR_BUSY when another process holds the lock.  After a failure, too,
 * claim_release releases what was taken. */
int claim_take(struct claim *c, const struct account_settings *a,
	       const char *state_dir, bool may_create, struct err *e);
void claim_release(struct claim *c);

/* The path of one of the files of this state: ".lock", ".db" and so on; owned
 * by the caller. */
char *claim_path(const struct account_settings *a, const char *state_dir,
		 const char *suffix);

#endif
