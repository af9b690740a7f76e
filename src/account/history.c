/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/history.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "state/fact.h"

enum {
	NOTICE_S = 86400, /* a failure that goes on is told once a day */
	REFUSED_S = 15 * 60,
	PUT_OFF_S = 60,
	DELAY_MOST_S = 86400,
	AGAIN_S = 86400
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

/* `text` and its name may be NULL. */
static int
save_facts_as(struct store *s, enum store_durability d,
	      const struct fact facts[], size_t count, const char *text_name,
	      const char *text, struct err *e)
{
	if (store_begin(s, d, e) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (store_set_fact(s, facts[i].name, facts[i].value, e) != 0)
			goto fail;
	if (text && store_set_fact_text(s, text_name, text, e) != 0)
		goto fail;
	return store_commit(s, e);
fail:
	store_rollback(s);
	return -1;
}

static int
save_facts(struct store *s, const struct fact facts[], size_t count,
	   struct err *e)
{
	return save_facts_as(s, STORE_LAZY, facts, count, NULL, NULL, e);
}

/* --- logins --- */

static int
is_same_login(struct store *s, const char *fact,
	      const struct account_settings *a, bool *same, struct err *e)
{
	return store_fact_is(s, fact, a->fingerprint, same, e);
}

/* How long it is until then; or 0, too, if that is longer than any such pause:
 * the clock was set back. */
static int64_t
wait_until(int64_t until, int64_t now, int64_t longest_s)
{
	return until > now && until - now <= longest_s ? until - now : 0;
}

static int64_t
shorter(int64_t a_s, int64_t b_s)
{
	return a_s < b_s ? a_s : b_s;
}

int
history_check(struct store *s, const struct account_settings *a, int64_t now,
	      int64_t *wait_s, enum history_pause *pause, struct err *e)
{
	struct fact f[] = {
		{ FACT_LOGIN_NEXT_TRY, 0 }, { FACT_PUT_OFF_UNTIL, 0 },
		{ FACT_PUT_OFF_S, 0 },	    { FACT_LAST_LOGIN, 0 },
		{ FACT_LOGIN_DELAY, 0 },
	};
	bool is_refused, is_put_off;
	int64_t delay;

	*wait_s = 0;
	*pause = HISTORY_NO_PAUSE;
	if (load_facts(s, f, 5, e) != 0 ||
	    is_same_login(s, FACT_LOGIN_FINGERPRINT, a, &is_refused, e) != 0 ||
	    is_same_login(s, FACT_PUT_OFF_FINGERPRINT, a, &is_put_off, e) != 0)
		return -1;
	delay = shorter(f[4].value, DELAY_MOST_S);
	if (is_refused)
		*wait_s = wait_until(f[0].value, now, HISTORY_PAUSE_MOST_S);
	*pause = HISTORY_REFUSED;
	if (*wait_s > 0)
		return 0;
	if (is_put_off)
		*wait_s = wait_until(f[1].value, now, f[2].value);
	*pause = HISTORY_PUT_OFF;
	if (*wait_s > 0)
		return 0;
	*wait_s = wait_until(f[3].value + delay, now, delay);
	*pause = *wait_s > 0 ? HISTORY_DELAY : HISTORY_NO_PAUSE;
	return 0;
}

int
history_logged_in(struct store *s, int64_t delay_s, int64_t now, struct err *e)
{
	struct fact before[] = {
		{ FACT_LOGIN_FAILURES, 0 },
		{ FACT_LOGIN_DELAY, 0 },
		{ FACT_PUT_OFF_UNTIL, 0 },
		{ FACT_REFUSED_SINCE, 0 },
	};
	struct fact after[] = {
		{ FACT_LOGIN_FAILURES, 0 },
		{ FACT_LOGIN_NEXT_TRY, 0 },
		{ FACT_LOGIN_DELAY, shorter(delay_s, DELAY_MOST_S) },
		{ FACT_LAST_LOGIN, now },
		{ FACT_PUT_OFF_UNTIL, 0 },
		{ FACT_REFUSED_SINCE, 0 },
	};
	bool is_news = delay_s != 0;

	if (load_facts(s, before, 4, e) != 0)
		return -1;
	for (size_t i = 0; i < 4; i++)
		is_news |= before[i].value != 0;
	/* else nothing is to be remembered, nothing to be forgotten */
	return is_news ? save_facts(s, after, 6, e) : 0;
}

/* When a row of failures began, which goes on at `now`. */
static int64_t
began(int64_t since, int64_t now)
{
	return since == 0 || clock_is_wrong(since, now) ? now : since;
}

int
history_login_refused(struct store *s, const struct account_settings *a,
		      int64_t now, struct err *e)
{
	struct fact f[] = { { FACT_LOGIN_FAILURES, 0 },
			    { FACT_REFUSED_SINCE, 0 } };
	struct fact after[3];
	int64_t wait;
	bool same;

	if (load_facts(s, f, 2, e) != 0 ||
	    is_same_login(s, FACT_LOGIN_FINGERPRINT, a, &same, e) != 0)
		return -1;
	if (!same)
		f[0].value = 0;
	wait = backoff_wait(REFUSED_S, HISTORY_PAUSE_MOST_S, f[0].value);
	after[0] = (struct fact){ FACT_LOGIN_FAILURES, f[0].value + 1 };
	after[1] = (struct fact){ FACT_LOGIN_NEXT_TRY, now + wait };
	after[2] = (struct fact){ FACT_REFUSED_SINCE, began(f[1].value, now) };
	return save_facts_as(s, STORE_LAZY, after, 3, FACT_LOGIN_FINGERPRINT,
			     a->fingerprint, e);
}

int
history_put_off(struct store *s, const struct account_settings *a,
		int64_t longest_s, int64_t now, struct err *e)
{
	struct fact f[] = { { FACT_PUT_OFF_S, 0 }, { FACT_PUT_OFF_SINCE, 0 } };
	struct fact after[3];
	int64_t wait;
	bool same;

	if (load_facts(s, f, 2, e) != 0 ||
	    is_same_login(s, FACT_PUT_OFF_FINGERPRINT, a, &same, e) != 0)
		return -1;
	wait = same && f[0].value > 0 ? 2 * f[0].value : PUT_OFF_S;
	wait = shorter(wait, longest_s);
	after[0] = (struct fact){ FACT_PUT_OFF_UNTIL, now + wait };
	after[1] = (struct fact){ FACT_PUT_OFF_S, wait };
	after[2] = (struct fact){ FACT_PUT_OFF_SINCE, began(f[1].value, now) };
	return save_facts_as(s, STORE_LAZY, after, 3, FACT_PUT_OFF_FINGERPRINT,
			     a->fingerprint, e);
}

int
history_resumed(struct store *s, struct err *e)
{
	const struct fact none[] = { { FACT_PUT_OFF_S, 0 },
				     { FACT_PUT_OFF_SINCE, 0 } };

	return save_facts(s, none, 2, e);
}

/* --- failures that may pass --- */

/* Is a row of passing failures worth a word by `notice_after`? */
static bool
is_past_notice(const struct account_settings *a, int64_t count, int64_t first,
	       int64_t now)
{
	return a->notice_failures > 0 ? count >= a->notice_failures
				      : now - first >= a->notice_s;
}

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
	if ((*count)++ == 0 || clock_is_wrong(*first, now))
		*first = now;
	due = is_past_notice(a, *count, *first, now);
	if (*noticed != 0 && now >= *noticed && now - *noticed < NOTICE_S)
		due = false;
	if (due)
		*noticed = now;
	*fold = !due;
	return save_facts(s, f, 3, e);
}

int
history_is_failing(struct store *s, const struct account_settings *a,
		   int64_t now, bool *is, struct err *e)
{
	struct fact f[] = {
		{ FACT_FAILURES, 0 },
		{ FACT_FIRST_FAILURE, 0 },
		{ FACT_LAST_FAILURE, 0 },
	};

	if (load_facts(s, f, 3, e) != 0)
		return -1;
	*is = f[2].value != 0 &&
	      (f[0].value == 0 ||
	       is_past_notice(a, f[0].value, f[1].value, now));
	return 0;
}

int
history_has_failed(struct store *s, bool *has, struct err *e)
{
	struct fact failures = { FACT_FAILURES, 0 };

	if (load_facts(s, &failures, 1, e) != 0)
		return -1;
	*has = failures.value > 0;
	return 0;
}

int
history_mda_broken(struct store *s, const char *fingerprint, int64_t now,
		   bool *fold, struct err *e)
{
	int64_t told;
	bool same;

	*fold = false;
	if (store_fact_is(s, FACT_MDA_TOLD_OF, fingerprint, &same, e) != 0 ||
	    store_fact(s, FACT_MDA_TOLD, 0, &told, e) != 0)
		return -1;
	*fold = same && now >= told && now - told < NOTICE_S;
	if (*fold)
		return 0;
	if (store_begin(s, STORE_LAZY, e) != 0)
		return -1;
	if (store_set_fact_text(s, FACT_MDA_TOLD_OF, fingerprint, e) == 0 &&
	    store_set_fact(s, FACT_MDA_TOLD, now, e) == 0)
		return store_commit(s, e);
	store_rollback(s);
	return -1;
}

int
history_reached(struct store *s, struct err *e)
{
	struct fact f[] = {
		{ FACT_FAILURES, 0 },	 { FACT_FIRST_FAILURE, 0 },
		{ FACT_LAST_NOTICE, 0 }, { FACT_PUT_OFF_UNTIL, 0 },
		{ FACT_PUT_OFF_S, 0 },	 { FACT_PUT_OFF_SINCE, 0 },
	};

	return save_facts(s, f, 6, e);
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
		{ FACT_PUT_OFF_UNTIL, 0 },
		{ FACT_PUT_OFF_S, 0 },
		{ FACT_PUT_OFF_SINCE, 0 },
		{ FACT_REFUSED_SINCE, 0 },
	};
	int64_t before;

	/* the first success is durable, since --catch-up goes by it
	 * (store_use) */
	if (store_fact(s, FACT_LAST_SUCCESS, 0, &before, e) != 0)
		return -1;
	return save_facts_as(s, before == 0 ? STORE_DURABLE : STORE_LAZY, f, 10,
			     NULL, NULL, e);
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

/* --- a second session of a run --- */

int
history_again_refused(struct store *s, int64_t now, struct err *e)
{
	const struct fact refused = { FACT_AGAIN_REFUSED, now };

	return save_facts(s, &refused, 1, e);
}

int
history_refuses_again(struct store *s, int64_t now, bool *does, struct err *e)
{
	int64_t when;

	if (store_fact(s, FACT_AGAIN_REFUSED, 0, &when, e) != 0)
		return -1;
	*does = when != 0 && now >= when && now - when < AGAIN_S;
	return 0;
}
