/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hands what was retrieved over to the destination: when the batch is run, and
 * what its failures mean for the session.  Only retrieve.c calls it, in one
 * place of its loop, and when the session has failed.
 */
#ifndef KEEPER_HANDOVER_H
#define KEEPER_HANDOVER_H

#include "commit/batch.h"
#include "session/lockstep.h"
#include "session/phase.h"

struct handover {
	struct session *session;
	struct batch *batch;
	struct lockstep lockstep;
	bool has_failed; /* no more is handed over */
};

/* Opens the destination. */
int handover_open(struct handover *h, struct session *s,
		  const struct deliver_target *target, struct err *e);
void handover_close(struct handover *h);

/* Looks after programs that run, and hands over what is due (all: whatever
 * waits, since no more comes for now), or finds that a proof of lockstep is due
 * first.  What is on record is told.  A program that wants its message later
 * ends the handing over, not the session, as a disk or a database that fails
 * does. */
int handover_run(struct handover *h, bool all, struct err *e);
/* All is handed over; records the last of it as delivered. */
int handover_finish(struct handover *h, struct err *e);
/* The session has failed: what is complete is handed over all the same if
 * `is_good`, and what was handed over before is recorded. */
int handover_save(struct handover *h, bool is_good, struct err *e);

/* Will the program get nothing that is not with it already?  Then what is on
 * its way from the server is thrown away. */
bool handover_wants_no_more(const struct handover *h);
/* When handover_run must be called at the latest, clock_ms. */
int64_t handover_until(const struct handover *h);

#endif
