/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "commit/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "commit/batch_list.h"
#include "commit/verdict.h"

const struct batch_limits batch_limits_usual = {
	.messages = 256,
	.bytes = 16 * 1024 * 1024,
	.age_ms = 10 * 1000,
};

struct batch {
	struct store *store;
	const struct deliver_target *target;
	struct batch_limits limits;
	struct deliver *deliver;

	/* a parcel goes through all of these */
	struct parcel *open;	    /* coming in now */
	struct batch_list waiting;  /* complete, before D1 */
	struct batch_list current;  /* from D1 until published or started */
	struct batch_list running;  /* until D3, or until its MDA has ended */
	struct batch_list settled;  /* not on record yet */
	struct batch_list recorded; /* nobody was told yet */
	struct verdicts verdicts; /* of programs; holds some before `settled` */

	bool destination_is_known;
	bool broken;
};

/* --- opening and closing --- */

int
batch_open(struct batch **b, struct store *store,
	   const struct deliver_target *target,
	   const struct batch_limits *limits, struct err *e)
{
	char *name = deliver_name(target);
	struct batch *n;
	bool known;
	int rc = store_knows_destination(store, name, &known, e);

	free(name);
	if (rc != 0)
		return -1;
	n = mem_alloc(sizeof(*n));
	n->store = store;
	n->target = target;
	n->limits = *limits;
	n->destination_is_known = known;
	if (verdict_open(&n->verdicts, store, target, e) != 0 ||
	    deliver_open(&n->deliver, target, !known, e) != 0) {
		verdict_close(&n->verdicts);
		free(n);
		return -1;
	}
	*b = n;
	return 0;
}

void
batch_close(struct batch **b)
{
	struct batch *old = *b;

	if (!old)
		return;
	batch_cancel(old);
	batch_list_free(&old->waiting, true);
	batch_list_free(&old->current, false);
	batch_list_free(&old->running, false);
	batch_list_free(&old->settled, false);
	batch_list_free(&old->recorded, false);
	verdict_close(&old->verdicts);
	deliver_close(&old->deliver);
	free(old);
	*b = NULL;
}

/* --- one message --- */

int
batch_begin(struct batch *b, const struct batch_message *m, struct err *e)
{
	struct deliver_message dm = {
		.uid = m->uid,
		.uid_size = m->uid_size,
	};
	struct parcel *x;

	assert(!b->open && !b->broken);
	x = mem_alloc(sizeof(*x));
	x->message = *m;
	x->begun = clock_ms();
	if (deliver_stage(b->deliver, &dm, &x->staged, e) != 0) {
		free(x);
		return -1;
	}
	b->open = x;
	return 0;
}

int
batch_write(struct batch *b, const void *bytes, size_t size, struct err *e)
{
	b->open->bytes += size;
	return deliver_write(b->open->staged, bytes, size, e);
}

int
batch_end(struct batch *b, const uint8_t digest[DIGEST_SHA256_SIZE],
	  int64_t octets, const char *sender, struct err *e)
{
	struct parcel *x = b->open;

	x->octets = octets;
	memcpy(x->digest, digest, sizeof(x->digest));
	if (deliver_finish(x->staged, digest, octets, sender, e) != 0)
		return -1;
	b->open = NULL;
	batch_list_add(&b->waiting, x);
	return 0;
}

void
batch_cancel(struct batch *b)
{
	if (b->open)
		parcel_free(b->open, true);
	b->open = NULL;
}

void
batch_set_row(struct batch *b, int64_t row, unsigned attempts)
{
	b->open->message.row = row;
	b->open->message.attempts = attempts;
}

bool
batch_is_open(const struct batch *b)
{
	return b->open;
}

/* --- D2 --- */

static int
record_ready(struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->current.count; i++) {
		struct parcel *x = b->current.at[i];
		struct store_message m = parcel_row(x);

		x->id = x->message.row;
		if (store_set_ready(b->store, &x->id, &m,
				    deliver_evidence(x->staged), e) != 0)
			return -1;
	}
	return 0;
}

