/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The two digests of a header (header.h), fed with its fields in their
 * canonical form: one over the fields that stay the same for ever, one over all
 * that no server changes.
 *
 *	header_digest_init; for each field header_digest_direct,
 *	header_digest_open, header_digest_value..., header_digest_close;
 *	header_digest_end; ... header_digest_free
 */
#ifndef MESSAGE_HEADER_DIGEST_H
#define MESSAGE_HEADER_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

/* The digests that a field goes to; it goes to none if servers change it. */
enum { HEADER_DIGEST_STABLE = 1, HEADER_DIGEST_ALL = 2 };
enum { HEADER_DIGEST_OUT_MAX = 1024 };

struct header_digest {
	struct digest *stable, *all;
	unsigned to;
	bool blank; /* a blank is due if more of the value follows */
	bool begun; /* the value has had something other than blanks */
	uint8_t out[HEADER_DIGEST_OUT_MAX]; /* not yet in the digests */
	size_t out_len;
};

void header_digest_init(struct header_digest *d);
void header_digest_free(struct header_digest *d);
/* Says where everything goes that is added from now on. */
void header_digest_direct(struct header_digest *d, unsigned to);
/* Adds a name in lower case, with its colon; or, unless is_name, what looked
 * like a name but begins the value of a line that has none. */
void header_digest_open(struct header_digest *d, const char *name, size_t size,
			bool is_name);
/* Adds a piece of a value without line ends: runs of blanks become one blank,
 * those at both ends none. */
void header_digest_value(struct header_digest *d, const uint8_t *bytes,
			 size_t size);
void header_digest_close(struct header_digest *d);
/* Ends both and begins anew; out becomes the digest over the stable fields, or
 * over all. */
void header_digest_end(struct header_digest *d, bool stable,
		       uint8_t out[DIGEST_SHA256_SIZE]);

#endif
