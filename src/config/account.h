/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One account as the configuration describes it: plain data, made of what its
 * readers read, filled by config/conf, owned by it, borrowed by everybody
 * else.  Paths are absolute, durations and sizes numbers, all defaults filled
 * in; strings are NULL where an option has no value.
 */
#ifndef CONFIG_ACCOUNT_H
#define CONFIG_ACCOUNT_H

#include <stdbool.h>

#include "courier/courier.h"
#include "session/settings.h"
#include "link/server.h"

struct account {
	char *name; /* the title */
	bool enabled;
	struct server server;
	struct courier_settings courier;
	char *password_file;
	/* No option tells the password: ~/.netrc, or the terminal. */
	bool ask_password;
	struct keeper_settings keeper;
	char *state; /* the option's value, or account_state_name */
};

/* Wipes and frees all that it holds; *a is zeroed. */
void account_free(struct account *a);

/* "USER@HOST", the host in lower case, ":PORT" behind it unless 110 or 995
 * (an IPv6 address then stands in brackets): what `state` is by default.
 * Owned by the caller. */
char *account_state_name(const struct account *a);
/* File name of its state without directory and suffix: `state` (or, if that
 * is NULL, account_state_name) percent-encoded, at most 200 bytes: the end
 * of a longer one gives way to a digest.  Owned by the caller. */
char *account_state_file(const struct account *a);

/* Sets courier.password from the first line of `password_file`; nothing to
 * do without one, or when the password is known.  The parent calls it for
 * the accounts that are fetched, before it forks.  ERR_CONFIG when the file
 * cannot be read, is not a regular file of ours (or root's) that only we may
 * read, or begins with an empty line. */
int account_read_password(struct account *a, struct err *e);

#endif
