/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Do replies still belong to their commands?
 *
 * A message that ends before its listed size may have held an end marker that
 * the server forgot to stuff: then the rest of it stands where replies are
 * expected, and these are not what they seem.  Where a reply was never sent,
 * the next message is taken for this one; where RETR was refused with a line
 * too many, this one for the next.  Nothing behind such a place is handed over
 * until the session has proved to be in lockstep.
 *
 * A message as long as listed, and not as long as its neighbour, shows that no
 * reply is missing and none is too many; and none is missing when none is
 * waited for any more.  But whoever writes a message may make up replies in it,
 * so that behind one that is too short it takes the proof: an answer that no
 * remnant of a message passes for, to LIST of a message that nobody can
 * foresee, whose reply names number and size.  A server that is known to answer
 * that in a way of its own, or not at all, is asked for all uids once more,
 * since these it has given in this session; without uids for all sizes.
 *
 * All this tells of one fault at a time: a reply that is missing and one too
 * many behind it cancel each other out.
 */
#ifndef SESSION_LOCKSTEP_H
#define SESSION_LOCKSTEP_H

#include "session/phase.h"

/* What shows that the session is in lockstep: */
enum lockstep_need {
	LOCKSTEP_SURE,	/* it is */
	LOCKSTEP_QUIET, /* no answer is waited for, or a size, or the proof */
	LOCKSTEP_SIZE,	/* the size of a message, or the proof */
	LOCKSTEP_PROOF	/* the proof alone */
};

struct lockstep {
	enum lockstep_need need;
	size_t first;	  /* the first entry that is in doubt */
	bool has_suspect; /* one was shorter than listed: */
	size_t suspect;	  /* the last of them */
	bool had_refusal; /* RETR was refused, and nothing is sure since */
	size_t refused;	  /* the first of them */
	size_t last;	  /* entry of the last answer */
	bool is_due;	  /* it is time for the proof */
	int64_t told;	  /* the size in the reply, once it has come */
	size_t seen;	  /* entries in a whole list, but those deleted */
	bool *was_seen;	  /* each of them; owned */
	bool is_wrong;	  /* one was not */
};

/* Begins as zeros. */
void lockstep_close(struct lockstep *l);

/* Call it for each message that was fetched, with its octets, and with its
 * bytes where a line end is one: is it as long as it was listed? */
void lockstep_see(struct lockstep *l, struct session *s, size_t entry,
		  int64_t octets, int64_t bytes);
/* Call it for each RETR that was refused. */
void lockstep_refused(struct lockstep *l, const struct session *s,
		      size_t entry);
/* Asks for the proof.  All requests before it must be answered. */
void lockstep_ask(struct lockstep *l, struct session *s);
/* Takes an answer to it.  ERR_PROTOCOL when it proves that the session is out
 * of step.  If LIST of one message is not answered as it should be, another
 * proof is due. */
int lockstep_take(struct lockstep *l, struct session *s, const struct answer *a,
		  struct err *e);

#endif