static int
record_destination(struct batch *b, struct err *e)
{
	char *name;
	int rc;

	if (b->destination_is_known)
		return 0;
	name = deliver_name(b->target);
	rc = store_add_destination(b->store, name, e);
	free(name);
	return rc;
}

/* *attempted tells whether the transaction may be in the database although this
 * failed. */
static int
d2(struct batch *b, bool *attempted, struct err *e)
{
	*attempted = false;
	if (store_begin(b->store, STORE_DURABLE, e) != 0)
		return -1;
	if (verdict_record(&b->verdicts, b->store, &b->settled, clock_unix(),
			   e) != 0 ||
	    record_ready(b, e) != 0 ||
	    (b->current.count > 0 && record_destination(b, e) != 0)) {
		store_rollback(b->store);
		return -1;
	}
	*attempted = true;
	if (store_commit(b->store, e) != 0)
		return -1;
	b->destination_is_known |= b->current.count > 0;
	batch_list_move(&b->settled, &b->recorded, b->settled.count);
	deliver_retire(b->deliver);
	return 0;
}

/* --- handing over --- */

static int
d1(struct batch *b, struct err *e)
{
	size_t count = b->current.count;
	struct deliver_staged **staged = mem_array(count, sizeof(*staged));
	int rc;

	for (size_t i = 0; i < count; i++)
		staged[i] = b->current.at[i]->staged;
	rc = deliver_secure(b->deliver, staged, count, e);
	free(staged);
	return rc;
}

static int
break_off(struct batch *b)
{
	deliver_drop(b->deliver);
	b->broken = true;
	return -1;
}

/* The outcome of the message is known, so its file may go. */
static void
settle_one(struct batch *b, struct parcel *x)
{
	deliver_leave(&x->staged);
	if (deliver_ends_one_by_one(b->deliver))
		verdict_take(&b->verdicts, x, &b->settled);
	else
		batch_list_add(&b->settled, x);
}

/* D3, and the outcomes of those whose publishing has ended.  MDAs end one by
 * one, and are judged elsewhere (verdict.h). */
static int
d3(struct batch *b, struct err *e)
{
	size_t count = b->running.count;
	int rc = 0;

	if (deliver_settle(b->deliver, e) != 0)
		return break_off(b);
	for (size_t i = 0; i < count; i++) {
		struct parcel *x = batch_list_take(&b->running);

		err_clear(&x->why);
		x->outcome = deliver_outcome(x->staged, &x->why);
		if (x->outcome == DELIVER_PENDING) {
			batch_list_add(&b->running, x);
			continue;
		}
		if (x->outcome == DELIVER_POSTPONED && rc == 0 &&
		    !deliver_ends_one_by_one(b->deliver)) {
			*e = x->why;
			rc = -1;
		}
		settle_one(b, x);
	}
	return rc;
}

static int
publish(struct batch *b, struct err *e)
{
	if (deliver_publish(b->deliver, e) != 0)
		return break_off(b);
	batch_list_move(&b->current, &b->running, b->current.count);
	return d3(b, e);
}

/* How many messages the destination takes now. */
static size_t
room_now(const struct batch *b, bool *is_probe)
{
	return verdict_room(&b->verdicts, batch_max(b) - b->running.count,
			    b->running.count, is_probe);
}

static void
choose(struct batch *b)
{
	size_t count = b->waiting.count;
	bool is_probe;
	size_t room = room_now(b, &is_probe);

	if (is_probe)
		batch_list_move_last(&b->waiting, &b->current);
	else
		batch_list_move(&b->waiting, &b->current,
				count < room ? count : room);
	b->current.at[0]->is_probe = is_probe;
}

static int
hand_over_one(struct batch *b, struct err *e)
{
	bool attempted = false;

	choose(b);
	if (d1(b, e) == 0 && d2(b, &attempted, e) == 0)
		return publish(b, e);
	if (attempted)
		return break_off(b);
	deliver_abandon(b->deliver);
	batch_list_clear(&b->current, true);
	return -1;
}

