/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Where a state database lies, and what it is before SQLite opens it. */
#include "config.h"

#include "state/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "sys/fs.h"

/* SQLite refuses longer names; it appends "-journal" to them. */
enum { FILE_LENGTH_MAX = 500 };

/* Where the header has what: SQLite's file format, sections 1.3 and 1.6. */
enum {
	HEADER_SIZE = 108,
	HEADER_FORMATS = 18, /* two bytes; both are 2 if there is a log */
	HEADER_VERSION = 60,
	HEADER_APPLICATION = 68,
	HEADER_CELLS = 103 /* how much of the schema is on the first page */
};

/* --- finding --- */

/* SQLITE_OPEN_NOFOLLOW refuses symbolic links anywhere in a path, even where
 * they are usual (/home).  So those in the path of the directory are resolved
 * here. */
int
place_find(struct place *p, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash && slash > path ? (size_t)(slash - path) : 1;
	/* without '/' at its end, where realpath calls faccessat2(2), which a
	 * sandbox may not know */
	char *parent = mem_string_n(slash ? path : ".", size);

	p->path = path;
	p->name = slash ? slash + 1 : path;
	p->dir = realpath(parent, NULL);
	p->file = NULL;
	p->is_made = p->is_blank = false;
	free(parent);
	if (p->dir)
		p->file = mem_format("%s/%s", p->dir, p->name);
	else if (errno != ENOENT)
		return fs_fail_path(e, ERR_CREATE, "open", path);
	if (p->file && strlen(p->file) > FILE_LENGTH_MAX) {
		errno = ENAMETOOLONG;
		return err_sys(e, ERR_CREATE, "cannot open '%s'", path);
	}
	return 0;
}

void
place_end(struct place *p)
{
	free(p->dir);
	free(p->file);
	p->dir = p->file = NULL;
}

/* --- examining --- */

int
place_damaged(const char *path, const char *what, struct err *e)
{
	return err_set(e, ERR_DATABASE,
		       "state database '%s' is damaged: %s: put a copy back, or"
		       " move it and its '-wal' away, and all mail comes again",
		       path, what);
}

int
place_check_kind(const char *path, int64_t application, int64_t version,
		 struct err *e)
{
	if (application != PLACE_APPLICATION)
		return err_set(e, ERR_DATABASE,
			       "state database '%s' is another program's"
			       " database: give the option 'state' another"
			       " name",
			       path);
	if (version > PLACE_VERSION)
		return err_set(
			e, ERR_DATABASE,
			"state database '%s' was made by a newer popfetch:"
			" run that one",
			path);
	if (version < 1)
		return place_damaged(path, "it has no version", e);
	return 0;
}

static uint32_t
big_endian(const uint8_t *p, size_t size)
{
	uint32_t n = 0;

	while (size-- > 0)
		n = n << 8 | *p++;
	return n;
}

/* Is it an empty file, or a database with nothing in it? */
static bool
is_blank(const uint8_t h[HEADER_SIZE], size_t size)
{
	uint32_t formats = big_endian(h + HEADER_FORMATS, 2);

	return size == 0 || ((formats == 0x0101 || formats == 0x0202) &&
			     big_endian(h + HEADER_APPLICATION, 4) == 0 &&
			     big_endian(h + HEADER_CELLS, 2) == 0);
}

static int
check_header(struct place *p, const uint8_t h[HEADER_SIZE], struct err *e)
{
	uint32_t application = big_endian(h + HEADER_APPLICATION, 4);
	uint32_t version = big_endian(h + HEADER_VERSION, 4);

	if (memcmp(h, "SQLite format 3", 16) != 0)
		return place_damaged(p->path, "it is not a database", e);
	if (application == 0 && big_endian(h + HEADER_CELLS, 2) == 0)
		return 0;
	if (place_check_kind(p->path, application, version, e) != 0)
		return -1;
	/* A database of ours had its log before it had a schema.  SQLite would
	 * pass over what that log holds. */
	if (big_endian(h + HEADER_FORMATS, 2) != 0x0202)
		return place_damaged(p->path, "it keeps no '-wal' file", e);
	p->is_made = true;
	return 0;
}

static bool
log_holds_something(const struct place *p)
{
	char *log = mem_format("%s-wal", p->file);
	struct stat st;
	bool holds = stat(log, &st) == 0 && st.st_size > 0;

	free(log);
	return holds;
}

/* Before the database has its first page there is nothing that a log could
 * hold. */
