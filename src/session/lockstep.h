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
 *
 * In lockstep again, the session asks once more for the sizes of those that
 * were too short, where they may have been cut (struct cuts).
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

/*
 * Which messages that came shorter than they are listed may have been cut?
 *
 * A server whose storage fails may end a message early in good order, with the
 * end marker, and give all of it the next time.  But sizes are hints: many
 * servers estimate them, for good or until they have sent the message.  So a
 * message may have been cut where sizes are exact, as far as this session and
 * the rows can tell, and where LIST of this very message still says more than
 * what came.  It is delivered, and asked for again before it is deleted.
 *
 *	cuts_see            each message that has come
 *	cuts_judge          of those seen since the last time: are there any
 *	                    that LIST is to tell of?
 *	cuts_ask, cuts_take until all are answered
 *	cuts_next           those that may have been cut
 */
struct cuts {
	size_t *entries; /* shorter than listed, and not judged yet; owned */
	size_t count, room;
	size_t asked, answered; /* of these, in this order */
	size_t found;		/* so many, the first ones, may have been cut */

	/* messages of the session, and with rows_counted of the rows */
	size_t exact, shorter;
	bool rows_counted;
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
	bool is_in_step;  /* proven; but sizes are asked for */
	struct cuts cuts;
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
/* Asks for the proof, or for the sizes behind it.  All requests before it must
 * be answered. */
void lockstep_ask(struct lockstep *l, struct session *s);
/* Takes an answer to it.  ERR_PROTOCOL when it proves that the session is out
 * of step.  If LIST of one message is not answered as it should be, another
 * proof is due. */
int lockstep_take(struct lockstep *l, struct session *s, const struct answer *a,
		  struct err *e);

/* --- of its cuts; all but cuts_next is for lockstep.c --- */
void cuts_close(struct cuts *c);
/* With its octets, and with its bytes where a line end is one. */
void cuts_see(struct cuts *c, const struct mailbox *m, size_t entry,
	      int64_t octets, int64_t bytes);
/* True: ask; until then there is no next one. */
bool cuts_judge(struct cuts *c, struct session *s);
/* Asks for as many sizes as there is room for. */
void cuts_ask(struct cuts *c, struct session *s);
/* Takes the end of an answer, which said this size, or -1.  True: it was the
 * last. */
bool cuts_take(struct cuts *c, const struct session *s, int64_t told);
/* The next one that may have been cut, each once; false: there are no more. */
bool cuts_next(struct cuts *c, size_t *entry);

#endif
