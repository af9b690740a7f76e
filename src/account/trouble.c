/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "state/fact.h"

/* --- messages set aside --- */

/* What stands for messages without uid, which have no rows. */
enum { UNNAMED_ROW = -1 };

struct aside {
	uint64_t count;
	int64_t first; /* the row to watch, if there is any */
	bool has_watched;
};

/* A record of unnamed.c ends in ';'. */
static int
count_unnamed(struct store *s, uint64_t *count, struct err *e)
{
	const char *at;
	char *text;

	*count = 0;
	if (store_fact_text(s, FACT_UNNAMED, &text, e) != 0)
		return -1;
	for (at = text; at && (at = strchr(at, ';')); at++)
		++*count;
	free(text);
	return 0;
}

static int
look(struct store *s, int64_t watched, struct aside *a, struct err *e)
{
	uint64_t unnamed;

	if (store_aside(s, watched, &a->count, &a->first, &a->has_watched, e) !=
		    0 ||
	    count_unnamed(s, &unnamed, e) != 0)
		return -1;
	if (a->count == 0)
		a->first = UNNAMED_ROW;
	a->count += unnamed;
	a->has_watched |= watched == UNNAMED_ROW && unnamed > 0;
	return 0;
}

static int
set_aside_facts(struct store *s, int64_t row, int64_t since, struct err *e)
{
	if (store_begin(s, STORE_LAZY, e) != 0)
		return -1;
	if (store_set_fact(s, FACT_ASIDE_ROW, row, e) == 0 &&
	    store_set_fact(s, FACT_ASIDE_SINCE, since, e) == 0)
		return store_commit(s, e);
	store_rollback(s);
	return -1;
}

/* One of them is watched until it has come or is gone, so that some that come
 * and go never look like one that waits for long. */
int
trouble_note_aside(struct store *s, int64_t now, struct err *e)
{
	int64_t watched, since;
	struct aside a;

	if (store_fact(s, FACT_ASIDE_ROW, 0, &watched, e) != 0 ||
	    store_fact(s, FACT_ASIDE_SINCE, 0, &since, e) != 0 ||
	    look(s, watched, &a, e) != 0)
		return -1;
	if (a.count == 0)
		return watched == 0 ? 0 : set_aside_facts(s, 0, 0, e);
	if (a.has_watched && !clock_is_wrong(since, now))
		return 0;
	return set_aside_facts(s, a.has_watched ? watched : a.first, now, e);
}

/* --- messages that are not listed --- */

/* Once may be a message that went in between. */
int
trouble_note_left_out(struct store *s, uint64_t count, int64_t now,
		      struct err *e)
{
	int64_t left_out = (int64_t)count, since;

	if (store_fact(s, FACT_LEFT_OUT_SINCE, 0, &since, e) != 0)
		return -1;
	if (since == 0)
		left_out = 0;
	if (count == 0)
		since = 0;
	else if (clock_is_wrong(since, now))
		since = now;
	if (store_change_fact(s, FACT_LEFT_OUT, 0, left_out, e) != 0)
		return -1;
	return store_change_fact(s, FACT_LEFT_OUT_SINCE, 0, since, e);
}

/* --- what there is --- */

static bool
lasts(int64_t since, int64_t now)
{
	return since > 0 && !clock_is_wrong(since, now) &&
	       now - since >= TROUBLE_DAY_S;
}

static int
find_aside(struct store *s, int64_t now, struct trouble *t, struct err *e)
{
	int64_t watched, since;
	struct aside a;

	if (store_fact(s, FACT_ASIDE_SINCE, 0, &since, e) != 0)
		return -1;
	if (!lasts(since, now))
		return 0;
	if (store_fact(s, FACT_ASIDE_ROW, 0, &watched, e) != 0 ||
	    look(s, watched, &a, e) != 0)
		return -1;
	if (a.has_watched)
		*t = (struct trouble){ TROUBLE_ASIDE, since, a.count, 0 };
	return 0;
}

/* Beside messages set aside it is part of the same line. */
static int
find_left_out(struct store *s, int64_t now, struct trouble *t, struct err *e)
{
	int64_t left_out, since;

	if (store_fact(s, FACT_LEFT_OUT, 0, &left_out, e) != 0 ||
	    store_fact(s, FACT_LEFT_OUT_SINCE, 0, &since, e) != 0)
		return -1;
	if (left_out <= 0 || clock_is_wrong(since, now))
		return 0;
	if (t->kind == TROUBLE_NONE)
		*t = (struct trouble){ TROUBLE_LEFT_OUT, since, 0, 0 };
	t->left_out = (uint64_t)left_out;
	return 0;
}

int
trouble_find(struct store *s, int64_t now, struct trouble *t, struct err *e)
{
	int64_t refused, put_off;

	*t = (struct trouble){ .kind = TROUBLE_NONE };
	if (store_fact(s, FACT_REFUSED_SINCE, 0, &refused, e) != 0 ||
	    store_fact(s, FACT_PUT_OFF_SINCE, 0, &put_off, e) != 0)
		return -1;
	if (lasts(refused, now))
		*t = (struct trouble){ TROUBLE_REFUSED, refused, 0, 0 };
	else if (lasts(put_off, now))
		*t = (struct trouble){ TROUBLE_PUT_OFF, put_off, 0, 0 };
	else if (find_aside(s, now, t, e) != 0)
		return -1;
	else
		return find_left_out(s, now, t, e);
	return 0;
}

