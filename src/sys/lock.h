/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locks: the account's lock (flock on a file that is never removed; it may carry a
 * mark) and the locks by which the programs of a machine share an mbox (fcntl and dotlock).
 *
 * All locks vanish with the process, but for the dotlock file: one that a killed
 * run of ours left (same host, its pid is dead), or that nobody has touched for
 * five minutes, is broken.
 */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Creates the file (0600) when needed and locks it without waiting.  Held by
 * somebody else: ERR_BUSY.  A file system without locks: ERR_LATER, never "go
 * on without".  With create false a file that is not there gives *fd = -1 and
 * success.  Released by closing *fd (children must not inherit it). */
int lock_take(const char *path, bool create, int *fd, struct err *e);
/* The same for what is open already, a directory too. */
int lock_now(int fd, const char *path, struct err *e);

/*
 * The mark on a lock's file, open for writing as `fd`: whoever writes what the lock
 * protects sets it first and takes it away when all is well in the end.  Who finds it
 * does not believe what is there to be on the disk.  It is the length of the file, so
 * that it needs no room on a full disk, and is not synced: a power cut that takes the
 * mark takes everything else that was not on the disk.
 */
bool lock_is_marked(int fd);
/* ERR_LOCAL; `what` is for the error's text. */
int lock_mark(int fd, const char *what, struct err *e);
/* One that stays is looked after by the next run. */
void lock_unmark(int fd);

struct lock_mailbox;

/*
 * Locks the mbox open (read-write) as fd at `path` in Debian's order, fcntl then
 * PATH.lock, never waiting for one while holding the other: when the second is
 * taken both are released and tried again 50 to 500 ms later, until the deadline
 * (clock_ms) or a stop request (ERR_STOPPED).  Then ERR_LATER, and the text names
 * what held it.  The dotlock is made by link(2) from a file of ours beside it
 * (.NAME.popfetch-lock; what a killed run left there goes first), or by O_EXCL where
 * there are no hard links, so a symbolic link planted as PATH.lock is
 * never followed.  Where the directory may not be written (/var/mail) fcntl alone
 * serves, and a dotlock that is there is obeyed.  After locking, fd still being
 * the file at `path` is checked: else ERR_LATER with e->sys ESTALE, reopen.
 */
int lock_mailbox_take(struct lock_mailbox **lock, int fd, const char *path,
		      int64_t deadline, struct err *e);
/* Is there a dotlock, or what is made beside it?  Who takes the lock and releases it
 * removes what a killed run has left. */
bool lock_mailbox_is_left(const char *path);
/* Touches the dotlock, for those who hold it longer than a minute. */
void lock_mailbox_touch(struct lock_mailbox *lock);
/* Releases (dotlock first); accepts NULL; *lock becomes NULL.  The descriptor
 * stays the caller's. */
void lock_mailbox_release(struct lock_mailbox **lock);

#endif
