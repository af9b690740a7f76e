/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What the store's own files (store*.c, schema.c, sql.c) share and nobody else
 * sees: the connection, its statements, and what SQLite's errors mean to us.
 *
 * All SQL is static text: the statements that run for messages are prepared
 * once and kept (sql_get), the others stand where they are used (sql_run).
 */
#ifndef STATE_SQL_H
#define STATE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "state/store.h"

enum sql {
	SQL_ROWS,
	SQL_DIGEST,
	SQL_CONTENT,
	SQL_ERROR,
	SQL_WAITING,
	SQL_INTENTS,
	SQL_DESTINATION,
	SQL_DESTINATIONS,
	SQL_FACT,
	SQL_USED,
	SQL_ADD_MESSAGE,
	SQL_ADD_INTENT,
	SQL_READY,
	SQL_DELIVERED,
	SQL_ASIDE,
	SQL_SKIPPED,
	SQL_FORGET_SKIP,
	SQL_WAS_DELIVERED,
	SQL_RESTORE,
	SQL_REMOVE_MADE,
	SQL_REMOVE_INTENT,
	SQL_SET_HEADER,
	SQL_SET_AGE,
	SQL_SET_SIZE,
	SQL_SET_DELE_SENT,
	SQL_SET_GONE,
	SQL_FORGET_FAILURES,
	SQL_SET_FAILURES,
	SQL_PURGE_GONE,
	SQL_ADD_DESTINATION,
	SQL_SET_FACT,
	SQL_REMOVE_FACT,
	SQL_COUNT
};

/* In the file; to all others it is STORE_DELIVERED. */
enum { SQL_STATUS_SKIPPED = 5 };

struct store {
	sqlite3 *db;
	char *path; /* as given, for error texts */
	char id[STORE_ID_SIZE + 1];
	sqlite3_stmt *kept[SQL_COUNT];
	bool is_new;
	bool pretends;	     /* to be of today's version (store.c) */
	int64_t version;     /* of the schema as it was found, or as it is */
	int64_t oldest_gone; /* no row has an earlier gone_since but 0 */
	bool has_no_aside;   /* true: no row is set aside */

	/* transactions */
	bool writing;  /* between begin and commit */
	bool lazy;     /* synchronous=NORMAL is set */
	bool spoiled;  /* a write of this transaction failed */
	bool broken;   /* a commit failed */
	bool in_log;   /* a durable commit is in the log alone */
	int wal_pages; /* in the log as of the last commit */

	/* the mark of those who write */
	int lock;	  /* borrowed; -1: nobody marks it */
	bool marked;	  /* by us */
	bool is_suspect;  /* found marked, and not yet looked after */
	bool leaves_mark; /* the directories above it may not be durable */
};

/* Sets *e for what SQLite's last call on the connection complained of; `verb`
 * completes "cannot ... 'path'".  Returns -1. */
int sql_fail(struct store *s, const char *verb, struct err *e);
/* The same for damage that we find ourselves, said by `what`: ERR_DATABASE. */
int sql_damaged(const struct store *s, const char *what, struct err *e);

/* The kept statement, ready to bind; NULL with *e set. */
sqlite3_stmt *sql_get(struct store *s, enum sql which, struct err *e);
/* These bind a parameter; bytes are borrowed until the statement has run. */
void sql_bind_bytes(sqlite3_stmt *st, int at, const void *bytes, size_t size);
void sql_bind_text(sqlite3_stmt *st, int at, const char *text); /* or NULL */
void sql_bind_number(sqlite3_stmt *st, int at, int64_t number);

/* The next row of an answer.  After the last one, and after a failure, the
 * statement is reset. */
int sql_next(struct store *s, sqlite3_stmt *st, bool *row, struct err *e);
/* A text of the row; NULL for NULL; owned by the caller. */
char *sql_string(sqlite3_stmt *st, int column);
/* Gives up an answer early; accepts NULL. */
void sql_end(sqlite3_stmt *st);
/* Runs a statement that writes, inside a transaction; *changed tells how many
 * rows it changed, and may be NULL. */
int sql_write(struct store *s, sqlite3_stmt *st, int *changed, struct err *e);

/* Static text without parameters: sql_run runs one or more statements that have
 * no answer, sql_number a single one whose answer is one number. */
int sql_run(struct store *s, const char *text, const char *verb, struct err *e);
int sql_number(struct store *s, const char *text, int64_t *number,
	       struct err *e);

#endif
