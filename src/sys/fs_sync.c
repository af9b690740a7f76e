/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is to survive a power cut. */
#include "config.h"
#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/utsname.h>
#include <sys/vfs.h>
#endif

#include "base/mem.h"
#include "sys/fs_error.h"

/* Some file systems cannot sync a directory at all and say so. */
static bool
is_unsyncable_dir(int fd, int error)
{
	struct stat st;

	return (error == EINVAL || error == EBADF) && fstat(fd, &st) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int
sync_fd(int fd)
{
	int error;

#ifdef F_FULLFSYNC
	/* macOS: fsync alone leaves the data in the drive's cache. */
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
#endif
	if (fsync(fd) == 0)
		return 0;
	error = errno;
	if (is_unsyncable_dir(fd, error))
		return 0;
	errno = error;
	return -1;
}

int
fs_sync(int fd, const char *what, struct err *e)
{
	if (sync_fd(fd) != 0)
		return err_sys(e, ERR_LOCAL, "cannot sync '%s'", what);
	return 0;
}

/* Up to so many files the sum of their waits is less than what a sync of the
 * whole file system, with everybody else's data, may take. */
enum { SYNC_EACH_MAX = 8 };

#if defined(__linux__)
/* File systems whose syncfs is known to flush the disk's cache and to report
 * failed writes. FUSE for one does not pass it on. */
static bool
is_syncfs_trusted(int fd)
{
	static const unsigned long trusted[] = {
		0xef53,			/* ext4 */
		0x58465342,		/* xfs */
		0x9123683e,		/* btrfs */
		0xf2f52010,		/* f2fs */
		0x01021994		/* tmpfs */
	};
	struct statfs st;
	size_t i;

	if (fstatfs(fd, &st) != 0)
		return false;
	for (i = 0; i < sizeof(trusted) / sizeof(trusted[0]); i++)
		if (((unsigned long)st.f_type & 0xffffffff) == trusted[i])
			return true;
	return false;
}

static bool
is_linux_since(int major, int minor)
{
	struct utsname u;
	int a = 0, b = 0;

	if (uname(&u) != 0 || sscanf(u.release, "%d.%d", &a, &b) != 2)
		return false;
	return a > major || (a == major && b >= minor);
}

/* 1: done; 0: not to be had here; -1: failed. */
static int
sync_whole(int dir)
{
	if (!is_linux_since(5, 8) || !is_syncfs_trusted(dir))
		return 0;
	if (syncfs(dir) != 0)
		return errno == ENOSYS ? 0 : -1;
	/* Until 5.17 syncfs reports failed data, but not a failed commit of
	 * the metadata; fsync does. */
	return is_linux_since(5, 17) || sync_fd(dir) == 0 ? 1 : -1;
}

/* Starts all writes, so that the syncs behind wait for one another's. */
static void
start_writes(const int fds[], size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		(void)sync_file_range(fds[i], 0, 0, SYNC_FILE_RANGE_WRITE);
}
#else
static int
sync_whole(int dir)
{
	(void)dir;
	return 0;
}

static void
start_writes(const int fds[], size_t count)
{
	(void)fds;
	(void)count;
}
#endif

static int
sync_each(int dir, const int fds[], size_t count, struct err *e)
{
	size_t i;

	if (count > 1)
		start_writes(fds, count);
	for (i = 0; i < count; i++)
		if (sync_fd(fds[i]) != 0)
			return fs_fail(e, "sync", fds[i]);
	return sync_fd(dir) == 0 ? 0 : fs_fail(e, "sync", dir);
}

int
fs_sync_all(int dir, const int fds[], size_t count, struct err *e)
{
	int n = 0;

	if (count > SYNC_EACH_MAX)
		n = sync_whole(dir);
	if (n < 0)
		return fs_fail(e, "sync the file system of", dir);
	return n > 0 ? 0 : sync_each(dir, fds, count, e);
}

uint64_t
fs_free_bytes(int fd)
{
	struct statvfs st;
	uint64_t bytes;

	if (fstatvfs(fd, &st) != 0 || st.f_blocks == 0 ||
	    __builtin_mul_overflow((uint64_t)st.f_bavail,
				   (uint64_t)st.f_frsize, &bytes))
		return UINT64_MAX;
	return bytes;
}

static int
sync_directory(const char *path, struct err *e)
{
	int fd = -1, rc;

	if (fs_open_dir(path, &fd, e) != 0) {
		if (e->sys != EACCES)
			return -1;
		err_clear(e);
		return 0;
	}
	rc = fs_sync(fd, path, e);
	fs_drop(&fd);
	return rc;
}

int
fs_sync_parents(const char *path, struct err *e)
{
	char *parent = mem_string(path);
	char *slash;
	int rc = 0;

	while (rc == 0 && (slash = strrchr(parent, '/')) != NULL) {
		*slash = '\0';
		rc = sync_directory(slash == parent ? "/" : parent, e);
	}
	free(parent);
	return rc;
}
