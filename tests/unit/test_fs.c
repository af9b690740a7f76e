/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller notices of sys/fs.h. Each test runs in a directory of its own. */
#include "config.h"
#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "sysbox.h"

/* --- faults --- */

/* These stand before the C library's. An errno makes each call fail with it. */
static struct {
	int fsync, renameat2, tmpfile;
	atomic_int fsyncs; /* how often it was called */
} fault;

int
fsync(int fd)
{
	fault.fsyncs++;
	errno = fault.fsync;
	return errno ? -1 : (int)syscall(SYS_fsync, fd);
}

#ifdef __linux__
int
openat(int dir, const char *path, int flags, ...)
{
	va_list args;
	unsigned mode;

	va_start(args, flags);
	mode = va_arg(args, unsigned);
	va_end(args);
	errno = (flags & O_TMPFILE) == O_TMPFILE ? fault.tmpfile : 0;
	return errno ? -1 : (int)syscall(SYS_openat, dir, path, flags, mode);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
	  unsigned flags)
{
	errno = fault.renameat2;
	return errno ? -1
		     : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to,
				    flags);
}
#endif

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
write_file(const char *name, const void *bytes, size_t size)
{
	int fd = -1;

	assert_int_equal(fs_create_at(here, name, 0600, &fd, &e), 0);
	assert_int_equal(fs_write(fd, bytes, size, &e), 0);
	assert_int_equal(fs_close(&fd, &e), 0);
	assert_int_equal(fd, -1);
}

/* A FIFO does not hang. */
static int
read_file(const char *name, size_t max, struct buf *out)
{
	int fd = openat(here, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC), rc;

	assert_true(fd >= 0);
	rc = fs_read_fd(fd, name, max, out, &e);
	fs_drop(&fd);
	return rc;
}

static bool
is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
assert_failed(int rc, enum err_kind kind, int sys, const char *named)
{
	sysbox_assert_failed(rc, &e, kind, sys, named);
}

/* --- directories --- */

static void
a_directory_is_made_once_and_then_found(void **state)
{
	bool made = false;
	struct stat st;

	(void)state;
	assert_int_equal(fs_make_dir("a", 0700, &made, &e), 0);
	assert_true(made);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(fs_make_dir("a//", 0700, &made, &e), 0);
	assert_false(made);
	assert_int_equal(fs_make_dir_at(here, "b", 0700, &made, &e), 0);
	assert_true(made);
	assert_int_equal(fs_make_dir_at(here, "b", 0700, &made, &e), 0);
	assert_false(made);
	assert_int_equal(fs_make_dir("a/c/", 0700, NULL, &e), 0);
	assert_true(is_dir("a/c"));
	assert_true(is_dir("b"));
}

static void
a_directory_is_not_made_where_something_else_is(void **state)
{
	(void)state;
	write_file("f", "", 0);
	assert_int_equal(symlink("a", "dangling"), 0);
	assert_int_equal(mkdir("a", 0700), 0);
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(symlink("nothing", "dead"), 0);
	assert_failed(fs_make_dir("f", 0700, NULL, &e), ERR_CREATE, ENOTDIR,
		      "'f'");
	assert_failed(fs_make_dir("f/g", 0700, NULL, &e), ERR_CREATE, ENOTDIR,
		      "'f/g'");
	assert_failed(fs_make_dir("x/y", 0700, NULL, &e), ERR_CREATE, ENOENT,
		      "'x/y'");
	assert_failed(fs_make_dir("dead", 0700, NULL, &e), ERR_CREATE, ENOENT,
		      "'dead'");
	assert_int_equal(fs_make_dir("link", 0700, NULL, &e), 0);
	assert_failed(fs_make_dir_at(here, "link", 0700, NULL, &e), ERR_CREATE,
		      ENOTDIR, "/link'");
	assert_failed(fs_make_dir_at(here, "../x", 0700, NULL, &e), ERR_CREATE,
		      EINVAL, "../x'");
}

