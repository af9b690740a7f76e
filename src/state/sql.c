/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Statements, and what SQLite's errors mean to us. */
#include "config.h"

#include "state/sql.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/mem.h"
#include "state/place.h"

/* The numbers of a status are those of enum store_status: READY 1, DELIVERED 2,
 * SET_ASIDE 3; and SQL_STATUS_SKIPPED.  An intent remembers what its row was
 * before; prior_status 0 says that the row was made for the intent. */
static const char *const texts[SQL_COUNT] = {
	[SQL_ROWS] = "SELECT id, uid, size, length(digest), status, delivered,"
		     " gone_since, dele_sent, next_try, attempts, octets,"
		     " broke FROM message ORDER BY id",
	[SQL_DIGEST] = "SELECT digest FROM message WHERE id = ?1",
	[SQL_CONTENT] = "SELECT id FROM message"
			" WHERE uid = x'' AND digest = ?1 AND id > ?2"
			" AND (gone_since = 0 OR dele_sent = 0)"
			" ORDER BY id LIMIT 1",
	[SQL_ERROR] = "SELECT error FROM message WHERE id = ?1",
	[SQL_WAITING] = "SELECT count(*), coalesce(min(id), 0),"
			" coalesce(max(id = ?1), 0) FROM message"
			" WHERE status = 3 AND gone_since = 0",
	[SQL_INTENTS] = "SELECT message, evidence FROM intent ORDER BY id",
	[SQL_DESTINATION] = "SELECT 1 FROM destination WHERE name = ?1",
	[SQL_DESTINATIONS] = "SELECT name FROM destination ORDER BY name",
	[SQL_FACT] = "SELECT value FROM fact WHERE name = ?1",
	[SQL_USED] = "WITH is_set AS (SELECT name FROM fact WHERE value > 0)"
		     " SELECT CASE WHEN 'last_success' IN is_set"
		     " OR 'has_list' IN is_set THEN 2"
		     " WHEN 'catching_up' IN is_set"
		     " OR NOT EXISTS (SELECT 1 FROM message WHERE status <> 5)"
		     " THEN 0"
		     " WHEN 'last_failure' IN is_set THEN 1 ELSE 2 END",
	[SQL_ADD_MESSAGE] = "INSERT INTO message (uid, size, digest, status,"
			    " delivered, attempts, next_try, error, octets)"
			    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[SQL_ADD_INTENT] =
		"INSERT INTO intent"
		" (message, evidence, prior_status, prior_size, prior_digest,"
		" prior_octets)"
		" SELECT id, ?2, CASE WHEN ?3 OR status = 1 THEN 0"
		" ELSE status END, size, digest, octets FROM message"
		" WHERE id = ?1"
		" ON CONFLICT (message) DO UPDATE"
		" SET evidence = excluded.evidence",
	[SQL_READY] = "UPDATE message SET status = 1,"
		      " size = CASE WHEN ?2 < 0 THEN size ELSE ?2 END,"
		      " digest = ?3, octets = ?4 WHERE id = ?1",
	[SQL_DELIVERED] = "UPDATE message SET status = 2, delivered = ?2,"
			  " gone_since = 0,"
			  " attempts = 0, next_try = 0, broke = 0,"
			  " error = NULL"
			  " WHERE id = ?1",
	[SQL_ASIDE] = "UPDATE message SET status = 3, delivered = 0,"
		      " size = CASE WHEN ?2 < 0 THEN size ELSE ?2 END,"
		      " digest = coalesce(?3, digest),"
		      " octets = CASE WHEN ?6 <= 0 THEN octets ELSE ?6 END,"
		      " attempts = attempts + 1, next_try = ?4, error = ?5,"
		      " broke = 0"
		      " WHERE id = ?1",
	[SQL_SKIPPED] =
		"UPDATE message SET status = 5, delivered = ?4,"
		" size = CASE WHEN ?2 < 0 THEN size ELSE ?2 END,"
		" digest = coalesce(?3, digest), gone_since = 0,"
		" dele_sent = 0, attempts = 0, next_try = 0, broke = 0, error = NULL"
		" WHERE id = ?1",
	[SQL_FORGET_SKIP] = "UPDATE message SET status = 3, delivered = 0,"
			    " attempts = 0, next_try = 0, broke = 0"
			    " WHERE id = ?1 AND status = 5",
	[SQL_WAS_DELIVERED] = "SELECT status IN (2, 5) OR EXISTS (SELECT 1"
			      " FROM intent WHERE intent.message = message.id"
			      " AND prior_status IN (2, 5))"
			      " FROM message WHERE id = ?1",
	[SQL_RESTORE] = "UPDATE message SET status = prior_status,"
			" size = prior_size, digest = prior_digest,"
			" octets = prior_octets FROM intent"
			" WHERE intent.message = message.id"
			" AND message.id = ?1 AND prior_status <> 0",
	[SQL_REMOVE_MADE] = "DELETE FROM message WHERE id = ?1 AND EXISTS"
			    " (SELECT 1 FROM intent WHERE message = ?1"
			    " AND prior_status = 0)",
	[SQL_REMOVE_INTENT] = "DELETE FROM intent WHERE message = ?1",
	[SQL_SET_HEADER] = "UPDATE message SET digest = ?3,"
			   " size = CASE WHEN ?2 < 0 THEN size ELSE ?2 END"
			   " WHERE id = ?1",
	[SQL_SET_AGE] = "UPDATE message SET delivered = ?2 WHERE id = ?1",
	[SQL_SET_SIZE] =
		"UPDATE message SET size = ?2,"
		" octets = CASE WHEN ?3 THEN -abs(octets) ELSE abs(octets) END"
		" WHERE id = ?1",
	[SQL_SET_DELE_SENT] = "UPDATE message SET dele_sent = ?2 WHERE id = ?1",
	[SQL_SET_GONE] = "UPDATE message SET gone_since = ?2 WHERE id = ?1",
	[SQL_FORGET_FAILURES] = "UPDATE message SET attempts = 0, next_try = 0,"
				" broke = 0 WHERE id = ?1",
	[SQL_SET_FAILURES] = "UPDATE message SET attempts = ?2, next_try = ?3,"
			     " broke = ?4, error = ?5 WHERE id = ?1",
	[SQL_PURGE_GONE] = "DELETE FROM message WHERE gone_since > 0"
			   " AND gone_since < ?1 AND status <> 1",
	[SQL_ADD_DESTINATION] =
		"INSERT OR IGNORE INTO destination (name) VALUES (?1)",
	[SQL_SET_FACT] = "INSERT INTO fact (name, value) VALUES (?1, ?2)"
			 " ON CONFLICT (name) DO UPDATE"
			 " SET value = excluded.value",
	[SQL_REMOVE_FACT] = "DELETE FROM fact WHERE name = ?1",
};

