/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Records messages as delivered though nobody here delivered them: those of
 * --catch-up, and the headers of those that a list has recorded; and as skipped
 * those of --skip, and of --catch-up what has neither a header nor a size that
 * would tell it from another.  It goes in steps, each a durable transaction, so
 * that a slow line or a stop leaves what was done.
 */
#ifndef SESSION_LEARNING_H
#define SESSION_LEARNING_H

#include "session/phase.h"

enum {
	LEARNING_STEP = 256, /* messages */
	LEARNING_STEP_MS = 10 * 1000
};

struct learnt {
	size_t entry;
	bool has_digest;
	bool was_delivered; /* so that --skip leaves it alone */
	uint8_t digest[DIGEST_SHA256_SIZE];
};

struct learning {
	struct session *session;
	struct learnt *at; /* what is not recorded yet */
	size_t count;
	uint64_t recorded; /* by the transaction under way */
	int64_t begun;	   /* clock_ms of the first */
};

void learning_open(struct learning *l, struct session *s);
void learning_close(struct learning *l); /* saves nothing */
/* digest is that of the header, or NULL.  Saves when a step is full.  A run
 * that only looks learns nothing. */
int learning_add(struct learning *l, size_t entry, const uint8_t *digest,
		 struct err *e);
/* Saves what has gathered, in a durable transaction of its own; it is forgotten
 * even if that fails. */
int learning_save(struct learning *l, struct err *e);

/* Warns once that of so many messages that are delivered no header is on
 * record. */
int learning_warn_unproven(struct session *s, uint64_t count, struct err *e);

#endif
