/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an MDA writes: its standard output and error, line by line to the target's
 * note(), made safe, at most MDALINES_MAX lines of MDALINES_SIZE bytes a message.  All
 * of it is read, so that no MDA waits for us.
 *
 *	mdalines_start; mdalines_poll and mdalines_read until it has ended; mdalines_end
 */
#ifndef DELIVER_MDALINES_H
#define DELIVER_MDALINES_H

#include <stdbool.h>
#include <stddef.h>

#include "deliver/deliver.h"

enum { MDALINES_MAX = 100, MDALINES_SIZE = 1000, MDALINES_STREAMS = 2 };

struct mdaline {
	int fd;			/* borrowed, non-blocking; -1: at its end */
	char text[MDALINES_SIZE];	/* the unfinished line, cut */
	size_t size;
	bool any;		/* has it begun? */
};

struct mdalines {
	const struct deliver_target *target;
	struct mdaline streams[MDALINES_STREAMS];
	unsigned count;		/* lines so far */
	char last[MDALINES_SIZE + 1];	/* that is not empty */
};

void mdalines_start(struct mdalines *l, const struct deliver_target *target,
		    int output, int errors);
size_t mdalines_poll(const struct mdalines *l, int fds[MDALINES_STREAMS]);
/* What is there now, but bounded: a program may write without end. */
void mdalines_read(struct mdalines *l);
/* Unfinished lines count as lines. */
void mdalines_end(struct mdalines *l);
/* "" when there was none; borrowed. */
const char *mdalines_last(const struct mdalines *l);

#endif
