/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Tells people, once a day and in one line, of what keeps mail from coming for
 * long (account/trouble.h), in runs that fetch.  The exit status stays what it
 * is.
 *
 *	alarm_look at the end of a run, before its error is told; alarm_join if
 *	that is told anyway; alarm_tell
 */
#ifndef KEEPER_ALARM_H
#define KEEPER_ALARM_H

#include "account/trouble.h"
#include "link/link.h"
#include "session/settings.h"

struct alarm {
	/* set by the caller, borrowed */
	const struct session_settings *set;
	const char *state_dir;
	struct link *report;

	struct trouble trouble; /* to be told now, or TROUBLE_NONE */
	bool is_joined;		/* an error says it */
};

/* The state is open.  why: with what the run has failed, or ERR_NONE. */
void alarm_look(struct alarm *a, struct store *s, enum err_kind why);
/* The account's lock is held by somebody else. */
void alarm_look_at_lock(struct alarm *a);
/* An error of the login that is about to be told says the rest itself, so that
 * there is one line. */
void alarm_join(struct alarm *a, struct err *e);
/* Behind that error; notes that people were told.  `s` is NULL where the lock
 * is held. */
void alarm_tell(struct alarm *a, struct store *s);

#endif
