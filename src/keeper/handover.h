/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Hands over to the destination what was retrieved: decides when the batch is
 * run, and what its failures mean for the session.  retrieve.c runs it, in one
 * place of its loop, and saves what it can when the session has failed.
 */
#ifndef KEEPER_HANDOVER_H
#define KEEPER_HANDOVER_H

#include "commit/batch.h"
#include "message/header.h"
#include "session/captions.h"
#include "session/lockstep.h"
#include "session/phase.h"

struct handover {
	struct session *session;
	struct batch *batch;
	struct lockstep lockstep;
	struct captions captions;
	uint64_t programless; /* messages set aside for want of a program */
	bool has_failed;      /* no more is handed over */
	bool is_late;	      /* the same: the session's time is nearly over */

	/* How long programs take. */
	size_t staged;	 /* messages that were given to the batch */
	int64_t busy_ms; /* while they ran or had some waiting for them */
	int64_t seen_at; /* clock_ms; 0: they had none */
	size_t thrown;	 /* messages that came too late for them */
};

/* Opens the destination. */
int handover_open(struct handover *h, struct session *s,
		  const struct deliver_target *target, struct err *e);
void handover_close(struct handover *h);

/* Looks after programs that run, and hands over what is due (all: whatever
 * waits, since no more comes for now), or finds that a proof of lockstep is due
 * first.  Tells what is on record.  A program that takes no message
 * (batch_trouble) ends the handing over, but not the session; a disk or a
 * database that fails ends both. */
int handover_run(struct handover *h, bool all, struct err *e);
/* Call it when all is handed over: it records the last of it as delivered. */
int handover_finish(struct handover *h, struct err *e);
/* Call it when the session has failed: it hands over what is complete all the
 * same if `is_good`, and records what was handed over before. */
int handover_save(struct handover *h, bool is_good, struct err *e);

/* A message was given to the batch: keeps what people will want to know of it
 * if a program does not take it. */
void handover_note(struct handover *h, size_t entry,
		   const struct header *header);
/* Call it when a proof was answered: those messages that may have been cut are
 * recorded as unproven, and this session does not delete them. */
int handover_see_cuts(struct handover *h, struct err *e);
/* Will the program get no message that it does not have already?  Then what is
 * on its way from the server is thrown away. */
bool handover_wants_no_more(const struct handover *h);
/* How long programs are likely to take for so many messages; 0 for a Maildir or
 * an mbox. */
int64_t handover_program_ms(const struct handover *h, size_t count);
/* Has no program ended yet, so that nobody knows? */
bool handover_is_untried(const struct handover *h);
/* When handover_run must be called at the latest, clock_ms. */
int64_t handover_until(const struct handover *h);

#endif
