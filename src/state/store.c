/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The state of one mailbox: opening, making, transactions. */
#include "config.h"

#include "state/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "state/fact.h"
#include "state/place.h"
#include "state/schema.h"
#include "state/sql.h"
#include "sys/fs.h"
#include "sys/lock.h"

/* After this many pages of 4 KiB the log is copied into the database: that
 * costs syncs, but each run reads the whole log. */
enum { WAL_MAX = 256 };

/* --- the connection --- */

static int
connect_to(struct store *s, const char *file, struct err *e)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
			  SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW;
	int code = sqlite3_open_v2(file, &s->db, flags, NULL);

	if (!s->db)
		mem_exhausted();
	(void)sqlite3_extended_result_codes(s->db, 1);
	return code == SQLITE_OK ? 0 : sql_fail(s, "open", e);
}

/* SQLite calls it after each commit to the log; no transaction is open then. */
static int
note_wal(void *arg, sqlite3 *db, const char *schema_name, int pages)
{
	struct store *s = arg;

	(void)db;
	(void)schema_name;
	s->wal_pages = pages;
	return SQLITE_OK;
}

static int
set_up(struct store *s, struct err *e)
{
	static const struct {
		int what, on;
	} settings[] = {
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (sqlite3_db_config(s->db, settings[i].what, settings[i].on,
				      NULL) != SQLITE_OK)
			return err_set(e, ERR_INTERNAL,
				       "SQLite %s lacks setting %d",
				       sqlite3_libversion(), settings[i].what);
	/* This takes the place of automatic checkpoints. */
	(void)sqlite3_wal_hook(s->db, note_wal, s);
	return sql_run(s,
		       "PRAGMA locking_mode = EXCLUSIVE;"
		       "PRAGMA temp_store = MEMORY;"
		       "PRAGMA mmap_size = 0;"
		       "PRAGMA cell_size_check = ON;"
		       "PRAGMA journal_size_limit = 1048576;"
		       "PRAGMA synchronous = FULL",
		       "open", e);
}

/* Asks SQLite, since what it reads may be in the log alone. */
static int
identify(struct store *s, bool *blank, struct err *e)
{
	int64_t application, version, things;

	if (sql_number(s, "PRAGMA application_id", &application, e) != 0 ||
	    sql_number(s, "PRAGMA user_version", &version, e) != 0 ||
	    sql_number(s, "SELECT count(*) FROM sqlite_schema", &things, e))
		return -1;
	*blank = application == 0 && things == 0;
	if (*blank)
		return 0;
	s->version = version;
	return place_check_kind(s->path, application, version, e);
}

static int
use_wal(struct store *s, struct err *e)
{
	sqlite3_stmt *st = NULL;
	const unsigned char *mode = NULL;
	bool row = false;
	int rc;

	if (sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = WAL", -1, &st,
			       NULL) != SQLITE_OK)
		return sql_fail(s, "open", e);
	rc = sql_next(s, st, &row, e);
	if (row)
		mode = sqlite3_column_text(st, 0);
	if (rc == 0 && (!mode || strcmp((const char *)mode, "wal") != 0))
		rc = err_set(e, ERR_LOCAL, "cannot keep a log for '%s'",
			     s->path);
	/* SQLite commits the header only after it has answered. */
	if (sqlite3_finalize(st) != SQLITE_OK && rc == 0)
		rc = sql_fail(s, "open", e);
	return rc;
}

static int
load_id(struct store *s, struct err *e)
{
	uint8_t bytes[STORE_ID_SIZE / 2];
	char *id;

	if (store_fact_text(s, FACT_ID, &id, e) != 0)
		return -1;
	/* The id becomes part of file names. */
	if (!id || strlen(id) != STORE_ID_SIZE ||
	    !text_unhex(id, bytes, sizeof(bytes))) {
		free(id);
		return sql_damaged(s, "its id makes no sense", e);
	}
	text_hex(s->id, bytes, sizeof(bytes));
	free(id);
	return 0;
}

/* --- the mark of those who write --- */

/* The mark is set before the first write, and not when a commit has failed: a
 * run that is killed right after its failed sync could not set it any more. */
static int
mark(struct store *s, struct err *e)
{
	if (s->lock < 0 || s->marked)
		return 0;
	if (lock_mark(s->lock, s->path, e) != 0)
		return -1;
	s->marked = true;
	return 0;
}

/* The mark says that an earlier run did not end well, perhaps because a sync
 * failed.  Then the log may be in the system's memory alone, and no later sync
 * would change that. */
