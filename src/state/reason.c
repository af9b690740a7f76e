/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Why the plan decided so, in words. */
#include "config.h"

#include "state/reason.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/quantity.h"

/* "3 days" is precise enough: the second unit is shown only below two of the
 * first. */
static void
show_roughly(char out[QUANTITY_TEXT_MAX], int64_t seconds)
{
	static const int64_t units[] = { 86400, 3600, 60 };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= 2 * units[i]) {
			seconds -= seconds % units[i];
			break;
		}
	quantity_show_duration(out, seconds);
}

enum { DELIVERED_MAX = QUANTITY_TEXT_MAX + 16 };

static void
show_delivered(const struct reason *r, char out[DELIVERED_MAX])
{
	char ago[QUANTITY_TEXT_MAX];

	if (!r->row || r->row->delivered > r->rules->now) {
		snprintf(out, DELIVERED_MAX, "delivered");
		return;
	}
	show_roughly(ago, r->rules->now - r->row->delivered);
	snprintf(out, DELIVERED_MAX, "delivered %s ago", ago);
}

static void
show_kept(const struct reason *r, char out[PLAN_REASON_MAX])
{
	char delivered[DELIVERED_MAX], keep[QUANTITY_TEXT_MAX];

	if (r->row && r->row->skipped) {
		snprintf(out, PLAN_REASON_MAX, "skipped");
		return;
	}
	show_delivered(r, delivered);
	quantity_show_duration(keep, r->rules->keep_s);
	if (r->rules->keep_s == PLAN_KEEP_FOREVER)
		snprintf(out, PLAN_REASON_MAX, "%s, kept", delivered);
	else if (r->odd)
		snprintf(out, PLAN_REASON_MAX,
			 "%s, not deleted: listed more than once", delivered);
	else if (r->row && !r->row->has_digest)
		snprintf(out, PLAN_REASON_MAX,
			 "%s, not deleted: recorded without its header",
			 delivered);
	else if (r->row && r->row->attempts > 0 &&
		 r->row->next_try > r->rules->now)
		snprintf(out, PLAN_REASON_MAX,
			 "%s, not deleted: that failed, and is tried again "
			 "later",
			 delivered);
	else if (r->rules->keep_s == 0 && r->item.action == PLAN_DELETE)
		snprintf(out, PLAN_REASON_MAX, "%s, not kept", delivered);
	else if (r->rules->clock_is_doubted)
		snprintf(out, PLAN_REASON_MAX,
			 "%s, not deleted: the clock has jumped", delivered);
	else
		snprintf(out, PLAN_REASON_MAX, "%s, kept for %s", delivered,
			 keep);
}

static void
show_aside(const struct reason *r, char out[PLAN_REASON_MAX])
{
	char wait[QUANTITY_TEXT_MAX];

	show_roughly(wait, r->row->next_try - r->rules->now);
	snprintf(out, PLAN_REASON_MAX, "set aside, next try in %s", wait);
}

static void
show_fetched(const struct reason *r, char out[PLAN_REASON_MAX])
{
	const char *text = "new";

	if (r->item.by_content) {
		text = "without uid, compared with earlier ones";
	} else if (r->row && r->row->status == STORE_DELIVERED) {
		show_delivered(r, out);
		return;
	} else if (r->row && r->row->status == STORE_SET_ASIDE) {
		text = "set aside, next try is due";
	} else if (r->row && r->row->status == STORE_TOO_LARGE) {
		text = "was too large, no longer is";
	}
	snprintf(out, PLAN_REASON_MAX, "%s", text);
}

static void
show_later(const struct reason *r, char out[PLAN_REASON_MAX])
{
	if (r->rules->max_messages == 0)
		snprintf(out, PLAN_REASON_MAX, "left for the next run");
	else
		snprintf(out, PLAN_REASON_MAX,
			 "left for a later run: 'max_messages' is %" PRIu64,
			 r->rules->max_messages);
}

void
reason_show(const struct reason *r, char out[PLAN_REASON_MAX])
{
	char size[QUANTITY_TEXT_MAX];

	switch (r->item.action) {
	case PLAN_FETCH:
		show_fetched(r, out);
		break;
	case PLAN_COMPARE:
		snprintf(out, PLAN_REASON_MAX, "%s",
			 r->alone
				 ? "known uid, to be compared"
				 : "uid listed more than once, to be compared");
		break;
	case PLAN_LEARN:
		snprintf(out, PLAN_REASON_MAX,
			 "recorded as delivered, its "
			 "header is to be recorded too");
		break;
	case PLAN_KEEP:
	case PLAN_DELETE:
		show_kept(r, out);
		break;
	case PLAN_TOO_LARGE:
		quantity_show_size(size, r->rules->max_size);
		snprintf(out, PLAN_REASON_MAX, "larger than %s", size);
		break;
	case PLAN_SET_ASIDE:
		show_aside(r, out);
		break;
	case PLAN_LATER:
		show_later(r, out);
		break;
	}
}
