/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Destinations of mail: Maildir, mbox, MDA, behind one table of functions.
 *
 * A message is staged while it comes in; complete ones are handed over in
 * batches, in steps whose order the caller (commit/batch) keeps, since between
 * them it commits to the database:
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
 * Staging: a Maildir's messages go to MAILDIR/tmp/.popfetch/STATE-ID/, one file
 * each, beside the sentinel of a batch, which is made first; those for mbox and
 * MDA to nameless or removed files in the spool directory.  Evidence is one
 * line of text that the caller stores and hands back after a crash.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

enum deliver_kind { DELIVER_MAILDIR, DELIVER_MBOX, DELIVER_MDA };

enum { DELIVER_JOBS_MAX = 64 }; /* MDAs at once */

/* Borrowed while the destination is open. */
struct deliver_target {
	enum deliver_kind kind;
	const char *path;	 /* Maildir or mbox, absolute */
	const char *const *argv; /* MDA */
	int64_t mda_timeout_ms;
	unsigned mda_jobs;	    /* run at once; 0: one */
	const char *account, *user; /* for %{account}, %{user}, environment */
	const char *state_id;	    /* hex digits */
	const char *spool;	    /* directory for mbox and MDA staging */
	/* Each line that an MDA writes to its standard error or output, made
	 * safe, at most 1,000 bytes and 100 lines a message. */
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
	DELIVER_REFUSED,  /* by the MDA: this message failed */
	DELIVER_POSTPONED /* by the MDA: the account, later; reason of kind
			     ERR_MESSAGE: it died or hung on this one; of a
			     Maildir: its staged file was taken away */
};

struct deliver;
struct deliver_staged;

/* "maildir:PATH", "mbox:PATH", "mda:ARGV0"; owned by the caller. */
char *deliver_name(const struct deliver_target *target);

/*
 * Makes it ready: a missing Maildir or mbox is created (0700, 0600; last
 * component only, with cur, new, tmp) if `may_create`, else ERR_CREATE ("is not
 * there; is its disk mounted?").  Checks that staging works (staging directory
 * made, stale files of ours without a row were removed by deliver_recover
 * before).  An mbox must be a regular file of ours with one link, no symbolic
 * link.  tmp on another file system than new is ERR_CONFIG.
 */
int deliver_open(struct deliver **d, const struct deliver_target *target,
		 bool may_create, struct err *e);
/* Like deliver_drop for MDAs that run still: may take 5 seconds. */
void deliver_close(struct deliver **d);
/* How many messages one batch may have (256, fewer when descriptors are short);
 * for an MDA: how many may run at once, those published before included. */
size_t deliver_batch_max(const struct deliver *d);
/* Does each message end by itself, as with a program that takes it?  Then it is
 * handed over as soon as there is room, and what one says is no verdict on the
 * destination. */
bool deliver_ends_one_by_one(const struct deliver *d);
/* May a message take seconds?  Then few are asked for ahead of it. */
bool deliver_is_slow(const struct deliver *d);
/* Free bytes where staging lies; UINT64_MAX when unknown. */
uint64_t deliver_free_bytes(const struct deliver *d);

/* --- one message --- */
/* A new message; its bytes follow.  Several may be staged and unfinished at
 * once. */
int deliver_stage(struct deliver *d, const struct deliver_message *m,
		  struct deliver_staged **s, struct err *e);
int deliver_write(struct deliver_staged *s, const void *bytes, size_t size,
		  struct err *e);
/* Complete.  `digest` is of its header, or of all of it, and goes into
 * POPFETCH_DELIVERY_ID together with `octets` (header_octets); `sender` as
 * header_sender gives it, for the From_ line of an mbox, which also has this
 * moment's date, and %{sender}.  Errors discard nothing: the caller calls
 * deliver_discard. */
int deliver_finish(struct deliver_staged *s,
		   const uint8_t digest[DIGEST_SHA256_SIZE], int64_t octets,
		   const char *sender, struct err *e);
/* Removes a staged message, finished or not; never after D2 was attempted.
 * Accepts NULL; *s becomes NULL. */
void deliver_discard(struct deliver_staged **s);
/* Releases memory and descriptors, touches no file. */
void deliver_leave(struct deliver_staged **s);

