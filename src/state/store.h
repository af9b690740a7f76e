/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The state of one mailbox, in a SQLite database of its own.  Nobody but
 * store*.c, schema.c and sql.c knows SQL.
 *
 * The caller holds the account's lock from before store_open until after
 * store_close.  The database is opened with locking_mode=EXCLUSIVE,
 * journal_mode=WAL, synchronous=FULL, trusted_schema=OFF, cell_size_check=ON
 * and no checkpoint on close; a durable commit costs one sync.  Writes happen
 * only between store_begin and store_commit.
 *
 * Failures: ERR_DATABASE when the file is not a database, is corrupt, is that
 * of another program (application_id), is newer (user_version), is not ours or
 * is open to others; nothing was changed.  ERR_CREATE when it cannot be made.
 * ERR_LATER when another program (a SQLite shell) has it open.  ERR_LOCAL for a
 * failed read or write.  After a failed write the caller rolls back; a commit
 * of that transaction fails.  After a failed commit the transaction may be in
 * the file all the same: the caller stops and lets the next recovery decide,
 * and no other transaction begins.
 *
 * After a failed sync the system takes what is lost for written, and shows it.
 * The next run would believe the log and commit behind what is not on the disk,
 * and a power cut would take all of that.  So a state that is written has a
 * mark on the account's lock (sys/lock.h) from the first write until it is
 * closed, and a failed commit leaves the mark there, as does a kill.  The run
 * that finds it writes the log anew and syncs it before anything there is
 * believed or written; if that fails (ERR_LOCAL), the mark stays.
 *
 * Schema (schema.h has its versions): table message (id, uid, size, digest,
 * status, delivered, gone_since, dele_sent, attempts, next_try, error, octets,
 * broke), intent (message, evidence, and what the row was before), destination
 * (name), fact (name, value).  Times are seconds since 1970.  A state of an
 * earlier version is brought up to date when it is opened to be written, and
 * looks as if it had been when it is only read.
 */
#ifndef STATE_STORE_H
#define STATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

enum { STORE_ID_SIZE = 32 }; /* hex digits of the state's own random name */

/* What a row says of its message. */
enum store_status {
	STORE_READY = 1, /* about to be published: has an intent */
	STORE_DELIVERED = 2,
	STORE_SET_ASIDE = 3, /* failed; waits for next_try */
	STORE_TOO_LARGE = 4  /* named once to the user, not fetched */
};

struct store_row {
	int64_t id;

	/* which message it is */
	const uint8_t *uid; /* borrowed from the rows; may hold any byte */
	size_t uid_size;
	int64_t size;	/* by LIST, or -1 */
	int64_t octets; /* as retrieved, without the fields that servers change
			   (header_octets); 0: it was not retrieved, and its
			   digest, if it has one, is by TOP */
	bool unproven;	/* perhaps the message has other octets: the size was
			   listed later, for one that TOP took for this one; or
			   less came than listed, and it may have been cut */
	bool has_digest;

	/* what became of it */
	enum store_status status;
	bool skipped;	    /* delivered in name only: never deleted */
	int64_t delivered;  /* 0 unless STORE_DELIVERED */
	int64_t gone_since; /* first complete listing without it, or 0 */
	int64_t dele_sent;  /* last DELE, or 0 */
	/* of commands and programs that failed, also for a message that was
	 * delivered: how often in a row, when to try again, and whether the
	 * last one broke off its session, or the whole run */
	unsigned attempts;
	int64_t next_try;
	bool broke;
};

/* All rows in memory, read-only and compact (72 bytes and the uid for each). */
struct store_rows;
size_t store_rows_count(const struct store_rows *r);
struct store_row store_rows_at(const struct store_rows *r, size_t i);
void store_rows_free(struct store_rows **r);

struct store;

/* Opens the state, or makes it if `create` (0600; schema, ids and version in
 * one transaction; the directory is synced).  If it does not exist and is not
 * to be made the state is an empty one in memory, so that a dry run can read it
 * like any other.  `lock` is the descriptor of the account's lock, or -1: it
 * gets the mark, and tells of that of an earlier run; it stays open until
 * store_close. */
