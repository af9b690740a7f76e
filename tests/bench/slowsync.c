/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Counts the calls that wait for the disk and makes each longer, as a slower disk would:
 *
 *	LD_PRELOAD=slowsync.so SLOWSYNC_COUNT=FILE SLOWSYNC_USEC=5000 COMMAND
 *
 * FILE has 8 bytes, a number in the machine's own form that all processes add to.
 * A sync_file_range that only starts writing waits for nothing and does not count.
 * A program that syncs by raw system calls or io_uring is not seen.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t *syncs;
static long delay_usec;

__attribute__((constructor)) static void
begin(void)
{
	const char *file = getenv("SLOWSYNC_COUNT");
	const char *delay = getenv("SLOWSYNC_USEC");
	void *shared;
	int fd;

	delay_usec = delay != NULL ? atol(delay) : 0;
	if (file == NULL || (fd = open(file, O_RDWR | O_CLOEXEC)) == -1)
		return;
	shared = mmap(NULL, sizeof(*syncs), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared != MAP_FAILED)
		syncs = shared;
	close(fd);
}

static int
slower(int result)
{
	struct timespec rest = { delay_usec / 1000000, delay_usec % 1000000 * 1000 };
	int error = errno;

	if (syncs != NULL)
		atomic_fetch_add(syncs, 1);
	while (delay_usec > 0 && nanosleep(&rest, &rest) == -1 && errno == EINTR)
		;
	errno = error;
	return result;
}

/* The same function in the library behind this one. */
#define REAL(type, name) ((type)(uintptr_t)dlsym(RTLD_NEXT, name))

typedef int fd_call(int);

int
fsync(int fd)
{
	return slower(REAL(fd_call *, "fsync")(fd));
}

int
fdatasync(int fd)
{
	return slower(REAL(fd_call *, "fdatasync")(fd));
}

int
syncfs(int fd)
{
	return slower(REAL(fd_call *, "syncfs")(fd));
}

void
sync(void)
{
	REAL(void (*)(void), "sync")();
	(void)slower(0);
}

int
msync(void *address, size_t length, int flags)
{
	int result = REAL(int (*)(void *, size_t, int), "msync")(address, length, flags);

	return flags & MS_SYNC ? slower(result) : result;
}

int
sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags)
{
	int result = REAL(int (*)(int, off64_t, off64_t, unsigned), "sync_file_range")(
	    fd, offset, count, flags);

	return flags & (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER)
	    ? slower(result)
	    : result;
}
