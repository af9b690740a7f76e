/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/status.h"

#include <stdio.h>
#include <stdlib.h>

#include "account/busy.h"
#include "account/claim.h"
#include "account/history.h"
#include "state/fact.h"
#include "state/plan.h"

struct reader {
	struct status *status;
	struct store *store;
	int64_t now;
	status_failed *each;
	void *arg;
};

/* --- messages --- */

static int
read_failed(struct reader *r, struct store_row row, struct err *e)
{
	struct status *s = r->status;
	char *error;

	row.next_try = plan_true_try(row.next_try, r->now);
	if (row.next_try <= 0)
		row.next_try = r->now;
	if (row.status == STORE_SET_ASIDE &&
	    (s->set_aside++ == 0 || row.next_try < s->next_try))
		s->next_try = row.next_try;
	if (!r->each)
		return 0;
	if (store_error(r->store, row.id, &error, e) != 0)
		return -1;
	r->each(r->arg, &row, error);
	free(error);
	return 0;
}

/* DELEs from *since on may have been in vain (INT64_MAX: none), either because
 * the last session that sent some got no answer to QUIT, or because the server
 * is known to ignore them. */
static int
first_vain_dele(struct store *store, const struct store_rows *rows,
		int64_t *since, struct err *e)
{
	int64_t confirmed, ignored;

	*since = INT64_MAX;
	if (store_fact(store, FACT_QUIT_CONFIRMED, 0, &confirmed, e) != 0 ||
	    store_fact(store, FACT_WARNED_DELE, 0, &ignored, e) != 0)
		return -1;
	if (ignored != 0)
		*since = 0;
	if (ignored != 0 || confirmed != 0)
		return 0;
	*since = 0;
	for (size_t i = 0; i < store_rows_count(rows); i++)
		if (store_rows_at(rows, i).dele_sent > *since)
			*since = store_rows_at(rows, i).dele_sent;
	return 0;
}

/* Also what was delivered, when it failed to be compared or deleted later. */
static bool
has_failed(const struct store_row *row)
{
	return row->status == STORE_SET_ASIDE || row->attempts > 0;
}

static int
count_rows(struct reader *r, const struct store_rows *rows, struct err *e)
{
	int64_t vain;

	if (first_vain_dele(r->store, rows, &vain, e) != 0)
		return -1;
	for (size_t i = 0; i < store_rows_count(rows); i++) {
		struct store_row row = store_rows_at(rows, i);

		if (row.gone_since != 0)
			continue;
		r->status->kept +=
			row.status == STORE_DELIVERED && !row.skipped &&
			(row.dele_sent == 0 || row.dele_sent >= vain);
		if (has_failed(&row) && read_failed(r, row, e) != 0)
			return -1;
	}
	return 0;
}

static int
read_rows(struct reader *r, struct err *e)
{
	struct store_rows *rows;
	int rc;

	if (store_load(r->store, &rows, e) != 0)
		return -1;
	rc = count_rows(r, rows, e);
	store_rows_free(&rows);
	return rc;
}

/* --- the account --- */

static int
read_facts(struct reader *r, const struct account_settings *a, struct err *e)
{
	struct status *s = r->status;
	struct store *store = r->store;
	int64_t fetched, wait;
	enum history_pause pause;

	if (store_fact(store, FACT_LAST_SUCCESS, 0, &s->last_success, e) != 0 ||
	    store_fact(store, FACT_LAST_FAILURE, 0, &s->last_failure, e) != 0 ||
	    store_fact(store, FACT_LAST_FETCHED, 0, &fetched, e) != 0 ||
	    history_check(store, a, r->now, &wait, &pause, e) != 0 ||
	    history_is_failing(store, a, r->now, &s->is_failing, e) != 0 ||
	    trouble_find(store, r->now, &s->trouble, e) != 0)
		return -1;
	s->fetched = fetched < 0 ? 0 : (uint64_t)fetched;
	if (wait > 0) /* nothing is tried before the login */
		s->next_try = r->now + wait;
	if (s->last_failure == 0)
		return 0;
	return store_fact_text(store, FACT_LAST_ERROR, &s->last_error, e);
}

int
status_read(struct status *s, const struct account_settings *a,
	    const char *state_dir, int64_t now, status_failed *each, void *arg,
	    struct err *e)
{
	struct reader r = { .status = s, .now = now, .each = each, .arg = arg };
	struct claim c;
	int rc = -1;

