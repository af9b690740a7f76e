/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Clock and system calls of the program, as the walk wants them: a library to be
 * preloaded (LD_PRELOAD).
 *
 *	WALK_CLOCK=SECONDS:NANOSECONDS	the time was SECONDS when the monotonic clock
 *					stood at NANOSECONDS
 *	WALK_FAULT=KINDS:NTH:HOW:ERRNO	what happens to the NTH call of these kinds
 *	WALK_FLUSH=NTH:FILE		before the NTH call of any kind FILE is written
 *					and synced, which makes a file system commit
 *	WALK_RENAME=ERRNO		renameat2 gives that, always
 *	WALK_SPEED=N			time-outs are over N times as soon: the monotonic
 *					clock runs so fast, and ppoll() waits so much less
 *	WALK_HIT=FILE			gets a line when something has happened
 *
 * Counted are calls that change files, in each process from its first flock() on: that is
 * the keeper, when it takes its account's lock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
	OPEN = 1,	/* for writing */
	WRITE = 2,
	SYNC = 4,
	RENAME = 8,
	UNLINK = 16,
	LINK = 32,
	CUT = 64,
	MAKE = 128	/* a directory */
};

enum how {
	ONCE,		/* the call is not made and fails */
	ON,		/* this one and all that follow */
	KILL,		/* the whole process group is killed before the call */
	KILL_BEHIND,	/* and behind it */
	LIE,		/* the call is made and fails */
	HALF,		/* half of what was to be written is */
	HALF_KILL	/* and there it is killed; other calls: KILL_BEHIND */
};

static struct { long kinds, nth, how, error; } fault;
static long long clock_start, clock_mono;
static long flush_nth, rename_error, speed = 1;
static char flush_file[4096];
static atomic_long counted, counted_all;
static atomic_int armed;

static void begin(void) __attribute__((constructor));

static void
begin(void)
{
	const char *s;

	if ((s = getenv("WALK_CLOCK")))
		(void)sscanf(s, "%lld:%lld", &clock_start, &clock_mono);
	if ((s = getenv("WALK_FAULT")))
		(void)sscanf(s, "%ld:%ld:%ld:%ld", &fault.kinds, &fault.nth,
			     &fault.how, &fault.error);
	if ((s = getenv("WALK_FLUSH")))
		(void)sscanf(s, "%ld:%4095s", &flush_nth, flush_file);
	if ((s = getenv("WALK_RENAME")))
		rename_error = atol(s);
	if ((s = getenv("WALK_SPEED")))
		speed = atol(s);
}

static void
say(const char *what, const char *call, const char *name)
{
	const char *file = getenv("WALK_HIT");
	char line[600];
	int n, fd = file ? (int)syscall(SYS_openat, AT_FDCWD, file,
					O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	n = snprintf(line, sizeof(line), "%s %s %s\n", what, call, name ? name : "-");
	if (n > (int)sizeof(line) - 1)
		n = (int)sizeof(line) - 1;
	(void)!syscall(SYS_write, fd, line, n);
	(void)syscall(SYS_close, fd);
}

static void
flush(void)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, flush_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	(void)!syscall(SYS_write, fd, "x", 1);
	(void)syscall(SYS_fsync, fd);
	(void)syscall(SYS_close, fd);
	say("flush", "-", NULL);
}

/* Whether this call fails, and whether before it or behind it. */
struct fate { int fails, behind, dies_behind, is_half; };

static struct fate
fate_of(enum kind kind, const char *call, const char *name)
{
	struct fate f = { 0, 0, 0, 0 };
	long n;

	if (!atomic_load(&armed))
		return f;
	if (flush_nth > 0 && atomic_fetch_add(&counted_all, 1) + 1 == flush_nth)
		flush();
	if (!(fault.kinds & kind))
		return f;
	n = atomic_fetch_add(&counted, 1) + 1;
	if (n < fault.nth || (n > fault.nth && fault.how != ON))
		return f;
	if (fault.how == KILL) {
		say("kill before", call, name);
		kill(0, SIGKILL);
	}
	f.dies_behind = fault.how == KILL_BEHIND || fault.how == HALF_KILL;
	f.is_half = fault.how == HALF || fault.how == HALF_KILL;
	f.fails = fault.how == ONCE || fault.how == ON || fault.how == LIE;
	f.behind = fault.how == LIE;
	if (n == fault.nth && f.fails)
		say(f.behind ? "done, but error" : "error", call, name);
	return f;
}

static long
settle(struct fate f, long result, const char *call, const char *name)
{
	if (f.dies_behind) {
		say("kill behind", call, name);
		kill(0, SIGKILL);
	}
	if (f.fails && f.behind && result >= 0) {
		errno = (int)fault.error;
		return -1;
	}
	return result;
}

#define WITH_FATE(kind, call, name, type, action) \
	struct fate f = fate_of(kind, call, name); \
	if (f.fails && !f.behind) { \
		errno = (int)fault.error; \
		return -1; \
	} \
	return (type)settle(f, (long)(action), call, name)

/* --- the clock --- */

static void
set_ns(struct timespec *t, long long ns)
{
	t->tv_sec = (time_t)(ns / 1000000000LL);
	t->tv_nsec = (long)(ns % 1000000000LL);
}

static int
other_clock(clockid_t id, struct timespec *t)
{
	int rc = (int)syscall(SYS_clock_gettime, id, t);

	if (rc == 0 && speed > 1 && id == CLOCK_MONOTONIC)
		set_ns(t, (t->tv_sec * 1000000000LL + t->tv_nsec) * speed);
	return rc;
}