bool
batch_is_due(const struct batch *b, bool all)
{
	const struct batch_list *w = &b->waiting;
	bool is_probe;

	if (w->count == 0 || room_now(b, &is_probe) == 0)
		return false;
	return all || deliver_ends_one_by_one(b->deliver) ||
	       w->count >= batch_max(b) || w->bytes >= b->limits.bytes ||
	       clock_ms() >= w->at[0]->begun + b->limits.age_ms;
}

int
batch_continue(struct batch *b, struct err *e)
{
	assert(!b->broken);
	if (b->running.count == 0)
		return 0;
	return deliver_tend(b->deliver, e) != 0 ? break_off(b) : d3(b, e);
}

int
batch_hand_over(struct batch *b, bool all, struct err *e)
{
	assert(!b->broken);
	while (batch_is_due(b, all))
		if (hand_over_one(b, e) != 0)
			return -1;
	return 0;
}

int
batch_run(struct batch *b, bool all, struct err *e)
{
	return batch_continue(b, e) != 0 ? -1 : batch_hand_over(b, all, e);
}

void
batch_discard_waiting(struct batch *b)
{
	batch_list_clear(&b->waiting, true);
}

static int
record_outcomes(struct batch *b, struct err *e)
{
	bool attempted;

	return b->settled.count > 0 && d2(b, &attempted, e) != 0 ? break_off(b)
								 : 0;
}

int
batch_record_ended(struct batch *b, struct err *e)
{
	assert(!b->broken);
	return batch_waiting(b) > 0 ? 0 : record_outcomes(b, e);
}

int
batch_finish(struct batch *b, struct err *e)
{
	assert(b->running.count == 0 && !b->open && !b->broken);
	verdict_end(&b->verdicts, &b->settled);
	return record_outcomes(b, e);
}

void
batch_discard_from(struct batch *b, uint32_t number)
{
	batch_list_cut(&b->waiting, number);
}

void
batch_doubt(struct batch *b, uint32_t number, bool is_wanted)
{
	batch_list_doubt(&b->waiting, number, is_wanted);
}

bool
batch_next_recorded(struct batch *b, struct batch_result *r)
{
	struct parcel *x;

	if (b->recorded.count == 0)
		return false;
	x = batch_list_take(&b->recorded);
	r->message = x->message;
	r->message.row = x->id;
	r->outcome = x->outcome;
	r->is_counted = x->is_counted;
	r->why = x->why;
	parcel_free(x, false);
	return true;
}

/* --- questions --- */

const struct batch_trouble *
batch_trouble(const struct batch *b)
{
	return b->verdicts.all.why.kind == ERR_NONE ? NULL : &b->verdicts.all;
}

size_t
batch_waiting(const struct batch *b)
{
	return b->waiting.count + b->running.count;
}

uint64_t
batch_waiting_bytes(const struct batch *b)
{
	return b->waiting.bytes + b->running.bytes;
}

size_t
batch_max(const struct batch *b)
{
	size_t max = deliver_batch_max(b->deliver);

	return max < b->limits.messages ? max : b->limits.messages;
}

void
batch_space(const struct batch *b, struct deliver_space *space)
{
	deliver_space(b->deliver, space);
}

bool
batch_is_slow(const struct batch *b)
{
	return deliver_is_slow(b->deliver);
}

bool
batch_ends_one_by_one(const struct batch *b)
{
	return deliver_ends_one_by_one(b->deliver);
}

int64_t
batch_until(const struct batch *b)
{
	int64_t until = CLOCK_NEVER;
	int fds[DELIVER_POLL_MAX];

	if (b->running.count > 0)
		(void)deliver_poll(b->deliver, fds, &until);
	else if (b->waiting.count > 0 && !deliver_ends_one_by_one(b->deliver))
		until = b->waiting.at[0]->begun + b->limits.age_ms;
	return until;
}

size_t
batch_poll(const struct batch *b, int fds[DELIVER_POLL_MAX])
{
	int64_t until;

	return b->running.count > 0 ? deliver_poll(b->deliver, fds, &until) : 0;
}

bool
batch_is_quiet(const struct batch *b)
{
	return batch_waiting(b) == 0 && !b->open;
}

bool
batch_is_broken(const struct batch *b)
{
	return b->broken;
}
