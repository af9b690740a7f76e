/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Sentinels: empty files of random name in a staging directory.  A staged file
 * that is gone was delivered if its sentinel still exists (maildir_recovery.c).
 *
 * Each is made before the first message that it stands for, so that whatever
 * clears old files away takes the sentinel before these messages or with them:
 * the other way round it would leave a proof of deliveries that never were.  A
 * sentinel stands for the messages that are staged between two seals, and so
 * usually for a batch; a message that was begun before a seal and is handed
 * over after it keeps its own.  A sentinel goes when no message needs it any
 * more:
 *
 *	sentinel_use; then sentinel_unused when the message is discarded,
 *	or sentinel_settled when it is published, and sentinels_retire when that
 *	is recorded
 *
 * A message that is neither (in a batch that is broken) keeps its sentinel on
 * the disk, for recovery.
 */
#ifndef DELIVER_SENTINEL_H
#define DELIVER_SENTINEL_H

#include <stddef.h>

#include "base/err.h"

struct sentinel {
	char *name;
	int fd;		/* to be synced at D1; -1: it is durable */
	size_t users;	/* messages that need it */
	size_t settled; /* of these, how many are published */
	struct sentinel *next;
};

struct sentinels {
	int dir; /* borrowed */
	struct sentinel *all;
	struct sentinel *current; /* for new messages, or NULL */
};

/* Finds the sentinel for a message that is about to be staged, and makes it if
 * need be. */
int sentinel_use(struct sentinels *l, struct sentinel **s, struct err *e);
void sentinel_unused(struct sentinels *l, struct sentinel *s);
void sentinel_settled(struct sentinel *s);
/* What is staged from now on gets another sentinel. */
void sentinels_seal(struct sentinels *l);
/* What was settled is on record, and needs no sentinel any more. */
void sentinels_retire(struct sentinels *l);
/* The sentinels that a message still needs stay on the disk. */
void sentinels_free(struct sentinels *l);

#endif
