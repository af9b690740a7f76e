/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What the account's rules and the clock say of one message. */
#include "config.h"

#include "state/rules.h"

#include "state/age.h"

bool
rules_allow_size(const struct plan_rules *r, int64_t size)
{
	return r->max_size == 0 || size < 0 || (uint64_t)size <= r->max_size;
}

int64_t
plan_true_try(int64_t next_try, int64_t now)
{
	int64_t wait;

	if (next_try > now && (__builtin_sub_overflow(next_try, now, &wait) ||
			       wait > PLAN_BACKOFF_MAX_S))
		return now;
	return next_try;
}

bool
rules_try_now(const struct plan_rules *r, const struct store_row *row)
{
	return r->ignore_backoff ||
	       plan_true_try(row->next_try, r->now) <= r->now;
}

static bool
is_credible(const struct plan_rules *r, const struct store_row *row)
{
	return age_is_credible(row->delivered, r->released, r->now);
}

/* Judged by the later of the two clocks that disagree: now, and the last
 * run. */
static bool
may_be_old(const struct plan_rules *r, const struct store_row *row)
{
	int64_t now = r->now > r->last_run ? r->now : r->last_run;

	return age_is_over(row->delivered, r->keep_s, now);
}

enum rules_verdict
rules_on_delivered(const struct plan_rules *r, const struct store_row *row)
{
	if (r->keep_s == PLAN_KEEP_FOREVER || row->skipped)
		return RULES_KEEP;
	if (r->keep_s > 0 && r->clock_is_doubted)
		return may_be_old(r, row) ? RULES_WITHHELD : RULES_KEEP;
	if (r->keep_s > 0 && (!is_credible(r, row) ||
			      !age_is_over(row->delivered, r->keep_s, r->now)))
		return RULES_KEEP;
	if (!row->has_digest)
		return RULES_UNPROVEN;
	return row->attempts == 0 || rules_try_now(r, row) ? RULES_DELETE
							   : RULES_WAITS;
}

bool
rules_count_anew(const struct plan_rules *r, const struct store_row *row)
{
	if (is_credible(r, row) || r->now < r->released)
		return false;
	return row->delivered < r->released || !r->clock_is_doubted;
}

bool
rules_is_bare(const struct store_row *row)
{
	return !row->has_digest && row->size < 0 && !row->skipped;
}

bool
rules_is_doubtful(const struct store_row *row)
{
	return row->dele_sent != 0 ||
	       (row->gone_since != 0 && !rules_is_bare(row));
}
