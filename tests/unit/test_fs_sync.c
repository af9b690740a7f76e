/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* How fs_sync_all waits for the disk, on file systems and machines of any kind. */
#include "config.h"
#include "sys/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <sys/vfs.h>
#endif

#include <cmocka.h>

#include "sysbox.h"

#ifdef __linux__
/* --- faults --- */

/* These stand before the C library's. An errno makes each call fail with it. */
static struct {
	int fsync, syncfs, pthread_sigmask;
	atomic_int fsyncs, syncfss; /* how often they were called */
	off_t fsync_size;    /* only the sync of a file of this size fails */
	const char *meminfo; /* what /proc/meminfo says; NULL: the truth */
	bool is_absent;	     /* there is no such file */
	long type;	     /* of every file system; 0: the truth */
} fault;

/* The threads of a sync come here too. */
int
fsync(int fd)
{
	struct stat st;

	fault.fsyncs++;
	errno = fault.fsync;
	if (errno && fault.fsync_size > 0 &&
	    (fstat(fd, &st) != 0 || st.st_size != fault.fsync_size))
		errno = 0;
	return errno ? -1 : (int)syscall(SYS_fsync, fd);
}

int
pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	if (fault.pthread_sigmask != 0)
		return fault.pthread_sigmask;
	return syscall(SYS_rt_sigprocmask, how, set, old, 8) == 0 ? 0 : errno;
}

