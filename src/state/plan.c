/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The decision: what to do with each listed message. */
#include "config.h"

#include "state/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state/fit.h"
#include "state/reason.h"
#include "state/rules.h"
#include "state/sizes.h"

#define NONE UINT32_MAX

struct plan_choice {
	uint32_t row;
	uint8_t action;
	bool size_changed;
};

struct plan {
	const struct listing *l;
	const struct store_rows *rows;
	struct match *match;
	struct plan_rules rules;
	struct plan_choice *choices;
	size_t counts[PLAN_LATER + 1];
	struct fit_mark *marks; /* of each row */
	bool withheld;
	size_t unproven;
	size_t retried; /* of those to fetch, how many failed before */
	bool sizes_asked, sizes_all;
};

struct plan *
plan_new(const struct listing *l, const struct store_rows *rows)
{
	struct plan *p = mem_alloc(sizeof(*p));

	p->l = l;
	p->rows = rows;
	p->match = match_new(l, rows);
	p->choices = mem_array(listing_count(l), sizeof(*p->choices));
	p->marks = mem_array(store_rows_count(rows), sizeof(*p->marks));
	return p;
}

void
plan_free(struct plan **p)
{
	if (!*p)
		return;
	match_free(&(*p)->match);
	free((*p)->choices);
	free((*p)->marks);
	free(*p);
	*p = NULL;
}

/* --- sizes --- */

int64_t
plan_size(const struct plan *p, size_t i)
{
	return sizes_at(p->l, p->rows, p->match, i);
}

enum plan_sizes
plan_sizes(struct plan *p)
{
	size_t count = listing_count(p->l), unknown;
	uint64_t sum;

	unknown = sizes_sum(p->l, p->rows, p->match, &sum);
	if (count == 0 || p->sizes_all ||
	    (unknown == 0 && sum == listing_stat_total(p->l)))
		return PLAN_SIZES_ENOUGH;
	if (unknown > 0 && unknown <= (count + 3) / 4 && !p->sizes_asked) {
		p->sizes_asked = true;
		return PLAN_SIZES_NEW;
	}
	p->sizes_all = true;
	return PLAN_SIZES_ALL;
}

/* --- choosing --- */

static bool
is_too_large(const struct plan *p, size_t i)
{
	return !rules_allow_size(&p->rules, plan_size(p, i));
}

/* What the rules make of a delivered message. */
static enum plan_action
keep_or_delete(struct plan *p, size_t i, const struct store_row *row)
{
	if (listing_at(p->l, i).odd)
		return PLAN_KEEP;
	switch (rules_on_delivered(&p->rules, row)) {
	case RULES_DELETE:
		return PLAN_DELETE;
	case RULES_WITHHELD:
		p->withheld = true;
		break;
	case RULES_UNPROVEN:
		p->unproven++;
		break;
	case RULES_WAITS:
	case RULES_KEEP:
		break;
	}
	return PLAN_KEEP;
}

/* An entry that is to be compared makes all rows of its uid unclear. */
static void
note_compare(struct plan *p, size_t i, int by)
{
	size_t r = match_first_row(p->match, i);

	for (int n = 0; r != SIZE_MAX && n < MATCH_ROWS_MAX;
	     r = match_next_row(p->match, r), n++)
		p->marks[r].unclear += (uint32_t)by;
}

static void
unchoose(struct plan *p, size_t i)
{
	const struct plan_choice *c = &p->choices[i];

	assert(p->counts[c->action] > 0);
	p->counts[c->action]--;
	if (c->action == PLAN_COMPARE)
		note_compare(p, i, -1);
	if (c->row == NONE)
		return;
	p->marks[c->row].taken--;
	if (c->action == PLAN_FETCH) {
		p->marks[c->row].fetched = false;
		p->retried -= store_rows_at(p->rows, c->row).attempts > 0;
	}
}

static void
choose(struct plan *p, size_t i, enum plan_action action, size_t row)
{
	struct plan_choice *c = &p->choices[i];
	int64_t size = listing_at(p->l, i).size;

	c->action = (uint8_t)action;
	c->row = row == SIZE_MAX ? NONE : (uint32_t)row;
	c->size_changed = action != PLAN_FETCH && row != SIZE_MAX &&
			  size >= 0 && match_is_alone(p->match, i) &&
			  store_rows_at(p->rows, row).size != size;
	p->counts[action]++;
	if (action == PLAN_COMPARE)
		note_compare(p, i, 1);
	if (row == SIZE_MAX)
		return;
	p->marks[row].taken++;
	if (action == PLAN_FETCH) {
		p->marks[row].fetched = true;
		p->retried += store_rows_at(p->rows, row).attempts > 0;
	}
}

/* Fetches entry i: the attempt is recorded in this row, or in a new one.  What
 * has failed before is tried beside the new ones, since it may fail for
 * ever. */
