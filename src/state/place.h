/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a state database lies, and what can be said of the file before SQLite
 * opens it: SQLite would replay a journal and make a log beside a file that is
 * not ours or damaged, and follows other rules about permissions and symbolic
 * links.
 */
#ifndef STATE_PLACE_H
#define STATE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* application_id ("popf") and user_version of our databases; state/schema.h has
 * what the versions are. */
enum { PLACE_APPLICATION = 0x706f7066, PLACE_VERSION = 2 };

struct place {
	const char *path; /* borrowed: as given, for texts */
	const char *name; /* in path */
	char *dir;	  /* without symbolic links; NULL: not there */
	char *file;	  /* dir/name; NULL like dir */
	bool is_blank;	  /* place_examine: nothing was ever recorded there */
	bool is_made;	  /* place_examine: the file itself says that it is
			     ours, not its log alone */
};

int place_find(struct place *p, const char *path, struct err *e);
void place_end(struct place *p);

/* Is it there?  ERR_DATABASE when it is there and cannot be ours; nothing is
 * changed.  One that may be empty, or ours with its schema in the log,
 * passes. */
int place_examine(struct place *p, bool *there, struct err *e);
/* An empty file, 0600.  ERR_CREATE. */
int place_make(const struct place *p, struct err *e);
/* Writes the bytes of the log anew and syncs them.  What a failed sync has lost
 * is clean for the system as long as it remembers it: only what is written
 * again gets to the disk.  Nothing else changes, so that a crash at any time
 * does no harm.  No log is fine; ERR_LOCAL. */
int place_renew_log(const struct place *p, struct err *e);

/* ERR_DATABASE unless both are ours. */
int place_check_kind(const char *path, int64_t application, int64_t version,
		     struct err *e);

#endif
