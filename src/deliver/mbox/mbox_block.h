/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A block: what is appended to an mbox for one message, and what its evidence
 * says of it.  In the file it is
 *
 *	newlines	that complete what was there; first block of a batch
 *	From_ line	"From SENDER DATE\n"
 *	text		the quoted message up to and with an empty line
 */
#ifndef DELIVER_MBOX_MBOX_BLOCK_H
#define DELIVER_MBOX_MBOX_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

enum {
	MBOX_BLOCK_NEWLINES_MAX = 2,
	MBOX_BLOCK_BEFORE_MAX = 4096,
	/* two messages of one sender in one second have the same From_ line,
	 * but their texts differ within this many bytes */
	MBOX_BLOCK_START_MAX = 256
};

struct mbox_block {
	char *path;    /* the mbox; owned, as is from_line */
	uint64_t base; /* length of the file before the batch */
	uint8_t before[DIGEST_SIZE_MAX]; /* digest of what precedes base */
	uint64_t offset;		 /* where the block begins */
	uint64_t newlines;
	char *from_line; /* with its LF */
	uint64_t text_size;
	uint8_t text[DIGEST_SIZE_MAX];	     /* SHA-256 of the text */
	size_t start_size;		     /* of `start`, at least 1 */
	uint8_t start[MBOX_BLOCK_START_MAX]; /* how the text begins */
	uint8_t content[DIGEST_SIZE_MAX];    /* see mbox_scan.h */
};

uint64_t mbox_block_size(const struct mbox_block *b);
/* Where its From_ line and text begin in the file. */
uint64_t mbox_block_line_at(const struct mbox_block *b);
uint64_t mbox_block_text_at(const struct mbox_block *b);
uint64_t mbox_block_end(const struct mbox_block *b);

/* Owned by the caller. */
char *mbox_block_evidence(const struct mbox_block *b);
/* False, with nothing to free, if it is not the evidence of a block. */
bool mbox_block_parse(struct mbox_block *b, const char *evidence);
void mbox_block_clear(struct mbox_block *b);

#endif
