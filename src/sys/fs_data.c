/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Reading and writing files. */
#include "config.h"

#include "sys/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/fs_error.h"

/* The most that one read(2) or write(2) is asked for: Linux moves no more than
 * 2 GiB a call anyway, and some systems refuse more than INT_MAX. */
enum { CHUNK_MAX = 1 << 30 };
enum { READ_STEP = 64 * 1024, ANEW_STEP = 256 * 1024 };

static ssize_t
read_once(int fd, void *out, size_t size, off_t at)
{
	ssize_t n;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	do {
		n = at < 0 ? read(fd, out, size) : pread(fd, out, size, at);
	} while (n < 0 && errno == EINTR);
	return n;
}

static ssize_t
write_once(int fd, const void *bytes, size_t size, off_t at)
{
	ssize_t n;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	do {
		n = at < 0 ? write(fd, bytes, size)
			   : pwrite(fd, bytes, size, at);
	} while (n < 0 && errno == EINTR);
	if (n == 0 && size > 0) {
		errno = ENOSPC;
		n = -1;
	}
	return n;
}

/* at < 0 stands for the descriptor's own position. */
static int
write_all(int fd, const uint8_t *p, size_t size, off_t at, struct err *e)
{
	ssize_t n;

	while (size > 0) {
		n = write_once(fd, p, size, at);
		if (n < 0)
			return fs_fail(e, "write", fd);
		p += n;
		size -= (size_t)n;
		at = at < 0 ? at : at + n;
	}
	return 0;
}

static int
read_all(int fd, uint8_t *p, size_t size, off_t at, size_t *got, struct err *e)
{
	ssize_t n;

	for (*got = 0; *got < size; *got += (size_t)n) {
		n = read_once(fd, p + *got, size - *got,
			      at < 0 ? at : at + (off_t)*got);
		if (n < 0)
			return fs_fail(e, "read", fd);
		if (n == 0)
			break;
	}
	return 0;
}

int
fs_write(int fd, const void *bytes, size_t size, struct err *e)
{
	return write_all(fd, bytes, size, -1, e);
}

int
fs_write_at(int fd, const void *bytes, size_t size, off_t at, struct err *e)
{
	if (at < 0) {
		errno = EINVAL;
		return fs_fail(e, "write", fd);
	}
	return write_all(fd, bytes, size, at, e);
}

void
fs_start_writing(int fd, off_t from, off_t size)
{
#ifdef HAVE_SYNC_FILE_RANGE
	(void)sync_file_range(fd, from, size, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd, (void)from, (void)size;
#endif
}

int
fs_read_at(int fd, void *out, size_t size, off_t at, size_t *got, struct err *e)
{
	*got = 0;
	if (at < 0) {
		errno = EINVAL;
		return fs_fail(e, "read", fd);
	}
	return read_all(fd, out, size, at, got, e);
}

/* Reads until end of file; *fits is false when there is more than limit. */
static int
read_to_end(int fd, const char *what, size_t limit, struct buf *out, bool *fits,
	    struct err *e)
{
	uint8_t probe, *room;
	size_t want;
	ssize_t n;

	do {
		want = limit < READ_STEP ? limit : READ_STEP;
		room = want ? buf_room(out, want) : &probe;
		n = read_once(fd, room, want ? want : 1, -1);
		if (n < 0)
			return err_sys(e, ERR_LOCAL, "cannot read '%s'", what);
		*fits = n == 0 || want > 0;
		if (want)
			buf_added(out, (size_t)n);
		limit -= want ? (size_t)n : 0;
	} while (n > 0 && want);
	return 0;
}

int
fs_read_fd(int fd, const char *what, size_t max, struct buf *out, struct err *e)
{
	size_t start = out->len, limit = out->max - start;
	struct stat st;
	bool fits = true;

	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_LOCAL, "cannot read '%s'", what);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_LOCAL, "'%s' is not a regular file",
			       what);
	limit = limit < max ? limit : max;
	if (read_to_end(fd, what, limit, out, &fits, e) != 0)
		return -1;
	if (!fits)
		return err_set(e, ERR_LOCAL, "'%s' is larger than %zu bytes",
			       what, limit);
	if (out->len > start && memchr(out->data + start, 0, out->len - start))
		return err_set(e, ERR_LOCAL, "'%s' has a NUL byte in it", what);
	return 0;
}

bool
fs_is_private(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_uid == geteuid() || st.st_uid == 0) &&
	       (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

int
fs_write_anew(int fd, off_t at, uint64_t size, struct err *e)
{
	uint8_t *piece = mem_alloc(ANEW_STEP);
	size_t got = 1;
	int rc = 0;

	for (; size > 0 && rc == 0 && got > 0; at += (off_t)got, size -= got) {
		got = size < ANEW_STEP ? (size_t)size : ANEW_STEP;
		rc = fs_read_at(fd, piece, got, at, &got, e);
		if (rc == 0 && got > 0)
			rc = fs_write_at(fd, piece, got, at, e);
	}
	free(piece);
	return rc;
}

int
fs_truncate(int fd, off_t size, struct err *e)
{
	int rc;

	do {
		rc = ftruncate(fd, size);
	} while (rc != 0 && errno == EINTR);
	return rc == 0 ? 0 : fs_fail(e, "truncate", fd);
}

int
fs_close(int *fd, struct err *e)
{
	int old = *fd;

	*fd = -1;
	/* After EINTR the descriptor is closed on Linux and in an unknown state
	 * elsewhere: a second close might hit somebody else's descriptor. */
	if (close(old) != 0 && errno != EINTR)
		return err_sys(e, ERR_LOCAL,
			       "cannot close a file after writing");
	return 0;
}

void
fs_drop(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}
