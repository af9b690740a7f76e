/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the state of an account has to tell those who look after it; no network.
 */
#ifndef FETCH_STATUS_H
#define FETCH_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fetch/account.h"
#include "state/store.h"

/* Times are seconds since 1970, 0: never. */
struct status {
	int64_t last_success;
	int64_t last_failure;	/* 0 when the last run was well */
	char *last_error;	/* owned; NULL when the last run was well */
	uint64_t fetched;	/* new messages of the last run that was well */
	uint64_t kept;		/* delivered, and still on the server */
	uint64_t set_aside;
	int64_t next_try;	/* earliest of a login or a message; 0: at once */
};

/* Called for each message set aside; error is borrowed, or NULL. */
typedef void status_aside(void *arg, const struct store_row *row,
			  const char *error);

/* Changes nothing and creates nothing.  ERR_BUSY when it is being fetched just now.
 * `each` may be NULL. */
int status_read(struct status *s, const struct account *a,
		const char *state_dir, status_aside *each, void *arg,
		struct err *e);
void status_free(struct status *s);

/* --retry: what was set aside, and a refused login, is due at once. */
int status_forget_backoff(const struct account *a, const char *state_dir,
			  struct err *e);

#endif
