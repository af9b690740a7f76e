/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Is the end of an mbox a torn batch of ours?  After a kill it is a prefix of
 * what was being written; after a power cut parts of it may be NULs.
 */
#ifndef DELIVER_MBOX_MBOX_TAIL_H
#define DELIVER_MBOX_MBOX_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "deliver/mbox/mbox_block.h"

/* Looks at the file from blocks[0]->offset to its end at `size`; the blocks are
 * those of one batch, in order of offset.  *ours tells that it is not longer
 * than the blocks; that each of them begins where it should, with its own From_
 * line and the start of its text (or a part of them, or NULs); and that in no
 * other place there is what looks like a From_ line, not even in the middle of
 * a line. */
int mbox_tail_is_ours(int fd, uint64_t size,
		      const struct mbox_block *const blocks[], size_t count,
		      bool *ours, struct err *e);

#endif
