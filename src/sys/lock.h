/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * An account's lock: flock on a file that is never removed and that may carry a
 * mark.  The lock ends with the process.
 */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* open(2) for lock files, which are private and never reached through a
 * symbolic link; -1 with errno set. */
int lock_open(const char *path, int flags);
/* Locks the file without waiting, after creating it (0600) if `create` is true
 * and it does not exist.  If `create` is false, a file that does not exist
 * gives `*fd = -1` and success.  ERR_BUSY when somebody else holds the lock;
 * ERR_LATER when the file system has no locks: a caller never goes on without
 * one.  The lock is released by closing *fd, which children must not
 * inherit.  The file's time says when it was taken last (or marked, below). */
int lock_take(const char *path, bool create, int *fd, struct err *e);
/* The same for a file or directory that is open already; no time is noted. */
int lock_now(int fd, const char *path, struct err *e);

/*
 * For whoever finds the lock held.  Since when is it, at the longest?  A lock
 * that was free for a while, and that another program holds just now, looks
 * older than it is.  A time that was noted under a wrong clock is replaced by
 * `now`, so that it counts from here on; 0: it is not known.
 */
int64_t lock_taken(const char *path, int64_t now);
/* Were people told of it within that time?  That is kept as the time of a file
 * of its own, since who does not hold the lock may not write anything else.  A
 * note that cannot be made is not remembered. */
bool lock_told(const char *note, int64_t now, int64_t within_s);
void lock_note_told(const char *note, int64_t now);

/*
 * The mark on a lock's file, which is open for writing as `fd`: whoever writes
 * what the lock protects sets it first and removes it when all is well in the
 * end.  Whoever finds it does not believe that the protected files are on the
 * disk.  The mark is the length of the lock's file, so that it needs no room on
 * a full disk.  It is not synced, since a power cut that takes the mark takes
 * everything else that was not on the disk.
 */
bool lock_is_marked(int fd);
/* Fails with ERR_LOCAL; `what` is for the error's text. */
int lock_mark(int fd, const char *what, struct err *e);
/* A mark that cannot be removed stays, and the next run sees to it. */
void lock_unmark(int fd);

#endif
