/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * An account whose lock somebody else holds (claim_take: ERR_BUSY).  That is as
 * it should be while another run fetches it.  But a run that hangs, or a
 * program that has nothing to do with us, would keep all mail away without a
 * word.
 *
 * The state cannot be opened then.  What is known is the time at which a run
 * took the lock last, and what can be read of the database without a lock.
 */
#ifndef ACCOUNT_BUSY_H
#define ACCOUNT_BUSY_H

#include "account/settings.h"
#include "account/trouble.h"

/* For how long it has been so.  TROUBLE_LOCKED: it was taken more than an hour
 * ago.  TROUBLE_FAMINE: no run has gone well for more than a day, and what
 * holds the lock does not use the state. */
struct trouble busy_find(const struct account_settings *a,
			 const char *state_dir, int64_t now);
/* Is it time to tell people?  Once a day (a file beside the lock says when). */
bool busy_is_due(const struct account_settings *a, const char *state_dir,
		 int64_t now);
void busy_note_told(const struct account_settings *a, const char *state_dir,
		    int64_t now);
/* trouble_text, with the path of the lock. */
void busy_text(char out[ERR_TEXT_MAX], const struct trouble *t,
	       const struct account_settings *a, const char *state_dir,
	       const char *account, int64_t now);

#endif
