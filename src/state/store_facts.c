/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Destinations and facts: what a state knows beside its messages. */
#include "config.h"

#include "state/store.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "state/fact.h"
#include "state/place.h"
#include "state/sql.h"
#include "sys/fs.h"

bool
store_is_new(const struct store *s)
{
	return s->is_new;
}

const char *
store_id(const struct store *s)
{
	return s->id;
}

int
store_knows_destination(struct store *s, const char *name, bool *known,
			struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_DESTINATION, e);

	*known = false;
	if (!st)
		return -1;
	sql_bind_text(st, 1, name);
	if (sql_next(s, st, known, e) != 0)
		return -1;
	sql_end(st);
	return 0;
}

int
store_destinations(struct store *s,
		   int (*each)(void *arg, const char *name, struct err *e),
		   void *arg, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_DESTINATIONS, e);
	bool row = st;
	int rc = st ? 0 : -1;

	while (row && rc == 0) {
		char *name = NULL;

		rc = sql_next(s, st, &row, e);
		if (row)
			name = sql_string(st, 0);
		if (name)
			rc = each(arg, name, e);
		free(name);
	}
	sql_end(st);
	return rc;
}

/* The caller ends the statement, whether there is a row or not. */
static int
find_fact(struct store *s, const char *name, sqlite3_stmt **st, bool *row,
	  struct err *e)
{
	*st = sql_get(s, SQL_FACT, e);
	if (!*st)
		return -1;
	sql_bind_text(*st, 1, name);
	return sql_next(s, *st, row, e);
}

int
store_fact(struct store *s, const char *name, int64_t otherwise, int64_t *value,
	   struct err *e)
{
	sqlite3_stmt *st;
	bool row;

	*value = otherwise;
	if (find_fact(s, name, &st, &row, e) != 0)
		return -1;
	if (row)
		*value = sqlite3_column_int64(st, 0);
	sql_end(st);
	return 0;
}

int
store_fact_text(struct store *s, const char *name, char **value, struct err *e)
{
	sqlite3_stmt *st;
	bool row;

	*value = NULL;
	if (find_fact(s, name, &st, &row, e) != 0)
		return -1;
	if (row)
		*value = sql_string(st, 0);
	sql_end(st);
	return 0;
}

int
store_use(struct store *s, enum store_use *use, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_USED, e);
	bool row;

	*use = STORE_UNUSED;
	if (!st || sql_next(s, st, &row, e) != 0)
		return -1;
	if (row)
		*use = (enum store_use)sqlite3_column_int(st, 0);
	sql_end(st);
	return 0;
}

int
store_fact_is(struct store *s, const char *name, const char *value, bool *is,
	      struct err *e)
{
	char *known;

	*is = false;
	if (store_fact_text(s, name, &known, e) != 0)
		return -1;
	*is = known && strcmp(known, value) == 0;
	free(known);
	return 0;
}

int
store_add_destination(struct store *s, const char *name, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_ADD_DESTINATION, e);

	if (!st)
		return -1;
	sql_bind_text(st, 1, name);
	return sql_write(s, st, NULL, e);
}

int
store_set_fact(struct store *s, const char *name, int64_t value, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_SET_FACT, e);

	assert(strcmp(name, FACT_ID) != 0);
	if (!st)
		return -1;
	sql_bind_text(st, 1, name);
	sql_bind_number(st, 2, value);
	return sql_write(s, st, NULL, e);
}

int
store_change_fact(struct store *s, const char *name, int64_t otherwise,
		  int64_t value, struct err *e)
{
	int64_t before;

	if (store_fact(s, name, otherwise, &before, e) != 0)
		return -1;
	return before == value ? 0 : store_set_fact(s, name, value, e);
}

int
store_set_fact_text(struct store *s, const char *name, const char *value,
		    struct err *e)
{
	sqlite3_stmt *st =
		sql_get(s, value ? SQL_SET_FACT : SQL_REMOVE_FACT, e);

	assert(strcmp(name, FACT_ID) != 0);
	if (!st)
		return -1;
	sql_bind_text(st, 1, name);
	if (value)
		sql_bind_text(st, 2, value);
	return sql_write(s, st, NULL, e);
}

/* --- a look at a state that another process has locked --- */

/* SQLite takes '?', '#' and '%' in the name of a file for its own. */
static char *
uri_of(const char *file)
{
	struct buf out;
	char *uri;

	buf_init(&out, SIZE_MAX);
	(void)buf_format(&out, "file:");
	for (; *file; file++)
		(void)(*file == '?' || *file == '#' || *file == '%'
			       ? buf_format(&out, "%%%02X", (unsigned)*file)
			       : buf_byte(&out, (uint8_t)*file));
	(void)buf_format(&out, "?immutable=1");
	uri = mem_string(buf_text(&out));
	buf_free(&out);
	return uri;
}

static bool
read_number(sqlite3 *db, const char *name, int64_t *value)
{
	sqlite3_stmt *st = NULL;
	bool is_there = false;

	if (sqlite3_prepare_v2(db, "SELECT value FROM fact WHERE name = ?1", -1,
			       &st, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW) {
		is_there = sqlite3_column_type(st, 0) == SQLITE_INTEGER;
		*value = sqlite3_column_int64(st, 0);
	}
	(void)sqlite3_finalize(st);
	return is_there;
}

/* Has a process opened the database, as a run does? */
static bool
is_in_use(const char *file)
{
	struct flock ask = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool is_locked = fd >= 0 && fcntl(fd, F_GETLK, &ask) == 0 &&
			 ask.l_type != F_UNLCK;

	fs_drop(&fd);
	return is_locked;
}

static bool
look(const char *file, const char *name, int64_t *value, int64_t *when)
{
	const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI |
			  SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE |
			  SQLITE_OPEN_NOFOLLOW;
	char *uri = uri_of(file), *log = mem_format("%s-wal", file);
	sqlite3 *db = NULL;
	struct stat st;
	bool is_there;

	if (stat(log, &st) == 0 && st.st_size > 0)
		*when = (int64_t)st.st_mtime;
	is_there = sqlite3_open_v2(uri, &db, flags, NULL) == SQLITE_OK &&
		   read_number(db, name, value);
	(void)sqlite3_close(db);
	free(log);
	free(uri);
	return is_there;
}

bool
store_peek(const char *path, const char *name, int64_t *value, int64_t *when)
{
	struct err ignored = ERR_INIT;
	struct place p = { .path = NULL };
	bool found;

	*value = *when = 0;
	found = place_find(&p, path, &ignored) == 0 && p.file &&
		!is_in_use(p.file) && look(p.file, name, value, when);
	place_end(&p);
	return found;
}
