/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Why the plan decided so, in words: for plan_reason alone.
 */
#ifndef STATE_REASON_H
#define STATE_REASON_H

#include "state/plan.h"

struct reason {
	struct plan_item item;
	const struct plan_rules *rules;
	const struct store_row *row; /* NULL: none */
	bool alone;		     /* the only one listed with its uid */
	bool odd;		     /* listed oddly */
};

void reason_show(const struct reason *r, char out[PLAN_REASON_MAX]);

#endif
