/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "commit/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mem.h"
#include "state/fact.h"

struct doubtful {
	int64_t *ids;
	char **evidence;
	enum deliver_verdict *verdict;
	size_t count, room;
};

/* store_intents calls it for each intent, when no transaction is open yet. */
static int
add(void *arg, int64_t id, const char *evidence, struct err *e)
{
	struct doubtful *r = arg;

	(void)e;
	if (r->count == r->room) {
		r->room = r->room == 0 ? 64 : r->room * 2;
		r->ids = mem_resize(r->ids, r->room, sizeof(*r->ids));
		r->evidence =
			mem_resize(r->evidence, r->room, sizeof(*r->evidence));
	}
	r->ids[r->count] = id;
	r->evidence[r->count++] = mem_string(evidence);
	return 0;
}

/* --- what is recorded --- */

static unsigned
attempts_of(const struct store_rows *rows, int64_t id)
{
	for (size_t i = 0; i < store_rows_count(rows); i++)
		if (store_rows_at(rows, i).id == id)
			return store_rows_at(rows, i).attempts;
	return 0;
}

/* What the row has of its message stays.  The next session has more to do than
 * to die by it. */
static int
count_attempt(struct store *store, const struct store_rows *rows, int64_t id,
	      struct recovery_result *result, struct err *e)
{
	static const struct store_message unchanged = { .size = -1 };
	static const char why[] = "popfetch was ended while the program had it";
	unsigned before = attempts_of(rows, id);
	int64_t next_try = backoff_next_broken(clock_unix(), before);

	result->again++;
	result->set_aside += before >= BACKOFF_PATIENCE;
	if (store_set_aside(store, &id, &unchanged, next_try, why, e) != 0)
		return -1;
	return store_set_failures(store, id, before + 1, next_try, true, why,
				  e);
}

static int
record_one(struct store *store, const struct store_rows *rows, int64_t id,
	   enum deliver_verdict verdict, struct recovery_result *result,
	   struct err *e)
{
	switch (verdict) {
	case DELIVER_WAS_DELIVERED:
		result->delivered++;
		return store_set_delivered(store, id, clock_unix(), e);
	case DELIVER_WAS_IN_HAND:
		return count_attempt(store, rows, id, result, e);
	case DELIVER_WAS_NOT:
		break;
	}
	result->again++;
	return store_forget_intent(store, id, e);
}

static int
record(struct doubtful *r, struct store *store, struct recovery_result *result,
       struct err *e)
{
	struct store_rows *rows;
	int rc = 0;

	if (r->count == 0)
		return 0;
	if (store_load(store, &rows, e) != 0)
		return -1;
	if (store_begin(store, STORE_DURABLE, e) != 0)
		rc = -1;
	for (size_t i = 0; rc == 0 && i < r->count; i++)
		rc = record_one(store, rows, r->ids[i], r->verdict[i], result,
				e);
	store_rows_free(&rows);
	if (rc == 0)
		return store_commit(store, e);
	store_rollback(store);
	return -1;
}

/* --- what is left elsewhere --- */

struct places {
	char **names;
	size_t count;
};

/* store_destinations calls it for each destination, outside any transaction. */
static int
add_place(void *arg, const char *name, struct err *e)
{
	struct places *p = arg;

	(void)e;
	p->names = mem_resize(p->names, p->count + 1, sizeof(*p->names));
	p->names[p->count++] = mem_string(name);
	return 0;
}

static int
note_place(struct store *store, const char *name, struct err *e)
{
	if (store_begin(store, STORE_LAZY, e) != 0)
		return -1;
	if (store_set_fact_text(store, FACT_DESTINATION, name, e) == 0)
		return store_commit(store, e);
	store_rollback(store);
	return -1;
}

static int
clear_others(struct store *store, const struct deliver_target *target,
	     const char *name, const char *before, struct err *e)
{
	struct places p = { .count = 0 };
	int rc = store_destinations(store, add_place, &p, e);

	if (rc == 0) {
		if (before) /* perhaps nothing was ever delivered there */
			(void)add_place(&p, before, e);
		deliver_clear(target, (const char *const *)p.names, p.count);
		rc = note_place(store, name, e);
	}
	for (size_t i = 0; i < p.count; i++)
		free(p.names[i]);
	free(p.names);
	return rc;
}

/* Each run looks where it delivers to.  If the run before delivered to another
 * place, what it may have left there is looked for once, since no later run
 * would do so. */
static int
clear(struct store *store, const struct deliver_target *target, struct err *e)
{
	char *name = deliver_name(target), *before;
	int rc = store_fact_text(store, FACT_DESTINATION, &before, e);

	if (rc == 0 && (!before || strcmp(before, name) != 0))
		rc = clear_others(store, target, name, before, e);
	free(before);
	free(name);
	return rc;
}

static void
free_all(struct doubtful *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->evidence[i]);
	free(r->evidence);
	free(r->ids);
	free(r->verdict);
}

int
recovery_run(struct store *store, const struct deliver_target *target,
	     struct recovery_result *result, struct err *e)
{
	struct doubtful r = { .count = 0 };
	const char *const *evidence;
	int rc = -1;

	*result = (struct recovery_result){ .delivered = 0 };
	if (store_intents(store, add, &r, e) != 0)
		goto out;
	evidence = (const char *const *)r.evidence;
	r.verdict = mem_array(r.count, sizeof(*r.verdict));
	if (deliver_recover(target, evidence, r.verdict, r.count, e) != 0)
		goto out;
	if (record(&r, store, result, e) != 0)
		goto out;
	deliver_recovered(target, evidence, r.count);
	rc = clear(store, target, e);
out:
	free_all(&r);
	return rc != 0 ? err_context(e, "recovery") : 0;
}
