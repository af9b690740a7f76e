/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Do replies still belong to their commands?
 *
 * A message that ends before its listed size may have held an end marker that
 * the server forgot to stuff: then the rest of it stands where replies are
 * expected, and what comes next is not what it seems.  Nothing is handed over
 * until the session has proved to be in lockstep: by LIST of a message that
 * nobody can foresee, whose reply names number and size, so that no left-over
 * of a message passes for it.
 */
#ifndef SESSION_LOCKSTEP_H
#define SESSION_LOCKSTEP_H

#include "session/phase.h"

struct lockstep {
	bool is_lost;	/* perhaps: a proof is needed */
	size_t suspect; /* the last entry that made it so */
	bool is_due;	/* it is time for the proof */
	int64_t told;	/* octets that it has told so far */
};

/* A message had so many octets when it was retrieved. */
void lockstep_see(struct lockstep *l, struct mailbox *m, size_t entry,
		  int64_t octets);
/* Asks for the proof; all before it is answered. */
void lockstep_ask(struct lockstep *l, struct session *s);
/* An answer to it: ERR_PROTOCOL when it proves the reverse. */
int lockstep_take(struct lockstep *l, const struct mailbox *m,
		  const struct answer *a, struct err *e);

#endif
