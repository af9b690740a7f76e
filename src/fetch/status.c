/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "fetch/status.h"

#include <stdlib.h>

#include "base/clock.h"
#include "fetch/claim.h"
#include "fetch/history.h"

static void
status_see_next_try(struct status *s, int64_t when)
{
	if (s->next_try == 0 || when < s->next_try)
		s->next_try = when;
}

static int
status_read_aside(struct status *s, struct store *store,
		  const struct store_row *row, status_aside *each, void *arg,
		  struct err *e)
{
	char *error;

	s->set_aside++;
	status_see_next_try(s, row->next_try);
	if (each == NULL)
		return 0;
	if (store_error(store, row->id, &error, e) == -1)
		return -1;
	each(arg, row, error);
	free(error);
	return 0;
}

static int
status_read_rows(struct status *s, struct store *store, status_aside *each,
		 void *arg, struct err *e)
{
	struct store_rows *rows;
	int result = 0;

	if (store_load(store, &rows, e) == -1)
		return -1;
	for (size_t i = 0; i < store_rows_count(rows) && result == 0; i++) {
		struct store_row row = store_rows_at(rows, i);

		s->kept += row.status == STORE_DELIVERED &&
			   row.gone_since == 0 && row.dele_sent == 0;
		if (row.status == STORE_SET_ASIDE)
			result = status_read_aside(s, store, &row, each, arg,
						   e);
	}
	store_rows_free(&rows);
	return result;
}

static int
status_read_facts(struct status *s, const struct account *a,
		  struct store *store, struct err *e)
{
	int64_t now = clock_unix(), fetched, wait;
	bool refused;

	if (store_fact(store, "last_success", 0, &s->last_success, e) == -1 ||
	    store_fact(store, "last_failure", 0, &s->last_failure, e) == -1 ||
	    store_fact(store, "last_fetched", 0, &fetched, e) == -1 ||
	    history_check(store, a, now, &wait, &refused, e) == -1)
		return -1;
	s->fetched = fetched < 0 ? 0 : (uint64_t)fetched;
	if (refused)
		status_see_next_try(s, now + wait);
	if (s->last_failure == 0)
		return 0;
	return store_fact_text(store, "last_error", &s->last_error, e);
}

int
status_read(struct status *s, const struct account *a, const char *state_dir,
	    status_aside *each, void *arg, struct err *e)
{
	struct claim c;
	int result = -1;

	*s = (struct status){ .last_error = NULL };
	if (claim_take(&c, a, state_dir, false, e) == 0 &&
	    status_read_rows(s, c.store, each, arg, e) == 0)
		result = status_read_facts(s, a, c.store, e);
	claim_release(&c);
	return result;
}

void
status_free(struct status *s)
{
	free(s->last_error);
	s->last_error = NULL;
}

/* --- --retry --- */

static int
status_make_due(struct store *store, const struct store_rows *rows,
		struct err *e)
{
	for (size_t i = 0; i < store_rows_count(rows); i++) {
		struct store_row row = store_rows_at(rows, i);

		if (row.status == STORE_SET_ASIDE &&
		    store_set_next_try(store, row.id, 0, e) == -1)
			return -1;
	}
	if (store_set_fact(store, "login_failures", 0, e) == -1)
		return -1;
	return store_set_fact(store, "login_next_try", 0, e);
}

static int
status_forget(struct store *store, struct err *e)
{
	struct store_rows *rows;
	int result;

	if (store_is_new(store))
		return 0;
	if (store_load(store, &rows, e) == -1)
		return -1;
	result = store_begin(store, STORE_DURABLE, e);
	if (result == 0)
		result = status_make_due(store, rows, e);
	if (result == 0)
		result = store_commit(store, e);
	else
		store_rollback(store);
	store_rows_free(&rows);
	return result;
}

int
status_forget_backoff(const struct account *a, const char *state_dir,
		      struct err *e)
{
	struct claim c;
	int result = -1;

	if (claim_take(&c, a, state_dir, false, e) == 0)
		result = status_forget(c.store, e);
	claim_release(&c);
	return result;
}