static void
choose_fetch(struct plan *p, size_t i, size_t row)
{
	enum plan_action action = PLAN_FETCH;
	size_t new_ones = p->counts[PLAN_FETCH] - p->retried;
	bool is_new =
		row == SIZE_MAX || store_rows_at(p->rows, row).attempts == 0;

	if (is_too_large(p, i))
		action = PLAN_TOO_LARGE;
	else if (is_new && p->rules.max_messages > 0 &&
		 new_ones >= p->rules.max_messages)
		action = PLAN_LATER;
	choose(p, i, action, row);
}

static void
choose_delivered(struct plan *p, size_t i, size_t r, bool compared)
{
	struct store_row row = store_rows_at(p->rows, r);
	bool doubtful = !compared && rules_is_doubtful(&row);
	enum plan_action action;

	if (doubtful && !row.has_digest) {
		choose_fetch(p, i, SIZE_MAX);
	} else if (p->rules.all && !row.skipped && !p->marks[r].fetched &&
		   !is_too_large(p, i)) {
		if (doubtful)
			choose(p, i, PLAN_COMPARE, SIZE_MAX);
		else
			choose_fetch(p, i, r);
	} else if (rules_is_bare(&row)) {
		choose(p, i, PLAN_LEARN, r);
	} else {
		/* before a DELE it is compared anyway */
		action = keep_or_delete(p, i, &row);
		doubtful = doubtful && action == PLAN_KEEP;
		choose(p, i, doubtful ? PLAN_COMPARE : action,
		       doubtful ? SIZE_MAX : r);
	}
}

/* Entry i is the message of this row: as its header shows if it was compared,
 * else as far as uid and size can tell.  A row is fetched for only one entry in
 * a run; another one is compared with it when it has come. */
static void
choose_known(struct plan *p, size_t i, size_t r, bool compared)
{
	struct store_row row = store_rows_at(p->rows, r);

	switch (row.status) {
	case STORE_DELIVERED:
		choose_delivered(p, i, r, compared);
		return;
	case STORE_SET_ASIDE:
		if (!rules_try_now(&p->rules, &row) && !is_too_large(p, i)) {
			choose(p, i, PLAN_SET_ASIDE, r);
			return;
		}
		break;
	case STORE_READY:
	case STORE_TOO_LARGE:
		break;
	}
	if (p->marks[r].fetched ||
	    (!compared && !fit_is_next(p->match, p->l, i, &row)))
		choose(p, i, PLAN_COMPARE, SIZE_MAX);
	else
		choose_fetch(p, i, r);
}

/* --- which row --- */

static struct fit
fit_of(const struct plan *p, size_t i)
{
	return fit_rows(p->match, p->rows, p->marks, i,
			listing_at(p->l, i).size);
}

/* No row has a digest to compare with, so the size decides. */
static void
choose_by_size(struct plan *p, size_t i, const struct fit *f)
{
	size_t r = f->same != SIZE_MAX ? f->same : f->open;

	if (r == SIZE_MAX)
		choose_fetch(p, i, SIZE_MAX);
	else
		choose_known(p, i, r, false);
}

/* Row r, the only one that may be that of entry i, has another size. */
static void
choose_other_size(struct plan *p, size_t i, size_t r)
{
	struct store_row row = store_rows_at(p->rows, r);

	/* Nothing was delivered for it: it is judged by its size now, or tried
	 * if it is due, and waits for nothing that failed before. */
	if (row.status == STORE_TOO_LARGE || row.status == STORE_READY ||
	    (row.status == STORE_SET_ASIDE && rules_try_now(&p->rules, &row)))
		choose_known(p, i, r, false);
	else if (row.has_digest)
		choose(p, i, PLAN_COMPARE, SIZE_MAX);
	else
		choose_fetch(p, i, SIZE_MAX);
}

/* Row r is the only one with the uid of entry i, or the only one of them that
 * was not seen to be gone; no other entry has this uid. */
static void
choose_only(struct plan *p, size_t i, size_t r)
{
	struct store_row row = store_rows_at(p->rows, r);
	int64_t size = listing_at(p->l, i).size;

	if (size < 0 || fit_has_no_size(&row) || fit_is_its_size(&row, size))
		choose_known(p, i, r, false);
	else
		choose_other_size(p, i, r);
}

static void
choose_uid(struct plan *p, size_t i)
{
	bool alone = match_is_alone(p->match, i);
	struct fit f = fit_of(p, i);

	if (f.rows == 0) {
		if (match_twin(p->match, i) == SIZE_MAX)
			choose_fetch(p, i, SIZE_MAX);
		else
			choose(p, i, PLAN_COMPARE, SIZE_MAX);
	} else if (alone && f.same_count == 1) {
		choose_known(p, i, f.same, false);
	} else if (alone && f.present_count == 1) {
		choose_only(p, i, f.present);
	} else if (alone && f.rows == 1) {
		choose_only(p, i, match_first_row(p->match, i));
	} else if (match_has_digest(p->match, i)) {
		choose(p, i, PLAN_COMPARE, SIZE_MAX);
	} else {
		choose_by_size(p, i, &f);
	}
}

