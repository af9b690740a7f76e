/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Which messages may have been cut? */
#include "config.h"

#include "session/lockstep.h"

#include <stdlib.h>

#include "base/mem.h"

void
cuts_close(struct cuts *c)
{
	free(c->entries);
	c->entries = NULL;
}

/* Where this session had no need of LIST the rows tell the size. */
void
cuts_see(struct cuts *c, const struct mailbox *m, size_t entry, int64_t octets,
	 int64_t bytes)
{
	int64_t size = plan_size(mailbox_plan(m), entry);

	c->exact += octets == size || bytes == size;
	if (octets >= size)
		return;
	c->shorter++;
	if (c->count == c->room) {
		c->room = 2 * c->room + 16;
		c->entries =
			mem_resize(c->entries, c->room, sizeof(*c->entries));
	}
	c->entries[c->count++] = entry;
}

/* --- are sizes exact? --- */

/* One that is unproven tells nothing: it may have been cut itself. */
static void
count_rows(struct cuts *c, const struct store_rows *rows)
{
	for (size_t i = 0; i < store_rows_count(rows); i++) {
		struct store_row row = store_rows_at(rows, i);

		if (row.octets == 0 || row.unproven)
			continue;
		c->exact += row.octets == row.size;
		c->shorter += row.octets < row.size;
	}
	c->rows_counted = true;
}

/* A size that was estimated is right at times, so most of them must be. */
static bool
are_sizes_exact(struct cuts *c, const struct mailbox *m)
{
	if (!c->rows_counted)
		count_rows(c, mailbox_rows(m));
	return c->exact >= c->shorter;
}

/* --- judging --- */

bool
cuts_judge(struct cuts *c, struct session *s)
{
	if (c->count == 0 || !are_sizes_exact(c, s->mailbox)) {
		c->count = 0;
		return false;
	}
	if (s->list_one != LIST_ONE_FAILS && !phase_is_ending(s) &&
	    phase_affordable(s, LINK_LIST, c->count) == c->count)
		return true;
	/* the listing of a later session tells */
	c->found = c->count;
	c->count = 0;
	return false;
}

void
cuts_ask(struct cuts *c, struct session *s)
{
	while (c->asked < c->count && requests_room(s->requests) > 0) {
		size_t entry = c->entries[c->asked++];

		requests_give(s->requests, LINK_LIST,
			      mailbox_number(s->mailbox, entry), entry);
	}
}

bool
cuts_take(struct cuts *c, const struct session *s, int64_t told)
{
	size_t entry = c->entries[c->answered++];

	if (told < 0 || told > mailbox_octets(s->mailbox, entry))
		c->entries[c->found++] = entry;
	if (c->answered < c->count)
		return false;
	c->count = c->asked = c->answered = 0;
	return true;
}

bool
cuts_next(struct cuts *c, size_t *entry)
{
	if (c->count > 0 || c->found == 0)
		return false;
	*entry = c->entries[--c->found];
	return true;
}
