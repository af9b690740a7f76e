/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What an MDA writes: its standard output and error go to the target's note()
 * line by line, made safe, at most MDA_LINES_MAX lines of MDA_LINES_SIZE bytes
 * a message.  All of it is read, so that no MDA waits for us.
 *
 *	mda_lines_start; mda_lines_poll and mda_lines_read until it has ended;
 *	mda_lines_end
 */
#ifndef DELIVER_MDA_LINES_H
#define DELIVER_MDA_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "deliver/deliver.h"

enum { MDA_LINES_MAX = 100, MDA_LINES_SIZE = 1000, MDA_LINES_STREAMS = 2 };

struct mdaline {
	int fd;			   /* borrowed, non-blocking; -1: at its end */
	char text[MDA_LINES_SIZE]; /* the unfinished line, as far as it fits */
	size_t size;
	bool any; /* has this line begun? */
};

struct mda_lines {
	const struct deliver_target *target;
	struct mdaline streams[MDA_LINES_STREAMS];
	unsigned count;		       /* lines so far */
	char last[MDA_LINES_SIZE + 1]; /* the last one that is not empty */
};

void mda_lines_start(struct mda_lines *l, const struct deliver_target *target,
		     int output, int errors);
size_t mda_lines_poll(const struct mda_lines *l, int fds[MDA_LINES_STREAMS]);
/* Reads what is there now, but not without bound: a program may write without
 * end. */
void mda_lines_read(struct mda_lines *l);
/* Unfinished lines count as lines, too. */
void mda_lines_end(struct mda_lines *l);
/* The last line that is not empty, or "" when there was none; borrowed. */
const char *mda_lines_last(const struct mda_lines *l);

#endif
