/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Makes system calls fail: a library to be preloaded (LD_PRELOAD) into the
 * program under test.
 *
 * Every call that changes files is numbered, over all processes of the program
 * (the programs that it runs are left alone: it gives them an environment of its
 * own).  The file that FAULTS names is shared memory: what shall fail, and how
 * many calls there were.  FAULTS_LOG names a file that gets one line a call.  Reads of
 * the state's files are counted by themselves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
	OPEN = 1,		/* for writing, or making a file */
	WRITE = 2,
	SYNC = 4,
	RENAME = 8,
	UNLINK = 16,
	TRUNCATE = 32,
	MKDIR = 64,
	LINK = 128,
	OTHER = 256
};

enum how {
	INSTEAD,		/* the call is not made */
	AFTERWARDS,		/* it is made, and an error is reported all the same */
	SHORT,			/* half of what was to be written is */
	SHORT_FIRST,		/* so the first time; then INSTEAD */
	KILL			/* the process dies before the call */
};

struct control {
	int32_t counter, hits;
	int32_t first, last, error, how, kinds;
	int32_t without_sync;	/* syncs that need not fail do nothing */
	int32_t reads, read_first, read_last, read_error;	/* of the state's files */
};

static struct control nothing, *control = &nothing;

static void begin(void) __attribute__((constructor));

static void
begin(void)
{
	const char *path = getenv("FAULTS");
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0) : -1;
	void *p;

	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		abort();
	control = p;
}

static void
note(const char *file, int number, const char *call, int dir, const char *name)
{
	const char *path = getenv(file);
	char link[64], place[4096] = "", line[8192];
	ssize_t n = 0;
	int fd, size;

	if (!path)
		return;
	if (dir != AT_FDCWD && !(name && name[0] == '/')) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		n = readlink(link, place, sizeof(place) - 1);
	}
	place[n > 0 ? n : 0] = '\0';
	size = snprintf(line, sizeof(line), "%d %s %s%s%s\n", number, call, place,
			name && n > 0 ? "/" : "", name ? name : "");
	fd = (int)syscall(SYS_openat, AT_FDCWD, path,
			  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)!syscall(SYS_write, fd, line, (size_t)size);
		close(fd);
	}
}

/* What is to happen to this call; -1: nothing. */
static int
fate(enum kind kind, const char *call, int dir, const char *name)
{
	int saved = errno, number, how;

	if (control == &nothing)
		return -1;
	number = __atomic_add_fetch(&control->counter, 1, __ATOMIC_SEQ_CST);
	note("FAULTS_LOG", number, call, dir, name);
	errno = saved;
	if (number < control->first || number > control->last || !(control->kinds & (int)kind))
		return -1;
	how = control->how;
	if ((how == SHORT || how == SHORT_FIRST) && kind != WRITE && number == control->first)
		return -1;
	__atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
	note("FAULTS_HITS", number, call, dir, name);
	if (how == SHORT_FIRST)
		how = number == control->first ? SHORT : INSTEAD;
	if (how == KILL) {
		syscall(SYS_kill, getpid(), 9);
		pause();
	}
	return how;
}

/* `made` is evaluated when the call is really made. */
#define FATEFUL(kind, dir, name, made)                               \
	do {                                                         \
		int how_ = fate(kind, __func__, dir, name);          \
		if (how_ == AFTERWARDS)                              \
			(void)!(made);                               \
		if (how_ != -1) {                                    \
			errno = control->error;                      \
			return -1;                                   \
		}                                                    \
		return made;                                         \
	} while (0)

