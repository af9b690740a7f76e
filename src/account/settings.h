/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Where an account's state is kept, and what src/account needs of the
 * configuration.  Plain data.
 */
#ifndef ACCOUNT_SETTINGS_H
#define ACCOUNT_SETTINGS_H

#include <stdint.h>

struct account_settings {
	char *state_file;	  /* the name of the state's files, without
				     directory and suffix */
	char *old_state_file;	  /* the same name as it was while a dot at the
				     end of the host still counted, or NULL */
	unsigned notice_failures; /* notice_after in runs; 0: it is the time
				     below */
	int64_t notice_s;	  /* notice_after as a time */
	/* A hex digest over the options of the login, and over time, size and
	 * inode of the files that hold them and the secret, but never over the
	 * secret itself: a change ends a login back-off. */
	char *fingerprint;
};

#endif
