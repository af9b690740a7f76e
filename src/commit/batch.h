/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The commit protocol brings messages from the link into their destination, so
 * that each arrives exactly once whatever dies when.  The order of the steps
 * for each batch:
 *
 *	stage      the batch's sentinel, then each message in a file of its own,
 *	           unseen by mail readers
 *	D1         staged bytes, the sentinel and their directory are durable
 *	D2         one transaction: the batch before DELIVERED, this one READY
 *	retire     the sentinel of the batch before goes, unless it is needed by
 *	           a message that was begun before that batch was handed over
 *	publish    rename into new/, append, or run the MDA
 *	D3         what was published is durable
 *
 * and after the last batch a transaction DELIVERED.  Only when its DELIVERED is
 * committed is a message reported as done, and only then may its DELE be sent.
 *
 * A crash
 *	before D2      leaves staged files without a row: recovery removes
 *	               them, the message is fetched again
 *	after D2       leaves READY rows: a staged file that still exists is
 *	               published by recovery; one that is gone was
 *	               published, which the sentinel beside it proves
 *	after publish  leaves the same, even if a mail reader has moved or
 *	               removed the message
 *
 * Any error from the first attempt at D2 on makes the batch `broken`: nothing
 * is touched any more, the account ends without QUIT, and the next run's
 * recovery decides.  That a program does not take its message is no error of
 * the batch: it is the message's (batch_next_recorded) or everybody's
 * (batch_trouble).
 */
#ifndef COMMIT_BATCH_H
#define COMMIT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "deliver/deliver.h"
#include "state/store.h"

/* A batch is handed over when one of these is reached. */
struct batch_limits {
	size_t messages;
	uint64_t bytes;
	int64_t age_ms; /* of its oldest message */
};
extern const struct batch_limits batch_limits_usual; /* 256, 16 MiB, 10 s */

struct batch_message {
	uint32_t number;
	const uint8_t *uid; /* borrowed until the message is done */
	size_t uid_size;
	int64_t size;	   /* as listed, or -1 */
	int64_t row;	   /* of an earlier attempt, or 0 */
	unsigned attempts; /* of that row */
};

struct batch;

/* Opens the destination.  One that does not exist is made, unless this state
 * has delivered to it before.  Borrows store and target. */
int batch_open(struct batch **b, struct store *store,
	       const struct deliver_target *target,
	       const struct batch_limits *limits, struct err *e);
/* Discards what may be discarded; touches nothing of a broken batch. */
void batch_close(struct batch **b);

/* One message after the other: begin, write..., then end or cancel. */
int batch_begin(struct batch *b, const struct batch_message *m, struct err *e);
int batch_write(struct batch *b, const void *bytes, size_t size, struct err *e);
/* `octets`: header_octets, or 0. */
int batch_end(struct batch *b, const uint8_t digest[DIGEST_SHA256_SIZE],
	      int64_t octets, const char *sender, struct err *e);
void batch_cancel(struct batch *b);
/* To be called when the message between begin and end turns out to have a
 * row. */
void batch_set_row(struct batch *b, int64_t row, unsigned attempts);
bool batch_is_open(const struct batch *b); /* between begin and end? */

/* Messages that were ended and not yet handed over, or whose MDA still runs,
 * and their bytes: for the keeper's credit. */
size_t batch_waiting(const struct batch *b);
uint64_t batch_waiting_bytes(const struct batch *b);
size_t batch_max(const struct batch *b); /* for an MDA: how many run at once */
void batch_space(const struct batch *b, struct deliver_space *space);
/* deliver_is_slow, deliver_ends_one_by_one. */
bool batch_is_slow(const struct batch *b);
bool batch_ends_one_by_one(const struct batch *b);

/* When batch_run must be called at the latest (clock_ms); CLOCK_NEVER: only
 * when something happens. */
int64_t batch_until(const struct batch *b);
/* Descriptors to poll while MDAs run. */
size_t batch_poll(const struct batch *b, int fds[DELIVER_POLL_MAX]);
/* Looks after the MDAs that run.  Fails when the batch is broken. */
int batch_continue(struct batch *b, struct err *e);
/* Is it time to hand over?  `all`: no more messages come for now, so whatever
 * waits is due.  Never while as many MDAs run as may. */
bool batch_is_due(const struct batch *b, bool all);
/* Hands over what is due; then batch_is_due(b, all) is false. */
int batch_hand_over(struct batch *b, bool all, struct err *e);
/* Puts on record how programs have ended, when none runs and none is to: before
 * anything else is waited for, since a crash meanwhile would have the last
 * message delivered again. */
int batch_record_ended(struct batch *b, struct err *e);
/* batch_continue, then batch_hand_over. */
int batch_run(struct batch *b, bool all, struct err *e);
/* What became of a message, once that is recorded. */
struct batch_result {
	struct batch_message message; /* row: the one that it is in now */
	enum deliver_outcome outcome; /* DONE (delivered, durable), REFUSED or
					 POSTPONED */
	bool is_counted; /* a failure of this message: it is asked for last,
			    or set aside; else it is as it was before */
	struct err why;	 /* unless DONE */
};
/* Takes the next result.  Each message that is on record is told once, in
 * order; false when there are no more for now. */
bool batch_next_recorded(struct batch *b, struct batch_result *r);
/* What keeps a program from taking any message, as far as its last ends have
 * shown; NULL: nothing.  No more is handed over then. */
struct batch_trouble {
	struct err why;	 /* ERR_LATER, ERR_OS: it was not started, or
			    ERR_CONFIG: it was called wrongly */
	uint32_t number; /* of the message that met it first */
	size_t count;	 /* of such messages */
	uint32_t last; /* of those that were postponed in a row the last; 0: it
			    was not started, or called wrongly */
	bool is_changed; /* it has delivered, but not since it, or its options,
			    were changed */
	const char *fingerprint; /* of the program's options */
};
/* Borrowed until batch_close.  Ask after batch_continue, batch_hand_over and
 * batch_finish. */
const struct batch_trouble *batch_trouble(const struct batch *b);
/* Gives up the messages that wait, staged files and all. */
void batch_discard_waiting(struct batch *b);
/* The same for the message of this number and those that came behind it; for
 * all, if it does not wait. */
void batch_discard_from(struct batch *b, uint32_t number);
/* The message of this number, if it waits, was cut perhaps: its row is to be
 * unproven from D2 on; or it is not wanted at all. */
void batch_doubt(struct batch *b, uint32_t number, bool is_wanted);
/* Is nothing waiting, coming in, or with an MDA? */
bool batch_is_quiet(const struct batch *b);
/* Records the last batch as delivered, and what became of messages whose
 * programs failed.  No MDA may run and no message may be open; messages that
 * wait are not handed over any more. */
int batch_finish(struct batch *b, struct err *e);
bool batch_is_broken(const struct batch *b);

#endif