static int
is_file(int fd)
{
	struct stat st;

	return syscall(SYS_fstat, fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

/* --- open --- */

static int
open_it(const char *call, int dir, const char *path, int flags, unsigned mode)
{
	int how = -1;

	if ((flags & (O_CREAT | O_ACCMODE)) != 0 && strncmp(path, "/dev/", 5) != 0)
		how = fate(OPEN, call, dir, path);
	if (how == AFTERWARDS) {
		int fd = (int)syscall(SYS_openat, dir, path, flags, mode);

		if (fd >= 0)
			close(fd);
	}
	if (how != -1) {
		errno = control->error;
		return -1;
	}
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define MODE(flags, mode)                                            \
	unsigned mode = 0;                                           \
	if ((flags) & (O_CREAT | O_TMPFILE)) {                       \
		va_list args;                                        \
		va_start(args, flags);                               \
		mode = va_arg(args, unsigned);                       \
		va_end(args);                                        \
	}

int open(const char *path, int flags, ...)
{ MODE(flags, mode) return open_it("open", AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...)
{ MODE(flags, mode) return open_it("open", AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...)
{ MODE(flags, mode) return open_it("openat", dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...)
{ MODE(flags, mode) return open_it("openat", dir, path, flags, mode); }

/* --- write --- */

static ssize_t
write_it(const char *call, int fd, const void *bytes, size_t size, off_t at)
{
	int how = is_file(fd) ? fate(WRITE, call, fd, NULL) : -1;

	if (how == SHORT && size > 1)
		size /= 2;
	else if (how == INSTEAD || how == SHORT) {
		errno = control->error;
		return -1;
	}
	ssize_t n = at < 0 ? syscall(SYS_write, fd, bytes, size)
			   : syscall(SYS_pwrite64, fd, bytes, size, at);
	if (how == AFTERWARDS) {
		errno = control->error;
		return -1;
	}
	return n;
}

ssize_t write(int fd, const void *bytes, size_t size)
{ return write_it("write", fd, bytes, size, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{ return write_it("pwrite", fd, bytes, size, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{ return write_it("pwrite", fd, bytes, size, at); }

ssize_t
writev(int fd, const struct iovec *v, int count)
{
	if (is_file(fd) && count > 0)	/* one piece: a short write, which is allowed */
		return write_it("writev", fd, v[0].iov_base, v[0].iov_len, -1);
	return syscall(SYS_writev, fd, v, count);
}

/* --- read --- */

static int
read_fails(int fd)
{
	char link[64], place[4096];
	int number, saved = errno;
	ssize_t n;

	if (control == &nothing)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, place, sizeof(place) - 1);
	errno = saved;
	if (n <= 0)
		return 0;
	place[n] = '\0';
	if (!strstr(place, ".db"))
		return 0;
	number = __atomic_add_fetch(&control->reads, 1, __ATOMIC_SEQ_CST);
	if (number < control->read_first || number > control->read_last)
		return 0;
	errno = control->read_error;
	return 1;
}

ssize_t pread(int fd, void *out, size_t size, off_t at)
{ return read_fails(fd) ? -1 : syscall(SYS_pread64, fd, out, size, at); }
ssize_t pread64(int fd, void *out, size_t size, off64_t at)
{ return read_fails(fd) ? -1 : syscall(SYS_pread64, fd, out, size, at); }

/* --- the rest --- */

int fsync(int fd)
{ FATEFUL(SYNC, fd, NULL, control->without_sync ? 0 : (int)syscall(SYS_fsync, fd)); }
int fdatasync(int fd)
{ FATEFUL(SYNC, fd, NULL, control->without_sync ? 0 : (int)syscall(SYS_fdatasync, fd)); }
int syncfs(int fd)
{ FATEFUL(SYNC, fd, NULL, control->without_sync ? 0 : (int)syscall(SYS_syncfs, fd)); }

int rename(const char *from, const char *to)
{ FATEFUL(RENAME, AT_FDCWD, from, (int)syscall(SYS_rename, from, to)); }
int renameat(int d, const char *from, int e, const char *to)
{ FATEFUL(RENAME, d, from, (int)syscall(SYS_renameat2, d, from, e, to, 0)); }
int renameat2(int d, const char *from, int e, const char *to, unsigned flags)
{ FATEFUL(RENAME, d, from, (int)syscall(SYS_renameat2, d, from, e, to, flags)); }

int unlink(const char *path)
{ FATEFUL(UNLINK, AT_FDCWD, path, (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0)); }
int unlinkat(int dir, const char *path, int flags)
{ FATEFUL(UNLINK, dir, path, (int)syscall(SYS_unlinkat, dir, path, flags)); }
int rmdir(const char *path)
{ FATEFUL(UNLINK, AT_FDCWD, path, (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR)); }

int ftruncate(int fd, off_t size)
{ FATEFUL(TRUNCATE, fd, NULL, (int)syscall(SYS_ftruncate, fd, size)); }
int ftruncate64(int fd, off64_t size)
{ return ftruncate(fd, size); }

int mkdir(const char *path, mode_t mode)
{ FATEFUL(MKDIR, AT_FDCWD, path, (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode)); }
int mkdirat(int dir, const char *path, mode_t mode)
{ FATEFUL(MKDIR, dir, path, (int)syscall(SYS_mkdirat, dir, path, mode)); }

int link(const char *from, const char *to)
{ FATEFUL(LINK, AT_FDCWD, to, (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0)); }
int linkat(int d, const char *from, int e, const char *to, int flags)
{ FATEFUL(LINK, e, to, (int)syscall(SYS_linkat, d, from, e, to, flags)); }

int fchown(int fd, uid_t owner, gid_t group)
{ FATEFUL(OTHER, fd, NULL, (int)syscall(SYS_fchown, fd, owner, group)); }
int fchmod(int fd, mode_t mode)
{ FATEFUL(OTHER, fd, NULL, (int)syscall(SYS_fchmod, fd, mode)); }
int futimens(int fd, const struct timespec times[2])
{ FATEFUL(OTHER, fd, NULL, (int)syscall(SYS_utimensat, fd, NULL, times, 0)); }
