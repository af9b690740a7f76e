/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What keeps mail from coming for long, while single runs say nothing: logins
 * that are refused or put off, and messages that are set aside, for more than a
 * day; a lock that others hold for more than an hour; and messages that a
 * server counts and does not list, two sessions in a row.  People are told once
 * a day, until it is over.
 *
 * Since when it lasts is kept in facts of the state, but for the lock (busy.h):
 * whoever finds it held cannot open the state.
 */
#ifndef ACCOUNT_TROUBLE_H
#define ACCOUNT_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "state/store.h"

enum trouble_kind {
	TROUBLE_NONE,
	TROUBLE_REFUSED, /* logins */
	TROUBLE_PUT_OFF, /* logins, since the server says so */
	TROUBLE_ASIDE,	 /* messages */
	TROUBLE_PROGRAM, /* messages, for want of a program: of one run, which
			    tells it by itself */
	TROUBLE_LOCKED,	 /* the account: busy.h */
	TROUBLE_FAMINE,	 /* the same, and no run has gone well for a day */
	TROUBLE_LEFT_OUT /* messages that are not listed */
};

struct trouble {
	enum trouble_kind kind;
	int64_t since;
	uint64_t count;	   /* of messages set aside, for these two kinds */
	uint64_t left_out; /* TROUBLE_ASIDE, TROUBLE_LEFT_OUT: how many of those
			      that the server counts are not listed */
};

enum { TROUBLE_DAY_S = 86400, TROUBLE_LOCKED_S = 3600 };

/* Notes since when messages are set aside, at the end of a run. */
int trouble_note_aside(struct store *s, int64_t now, struct err *e);
/* Notes that a session has seen so many messages fewer listed than the server
 * counts; in the transaction of the caller. */
int trouble_note_left_out(struct store *s, uint64_t count, int64_t now,
			  struct err *e);
/* What lasts longer than a day; of several what keeps the most mail away.  It
 * changes nothing. */
int trouble_find(struct store *s, int64_t now, struct trouble *t,
		 struct err *e);
/* *due: people were not told of it within a day. */
int trouble_is_due(struct store *s, const struct trouble *t, int64_t now,
		   bool *due, struct err *e);
/* They are told now. */
int trouble_note_told(struct store *s, const struct trouble *t, int64_t now,
		      struct err *e);

/* One line: what, since when, and what to do.  `lock` is the path of the
 * account's lock, and may be NULL but for TROUBLE_LOCKED and _FAMINE. */
void trouble_text(char out[ERR_TEXT_MAX], const struct trouble *t,
		  const char *account, const char *lock, int64_t now);

#endif
