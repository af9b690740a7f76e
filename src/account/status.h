/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the state of an account has to tell those who look after it; no network.
 */
#ifndef ACCOUNT_STATUS_H
#define ACCOUNT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "account/settings.h"
#include "state/store.h"

/* Times are seconds since 1970, 0: never. */
struct status {
	int64_t last_success; /* end of a run without an error */
	int64_t last_failure; /* 0 when the last run was well */
	char *last_error;     /* owned; NULL when the last run was well */
	uint64_t fetched;   /* new messages of the last run, however it ended */
	uint64_t kept;	    /* delivered, and as far as is known still on the
			       server */
	uint64_t set_aside; /* and still there */
	int64_t next_try;   /* of what waits: the login, else the earliest
			       message; not after `now`: the next run; 0:
			       nothing waits */
};

/* Called for each message set aside; error is borrowed, or NULL.  row->next_try
 * is the time at which it will be tried in truth. */
typedef void status_aside(void *arg, const struct store_row *row,
			  const char *error);

/* Changes nothing and creates nothing.  ERR_BUSY when it is being fetched just
 * now.  `each` may be NULL. */
int status_read(struct status *s, const struct account_settings *a,
		const char *state_dir, int64_t now, status_aside *each,
		void *arg, struct err *e);
void status_free(struct status *s);

/* --retry: what was set aside, and a refused login, is due at once, and how
 * often it had failed is forgotten. */
int status_forget_backoff(const struct account_settings *a,
			  const char *state_dir, struct err *e);

#endif
