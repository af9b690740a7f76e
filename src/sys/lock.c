/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fs.h"

int
lock_open(const char *path, int flags)
{
	int fd;

	do {
		fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
			  0600);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

int
lock_now(int fd, const char *path, struct err *e)
{
	int rc;

	do {
		rc = flock(fd, LOCK_EX | LOCK_NB);
	} while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(e, ERR_BUSY, "'%s' is locked", path);
	return err_sys(e, ERR_LATER, "cannot lock '%s'", path);
}

int
lock_take(const char *path, bool create, int *fd, struct err *e)
{
	*fd = lock_open(path, O_RDWR | (create ? O_CREAT : 0));
	if (*fd < 0 && !create && errno == ENOENT)
		return 0;
	if (*fd < 0)
		return fs_fail_path(e, ERR_CREATE, "open", path);
	if (lock_now(*fd, path, e) != 0) {
		fs_drop(fd);
		return -1;
	}
	return 0;
}

/* --- the mark --- */

/* A file that cannot be inspected counts as marked, to be on the safe side. */
bool
lock_is_marked(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 || st.st_size > 0;
}

int
lock_mark(int fd, const char *what, struct err *e)
{
	struct err why = ERR_INIT;

	if (fs_truncate(fd, 1, &why) == 0)
		return 0;
	errno = why.sys;
	return err_sys(e, ERR_LOCAL, "cannot mark the lock of '%s'", what);
}

void
lock_unmark(int fd)
{
	struct err ignored = ERR_INIT;

	(void)fs_truncate(fd, 0, &ignored);
}
