/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Quotes a message for an mbox as it streams by: every line that matches
 * ^>*From_, in header and body, gets one more '>' (the mboxrd variant, which a
 * reader can undo without a doubt).  Constant memory; any split of the input
 * gives the same output.
 *
 *	mboxrd_start; mboxrd_add...; mboxrd_end
 */
#ifndef DELIVER_MBOX_MBOXRD_H
#define DELIVER_MBOX_MBOXRD_H

#include <stddef.h>

#include "base/buf.h"

struct mboxrd {
	enum {
		MBOXRD_LINE, /* nothing but '>' in this line so far */
		MBOXRD_FROM, /* then a part of "From ", not passed on yet */
		MBOXRD_REST
	} place;
	size_t matched; /* how much of "From " has come */
};

void mboxrd_start(struct mboxrd *m);
/* Appends to `out`, whose maximum must not be reached. */
void mboxrd_add(struct mboxrd *m, const void *bytes, size_t size,
		struct buf *out);
void mboxrd_end(struct mboxrd *m, struct buf *out);

#endif
