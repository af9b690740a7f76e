/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * One account as the configuration describes it: plain data, in the structs of
 * those who use it.  config/conf fills and owns it, everybody else borrows it.
 * Paths are absolute, durations and sizes are numbers, and all defaults are
 * filled in; strings are NULL where an option has no value.
 */
#ifndef CONFIG_ACCOUNT_H
#define CONFIG_ACCOUNT_H

#include <stdbool.h>

#include "courier/courier.h"
#include "link/server.h"
#include "session/settings.h"

struct account {
	char *name; /* the title */
	bool enabled;
	struct server server;
	struct courier_settings courier;
	char *password_file; /* or "credential:NAME", if it is nowhere */
	/* No option gives the password: it comes from ~/.netrc, or the
	 * terminal. */
	bool ask_password;
	struct keeper_settings keeper;
	char *state; /* the option's value, or account_state_name */
};

/* Wipes and frees all that it holds; *a is zeroed. */
void account_free(struct account *a);

/* "USER@HOST" with the host in lower case, and ":PORT" after it unless that is
 * 110 or 995 (an IPv6 address is then in brackets): the default of `state`.
 * Owned by the caller. */
char *account_state_name(const struct account *a);
/* The name of its state file without directory and suffix: `state` (or, if that
 * is NULL, account_state_name) percent-encoded, at most 200 bytes; the end of a
 * longer one gives way to a digest.  Owned by the caller. */
char *account_state_file(const struct account *a);

/* Sets courier.password from the first line of `password_file`; does nothing
 * without such a file, or when the password is known.  The parent calls it for
 * the accounts that are fetched, before it forks.  ERR_CONFIG when the file
 * cannot be read, is not a regular file that keeps a secret (credential_check),
 * or begins with an empty line. */
int account_read_password(struct account *a, struct err *e);

#endif
