/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The keeper's side of the link to the courier: the requests that are not
 * answered yet, and the answers, one after the other.  Everything that a
 * courier sends is checked against the oldest request: another number, another
 * kind of record, or a record that nobody asked for is ERR_INTERNAL.
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

/* A record that answers a request.  enum link_type says which records answer
 * which order, and what their fields mean. */
struct answer {
	enum link_type type;
	enum link_type order;	   /* LINK_GO, LINK_LIST, LINK_TOP, ... */
	size_t entry;		   /* as the caller gave it */
	bool is_last;		   /* it ends the answer */
	struct link_record record; /* its bytes are borrowed until the next
				      call */
	int64_t came; /* of LINK_CHUNK and LINK_END: octets so far, with line
			 ends of one */
};

/* Of LINK_REFUSED: the courier's error.  Safe to show. */
void answer_why(const struct answer *a, struct err *why);

struct requests;

/* Borrows the links.  Notes, traces and phases of the courier go on to
 * `report`.  silence_ms: how long the courier may say nothing while an answer
 * is due. */
struct requests *requests_new(struct link *courier, struct link *report,
			      int64_t silence_ms);
void requests_free(struct requests **x);

/* The first request of all. */
void requests_go(struct requests *x, const struct facts_go *go);
/* How many more may be given now? */
size_t requests_room(const struct requests *x);
/* How many were given and are not answered to the end? */
size_t requests_count(const struct requests *x);
/* How many were under way at once, at most, since none was the last time before
 * a RETR, TOP or DELE? */
size_t requests_flight(const struct requests *x);
void requests_give(struct requests *x, enum link_type order, uint32_t number,
		   size_t entry);
/* How many were given since the beginning; how many of a kind are answered. */
uint64_t requests_given(const struct requests *x);
size_t requests_answered(const struct requests *x, enum link_type order);
/* Is the next answer due to a request of this kind?  Then *entry is the
 * caller's. */
bool requests_waits_for(const struct requests *x, enum link_type order,
			size_t *entry);
/* What LINK_ERROR said of it, or FACTS_FLIGHT_NONE. */
enum facts_flight requests_failed_flight(const struct requests *x);

/* Did the server send something that was not asked for, behind its last answer,
 * and was that one to a request of this kind?  Then *entry is the caller's. */
bool requests_broke_behind(const struct requests *x, enum link_type order,
			   size_t *entry);

/* How long answers take, by those that have come: to so many orders of this
 * kind, and to all that is not answered yet.  A short kind (LIST n, TOP, DELE,
 * QUIT) that was not answered yet is taken to be as slow as the slowest of the
 * others, or as the fastest RETR was if none was; of RETR only one is reckoned
 * with before one was answered (see phase_window). */
int64_t requests_pace_ms(const struct requests *x, enum link_type order,
			 size_t count);
int64_t requests_expected_ms(const struct requests *x);

/* What the next session is to be told of the login (facts_go.login), or -1 if
 * the courier has learned nothing new. */
int64_t requests_login(const struct requests *x);

/* 1: *a is the next answer; 0: none has come yet.  Fails with an error that the
 * courier reports as it is, and with ERR_INTERNAL when the courier is gone
 * without a word. */
int requests_next(struct requests *x, struct answer *a, struct err *e);

/* Sends what was given, and waits: for an answer, one of these descriptors, a
 * signal, or the time `until` (clock_ms).  Returns at once while there are
 * answers. */
enum { REQUESTS_DESCRIPTORS_MAX = 256 };
int requests_wait(struct requests *x, const int fds[], size_t fd_count,
		  int64_t until, struct err *e);

#endif
