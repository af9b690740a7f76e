/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The file of an mbox: opened safely, locked, measured. */
#include "config.h"

#include "deliver/mbox/mbox_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "deliver/mbox/mbox_block.h"
#include "sys/fs.h"

enum { TOUCH_MS = 30 * 1000 };

/* It may be one above the directory, or the home directory, that is missing. */
static void
fail_missing(const char *directory, struct err *e)
{
	char *why = fs_obstacle(directory);

	if (why)
		err_set(e, ERR_CREATE,
			"cannot open directory '%s' of the mbox: %s; is its "
			"disk mounted?",
			directory, why);
	else
		err_set(e, ERR_CREATE,
			"directory '%s' of the mbox does not exist; is its "
			"disk mounted?",
			directory);
	e->sys = ENOENT;
	free(why);
}

int
mbox_file_open(struct mbox_file *f, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *directory;
	int rc;

	*f = (struct mbox_file){ .dir = -1, .fd = -1 };
	if (!slash || !slash[1])
		return err_set(e, ERR_CREATE, "'%s' is not the path of an mbox",
			       path);
	directory =
		mem_string_n(path, (size_t)(slash - path) + (slash == path));
	rc = fs_open_dir(directory, &f->dir, e);
	if (rc != 0 && e->sys == ENOENT)
		fail_missing(directory, e);
	free(directory);
	if (rc != 0)
		return -1;
	f->path = mem_string(path);
	f->name = f->path + (slash - path) + 1;
	return 0;
}

void
mbox_file_close(struct mbox_file *f)
{
	mbox_file_release(f);
	fs_drop(&f->dir);
	free(f->path);
	f->path = NULL;
}

/* --- opening --- */

static int
check_kind(const struct mbox_file *f, int fd, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_CREATE, "cannot inspect '%s'", f->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CREATE, "'%s' is not a regular file",
			       f->path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_CREATE, "'%s' belongs to another user",
			       f->path);
	if (st.st_nlink > 1)
		return err_set(e, ERR_CREATE,
			       "'%s' has more than one name "
			       "(hard links)",
			       f->path);
	return 0;
}

/* The new mbox is durable at once: if it were gone after a power cut, it would
 * look like an mbox on a disk that is not mounted. */
static int
make(const struct mbox_file *f, struct err *e)
{
	struct err ignored = ERR_INIT;
	int fd = -1, rc;
	bool made;

	rc = fs_create_at(f->dir, f->name, 0600, &fd, e);
	made = rc == 0;
	if (rc != 0 && e->sys == EEXIST) {
		/* perhaps made by a run that was killed before the sync */
		err_clear(e);
		rc = 0;
	}
	if (rc == 0)
		rc = fs_sync(f->dir, f->path, e);
	/* If it were left, the next run would take it for durable. */
	if (rc != 0 && made)
		(void)fs_remove_at(f->dir, f->name, &ignored);
	fs_drop(&fd);
	return rc;
}

static int
explain(const struct mbox_file *f, struct err *e)
{
	int error = e->sys;

	if (error == ELOOP)
		err_set(e, ERR_CREATE, "'%s' is a symbolic link", f->path);
	if (error == ENOENT)
		err_set(e, ERR_CREATE,
			"mbox '%s' does not exist; is its disk mounted?",
			f->path);
	e->sys = error;
	return -1;
}

static int
open_checked(const struct mbox_file *f, bool may_create, int *fd, struct err *e)
{
	int rc = fs_open_update_at(f->dir, f->name, fd, e);

	if (rc != 0 && e->sys == ENOENT && may_create) {
		if (make(f, e) != 0)
			return -1;
		err_clear(e);
		rc = fs_open_update_at(f->dir, f->name, fd, e);
	}
	if (rc != 0)
		return explain(f, e);
	if (check_kind(f, *fd, e) == 0)
		return 0;
	fs_drop(fd);
	return -1;
}

int
mbox_file_check(const struct mbox_file *f, bool may_create, struct err *e)
{
	int fd = -1, rc;

	rc = open_checked(f, may_create, &fd, e);
	fs_drop(&fd);
	return rc;
}

