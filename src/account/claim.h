/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An account claimed by this process: its lock held, its state database open.
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

/* The lock first, then the database, in state_dir (made with all its parents if
 * `may_create`).  Nothing is created otherwise: then an account without state
 * has an empty one in memory.  ERR_BUSY when another process has it.  On
 * failure what was taken stays until claim_release. */
int claim_take(struct claim *c, const struct account_settings *a,
	       const char *state_dir, bool may_create, struct err *e);
void claim_release(struct claim *c);

#endif
