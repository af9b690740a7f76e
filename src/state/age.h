/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * How long ago a message was delivered, and whether the clock that says so may
 * be believed: a computer may have no clock of its own, or one that was set
 * wrongly for a day.  Pure; all times are seconds since 1970.
 *
 * A clock that has gone on evenly from run to run is believed.  One that is
 * more than a minute behind the last run, or more than 30 days ahead of it, is
 * doubted: nothing is deleted by age or forgotten until the clock has gone on
 * for 24 hours in later runs.  (Where all runs are between 30 and 100 days
 * apart, messages are thus deleted from the second such gap on; a longer gap
 * always raises doubt, and so does the first one while the clock is doubted for
 * a step.)  A clock that stepped back and is again where it was
 * before may just have been put right, and is doubted anew.
 */
#ifndef STATE_AGE_H
#define STATE_AGE_H

#include <stdbool.h>
#include <stdint.h>

/* What is remembered of the clock from run to run. */
struct age_clock {
	int64_t last_run;  /* what it showed then; 0: no run yet */
	int64_t went_on_s; /* since it was doubted; negative: it is believed */
	int64_t high;	   /* what it showed before it stepped back, or 0 */
	bool has_gaps;	   /* it is doubted for a gap: the next is no news */
};

/* Is the clock believed at `now`?  Sets c->went_on_s and c->high to what is to
 * be remembered; the caller remembers `now` as the next last_run. */
bool age_clock_is_good(struct age_clock *c, int64_t now);

/* Can a message have been delivered at that time?  Not before `released`, nor
 * in the future. */
bool age_is_credible(int64_t delivered, int64_t released, int64_t now);
/* Have keep_s seconds passed since then? */
bool age_is_over(int64_t delivered, int64_t keep_s, int64_t now);

#endif
