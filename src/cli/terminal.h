/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For progress.c only: the terminal's size, and a question on the controlling
 * terminal.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret.h"

/* Can the cursor be moved there?  A terminal, TERM set and not "dumb". */
bool terminal_can_draw(int fd);
/* 80 and 24 when the terminal does not say. */
void terminal_size(int fd, size_t *columns, size_t *rows);

/*
 * Writes the prompt to /dev/tty and reads a line there, which is shown as it is
 * typed if `is_shown`.  False
 * without a terminal, in its background, at end of file, after an empty line,
 * or when INT, TERM, HUP or QUIT came.  Such a signal is raised again here once
 * the echo is on again, and has the effect that it has on the program.  A stop
 * by ^Z turns the echo on, too; the question comes again afterwards.
 */
bool terminal_ask(const char *prompt, bool is_shown, struct secret **answer);
/* Is there a terminal that could be asked? */
bool terminal_is_there(void);

#endif
