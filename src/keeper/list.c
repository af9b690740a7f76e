/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "keeper/server_memory.h"
#include "keeper/history.h"
#include "keeper/session_state.h"
#include "state/fact.h"

enum { SURVEY_TOP_S = 30 * 86400 };

/* The first part of a session: what the server has, and what is to be done with it. */

static int
survey_facts(void *arg, const struct facts *f, struct err *e)
{
	struct session *s = arg;

	s->facts = *f;
	if (s->set->mode != SESSION_FETCH)
		return 0;
	return history_logged_in(s->store, f->login_delay_s,
				 clock_unix(), e);
}

static int
survey_stat(void *arg, uint32_t count, int64_t total, struct err *e)
{
	struct session *s = arg;

	if (s->listing != NULL || total < 0)
		return err_set(e, ERR_INTERNAL, "unexpected STAT");
	s->listing = listing_new(count, (uint64_t)total);
	return 0;
}

static int
survey_uid(void *arg, uint32_t number, const uint8_t *uid, size_t size,
	    struct err *e)
{
	struct session *s = arg;

	if (s->listing == NULL)
		return err_set(e, ERR_INTERNAL, "UIDL before STAT");
	s->saw_uid = true;
	if (!listing_add(s->listing, number, uid, size))
		report_line(s->report, REPORT_VERBOSE,
			    "UIDL: odd message number %u", number);
	return 0;
}

static int
survey_size(void *arg, uint32_t number, int64_t octets, struct err *e)
{
	struct session *s = arg;

	if (s->listing == NULL)
		return err_set(e, ERR_INTERNAL, "LIST before STAT");
	if (octets < 0)
		octets = LISTING_SIZE_UNKNOWN;
	if (s->wants_proof) {	/* asked for the reply's sake, not for the size */
		s->proof = octets;
		return 0;
	}
	s->saw_size = true;
	if (!s->saw_uid && !s->has_uidl && !s->plan)
		(void)listing_add(s->listing, number, "", 0);
	(void)listing_set_size(s->listing, number, octets);
	return 0;
}

/* UIDL was answered, with nothing: what LIST said stands alone, and is not used. */
static void
survey_forget_sizes(struct session *s)
{
	struct listing *l = listing_new(listing_stat_count(s->listing),
					listing_stat_total(s->listing));

	listing_free(&s->listing);
	s->listing = l;
}

static int
survey_listed(void *arg, bool has_uidl, const char *why, struct err *e)
{
	struct session *s = arg;

	if (s->listing == NULL)
		return err_set(e, ERR_INTERNAL, "no STAT");
	s->has_uidl = has_uidl;
	if (!has_uidl)
		(void)err_set(&s->no_uidl, ERR_LATER, "server refuses UIDL: %s",
			      why);
	if (has_uidl && !s->saw_uid)
		survey_forget_sizes(s);
	if (has_uidl)	/* else LIST may have to tell the numbers first */
		listing_done(s->listing);
	s->listed = true;
	return 0;
}

const struct requests_listing survey_listing = {
	.facts = survey_facts,
	.stat = survey_stat,
	.uid = survey_uid,
	.size = survey_size,
	.listed = survey_listed,
};

int
survey_go(struct session *s, struct err *e)
{
	struct facts_go go = {
		.trace = s->set->trace,
		.wants_sizes = store_is_new(s->store),
	};

	if (server_memory_load(s->store, s->set->server, clock_unix(), &go, e) == -1)
		return -1;
	requests_go(s->requests, &go);
	/* while the courier connects */
	if (store_load(s->store, &s->rows, e) == -1)
		return -1;
	while (!s->listed)
		if (session_turn(s, false, e) == -1)
			return -1;
	return 0;
}

/* --- sizes --- */

static const struct errand_class survey_list_errand = { .order = LINK_LIST };

static int
survey_ask_new_sizes(struct session *s, struct err *e)
{
	size_t count = listing_count(s->listing);

	for (size_t i = 0; i < count; i++) {
		if (plan_size(s->plan, i) != LISTING_SIZE_UNKNOWN)
			continue;
		while (requests_room(s->requests) == 0)
			if (session_turn(s, false, e) == -1)
				return -1;
		requests_give(s->requests, &survey_list_errand,
			     listing_at(s->listing, i).number, i);
	}
	return session_settle(s, e);
}

static int
survey_ask_sizes(struct session *s, struct err *e)
{
	enum plan_sizes wanted;

	if (!s->has_uidl)	/* LIST was answered already, as it will be */
		return 0;
	wanted = plan_sizes(s->plan);
	if (wanted == PLAN_SIZES_NEW && s->facts.pipelining) {
		if (survey_ask_new_sizes(s, e) == -1)
			return -1;
		wanted = plan_sizes(s->plan);
	}
	if (wanted == PLAN_SIZES_ENOUGH)
		return 0;
	requests_give(s->requests, &survey_list_errand, 0, 0);
	return session_settle(s, e);
}

