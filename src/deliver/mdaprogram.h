/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an MDA is told of its message: arguments and environment.
 */
#ifndef DELIVER_MDAPROGRAM_H
#define DELIVER_MDAPROGRAM_H

#include <stdint.h>

#include "base/digest.h"
#include "deliver/deliver.h"

/* What differs from message to message. */
struct mdaprogram {
	const char *sender;
	const char *uid;	/* percent-encoded */
	const char *delivery_id;	/* see mdaprogram_delivery_id */
	uint64_t size;		/* bytes on standard input */
};

enum { MDAPROGRAM_ID_SIZE = 32 };	/* hex digits */

/* The same for each attempt at one message: SHA-256 over state id, uid (percent-encoded),
 * listed size (or -1) and header digest, cut; for servers give one uid to several.  Writes
 * MDAPROGRAM_ID_SIZE digits and a NUL. */
void mdaprogram_delivery_id(char out[MDAPROGRAM_ID_SIZE + 1],
			    const char *state_id, const char *uid, int64_t size,
			    const uint8_t digest[DIGEST_SHA256_SIZE]);

/*
 * NULL-terminated, owned: mdaprogram_free_list.
 *
 * Arguments: the target's, and in each but the first (the program) %{sender},
 * %{account} and %{user} are expanded and %% is a percent sign; any other % stays.  No
 * expansion makes an argument an option: one that begins with '-' but did not as it
 * was configured gets a '_' before it.
 *
 * Environment: HOME, PATH, USER, LOGNAME, SHELL, TZ and LANG as we have them (all but
 * the last two with a default), and POPFETCH_ACCOUNT, _UID, _SENDER, _DELIVERY_ID,
 * _SIZE.
 */
char **mdaprogram_arguments(const struct deliver_target *target,
			    const struct mdaprogram *p);
char **mdaprogram_environment(const struct deliver_target *target,
			      const struct mdaprogram *p);
void mdaprogram_free_list(char **list);

#endif
