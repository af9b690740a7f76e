/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The uids of what another program has fetched (--catch-up=FILE): one on each
 * line, which may go on with the time of its delivery in seconds since 1970.
 */
#ifndef ACCOUNT_UIDLIST_H
#define ACCOUNT_UIDLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "state/store.h"

struct uidlist;

/* Reads a regular file.  If nothing but digits follows the last blank of a
 * line, they are the time, and the uid stands before them.  Blanks at both ends
 * of a line, a CR before its end and empty lines mean nothing.  A uid may have
 * blanks, and any byte but NUL and LF.  ERR_USAGE when the file cannot be read,
 * or when a uid is longer than any that a server could list. */
int uidlist_read(struct uidlist **l, const char *path, struct err *e);
void uidlist_free(struct uidlist **l);

struct uidlist_result {
	uint64_t count; /* to be recorded, or recorded */
	int64_t newest; /* the newest time of these; 0: none has one */
};

/*
 * Records as delivered, in one durable transaction, each uid that is not yet.
 * Its row has the uid alone, since no more is known: the first session that
 * lists it adds size and header.  A message of that uid which was set aside or
 * too large is taken over.  Its age counts from the time in the list, but not
 * from before `released`; without a time, or with one in the future, it counts
 * from `now`.  With `dry` nothing is written.
 */
int uidlist_record(const struct uidlist *l, struct store *s, int64_t released,
		   int64_t now, bool dry, struct uidlist_result *r,
		   struct err *e);

#endif
