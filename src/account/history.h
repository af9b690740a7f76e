/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is remembered of earlier runs of an account, so that cron neither
 * pesters people (`notice_after`) nor the server (LOGIN-DELAY, refused logins).
 * Facts of the state database, written without waiting for the disk.
 */
#ifndef ACCOUNT_HISTORY_H
#define ACCOUNT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "account/settings.h"
#include "state/store.h"

/* May we log in now?  *wait_s is 0, or how long not: because the server asked
 * for a pause between logins (RFC 2449 section 6.5; *refused false), or because
 * it refused this very login (*refused; 15 minutes, doubling to 6 hours; a
 * change of the configuration or of the file with the secret ends it at once,
 * account_settings.fingerprint tells). */
int history_check(struct store *s, const struct account_settings *a,
		  int64_t now, int64_t *wait_s, bool *refused, struct err *e);
/* Logged in; the server wants delay_s between logins. */
int history_logged_in(struct store *s, int64_t delay_s, int64_t now,
		      struct err *e);
int history_login_refused(struct store *s, const struct account_settings *a,
			  int64_t now, struct err *e);

/* A run failed in a way that may pass.  *fold: it is too early to bother
 * people: fewer failures in a row, or a shorter time, than `notice_after`, or
 * told today already. */
int history_failed(struct store *s, const struct account_settings *a,
		   int64_t now, bool *fold, struct err *e);
/* It failed, but in another way: the row of passing failures is over. */
int history_reached(struct store *s, struct err *e);
int history_succeeded(struct store *s, uint64_t fetched, int64_t now,
		      struct err *e);
/* For --status: the error with which a run ended, and what it had delivered by
 * then. */
int history_note_error(struct store *s, const char *text, uint64_t fetched,
		       int64_t now, struct err *e);

#endif