/* --- errors --- */

int
sql_damaged(const struct store *s, const char *what, struct err *e)
{
	return place_damaged(s->path, what, e);
}

static int
last_errno(sqlite3 *db, int of)
{
	sqlite3_file *file = NULL;
	int last = 0;

	(void)sqlite3_file_control(db, "main", of, &file);
	if (file && file->pMethods)
		(void)file->pMethods->xFileControl(file,
						   SQLITE_FCNTL_LAST_ERRNO,
						   &last);
	return last;
}

/* After a failed COMMIT only the file still has the errno. */
static int
system_errno(sqlite3 *db)
{
	int code = sqlite3_system_errno(db);

	if (code == 0)
		code = last_errno(db, SQLITE_FCNTL_JOURNAL_POINTER);
	if (code == 0)
		code = last_errno(db, SQLITE_FCNTL_FILE_POINTER);
	return code;
}

/* SQLite takes a read that failed with one of these for damage
 * (SQLITE_IOERR_CORRUPTFS, which a statement turns into SQLITE_CORRUPT); the
 * file that was read remembers the errno.  0: none did. */
static int
failed_read(sqlite3 *db)
{
	static const int files[] = { SQLITE_FCNTL_JOURNAL_POINTER,
				     SQLITE_FCNTL_FILE_POINTER };
	int last;

	for (size_t i = 0; i < 2; i++) {
		last = last_errno(db, files[i]);
		if (last == EIO || last == ENXIO || last == ERANGE)
			return last;
	}
	return 0;
}

/* The errno tells more, where SQLite kept one. */
static int
fail_system(struct store *s, int code, const char *verb, struct err *e)
{
	errno = 0;
	if (code == SQLITE_FULL)
		errno = ENOSPC;
	else if (code == SQLITE_IOERR || code == SQLITE_CANTOPEN)
		errno = system_errno(s->db);
	else if (code == SQLITE_CORRUPT)
		errno = failed_read(s->db);
	if (errno != 0)
		return err_sys(e, ERR_LOCAL, "cannot %s '%s'", verb, s->path);
	return err_set(e, ERR_LOCAL, "cannot %s '%s': %s", verb, s->path,
		       sqlite3_errmsg(s->db));
}

