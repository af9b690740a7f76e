/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keeper's side of the link to the courier: what was asked and is not
 * answered yet, and the answers, one after the other.  Everything a courier
 * sends is checked against the oldest request: another number, another kind of
 * record, or a record nobody asked for is ERR_INTERNAL.
 *
 *	requests_give ...          asks, at most requests_room at once
 *	requests_next ...          the answers that have come, until there
 *	                           are no more
 *	requests_wait              waits for something to happen; then again
 */
#ifndef SESSION_REQUESTS_H
#define SESSION_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "link/facts.h"
#include "link/link.h"

/* A record that answers a request.  What comes in answer to which, and what its
 * fields mean, is said beside enum link_type. */
struct answer {
	enum link_type type;
	enum link_type order; /* LINK_GO, LINK_LIST, LINK_TOP, ... */
	size_t entry;	      /* the caller's */
	bool is_last;	      /* the request is answered */
	struct link_record
		record; /* its bytes are borrowed until the next call */
};

/* Of LINK_REFUSED: the courier's error.  Safe to show. */
void answer_why(const struct answer *a, struct err *why);

struct requests;

/* Borrows the links.  `report` gets notes, traces and phases of the courier.
 * silence_ms: how long the courier may say nothing while an answer is due. */
struct requests *requests_new(struct link *courier, struct link *report,
			      int64_t silence_ms);
void requests_free(struct requests **x);

/* The first of all. */
void requests_go(struct requests *x, const struct facts_go *go);
/* How many more may be given now. */
size_t requests_room(const struct requests *x);
/* Given, and not answered to the end. */
size_t requests_count(const struct requests *x);
void requests_give(struct requests *x, enum link_type order, uint32_t number,
		   size_t entry);
/* Is the answer that is due one to this order?  *entry is the caller's. */
bool requests_waits_for(const struct requests *x, enum link_type order,
			size_t *entry);
/* Of LINK_ERROR, or FACTS_FLIGHT_NONE. */
enum facts_flight requests_failed_flight(const struct requests *x);

/* 1: *a is the next answer; 0: none has come yet.  An error that the courier
 * reported comes out as it is; the courier being gone without a word is
 * ERR_INTERNAL. */
int requests_next(struct requests *x, struct answer *a, struct err *e);

/* Sends what was given, and waits: for an answer, one of these descriptors, a
 * signal, or the time `until` (clock_ms).  Returns at once while there are
 * answers. */
enum { REQUESTS_DESCRIPTORS_MAX = 256 };
int requests_wait(struct requests *x, const int fds[], size_t fd_count,
		  int64_t until, struct err *e);

#endif
