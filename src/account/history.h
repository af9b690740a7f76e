/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What is remembered of earlier runs of an account, so that cron pesters
 * neither people (`notice_after`) nor the server (LOGIN-DELAY, refused logins).
 * It is kept in facts of the state database, which are written without waiting
 * for the disk, except for the first success.
 */
#ifndef ACCOUNT_HISTORY_H
#define ACCOUNT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "account/settings.h"
#include "state/store.h"

/* May we log in now?  *wait_s is 0, or how long to wait: because the server
 * asked for a pause between logins (RFC 2449 section 6.5; *refused is false),
 * or because it refused this very login (*refused is true).  The wait after a
 * refusal is 15 minutes, doubling to 6 hours; a change of the configuration, or
 * of the file with the secret, ends it at once (account_settings.fingerprint
 * tells). */
int history_check(struct store *s, const struct account_settings *a,
		  int64_t now, int64_t *wait_s, bool *refused, struct err *e);
/* The login went well; the server wants delay_s between logins. */
int history_logged_in(struct store *s, int64_t delay_s, int64_t now,
		      struct err *e);
int history_login_refused(struct store *s, const struct account_settings *a,
			  int64_t now, struct err *e);

/* A run failed in a way that may pass.  *fold: it is too early to bother
 * people, since there are fewer failures in a row, or they have lasted for a
 * shorter time, than `notice_after` says, or since people were told within the
 * last day. */
int history_failed(struct store *s, const struct account_settings *a,
		   int64_t now, bool *fold, struct err *e);
/* A run failed in another way: this ends the row of passing failures. */
int history_reached(struct store *s, struct err *e);
int history_succeeded(struct store *s, uint64_t fetched, int64_t now,
		      struct err *e);
/* Keeps for --status the error with which a run ended, and how many messages it
 * had delivered by then. */
int history_note_error(struct store *s, const char *text, uint64_t fetched,
		       int64_t now, struct err *e);

#endif
