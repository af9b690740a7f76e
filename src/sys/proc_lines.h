/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a program says: its standard output and error, or one of them, line by
 * line, made safe, at most PROC_LINES_MAX lines of PROC_LINES_SIZE bytes.  All
 * of it is read, so that no program waits for us.
 *
 *	proc_lines_start; proc_lines_poll and proc_lines_read until it has
 *	ended; proc_lines_end
 */
#ifndef SYS_PROC_LINES_H
#define SYS_PROC_LINES_H

#include <stdbool.h>
#include <stddef.h>

enum { PROC_LINES_MAX = 100, PROC_LINES_SIZE = 1000, PROC_LINES_STREAMS = 2 };

/* Gets each line as it comes. */
typedef void proc_lines_note(void *arg, const char *line);

struct proc_said {
	int fd;			    /* borrowed, non-blocking; -1: at its end */
	char text[PROC_LINES_SIZE]; /* the unfinished line, as far as it fits */
	size_t size;
	bool any; /* has this line begun? */
};

struct proc_lines {
	proc_lines_note *note; /* or NULL */
	void *arg;
	struct proc_said streams[PROC_LINES_STREAMS];
	unsigned count;			/* lines so far */
	char last[PROC_LINES_SIZE + 1]; /* the last one that is not empty */
};

/* A descriptor may be -1. */
void proc_lines_start(struct proc_lines *l, proc_lines_note *note, void *arg,
		      int output, int errors);
size_t proc_lines_poll(const struct proc_lines *l, int fds[PROC_LINES_STREAMS]);
/* Reads what is there now, but not without bound: a program may write without
 * end. */
void proc_lines_read(struct proc_lines *l);
/* Unfinished lines count as lines, too. */
void proc_lines_end(struct proc_lines *l);
/* The last line that is not empty, or "" when there was none; borrowed. */
const char *proc_lines_last(const struct proc_lines *l);

#endif
