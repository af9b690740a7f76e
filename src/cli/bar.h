/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For progress.c only: the text of one progress bar.  Pure: numbers in, text
 * out.
 *
 *	work  123/6046   1.2 MiB   4.5 MiB/s  [########----------------]
 *
 * What does not fit is left out, the rate first, the name and the count never.
 */
#ifndef CLI_BAR_H
#define CLI_BAR_H

#include <stddef.h>
#include <stdint.h>

#include "cli/progress.h"

enum { BAR_TEXT_MAX = 512, BAR_NAME_MAX = 20 };

/* Returns the bytes of the character at p, and adds the columns that it takes,
 * or one more, to *columns. */
size_t bar_char(const char *p, size_t *columns);
/* How many columns of a terminal a text of valid UTF-8 takes, or a few more. */
size_t bar_columns(const char *text);
/* The bar is at most `columns` wide (BAR_TEXT_MAX bytes); the name, valid
 * UTF-8, is cut or padded to name_columns.  rate is bytes a second, 0: not
 * known yet. */
void bar_format(char out[BAR_TEXT_MAX], size_t columns, const char *name,
		size_t name_columns, const struct progress_state *state,
		uint64_t rate);

#endif