static void
a_path_is_made_with_all_its_components(void **state)
{
	char here_path[512], *whole = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(fs_make_path("a/b//c/", 0700, &e), 0);
	assert_true(is_dir("a/b/c"));
	assert_int_equal(stat("a/b", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(fs_make_path("a/b/c", 0700, &e), 0);
	assert_non_null(getcwd(here_path, sizeof(here_path)));
	whole = fs_expand("d/e", here_path, &e);
	assert_int_equal(fs_make_path(whole, 0700, &e), 0);
	assert_true(is_dir("d/e"));
	free(whole);
	write_file("f", "", 0);
	assert_failed(fs_make_path("f/g/h", 0700, &e), ERR_CREATE, ENOTDIR,
		      "'f'");
}

static void
a_symbolic_link_in_a_directory_is_not_entered(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(mkdir("a", 0700), 0);
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(fs_open_dir_at(here, "a", &fd, &e), 0);
	fs_drop(&fd);
	assert_int_equal(fs_open_dir_at(here, "link", &fd, &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_int_equal(fd, -1);
	assert_int_equal(fs_open_dir("link", &fd, &e), 0);
	fs_drop(&fd);
	assert_failed(fs_open_dir("missing", &fd, &e), ERR_CREATE, ENOENT,
		      "'missing'");
	assert_failed(fs_open_dir_at(here, "..", &fd, &e), ERR_CREATE, EINVAL,
		      "..");
	assert_failed(fs_open_dir_at(here, "a/b", &fd, &e), ERR_CREATE, EINVAL,
		      "a/b");
	assert_failed(fs_open_dir_at(here, "", &fd, &e), ERR_CREATE, EINVAL,
		      "");
}

static void
presence_is_told(void **state)
{
	(void)state;
	write_file("f", "", 0);
	assert_int_equal(symlink("nothing", "dead"), 0);
	assert_true(fs_is_there("f"));
	assert_false(is_dir("f"));
	assert_false(fs_is_there("g"));
	assert_true(fs_is_there_at(here, "f"));
	assert_true(fs_is_there_at(here, "dead"));
	assert_false(fs_is_there_at(here, "g"));
	assert_false(fs_is_there_at(here, ".."));
}

static int
count_or_stop(void *arg, const char *name, struct err *why)
{
	int *count = arg;

	assert_string_not_equal(name, ".");
	assert_string_not_equal(name, "..");
	if (strcmp(name, "stop") == 0)
		return err_set(why, ERR_DATABASE, "told to stop");
	++*count;
	return 0;
}

static int
remove_listed(void *arg, const char *name, struct err *why)
{
	++*(int *)arg;
	return fs_remove_at(here, name, why);
}

static void
a_listing_has_every_entry_and_may_remove_them(void **state)
{
	char name[24];
	int i, count = 0;

	(void)state;
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		write_file(name, "", 0);
	}
	assert_int_equal(fs_list(here, count_or_stop, &count, &e), 0);
	assert_int_equal(count, 300);
	count = 0;
	assert_int_equal(fs_list(here, remove_listed, &count, &e), 0);
	assert_int_equal(count, 300);
	count = 0;
	assert_int_equal(fs_list(here, count_or_stop, &count, &e), 0);
	assert_int_equal(count, 0);
}

static void
a_listing_ends_with_the_error_of_its_callback(void **state)
{
	int count = 0, file = -1;

	(void)state;
	write_file("stop", "", 0);
	assert_failed(fs_list(here, count_or_stop, &count, &e), ERR_DATABASE, 0,
		      "told to stop");
	assert_int_equal(fs_open_at(here, "stop", &file, &e), 0);
	assert_failed(fs_list(file, count_or_stop, &count, &e), ERR_LOCAL,
		      ENOTDIR, "stop");
	fs_drop(&file);
}

/* --- files --- */

static void
creating_never_touches_what_is_there(void **state)
{
	int fd = 7;

	(void)state;
	write_file("f", "old", 3);
	assert_failed(fs_create_at(here, "f", 0600, &fd, &e), ERR_CREATE,
		      EEXIST, "/f'");
	assert_int_equal(fd, -1);
	assert_int_equal(symlink("elsewhere", "link"), 0);
	assert_failed(fs_create_at(here, "link", 0600, &fd, &e), ERR_CREATE,
		      EEXIST, "/link'");
	assert_false(fs_is_there("elsewhere"));
	assert_failed(fs_create_at(here, "a/b", 0600, &fd, &e), ERR_CREATE,
		      EINVAL, "a/b'");
}

static void
a_link_is_not_opened(void **state)
{
	int fd = -1;

	(void)state;
	write_file("f", "", 0);
	assert_int_equal(symlink("f", "link"), 0);
	assert_failed(fs_open_at(here, "link", &fd, &e), ERR_CREATE, ELOOP,
		      "/link'");
	assert_failed(fs_open_at(here, "g", &fd, &e), ERR_CREATE, ENOENT,
		      "/g'");
}

static void
a_file_is_opened_for_an_update_in_place(void **state)
{
	int fd = -1;
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	write_file("f", "abc", 3);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("f", "link"), 0);
	assert_int_equal(fs_open_update_at(here, "f", &fd, &e), 0);
	assert_int_equal(fs_write_at(fd, "X", 1, 1, &e), 0);
	assert_int_equal(fs_close(&fd, &e), 0);
	assert_int_equal(read_file("f", 10, &b), 0);
	assert_string_equal(buf_text(&b), "aXc");
	buf_free(&b);
	assert_failed(fs_open_update_at(here, "link", &fd, &e), ERR_CREATE,
		      ELOOP, "/link'");
	assert_failed(fs_open_update_at(here, "none", &fd, &e), ERR_CREATE,
		      ENOENT, "/none'");
	assert_int_equal(fs_open_update_at(here, "fifo", &fd, &e), 0);
	fs_drop(&fd);
}

static void
what_is_written_anew_stays_as_it_is(void **state)
{
	static const char text[] = "0123456789";
	int fd = -1;
	struct buf b;

	(void)state;
	buf_init(&b, 20);
	write_file("f", text, 10);
	assert_int_equal(fs_open_update_at(here, "f", &fd, &e), 0);
	assert_int_equal(fs_write_anew(fd, 2, 3, &e), 0);
	assert_int_equal(fs_write_anew(fd, 8, 100, &e), 0);
	assert_int_equal(fs_write_anew(fd, 0, UINT64_MAX, &e), 0);
	assert_int_equal(fs_write_anew(fd, 50, UINT64_MAX, &e), 0);
	assert_int_equal(fs_close(&fd, &e), 0);
	assert_int_equal(read_file("f", 20, &b), 0);
	assert_string_equal(buf_text(&b), text);
	buf_free(&b);
	assert_int_equal(fs_open_at(here, "f", &fd, &e), 0);
	assert_failed(fs_write_anew(fd, 0, 1, &e), ERR_LOCAL, EBADF, "f'");
	fs_drop(&fd);
}

static void
what_is_written_is_read_again(void **state)
{
	size_t size = 3 << 20, got = 0, i;
	char *out = malloc(size), *in = malloc(size + 10);
	int fd = -1;

	(void)state;
	for (i = 0; i < size; i++)
		out[i] = (char)(i * 13 >> 3);
	write_file("f", out, size);
	assert_int_equal(fs_open_at(here, "f", &fd, &e), 0);
	assert_int_equal(fs_read_at(fd, in, size + 10, 0, &got, &e), 0);
	assert_int_equal(got, size);
	assert_memory_equal(in, out, size);
	assert_int_equal(fs_read_at(fd, in, 10, (off_t)size, &got, &e), 0);
	assert_int_equal(got, 0);
	assert_int_equal(fs_read_at(fd, in, 10, 5, &got, &e), 0);
	assert_int_equal(got, 10);
	assert_memory_equal(in, out + 5, 10);
	assert_failed(fs_read_at(fd, in, 10, -1, &got, &e), ERR_LOCAL, EINVAL,
		      "/f'");
	fs_drop(&fd);
	free(out);
	free(in);
}

static void
a_temporary_file_has_no_name(void **state)
{
	int fd = -1, count = 0;
	char in[8];
	size_t got;

	(void)state;
	assert_int_equal(fs_temp(".", "temp", &fd, &e), 0);
	assert_int_equal(fs_list(here, count_or_stop, &count, &e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(fs_write(fd, "0123456789", 10, &e), 0);
	assert_int_equal(fs_write_at(fd, "ab", 2, 3, &e), 0);
	assert_int_equal(fs_truncate(fd, 6, &e), 0);
	assert_int_equal(fs_read_at(fd, in, sizeof(in), 0, &got, &e), 0);
	assert_int_equal(got, 6);
	assert_memory_equal(in, "012ab5", 6);
	assert_true(fs_is_private(fd));
	assert_failed(fs_write_at(fd, "x", 1, -1, &e), ERR_LOCAL, EINVAL, "");
	fs_drop(&fd);
	assert_failed(fs_temp("missing", "temp", &fd, &e), ERR_CREATE, ENOENT,
		      "'missing'");
	assert_int_equal(fd, -1);
}

static void
a_full_disk_is_told(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0)
		skip();
	assert_failed(fs_write(fd, "x", 1, &e), ERR_LOCAL, ENOSPC, "/dev/full");
	assert_int_equal(fs_write(fd, "", 0, &e), 0);
	fs_drop(&fd);
}

static void
bad_descriptors_are_told_and_dropped_quietly(void **state)
{
	int fd = -1, closed = dup(here);
	size_t got;
	char in[1];

	(void)state;
	(void)close(closed);
	assert_failed(fs_write(closed, "x", 1, &e), ERR_LOCAL, EBADF, "");
	assert_failed(fs_read_at(closed, in, 1, 0, &got, &e), ERR_LOCAL, EBADF,
		      "");
	assert_failed(fs_truncate(closed, 0, &e), ERR_LOCAL, EBADF, "");
	assert_failed(fs_sync(closed, "'x'", &e), ERR_LOCAL, EBADF, "'x'");
	assert_failed(fs_close(&closed, &e), ERR_LOCAL, EBADF, "");
	assert_int_equal(closed, -1);
	fs_drop(&fd);
	assert_int_equal(fd, -1);
}

static void
a_whole_file_is_read(void **state)
{
	struct buf b;
	char *big = malloc(200000);

	(void)state;
	memset(big, 'b', 200000);
	write_file("empty", "", 0);
	write_file("big", big, 200000);
	buf_init(&b, 300000);
	assert_int_equal(read_file("empty", 10, &b), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(read_file("big", 200000, &b), 0);
	assert_int_equal(b.len, 200000);
	assert_memory_equal(b.data, big, 200000);
	buf_free(&b);
	free(big);
}

static void
what_is_no_sane_text_file_is_refused(void **state)
{
	struct buf b, small;

	(void)state;
	buf_init(&b, 1000);
	buf_init(&small, 5);
	write_file("six", "123456", 6);
	write_file("nul", "a\0b", 3);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_failed(read_file("six", 5, &b), ERR_LOCAL, 0,
		      "'six' is larger than 5 bytes");
	assert_failed(read_file("six", 10, &small), ERR_LOCAL, 0,
		      "'six' is larger than 5 bytes");
	assert_failed(read_file("nul", 10, &b), ERR_LOCAL, 0,
		      "'nul' has a NUL byte in it");
	assert_failed(read_file("d", 10, &b), ERR_LOCAL, 0,
		      "'d' is not a regular file");
	assert_failed(read_file("fifo", 10, &b), ERR_LOCAL, 0,
		      "'fifo' is not a regular file");
	buf_free(&b);
	buf_free(&small);
}

static void
a_file_that_others_may_read_keeps_no_secret(void **state)
{
	static const mode_t modes[] = { 0600, 0400, 0640, 0604, 0610, 0602 };
	size_t i;
	int fd = -1;

	(void)state;
	write_file("f", "", 0);
	assert_int_equal(fs_open_at(here, "f", &fd, &e), 0);
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod("f", modes[i]), 0);
		assert_int_equal(fs_is_private(fd), i < 2);
	}
	fs_drop(&fd);
	assert_false(fs_is_private(here));
	if (geteuid() == 0) {
		assert_int_equal(chmod("f", 0600), 0);
		assert_int_equal(chown("f", 65534, 65534), 0);
		assert_int_equal(fs_open_at(here, "f", &fd, &e), 0);
		assert_false(fs_is_private(fd));
		fs_drop(&fd);
	}
}

/* --- names --- */

static void
a_rename_never_overwrites(void **state)
{
	int other = -1;
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(fs_open_dir("d", &other, &e), 0);
	write_file("a", "A", 1);
	write_file("b", "B", 1);
	assert_failed(fs_rename_at(here, "a", here, "b", &e), ERR_LOCAL, EEXIST,
		      "/b'");
	assert_true(fs_is_there("a"));
	assert_int_equal(fs_rename_at(here, "a", other, "b", &e), 0);
	assert_false(fs_is_there("a"));
	assert_int_equal(read_file("d/b", 10, &b), 0);
	assert_string_equal(buf_text(&b), "A");
	assert_failed(fs_rename_at(here, "a", other, "c", &e), ERR_LOCAL,
		      ENOENT, "'a'");
	assert_failed(fs_rename_at(here, "b", here, "d/c", &e), ERR_LOCAL,
		      EINVAL, "d/c'");
	assert_int_equal(symlink("nothing", "dead"), 0);
	assert_failed(fs_rename_at(here, "b", here, "dead", &e), ERR_LOCAL,
		      EEXIST, "/dead'");
	buf_free(&b);
	fs_drop(&other);
}

static void
removing_what_is_gone_is_fine(void **state)
{
	(void)state;
	write_file("f", "", 0);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(fs_remove_at(here, "f", &e), 0);
	assert_false(fs_is_there("f"));
	assert_int_equal(fs_remove_at(here, "f", &e), 0);
	assert_int_equal(fs_remove_at(here, "d", &e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
	assert_true(is_dir("d"));
	assert_failed(fs_remove_at(here, "../x", &e), ERR_LOCAL, EINVAL,
		      "../x'");
}

/* --- durability --- */

enum { MANY = 40 };

static void
few_and_many_files_are_synced_with_their_directory(void **state)
{
	char name[24];
	int fds[MANY], i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(fs_create_at(here, name, 0600, &fds[i], &e),
				 0);
		assert_int_equal(fs_write(fds[i], "x", 1, &e), 0);
	}
	assert_int_equal(fs_sync_all(here, NULL, 0, &e), 0);
	assert_int_equal(fs_sync_all(here, fds, 1, &e), 0);
	assert_int_equal(fs_sync_all(here, fds, 3, &e), 0);
	assert_int_equal(fs_sync_all(here, fds, MANY, &e), 0);
	assert_int_equal(fs_sync(here, ".", &e), 0);
	for (i = 0; i < MANY; i++)
		assert_int_equal(fs_close(&fds[i], &e), 0);
}

static void
a_sync_that_fails_is_told(void **state)
{
	int ends[2], fds[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fds[0] = here;
	fds[1] = ends[0];
	assert_failed(fs_sync(ends[0], "the pipe", &e), ERR_LOCAL, EINVAL,
		      "the pipe");
	assert_int_equal(fs_sync_all(here, fds, 2, &e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
a_failed_sync_is_not_tried_again(void **state)
{
	int fds[2] = { here, here };

	(void)state;
	fault.fsync = EIO;
	assert_failed(fs_sync(here, "x", &e), ERR_LOCAL, EIO, "'x'");
	assert_int_equal(fault.fsyncs, 1);
	assert_failed(fs_sync_all(here, fds, 2, &e), ERR_LOCAL, EIO, "sync");
	assert_int_equal(fault.fsyncs, 2);
}

static void
a_directory_that_is_not_durable_is_not_left(void **state)
{
	(void)state;
	fault.fsync = EIO;
	assert_failed(fs_make_dir("a", 0700, NULL, &e), ERR_LOCAL, EIO, "'.'");
	assert_failed(fs_make_dir_at(here, "b", 0700, NULL, &e), ERR_LOCAL, EIO,
		      "");
	assert_false(fs_is_there("a"));
	assert_false(fs_is_there("b"));
}

static void
a_file_system_that_cannot_sync_directories_is_lived_with(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(fs_temp(".", "temp", &fd, &e), 0);
	fault.fsync = EINVAL;
	assert_int_equal(fs_sync(here, ".", &e), 0);
	assert_failed(fs_sync(fd, "f", &e), ERR_LOCAL, EINVAL, "'f'");
	fs_drop(&fd);
}

#ifdef __linux__
static void
without_nameless_files_what_a_kill_left_is_replaced(void **state)
{
	int fd = -1;

	(void)state;
	fault.tmpfile = EOPNOTSUPP;
	write_file("temp", "left", 4);
	assert_int_equal(fs_temp(".", "temp", &fd, &e), 0);
	assert_false(fs_is_there("temp"));
	assert_int_equal(fs_write(fd, "new", 3, &e), 0);
	fs_drop(&fd);
}

static void
without_renameat2_nothing_is_overwritten_either(void **state)
{
	static const int causes[] = { ENOSYS, EINVAL, EPERM };
	size_t i;

	(void)state;
	write_file("b", "B", 1);
	assert_int_equal(symlink("nothing", "dead"), 0);
	for (i = 0; i < 3; i++) {
		fault.renameat2 = causes[i];
		write_file("a", "A", 1);
		assert_failed(fs_rename_at(here, "a", here, "b", &e), ERR_LOCAL,
			      EEXIST, "/b'");
		assert_failed(fs_rename_at(here, "a", here, "dead", &e),
			      ERR_LOCAL, EEXIST, "/dead'");
		assert_int_equal(fs_rename_at(here, "a", here, "c", &e), 0);
		assert_false(fs_is_there("a"));
		assert_int_equal(fs_remove_at(here, "c", &e), 0);
		assert_failed(fs_rename_at(here, "a", here, "c", &e), ERR_LOCAL,
			      ENOENT, "'a'");
	}
}
#endif

static void
free_space_is_known_or_unlimited(void **state)
{
	(void)state;
	assert_true(fs_free_bytes(here) > 0);
	assert_true(fs_free_bytes(-1) == UINT64_MAX);
}

/* --- paths --- */

static void
assert_expands(const char *path, const char *base, const char *expected)
{
	char *whole = fs_expand(path, base, &e);

	assert_non_null(whole);
	assert_string_equal(whole, expected);
	free(whole);
}

static void
paths_become_absolute(void **state)
{
	char here_path[512], expected[600];
	const struct passwd *root = getpwuid(0);

	(void)state;
	assert_int_equal(setenv("HOME", "/home/jane", 1), 0);
	assert_expands("~", NULL, "/home/jane");
	assert_expands("~/Mail", "/base", "/home/jane/Mail");
	assert_expands("/a/b", "/base", "/a/b");
	assert_expands("a/~b", "/base", "/base/a/~b");
	assert_non_null(getcwd(here_path, sizeof(here_path)));
	snprintf(expected, sizeof(expected), "%s/a", here_path);
	assert_expands("a", NULL, expected);
	snprintf(expected, sizeof(expected), "%s/rel/a", here_path);
	assert_expands("a", "rel", expected);
	if (root) {
		snprintf(here_path, sizeof(here_path), "~%s/x", root->pw_name);
		snprintf(expected, sizeof(expected), "%s/x", root->pw_dir);
		assert_expands(here_path, NULL, expected);
	}
}

static void
paths_that_lead_nowhere_are_a_matter_of_configuration(void **state)
{
	(void)state;
	assert_null(fs_expand("~no-such-user-here/x", NULL, &e));
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "no-such-user-here"));
	assert_null(fs_expand("", "/base", &e));
	assert_int_equal(e.kind, ERR_CONFIG);
}

static void
home_comes_from_the_environment_or_the_password_database(void **state)
{
	const struct passwd *us = getpwuid(getuid());

	(void)state;
	assert_int_equal(setenv("HOME", "/home/jane", 1), 0);
	assert_string_equal(fs_home(), "/home/jane");
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	if (us)
		assert_string_equal(fs_home(), us->pw_dir);
	assert_int_equal(unsetenv("HOME"), 0);
	if (us)
		assert_string_equal(fs_home(), us->pw_dir);
}

/* --- what keeps us from a path --- */

static void __attribute__((format(printf, 2, 3)))
assert_obstacle(const char *path, const char *format, ...)
{
	char expected[1024];
	char *why = fs_obstacle(path);
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	assert_non_null(why);
	assert_string_equal(why, expected);
	free(why);
}

static char *
in_place(const char *name)
{
	char *dir = getcwd(NULL, 0);
	char *path = mem_format("%s/%s", dir, name);

	free(dir);
	return path;
}

static void
the_first_directory_that_is_missing_is_named(void **state)
{
	char *path = in_place("a/b/c/d"), *missing = in_place("a/b");
	char *above = in_place("a");
	int fd = -1;

	(void)state;
	assert_int_equal(mkdir("a", 0700), 0);
	write_file("f", "", 0);
	assert_obstacle(path, "directory '%s' does not exist", missing);
	assert_obstacle("a/b//c/", "directory 'a/b' does not exist");
	assert_null(fs_obstacle(missing)); /* only itself is missing */
	assert_null(fs_obstacle(above));
	assert_null(fs_obstacle("/"));
	assert_obstacle("f/x/y", "'f' is not a directory");
	assert_int_equal(fs_open_dir(path, &fd, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(e.text, "/a/b/c/d': directory '"));
	assert_non_null(strstr(e.text, "/a/b' does not exist"));
	assert_int_equal(fs_make_dir(path, 0700, NULL, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(e.text, "/a/b' does not exist"));
	assert_int_equal(fs_open_dir(missing, &fd, &e), -1);
	assert_non_null(strstr(e.text, "/a/b': No such file"));
	free(path);
	free(missing);
	free(above);
}

static void
a_home_that_is_not_there_is_called_so(void **state)
{
	char *home = in_place("gone/jane"), *path = in_place("gone/jane/x");
	char *other = in_place("gone/janet");

	(void)state;
	assert_int_equal(setenv("HOME", home, 1), 0);
	assert_obstacle(path, "the home directory '%s' (HOME) does not exist",
			home);
	assert_obstacle(home, "the home directory '%s' (HOME) does not exist",
			home);
	*strrchr(path, '/') = '\0';
	*strrchr(path, '/') = '\0';
	assert_obstacle(other, "directory '%s' does not exist", path);
	assert_null(fs_home_obstacle(other));
	assert_int_equal(unsetenv("HOME"), 0);
	free(home);
	free(path);
	free(other);
}

static void
a_directory_that_may_not_be_entered_is_named(void **state)
{
	char *dir = in_place("closed"), *path = in_place("closed/a/b"), *why;
	bool is_root = geteuid() == 0;
	int fd = -1;

	(void)state;
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(mkdir("closed", 0), 0);
	if (is_root)
		assert_int_equal(seteuid(12345), 0);
	assert_obstacle(path,
			"directory '%s' cannot be entered: Permission denied",
			dir);
	assert_int_equal(setenv("HOME", dir, 1), 0);
	why = fs_home_obstacle(path);
	assert_int_equal(fs_open_dir(dir, &fd, &e), -1);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_non_null(why);
	assert_non_null(strstr(why, "(HOME) cannot be entered: Permission"));
	assert_non_null(strstr(e.text, "(HOME) cannot be entered: Permission"));
	assert_int_equal(e.sys, EACCES);
	assert_int_equal(unsetenv("HOME"), 0);
	free(why);
	free(dir);
	free(path);
}

static void
what_cannot_be_made_in_a_missing_home_is_said_of_the_home(void **state)
{
	char *home = in_place("gone/jane"), *path = in_place("gone/jane/.x/y");

	(void)state;
	write_file("gone", "", 0);
	assert_int_equal(setenv("HOME", home, 1), 0);
	assert_int_equal(fs_make_path(path, 0700, &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_non_null(strstr(e.text, "/gone/jane/.x/y': '"));
	assert_non_null(strstr(e.text, "/gone' is not a directory"));
	assert_int_equal(unsetenv("HOME"), 0);
	free(home);
	free(path);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_place, leave_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_directory_is_made_once_and_then_found),
		TEST(a_directory_is_not_made_where_something_else_is),
		TEST(a_path_is_made_with_all_its_components),
		TEST(a_symbolic_link_in_a_directory_is_not_entered),
		TEST(presence_is_told),
		TEST(a_listing_has_every_entry_and_may_remove_them),
		TEST(a_listing_ends_with_the_error_of_its_callback),
		TEST(creating_never_touches_what_is_there),
		TEST(a_link_is_not_opened),
		TEST(a_file_is_opened_for_an_update_in_place),
		TEST(what_is_written_anew_stays_as_it_is),
		TEST(what_is_written_is_read_again),
		TEST(a_temporary_file_has_no_name),
		TEST(a_full_disk_is_told),
		TEST(bad_descriptors_are_told_and_dropped_quietly),
		TEST(a_whole_file_is_read),
		TEST(what_is_no_sane_text_file_is_refused),
		TEST(a_file_that_others_may_read_keeps_no_secret),
		TEST(a_rename_never_overwrites),
		TEST(removing_what_is_gone_is_fine),
		TEST(few_and_many_files_are_synced_with_their_directory),
		TEST(a_sync_that_fails_is_told),
		TEST(a_failed_sync_is_not_tried_again),
		TEST(a_directory_that_is_not_durable_is_not_left),
		TEST(a_file_system_that_cannot_sync_directories_is_lived_with),
#ifdef __linux__
		TEST(without_nameless_files_what_a_kill_left_is_replaced),
		TEST(without_renameat2_nothing_is_overwritten_either),
#endif
		TEST(free_space_is_known_or_unlimited),
		TEST(paths_become_absolute),
		TEST(paths_that_lead_nowhere_are_a_matter_of_configuration),
		TEST(home_comes_from_the_environment_or_the_password_database),
		TEST(the_first_directory_that_is_missing_is_named),
		TEST(a_home_that_is_not_there_is_called_so),
		TEST(a_directory_that_may_not_be_entered_is_named),
		TEST(what_cannot_be_made_in_a_missing_home_is_said_of_the_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
