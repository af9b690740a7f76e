/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The account's lock: flock on a file that is never removed, and that may carry
 * a mark.  It vanishes with the process.
 */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* For lock files: open(2), private and never through a symbolic link; -1 with
 * errno set. */
int lock_open(const char *path, int flags);
/* Creates the file (0600) when needed and locks it without waiting.  Held by
 * somebody else: ERR_BUSY.  A file system without locks: ERR_LATER, never "go
 * on without".  With create false a file that is not there gives *fd = -1 and
 * success.  Released by closing *fd (children must not inherit it). */
int lock_take(const char *path, bool create, int *fd, struct err *e);
/* The same for what is open already, a directory too. */
int lock_now(int fd, const char *path, struct err *e);

/*
 * The mark on a lock's file, open for writing as `fd`: whoever writes what the
 * lock protects sets it first and takes it away when all is well in the end.
 * Who finds it does not believe what is there to be on the disk.  It is the
 * length of the file, so that it needs no room on a full disk, and is not
 * synced: a power cut that takes the mark takes everything else that was not on
 * the disk.
 */
bool lock_is_marked(int fd);
/* ERR_LOCAL; `what` is for the error's text. */
int lock_mark(int fd, const char *what, struct err *e);
/* One that stays is looked after by the next run. */
void lock_unmark(int fd);

#endif
