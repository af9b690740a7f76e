/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A staged file while it is written: small pieces are gathered, so that a small
 * message is one write.  The memory for that goes with draft_flush.
 *
 *	draft_start (takes fd); draft_add...; draft_flush; draft_close in any
 *	case
 */
#ifndef DELIVER_DRAFT_H
#define DELIVER_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A piece of this size or more is written at once.  Fewer bytes in all, in
 * smaller pieces, stay in `waiting` until draft_flush, and until then fd may be
 * -1. */
enum { DRAFT_DIRECT_MIN = 32 * 1024 };

struct draft {
	int fd;
	struct buf waiting;
	uint64_t size;	  /* bytes added */
	uint64_t written; /* of these, how many to the file */
	uint64_t started; /* of these, how many on their way to the disk */
	bool to_sync;	  /* set by those who will sync the file: the disk then
			     begins with a large one before it is complete */
};

void draft_start(struct draft *d, int fd);
int draft_add(struct draft *d, const void *bytes, size_t size, struct err *e);
int draft_flush(struct draft *d, struct err *e);
/* Throws away what waits; the descriptor may have been closed before, and be
 * -1. */
void draft_close(struct draft *d);

#endif
