/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/busy.h"

#include <stdlib.h>

#include "account/claim.h"
#include "base/clock.h"
#include "state/fact.h"
#include "state/store.h"
#include "sys/lock.h"

static const char note_suffix[] = ".busy";

/* 0: it is not known.  What runs have noted since is in the log, which cannot
 * be read: then one may have gone well when that was written last. */
static int64_t
last_success(const struct account_settings *a, const char *state_dir,
	     int64_t now)
{
	char *path = claim_path(a, state_dir, ".db");
	int64_t success, written;
	bool is_known = store_peek(path, FACT_LAST_SUCCESS, &success, &written);

	free(path);
	if (written > success)
		success = written;
	return !is_known || clock_is_wrong(success, now) ? 0 : success;
}

struct trouble
busy_find(const struct account_settings *a, const char *state_dir, int64_t now)
{
	char *lock = claim_path(a, state_dir, ".lock");
	int64_t taken = lock_taken(lock, now), success;

	free(lock);
	if (taken != 0 && now - taken >= TROUBLE_LOCKED_S)
		return (struct trouble){ TROUBLE_LOCKED, taken, 0, 0 };
	success = last_success(a, state_dir, now);
	if (success != 0 && now - success >= TROUBLE_DAY_S)
		return (struct trouble){ TROUBLE_FAMINE, success, 0, 0 };
	return (struct trouble){ .kind = TROUBLE_NONE };
}

bool
busy_is_due(const struct account_settings *a, const char *state_dir,
	    int64_t now)
{
	char *note = claim_path(a, state_dir, note_suffix);
	bool is_due = !lock_told(note, now, TROUBLE_DAY_S);

	free(note);
	return is_due;
}

void
busy_note_told(const struct account_settings *a, const char *state_dir,
	       int64_t now)
{
	char *note = claim_path(a, state_dir, note_suffix);

	lock_note_told(note, now);
	free(note);
}

void
busy_text(char out[ERR_TEXT_MAX], const struct trouble *t,
	  const struct account_settings *a, const char *state_dir,
	  const char *account, int64_t now)
{
	char *lock = claim_path(a, state_dir, ".lock");

	trouble_text(out, t, account, lock, now);
	free(lock);
}
