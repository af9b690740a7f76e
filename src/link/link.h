/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Records over a pair of pipes between two of our processes: keeper and courier
 * (orders one way, mail the other), keeper and parent (reports).
 *
 * A record has a type, a message number, a value and up to LINK_PAYLOAD_MAX
 * bytes.  What a peer sends is not trusted: sizes are checked here; types,
 * numbers and order by the reader.
 *
 * Writing gathers records and sends them when the buffer is full or link_flush
 * is called, so that a small message costs no system call of its own.  A write
 * waits for the reader, but for an end that never waits (link_never_wait): else
 * two peers could wait for each other, since a user with many pipes gets some
 * that hold only 4 KiB.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	LINK_PAYLOAD_MAX = 65000, /* a uid may be nearly as long as a line */
	LINK_BUFFER_SIZE = 256 * 1024,
	LINK_ORDERS_MAX = 512,	/* ahead; 16 bytes each */
	LINK_DEEP = 1024 * 1024 /* wanted size of the pipe for mail */
};
/* In the number of LINK_ERROR: the server sent something that was not asked
 * for. */
#define LINK_SURPLUS   UINT32_C(0x80000000)
/* The value of LINK_UID and LINK_SIZE, with number 0: a line that says nothing
 * of any message. */
#define LINK_MALFORMED INT64_C(-2)

enum link_type {
	/* keeper to courier, each answered in order */
	LINK_GO = 1, /* payload: facts_put_go; answered by LINK_FACTS,
			LINK_STAT, LINK_UID or LINK_SIZE..., LINK_LISTED */
	LINK_LIST,   /* LIST n, or number 0: all; LINK_SIZE..., LINK_LISTED
			(value 1: +OK, and a +OK to LIST n that says what the
			protocol says) */
	LINK_UIDL, /* all once more: LINK_UID..., LINK_LISTED (value 1: +OK) */
	LINK_TOP,  /* TOP n 0: LINK_CHUNK..., LINK_END, or LINK_REFUSED */
	LINK_RETR, /* the same */
	LINK_DELE, /* LINK_DELETED or LINK_REFUSED */
	LINK_QUIT, /* LINK_BYE, then the end */

	/* courier to keeper */
	LINK_FACTS,   /* payload: facts_put */
	LINK_STAT,    /* number: messages (cut at 2^32-1, which also stands for
			 unknown), value: octets, or -1 where STAT does not say
			 them */
	LINK_UID,     /* number, payload: uid; or value: LINK_MALFORMED,
			 payload: a line of that kind */
	LINK_SIZE,    /* number, value: octets or -1; or the same */
	LINK_LISTED,  /* value: 1 when UIDL was answered, else payload: what was
			 said instead */
	LINK_CHUNK,   /* number, payload: bytes of a message, LF line ends */
	LINK_END,     /* number, value: octets as RFC 1939 counts */
	LINK_REFUSED, /* number, value: enum err_kind, payload: text */
	LINK_DELETED, /* number */
	LINK_BYE,     /* value: 1 +OK, 0 -ERR, -1 no reply; payload: text */
	LINK_NOTE,    /* payload: a line for -v */
	LINK_SAID,    /* payload: a line that password_command has written */
	LINK_TRACE,   /* value: 1 sent, 0 received; payload: line, for -vv */
	LINK_LOGIN,   /* value: facts_go.login of the next session; comes at any
			 time */
	LINK_PHASE,   /* payload: "connecting" and so on, for the bar */
	LINK_ERROR,   /* value: enum err_kind, payload: text; then the end;
			 number: enum facts_flight, where what was sent along
			 with the login failed and the login after that was put
			 off (the first session still has the mailbox);
			 LINK_SURPLUS is added to it */

	/* keeper to parent: report.h */
	LINK_REPORT = 64
};

struct link_record {
	unsigned type;
	uint32_t number;
	int64_t value;
	const uint8_t *data; /* borrowed until the next call that reads */
	size_t size;
};

struct link;

/* Makes two ends that talk to each other.  After a fork each is for one of the
 * processes, which frees the other end (link_free).  `a_deep`: the pipe that
 * `a` writes to is made LINK_DEEP bytes deep. */
int link_pair(struct link **a, struct link **b, bool a_deep, struct err *e);
void link_free(struct link **l);
int link_input(const struct link *l); /* descriptor to poll for reading */
int link_output(const struct link *l);

void link_put(struct link *l, unsigned type, uint32_t number, int64_t value,
	      const void *data, size_t size);
/* The same with a text; cut at LINK_PAYLOAD_MAX. */
void link_put_text(struct link *l, unsigned type, uint32_t number,
		   int64_t value, const char *text);
/* For writing a payload in place: returns room for at least `least` bytes,
 * which is at most LINK_PAYLOAD_MAX; *room is how much there is.  link_commit
 * then makes a record of what was written. */
uint8_t *link_reserve(struct link *l, size_t least, size_t *room);
void link_commit(struct link *l, unsigned type, uint32_t number, int64_t value,
		 size_t size);
/* Sends what is gathered.  Once the peer is gone, this fails each time
 * (ERR_INTERNAL).  link_put notes such a failure for the next link_flush. */
int link_flush(struct link *l, struct err *e);

/* For an end that writes little, at most LINK_ORDERS_MAX records ahead of what
 * the peer has read: what the pipe does not take stays here, and goes with a
 * later link_flush.  As long as there is some, link_output is to be polled for
 * writing, too.  A peer that lets more gather than the buffer holds counts as
 * one that reads no more. */
void link_never_wait(struct link *l);
bool link_has_unsent(const struct link *l);

/* Reads what has come, without waiting. */
int link_pull(struct link *l, struct err *e);
/* Takes the next whole record that was read: false when there is none. */
bool link_next(struct link *l, struct link_record *r);
/* Would link_next give a record?  Then there is no need to wait. */
bool link_has_next(const struct link *l);
/* Has the peer closed?  Records read before that may still wait for
 * link_next. */
bool link_is_over(const struct link *l);
/* Waits for the next record; ERR_INTERNAL when the peer is gone, ERR_NETWORK at
 * the deadline. */
int link_wait(struct link *l, struct link_record *r, int64_t deadline,
	      struct err *e);

#endif