int store_open(struct store **s, const char *path, int lock, bool create,
	       struct err *e);
void store_close(struct store **s);
/* To be called when something that the state rests on could not be made
 * durable: nothing more is written, as after a failed commit. */
void store_doubt(struct store *s);
/* Was it made this time, or is it an empty one in memory? */
bool store_is_new(const struct store *s);
/* STORE_ID_SIZE lower-case hex digits and a NUL; borrowed. */
const char *store_id(const struct store *s);

/* --- reading --- */
int store_load(struct store *s, struct store_rows **rows, struct err *e);
/* The header digest of a row, or the content digest of a row without uid.
 * *found is false when it has none. */
int store_digest(struct store *s, int64_t id, bool *found,
		 uint8_t digest[DIGEST_SHA256_SIZE], struct err *e);
/* The id of the first row without uid whose id is greater than `after` and
 * whose digest is this one, or 0.  A row whose message was deleted and then
 * seen to be gone does not count, since another message may say the same. */
int store_find_content(struct store *s,
		       const uint8_t digest[DIGEST_SHA256_SIZE], int64_t after,
		       int64_t *id, struct err *e);
/* The last error of a message that was set aside; owned by the caller; NULL if
 * there is none. */
int store_error(struct store *s, int64_t id, char **text, struct err *e);
/* How many messages are set aside and, as far as is known, still on the server,
 * the first row of these (0: there is none), and whether this row is one. */
int store_aside(struct store *s, int64_t row, uint64_t *count, int64_t *first,
		bool *is_one, struct err *e);
/* Calls `each` for every intent, in order of commitment; a non-zero answer ends
 * it.  All are read before the first call, so that `each` may write. */
int store_intents(struct store *s,
		  int (*each)(void *arg, int64_t id, const char *evidence,
			      struct err *e),
		  void *arg, struct err *e);
/* Has mail been delivered to this destination ("maildir:/home/...") before? */
int store_knows_destination(struct store *s, const char *name, bool *known,
			    struct err *e);
/* Calls `each` for all such destinations; a non-zero answer ends it. */
int store_destinations(struct store *s,
		       int (*each)(void *arg, const char *name, struct err *e),
		       void *arg, struct err *e);
/* Facts are small named values (what was learned about the server,
 * bookkeeping); the name "id" is taken.  One that does not exist reads as
 * `otherwise`, or as NULL for a text, which the caller owns. */
int store_fact(struct store *s, const char *name, int64_t otherwise,
	       int64_t *value, struct err *e);
int store_fact_text(struct store *s, const char *name, char **value,
		    struct err *e);
/* The same without the lock: what the file at `path` says, without its log, so
 * that it may be older than what a run has noted since.  Nothing is locked or
 * changed.  *when: when the log was written last; 0: there is none.  False
 * where nothing can be read, and while a run has it open. */
bool store_peek(const char *path, const char *name, int64_t *value,
		int64_t *when);
/* Does this account work?  It does if a run has ended well or a list has been
 * given, or if a message is on record and no run has failed.  Else it has begun
 * if a message is on record, unless a --catch-up is to be finished.  One that
 * was skipped by hand does not count. */
enum store_use { STORE_UNUSED, STORE_BEGUN, STORE_WORKS };
int store_use(struct store *s, enum store_use *use, struct err *e);
/* Does this fact exist, with this text? */
int store_fact_is(struct store *s, const char *name, const char *value,
		  bool *is, struct err *e);

/* --- writing --- */
/* STORE_DURABLE: the commit is on the disk when it returns.  STORE_LAZY: for
 * bookkeeping that may be lost in a power cut (synchronous=NORMAL: no sync). */
enum store_durability { STORE_DURABLE, STORE_LAZY };
int store_begin(struct store *s, enum store_durability d, struct err *e);
int store_commit(struct store *s, struct err *e);
/* To be called at the end of a run.  If the run has committed anything durably,
 * then all of the log is in the database, too, when this returns, so that a
 * copy of that file alone is a copy of the state.  That takes two syncs; else
 * there is none.  Fails like a commit. */
