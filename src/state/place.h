/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Where a state database lies, and what can be said of the file before SQLite
 * opens it.  SQLite would replay a journal and make a log even beside a file
 * that is damaged or not ours, and it has other rules about permissions and
 * symbolic links.
 */
#ifndef STATE_PLACE_H
#define STATE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* application_id ("popf") and user_version of our databases; state/schema.h
 * tells the versions apart. */
enum { PLACE_APPLICATION = 0x706f7066, PLACE_VERSION = 3 };

struct place {
	const char *path; /* borrowed: as given, for error texts */
	const char *name; /* points into path */
	char *dir;	  /* without symbolic links; NULL: it does not exist */
	char *file;	  /* dir/name; NULL if dir is */
	bool is_blank;	  /* set by place_examine: nothing was ever recorded
			     there */
	bool is_made;	  /* set by place_examine: the file itself, and not its
			     log alone, says that it is ours */
};

int place_find(struct place *p, const char *path, struct err *e);
void place_end(struct place *p);

/* Does the file exist?  ERR_DATABASE if it does and cannot be ours; nothing is
 * changed.  A file passes that may be empty, or that may be ours with its
 * schema still in the log. */
int place_examine(struct place *p, bool *there, struct err *e);
/* Makes an empty file with mode 0600.  ERR_CREATE. */
int place_make(const struct place *p, struct err *e);
/* Writes the bytes of the log anew and syncs them.  As long as the system
 * remembers what a failed sync has lost it takes it for written, so that only
 * what is written again gets to the disk.  Nothing else changes, and a crash at
 * any time does no harm.  There need not be a log.  ERR_LOCAL. */
int place_renew_log(const struct place *p, struct err *e);

/* ERR_DATABASE, and what to do about it; `what` says how it can be seen. */
int place_damaged(const char *path, const char *what, struct err *e);
/* ERR_DATABASE unless `application` is ours and we know the version. */
int place_check_kind(const char *path, int64_t application, int64_t version,
		     struct err *e);

#endif
