/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For plan.c alone: what the account's rules and the clock say of one message.
 * Pure.
 */
#ifndef STATE_RULES_H
#define STATE_RULES_H

#include "state/plan.h"

bool rules_allow_size(const struct plan_rules *r, int64_t size);
/* Is a message that was set aside to be tried now? */
bool rules_try_now(const struct plan_rules *r, const struct store_row *row);

enum rules_verdict {
	RULES_KEEP,
	RULES_DELETE,
	RULES_WAITS,	/* it is due, but that has failed, and waits */
	RULES_WITHHELD, /* it may be due, but the clock is doubted */
	RULES_UNPROVEN	/* it is due, but has no digest to compare */
};
enum rules_verdict rules_on_delivered(const struct plan_rules *r,
				      const struct store_row *row);
/* Is the time of delivery on record one that cannot be, so that the age counts
 * from now?  Only a clock that is believed may make a message older than its
 * record says; a clock that is doubted may still replace a time at which there
 * was no popfetch yet. */
bool rules_count_anew(const struct plan_rules *r, const struct store_row *row);

/* Was it recorded from a list, and not listed since?  Then it has neither size
 * nor digest, and was not seen to be gone, since it was never seen. */
bool rules_is_bare(const struct store_row *row);
/* May another message have its uid by now? */
bool rules_is_doubtful(const struct store_row *row);

#endif
