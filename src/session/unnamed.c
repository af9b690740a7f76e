/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/unnamed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/backoff.h"
#include "state/fact.h"

enum { MOST = 64, RECORD_MAX = 4 * 21 };

struct unnamed {
	int64_t number, size, attempts, next_try;
	bool broke;
	size_t entry; /* in this listing, or SIZE_MAX */
};

struct unnamed_list {
	struct unnamed at[MOST];
	size_t count;
	bool has_lost; /* some, whose messages are not listed */
};

/* --- which message --- */

static bool
fits(const struct mailbox *m, size_t entry, const struct unnamed *x,
     bool may_be_behind)
{
	struct listing_entry l = mailbox_at(m, entry);
	int64_t number = mailbox_number(m, entry);

	if (l.uid_size != 0 || l.size != x->size)
		return false;
	return x->size < 0 ? number == x->number
			   : may_be_behind || number <= x->number;
}

/* Where it is in the list; behind its end: nowhere. */
static size_t
position(const struct unnamed_list *l, size_t entry)
{
	size_t i = 0;

	while (i < l->count && l->at[i].entry != entry)
		i++;
	return i;
}

/* Where the newest are listed first it is further behind than it was. */
static size_t
find_entry(const struct mailbox *m, const struct unnamed_list *l,
	   const struct unnamed *x)
{
	for (int behind = 0; behind <= 1; behind++)
		for (size_t i = mailbox_count(m); i-- > 0;)
			if (fits(m, i, x, behind) && position(l, i) == l->count)
				return i;
	return SIZE_MAX;
}

/* --- the fact --- */

static void
take(const struct session *s, struct unnamed_list *l, struct unnamed x)
{
	x.broke = x.attempts >= 0;
	if (!x.broke)
		x.attempts = -x.attempts;
	x.entry = find_entry(s->mailbox, l, &x);
	if (x.entry != SIZE_MAX)
		l->at[l->count++] = x;
	else
		l->has_lost = true;
}

/* A record is "NUMBER SIZE ATTEMPTS NEXT_TRY;", of one that was refused with
 * "-" before its attempts. */
static int
load(const struct session *s, struct unnamed_list *l, struct err *e)
{
	struct unnamed x = { .entry = SIZE_MAX };
	const char *at;
	char *text;
	int size;

	*l = (struct unnamed_list){ .count = 0 };
	if (store_fact_text(s->store, FACT_UNNAMED, &text, e) != 0)
		return -1;
	for (at = text;
	     at && l->count < MOST &&
	     sscanf(at, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 ";%n",
		    &x.number, &x.size, &x.attempts, &x.next_try, &size) == 4;
	     at += size)
		take(s, l, x);
	free(text);
	return 0;
}

static int
save(struct session *s, const struct unnamed_list *l, struct err *e)
{
	char text[MOST * RECORD_MAX + 1] = "";
	size_t size = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct unnamed *x = &l->at[i];

		size += (size_t)snprintf(text + size, sizeof(text) - size,
					 "%" PRId64 " %" PRId64 " %" PRId64
					 " %" PRId64 ";",
					 x->number, x->size,
					 x->broke ? x->attempts : -x->attempts,
					 x->next_try);
	}
	if (phase_begin_note(s, e) != 0)
		return -1;
	return phase_end_note(
		s, store_set_fact_text(s->store, FACT_UNNAMED, text, e), e);
}

/* --- the interface --- */

int
unnamed_recall(struct session *s, struct err *e)
{
	struct unnamed_list l;

	if (load(s, &l, e) != 0)
		return -1;
	for (size_t i = 0; i < l.count; i++) {
		int64_t next = plan_true_try(l.at[i].next_try, s->now);

		if (!l.at[i].broke)
			mailbox_mark(s->mailbox, l.at[i].entry,
				     MAILBOX_WAS_REFUSED);
		/* what broke once may just be a line that broke */
		else if (l.at[i].attempts >= BACKOFF_PATIENCE)
			mailbox_mark(s->mailbox, l.at[i].entry, MAILBOX_BROKE);
		if (next > s->now && !s->set->ignore_backoff)
			mailbox_mark(s->mailbox, l.at[i].entry, MAILBOX_TRIED);
	}
	return l.has_lost ? save(s, &l, e) : 0;
}

unsigned
unnamed_attempts(const struct session *s, size_t entry)
{
	struct err ignored = ERR_INIT;
	struct unnamed_list l;
	size_t i;

	if (load(s, &l, &ignored) != 0 || (i = position(&l, entry)) == l.count)
		return 0;
	return (unsigned)l.at[i].attempts;
}

int
unnamed_note(struct session *s, size_t entry, int64_t next_try, bool broke,
	     struct err *e)
{
	struct unnamed_list l;
	int64_t before;
	size_t i;

	if (load(s, &l, e) != 0)
		return -1;
	i = position(&l, entry);
	before = i < l.count ? l.at[i].attempts : 0;
	if (i == MOST)
		i = 0;
	l.count += i == l.count;
	l.at[i] = (struct unnamed){
		.number = mailbox_number(s->mailbox, entry),
		.size = mailbox_at(s->mailbox, entry).size,
		.attempts = before + 1,
		.next_try = next_try,
		.broke = broke,
		.entry = entry,
	};
	return save(s, &l, e);
}

/* Its number when those that were deleted are gone. */
static int64_t
number_after(const struct mailbox *m, size_t entry)
{
	int64_t number = mailbox_number(m, entry);

	for (size_t i = 0; i < entry; i++)
		number -= mailbox_is(m, i, MAILBOX_DELETED);
	return number;
}

/* True: it stays. */
static bool
settle_one(const struct session *s, struct unnamed *x, bool *is_changed)
{
	int64_t number = number_after(s->mailbox, x->entry);
	bool has_come = mailbox_is(s->mailbox, x->entry, MAILBOX_RETRIEVED);

	*is_changed |= has_come || number != x->number;
	x->number = number;
	return !has_come;
}

int
unnamed_settle(struct session *s, struct err *e)
{
	struct unnamed_list l;
	bool is_changed = false;
	size_t left = 0;

	if (load(s, &l, e) != 0)
		return -1;
	for (size_t i = 0; i < l.count; i++)
		if (settle_one(s, &l.at[i], &is_changed))
			l.at[left++] = l.at[i];
	l.count = left;
	return is_changed ? save(s, &l, e) : 0;
}