/* --- the plan --- */

static bool
survey_knows_uids(const struct session *s)
{
	for (size_t i = 0; i < store_rows_count(s->rows); i++)
		if (store_rows_at(s->rows, i).uid_size > 0)
			return true;
	return false;
}

/* A server that announces UIDL, or had it, and refuses it has some trouble: without uids
 * all would look new now, and with them again when it is over. */
static bool
survey_expects_uidl(const struct session *s)
{
	return s->facts.announces_uidl ||
	       survey_knows_uids(s);
}

enum { SURVEY_REFUSALS = 3, SURVEY_REFUSALS_S = 86400 };

/* Later; but if that goes on for so many runs, over a day, people have to know. */
static int
survey_uidl_refused(struct session *s, struct err *e)
{
	struct err ignored = ERR_INIT;
	int64_t count, since;

	*e = s->no_uidl;
	if (s->set->mode != SESSION_FETCH)
		return -1;
	if (store_fact(s->store, FACT_UIDL_REFUSED, 0, &count, &ignored) == -1 ||
	    store_fact(s->store, FACT_UIDL_REFUSED_SINCE, 0, &since,
		       &ignored) == -1)
		return -1;
	if (count++ == 0 || since > s->now)
		since = s->now;
	if (count >= SURVEY_REFUSALS && s->now - since >= SURVEY_REFUSALS_S)
		e->kind = ERR_UNAVAILABLE;
	if (session_begin_note(s, &ignored) == 0)
		(void)session_end_note(s,
			store_set_fact(s->store, FACT_UIDL_REFUSED, count,
				       &ignored) == -1 ? -1 :
			store_set_fact(s->store, FACT_UIDL_REFUSED_SINCE, since,
				       &ignored), &ignored);
	return -1;
}

/* Without UIDL only fetch-and-delete can work. */
static int
survey_without_uidl(struct session *s, struct err *e)
{
	if (survey_expects_uidl(s))
		return survey_uidl_refused(s, e);
	if (s->set->keeper->rules.keep_s != 0)
		return err_set(e, ERR_UNAVAILABLE,
			       "server has no UIDL: only keep = \"no\" works");
	if (!s->saw_size) {
		requests_give(s->requests, &survey_list_errand, 0, 0);
		if (session_settle(s, e) == -1)
			return -1;
	}
	listing_done(s->listing);
	return 0;
}

static struct plan_rules
survey_rules(const struct session *s)
{
	struct plan_rules rules = s->set->keeper->rules;

	rules.all = s->set->all;
	rules.ignore_backoff = s->set->ignore_backoff;
	rules.now = s->now;
	rules.last_run = s->clock.last_run;
	rules.clock_is_doubted = s->clock_is_doubted;
	rules.released = RELEASED;
	return rules;
}

/* Where no run has noted its time, what was delivered has one. */
static int64_t
survey_last_delivery(const struct session *s)
{
	int64_t last = 0;

	for (size_t i = 0; i < store_rows_count(s->rows); i++) {
		struct store_row row = store_rows_at(s->rows, i);

		/* but for what a list says */
		if (row.delivered > last && (row.has_digest || row.size >= 0))
			last = row.delivered;
	}
	return last;
}

static int
survey_judge_clock(struct session *s, struct err *e)
{
	if (store_fact(s->store, FACT_LAST_RUN, 0, &s->clock.last_run, e) == -1 ||
	    store_fact(s->store, FACT_CLOCK_WENT_ON, -1, &s->clock.went_on_s,
		       e) == -1 ||
	    store_fact(s->store, FACT_CLOCK_HIGH, 0, &s->clock.high, e) == -1)
		return -1;
	if (s->clock.last_run == 0)
		s->clock.last_run = survey_last_delivery(s);
	s->clock_is_doubted = !age_clock_is_good(&s->clock, s->now);
	return 0;
}

static int
survey_set_fact(struct session *s, const char *name, int64_t otherwise,
		int64_t value, struct err *e)
{
	int64_t before;

	if (store_fact(s->store, name, otherwise, &before, e) == -1)
		return -1;
	return before == value ? 0 : store_set_fact(s->store, name, value, e);
}

int
survey_note_facts(struct session *s, struct err *e)
{
	if (survey_set_fact(s, FACT_CLOCK_WENT_ON, -1, s->clock.went_on_s,
			    e) == -1 ||
	    survey_set_fact(s, FACT_CLOCK_HIGH, 0, s->clock.high, e) == -1 ||
	    (s->has_uidl && survey_set_fact(s, FACT_UIDL_REFUSED, 0, 0, e) == -1) ||
	    (s->top_differs && s->top_differed == 0 &&
	     store_set_fact(s->store, FACT_TOP_DIFFERS, s->now, e) == -1))
		return -1;
	return store_set_fact(s->store, FACT_LAST_RUN, s->now, e);
}