/* --- locking --- */

static int
look(struct mbox_file *f, struct err *e)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return err_sys(e, ERR_LOCAL, "cannot inspect '%s'", f->path);
	f->size = (uint64_t)st.st_size;
	f->atime = st.st_atim;
	f->touched = clock_ms();
	return 0;
}

/* Returns 1 when somebody has replaced the file meanwhile. */
static int
take_once(struct mbox_file *f, bool may_create, int64_t deadline, struct err *e)
{
	int replaced;

	if (open_checked(f, may_create, &f->fd, e) != 0)
		return -1;
	if (lock_mailbox_take(&f->lock, f->fd, f->path, deadline, e) != 0) {
		replaced = e->sys == ESTALE;
		fs_drop(&f->fd);
		return replaced ? 1 : -1;
	}
	/* Once more, under the lock, since the file may have changed. */
	if (check_kind(f, f->fd, e) == 0 && look(f, e) == 0)
		return 0;
	mbox_file_release(f);
	return -1;
}

int
mbox_file_take(struct mbox_file *f, bool may_create, int64_t wait_ms,
	       struct err *e)
{
	int64_t deadline = clock_deadline(wait_ms);
	int rc;

	do {
		rc = take_once(f, may_create, deadline, e);
	} while (rc > 0 && clock_ms() < deadline);
	if (rc == 0)
		err_clear(e);
	return rc == 0 ? 0 : -1;
}

void
mbox_file_touch(struct mbox_file *f)
{
	if (clock_ms() - f->touched < TOUCH_MS)
		return;
	lock_mailbox_touch(f->lock);
	f->touched = clock_ms();
}

void
mbox_file_release(struct mbox_file *f)
{
	lock_mailbox_release(&f->lock);
	fs_drop(&f->fd);
}

/* --- measuring and mending --- */

static int
read_exactly(const struct mbox_file *f, uint64_t at, void *out, size_t size,
	     struct err *e)
{
	size_t got = 0;

	if (fs_read_at(f->fd, out, size, (off_t)at, &got, e) != 0)
		return -1;
	if (got < size)
		return err_set(e, ERR_LOCAL,
			       "'%s' was truncated by another program",
			       f->path);
	return 0;
}

int
mbox_file_digest_before(const struct mbox_file *f, uint64_t at,
			uint8_t out[DIGEST_SIZE_MAX], struct err *e)
{
	uint8_t bytes[MBOX_BLOCK_BEFORE_MAX];
	size_t size = at < sizeof(bytes) ? (size_t)at : sizeof(bytes);

	if (read_exactly(f, at - size, bytes, size, e) != 0)
		return -1;
	digest_sha256(bytes, size, out);
	return 0;
}

int
mbox_file_newlines(const struct mbox_file *f, uint64_t *newlines, struct err *e)
{
	/* What is before the first byte of a file counts as line ends. */
	char last[2] = { '\n', '\n' };
	size_t size = f->size < 2 ? (size_t)f->size : 2;

	if (read_exactly(f, f->size - size, last + 2 - size, size, e) != 0)
		return -1;
	if (last[1] != '\n')
		*newlines = 2;
	else
		*newlines = last[0] != '\n';
	return 0;
}

int
mbox_file_cut(const struct mbox_file *f, uint64_t size, struct err *e)
{
	if (fs_truncate(f->fd, (off_t)size, e) != 0)
		return -1;
	return fs_sync(f->fd, f->path, e);
}

static bool
is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec ||
	       (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static void
set_atime(const struct mbox_file *f, struct timespec atime)
{
	const struct timespec times[2] = { atime, { .tv_nsec = UTIME_OMIT } };

	if (f->fd >= 0)
		(void)futimens(f->fd, times); /* no mail depends on it */
}

void
mbox_file_restore_atime(const struct mbox_file *f)
{
	set_atime(f, f->atime);
}

void
mbox_file_mark_new(const struct mbox_file *f)
{
	struct timespec atime = f->atime;
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return;
	if (!is_before(atime, st.st_mtim)) {
		atime = st.st_mtim;
		atime.tv_sec--;
	}
	set_atime(f, atime);
}
