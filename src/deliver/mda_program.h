/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What an MDA is told about its message: arguments and environment.
 */
#ifndef DELIVER_MDA_PROGRAM_H
#define DELIVER_MDA_PROGRAM_H

#include <stdint.h>

#include "base/digest.h"
#include "deliver/deliver.h"

/* What differs from message to message. */
struct mda_program {
	const char *sender;
	const char *uid;	 /* percent-encoded */
	const char *delivery_id; /* by mda_program_delivery_id */
	uint64_t size;		 /* bytes on standard input */
};

enum { MDA_PROGRAM_ID_SIZE = 32 }; /* hex digits */

/* The same for each attempt at one message: SHA-256 over state id, octets
 * (header_octets, or 0), uid (percent-encoded) and header digest, cut to
 * MDA_PROGRAM_ID_SIZE digits.  The uid alone would not do, since servers give
 * one uid to several messages.  Writes the digits and a NUL. */
void mda_program_delivery_id(char out[MDA_PROGRAM_ID_SIZE + 1],
			     const char *state_id, const char *uid,
			     int64_t octets,
			     const uint8_t digest[DIGEST_SHA256_SIZE]);

/* deliver_fingerprint. */
char *mda_program_fingerprint(const struct deliver_target *target);

/* What is expanded in arguments; ends with NULL. */
extern const char *const mda_program_placeholders[];

/*
 * NULL-terminated, owned: mda_program_free_list.
 *
 * Arguments: those of the target.  In each but the first (the program)
 * mda_program_placeholders are expanded and %% is a percent sign; any other %
 * stays.  No expansion makes an argument an option: one that begins
 * with '-', but did not as it was configured, gets a '_' before it.
 *
 * Environment: HOME, PATH, USER, LOGNAME, SHELL, TZ and LANG as we have them
 * (all but the last two with a default), and POPFETCH_ACCOUNT, _UID, _SENDER,
 * _DELIVERY_ID, _SIZE.
 */
char **mda_program_arguments(const struct deliver_target *target,
			     const struct mda_program *p);
char **mda_program_environment(const struct deliver_target *target,
			       const struct mda_program *p);
void mda_program_free_list(char **list);

#endif
