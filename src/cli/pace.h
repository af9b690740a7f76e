/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For progress.c and bar.c only: how fast the messages of an account come, and
 * how long the rest will take.  Pure: the time is passed in.
 */
#ifndef CLI_PACE_H
#define CLI_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/progress.h"

struct pace {
	uint64_t rate;	/* bytes a second, smoothed; 0: not known, or nothing
			   comes */
	int64_t left_s; /* -1: not known */

	/* Private. */
	bool is_sampled;  /* the others are set */
	int64_t began_ms; /* when messages began to come */
	int64_t sample_ms;
	uint64_t sample_bytes;
};

/* How much of it has come, from 0 to 1: by bytes if their sum is known, else by
 * messages; 1 is for all messages alone. */
double pace_part(const struct progress_state *s);
/* now_ms is clock_ms(). */
void pace_measure(struct pace *p, const struct progress_state *s,
		  int64_t now_ms);

#endif
