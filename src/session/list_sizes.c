/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/list_sizes.h"

#include "account/server_memory.h"
#include "base/text.h"
#include "state/fact.h"

enum { LEFT_OUT_S = 30 * 86400, WHOLE_S = 86400 };

/* --- what it is good for --- */

static bool
is_left_out(const struct session *s)
{
	return s->list_broke > s->now && s->list_broke <= s->now + LEFT_OUT_S;
}

int
list_sizes_recall(struct session *s, struct err *e)
{
	int64_t one;
	bool same;

	/* what came along with the listing is newer */
	if (s->list_whole == 0 && store_fact(s->store, FACT_LIST_WHOLE, s->now,
					     &s->list_whole, e) != 0)
		return -1;
	if (server_memory_is_of(s->store, s->set->server, &same, e) != 0)
		return -1;
	if (!same)
		return 0;
	if (store_fact(s->store, FACT_LIST_ONE, LIST_ONE_UNKNOWN, &one, e) != 0)
		return -1;
	if (one == LIST_ONE_WORKS || one == LIST_ONE_FAILS)
		s->list_one = (enum list_one)one;
	if (store_fact(s->store, FACT_LIST_BROKE, 0, &s->list_broke, e) != 0)
		return -1;
	if (is_left_out(s))
		s->list_one = LIST_ONE_FAILS;
	return 0;
}

void
list_sizes_learn(struct session *s, bool works)
{
	if (works)
		s->list_one = LIST_ONE_WORKS;
	else if (s->list_one == LIST_ONE_UNKNOWN)
		s->list_one = LIST_ONE_FAILS;
}

void
list_sizes_fail(struct session *s)
{
	s->list_one = LIST_ONE_FAILS;
}

int
list_sizes_note(struct session *s, struct err *e)
{
	if (server_memory_turn_to(s->store, s->set->server, e) != 0)
		return -1;
	if (store_change_fact(s->store, FACT_LIST_ONE, 0, (int64_t)s->list_one,
			      e) != 0)
		return -1;
	if (store_change_fact(s->store, FACT_LIST_BROKE, 0, s->list_broke, e) !=
	    0)
		return -1;
	return store_change_fact(s->store, FACT_LIST_WHOLE, 0, s->list_whole,
				 e);
}

void
list_sizes_blame(struct session *s, bool broke)
{
	struct err ignored = ERR_INIT;
	size_t entry;

	if (!requests_waits_for(s->requests, LINK_LIST, &entry))
		broke = false;
	else if (entry == SIZE_MAX)
		s->list_whole = s->now; /* not tomorrow's fault, too */
	if (broke && entry != SIZE_MAX)
		s->list_one = LIST_ONE_FAILS;
	else if (broke)
		s->list_broke = s->list_broke == 0 ? 1 : s->now + LEFT_OUT_S;
	if (phase_begin_note(s, &ignored) == 0)
		(void)phase_end_note(s, list_sizes_note(s, &ignored), &ignored);
}

/* --- asking --- */

void
list_sizes_leave_out(const char *command, const struct link_record *r,
		     struct err *malformed)
{
	char line[ERR_TEXT_MAX];

	if (malformed->kind != ERR_NONE)
		return;
	text_safe(line, sizeof(line), r->data, r->size);
	(void)err_set(malformed, ERR_PROTOCOL,
		      "%s: malformed line '%s' is passed over, and a message "
		      "is left on the server",
		      command, line);
}

void
list_sizes_add(struct listing *l, const struct link_record *r,
	       struct err *malformed)
{
	if (r->value == LINK_MALFORMED)
		list_sizes_leave_out("LIST", r, malformed);
	(void)listing_add(l, r->number, "", 0);
}

static void
take(struct session *s, struct listing *l, struct err *malformed,
     const struct answer *a)
{
	if (a->type == LINK_LISTED && a->record.number != 0)
		list_sizes_learn(s, a->record.value == 1);
	if (a->type != LINK_SIZE)
		return;
	if (malformed)
		list_sizes_add(l, &a->record, malformed);
	(void)listing_set_size(l, a->record.number,
			       a->record.value < 0 ? LISTING_SIZE_UNKNOWN
						   : a->record.value);
}

int
list_sizes_read(struct session *s, struct listing *l, struct err *malformed,
		struct err *e)
{
	struct answer a;
	int got;

	while ((got = phase_next(s, &a, e)) > 0)
		take(s, l, malformed, &a);
	return got;
}

/* Of each message whose size is not known. */
static int
ask_one_by_one(struct session *s, struct err *e)
{
	struct listing *l = mailbox_listing(s->mailbox);
	const struct plan *p = mailbox_plan(s->mailbox);
	struct answer a;

	for (size_t i = 0; i < listing_count(l); i++) {
		if (plan_size(p, i) != LISTING_SIZE_UNKNOWN)
			continue;
		while (requests_room(s->requests) == 0) {
			if (phase_next(s, &a, e) < 0)
				return -1;
			take(s, l, NULL, &a);
		}
		requests_give(s->requests, LINK_LIST, listing_at(l, i).number,
			      i);
	}
	return list_sizes_read(s, l, NULL, e);
}

static int
ask_all(struct session *s, struct err *e)
{
	requests_give(s->requests, LINK_LIST, 0, SIZE_MAX);
	if (list_sizes_read(s, mailbox_listing(s->mailbox), NULL, e) != 0)
		return -1;
	s->list_broke = 0;
	s->list_whole = s->now;
	return 0;
}

/* Where a server gives uids away again, the sizes may be those of other
 * messages though their sum is that of the sizes on record: once a day all are
 * asked for. */
static bool
is_whole_due(const struct session *s)
{
	return s->set->mode == SESSION_FETCH && mailbox_count(s->mailbox) > 0 &&
	       (s->now < s->list_whole || s->now - s->list_whole >= WHOLE_S);
}

int
list_sizes_ask(struct session *s, struct err *e)
{
	struct plan *p = mailbox_plan(s->mailbox);
	enum plan_sizes wanted;

	if (!mailbox_has_uids(s->mailbox)) /* LIST was answered already */
		return 0;
	wanted = plan_sizes(p);
	if (wanted == PLAN_SIZES_NEW && s->facts.pipelining &&
	    s->list_one != LIST_ONE_FAILS) {
		if (ask_one_by_one(s, e) != 0)
			return -1;
		wanted = plan_sizes(p);
	}
	if (is_left_out(s) || (wanted == PLAN_SIZES_ENOUGH && !is_whole_due(s)))
		return 0;
	return ask_all(s, e);
}