	*s = (struct status){ .last_error = NULL };
	if (claim_take(&c, a, state_dir, false, e) == 0) {
		r.store = c.store;
		rc = read_rows(&r, e);
		if (rc == 0)
			rc = read_facts(&r, a, e);
	} else if (e->kind == ERR_BUSY) {
		s->trouble = busy_find(a, state_dir, now);
	}
	claim_release(&c);
	return rc;
}

void
status_free(struct status *s)
{
	free(s->last_error);
	s->last_error = NULL;
}

/* --- --retry --- */

static int
make_due(struct store *store, const struct store_row *row, bool is_named,
	 struct status_due *due, struct err *e)
{
	bool is_skipped = is_named && row->skipped;

	if (!is_skipped && !has_failed(row))
		return 0;
	due->messages += row->gone_since == 0;
	return is_skipped ? store_forget_skip(store, row->id, e)
			  : store_forget_failures(store, row->id, e);
}

static int
make_login_due(struct store *store, struct status_due *due, struct err *e)
{
	static const char *const pauses[] = {
		FACT_LOGIN_FAILURES,
		FACT_LOGIN_NEXT_TRY,
		FACT_PUT_OFF_UNTIL,
		FACT_PUT_OFF_S,
	};
	int64_t value;

	for (size_t i = 0; i < sizeof(pauses) / sizeof(*pauses); i++) {
		if (store_fact(store, pauses[i], 0, &value, e) != 0 ||
		    store_set_fact(store, pauses[i], 0, e) != 0)
			return -1;
		due->login |= value != 0;
	}
	return 0;
}

static int
make_all_due(struct store *store, const struct store_rows *rows,
	     struct status_due *due, struct err *e)
{
	for (size_t i = 0; i < store_rows_count(rows); i++) {
		struct store_row row = store_rows_at(rows, i);

		if (make_due(store, &row, false, due, e) != 0)
			return -1;
	}
	return make_login_due(store, due, e);
}

static int
make_chosen_due(struct store *store, const struct store_rows *rows,
		struct chosen *chosen, struct status_due *due, struct err *e)
{
	for (size_t i = 0; i < store_rows_count(rows); i++) {
		struct store_row row = store_rows_at(rows, i);

		if (!row.skipped && !has_failed(&row))
			continue;
		if (chosen_find(chosen, row.uid, row.uid_size) &&
		    make_due(store, &row, true, due, e) != 0)
			return -1;
	}
	return chosen_missing(chosen, "has not failed and was not skipped", e);
}

static int
forget(struct store *store, struct chosen *chosen, struct status_due *due,
       struct err *e)
{
	struct store_rows *rows;
	int rc;

	if (store_is_new(store) && !chosen)
		return 0;
	if (store_load(store, &rows, e) != 0)
		return -1;
	rc = store_begin(store, STORE_DURABLE, e);
	if (rc == 0)
		rc = chosen ? make_chosen_due(store, rows, chosen, due, e)
			    : make_all_due(store, rows, due, e);
	if (rc == 0)
		rc = store_commit(store, e) != 0 ? -1
						 : store_make_whole(store, e);
	else
		store_rollback(store);
	store_rows_free(&rows);
	return rc;
}

int
status_forget_backoff(const struct account_settings *a, const char *state_dir,
		      struct chosen *chosen, struct status_due *due,
		      struct err *e)
{
	struct claim c;
	int rc = -1;

	*due = (struct status_due){ .login = false };
	if (claim_take(&c, a, state_dir, false, e) == 0)
		rc = forget(c.store, chosen, due, e);
	claim_release(&c);
	return rc;
}

void
status_show_due(char out[STATUS_DUE_MAX], const struct status_due *due)
{
	unsigned long long count = due->messages;

	if (count == 0)
		snprintf(out, STATUS_DUE_MAX, "%s",
			 due->login ? "the login is tried in the next run"
				    : "nothing to forget");
	else
		snprintf(out, STATUS_DUE_MAX,
			 "%s%llu message%s tried in the next run",
			 due->login ? "the login and " : "", count,
			 count == 1 && !due->login ? " is"
			 : count == 1		   ? " are"
						   : "s are");
}
