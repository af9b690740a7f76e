/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What is remembered of earlier runs of an account, so that cron pesters
 * neither people (`notice_after`) nor the server (LOGIN-DELAY, refused logins,
 * trouble that it told of).
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

/* Why the next login has to wait. */
enum history_pause {
	HISTORY_NO_PAUSE,
	HISTORY_REFUSED, /* the server refused this very login */
	HISTORY_PUT_OFF, /* the server was in trouble, and said so */
	HISTORY_DELAY	 /* LOGIN-DELAY (RFC 2449 section 6.5) */
};

/* The longest pause, in seconds, after logins that were refused or put off. */
enum { HISTORY_PAUSE_MOST_S = 6 * 3600 };

/* May we log in now?  *wait_s is how many seconds to wait, 0 with
 * HISTORY_NO_PAUSE.  The wait after a refusal is 15 minutes, doubling to
 * HISTORY_PAUSE_MOST_S; a change of the configuration, or of the file with the
 * secret, ends it at once, as it does after trouble
 * (account_settings.fingerprint tells). */
int history_check(struct store *s, const struct account_settings *a,
		  int64_t now, int64_t *wait_s, enum history_pause *pause,
		  struct err *e);
/* The login went well; the server wants delay_s between logins, of which no
 * more than a day is kept. */
int history_logged_in(struct store *s, int64_t delay_s, int64_t now,
		      struct err *e);
int history_login_refused(struct store *s, const struct account_settings *a,
			  int64_t now, struct err *e);
/* The server said that it cannot serve this account for now (ERR_TROUBLE): no
 * login for a minute, and then for twice as long each time, but for no longer
 * than longest_s.  A run that goes well, or fails in a way that does not pass
 * by itself, ends the row; a login alone only ends the pause, since the trouble
 * may come behind it. */
int history_put_off(struct store *s, const struct account_settings *a,
		    int64_t longest_s, int64_t now, struct err *e);

/* The server served us, be it that it had enough in the end: the row is over,
 * and the next pause is a short one. */
int history_resumed(struct store *s, struct err *e);

/* A run failed in a way that may pass.  *fold: it is too early to bother
 * people, since there are fewer failures in a row, or they have lasted for a
 * shorter time, than `notice_after` says, or since people were told within the
 * last day. */
int history_failed(struct store *s, const struct account_settings *a,
		   int64_t now, bool *fold, struct err *e);
/* *is: the last run failed, and in such a way only if that has gone on as
 * `notice_after` says. */
int history_is_failing(struct store *s, const struct account_settings *a,
		       int64_t now, bool *is, struct err *e);
/* Did the last run fail in such a way? */
int history_has_failed(struct store *s, bool *has, struct err *e);
/* A run failed in another way: this ends the row of passing failures, and that
 * of history_put_off. */
int history_reached(struct store *s, struct err *e);
/* The program of this fingerprint, which has delivered nothing yet, cannot
 * work.  *fold: people were told so within the last day. */
int history_mda_broken(struct store *s, const char *fingerprint, int64_t now,
		       bool *fold, struct err *e);
int history_succeeded(struct store *s, uint64_t fetched, int64_t now,
		      struct err *e);
/* Keeps for --status the error with which a run ended, and how many messages it
 * had delivered by then. */
int history_note_error(struct store *s, const char *text, uint64_t fetched,
		       int64_t now, struct err *e);

/* The login of a second session of a run was refused, though that of the first
 * was not. */
int history_again_refused(struct store *s, int64_t now, struct err *e);
/* *does: that happened within a day, so that another one would be refused, and
 * might lock the account. */
int history_refuses_again(struct store *s, int64_t now, bool *does,
			  struct err *e);

#endif
