/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The directories of a Maildir that delivery needs: new/, and our staging
 * directory tmp/.popfetch/STATE-ID/.  They are opened once and used by
 * descriptor; below the Maildir itself no symbolic link is followed, so that
 * nobody can turn a delivery elsewhere while it is under way.  The staging
 * directory is locked while it is open (ERR_LATER when it is locked already,
 * which takes a copy of the state: whose lock is free, so that it is no
 * ERR_BUSY, of which nobody hears).
 */
#ifndef DELIVER_STAGING_H
#define DELIVER_STAGING_H

#include <stdbool.h>

#include "base/err.h"

struct staging {
	int new_dir, cur_dir; /* -1: do not exist */
	int dir;	      /* the staging directory; -1: does not exist */
	int above[3];	      /* the directories it is in, from the Maildir on,
				 while they may not be durable; else -1 */
};

#define STAGING_NONE                                                \
	{                                                           \
		.new_dir = -1, .cur_dir = -1, .dir = -1, .above = { \
			-1,                                         \
			-1,                                         \
			-1                                          \
		}                                                   \
	}

/* For delivery.  With may_create a Maildir that does not exist, or that is an
 * empty or half-made directory, is made (0700); the staging directory is made
 * always.  What it makes is durable when it returns.  Checks that files can be
 * staged, and that they can be renamed into new/. */
int staging_open(struct staging *s, const char *path, const char *state_id,
		 bool may_create, struct err *e);
/* To be called before anything is staged: makes durable what a run has made
 * that was killed before it could do so.  Costs nothing without may_create, nor
 * a second time. */
int staging_secure(struct staging *s, const char *path, struct err *e);
/* For recovery: opens what exists, and makes nothing. */
int staging_find(struct staging *s, const char *path, const char *state_id,
		 struct err *e);
/* After a rename into new/ that failed with ENOENT: was it carried out?  A file
 * server's reply may get lost, and when the rename is asked for again the file
 * does not exist.  Nobody else has such a name, so that it proves the rename,
 * in new/ or, where a mail reader was quicker, in cur/ with its flags. */
int staging_was_published(const struct staging *s, const char *name, bool *was,
			  struct err *e);
void staging_close(struct staging *s);

#endif
