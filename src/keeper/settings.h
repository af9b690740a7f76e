/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an account wants of its keeper: plain data, owned by the account.
 */
#ifndef KEEPER_SETTINGS_H
#define KEEPER_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/deliver.h"
#include "state/plan.h"

struct keeper_settings {
	struct deliver_target target;	/* but for state_id, spool and note, which
					   the keeper knows */
	struct plan_rules rules;	/* but for what a run knows */
	bool received_header;
	unsigned notice_failures;	/* notice_after in runs, or 0 ... */
	int64_t notice_s;		/* ... and then a duration */
	char *state_file;		/* the state's files, without directory and
					   suffix */
	char *old_state_file;		/* what this was before a dot at the end of
					   a host was left out, or NULL */
	char *fingerprint;		/* hex digest over the login's options, and
					   time, size and inode of the files that they
					   and the secret stand in (never over the
					   secret): a change ends a login back-off */
};

#endif
