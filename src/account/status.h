/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What the state of an account tells those who look after it.  Nothing here
 * uses the network.
 */
#ifndef ACCOUNT_STATUS_H
#define ACCOUNT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "account/chosen.h"
#include "account/settings.h"
#include "account/trouble.h"
#include "state/store.h"

/* Times are seconds since 1970, 0: never. */
struct status {
	int64_t last_success; /* end of a run without an error */
	int64_t last_failure; /* 0 when the last run went well */
	char *last_error;     /* owned; NULL when the last run went well */
	uint64_t fetched;   /* new messages of the last run, however it ended */
	uint64_t kept;	    /* delivered and, as far as is known, still on the
			       server */
	uint64_t set_aside; /* and still on the server */
	/* When what waits is tried again: the login, or else the earliest
	 * message set aside.  Not after `now`: in the next run; 0: nothing
	 * waits. */
	int64_t next_try;
	bool is_failing;	/* the last run failed, past notice_after */
	struct trouble trouble; /* what keeps mail away for long */
};

/* status_read calls it for each message set aside, and for each that could not
 * be deleted, while it holds the account's lock and has the database open.
 * `error` is borrowed, or NULL; row->next_try is when the message will really
 * be tried. */
typedef void status_failed(void *arg, const struct store_row *row,
			   const char *error);

/* Changes nothing and creates nothing.  ERR_BUSY when another run is fetching
 * the account; s->trouble then says whether that takes too long.  `each` may
 * be NULL. */
int status_read(struct status *s, const struct account_settings *a,
		const char *state_dir, int64_t now, status_failed *each,
		void *arg, struct err *e);
void status_free(struct status *s);

/* What is tried in the next run. */
struct status_due {
	uint64_t messages;
	bool login;
};

/* For --retry: makes what was set aside, what could not be deleted, and a login
 * that was refused or put off, due at once, and forgets how often they have
 * failed.  With `chosen` only these messages, also those that were skipped;
 * ERR_USAGE for one that is none of these.  *due: what there was to forget. */
int status_forget_backoff(const struct account_settings *a,
			  const char *state_dir, struct chosen *chosen,
			  struct status_due *due, struct err *e);
enum { STATUS_DUE_MAX = 80 };
/* In words, for people. */
void status_show_due(char out[STATUS_DUE_MAX], const struct status_due *due);

#endif
