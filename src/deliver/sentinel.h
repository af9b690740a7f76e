/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sentinels: empty files of random name in a staging directory.  A staged file
 * that is gone was delivered if its sentinel is there (maildir_recovery.c).
 *
 * Each is made before the first message that it stands for, so that what clears
 * old files away takes it before these, or with them: the other way round it
 * would leave a proof of deliveries that never were.  There is one for the
 * messages that are staged between two seals, and so usually for a batch; one
 * that was begun before a seal and is handed over behind it keeps its own.  It
 * goes when no message needs it any more:
 *
 *	sentinel_use; then sentinel_unused when the message is discarded,
 *	or sentinel_settled when it is published, and sentinels_retire when that
 *	is recorded
 *
 * What is neither (a batch that is broken) keeps its sentinel on the disk, for
 * recovery.
 */
#ifndef DELIVER_SENTINEL_H
#define DELIVER_SENTINEL_H

#include <stddef.h>

#include "base/err.h"

struct sentinel {
	char *name;
	int fd;		/* for the sync that makes it durable; -1: it is */
	size_t users;	/* messages */
	size_t settled; /* of these */
	struct sentinel *next;
};

struct sentinels {
	int dir; /* borrowed */
	struct sentinel *all;
	struct sentinel *current; /* for new messages, or NULL */
};

/* The one for a message that is about to be staged; made if need be. */
int sentinel_use(struct sentinels *l, struct sentinel **s, struct err *e);
void sentinel_unused(struct sentinels *l, struct sentinel *s);
void sentinel_settled(struct sentinel *s);
/* What is staged from now on gets another one. */
void sentinels_seal(struct sentinels *l);
/* What was settled is on record. */
void sentinels_retire(struct sentinels *l);
/* Those that a message needs stay on the disk. */
void sentinels_free(struct sentinels *l);

#endif
