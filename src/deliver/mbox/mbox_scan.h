/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Recognises messages in an mbox by their content, after another program has
 * rewritten it.
 *
 * The content digest of a message is SHA-256 over the text between its From_
 * line and the next.  It leaves out the header fields that mail readers add and
 * change (Status and its like, Content-Length, Lines) and the newlines at the
 * end.
 */
#ifndef DELIVER_MBOX_MBOX_SCAN_H
#define DELIVER_MBOX_MBOX_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

/* --- the content digest of one text --- */
struct mboxcontent;

struct mboxcontent *mboxcontent_new(void);
void mboxcontent_free(struct mboxcontent **c);
void mboxcontent_add(struct mboxcontent *c, const void *bytes, size_t size);
/* Leaves it ready for another text. */
void mboxcontent_end(struct mboxcontent *c, uint8_t out[DIGEST_SIZE_MAX]);

/* --- a whole file --- */
/* Calls `each` for every message whose From_ line begins at `from`, which is
 * the start of a line, or after it; `at` is where that From_ line begins.  A
 * non-zero answer ends the scan, and is an error that `each` has set. */
int mbox_scan(int fd, uint64_t from,
	      int (*each)(void *arg, uint64_t at,
			  const uint8_t content[DIGEST_SIZE_MAX],
			  struct err *e),
	      void *arg, struct err *e);

#endif
