/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "courier/login.h"

#include <string.h>

#include "net/stream.h"
#include "pop3/words.h"

/* So many runs in a row, or so many ways, are no chance any more. */
enum { ENOUGH = 3, CLOSED_MOST = 15 };

/* The number: which ways are unfit, how many runs ended so, and one more than
 * the method of the configuration. */
enum { CLOSED_SHIFT = 32, OPTION_SHIFT = 40 };

void
login_recall(struct login *l, int64_t number, enum auth_method option)
{
	bool is_ours = number >> OPTION_SHIFT == (int64_t)option + 1;

	l->unfit = is_ours ? (uint32_t)(number & UINT32_MAX) : 0;
	l->closed =
		is_ours ? (uint32_t)(number >> CLOSED_SHIFT & CLOSED_MOST) : 0;
}

int64_t
login_number(const struct login *l, enum auth_method option)
{
	if (l->unfit == 0 && l->closed == 0)
		return 0;
	return (int64_t)l->unfit | (int64_t)l->closed << CLOSED_SHIFT |
	       ((int64_t)option + 1) << OPTION_SHIFT;
}

static bool
rule_out(struct login *l, const struct login_try *t)
{
	struct auth_settings next = *t->settings;

	l->unfit |= auth_way(t->used, t->whole);
	next.unfit = l->unfit;
	return auth_has_way(t->pop3, &next);
}

static unsigned
count_ways(uint32_t ways)
{
	unsigned count = 0;

	for (; ways != 0; ways &= ways - 1)
		count++;
	return count;
}

/* All ways were tried, and the next run begins anew. */
static enum login_next
give_up(struct login *l, const struct login_try *t, struct err *e)
{
	if (count_ways(l->unfit) >= ENOUGH && l->closed < ENOUGH)
		l->closed = ENOUGH - 1; /* this run is the last one */
	l->unfit = 0;
	if (e->kind == ERR_UNAVAILABLE)
		auth_add_hint(t->pop3, t->settings, e);
	return LOGIN_OVER;
}

static enum login_next
go_on_misunderstood(struct login *l, const struct login_try *t, struct err *e)
{
	if (!rule_out(l, t))
		return give_up(l, t, e);
	return t->has_company ? LOGIN_NEW_LINE : LOGIN_SAME_LINE;
}

static enum login_next
go_on_closed(struct login *l, const struct login_try *t, struct err *e)
{
	/* the way before it, which was not understood, may be why */
	if (!t->is_first)
		return LOGIN_NEW_LINE;
	if (!t->is_sent || !t->is_sure)
		return LOGIN_OVER;
	l->is_closed = true;
	return rule_out(l, t) ? LOGIN_NEW_LINE : give_up(l, t, e);
}

/* What is no reply of POP3 ("500 unrecognized command") has judged nothing,
 * unless its words say so, or it answers the secret that a mechanism asked
 * for. */
static enum login_next
go_on_broken(struct login *l, const struct login_try *t, const struct err *e)
{
	const uint8_t *text = (const uint8_t *)e->text;

	if (!t->is_sent || pop3_secrets(t->pop3) > t->secrets ||
	    words_meaning(text, strlen(e->text)) == WORDS_WRONG_LOGIN)
		return LOGIN_OVER;
	if (!t->is_first)
		return LOGIN_NEW_LINE;
	if (!t->is_sure)
		return LOGIN_OVER;
	if (rule_out(l, t))
		return LOGIN_NEW_LINE;
	l->unfit = 0;
	return LOGIN_OVER;
}

enum login_next
login_failed(struct login *l, const struct login_try *t, struct err *e)
{
	l->is_closed = false;
	if (e->kind == ERR_UNAVAILABLE && t->is_sent &&
	    pop3_last_code(t->pop3) != POP3_CODE_SYS_PERM)
		return go_on_misunderstood(l, t, e);
	if (e->kind == ERR_NETWORK && stream_is_closed(pop3_stream(t->pop3)))
		return go_on_closed(l, t, e);
	if (e->kind == ERR_PROTOCOL)
		return go_on_broken(l, t, e);
	return LOGIN_OVER;
}

void
login_worked(struct login *l)
{
	l->closed = 0;
	l->is_closed = false;
}

void
login_over(struct login *l, struct err *e)
{
	if (!l->is_closed || e->kind != ERR_NETWORK)
		return;
	l->closed += l->closed < CLOSED_MOST;
	if (l->closed < ENOUGH)
		return;
	err_context(e, "no login is answered, which counts as refused");
	e->kind = ERR_LOGIN;
}