FILE *
fopen(const char *path, const char *mode)
{
	static char text[1024];
	int fd;

	if (strcmp(path, "/proc/meminfo") == 0 && fault.is_absent)
		return NULL;
	if (strcmp(path, "/proc/meminfo") == 0 && fault.meminfo) {
		(void)snprintf(text, sizeof(text), "%s", fault.meminfo);
		return fmemopen(text, strlen(text), "r");
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? NULL : fdopen(fd, mode);
}

int
fstatfs(int fd, struct statfs *st)
{
	long rc = syscall(SYS_fstatfs, fd, st);

	if (rc == 0 && fault.type != 0)
		st->f_type = fault.type;
	return (int)rc;
}

int
syncfs(int fd)
{
	fault.syncfss++;
	errno = fault.syncfs;
	return errno ? -1 : (int)syscall(SYS_syncfs, fd);
}

static int here = -1; /* a descriptor of the place */
static struct err e;

static int
enter_place(void **state)
{
	(void)state;
	err_clear(&e);
	memset(&fault, 0, sizeof(fault));
	if (sysbox_enter() != 0)
		return -1;
	return fs_open_dir(".", &here, &e);
}

static int
leave_place(void **state)
{
	(void)state;
	fs_drop(&here);
	return sysbox_leave();
}

static void
assert_failed(int rc, enum err_kind kind, int sys, const char *named)
{
	sysbox_assert_failed(rc, &e, kind, sys, named);
}

/* --- many files --- */

enum { MANY = 40 };

static void
open_many(int fds[MANY])
{
	int i;

	for (i = 0; i < MANY; i++)
		assert_int_equal(fs_temp(".", "temp", &fds[i], &e), 0);
}

static void
drop_many(int fds[MANY])
{
	int i;

	for (i = 0; i < MANY; i++)
		fs_drop(&fds[i]);
}

static const long ext4_type = 0xef53, tmpfs_type = 0x01021994,
		  fuse_type = 0x65735546;
static const char little_waits[] =
	"MemTotal: 9999999 kB\nDirty:  30000 kB\n"
	"Writeback:  4000 kB\nWritebackTmp: 9999999 kB\n";
static const char much_waits[] = "Dirty:  30000 kB\nWriteback:  40000 kB\n";

/* Kernels before 5.8 have no syncfs that can be trusted. */
static bool
has_syncfs(void)
{
	int fds[MANY];

	fault.type = tmpfs_type;
	open_many(fds);
	assert_int_equal(fs_sync_all(here, fds, MANY, &e), 0);
	drop_many(fds);
	fault.type = 0;
	fault.fsyncs = 0;
	return atomic_exchange(&fault.syncfss, 0) > 0;
}

static void
assert_waits(int syncfss, int fsyncs)
{
	int fds[MANY];

	fault.syncfss = fault.fsyncs = 0;
	open_many(fds);
	assert_int_equal(fs_sync_all(here, fds, MANY, &e), 0);
	assert_int_equal(fault.syncfss, syncfss);
	if (syncfss > 0) /* one more before 5.17 */
		assert_true(fault.fsyncs == fsyncs ||
			    fault.fsyncs == fsyncs + 1);
	else
		assert_int_equal(fault.fsyncs, fsyncs);
	drop_many(fds);
}

static void
many_files_cost_one_wait_where_little_else_waits(void **state)
{
	(void)state;
	if (!has_syncfs())
		skip();
	fault.type = ext4_type;
	fault.meminfo = little_waits;
	assert_waits(1, 0);
}

static void
data_of_others_is_not_waited_for(void **state)
{
	(void)state;
	fault.type = ext4_type;
	fault.meminfo = much_waits;
	assert_waits(0, MANY + 1);
}

static void
a_system_that_does_not_tell_what_waits_is_taken_for_busy(void **state)
{
	(void)state;
	fault.type = ext4_type;
	fault.meminfo = "Dirty:  0 kB\n";
	assert_waits(0, MANY + 1);
	fault.is_absent = true;
	assert_waits(0, MANY + 1);
}

static void
what_waits_for_disks_does_not_matter_without_one(void **state)
{
	(void)state;
	if (!has_syncfs())
		skip();
	fault.type = tmpfs_type;
	fault.meminfo = much_waits;
	assert_waits(1, 0);
}

static void
a_file_system_that_is_not_known_has_each_file_synced(void **state)
{
	(void)state;
	fault.type = fuse_type;
	fault.meminfo = little_waits;
	assert_waits(0, MANY + 1);
}

static void
without_threads_each_file_is_synced_too(void **state)
{
	(void)state;
	fault.type = fuse_type;
	fault.pthread_sigmask = EINVAL;
	assert_waits(0, MANY + 1);
}

static int
count_threads(void)
{
	DIR *tasks = opendir("/proc/self/task");
	int n = 0;

	if (!tasks)
		return 0;
	while (readdir(tasks) != NULL)
		n++;
	(void)closedir(tasks);
	return n;
}

/* A thread that was joined may be seen for a moment. */
static void
no_thread_is_left_behind(void **state)
{
	int before = count_threads(), tries;

	(void)state;
	fault.type = fuse_type;
	assert_waits(0, MANY + 1);
	for (tries = 0; tries < 1000 && count_threads() != before; tries++)
		(void)sched_yield();
	assert_int_equal(count_threads(), before);
}

static void
one_file_of_many_that_cannot_be_synced_is_told(void **state)
{
	int fds[MANY], bad;

	(void)state;
	fault.type = fuse_type;
	for (bad = 0; bad < MANY; bad += 13) {
		open_many(fds);
		assert_int_equal(fs_write(fds[bad], "12345", 5, &e), 0);
		fault.fsync = ENOSPC;
		fault.fsync_size = 5;
		fault.fsyncs = 0;
		assert_failed(fs_sync_all(here, fds, MANY, &e), ERR_LOCAL,
			      ENOSPC, "sync");
		assert_true(fault.fsyncs >= 1 && fault.fsyncs <= MANY);
		fault.fsync = 0;
		drop_many(fds);
	}
}

static void
a_failed_sync_of_the_file_system_is_told(void **state)
{
	int fds[MANY];

	(void)state;
	if (!has_syncfs())
		skip();
	open_many(fds);
	fault.type = ext4_type;
	fault.meminfo = little_waits;
	fault.syncfs = EIO;
	assert_failed(fs_sync_all(here, fds, MANY, &e), ERR_LOCAL, EIO, "sync");
	assert_int_equal(fault.syncfss + fault.fsyncs, 1);
	drop_many(fds);
}

static void
without_syncfs_each_file_is_synced(void **state)
{
	static const int causes[] = { ENOSYS, EPERM };
	bool has = has_syncfs();
	int fds[MANY];

	(void)state;
	open_many(fds);
	fault.type = tmpfs_type;
	for (size_t i = 0; i < 2; i++) {
		fault.syncfs = causes[i];
		fault.syncfss = fault.fsyncs = 0;
		assert_int_equal(fs_sync_all(here, fds, MANY, &e), 0);
		assert_int_equal(fault.syncfss, has ? 1 : 0);
		assert_int_equal(fault.fsyncs, MANY + 1);
	}
	drop_many(fds);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_place, leave_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(many_files_cost_one_wait_where_little_else_waits),
		TEST(data_of_others_is_not_waited_for),
		TEST(a_system_that_does_not_tell_what_waits_is_taken_for_busy),
		TEST(what_waits_for_disks_does_not_matter_without_one),
		TEST(a_file_system_that_is_not_known_has_each_file_synced),
		TEST(without_threads_each_file_is_synced_too),
		TEST(no_thread_is_left_behind),
		TEST(one_file_of_many_that_cannot_be_synced_is_told),
		TEST(a_failed_sync_of_the_file_system_is_told),
		TEST(without_syncfs_each_file_is_synced),
	};

	return cmocka_run_group_tests_name("fs_sync", tests, NULL, NULL);
}
#else
int
main(void)
{
	return 77; /* nothing of this system to choose from */
}
#endif
