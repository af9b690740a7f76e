/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For progress.c only: the text of one progress bar.  Pure: numbers in, text
 * out.
 *
 *	work  12/46   26%  0:08 left   1.2 MiB  453 KiB/s  [####------------]
 *
 * What does not fit is left out: the rate first, then the size, the gauge, the
 * time, the name and the count never.
 */
#ifndef CLI_BAR_H
#define CLI_BAR_H

#include <stddef.h>
#include <stdint.h>

#include "cli/pace.h"
#include "cli/progress.h"

enum { BAR_TEXT_MAX = 512, BAR_NAME_MAX = 20 };

/* What all bars have in common, so that they stand below each other. */
struct bar_layout {
	size_t columns; /* none is wider */
	size_t name;	/* columns to which names are cut or padded */
	size_t count;	/* the most of bar_count_columns */
};

size_t bar_count_columns(const struct progress_state *state);
/* The name is valid UTF-8. */
void bar_format(char out[BAR_TEXT_MAX], const struct bar_layout *layout,
		const char *name, const struct progress_state *state,
		const struct pace *pace);

#endif
