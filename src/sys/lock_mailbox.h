/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The locks by which the programs of a machine share an mbox: fcntl and
 * dotlock.
 *
 * They end with the process, except for the dotlock file.  One that a killed
 * run of ours left (same host, its pid is dead), or that nobody has touched for
 * five minutes, is broken.
 */
#ifndef SYS_LOCK_MAILBOX_H
#define SYS_LOCK_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct lock_mailbox;

/*
 * Locks the mbox at `path`, which is open (read-write) as fd, in Debian's
 * order: fcntl, then PATH.lock.  It never waits for one while holding the
 * other: when somebody else holds the second, both are released and tried again
 * 50 to 500 ms later, until the deadline (clock_ms) or a stop request
 * (ERR_STOPPED).  At the deadline it fails with ERR_LATER, and the text names
 * what held the lock.
 *
 * The dotlock is made by link(2) from a file of ours beside it
 * (.NAME.popfetch-lock; what a killed run left there is removed first), or by
 * O_EXCL where there are no hard links, so a symbolic link planted as PATH.lock
 * is never followed.  Where we may not write to the directory (/var/mail),
 * fcntl alone serves, and an existing dotlock is obeyed.  Where the disk is
 * full or fails, the error is ERR_CREATE.
 *
 * After locking, it checks that fd is still the file at `path`.  If not, it
 * fails with ERR_LATER and e->sys ESTALE, and the caller opens the mbox again.
 */
int lock_mailbox_take(struct lock_mailbox **lock, int fd, const char *path,
		      int64_t deadline, struct err *e);
/* Does a dotlock exist, or the file that is made beside it?  Taking and
 * releasing the lock removes what a killed run left. */
bool lock_mailbox_is_left(const char *path);
/* Touches the dotlock so that nobody breaks it; for those who hold it longer
 * than a minute. */
void lock_mailbox_touch(struct lock_mailbox *lock);
/* Releases both, the dotlock first; accepts NULL; *lock becomes NULL.  The
 * descriptor stays the caller's. */
void lock_mailbox_release(struct lock_mailbox **lock);

#endif
