/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/list.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "base/text.h"
#include "account/history.h"
#include "account/server_memory.h"
#include "account/trouble.h"
#include "session/list_sizes.h"
#include "session/ration.h"
#include "state/fact.h"

enum {
	TOP_S = 30 * 86400, /* how long TOP is not believed */
	REFUSALS = 3,	    /* of UIDL, in so many runs ... */
	REFUSALS_S = 86400  /* ... and such a time */
};

/* What comes in answer to GO. */
struct list {
	struct listing *listing; /* NULL until STAT has come */
	struct store_rows *rows;
	bool saw_uid, saw_size, has_uids;
	struct err no_uids;   /* what was said instead of a listing */
	struct err malformed; /* the first line that says nothing */
};

/* --- the answer to GO --- */

static int
take_facts(struct session *s, const struct answer *a, struct err *e)
{
	if (facts_read(&a->record, &s->facts, e) != 0)
		return -1;
	s->result->is_logged_in = true;
	if (s->set->mode != SESSION_FETCH)
		return 0;
	return history_logged_in(s->store, s->facts.login_delay_s, clock_unix(),
				 e);
}

static int
take_stat(struct list *l, const struct link_record *r, struct err *e)
{
	if (l->listing || r->value < -1)
		return err_set(e, ERR_INTERNAL, "unexpected STAT");
	/* no sum of sizes is that of an unknown total: all are asked for */
	l->listing = listing_new(r->number, r->value < 0 ? UINT64_MAX
							 : (uint64_t)r->value);
	return 0;
}

static void
take_uid(struct session *s, struct list *l, const struct link_record *r)
{
	bool is_odd = !listing_add(l->listing, r->number, r->data, r->size);

	l->saw_uid = true;
	if (r->value == LINK_MALFORMED)
		list_sizes_leave_out("UIDL", r, &l->malformed);
	else if (is_odd)
		report_line(s->report, REPORT_VERBOSE,
			    "UIDL: odd message number %u", r->number);
}

static int64_t
size_of(const struct link_record *r)
{
	return r->value < 0 ? LISTING_SIZE_UNKNOWN : r->value;
}

/* Without UIDL the numbers are those of LIST. */
static void
take_size(struct list *l, const struct link_record *r)
{
	l->saw_size = true;
	if (!l->saw_uid && !l->has_uids)
		list_sizes_add(l->listing, r, &l->malformed);
	(void)listing_set_size(l->listing, r->number, size_of(r));
}

/* UIDL was answered, but listed nothing: the messages of LIST alone are not
 * used. */
static void
forget_sizes(struct list *l)
{
	struct listing *empty = listing_new(listing_stat_count(l->listing),
					    listing_stat_total(l->listing));

	listing_free(&l->listing);
	l->listing = empty;
}

static void
take_listed(struct list *l, const struct link_record *r)
{
	char why[ERR_TEXT_MAX];

	text_safe(why, sizeof(why), r->data, r->size);
	l->has_uids = r->value != 0;
	if (!l->has_uids)
		(void)err_set(&l->no_uids, ERR_LATER, "server refuses UIDL: %s",
			      why);
	if (l->has_uids && !l->saw_uid)
		forget_sizes(l);
}

static int
take_answer(struct session *s, struct list *l, const struct answer *a,
	    struct err *e)
{
	if (a->type == LINK_FACTS)
		return take_facts(s, a, e);
	if (a->type == LINK_STAT)
		return take_stat(l, &a->record, e);
	if (!l->listing)
		return err_set(e, ERR_INTERNAL, "a listing before STAT");
	if (a->type == LINK_UID)
		take_uid(s, l, &a->record);
	else if (a->type == LINK_SIZE)
		take_size(l, &a->record);
	else
		take_listed(l, &a->record);
	return 0;
}

static int
ask_listing(struct session *s, struct list *l, struct err *e)
{
	struct facts_go go = {
		.trace = s->set->trace,
		.wants_sizes = store_is_new(s->store),
	};
	struct answer a;
	int got;

	if (server_memory_load(s->store, s->set->server, clock_unix(), &go,
			       e) != 0)
		return -1;
	requests_go(s->requests, &go);
	/* while the courier connects */
	if (store_load(s->store, &l->rows, e) != 0)
		return -1;
	while ((got = phase_next(s, &a, e)) > 0)
		if (take_answer(s, l, &a, e) != 0)
			return -1;
	return got;
}

