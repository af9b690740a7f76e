/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Destinations of mail: Maildir, mbox and MDA, behind one table of functions
 * (class.h).
 *
 * A message is staged while it comes in.  Complete ones are handed over in
 * batches, in steps whose order the caller (commit/batch) keeps, since it
 * commits to the database between them:
 *
 *	deliver_open
 *	  deliver_stage, deliver_write..., deliver_finish    each message
 *	  deliver_secure      D1: staged bytes are durable; the mbox is locked
 *	                      and measured.  Evidence of each message is ready
 *	      (the caller commits: messages READY with their evidence)       D2
 *	  deliver_publish     rename into new/, append, or run the MDA
 *	  deliver_settle      D3: what was published is durable; mbox unlocked
 *	      (the caller commits: DELIVERED)
 *	  deliver_retire      leftovers of the recorded batch go (the sentinel)
 *	deliver_close
 *
 * Until D2 is attempted deliver_discard removes what was staged.  From then on
 * a staged file leaves only by publishing: after any error the caller uses
 * deliver_leave, which touches no file, and lets deliver_recover of the next
 * run decide.
 *
 * Staging: the messages for a Maildir go to MAILDIR/tmp/.popfetch/STATE-ID/,
 * one file each, beside the sentinel of their batch, which is made first; those
 * for mbox and MDA go to nameless or removed files in the spool directory.
 * Evidence is one line of text that the caller stores and hands back after a
 * crash.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

enum deliver_kind { DELIVER_MAILDIR, DELIVER_MBOX, DELIVER_MDA };

enum { DELIVER_JOBS_MAX = 64 }; /* MDAs that run at once */

/* Borrowed while the destination is open. */
struct deliver_target {
	enum deliver_kind kind;
	const char *path;	 /* Maildir or mbox, absolute */
	const char *const *argv; /* MDA */
	int64_t mda_timeout_ms;
	unsigned mda_jobs;	    /* how many run at once; 0: one */
	const char *account, *user; /* for %{account}, %{user}, environment */
	const char *state_id;	    /* hex digits */
	const char *spool;	    /* directory for mbox and MDA staging */
	/* Called with each line that an MDA writes to its standard error or
	 * output: made safe, at most 1,000 bytes long, and for at most 100
	 * lines a message. */
	void (*note)(void *arg, const char *line);
	void *note_arg;
};

struct deliver_message {
	const uint8_t *uid; /* for POPFETCH_UID (percent-encoded) */
	size_t uid_size;
};

/* What became of one message. */
enum deliver_outcome {
	DELIVER_PENDING,
	DELIVER_DONE,
	DELIVER_REFUSED,  /* by the MDA: this message failed; of kind
			     ERR_CONFIG: as if it was called wrongly, with an
			     errno where a shell says that there is no program,
			     or that it cannot run it */
	DELIVER_POSTPONED /* by the MDA, which wants mail later. If the reason
			     is of kind ERR_MESSAGE it died or hung on this
			     message, ERR_STOPPED: a stop request ended it,
			     ERR_OS: it was not started. By a Maildir: the
			     staged file was taken away */
};

struct deliver;
struct deliver_staged;

/* "maildir:PATH", "mbox:PATH", "mda:ARGV0"; owned by the caller. */
char *deliver_name(const struct deliver_target *target);

/* For an MDA: a few digits that change, very likely, when its arguments do, or
 * the file of the program or of a script among them.  Too few to guess an
 * argument by, since they are kept.  Owned by the caller; NULL for others. */
char *deliver_fingerprint(const struct deliver_target *target);

/*
 * Makes the destination ready.  A Maildir or mbox that does not exist is made
 * if `may_create` (0700 or 0600; its last component only, with cur, new and
 * tmp), else that is ERR_CREATE ("does not exist; is its disk mounted?").  The
 * staging directory is made, and it is checked that staging works;
 * deliver_recover has removed stale files of ours without a row before.  An
 * mbox must be a regular file of ours with one link, and not a symbolic link.
 * tmp on another file system than new is ERR_CONFIG.
 */
int deliver_open(struct deliver **d, const struct deliver_target *target,
		 bool may_create, struct err *e);
/* Treats MDAs that still run as deliver_drop does, which may take 5 seconds. */
void deliver_close(struct deliver **d);
/* How many messages a batch may have (256, or fewer when descriptors are
 * short).  For an MDA this is how many may run at once, those published before
 * included. */
size_t deliver_batch_max(const struct deliver *d);
/* Does each message end by itself, as with a program that takes it?  Then each
 * is handed over as soon as there is room, and what becomes of one is not a
 * verdict on the destination. */
bool deliver_ends_one_by_one(const struct deliver *d);
/* May a message take seconds?  Then only a few are asked for ahead of it. */
bool deliver_is_slow(const struct deliver *d);
/* The disk on which messages are staged or stored, whichever has less room. */
struct deliver_space {
	uint64_t free_bytes; /* UINT64_MAX when unknown */
	unsigned copies;     /* of each message that are there for a while */
	const char *path;    /* on that disk; borrowed from the target */
};
void deliver_space(const struct deliver *d, struct deliver_space *space);

/* --- one message --- */
/* Begins a message; its bytes follow.  Several may be staged and unfinished at
 * once. */
int deliver_stage(struct deliver *d, const struct deliver_message *m,
		  struct deliver_staged **s, struct err *e);
int deliver_write(struct deliver_staged *s, const void *bytes, size_t size,
		  struct err *e);
