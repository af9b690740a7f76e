/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For progress.c and show.c: what a terminal can do, its size, and a question
 * on the controlling terminal.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/secret.h"

/* Can the cursor be moved there?  A terminal, TERM set and not "dumb". */
bool terminal_can_draw(int fd);
/* Are we in its foreground, or is it none that has jobs?  Who is in the
 * background draws nothing: others write there. */
bool terminal_is_ours(int fd);
/* From terminal_watch on terminal_was_left tells whether we have been stopped
 * (^Z), and go on, since it was asked last.  Then others have written since,
 * and the cursor is where they have left it. */
void terminal_watch(void);
bool terminal_was_left(void);
/* 80 and 24 when the terminal does not say. */
void terminal_size(int fd, size_t *columns, size_t *rows);

/*
 * Writes the prompt to /dev/tty and reads a line there, which is shown as it is
 * typed if `is_shown`, and may be empty then.  False without a terminal, in its
 * background, at end of file, after an empty line that is not shown, when
 * nothing was entered until then (clock_ms), or when INT, TERM, HUP or QUIT
 * came.  Such a signal is raised again here once the echo is on again, and has
 * the effect that it has on the program.  A stop by ^Z turns the echo on, too;
 * the question comes again afterwards.
 */
bool terminal_ask(const char *prompt, bool is_shown, int64_t until,
		  struct secret **answer);
/* Is there a terminal that could be asked? */
bool terminal_is_there(void);

#endif