/* For a month; then TOP is believed until it differs again. */
static int
survey_recall_top(struct session *s, struct err *e)
{
	if (store_fact(s->store, FACT_TOP_DIFFERS, 0, &s->top_differed, e) == -1)
		return -1;
	if (s->top_differed > s->now ||
	    s->now - s->top_differed > SURVEY_TOP_S)
		s->top_differed = 0;
	s->top_differs = s->top_differed != 0;
	return 0;
}

/* Then no message needs to be known by its content. */
static bool
survey_all_have_uids(const struct session *s)
{
	for (size_t i = 0; i < listing_count(s->listing); i++)
		if (listing_at(s->listing, i).uid_size == 0)
			return false;
	return true;
}

/* The server had no UIDL before. */
static bool
survey_knows_contents(const struct session *s)
{
	for (size_t i = 0; i < store_rows_count(s->rows); i++)
		if (store_rows_at(s->rows, i).uid_size == 0)
			return true;
	return false;
}

int
survey_plan(struct session *s, struct err *e)
{
	struct plan_rules rules;

	s->now = clock_unix();
	if (!s->has_uidl && survey_without_uidl(s, e) == -1)
		return -1;
	if (listing_count(s->listing) == 0 && listing_stat_count(s->listing) > 0)
		return err_set(e, ERR_LATER,
			       "server lists none of its %llu message%s",
			       (unsigned long long)listing_stat_count(s->listing),
			       text_plural(listing_stat_count(s->listing)));
	s->plan = plan_new(s->listing, s->rows);
	if (survey_ask_sizes(s, e) == -1 || survey_judge_clock(s, e) == -1 ||
	    survey_recall_top(s, e) == -1)
		return -1;
	rules = survey_rules(s);
	plan_decide(s->plan, &rules);
	s->planned = true;
	s->knows_contents = survey_knows_contents(s);
	if (survey_all_have_uids(s) && !s->knows_contents)
		header_without_content(s->header);
	s->marks = mem_array(listing_count(s->listing), sizeof(*s->marks));
	if (plan_count(s->plan, PLAN_COMPARE) > 0)
		s->digests = mem_array(listing_count(s->listing),
				       sizeof(*s->digests));
	report_line(s->report, REPORT_VERBOSE,
		    "%zu message%s, %zu to fetch, %zu to delete, %zu set aside",
		    listing_count(s->listing),
		    text_plural(listing_count(s->listing)),
		    plan_count(s->plan, PLAN_FETCH),
		    plan_count(s->plan, PLAN_DELETE),
		    plan_count(s->plan, PLAN_SET_ASIDE));
	if (plan_is_withheld(s->plan) && s->clock.went_on_s == 0)
		session_warn(s, "the clock has jumped since the last run: "
			     "nothing is deleted by age until it has gone on "
			     "for a day");
	return 0;
}

int
survey_warn_unproven(struct session *s, uint64_t count, struct err *e)
{
	int64_t warned;

	if (store_fact(s->store, FACT_WARNED_UNPROVEN, 0, &warned, e) == -1)
		return -1;
	if (warned != 0)
		return 0;
	session_warn(s, "of %llu message%s recorded by --catch-up the server "
		     "gave no header (TOP): popfetch never deletes %s",
		     (unsigned long long)count, text_plural(count),
		     count == 1 ? "it" : "them");
	if (session_begin_note(s, e) == -1)
		return -1;
	return session_end_note(s, store_set_fact(s->store, FACT_WARNED_UNPROVEN,
						  s->now, e), e);
}

/* Each message beyond max_size is named once. */
int
survey_name_large(struct session *s, struct err *e)
{
	for (size_t i = 0; i < listing_count(s->listing); i++) {
		struct plan_item item = plan_at(s->plan, i);
		struct listing_entry m = listing_at(s->listing, i);
		struct store_message row = { m.uid, m.uid_size, m.size, NULL, 0 };
		char name[SESSION_NAME_MAX], size[QUANTITY_TEXT_MAX];

		if (item.action != PLAN_TOO_LARGE || item.row != SIZE_MAX ||
		    (s->marks[i] & MARK_NAMED))
			continue;
		s->marks[i] |= MARK_NAMED;
		session_name(s, i, name);
		quantity_show_size(size, m.size < 0 ? 0 : (uint64_t)m.size);
		if (m.uid_size == 0) {	/* it would be named in every run */
			report_line(s->report, REPORT_VERBOSE,
				    "%s is larger than max_size (%s)", name,
				    size);
			continue;
		}
		session_warn(s, "%s is larger than max_size (%s): left on the "
			     "server", name, size);
		if (session_begin_note(s, e) == -1 ||
		    session_end_note(s, store_set_too_large(s->store, &row, e),
				     e) == -1)
			return -1;
	}
	return 0;
}