/* The kernel writes what is left of the time, so it gets a copy. */
int
ppoll(struct pollfd *fds, nfds_t count, const struct timespec *wait,
      const sigset_t *mask)
{
	struct timespec t;

	if (wait)
		set_ns(&t, (wait->tv_sec * 1000000000LL + wait->tv_nsec) / speed);
	return (int)syscall(SYS_ppoll, fds, count, wait ? &t : NULL, mask,
			    mask ? _NSIG / 8 : 0);
}

int
__ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *wait,
	    const sigset_t *mask, size_t size)
{
	(void)size;
	return ppoll(fds, count, wait, mask);
}

int
clock_gettime(clockid_t id, struct timespec *t)
{
	struct timespec m;
	long long ns;

	if (clock_mono == 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
		return other_clock(id, t);
	(void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &m);
	ns = m.tv_sec * 1000000000LL + m.tv_nsec - clock_mono;
	set_ns(t, clock_start * 1000000000LL + ns);
	return 0;
}

time_t
time(time_t *p)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (p)
		*p = t.tv_sec;
	return t.tv_sec;
}

int
gettimeofday(struct timeval *restrict v, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	v->tv_sec = t.tv_sec;
	v->tv_usec = t.tv_nsec / 1000;
	return 0;
}

/* --- files --- */

int
flock(int fd, int operation)
{
	int rc = (int)syscall(SYS_flock, fd, operation);

	if (rc == 0)
		atomic_store(&armed, 1);
	return rc;
}

static int
open_with(int dir, const char *path, int flags, mode_t mode)
{
	if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_CREAT))
		return (int)syscall(SYS_openat, dir, path, flags, mode);
	WITH_FATE(OPEN, "open", path, int, syscall(SYS_openat, dir, path, flags, mode));
}

#define MODE_OF(flags) \
	mode_t mode = 0; \
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
		va_list ap; \
		va_start(ap, flags); \
		mode = (mode_t)va_arg(ap, int); \
		va_end(ap); \
	}

int open(const char *path, int flags, ...)
{ MODE_OF(flags) return open_with(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...)
{ MODE_OF(flags) return open_with(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...)
{ MODE_OF(flags) return open_with(dir, path, flags, mode); }
int openat64(int dir, const char *path, int flags, ...)
{ MODE_OF(flags) return open_with(dir, path, flags, mode); }
int __open_2(const char *path, int flags)
{ return open_with(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags)
{ return open_with(AT_FDCWD, path, flags, 0); }
int __openat_2(int dir, const char *path, int flags)
{ return open_with(dir, path, flags, 0); }
int __openat64_2(int dir, const char *path, int flags)
{ return open_with(dir, path, flags, 0); }

static int
is_file(int fd)
{
	struct stat st;

	return atomic_load(&armed) && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

#define HALF_OF(size) (f.is_half && (size) > 1 ? (size) / 2 : (size))

ssize_t
write(int fd, const void *bytes, size_t size)
{
	if (!is_file(fd))
		return syscall(SYS_write, fd, bytes, size);
	WITH_FATE(WRITE, "write", NULL, ssize_t, syscall(SYS_write, fd, bytes, HALF_OF(size)));
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	if (!is_file(fd))
		return syscall(SYS_writev, fd, v, n);
	WITH_FATE(WRITE, "writev", NULL, ssize_t,
		  f.is_half ? syscall(SYS_write, fd, v[0].iov_base, HALF_OF(v[0].iov_len))
			    : syscall(SYS_writev, fd, v, n));
}

ssize_t
pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	WITH_FATE(WRITE, "pwrite", NULL, ssize_t, syscall(SYS_pwrite64, fd, bytes, HALF_OF(size), at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{ return pwrite(fd, bytes, size, at); }

int fsync(int fd)
{ WITH_FATE(SYNC, "fsync", NULL, int, syscall(SYS_fsync, fd)); }
int fdatasync(int fd)
{ WITH_FATE(SYNC, "fdatasync", NULL, int, syscall(SYS_fdatasync, fd)); }
int syncfs(int fd)
{ WITH_FATE(SYNC, "syncfs", NULL, int, syscall(SYS_syncfs, fd)); }
int ftruncate(int fd, off_t size)
{ WITH_FATE(CUT, "ftruncate", NULL, int, syscall(SYS_ftruncate, fd, size)); }
int ftruncate64(int fd, off64_t size)
{ return ftruncate(fd, size); }

int
rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int
renameat(int d, const char *from, int e, const char *to)
{
	WITH_FATE(RENAME, "renameat", to, int, syscall(SYS_renameat2, d, from, e, to, 0));
}

int
renameat2(int d, const char *from, int e, const char *to, unsigned flags)
{
	if (rename_error) {
		errno = (int)rename_error;
		return -1;
	}
	WITH_FATE(RENAME, "renameat2", to, int, syscall(SYS_renameat2, d, from, e, to, flags));
}

int unlink(const char *path)
{ return unlinkat(AT_FDCWD, path, 0); }
int unlinkat(int d, const char *path, int flags)
{ WITH_FATE(UNLINK, "unlinkat", path, int, syscall(SYS_unlinkat, d, path, flags)); }
int link(const char *from, const char *to)
{ return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int d, const char *from, int e, const char *to, int flags)
{ WITH_FATE(LINK, "linkat", to, int, syscall(SYS_linkat, d, from, e, to, flags)); }
int mkdir(const char *path, mode_t mode)
{ return mkdirat(AT_FDCWD, path, mode); }
int mkdirat(int d, const char *path, mode_t mode)
{ WITH_FATE(MAKE, "mkdirat", path, int, syscall(SYS_mkdirat, d, path, mode)); }