/* --- without UIDL --- */

static bool
knows_uids(const struct store_rows *rows)
{
	for (size_t i = 0; i < store_rows_count(rows); i++)
		if (store_rows_at(rows, i).uid_size > 0)
			return true;
	return false;
}

static int
note_refusal(struct session *s, int64_t count, int64_t since, struct err *e)
{
	if (store_set_fact(s->store, FACT_UIDL_REFUSED, count, e) != 0)
		return -1;
	return store_set_fact(s->store, FACT_UIDL_REFUSED_SINCE, since, e);
}

/* Fails with ERR_LATER; but if UIDL is refused by so many runs, over a day,
 * people have to know (ERR_UNAVAILABLE). */
static int
fail_refused(struct session *s, const struct list *l, struct err *e)
{
	struct err ignored = ERR_INIT;
	int64_t count, since;

	*e = l->no_uids;
	if (s->set->mode != SESSION_FETCH ||
	    store_fact(s->store, FACT_UIDL_REFUSED, 0, &count, &ignored) != 0 ||
	    store_fact(s->store, FACT_UIDL_REFUSED_SINCE, 0, &since,
		       &ignored) != 0)
		return -1;
	if (count++ == 0 || since > s->now)
		since = s->now;
	if (count >= REFUSALS && s->now - since >= REFUSALS_S)
		e->kind = ERR_UNAVAILABLE;
	if (phase_begin_note(s, &ignored) == 0)
		(void)phase_end_note(s, note_refusal(s, count, since, &ignored),
				     &ignored);
	return -1;
}

/* A server that announces UIDL, or had it before, and refuses it has some
 * trouble: without uids all mail would look new now, and with them again when
 * the trouble is over.  With other servers only fetch-and-delete can work. */
static int
do_without_uids(struct session *s, struct list *l, struct err *e)
{
	if (s->facts.announces_uidl || knows_uids(l->rows))
		return fail_refused(s, l, e);
	if (s->set->keeper->rules.keep_s != 0)
		return err_set(e, ERR_UNAVAILABLE,
			       "server has no UIDL: only keep = \"no\" works");
	if (l->saw_size)
		return 0;
	requests_give(s->requests, LINK_LIST, 0, SIZE_MAX);
	return list_sizes_read(s, l->listing, &l->malformed, e);
}

/* --- clock, and what earlier sessions have found --- */

/* Where no run has noted its time, the last delivery has one. */
static int64_t
last_delivery(const struct store_rows *rows)
{
	int64_t last = 0;

	for (size_t i = 0; i < store_rows_count(rows); i++) {
		struct store_row row = store_rows_at(rows, i);

		/* the times of a list are another program's */
		if (row.delivered > last && (row.has_digest || row.size >= 0))
			last = row.delivered;
	}
	return last;
}

static int
judge_clock(struct session *s, struct err *e)
{
	struct age_clock *c = &s->clock;
	int64_t has_gaps;

	if (store_fact(s->store, FACT_LAST_RUN, 0, &c->last_run, e) != 0 ||
	    store_fact(s->store, FACT_CLOCK_WENT_ON, -1, &c->went_on_s, e) !=
		    0 ||
	    store_fact(s->store, FACT_CLOCK_HIGH, 0, &c->high, e) != 0 ||
	    store_fact(s->store, FACT_CLOCK_HAS_GAPS, 0, &has_gaps, e) != 0)
		return -1;
	c->has_gaps = has_gaps != 0;
	if (c->last_run == 0)
		c->last_run = last_delivery(mailbox_rows(s->mailbox));
	s->clock_is_doubted = !age_clock_is_good(c, s->now);
	return 0;
}

/* That TOP differs is believed for a month; then TOP is believed until it
 * differs again. */
static int
recall_top(struct session *s, struct err *e)
{
	int64_t noted;

	if (store_fact(s->store, FACT_TOP_DIFFERS, 0, &noted, e) != 0)
		return -1;
	s->top.noted = noted > s->now || s->now - noted > TOP_S ? 0 : noted;
	s->top.differs = s->top.noted != 0;
	return 0;
}

