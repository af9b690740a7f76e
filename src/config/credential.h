/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Secrets that a platform mounts: what systemd (LoadCredential=) puts into
 * $CREDENTIALS_DIRECTORY, and the files of root's by which containers get them.
 * Their owner and mode are the platform's, and nobody in there can change them.
 */
#ifndef CONFIG_CREDENTIAL_H
#define CONFIG_CREDENTIAL_H

#include <stdbool.h>

#include "base/err.h"

/* Is the text "credential:NAME"? */
bool credential_is(const char *text);
/* Makes the path of the file that such a text names, owned by the caller; a
 * copy of the text where $CREDENTIALS_DIRECTORY is not set, since who only asks
 * for the status outside of the service needs no password.  ERR_CONFIG for a
 * NAME that is no file name. */
int credential_path(const char *text, char **path, struct err *e);
/* Is this path in $CREDENTIALS_DIRECTORY?  What is there is made anew at each
 * start of a service. */
bool credential_is_passed(const char *path);

/* Does the file keep a secret that was opened as `path`?  So does one that is
 * private (fs_is_private); and of root's files that nobody else can write, one
 * that a group of ours may read, and below /run/secrets and
 * $CREDENTIALS_DIRECTORY, which the container or service has for itself, any.
 * It is the file behind all links that counts.  ERR_CONFIG with what to do. */
int credential_check(int fd, const char *path, struct err *e);

#endif
