/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keeper's side of the link to the courier: orders given and not yet answered, and
 * the records that answer them.  Everything a courier sends is checked against the
 * oldest order: another number, another kind of record, or a record nobody asked for is
 * ERR_INTERNAL.
 *
 * requests_wait is the keeper's one poll loop: link, MDA, signals.
 */
#ifndef KEEPER_REQUESTS_H
#define KEEPER_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "commit/batch.h"
#include "link/facts.h"
#include "link/link.h"

/* What is done with the answers to one kind of errand; `entry` is the caller's.  A
 * NULL function ignores the record.  Failures end the wait. */
struct errand_class {
	unsigned order;		/* LINK_TOP, LINK_RETR, ... */
	int (*chunk)(void *arg, size_t entry, const uint8_t *bytes, size_t size,
		     struct err *e);
	/* LINK_END, LINK_DELETED, LINK_LISTED, LINK_BYE; value is the record's */
	int (*end)(void *arg, size_t entry, int64_t value, struct err *e);
	int (*refused)(void *arg, size_t entry, const struct err *why,
		       struct err *e);
};

/* Records that answer no errand but the GO. */
struct requests_listing {
	int (*facts)(void *arg, const struct facts *f, struct err *e);
	int (*stat)(void *arg, uint32_t count, int64_t total, struct err *e);
	int (*uid)(void *arg, uint32_t number, const uint8_t *uid, size_t size,
		   struct err *e);
	/* also for LINK_LIST requests */
	int (*size)(void *arg, uint32_t number, int64_t octets, struct err *e);
	/* why: the server's words where it refused UIDL; safe to show */
	int (*listed)(void *arg, bool has_uidl, const char *why, struct err *e);
};

struct requests;

/* Borrows the links.  `report` gets notes, traces and phases of the courier.
 * silence_ms: how long the courier may say nothing while an answer is due. */
struct requests *requests_new(struct link *courier, struct link *report,
			    const struct requests_listing *listing, void *arg,
			    int64_t silence_ms);
void requests_free(struct requests **x);

void requests_go(struct requests *x, const struct facts_go *go);
/* Of LINK_ERROR, or FACTS_FLIGHT_NONE. */
enum facts_flight requests_failed_flight(const struct requests *x);
/* How many more may be given now. */
size_t requests_room(const struct requests *x);
size_t requests_count(const struct requests *x);	/* given, not answered */
/* Is the one whose answer is due of this kind? *entry is the caller's. */
bool requests_waits_for(const struct requests *x,
		       const struct errand_class *class, size_t *entry);
void requests_give(struct requests *x, const struct errand_class *class,
		  uint32_t number, size_t entry);

/* Sends what was given, waits for something to happen (a record, an event of the MDA
 * of `b` (may be NULL), a signal, `until`), and carries out all records that have come.
 * An error that the courier reported comes out as it is; the courier being gone without
 * a word is ERR_INTERNAL. */
int requests_wait(struct requests *x, const struct batch *b, int64_t until,
		 struct err *e);

#endif