static int
recall_window(struct session *s, struct err *e)
{
	int64_t window, from;

	if (store_fact(s->store, FACT_WINDOW, 0, &window, e) != 0)
		return -1;
	s->window = window > 0 ? (size_t)window : 0;
	if (s->set->mode != SESSION_FETCH)
		return 0;
	if (store_fact(s->store, FACT_LOOK_FROM, 0, &from, e) != 0)
		return -1;
	s->look_from = from > 0 && from < UINT32_MAX ? (uint32_t)from : 0;
	return 0;
}

/* --- the plan --- */

static void
decide(struct session *s)
{
	struct plan_rules rules = s->set->keeper->rules;

	rules.all = s->set->all;
	rules.ignore_backoff = s->set->ignore_backoff;
	rules.now = s->now;
	rules.last_run = s->clock.last_run;
	rules.clock_is_doubted = s->clock_is_doubted;
	rules.released = RELEASED;
	mailbox_decide(s->mailbox, &rules);
}

static void
say_plan(struct session *s)
{
	const struct plan *p = mailbox_plan(s->mailbox);
	size_t count = mailbox_count(s->mailbox);

	report_line(s->report, REPORT_VERBOSE,
		    "%zu message%s, %zu to fetch, %zu to delete, %zu set aside",
		    count, text_plural(count), plan_count(p, PLAN_FETCH),
		    plan_count(p, PLAN_DELETE), plan_count(p, PLAN_SET_ASIDE));
	if (plan_is_withheld(p) && s->clock.went_on_s == 0)
		phase_warn(s, "the clock has jumped since the last run: "
			      "nothing is deleted by age until it has gone on "
			      "for a day");
}

/* Unless STAT counts as many as are listed, a message may be left out; the
 * others come. */
static int
see_malformed(struct session *s, const struct list *l, struct err *e)
{
	size_t count = listing_count(l->listing);
	bool is_whole = count == listing_stat_count(l->listing);

	if (l->malformed.kind == ERR_NONE)
		return 0;
	if (count == 0 && !is_whole) {
		*e = l->malformed;
		return -1;
	}
	if (is_whole)
		report_line(s->report, REPORT_VERBOSE, "%s", l->malformed.text);
	else
		phase_complain(s, &l->malformed, false);
	return 0;
}

static int
make_mailbox(struct session *s, struct list *l, struct err *e)
{
	uint64_t count = listing_stat_count(l->listing);

	s->now = clock_unix();
	if (!l->has_uids && do_without_uids(s, l, e) != 0)
		return -1;
	listing_done(l->listing);
	if (see_malformed(s, l, e) != 0)
		return -1;
	if (listing_count(l->listing) == 0 && count > 0 && count < UINT32_MAX)
		return err_set(e, ERR_LATER,
			       "server lists none of its %llu message%s",
			       (unsigned long long)count, text_plural(count));
	s->mailbox = mailbox_new(l->listing, l->rows, l->has_uids);
	l->listing = NULL;
	l->rows = NULL;
	return 0;
}

int
list_run(struct session *s, struct err *e)
{
	struct list l = { .listing = NULL };
	int rc = -1;

	if (ask_listing(s, &l, e) == 0)
		rc = make_mailbox(s, &l, e);
	if (rc == 0 && l.saw_size)
		s->list_whole = s->now;
	listing_free(&l.listing);
	store_rows_free(&l.rows);
	if (rc != 0 || ration_recall(s, e) != 0 ||
	    list_sizes_recall(s, e) != 0 || list_sizes_ask(s, e) != 0 ||
	    judge_clock(s, e) != 0 || recall_top(s, e) != 0 ||
	    recall_window(s, e) != 0)
		return -1;
	ration_begin(s);
	s->result->is_listed = true;
	decide(s);
	say_plan(s);
	return 0;
}

/* --- afterwards --- */

/* How many of the messages that STAT counts are not listed. */
static uint64_t
left_out(const struct session *s)
{
	const struct listing *l = mailbox_listing(s->mailbox);
	uint64_t counted = listing_stat_count(l), listed = listing_count(l);

	return counted < UINT32_MAX && counted > listed ? counted - listed : 0;
}

