/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* How long ago a message was delivered, and whether the clock is to be
 * believed. */
#include "config.h"

#include "state/age.h"

enum {
	DAY_S = 86400,
	GAP_MAX_S = 30 * DAY_S,
	GAP_AGAIN_S = 100 * DAY_S,
	STEP_MAX_S = 60
};

/* The seconds from a to b, clamped to what the type holds. */
static int64_t
span(int64_t a, int64_t b)
{
	int64_t seconds;

	if (__builtin_sub_overflow(b, a, &seconds))
		return b > a ? INT64_MAX : INT64_MIN;
	return seconds;
}

/* Is the clock again where it was before it stepped back?  That is then
 * forgotten. */
static bool
is_put_right(struct age_clock *c, int64_t now)
{
	if (c->high == 0 || now < c->high - STEP_MAX_S)
		return false;
	c->high = 0;
	return true;
}

bool
age_clock_is_good(struct age_clock *c, int64_t now)
{
	int64_t gap = c->last_run > 0 ? span(c->last_run, now) : 0;
	bool is_far = gap > GAP_MAX_S;

	if (gap < -STEP_MAX_S) {
		c->went_on_s = 0;
		c->has_gaps = false;
		if (c->high < c->last_run)
			c->high = c->last_run;
		return false;
	}
	if (is_put_right(c, now)) {
		c->went_on_s = 0;
		c->has_gaps = false;
		return false;
	}
	if (c->went_on_s < 0 && !is_far)
		return true;
	if (is_far && (c->went_on_s < 0 || !c->has_gaps || gap > GAP_AGAIN_S)) {
		c->went_on_s = 0;
		c->has_gaps = true;
		return false;
	}
	if (gap > 0 && __builtin_add_overflow(c->went_on_s, gap, &c->went_on_s))
		c->went_on_s = INT64_MAX;
	if (c->went_on_s < DAY_S)
		return false;
	c->went_on_s = is_far ? 0 : -1;
	c->has_gaps = is_far;
	return true;
}

bool
age_is_credible(int64_t delivered, int64_t released, int64_t now)
{
	return delivered >= released && delivered <= now;
}

bool
age_is_over(int64_t delivered, int64_t keep_s, int64_t now)
{
	return now > delivered && span(delivered, now) >= keep_s;
}