int
sql_fail(struct store *s, const char *verb, struct err *e)
{
	int whole = sqlite3_extended_errcode(s->db), code = whole & 0xff;

	if (whole == SQLITE_IOERR_SHORT_READ)
		code = SQLITE_CORRUPT;
	s->spoiled = s->writing;
	switch (code) {
	case SQLITE_NOMEM:
		mem_exhausted();
	case SQLITE_CORRUPT:
		if (failed_read(s->db) != 0)
			return fail_system(s, code, "read", e);
		return sql_damaged(s, sqlite3_errmsg(s->db), e);
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
	case SQLITE_ERROR:
		/* The SQL is static, so what is wrong with it is the schema. */
		return sql_damaged(s, sqlite3_errmsg(s->db), e);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(
			e, ERR_LATER,
			"state database '%s' is in use by another program",
			s->path);
	default:
		return fail_system(s, code, verb, e);
	}
}

/* --- statements --- */

sqlite3_stmt *
sql_get(struct store *s, enum sql which, struct err *e)
{
	sqlite3_stmt **kept = &s->kept[which];

	if (!*kept && sqlite3_prepare_v3(s->db, texts[which], -1,
					 SQLITE_PREPARE_PERSISTENT, kept,
					 NULL) != SQLITE_OK) {
		(void)sql_fail(s, "read", e);
		return NULL;
	}
	return *kept;
}

static void
bound(int code)
{
	if (code == SQLITE_NOMEM)
		mem_exhausted();
	assert(code == SQLITE_OK);
}

void
sql_bind_bytes(sqlite3_stmt *st, int at, const void *bytes, size_t size)
{
	assert(size <= INT_MAX);
	/* No bytes are an empty blob, not NULL. */
	bound(sqlite3_bind_blob(st, at, size ? bytes : "", (int)size,
				SQLITE_STATIC));
}

void
sql_bind_text(sqlite3_stmt *st, int at, const char *text)
{
	bound(text ? sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC)
		   : sqlite3_bind_null(st, at));
}

void
sql_bind_number(sqlite3_stmt *st, int at, int64_t number)
{
	bound(sqlite3_bind_int64(st, at, number));
}

void
sql_end(sqlite3_stmt *st)
{
	if (!st)
		return;
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
}

int
sql_next(struct store *s, sqlite3_stmt *st, bool *row, struct err *e)
{
	int code = sqlite3_step(st), rc = 0;

	*row = code == SQLITE_ROW;
	if (*row)
		return 0;
	if (code != SQLITE_DONE)
		rc = sql_fail(s, "read", e);
	sql_end(st);
	return rc;
}

int
sql_write(struct store *s, sqlite3_stmt *st, int *changed, struct err *e)
{
	int rc = 0;

	assert(s->writing);
	/* A failed write may have ended the transaction; what follows would be
	 * committed on its own. */
	if (s->spoiled || sqlite3_get_autocommit(s->db))
		rc = err_set(e, ERR_LOCAL,
			     "cannot write '%s': an earlier write failed",
			     s->path);
	else if (sqlite3_step(st) != SQLITE_DONE)
		rc = sql_fail(s, "write", e);
	sql_end(st);
	if (changed)
		*changed = rc == 0 ? sqlite3_changes(s->db) : 0;
	return rc;
}

int
sql_run(struct store *s, const char *text, const char *verb, struct err *e)
{
	if (sqlite3_exec(s->db, text, NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail(s, verb, e);
	return 0;
}

int
sql_number(struct store *s, const char *text, int64_t *number, struct err *e)
{
	sqlite3_stmt *st = NULL;
	bool row = false;
	int rc;

	if (sqlite3_prepare_v2(s->db, text, -1, &st, NULL) != SQLITE_OK)
		return sql_fail(s, "read", e);
	rc = sql_next(s, st, &row, e);
	*number = row ? sqlite3_column_int64(st, 0) : 0;
	(void)sqlite3_finalize(st);
	return rc;
}

char *
sql_string(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);

	if (!text && sqlite3_column_type(st, column) != SQLITE_NULL)
		mem_exhausted();
	return mem_string((const char *)text);
}