static int
check_empty(const struct place *p, struct err *e)
{
	if (!log_holds_something(p))
		return 0;
	return place_damaged(p->path, "it is empty, but its '-wal' file is not",
			     e);
}

static int
examine_open(struct place *p, int fd, struct err *e)
{
	uint8_t header[HEADER_SIZE] = { 0 };
	char *journal;
	size_t got;
	bool has_journal;

	if (!fs_is_private(fd))
		return err_set(e, ERR_DATABASE,
			       "state database '%s' must belong to the user and"
			       " be closed to others (chmod 600)",
			       p->path);
	if (fs_read_at(fd, header, sizeof(header), 0, &got, e) != 0)
		return -1;
	/* The journal is what a power cut left while the database was made, and
	 * says that it was empty. */
	journal = mem_format("%s-journal", p->file);
	has_journal = fs_is_there(journal);
	free(journal);
	p->is_blank = is_blank(header, got) &&
		      (has_journal || !log_holds_something(p));
	if (has_journal)
		return 0;
	return got == 0 ? check_empty(p, e) : check_header(p, header, e);
}

/* SQLite would open what it may not write, and fail at the first lock. */
static int
open_file(const struct place *p, int dir, mode_t mode, int *fd, struct err *e)
{
	int again = -1, rc = fs_open_at(dir, p->name, fd, e);

	if (rc == 0 && fs_open_update_at(dir, p->name, &again, e) != 0 &&
	    e->sys == EACCES)
		rc = -1;
	fs_drop(&again);
	if (rc == 0)
		err_clear(e);
	else if (e->sys == EACCES)
		err_set(e, ERR_DATABASE,
			"state database '%s' has mode %04o or another owner: "
			"make it yours and chmod it to 600",
			p->path, (unsigned)(mode & 07777));
	else
		e->kind = e->sys == ELOOP ? ERR_DATABASE : ERR_LOCAL;
	return rc;
}

static int
open_to_read(const struct place *p, mode_t mode, int *fd, struct err *e)
{
	int dir = -1, rc = fs_open_dir(p->dir, &dir, e);

	if (rc != 0) /* it exists, but perhaps we may not open it */
		e->kind = e->sys == EACCES ? ERR_DATABASE : ERR_LOCAL;
	else
		rc = open_file(p, dir, mode, fd, e);
	fs_drop(&dir);
	return rc;
}

int
place_examine(struct place *p, bool *there, struct err *e)
{
	struct stat st;
	int fd = -1, rc;

	*there = p->file && lstat(p->file, &st) == 0;
	if (!*there && p->file && errno != ENOENT)
		return err_sys(e, ERR_LOCAL, "cannot open '%s'", p->path);
	if (!*there)
		return 0;
	/* This is asked before it is opened, since that would wait if it is a
	 * pipe. */
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_DATABASE,
			       "state database '%s' is not a regular file",
			       p->path);
	rc = open_to_read(p, st.st_mode, &fd, e);
	if (rc == 0)
		rc = examine_open(p, fd, e);
	fs_drop(&fd);
	return rc;
}

/* --- making --- */

int
place_make(const struct place *p, struct err *e)
{
	int dir = -1, fd = -1, rc;

	if (!p->dir) {
		errno = ENOENT;
		return err_sys(e, ERR_CREATE, "cannot create '%s'", p->path);
	}
	rc = fs_open_dir(p->dir, &dir, e);
	/* This is not left to SQLite, which would choose other permissions. */
	if (rc == 0)
		rc = fs_create_at(dir, p->name, 0600, &fd, e);
	fs_drop(&fd);
	fs_drop(&dir);
	return rc;
}

int
place_renew_log(const struct place *p, struct err *e)
{
	char *name = mem_format("%s-wal", p->name);
	char *file = mem_format("%s-wal", p->file);
	int dir = -1, fd = -1, rc = fs_open_dir(p->dir, &dir, e);

	if (rc == 0 && fs_open_update_at(dir, name, &fd, e) != 0)
		rc = e->sys == ENOENT ? 0 : -1;
	if (rc == 0 && fd >= 0)
		rc = fs_write_anew(fd, 0, UINT64_MAX, e);
	if (rc == 0 && fd >= 0)
		rc = fs_sync(fd, file, e);
	if (rc == 0)
		err_clear(e);
	else
		e->kind = ERR_LOCAL;
	fs_drop(&fd);
	fs_drop(&dir);
	free(file);
	free(name);
	return rc;
}
