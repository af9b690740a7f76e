/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A whole session as fetch drives one to a Maildir or an mbox, with a small file in
 * place of the database: recover, record, then deliver what is not delivered, batch by
 * batch.  It may be killed anywhere and run again.
 */
#ifndef TESTS_DELIVERING_H
#define TESTS_DELIVERING_H

#include <stdbool.h>
#include <stddef.h>

#include "deliver/deliver.h"

enum { DELIVERING_MAX = 16 };

struct delivering {
	const struct deliver_target *target;
	const char *database; /* path */
	const char *messages[DELIVERING_MAX];
	size_t count;
	size_t batch;		  /* messages a batch */
	bool stops_before_retire; /* ends when all is recorded */
};

/* An error or a failed check ends the process with status 1: this runs in forks.
 * `d` is a struct delivering. */
void delivering_session(void *d);
/* Recovery and its record alone. */
void delivering_recovery(void *d);
/* How many messages the database has as delivered. */
size_t delivering_recorded(const struct delivering *d);

/* Steps for other tests: each must succeed. */
struct deliver_staged *delivering_stage(struct deliver *d, const char *text);
void delivering_batch(struct deliver *d, const char *const texts[],
		      size_t count);

#endif
