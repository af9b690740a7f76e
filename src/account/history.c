/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/history.h"

#include "base/backoff.h"
#include "state/fact.h"

enum {
	NOTICE_S = 86400, /* a failure that goes on is told once a day */
	REFUSED_S = 15 * 60,
	REFUSED_MOST_S = 6 * 3600
};

/* --- facts --- */

struct fact {
	const char *name;
	int64_t value;
};

static int
load_facts(struct store *s, struct fact facts[], size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (store_fact(s, facts[i].name, 0, &facts[i].value, e) != 0)
			return -1;
	return 0;
}

static int
save_facts_as(struct store *s, enum store_durability d,
	      const struct fact facts[], size_t count, const char *fingerprint,
	      struct err *e)
{
	if (store_begin(s, d, e) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (store_set_fact(s, facts[i].name, facts[i].value, e) != 0)
			goto fail;
	if (fingerprint &&
	    store_set_fact_text(s, FACT_LOGIN_FINGERPRINT, fingerprint, e) != 0)
		goto fail;
	return store_commit(s, e);
fail:
	store_rollback(s);
	return -1;
}

static int
save_facts(struct store *s, const struct fact facts[], size_t count,
	   const char *fingerprint, struct err *e)
{
	return save_facts_as(s, STORE_LAZY, facts, count, fingerprint, e);
}

/* --- logins --- */

static int
is_same_login(struct store *s, const struct account_settings *a, bool *same,
	      struct err *e)
{
	return store_fact_is(s, FACT_LOGIN_FINGERPRINT, a->fingerprint, same,
			     e);
}

int
history_check(struct store *s, const struct account_settings *a, int64_t now,
	      int64_t *wait_s, bool *refused, struct err *e)
{
	struct fact facts[] = {
		{ FACT_LOGIN_NEXT_TRY, 0 },
		{ FACT_LAST_LOGIN, 0 },
		{ FACT_LOGIN_DELAY, 0 },
	};
	int64_t retry, delay;
	bool same;

	*wait_s = 0;
	*refused = false;
	if (load_facts(s, facts, 3, e) != 0 ||
	    is_same_login(s, a, &same, e) != 0)
		return -1;
	retry = facts[0].value - now;
	delay = facts[1].value + facts[2].value - now;
	/* a time further ahead than any pause: the clock was set back */
	if (same && retry > 0 && retry <= REFUSED_MOST_S) {
		*wait_s = retry;
		*refused = true;
	} else if (delay > 0 && delay <= facts[2].value) {
		*wait_s = delay;
	}
	return 0;
}

int
history_logged_in(struct store *s, int64_t delay_s, int64_t now, struct err *e)
{
	struct fact before[] = { { FACT_LOGIN_FAILURES, 0 },
				 { FACT_LOGIN_DELAY, 0 } };
	struct fact after[] = {
		{ FACT_LOGIN_FAILURES, 0 },
		{ FACT_LOGIN_NEXT_TRY, 0 },
		{ FACT_LOGIN_DELAY, delay_s },
		{ FACT_LAST_LOGIN, now },
	};

	if (load_facts(s, before, 2, e) != 0)
		return -1;
	if (before[0].value == 0 && before[1].value == 0 && delay_s == 0)
		return 0; /* nothing to remember, nothing to forget */
	return save_facts(s, after, 4, NULL, e);
}

int
history_login_refused(struct store *s, const struct account_settings *a,
		      int64_t now, struct err *e)
{
	struct fact failures = { FACT_LOGIN_FAILURES, 0 };
	struct fact after[2];
	int64_t wait;
	bool same;

	if (load_facts(s, &failures, 1, e) != 0 ||
	    is_same_login(s, a, &same, e) != 0)
		return -1;
	if (!same)
		failures.value = 0;
	wait = backoff_wait(REFUSED_S, REFUSED_MOST_S, failures.value);
	after[0] = (struct fact){ FACT_LOGIN_FAILURES, failures.value + 1 };
	after[1] = (struct fact){ FACT_LOGIN_NEXT_TRY, now + wait };
	return save_facts(s, after, 2, a->fingerprint, e);
}

/* --- failures that may pass --- */

int
history_failed(struct store *s, const struct account_settings *a, int64_t now,
	       bool *fold, struct err *e)
{
	struct fact f[] = {
		{ FACT_FAILURES, 0 },
		{ FACT_FIRST_FAILURE, 0 },
		{ FACT_LAST_NOTICE, 0 },
	};
	int64_t *count = &f[0].value, *first = &f[1].value;
	int64_t *noticed = &f[2].value;
	bool due;

	*fold = false;
	if (load_facts(s, f, 3, e) != 0)
		return -1;
	if ((*count)++ == 0)
		*first = now;
	due = a->notice_failures > 0 ? *count >= a->notice_failures
				     : now - *first >= a->notice_s;
	if (*noticed != 0 && now >= *noticed && now - *noticed < NOTICE_S)
		due = false;
	if (due)
		*noticed = now;
	*fold = !due;
	return save_facts(s, f, 3, NULL, e);
}

int
history_reached(struct store *s, struct err *e)
{
	struct fact f[] = {
		{ FACT_FAILURES, 0 },
		{ FACT_FIRST_FAILURE, 0 },
		{ FACT_LAST_NOTICE, 0 },
	};

	return save_facts(s, f, 3, NULL, e);
}

int
history_succeeded(struct store *s, uint64_t fetched, int64_t now, struct err *e)
{
	struct fact f[] = {
		{ FACT_LAST_SUCCESS, now },
		{ FACT_FAILURES, 0 },
		{ FACT_FIRST_FAILURE, 0 },
		{ FACT_LAST_NOTICE, 0 },
		{ FACT_LAST_FAILURE, 0 },
		{ FACT_LAST_FETCHED, (int64_t)fetched },
	};
	int64_t before;

	/* the first success is durable, since --catch-up goes by it
	 * (store_use) */
	if (store_fact(s, FACT_LAST_SUCCESS, 0, &before, e) != 0)
		return -1;
	return save_facts_as(s, before == 0 ? STORE_DURABLE : STORE_LAZY, f, 6,
			     NULL, e);
}

int
history_note_error(struct store *s, const char *text, uint64_t fetched,
		   int64_t now, struct err *e)
{
	if (store_begin(s, STORE_LAZY, e) != 0)
		return -1;
	if (store_set_fact_text(s, FACT_LAST_ERROR, text, e) == 0 &&
	    store_set_fact(s, FACT_LAST_FAILURE, now, e) == 0 &&
	    store_set_fact(s, FACT_LAST_FETCHED, (int64_t)fetched, e) == 0)
		return store_commit(s, e);
	store_rollback(s);
	return -1;
}
