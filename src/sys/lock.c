/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
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

/* By our clock, which is not that of a file server. */
static void
note_time(int fd, int64_t now)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
					   { .tv_sec = (time_t)now } };

	(void)futimens(fd, times);
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
	note_time(*fd, clock_unix());
	return 0;
}

int64_t
lock_taken(const char *path, int64_t now)
{
	int fd = lock_open(path, O_RDWR);
	struct stat st;
	int64_t taken = 0;

	if (fd >= 0 && fstat(fd, &st) == 0)
		taken = (int64_t)st.st_mtime;
	if (taken != 0 && clock_is_wrong(taken, now)) {
		taken = now;
		note_time(fd, now);
	}
	fs_drop(&fd);
	return taken;
}

bool
lock_told(const char *note, int64_t now, int64_t within_s)
{
	struct stat st;
	int64_t told = lstat(note, &st) == 0 ? (int64_t)st.st_mtime : 0;

	return told != 0 && told <= now && now - told < within_s;
}

void
lock_note_told(const char *note, int64_t now)
{
	int fd = lock_open(note, O_WRONLY | O_CREAT);

	if (fd >= 0)
		note_time(fd, now);
	fs_drop(&fd);
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
