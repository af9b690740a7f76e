/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: the fingerprint of an account, by which a pause after a
 * refused login ends as soon as somebody has changed what the login depends on:
 * its options, or time, size or inode of a file that these or the secret stand
 * in.
 *
 * It is kept in the state.  So it is never over the secret, nor over arguments
 * of a command: what is short could be guessed from it.
 */
#ifndef CONFIG_FINGERPRINT_H
#define CONFIG_FINGERPRINT_H

#include <stdint.h>

#include "base/digest.h"
#include "config/account.h"

struct stat;
/* What tells that a file was changed or replaced: time, size, inode. */
void fingerprint_add_identity(struct digest *d, const struct stat *st);
/* In hex, owned by the caller.  `files`: the identity of all files of the
 * configuration together.  The account is whole but for its fingerprint.
 * Looks at the files of its secret, its certificate and key; one that cannot
 * be looked at counts by its name. */
char *fingerprint_make(const struct account *a,
		       const uint8_t files[DIGEST_SHA256_SIZE]);

#endif