/* --- a batch of finished messages; one at a time for each destination, but for
 * an MDA, which may get the next while those published before still run --- */
int deliver_secure(struct deliver *d, struct deliver_staged *const batch[],
		   size_t count, struct err *e);
/* After deliver_secure, failed or not, and before D2 was attempted: undoes it
 * (mbox unlocked); then discard the messages, and the sentinel goes with the
 * last one. */
void deliver_abandon(struct deliver *d);
/* Valid after deliver_secure, borrowed until the message is released. */
const char *deliver_evidence(const struct deliver_staged *s);
/* Maildir, mbox: done when it returns 0.  MDA: started; deliver_continue finds
 * its end, and its outcome is DELIVER_PENDING until then.  One that cannot be
 * started at all is no error of this call: the outcome is DELIVER_POSTPONED,
 * its reason ERR_OS.  An mbox append that fails is cut back to the old length,
 * synced and unlocked, and the error has the kind ERR_LOCAL. */
int deliver_publish(struct deliver *d, struct err *e);
/* While MDAs run: descriptors to poll for reading (at most DELIVER_POLL_MAX;
 * returns how many), and the time (clock_ms) by which deliver_continue must be
 * called at the latest; a SIGCHLD is a reason too.  CLOCK_NEVER: none runs. */
enum { DELIVER_POLL_MAX = 2 * DELIVER_JOBS_MAX };
size_t deliver_poll(const struct deliver *d, int fds[DELIVER_POLL_MAX],
		    int64_t *until);
int deliver_continue(struct deliver *d, struct err *e);
/* Published mail is durable, the mbox unlocked.  For an MDA there is nothing to
 * do.  After an error: deliver_drop (an mbox was cut back and unlocked). */
int deliver_settle(struct deliver *d, struct err *e);
/* After deliver_settle.  An MDA's: DELIVER_PENDING while it runs.  e (may be
 * NULL) gets the reason of REFUSED and POSTPONED. */
enum deliver_outcome deliver_outcome(const struct deliver_staged *s,
				     struct err *e);
/* Batches settled before and recorded as delivered leave nothing behind. */
void deliver_retire(struct deliver *d);
/* Was an error in or after D2: forget the batch, touch nothing (locks are
 * released; MDAs are asked to end, and ended after 5 seconds). */
void deliver_drop(struct deliver *d);

/* --- recovery --- */
enum deliver_verdict {
	DELIVER_WAS_DELIVERED,
	DELIVER_WAS_NOT /* or nobody can tell: fetch it again */
};

/*
 * Judges the intents that a crash has left (and finishes those whose staged
 * file is there), in order of commitment, then removes stale files of this
 * state from the staging directory of every Maildir named in them and of
 * `target`.  Makes durable what it did before it returns.  The evidence names
 * the destination it was for, which need not be `target`.  Never creates a
 * directory.
 *
 * Maildir: staged file there: renamed now, delivered.  Gone, and the sentinel
 * is there: delivered.  Both gone: not.  A Maildir that is not there at all (no
 * new/): ERR_CREATE if it is that of `target`, else not delivered.  mbox, under
 * its locks: the region equals the block: delivered; the file ends at the
 * offset: not; a torn tail of ours (a prefix of the block, perhaps NULs behind
 * it) up to the end of the file: cut off, not; else the file was rewritten: its
 * messages are compared.  MDA: not (it will be run again with the same
 * POPFETCH_DELIVERY_ID); if that of `target`, spool files of this state that a
 * kill has left are removed.
 */
int deliver_recover(const struct deliver_target *target,
		    const char *const evidence[],
		    enum deliver_verdict verdict[], size_t count,
		    struct err *e);
/* After the verdicts were recorded: the sentinels of these intents go. */
void deliver_recovered(const struct deliver_target *target,
		       const char *const evidence[], size_t count);
/* When there are no more intents: whatever a killed run of this state has left
 * in the spool directory, and staged in the Maildirs among the `known`
 * destinations (names as deliver_name gives them), is removed where it is
 * there.  Makes nothing; what fails is passed over. */
void deliver_clear(const struct deliver_target *target,
		   const char *const known[], size_t count);

#endif
