/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a crash has left at the end of an mbox: the function recover of class.h,
 * which mbox.c puts into its table.
 *
 * Only what is ours beyond doubt is cut off: it begins as the block does, is
 * not longer than the batch, and has no sign of another program's message in
 * it.
 */
#ifndef DELIVER_MBOX_MBOX_RECOVERY_H
#define DELIVER_MBOX_MBOX_RECOVERY_H

#include "deliver/deliver.h"

enum { MBOX_WAIT_MS = 30 * 1000 }; /* for other programs' locks */

int mbox_recover(const struct deliver_target *target,
		 const char *const evidence[], enum deliver_verdict verdict[],
		 size_t count, struct err *e);

#endif
