/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The file of an mbox: opened safely, locked against other programs, and
 * measured before something is appended.
 *
 * Only a regular file of ours with one name is an mbox; a symbolic link is not.
 */
#ifndef DELIVER_MBOX_MBOX_FILE_H
#define DELIVER_MBOX_MBOX_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/digest.h"
#include "base/err.h"
#include "sys/lock_mailbox.h"

struct mbox_file {
	char *path;
	int dir;	  /* the directory it is in */
	const char *name; /* in it; part of path */
	int fd;		  /* -1: not taken */
	struct lock_mailbox *lock;
	int64_t touched; /* clock_ms when the lock was touched */

	/* As it was when taken: */
	uint64_t size;
	struct timespec atime;
};

/* Opens its directory; `path` is absolute. */
int mbox_file_open(struct mbox_file *f, const char *path, struct err *e);
void mbox_file_close(struct mbox_file *f);
/* Is it an mbox?  One that does not exist is made (0600, durable) if
 * may_create, else that is an error (ERR_CREATE, e->sys ENOENT). */
int mbox_file_check(const struct mbox_file *f, bool may_create, struct err *e);
/* Opens, checks and locks it, waiting up to `wait_ms` for other programs. */
int mbox_file_take(struct mbox_file *f, bool may_create, int64_t wait_ms,
		   struct err *e);
/* To be called now and then while it is taken. */
void mbox_file_touch(struct mbox_file *f);
/* Unlocks and closes it, if it is taken. */
void mbox_file_release(struct mbox_file *f);

/* SHA-256 of up to MBOX_BLOCK_BEFORE_MAX bytes before `at`. */
int mbox_file_digest_before(const struct mbox_file *f, uint64_t at,
			    uint8_t out[DIGEST_SIZE_MAX], struct err *e);
/* How many newlines must be added for the file to end in an empty line. */
int mbox_file_newlines(const struct mbox_file *f, uint64_t *newlines,
		       struct err *e);
/* Back to `size`, durably. */
int mbox_file_cut(const struct mbox_file *f, uint64_t size, struct err *e);
/* Our own reading must not look like that of a mail reader: the access time is
 * set to what it was (if the file is taken). */
void mbox_file_restore_atime(const struct mbox_file *f);
/* The same after an append, but to a time before that of modification in any
 * case, which tells that there is new mail. */
void mbox_file_mark_new(const struct mbox_file *f);

#endif