static int
renew_log(const struct store *s, const struct place *p, struct err *e)
{
	if (!s->is_suspect || place_renew_log(p, e) == 0)
		return 0;
	return err_context(e, "log of an earlier run that failed");
}

/* --- making, and bringing up to date --- */

static int
begin(struct store *s, enum store_durability d, struct err *e)
{
	const bool lazy = d == STORE_LAZY;

	if (s->lazy != lazy && sql_run(s,
				       lazy ? "PRAGMA synchronous = NORMAL"
					    : "PRAGMA synchronous = FULL",
				       "write", e) != 0)
		return -1;
	s->lazy = lazy;
	if (sql_run(s, "BEGIN IMMEDIATE", "write", e) != 0)
		return -1;
	s->writing = true;
	s->spoiled = false;
	return 0;
}

/* Makes what a new state has in an empty database, which may be in memory. */
static int
fill(struct store *s, struct err *e)
{
	s->is_new = true;
	if (store_begin(s, STORE_DURABLE, e) != 0)
		return -1;
	if (schema_make(s, e) != 0) {
		store_rollback(s);
		return -1;
	}
	return store_commit(s, e);
}

/* The step is durable, since what is written from now on is for the new
 * version. */
static int
advance(struct store *s, struct err *e)
{
	if (s->version == 0 || s->version == PLACE_VERSION)
		return 0;
	if (mark(s, e) != 0 || begin(s, STORE_DURABLE, e) != 0)
		return -1;
	if (schema_advance(s, e) != 0) {
		store_rollback(s);
		s->broken = true;
		return -1;
	}
	return store_commit(s, e);
}

/* Those who only read find today's schema all the same: the steps are made in a
 * transaction that is never committed and stays in memory as a whole. */
static int
pretend(struct store *s, struct err *e)
{
	if (s->version == PLACE_VERSION)
		return 0;
	s->pretends = true;
	return sql_run(s, "PRAGMA cache_spill = OFF; BEGIN", "read", e) != 0
		       ? -1
		       : schema_advance(s, e);
}

static int
stop_pretending(struct store *s, struct err *e)
{
	if (!s->pretends)
		return 0;
	s->pretends = false;
	return sql_run(s, "ROLLBACK; PRAGMA cache_spill = ON", "write", e) != 0
		       ? -1
		       : sql_number(s, "PRAGMA user_version", &s->version, e);
}

/* Makes the log durable, copies it into the database, and makes that
 * durable. */
static int
copy_log(struct store *s)
{
	int code = sqlite3_wal_checkpoint_v2(s->db, NULL,
					     SQLITE_CHECKPOINT_PASSIVE, NULL,
					     NULL);

	s->in_log = s->in_log && code != SQLITE_OK;
	return code;
}

/* The directory first: after the copy the file itself says whose it is, and
 * counts as made. */
static int
finish_making(struct store *s, const struct place *p, struct err *e)
{
	if (fs_sync_dir(p->dir, e) == 0) {
		if (copy_log(s) == SQLITE_OK)
			return 0;
		(void)sql_fail(s, "write", e);
	}
	s->broken = true;
	return -1;
}

static int
make(struct store *s, const struct place *p, struct err *e)
{
	s->is_suspect = false; /* nothing there is believed */
	if (mark(s, e) == 0 && use_wal(s, e) == 0 && fill(s, e) == 0 &&
	    finish_making(s, p, e) == 0)
		return 0;
	s->broken = true;
	if (e->kind == ERR_LOCAL)
		e->kind = ERR_CREATE;
	return -1;
}

/* --- opening --- */

static struct store *
new_store(const char *path)
{
	struct store *s = mem_alloc(sizeof(*s));

	s->path = mem_string(path);
	s->lock = -1;
	return s;
}

static int
open_memory(struct store *s, struct err *e)
{
	s->lock = -1;
	s->is_suspect = false;
	return connect_to(s, ":memory:", e) != 0 || set_up(s, e) != 0
		       ? -1
		       : fill(s, e);
}

/* The log is durable by now, but the run that made the database may have died
 * before anything else was: a power cut would then take all that is built on
 * the id in the log. */
static int
finish_others_work(struct store *s, const struct place *p, struct err *e)
{
	if (p->is_made && !s->is_suspect)
		return 0;
	if (mark(s, e) != 0 || finish_making(s, p, e) != 0)
		return -1;
	s->is_suspect = false;
	return 0;
}

/* *blank tells that there is nothing in it, and that nothing was to be put
 * there. */
