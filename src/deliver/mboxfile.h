/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of an mbox: opened safely, locked against other programs, and measured
 * before something is appended.
 *
 * Only a regular file of ours with one name is an mbox; a symbolic link is none.
 */
#ifndef DELIVER_MBOXFILE_H
#define DELIVER_MBOXFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/digest.h"
#include "base/err.h"
#include "sys/lock.h"

struct mboxfile {
	char *path;
	int dir;		/* the directory it is in */
	const char *name;	/* in it; part of path */
	int fd;			/* -1: not taken */
	struct lock_mailbox *lock;
	int64_t touched;	/* clock_ms when the lock was touched */

	/* As it was when taken: */
	uint64_t size;
	struct timespec atime;
};

/* Opens its directory; `path` is absolute. */
int mboxfile_open(struct mboxfile *f, const char *path, struct err *e);
void mboxfile_close(struct mboxfile *f);
/* Is it an mbox?  A missing one is made (0600, durable) if may_create, else it is an
 * error (ERR_CREATE, e->sys ENOENT). */
int mboxfile_check(const struct mboxfile *f, bool may_create, struct err *e);
/* Opens, checks and locks it, waiting up to `wait_ms` for other programs. */
int mboxfile_take(struct mboxfile *f, bool may_create, int64_t wait_ms,
		  struct err *e);
/* To be called now and then while it is taken. */
void mboxfile_touch(struct mboxfile *f);
/* Unlocks and closes it, if it is taken. */
void mboxfile_release(struct mboxfile *f);

/* SHA-256 of up to MBOXBLOCK_BEFORE_MAX bytes before `at`. */
int mboxfile_digest_before(const struct mboxfile *f, uint64_t at,
			   uint8_t out[DIGEST_SIZE_MAX], struct err *e);
/* How many newlines make what is there end in an empty line. */
int mboxfile_newlines(const struct mboxfile *f, uint64_t *newlines,
		      struct err *e);
/* Back to `size`, durably. */
int mboxfile_cut(const struct mboxfile *f, uint64_t size, struct err *e);
/* Reading it ourselves shall not look like a mail reader's doing: the access time is
 * set to what it was (if it is taken). */
void mboxfile_restore_atime(const struct mboxfile *f);
/* The same after an append, and in any case before the time of modification: so it is
 * told that there is new mail. */
void mboxfile_mark_new(const struct mboxfile *f);

#endif
