/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Leaves named fields out of a message's header as it streams by, with their
 * continuation lines, in constant memory.  Everything else, the body above all,
 * passes unchanged; any split of the input gives the same output.
 *
 *	strip_start; strip_add...; strip_end
 *
 * Line ends are LF; a CR before it is part of the line, and a line of nothing
 * but CRs ends the header as an empty one does (mail readers see it so).
 */
#ifndef DELIVER_MBOX_STRIP_H
#define DELIVER_MBOX_STRIP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The names that we look for are shorter.  A name with more blanks after it
 * than fit, before its colon, is taken for such a field and left out. */
enum { STRIP_HELD_MAX = 64 };

struct strip {
	const char *const *names; /* lower case, NULL-terminated; borrowed */
	enum {
		STRIP_LINE, /* the next byte begins a line */
		STRIP_CRS,  /* only CRs so far */
		STRIP_NAME, /* what came of this line is held */
		STRIP_KEEP, /* pass the line on to its end */
		STRIP_DROP,
		STRIP_BODY
	} place;
	bool dropped; /* the last field was left out; it may be continued */
	char held[STRIP_HELD_MAX];
	size_t held_size;
	size_t crs;
};

void strip_start(struct strip *s, const char *const names[]);
/* Appends to `out`, whose maximum must not be reached. */
void strip_add(struct strip *s, const void *bytes, size_t size,
	       struct buf *out);
void strip_end(struct strip *s, struct buf *out);

#endif
