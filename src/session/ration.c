/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/ration.h"

#include "session/failure.h"
#include "state/fact.h"

enum {
	PATIENCE = 8, /* in so many FACT_WINDOW finds one that breaks them */
	LEAST = 8     /* commands: a message can be retrieved and deleted */
};

int
ration_recall(struct session *s, struct err *e)
{
	struct ration *r = &s->ration;

	if (s->set->mode != SESSION_FETCH || s->set->broken_only)
		return 0;
	if (store_fact(s->store, FACT_BREAKS, 0, &r->breaks, e) != 0 ||
	    store_fact(s->store, FACT_SURVIVED, 0, &r->survived, e) != 0)
		return -1;
	if (r->breaks >= PATIENCE)
		r->most = r->survived / 2 > LEAST ? r->survived / 2 : LEAST;
	return 0;
}

void
ration_begin(struct session *s)
{
	s->ration.from = requests_given(s->requests);
}

bool
ration_is_used(const struct session *s)
{
	size_t half = (size_t)s->ration.most / 2;

	return s->is_out_of_time && !phase_has_commands(s, half);
}

static int
write(struct session *s, int64_t breaks, int64_t survived, struct err *e)
{
	if (store_change_fact(s->store, FACT_BREAKS, 0, breaks, e) != 0)
		return -1;
	return store_change_fact(s->store, FACT_SURVIVED, 0, survived, e);
}

int
ration_note(struct session *s, struct err *e)
{
	const struct ration *r = &s->ration;

	if (s->set->broken_only)
		return 0;
	if (r->most == 0 || !s->is_out_of_time)
		return write(s, 0, 0, e);
	if (!ration_is_used(s))
		return 0;
	return write(s, r->breaks, 2 * (r->most + r->most / 4 + 1), e);
}

static int64_t
count_survived(const struct session *s)
{
	const struct ration *r = &s->ration;
	int64_t now = (int64_t)(requests_given(s->requests) - r->from) -
		      (int64_t)requests_count(s->requests);

	if (r->most > 0)
		return r->most;
	return now > r->survived ? now : r->survived;
}

/* Those at which a session broke before may break this one as well, but not
 * so late. */
static bool
is_half_used(const struct session *s)
{
	const struct ration *r = &s->ration;
	uint64_t given = requests_given(s->requests) - r->from;

	return r->most > 0 && given >= (uint64_t)r->most / 2;
}

void
ration_broke(struct session *s, const struct err *why)
{
	int64_t survived = count_survived(s);
	struct err ignored = ERR_INIT;

	if (s->set->broken_only || (s->turn.was_taken && !is_half_used(s)) ||
	    why->kind == ERR_STOPPED || !failure_may_be_by_message(why) ||
	    phase_begin_note(s, &ignored) != 0)
		return;
	(void)phase_end_note(s,
			     write(s, s->ration.breaks + 1, survived, &ignored),
			     &ignored);
}