int store_make_whole(struct store *s, struct err *e);
void store_rollback(struct store *s); /* also when nothing is open */

struct store_message {
	const uint8_t *uid;
	size_t uid_size;
	int64_t size;	       /* by LIST, or -1 */
	const uint8_t *digest; /* DIGEST_SHA256_SIZE bytes, or NULL */
	int64_t octets;	       /* as in struct store_row; negative: unproven */
};

/* Records a message that is about to be published: in a new row, whose id *id
 * becomes if it was 0, or in that row again, which takes over size and digest
 * (it had been set aside, was too large, or is fetched anew by --all).  Adds
 * its intent, which remembers what the row was. */
int store_set_ready(struct store *s, int64_t *id, const struct store_message *m,
		    const char *evidence, struct err *e);
/* The message was delivered at `when`: its intent goes; attempts and error are
 * cleared. */
int store_set_delivered(struct store *s, int64_t id, int64_t when,
			struct err *e);
/* Adds a row that is recorded as delivered without a delivery (--catch-up, an
 * alias). */
int store_add_delivered(struct store *s, const struct store_message *m,
			int64_t when, struct err *e);
/* The message is as good as delivered, by the user's wish: in a new row, whose
 * id *id becomes if it was 0, or in that row, which takes over size and digest
 * as far as they are told. */
int store_set_skipped(struct store *s, int64_t *id,
		      const struct store_message *m, int64_t when,
		      struct err *e);
/* A skipped message is to be fetched after all: it is set aside, and due. */
int store_forget_skip(struct store *s, int64_t id, struct err *e);
/* Sets a message aside: one attempt more, the error, the next try; its intent
 * goes.  *id 0 makes the row.  A row that was delivered before (--all) becomes
 * what it was. */
int store_set_aside(struct store *s, int64_t *id, const struct store_message *m,
		    int64_t next_try, const char *error, struct err *e);
int store_set_too_large(struct store *s, const struct store_message *m,
			struct err *e);
/* The intent was not carried out: a row that was made for it goes, one that
 * existed before becomes what it was, size and digest included. */
int store_forget_intent(struct store *s, int64_t id, struct err *e);
/* Adds what TOP and LIST tell to a row that was recorded without it: the
 * digest, and the size unless it is -1. */
int store_set_header(struct store *s, int64_t id, const struct store_message *m,
		     struct err *e);
/* Sets the time that its age counts from. */
int store_set_age(struct store *s, int64_t id, int64_t delivered,
		  struct err *e);
/* The server counts its size anew; `unproven` as in struct store_row. */
int store_set_size(struct store *s, int64_t id, int64_t size, bool unproven,
		   struct err *e);
int store_set_dele_sent(struct store *s, int64_t id, int64_t when,
			struct err *e);
/* 0: the message is listed again. */
int store_set_gone(struct store *s, int64_t id, int64_t since, struct err *e);
/* Something failed about this message: so often in a row by now, and `broke` as
 * in struct store_row.  The row stays what it is. */
int store_set_failures(struct store *s, int64_t id, unsigned attempts,
		       int64_t next_try, bool broke, const char *error,
		       struct err *e);
/* A message of which something failed is due at once, as if it had not failed
 * yet; its error stays. */
int store_forget_failures(struct store *s, int64_t id, struct err *e);
/* Removes the rows that have been gone since before `before`; *count tells how
 * many. */
int store_purge_gone(struct store *s, int64_t before, size_t *count,
		     struct err *e);
int store_add_destination(struct store *s, const char *name, struct err *e);
int store_set_fact(struct store *s, const char *name, int64_t value,
		   struct err *e);
/* The same, unless it is so already; `otherwise` stands for a fact that is not
 * there. */
int store_change_fact(struct store *s, const char *name, int64_t otherwise,
		      int64_t value, struct err *e);
int store_set_fact_text(struct store *s, const char *name, const char *value,
			struct err *e); /* NULL removes */

#endif
