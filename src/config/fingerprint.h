/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf*.c only: the fingerprint of an account.  A pause after a refused
 * login ends as soon as it differs: then somebody has changed what the login
 * depends on, that is its options, or the time, size or inode of a file that
 * these or the secret stand in.
 *
 * It is kept in the state, so it covers neither the secret nor the arguments of
 * a command: what is short could be guessed from it.
 */
#ifndef CONFIG_FINGERPRINT_H
#define CONFIG_FINGERPRINT_H

#include <stdint.h>

#include "base/digest.h"
#include "config/account.h"

struct stat;
/* Adds what shows that a file was changed or replaced: time, size, inode. */
void fingerprint_add_identity(struct digest *d, const struct stat *st);
/* Returns it in hex, owned by the caller.  `files` is the identity of all files
 * of the configuration together.  The account must be complete but for its
 * fingerprint.  Looks at the files of its secret, its certificate and key; one
 * that cannot be looked at counts by its name. */
char *fingerprint_make(const struct account *a,
		       const uint8_t files[DIGEST_SHA256_SIZE]);

#endif
