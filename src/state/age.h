/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long ago a message was delivered, and whether the clock that says so may
 * be believed: a computer may have none of its own, or one that was set wrongly
 * for a day.  Pure; all times are seconds since 1970.
 *
 * A clock that has gone on evenly from run to run is believed.  One that stands
 * more than a minute behind the run before, or more than 30 days ahead of it,
 * is doubted, and nothing is deleted by age or forgotten, until it has gone on
 * for 24 hours in later runs.  (Runs that are always between 30 and 100 days
 * apart thus delete from the second on that finds such a gap; a longer one is
 * always doubted.)  One that had stepped back and is again where it was before
 * has been put right, perhaps, and is doubted anew.
 */
#ifndef STATE_AGE_H
#define STATE_AGE_H

#include <stdbool.h>
#include <stdint.h>

/* What is remembered of the clock from run to run. */
struct age_clock {
	int64_t last_run;  /* what it showed then; 0: there was none */
	int64_t went_on_s; /* since it was doubted; negative: it is not */
	int64_t high;	   /* where it was before it stepped back, or 0 */
};

/* Is it believed at `now`?  c->went_on_s becomes what is to be remembered; the
 * caller remembers `now` as the next last_run. */
bool age_clock_is_good(struct age_clock *c, int64_t now);

/* Can it have been delivered then?  Not before `released`, nor in the
 * future. */
bool age_is_credible(int64_t delivered, int64_t released, int64_t now);
/* Have keep_s seconds passed? */
bool age_is_over(int64_t delivered, int64_t keep_s, int64_t now);

#endif