void
plan_decide(struct plan *p, const struct plan_rules *rules)
{
	size_t count = listing_count(p->l);

	assert(rules->keep_s >= 0);
	p->rules = *rules;
	p->withheld = false;
	p->unproven = p->retried = 0;
	memset(p->counts, 0, sizeof(p->counts));
	memset(p->marks, 0, store_rows_count(p->rows) * sizeof(*p->marks));
	for (size_t i = 0; i < count; i++) {
		if (listing_at(p->l, i).uid_size == 0)
			choose_fetch(p, i, SIZE_MAX);
		else
			choose_uid(p, i);
	}
}

/* Does it wait for others alone, and not for one of its own row? */
static bool
admit(struct plan *p, size_t i)
{
	const struct plan_choice c = p->choices[i];

	if (c.action != PLAN_LATER ||
	    (c.row != NONE && p->marks[c.row].fetched))
		return false;
	unchoose(p, i);
	choose(p, i, PLAN_FETCH, c.row == NONE ? SIZE_MAX : c.row);
	return true;
}

void
plan_admit(struct plan *p, size_t come)
{
	size_t most = p->counts[PLAN_LATER] > 0 ? p->rules.max_messages : 0;

	for (size_t i = 0; i < listing_count(p->l) && come < most; i++)
		come += admit(p, i);
}

bool
plan_admit_last(struct plan *p)
{
	for (size_t i = listing_count(p->l); i-- > 0;)
		if (admit(p, i))
			return true;
	return false;
}

bool
plan_next_candidate(const struct plan *p, size_t i, size_t *at)
{
	*at = *at == SIZE_MAX ? match_first_row(p->match, i)
			      : match_next_row(p->match, *at);
	return *at != SIZE_MAX;
}

const struct match *
plan_match(const struct plan *p)
{
	return p->match;
}

bool
plan_row_is_open(const struct plan *p, size_t r)
{
	return !p->marks[r].exact && !p->marks[r].settled;
}

bool
plan_would_delete(const struct plan *p, size_t i, size_t r)
{
	struct store_row row = store_rows_at(p->rows, r);
	bool again =
		p->rules.all && !p->marks[r].fetched && !is_too_large(p, i);

	return row.status == STORE_DELIVERED && !again &&
	       !rules_is_bare(&row) && !listing_at(p->l, i).odd &&
	       rules_on_delivered(&p->rules, &row) == RULES_DELETE;
}

void
plan_settle(struct plan *p, size_t i, size_t row)
{
	unchoose(p, i);
	if (row == SIZE_MAX) {
		/* A row without digest that was never delivered takes a message
		 * that no other row knows; else each run would add one more
		 * row. */
		row = fit_of(p, i).untold;
	} else {
		assert(row < store_rows_count(p->rows));
		p->marks[row].settled = true;
	}
	if (row == SIZE_MAX)
		choose_fetch(p, i, SIZE_MAX);
	else
		choose_known(p, i, row, true);
}

/* --- reading --- */

struct plan_item
plan_at(const struct plan *p, size_t i)
{
	const struct plan_choice *c = &p->choices[i];

	assert(i < listing_count(p->l));
	return (struct plan_item){
		.action = c->action,
		.by_content = c->action == PLAN_FETCH &&
			      listing_at(p->l, i).uid_size == 0,
		.size_changed = c->size_changed,
		.row = c->row == NONE ? SIZE_MAX : c->row,
	};
}

bool
plan_counts_anew(const struct plan *p, size_t i)
{
	const struct plan_choice *c = &p->choices[i];
	bool known = c->action == PLAN_KEEP || c->action == PLAN_DELETE;
	struct store_row row;

	if (known)
		row = store_rows_at(p->rows, c->row);
	return known && rules_count_anew(&p->rules, &row);
}

size_t
plan_count(const struct plan *p, enum plan_action action)
{
	return p->counts[action];
}

bool
plan_is_withheld(const struct plan *p)
{
	return p->withheld;
}

size_t
plan_unproven(const struct plan *p)
{
	return p->unproven;
}

bool
plan_row_is_here(const struct plan *p, size_t r)
{
	return p->marks[r].taken > 0;
}

bool
plan_row_is_unclear(const struct plan *p, size_t r)
{
	return p->marks[r].unclear > 0;
}

void
plan_reason(const struct plan *p, size_t i, char out[PLAN_REASON_MAX])
{
	struct store_row row;
	struct reason r = {
		.item = plan_at(p, i),
		.rules = &p->rules,
		.alone = match_is_alone(p->match, i),
		.odd = listing_at(p->l, i).odd,
	};

	if (r.item.row != SIZE_MAX) {
		row = store_rows_at(p->rows, r.item.row);
		r.row = &row;
	}
	reason_show(&r, out);
}
