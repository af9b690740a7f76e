/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "commit/verdict.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "state/fact.h"

/* So many are held before one more is tried. */
enum { POSTPONED_MAX = 5, MISUSE_MAX = 1 };

/* Which options have delivered the last time, if any have? */
static int
read_proof(struct verdicts *v, struct store *store, struct err *e)
{
	char *proven;

	if (store_fact_text(store, FACT_MDA_PROVEN, &proven, e) != 0)
		return -1;
	v->is_recorded = proven && strcmp(proven, v->fingerprint) == 0;
	v->is_changed = proven && !v->is_recorded;
	free(proven);
	return 0;
}

int
verdict_open(struct verdicts *v, struct store *store,
	     const struct deliver_target *target, struct err *e)
{
	*v = (struct verdicts){ .fingerprint = deliver_fingerprint(target),
				.is_recorded = true };
	if (v->fingerprint && read_proof(v, store, e) != 0) {
		verdict_close(v);
		return -1;
	}
	v->is_proven = v->is_recorded;
	return 0;
}

void
verdict_close(struct verdicts *v)
{
	batch_list_free(&v->held, false);
	free(v->fingerprint);
	v->fingerprint = NULL;
}

/* --- whose fault it is --- */

static enum verdict_fault
fault_of(const struct verdicts *v, const struct parcel *x)
{
	if (x->outcome == DELIVER_POSTPONED)
		return VERDICT_POSTPONED;
	if (x->outcome == DELIVER_REFUSED && x->why.kind == ERR_CONFIG &&
	    !v->is_proven)
		return VERDICT_MISUSE;
	return VERDICT_OWN;
}

static size_t
held_max(const struct verdicts *v)
{
	return v->fault == VERDICT_MISUSE ? MISUSE_MAX : POSTPONED_MAX;
}

static void
release(struct verdicts *v, bool is_counted, struct batch_list *settled)
{
	for (size_t i = 0; i < v->held.count; i++)
		v->held.at[i]->is_counted = is_counted;
	v->has_own = v->has_own || (is_counted && v->held.count > 0);
	batch_list_move(&v->held, settled, v->held.count);
	v->fault = VERDICT_OWN;
}

/* The probe is from the other end. */
static uint32_t
last_in_row(const struct verdicts *v, const struct err *why)
{
	size_t last = v->held.count - 1;

	if (v->fault != VERDICT_POSTPONED || why->kind == ERR_OS)
		return 0;
	if (v->held.at[last]->is_probe && last > 0)
		last--;
	return v->held.at[last]->message.number;
}

/* The last one that is held has shown that it is everybody's. */
static void
blame_all(struct verdicts *v, struct batch_list *settled)
{
	const struct parcel *x = v->held.at[v->held.count - 1];

	if (x->why.kind != ERR_OS)
		x = v->held.at[0];
	v->all = (struct batch_trouble){ .why = x->why,
					 .number = x->message.number,
					 .count = v->held.count,
					 .is_changed = v->is_changed,
					 .last = last_in_row(v, &x->why),
					 .fingerprint = v->fingerprint };
	if (v->all.why.kind == ERR_MESSAGE)
		v->all.why.kind = ERR_LATER;
	release(v, false, settled);
}

static void
hold(struct verdicts *v, enum verdict_fault fault, struct parcel *x,
     struct batch_list *settled)
{
	if (v->fault != fault)
		release(v, true, settled);
	v->fault = fault;
	batch_list_add(&v->held, x);
	if (x->why.kind == ERR_OS ||
	    (x->is_probe && v->held.count > held_max(v)))
		blame_all(v, settled);
}

void
verdict_take(struct verdicts *v, struct parcel *x, struct batch_list *settled)
{
	enum verdict_fault fault = fault_of(v, x);

	if (x->outcome == DELIVER_DONE)
		v->is_proven = v->has_delivered = true;
	/* what runs on when it is known, or was ended by a stop request, tells
	 * nothing */
	if (fault != VERDICT_OWN && v->all.why.kind == ERR_NONE &&
	    x->why.kind != ERR_STOPPED) {
		hold(v, fault, x, settled);
		return;
	}
	x->is_counted = fault == VERDICT_OWN;
	if (x->is_counted) {
		release(v, true, settled);
		v->has_own = v->has_own || x->outcome != DELIVER_DONE;
	}
	batch_list_add(settled, x);
}

static bool
all_ask_for_later(const struct verdicts *v)
{
	for (size_t i = 0; i < v->held.count; i++)
		if (v->held.at[i]->why.kind != ERR_LATER)
			return false;
	return v->held.count > 1;
}

void
verdict_end(struct verdicts *v, struct batch_list *settled)
{
	bool is_all_there_was = !v->has_delivered && !v->has_own;

	if (v->held.count > 0 && is_all_there_was &&
	    (v->fault == VERDICT_MISUSE || all_ask_for_later(v)))
		blame_all(v, settled);
	else
		release(v, true, settled);
}

size_t
verdict_room(const struct verdicts *v, size_t room, size_t running,
	     bool *is_probe)
{
	*is_probe = v->held.count > 0 && v->held.count >= held_max(v);
	if (v->all.why.kind != ERR_NONE)
		return 0;
	if (!*is_probe)
		return room;
	return running == 0 ? 1 : 0;
}

/* --- on record --- */

/* With it goes that these options have delivered. */
static int
record_delivered(struct verdicts *v, struct store *store, int64_t id,
		 int64_t now, struct err *e)
{
	if (!v->is_recorded &&
	    store_set_fact_text(store, FACT_MDA_PROVEN, v->fingerprint, e) != 0)
		return -1;
	v->is_recorded = true;
	return store_set_delivered(store, id, now, e);
}

static int
record(struct verdicts *v, struct store *store, const struct parcel *x,
       int64_t now, struct err *e)
{
	unsigned before = x->message.attempts;
	struct store_message m = parcel_row(x);
	int64_t id = x->id;

	assert(x->outcome != DELIVER_PENDING);
	if (x->outcome == DELIVER_DONE)
		return record_delivered(v, store, id, now, e);
	if (!x->is_counted)
		return store_forget_intent(store, id, e);
	/* what was postponed is asked for last from now on, and set aside in
	 * the end, so that one message cannot stop an account for ever */
	return store_set_aside(store, &id, &m,
			       x->outcome == DELIVER_REFUSED
				       ? backoff_next(now, before)
				       : backoff_next_broken(now, before),
			       x->why.text, e);
}

int
verdict_record(struct verdicts *v, struct store *store,
	       const struct batch_list *settled, int64_t now, struct err *e)
{
	for (size_t i = 0; i < settled->count; i++)
		if (record(v, store, settled->at[i], now, e) != 0)
			return -1;
	return 0;
}
