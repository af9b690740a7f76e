/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The decision: what to do with each listed message. */
#include "config.h"
#include "state/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state/match.h"
#include "state/reason.h"

enum { DAY_S = 86400, CLOCK_AHEAD_MAX_S = 30 * DAY_S };

/* So many rows of one uid are looked at, which keeps a server that lists one uid a
 * million times from costing more than a million steps. */
enum { ROWS_MAX = 64 };

#define NONE UINT32_MAX

struct choice {
	uint32_t row;
	uint8_t action;
	bool size_changed;
};

/* Of a row. */
struct mark {
	bool fetched;
	bool settled;	/* an entry is its message */
	bool exact;	/* an entry has its uid and size */
};

struct plan {
	const struct listing *l;
	const struct store_rows *rows;
	struct match *match;
	struct plan_rules rules;
	struct choice *choices;
	size_t counts[PLAN_LATER + 1];
	struct mark *marks;	/* of each row */
	bool clock_is_odd;
	bool withheld;
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

/* The size that all rows of entry i agree on, or unknown. */
static int64_t
size_by_rows(const struct plan *p, size_t i)
{
	size_t r = match_first_row(p->match, i);
	int64_t size = LISTING_SIZE_UNKNOWN;

	for (int n = 0; r != SIZE_MAX; r = match_next_row(p->match, r), n++) {
		int64_t own = store_rows_at(p->rows, r).size;

		if (own < 0 || n == ROWS_MAX || (n > 0 && own != size))
			return LISTING_SIZE_UNKNOWN;
		size = own;
	}
	return size;
}

/* The rows tell it of one message a uid only. */
int64_t
plan_size(const struct plan *p, size_t i)
{
	int64_t size = listing_at(p->l, i).size;

	if (size >= 0)
		return size;
	if (match_twin(p->match, i) != SIZE_MAX)
		return LISTING_SIZE_UNKNOWN;
	return size_by_rows(p, i);
}

/* How many sizes are unknown, and the sum of the others, which may have been made to
 * overflow. */
static size_t
sum_sizes(const struct plan *p, uint64_t *sum)
{
	size_t count = listing_count(p->l), unknown = 0;

	*sum = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t size = plan_size(p, i);

		if (size < 0)
			unknown++;
		else if (__builtin_add_overflow(*sum, (uint64_t)size, sum))
			*sum = UINT64_MAX;
	}
	return unknown;
}

