/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What people see while popfetch runs: on a terminal one bar for each account,
 * several at once; elsewhere plain lines.  The parent alone uses it, so nothing
 * else writes to the terminal.
 *
 * Bars are drawn on a terminal with cursor movement (TERM is set and not
 * "dumb") while we are in its foreground.  Lines printed meanwhile appear above
 * them.  Bars are drawn at most ten times a second; lines for a terminal come
 * with the next drawing, an error comes at once.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress_state {
	uint64_t messages, messages_total;
	uint64_t bytes, bytes_total; /* bytes_total 0: unknown */
	const char *phase;	     /* "connecting", "fetching", ... */
};

struct progress;

struct progress_place {
	int lines_fd;
	int bars_fd;	  /* -1: no bars are wanted */
	int64_t delay_ms; /* from the first progress_tick with an account to the
			     first drawing */
};

struct progress *progress_new(const struct progress_place *place);
void progress_free(struct progress **p); /* takes the bars away */
/* Writes a line (made safe here; '\n' is added), above the bars. */
void progress_line(struct progress *p, const char *line);
/* The same, cut to the width of the terminal. */
void progress_line_cut(struct progress *p, const char *line);
/* The same with an indent, and on a terminal in several lines of its width. */
void progress_line_wrapped(struct progress *p, size_t indent, const char *line);
/* As progress_line, but to standard error, for errors. */
void progress_error(struct progress *p, const char *line);
/* An account's bar appears, changes, and goes; `slot` is any number the caller
 * uses for it again. */
void progress_begin(struct progress *p, size_t slot, const char *account);
void progress_update(struct progress *p, size_t slot,
		     const struct progress_state *state);
void progress_end(struct progress *p, size_t slot);
/* Redraws what changed, if it is time; returns when it must be called next
 * (clock_ms; CLOCK_NEVER when nothing waits).  now_ms is clock_ms(). */
int64_t progress_tick(struct progress *p, int64_t now_ms);

/* Asks on the controlling terminal (/dev/tty), without echo unless the answer
 * is_shown, when it may be empty.  False without a terminal, in its background,
 * at end of file, after an empty line that is not shown, after an interrupt,
 * and when nothing was entered until then (clock_ms).  A signal that interrupts
 * it has its usual effect once the echo is on again.  p may be NULL. */
struct secret;
bool progress_ask(struct progress *p, const char *prompt, bool is_shown,
		  int64_t until, struct secret **answer);

#endif
