/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Passwords from ~/.netrc, as ftp(1) and fetchmail read it: machine, default,
 * login, password (or passwd), account, macdef; words may stand in double
 * quotes with backslashes.
 */
#ifndef CLI_NETRC_H
#define CLI_NETRC_H

#include "base/err.h"
#include "base/secret.h"

/* The password of the first entry for this host (any case) whose login is
 * `user` or that names no login; *password is NULL when there is none or no
 * file.  A file with passwords that others may read is ERR_CONFIG. */
int netrc_password(const char *path, const char *host, const char *user,
		   struct secret **password, struct err *e);

#endif
