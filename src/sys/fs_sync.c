/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Syncing what has to survive a power cut. */
#include "config.h"

#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
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

/* Up to so many files it is good enough to wait for one after the other. */
enum { SYNC_ROW_MAX = 8 };

/* --- the whole file system --- */

/* What is_syncfs_good knows is true of Linux only. */
#if defined(__linux__) && defined(HAVE_SYNCFS)
/* A sync of the file system waits for the data of all programs.  As long as no
 * more than this waits to be written, it takes no longer than syncing the files
 * of a batch, many at a time. */
enum { SYNC_WAITING_MAX_KIB = 64 * 1024 };

/* Is little waiting to be written, by all programs and to all disks together?
 * A sync does not wait for what a program adds after this look. */
static bool
is_little_waiting(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	unsigned long kib, sum = 0;
	int found = 0;

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Dirty: %lu kB", &kib) == 1 ||
		    sscanf(line, "Writeback: %lu kB", &kib) == 1) {
			found++;
			sum += kib;
		}
	(void)fclose(f);
	return found == 2 && sum <= SYNC_WAITING_MAX_KIB;
}

/* Is syncfs known to flush the disk's cache on this file system and to report
 * failed writes (FUSE, for one, does not pass it on), and has it little to do
 * for other programs? */
static bool
is_syncfs_good(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st) != 0)
		return false;
	switch ((unsigned long)st.f_type & 0xffffffff) {
	case 0x01021994: /* tmpfs: has no disk */
		return true;
	case 0xef53:	 /* ext4, but also ext2, which is not for mail */
	case 0x58465342: /* xfs */
	case 0x9123683e: /* btrfs */
	case 0xf2f52010: /* f2fs */
		return is_little_waiting();
	default:
		return false;
	}
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

/* 1: done; 0: syncfs is of no use here; -1: failed, with errno. */
static int
sync_whole(int dir)
{
	if (!is_linux_since(5, 8) || !is_syncfs_good(dir))
		return 0;
	if (syncfs(dir) != 0) /* EPERM: a sandbox does not know it */
		return errno == ENOSYS || errno == EPERM ? 0 : -1;
	/* Before 5.17 syncfs reports failed writes of data, but not a failed
	 * commit of the metadata; fsync does. */
	return is_linux_since(5, 17) || sync_fd(dir) == 0 ? 1 : -1;
}

#else
static int
sync_whole(int dir)
{
	(void)dir;
	return 0;
}

#endif

/* --- each file --- */

/* Each fsync waits for a flush of the disk's cache, even where a journal's
 * commit has already made the file durable; but flushes that are asked for at
 * the same time become one.  So a crowd of this many threads at most asks for
 * them, for the length of one call. */
enum { CROWD_MAX = 32, CROWD_STACK_SIZE = 256 * 1024 };

struct crowd {
	const int *fds;
	size_t count;
	atomic_size_t next; /* the first file that nobody has taken */
	atomic_flag is_failed;
	int failed, error; /* of the first failure: descriptor and errno */
};

/* Syncs files until there are no more or one cannot be synced.  Every thread of
 * crowd_start runs this, and so does the caller; they share *arg, the files
 * stay open, and the threads have all signals blocked. */
static void *
crowd_work(void *arg)
{
	struct crowd *c = arg;
	size_t i;
	int error;

	while ((i = atomic_fetch_add(&c->next, 1)) < c->count) {
		if (sync_fd(c->fds[i]) == 0)
			continue;
		error = errno;
		atomic_store(&c->next, c->count);
		if (!atomic_flag_test_and_set(&c->is_failed)) {
			c->failed = c->fds[i];
			c->error = error;
		}
	}
	return NULL;
}

/* Starts up to `wanted` threads and returns how many it got: the caller works
 * too, so fewer will do.  No signal goes to the threads, so that handlers run
 * where they always do. */
static size_t
crowd_start(struct crowd *c, pthread_t threads[], size_t wanted)
{
	pthread_attr_t attr;
	sigset_t all, before;
	size_t n = 0;

	if (wanted == 0 || pthread_attr_init(&attr) != 0)
		return 0;
	(void)pthread_attr_setstacksize(&attr, CROWD_STACK_SIZE);
	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
		while (n < wanted &&
		       pthread_create(&threads[n], &attr, crowd_work, c) == 0)
			n++;
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	(void)pthread_attr_destroy(&attr);
	return n;
}

static size_t
crowd_size(size_t count)
{
	if (count <= SYNC_ROW_MAX)
		return 1;
	return count < CROWD_MAX ? count : CROWD_MAX;
}

static int
sync_files(const int fds[], size_t count, struct err *e)
{
	struct crowd c = { fds, count, 0, ATOMIC_FLAG_INIT, -1, 0 };
	pthread_t threads[CROWD_MAX];
	size_t n;

	/* start writing all of them now, so that the syncs do not wait for one
	 * file after the other */
	for (size_t i = 0; i < count && count > 1; i++)
		fs_start_writing(fds[i], 0, 0);
	n = crowd_start(&c, threads, crowd_size(count) - 1);
	(void)crowd_work(&c);
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	if (c.failed < 0)
		return 0;
	errno = c.error;
	return fs_fail(e, "sync", c.failed);
}

static int
sync_each(int dir, const int fds[], size_t count, struct err *e)
{
	if (sync_files(fds, count, e) != 0)
		return -1;
	return sync_fd(dir) == 0 ? 0 : fs_fail(e, "sync", dir);
}

int
fs_sync_all(int dir, const int fds[], size_t count, struct err *e)
{
	int n = 0;

	if (count > SYNC_ROW_MAX)
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
	    __builtin_mul_overflow((uint64_t)st.f_bavail, (uint64_t)st.f_frsize,
				   &bytes))
		return UINT64_MAX;
	return bytes;
}

int
fs_sync_dir(const char *path, struct err *e)
{
	int fd = -1, rc = fs_open_dir(path, &fd, e);

	if (rc == 0)
		rc = fs_sync(fd, path, e);
	fs_drop(&fd);
	return rc;
}

/* A sync never fails with EACCES, so that errno says that the directory could
 * not be opened. */
static int
sync_if_ours(const char *path, struct err *e)
{
	if (fs_sync_dir(path, e) == 0)
		return 0;
	if (e->sys != EACCES)
		return -1;
	err_clear(e);
	return 0;
}

int
fs_sync_parents(const char *path, struct err *e)
{
	char *parent = mem_string(path);
	char *slash;
	int rc = 0;

	while (rc == 0 && (slash = strrchr(parent, '/'))) {
		*slash = '\0';
		rc = sync_if_ours(slash == parent ? "/" : parent, e);
	}
	free(parent);
	return rc;
}