int
list_note_facts(struct session *s, struct err *e)
{
	if (store_change_fact(s->store, FACT_CLOCK_WENT_ON, -1,
			      s->clock.went_on_s, e) != 0 ||
	    store_change_fact(s->store, FACT_CLOCK_HIGH, 0, s->clock.high, e) !=
		    0 ||
	    store_change_fact(s->store, FACT_CLOCK_HAS_GAPS, 0,
			      s->clock.has_gaps, e) != 0)
		return -1;
	if (mailbox_has_uids(s->mailbox) &&
	    store_change_fact(s->store, FACT_UIDL_REFUSED, 0, 0, e) != 0)
		return -1;
	if (s->top.differs && s->top.noted == 0 &&
	    store_set_fact(s->store, FACT_TOP_DIFFERS, s->now, e) != 0)
		return -1;
	if (store_change_fact(s->store, FACT_IN_HAND, 0, 0, e) != 0 ||
	    store_change_fact(s->store, FACT_WINDOW, 0, 0, e) != 0 ||
	    (s->turn.is_careful &&
	     store_change_fact(s->store, FACT_TURN_BROKE, 0, 0, e) != 0) ||
	    store_change_fact(s->store, FACT_LOOK_FROM, 0, s->look_next, e) !=
		    0 ||
	    ration_note(s, e) != 0 || list_sizes_note(s, e) != 0 ||
	    trouble_note_left_out(s->store, left_out(s), s->now, e) != 0)
		return -1;
	return store_set_fact(s->store, FACT_LAST_RUN, s->now, e);
}

/* In bytes, where they would look the same. */
static void
show_sizes(char size[QUANTITY_TEXT_MAX], char bound[QUANTITY_TEXT_MAX],
	   uint64_t bytes, uint64_t most)
{
	quantity_show_size(size, bytes);
	quantity_show_size(bound, most);
	if (strcmp(size, bound) != 0)
		return;
	snprintf(size, QUANTITY_TEXT_MAX, "%llu B", (unsigned long long)bytes);
	snprintf(bound, QUANTITY_TEXT_MAX, "%llu B", (unsigned long long)most);
}

static int
name_one(struct session *s, size_t entry, struct err *e)
{
	struct listing_entry l = mailbox_at(s->mailbox, entry);
	struct store_message row = { l.uid, l.uid_size, l.size, NULL, 0 };
	uint64_t most = s->set->keeper->rules.max_size;
	char name[MAILBOX_NAME_MAX], size[QUANTITY_TEXT_MAX];
	char bound[QUANTITY_TEXT_MAX];

	mailbox_mark(s->mailbox, entry, MAILBOX_NAMED);
	mailbox_name(s->mailbox, entry, name);
	show_sizes(size, bound, l.size < 0 ? 0 : (uint64_t)l.size, most);
	if (l.uid_size == 0) { /* it has no row: all are told together */
		report_line(s->report, REPORT_VERBOSE,
			    "%s, %s, is larger than max_size (%s)", name, size,
			    bound);
		return 0;
	}
	phase_warn(s,
		   "%s, %s, is larger than max_size (%s): left on the server",
		   name, size, bound);
	if (phase_begin_note(s, e) != 0)
		return -1;
	return phase_end_note(s, store_set_too_large(s->store, &row, e), e);
}

/* Those without uid cannot be told apart from run to run: people hear of them
 * when there are more than in the session before. */
static int
tell_large_unnamed(struct session *s, struct err *e)
{
	char bound[QUANTITY_TEXT_MAX];
	int64_t now = 0, before;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		now += mailbox_action(s->mailbox, i) == PLAN_TOO_LARGE &&
		       mailbox_at(s->mailbox, i).uid_size == 0;
	if (store_fact(s->store, FACT_LARGE_UNNAMED, 0, &before, e) != 0)
		return -1;
	if (now == before)
		return 0;
	quantity_show_size(bound, s->set->keeper->rules.max_size);
	if (now > before)
		phase_warn(s,
			   "%lld message%s larger than max_size (%s): left on "
			   "the server",
			   (long long)now, now == 1 ? " is" : "s are", bound);
	return phase_note_fact(s, FACT_LARGE_UNNAMED, now, e);
}

int
list_name_large(struct session *s, struct err *e)
{
	struct store_row row;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		if (mailbox_action(s->mailbox, i) == PLAN_TOO_LARGE &&
		    !mailbox_row(s->mailbox, i, &row) &&
		    !mailbox_is(s->mailbox, i, MAILBOX_NAMED) &&
		    name_one(s, i, e) != 0)
			return -1;
	return tell_large_unnamed(s, e);
}
