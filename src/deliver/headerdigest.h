/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two digests of a header (header.h), fed with its fields in their canonical form:
 * over those that stay the same for ever, and over all that no server changes.
 *
 *	headerdigest_init; for each field headerdigest_direct, headerdigest_open,
 *	headerdigest_value..., headerdigest_close; headerdigest_end; ...
 *	headerdigest_free
 */
#ifndef DELIVER_HEADERDIGEST_H
#define DELIVER_HEADERDIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

/* Which digests a field goes to; none: servers change it. */
enum { HEADERDIGEST_STABLE = 1, HEADERDIGEST_ALL = 2 };
enum { HEADERDIGEST_OUT_MAX = 1024 };

struct headerdigest {
	struct digest *stable, *all;
	unsigned to;
	bool blank;		/* blanks in the value wait for what follows */
	bool begun;		/* the value has had something but blanks */
	uint8_t out[HEADERDIGEST_OUT_MAX];	/* waits for both */
	size_t out_len;
};

void headerdigest_init(struct headerdigest *d);
void headerdigest_free(struct headerdigest *d);
/* Where all goes that is added from now on. */
void headerdigest_direct(struct headerdigest *d, unsigned to);
/* A name in lower case, with its colon; or what looked like one and belongs to the value
 * of a line that has none. */
void headerdigest_open(struct headerdigest *d, const char *name, size_t size,
		       bool is_name);
/* A piece of a value without line ends: runs of blanks become one, those at both ends
 * none. */
void headerdigest_value(struct headerdigest *d, const uint8_t *bytes,
			size_t size);
void headerdigest_close(struct headerdigest *d);
/* Ends both, and begins anew; out is that over the stable fields, or over all. */
void headerdigest_end(struct headerdigest *d, bool stable,
		      uint8_t out[DIGEST_SHA256_SIZE]);

#endif