enum plan_sizes
plan_sizes(struct plan *p)
{
	size_t count = listing_count(p->l), unknown;
	uint64_t sum;

	unknown = sum_sizes(p, &sum);
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

/* --- what the rules say of a message --- */

static bool
is_too_large(const struct plan *p, size_t i)
{
	int64_t size = plan_size(p, i);

	return p->rules.max_size > 0 && size >= 0 &&
	       (uint64_t)size > p->rules.max_size;
}

int64_t
plan_true_try(int64_t next_try, int64_t now)
{
	int64_t wait;

	if (next_try > now &&
	    (__builtin_sub_overflow(next_try, now, &wait) ||
	     wait > PLAN_BACKOFF_MAX_S))
		return now;
	return next_try;
}

static bool
is_due(const struct plan *p, const struct store_row *row)
{
	return p->rules.ignore_backoff ||
	       plan_true_try(row->next_try, p->rules.now) <= p->rules.now;
}

static bool
is_expired(const struct plan *p, int64_t delivered, int64_t now)
{
	int64_t age;

	return now > delivered &&
	       !__builtin_sub_overflow(now, delivered, &age) &&
	       age >= p->rules.keep_s;
}

static enum plan_action
by_age(struct plan *p, const struct store_row *row)
{
	int64_t now = p->rules.now;

	if (!p->clock_is_odd)
		return is_expired(p, row->delivered, now) ? PLAN_DELETE
							  : PLAN_KEEP;
	if (now < p->rules.last_run)
		now = p->rules.last_run;
	if (is_expired(p, row->delivered, now))
		p->withheld = true;
	return PLAN_KEEP;
}

/* What a delivered message deserves. */
static enum plan_action
keep_or_delete(struct plan *p, size_t i, const struct store_row *row)
{
	if (p->rules.keep_s == PLAN_KEEP_FOREVER)
		return PLAN_KEEP;
	if (listing_at(p->l, i).odd)
		return PLAN_KEEP;
	/* One of several with this uid, and no telling which. */
	if (!row->has_digest && !match_is_alone(p->match, i))
		return PLAN_KEEP;
	return p->rules.keep_s == 0 ? PLAN_DELETE : by_age(p, row);
}

/* --- choosing --- */

static void
unchoose(struct plan *p, size_t i)
{
	const struct choice *c = &p->choices[i];

	assert(p->counts[c->action] > 0);
	p->counts[c->action]--;
	if (c->action == PLAN_FETCH && c->row != NONE)
		p->marks[c->row].fetched = false;
}

static void
choose(struct plan *p, size_t i, enum plan_action action, size_t row)
{
	struct choice *c = &p->choices[i];
	int64_t size = listing_at(p->l, i).size;

	c->action = (uint8_t)action;
	c->row = row == SIZE_MAX ? NONE : (uint32_t)row;
	c->size_changed = action != PLAN_FETCH && row != SIZE_MAX &&
			  size >= 0 && match_is_alone(p->match, i) &&
			  store_rows_at(p->rows, row).size != size;
	p->counts[action]++;
	if (action == PLAN_FETCH && row != SIZE_MAX)
		p->marks[row].fetched = true;
}

/* An attempt at it, recorded in this row or in a new one. */
static void
choose_fetch(struct plan *p, size_t i, size_t row)
{
	enum plan_action action = PLAN_FETCH;

	if (is_too_large(p, i))
		action = PLAN_TOO_LARGE;
	else if (p->rules.max_messages > 0 &&
		 p->counts[PLAN_FETCH] >= p->rules.max_messages)
		action = PLAN_LATER;
	choose(p, i, action, row);
}

/* Entry i is the message of this row.  A row is fetched for one entry a run. */
static void
choose_known(struct plan *p, size_t i, size_t r)
{
	struct store_row row = store_rows_at(p->rows, r);
	bool taken = p->marks[r].fetched;

	switch (row.status) {
	case STORE_DELIVERED:
		if (p->rules.all && !taken && !is_too_large(p, i))
			choose_fetch(p, i, r);
		else
			choose(p, i, keep_or_delete(p, i, &row), r);
		return;
	case STORE_SET_ASIDE:
		if (!is_due(p, &row) && !is_too_large(p, i)) {
			choose(p, i, PLAN_SET_ASIDE, r);
			return;
		}
		break;
	case STORE_READY:
	case STORE_TOO_LARGE:
		break;
	}
	if (taken)
		choose(p, i, PLAN_LATER, r);
	else
		choose_fetch(p, i, r);
}

/* --- which row --- */

/* The rows of an entry that its size fits. */
struct fit {
	size_t same, same_count;	/* first with this very size; how many */
	size_t open;			/* first where one side is unknown */
	size_t untold;			/* first that fits, was never delivered,
					   has no digest, is not fetched yet */
	size_t rows;			/* all of the uid */
};

static struct fit
fit_rows(const struct plan *p, size_t i)
{
	struct fit f = { SIZE_MAX, 0, SIZE_MAX, SIZE_MAX, 0 };
	int64_t size = listing_at(p->l, i).size;
	size_t r = match_first_row(p->match, i);

	for (; r != SIZE_MAX && f.rows < ROWS_MAX;
	     r = match_next_row(p->match, r), f.rows++) {
		struct store_row row = store_rows_at(p->rows, r);
		bool open = size < 0 || row.size < 0;

		if (!open && row.size != size)
			continue;
		p->marks[r].exact |= !open;
		if (!open && f.same_count++ == 0)
			f.same = r;
		if (open && f.open == SIZE_MAX)
			f.open = r;
		if (f.untold == SIZE_MAX && !row.has_digest &&
		    row.status != STORE_DELIVERED && !p->marks[r].fetched)
			f.untold = r;
	}
	return f;
}

/* There is no digest to compare: the size decides. */
static void
choose_by_size(struct plan *p, size_t i, const struct fit *f)
{
	size_t r = f->same != SIZE_MAX ? f->same : f->open;

	if (r == SIZE_MAX)
		choose_fetch(p, i, SIZE_MAX);
	else
		choose_known(p, i, r);
}

/* The only row of a uid that is listed once has another size. */
static void
choose_other_size(struct plan *p, size_t i, size_t r)
{
	struct store_row row = store_rows_at(p->rows, r);

	/* Not delivered, whether it is the same message or not: what was too large
	 * is judged by the size it has now, what is due is tried. */
	if (row.status == STORE_TOO_LARGE || row.status == STORE_READY ||
	    (row.status == STORE_SET_ASIDE &&
	     (is_due(p, &row) || !row.has_digest)))
		choose_known(p, i, r);
	else if (row.has_digest)
		choose(p, i, PLAN_COMPARE, SIZE_MAX);
	else
		choose_fetch(p, i, SIZE_MAX);
}

static void
choose_uid(struct plan *p, size_t i)
{
	bool alone = match_is_alone(p->match, i);
	bool digest = match_has_digest(p->match, i);
	struct fit f = fit_rows(p, i);

	if (f.rows == 0) {
		if (match_twin(p->match, i) == SIZE_MAX)
			choose_fetch(p, i, SIZE_MAX);
		else
			choose(p, i, PLAN_COMPARE, SIZE_MAX);
	} else if (alone && f.same_count == 1) {
		choose_known(p, i, f.same);
	} else if (alone && f.rows == 1 && f.open != SIZE_MAX) {
		choose_known(p, i, f.open);
	} else if (alone && f.rows == 1) {
		choose_other_size(p, i, match_first_row(p->match, i));
	} else if (digest) {
		choose(p, i, PLAN_COMPARE, SIZE_MAX);
	} else {
		choose_by_size(p, i, &f);
	}
}

static bool
clock_is_odd(const struct plan_rules *r)
{
	return r->last_run > 0 && (r->now < r->last_run ||
				   r->now - r->last_run > CLOCK_AHEAD_MAX_S);
}

void
plan_decide(struct plan *p, const struct plan_rules *rules)
{
	size_t count = listing_count(p->l);

	assert(rules->keep_s >= 0);
	p->rules = *rules;
	p->clock_is_odd = clock_is_odd(rules);
	p->withheld = false;
	memset(p->counts, 0, sizeof(p->counts));
	memset(p->marks, 0, store_rows_count(p->rows) * sizeof(*p->marks));
	for (size_t i = 0; i < count; i++) {
		if (listing_at(p->l, i).uid_size == 0)
			choose_fetch(p, i, SIZE_MAX);
		else
			choose_uid(p, i);
	}
}

bool
plan_next_candidate(const struct plan *p, size_t i, size_t *at)
{
	*at = *at == SIZE_MAX ? match_first_row(p->match, i)
			      : match_next_row(p->match, *at);
	return *at != SIZE_MAX;
}

size_t
plan_twin(const struct plan *p, size_t i)
{
	return match_twin(p->match, i);
}

bool
plan_row_is_open(const struct plan *p, size_t r)
{
	return !p->marks[r].exact && !p->marks[r].settled;
}

void
plan_settle(struct plan *p, size_t i, size_t row)
{
	unchoose(p, i);
	if (row == SIZE_MAX) {
		/* A row without digest that was never delivered stands for what
		 * is not known otherwise: else each run would add another. */
		row = fit_rows(p, i).untold;
	} else {
		assert(row < store_rows_count(p->rows));
		p->marks[row].settled = true;
	}
	if (row == SIZE_MAX)
		choose_fetch(p, i, SIZE_MAX);
	else
		choose_known(p, i, row);
}

/* --- reading --- */

struct plan_item
plan_at(const struct plan *p, size_t i)
{
	const struct choice *c = &p->choices[i];

	assert(i < listing_count(p->l));
	return (struct plan_item){
		.action = c->action,
		.by_content = c->action == PLAN_FETCH &&
			      listing_at(p->l, i).uid_size == 0,
		.size_changed = c->size_changed,
		.row = c->row == NONE ? SIZE_MAX : c->row,
	};
}

size_t
plan_count(const struct plan *p, enum plan_action action)
{
	return p->counts[action];
}

bool
plan_clock_is_odd(const struct plan *p)
{
	return p->clock_is_odd;
}

bool
plan_is_withheld(const struct plan *p)
{
	return p->withheld;
}

bool
plan_row_is_listed(const struct plan *p, size_t r)
{
	return match_row_is_listed(p->match, r) || p->marks[r].settled;
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
		.clock_is_odd = p->clock_is_odd,
	};

	if (r.item.row != SIZE_MAX) {
		row = store_rows_at(p->rows, r.item.row);
		r.row = &row;
	}
	reason_show(&r, out);
}
