/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The schema, and how an earlier one becomes today's. */
#include "config.h"

#include "state/schema.h"

#include <assert.h>

#include "base/text.h"
#include "state/fact.h"
#include "state/place.h"
#include "state/sql.h"

/* Version 1.  It is made in one transaction with the state's id, so that a kill
 * leaves all or nothing. */
static const char schema[] =
	"CREATE TABLE message ("
	" id INTEGER PRIMARY KEY,"
	" uid BLOB NOT NULL,"
	" size INTEGER NOT NULL,"
	" digest BLOB,"
	" status INTEGER NOT NULL,"
	" delivered INTEGER NOT NULL DEFAULT 0,"
	" gone_since INTEGER NOT NULL DEFAULT 0,"
	" dele_sent INTEGER NOT NULL DEFAULT 0,"
	" attempts INTEGER NOT NULL DEFAULT 0,"
	" next_try INTEGER NOT NULL DEFAULT 0,"
	" error TEXT);"
	"CREATE INDEX message_content ON message (digest) WHERE uid = x'';"
	"CREATE TABLE intent ("
	" id INTEGER PRIMARY KEY,"
	" message INTEGER NOT NULL UNIQUE REFERENCES message,"
	" evidence TEXT NOT NULL,"
	" prior_status INTEGER NOT NULL,"
	" prior_size INTEGER NOT NULL,"
	" prior_digest BLOB);"
	"CREATE TABLE destination (name TEXT PRIMARY KEY) WITHOUT ROWID;"
	"CREATE TABLE fact (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"PRAGMA application_id = 0x706f7066;"
	"PRAGMA user_version = 1";

/* Each step turns its version into the next one.  Octets are negative where
 * they are unproven. */
static const char *const steps[PLACE_VERSION] = {
	[1] = "ALTER TABLE message ADD COLUMN octets INTEGER NOT NULL"
	      " DEFAULT 0;"
	      "ALTER TABLE intent ADD COLUMN prior_octets INTEGER NOT NULL"
	      " DEFAULT 0;"
	      "PRAGMA user_version = 2",
	[2] = "ALTER TABLE message ADD COLUMN broke INTEGER NOT NULL"
	      " DEFAULT 0;"
	      "PRAGMA user_version = 3",
};

int
schema_advance(struct store *s, struct err *e)
{
	assert(s->version >= 1);
	for (; s->version < PLACE_VERSION; s->version++)
		if (sql_run(s, steps[s->version], "write", e) != 0)
			return -1;
	return 0;
}

static int
record_id(struct store *s, struct err *e)
{
	sqlite3_stmt *st = sql_get(s, SQL_SET_FACT, e);
	uint8_t bytes[STORE_ID_SIZE / 2];

	if (!st)
		return -1;
	digest_random(bytes, sizeof(bytes));
	text_hex(s->id, bytes, sizeof(bytes));
	sql_bind_text(st, 1, FACT_ID);
	sql_bind_text(st, 2, s->id);
	return sql_write(s, st, NULL, e);
}

int
schema_make(struct store *s, struct err *e)
{
	s->version = 1;
	if (sql_run(s, schema, "write", e) != 0 || schema_advance(s, e) != 0)
		return -1;
	return record_id(s, e);
}
