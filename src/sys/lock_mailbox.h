/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The locks by which the programs of a machine share an mbox: fcntl and
 * dotlock.
 *
 * They vanish with the process, but for the dotlock file: one that a killed run
 * of ours left (same host, its pid is dead), or that nobody has touched for
 * five minutes, is broken.
 */
#ifndef SYS_LOCK_MAILBOX_H
#define SYS_LOCK_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct lock_mailbox;

/*
 * Locks the mbox open (read-write) as fd at `path` in Debian's order, fcntl
 * then PATH.lock, never waiting for one while holding the other: when the
 * second is taken both are released and tried again 50 to 500 ms later, until
 * the deadline (clock_ms) or a stop request (ERR_STOPPED).  Then ERR_LATER, and
 * the text names what held it.  The dotlock is made by link(2) from a file of
 * ours beside it (.NAME.popfetch-lock; what a killed run left there goes
 * first), or by O_EXCL where there are no hard links, so a symbolic link
 * planted as PATH.lock is never followed.  Where the directory may not be
 * written (/var/mail) fcntl alone serves, and a dotlock that is there is
 * obeyed.  After locking, fd still being the file at `path` is checked: else
 * ERR_LATER with e->sys ESTALE, reopen.
 */
int lock_mailbox_take(struct lock_mailbox **lock, int fd, const char *path,
		      int64_t deadline, struct err *e);
/* Is there a dotlock, or what is made beside it?  Who takes the lock and
 * releases it removes what a killed run has left. */
bool lock_mailbox_is_left(const char *path);
/* Touches the dotlock, for those who hold it longer than a minute. */
void lock_mailbox_touch(struct lock_mailbox *lock);
/* Releases (dotlock first); accepts NULL; *lock becomes NULL.  The descriptor
 * stays the caller's. */
void lock_mailbox_release(struct lock_mailbox **lock);

#endif
