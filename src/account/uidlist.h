/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The uids of what another program has fetched (--catch-up=FILE): one a line,
 * with the time of its delivery in seconds since 1970 behind it or not.
 */
#ifndef ACCOUNT_UIDLIST_H
#define ACCOUNT_UIDLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "state/store.h"

struct uidlist;

/* Reads a regular file.  The last blank of a line splits it if nothing but
 * digits is behind it; blanks at both ends, a CR before the line end and empty
 * lines mean nothing.  A uid may have blanks, and any byte but NUL and LF.
 * ERR_USAGE when the file cannot be read, or a line is none that a server could
 * list. */
int uidlist_read(struct uidlist **l, const char *path, struct err *e);
void uidlist_free(struct uidlist **l);

struct uidlist_result {
	uint64_t count; /* to be recorded, or recorded */
	int64_t newest; /* the newest time of these; 0: none has one */
};

/*
 * Records as delivered, in one durable transaction, each uid that is not yet;
 * with a uid alone, since more is not known: the first session that lists it
 * adds size and header.  A message of that uid which was set aside or too large
 * is taken over.  The age counts from the time in the list, but not from before
 * `released`, or from `now`.  With `dry` it only looks.
 */
int uidlist_record(const struct uidlist *l, struct store *s, int64_t released,
		   int64_t now, bool dry, struct uidlist_result *r,
		   struct err *e);

#endif
