/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where an account's state is, and what it needs of the configuration.  Plain
 * data.
 */
#ifndef ACCOUNT_SETTINGS_H
#define ACCOUNT_SETTINGS_H

#include <stdint.h>

struct account_settings {
	char *state_file;	  /* the state's files, without directory and
				     suffix */
	char *old_state_file;	  /* what this was before a dot at the end of a
				     host was left out, or NULL */
	unsigned notice_failures; /* notice_after in runs, or 0 ... */
	int64_t notice_s;	  /* ... and then a duration */
	char *fingerprint;	  /* hex digest over the login's options, and
				     time, size and inode of the files that they
				     and the secret stand in (never over the
				     secret): a change ends a login back-off */
};

#endif