static int
open_file(struct store *s, const struct place *p, bool create, bool *blank,
	  struct err *e)
{
	if (connect_to(s, p->file, e) != 0 || set_up(s, e) != 0 ||
	    identify(s, blank, e) != 0)
		return -1;
	if (*blank)
		return create ? make(s, p, e) : 0;
	if (use_wal(s, e) != 0)
		return -1;
	if (create && finish_others_work(s, p, e) != 0)
		return -1;
	if ((create ? advance : pretend)(s, e) != 0)
		return -1;
	return load_id(s, e);
}

static int
open_place(struct store **s, struct place *p, bool create, struct err *e)
{
	bool there, blank = false;

	if (place_examine(p, &there, e) != 0)
		return -1;
	/* one that a kill left half made is not finished by those who only
	 * look */
	if (!create && (!there || p->is_blank))
		return open_memory(*s, e);
	if (!there && place_make(p, e) != 0)
		return -1;
	if (there && create && renew_log(*s, p, e) != 0)
		return -1;
	if (open_file(*s, p, create, &blank, e) != 0)
		return -1;
	if (!blank || create)
		return 0;
	store_close(s);
	*s = new_store(p->path);
	return open_memory(*s, e);
}

int
store_open(struct store **s, const char *path, int lock, bool create,
	   struct err *e)
{
	struct place p = { .path = NULL };
	int rc;

	*s = new_store(path);
	(*s)->lock = lock;
	(*s)->is_suspect = lock >= 0 && lock_is_marked(lock);
	rc = place_find(&p, path, e);
	if (rc == 0)
		rc = open_place(s, &p, create, e);
	place_end(&p);
	if (rc != 0)
		store_close(s);
	return rc;
}

void
store_close(struct store **s)
{
	struct store *old = *s;

	if (!old)
		return;
	store_rollback(old);
	for (size_t i = 0; i < SQL_COUNT; i++)
		(void)sqlite3_finalize(old->kept[i]);
	(void)sqlite3_close(old->db);
	if (old->marked && !old->broken && !old->leaves_mark)
		lock_unmark(old->lock);
	free(old->path);
	free(old);
	*s = NULL;
}

void
store_doubt(struct store *s)
{
	s->broken = true;
}

/* --- transactions --- */

/* A state that was opened only to be read is to be written after all. */
static int
renew(struct store *s, struct err *e)
{
	struct place p = { .path = NULL };
	int rc;

	if (!s->is_suspect)
		return 0;
	s->leaves_mark = true;
	rc = place_find(&p, s->path, e);
	if (rc == 0)
		rc = renew_log(s, &p, e);
	if (rc == 0)
		rc = finish_others_work(s, &p, e);
	place_end(&p);
	if (rc != 0)
		s->broken = true;
	return rc;
}

int
store_begin(struct store *s, enum store_durability d, struct err *e)
{
	assert(!s->writing);
	if (s->broken)
		return err_set(e, ERR_LOCAL,
			       "cannot write '%s': an earlier commit failed",
			       s->path);
	if (stop_pretending(s, e) != 0 || mark(s, e) != 0 || renew(s, e) != 0 ||
	    advance(s, e) != 0)
		return -1;
	return begin(s, d, e);
}

/* The sync at the beginning of the copy covers what lazy commits left.  If that
 * is lost, later commits would stand behind a hole, so a failure ends all
 * writing. */
static int
copy_whole_log(struct store *s, struct err *e)
{
	if (copy_log(s) == SQLITE_OK)
		return 0;
	s->broken = true;
	return sql_fail(s, "write", e);
}

/* After the copy SQLite would begin the log anew on this connection, with a
 * sync.  A connection that is made later knows nothing of the copy, and goes on
 * behind what the log holds. */
int
store_make_whole(struct store *s, struct err *e)
{
	assert(!s->writing);
	return s->in_log && !s->broken ? copy_whole_log(s, e) : 0;
}

int
store_commit(struct store *s, struct err *e)
{
	assert(s->writing);
	if (s->spoiled || sqlite3_get_autocommit(s->db)) {
		store_rollback(s);
		return err_set(e, ERR_LOCAL,
			       "cannot write '%s': an earlier write failed",
			       s->path);
	}
	if (sql_run(s, "COMMIT", "write", e) != 0) {
		/* The frames of the commit may be in the log, and nothing may
		 * be written over them as if they were void. */
		s->broken = true;
		store_rollback(s);
		return -1;
	}
	s->writing = false;
	s->in_log = s->in_log || (!s->lazy && s->wal_pages > 0);
	return s->wal_pages < WAL_MAX ? 0 : copy_whole_log(s, e);
}

void
store_rollback(struct store *s)
{
	if (!s->writing)
		return;
	if (!sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->writing = false;
	s->spoiled = false;
}