/* Of a server in trouble people are told by `notice_after` as well. */
int
trouble_is_due(struct store *s, const struct trouble *t, int64_t now, bool *due,
	       struct err *e)
{
	int64_t told, noticed = 0;

	*due = false;
	if (t->kind == TROUBLE_NONE)
		return 0;
	if (store_fact(s, FACT_TROUBLE_TOLD, 0, &told, e) != 0 ||
	    (t->kind == TROUBLE_PUT_OFF &&
	     store_fact(s, FACT_LAST_NOTICE, 0, &noticed, e) != 0))
		return -1;
	if (noticed > told)
		told = noticed;
	*due = told > now || now - told >= TROUBLE_DAY_S;
	return 0;
}

/* The other kinds say nothing of what `notice_after` is about. */
int
trouble_note_told(struct store *s, const struct trouble *t, int64_t now,
		  struct err *e)
{
	if (store_begin(s, STORE_LAZY, e) != 0)
		return -1;
	if (store_set_fact(s, FACT_TROUBLE_TOLD, now, e) == 0 &&
	    (t->kind != TROUBLE_PUT_OFF ||
	     store_set_fact(s, FACT_LAST_NOTICE, now, e) == 0))
		return store_commit(s, e);
	store_rollback(s);
	return -1;
}

/* --- words --- */

/* "since 2026-11-21T10:00:00+01:00 (2 days 3 hours)" */
static char *
since_text(int64_t since, int64_t now)
{
	char date[CLOCK_DATE_MAX], span[QUANTITY_TEXT_MAX];

	clock_iso8601(date, sizeof(date), since);
	quantity_show_duration(span, now - since);
	return mem_format("since %s (%s)", date, span);
}

/* As a shell wants it. */
static char *
quoted(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@._+-";
	bool is_plain = *name && *name != '-' && !name[strspn(name, plain)];

	return is_plain ? mem_string(name) : mem_format("'%s'", name);
}

/* "server counts 2 messages more than it lists" */
static char *
left_out_text(const struct trouble *t)
{
	return mem_format("server counts %llu message%s more than it lists",
			  (unsigned long long)t->left_out,
			  text_plural(t->left_out));
}

static char *
aside_text(const struct trouble *t, const char *since)
{
	char *left_out = left_out_text(t), *text;

	text = mem_format("%llu message%s set aside, the first %s%s%s",
			  (unsigned long long)t->count,
			  t->count == 1 ? " is" : "s are", since,
			  t->left_out > 0 ? "; and " : "",
			  t->left_out > 0 ? left_out : "");
	free(left_out);
	return text;
}

static char *
left_out_words(const struct trouble *t, const char *since)
{
	char *left_out = left_out_text(t), *text;

	text = mem_format("%s %s: what is not listed cannot be fetched; look "
			  "for it in webmail, or tell the provider",
			  left_out, since);
	free(left_out);
	return text;
}

static char *
words_of(const struct trouble *t, const char *lock, const char *since)
{
	const char *end_it = "its mail is not fetched; if that one hangs, end "
			     "it: this shows which it is: fuser -v";

	switch (t->kind) {
	case TROUBLE_NONE:
		break;
	case TROUBLE_REFUSED:
		return mem_format("logins are refused %s, and no mail comes",
				  since);
	case TROUBLE_PUT_OFF:
		return mem_format("logins are put off %s, as the server is in "
				  "trouble, and no mail comes",
				  since);
	case TROUBLE_ASIDE:
		return aside_text(t, since);
	case TROUBLE_PROGRAM:
		return mem_format("%llu message%s set aside, since a program "
				  "that option 'mda' needs is missing or "
				  "cannot be run",
				  (unsigned long long)t->count,
				  t->count == 1 ? " is" : "s are");
	case TROUBLE_LOCKED:
		return mem_format("another run or program holds its lock %s, "
				  "and %s '%s'",
				  since, end_it, lock);
	case TROUBLE_FAMINE:
		return mem_format("another run or program holds its lock, no "
				  "run has gone well %s, and %s '%s'",
				  since, end_it, lock);
	case TROUBLE_LEFT_OUT:
		return left_out_words(t, since);
	}
	return mem_string("");
}

void
trouble_text(char out[ERR_TEXT_MAX], const struct trouble *t,
	     const char *account, const char *lock, int64_t now)
{
	char *since = since_text(t->since, now), *name = quoted(account);
	char *words = words_of(t, lock, since), *all;
	bool has_state = t->kind < TROUBLE_LOCKED;

	all = has_state ? mem_format("%s; why: popfetch --status -v %s; to try "
				     "again: popfetch --retry %s",
				     words, name, name)
			: mem_string(words);
	text_safe(out, ERR_TEXT_MAX, all, strlen(all));
	free(since);
	free(name);
	free(words);
	free(all);
}