/* The message is complete.  `digest` is of its header, or of all of it, and
 * goes into POPFETCH_DELIVERY_ID together with `octets` (header_octets).
 * `sender` is as header_sender gives it: it is for %{sender}, and for the From_
 * line of an mbox, which also has the date of this moment.  An error discards
 * nothing: the caller calls deliver_discard. */
int deliver_finish(struct deliver_staged *s,
		   const uint8_t digest[DIGEST_SHA256_SIZE], int64_t octets,
		   const char *sender, struct err *e);
/* Removes a staged message, finished or not; never after D2 was attempted.
 * Accepts NULL; *s becomes NULL. */
void deliver_discard(struct deliver_staged **s);
/* Releases memory and descriptors, and touches no file.  Accepts NULL; *s
 * becomes NULL. */
void deliver_leave(struct deliver_staged **s);

/* --- a batch of finished messages --- */
/* A destination has one batch at a time; an MDA may get the next one while
 * messages published before still run.  The messages stay the caller's. */
int deliver_secure(struct deliver *d, struct deliver_staged *const batch[],
		   size_t count, struct err *e);
/* After deliver_secure, failed or not, and before D2 was attempted: undoes it
 * (the mbox is unlocked).  The caller then discards the messages, and the
 * sentinel goes with the last one. */
void deliver_abandon(struct deliver *d);
/* Valid after deliver_secure; borrowed until the message is released. */
const char *deliver_evidence(const struct deliver_staged *s);
/* For Maildir and mbox all is done when it returns 0.  An MDA is only started:
 * deliver_tend finds its end, and its outcome is DELIVER_PENDING until then.
 * It is not an error of this call if an MDA cannot be started at all: the
 * outcome is DELIVER_POSTPONED, and its reason ERR_OS (ERR_MESSAGE if what it
 * is told of this message is too long).  If appending to an mbox fails, the
 * mbox is cut back to its old length, synced and unlocked, and the error has
 * the kind ERR_LOCAL. */
int deliver_publish(struct deliver *d, struct err *e);
/* While MDAs run: the descriptors to poll for reading (returns how many, at
 * most DELIVER_POLL_MAX), and the time (clock_ms) by which deliver_tend must be
 * called at the latest; it is also called after a SIGCHLD.  CLOCK_NEVER: no MDA
 * runs. */
enum { DELIVER_POLL_MAX = 2 * DELIVER_JOBS_MAX };
size_t deliver_poll(const struct deliver *d, int fds[DELIVER_POLL_MAX],
		    int64_t *until);
/* Looks after MDAs that run: what they write, their time limit, their end. */
int deliver_tend(struct deliver *d, struct err *e);
/* Published mail is durable now, and the mbox is unlocked.  For an MDA there is
 * nothing to do.  After an error: deliver_drop (an mbox was cut back and
 * unlocked). */
int deliver_settle(struct deliver *d, struct err *e);
/* After deliver_settle.  That of an MDA is DELIVER_PENDING while it runs.  e
 * (may be NULL) gets the reason of REFUSED and POSTPONED. */
enum deliver_outcome deliver_outcome(const struct deliver_staged *s,
				     struct err *e);
/* All batches settled so far are on record as delivered, and what they have
 * left behind goes.  Another batch may be secured at this time. */
void deliver_retire(struct deliver *d);
/* After an error at or after D2: forgets the batch and touches nothing.  Locks
 * are released; MDAs are asked to end, and ended after 5 seconds. */
void deliver_drop(struct deliver *d);

/* --- recovery --- */
enum deliver_verdict {
	DELIVER_WAS_DELIVERED,
	DELIVER_WAS_NOT,    /* or nobody can tell: fetch it again */
	DELIVER_WAS_IN_HAND /* the same; but it may be what ended the run */
};

/*
 * Judges the intents that a crash has left, in order of commitment, and
 * finishes those whose staged file still exists.  Then removes stale files of
 * this state from the staging directory of `target` and of every Maildir that
 * the evidence names.  What it did is durable when it returns.  Evidence names
 * the destination that it was for, which need not be `target`.  Never makes a
 * directory.
 *
 * Maildir: if the staged file exists it is renamed now, and so delivered.  If
 * it is gone it was delivered if the sentinel exists, and else was not.  A
 * Maildir that does not exist at all (no new/) is ERR_CREATE if it is that of
 * `target`, else nothing in it counts as delivered.
 *
 * mbox, under its locks: if the region equals the block, the message was
 * delivered.  If the file ends at the offset it was not.  A torn tail of ours
 * (a prefix of the block, perhaps with NULs after it) up to the end of the file
 * is cut off, and was not delivered.  Else the file was rewritten, and its
 * messages are compared.
 *
 * MDA: it was in hand (the MDA will be run again with the same
 * POPFETCH_DELIVERY_ID).
 * If `target` is an MDA, spool files of this state that a kill has left are
 * removed.
 */
int deliver_recover(const struct deliver_target *target,
		    const char *const evidence[],
		    enum deliver_verdict verdict[], size_t count,
		    struct err *e);
/* To be called when the verdicts are on record: the sentinels of these intents
 * go. */
void deliver_recovered(const struct deliver_target *target,
		       const char *const evidence[], size_t count);
/* To be called when there are no more intents: removes whatever killed runs of
 * this state have left in the spool directory, and have staged in those of the
 * `known` destinations (names as deliver_name gives them) that are Maildirs and
 * exist.  Makes nothing; what fails is passed over. */
void deliver_clear(const struct deliver_target *target,
		   const char *const known[], size_t count);

#endif
