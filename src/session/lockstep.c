/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/lockstep.h"

#include "base/digest.h"

void
lockstep_see(struct lockstep *l, struct mailbox *m, size_t entry,
	     int64_t octets)
{
	int64_t listed = mailbox_size(m, entry);

	mailbox_set_octets(m, entry, octets);
	if (octets == listed || (listed >= 0 && octets > listed))
		return;
	l->is_lost = true;
	l->suspect = entry;
}

void
lockstep_ask(struct lockstep *l, struct session *s)
{
	uint64_t random;
	size_t entry;

	digest_random(&random, sizeof(random));
	entry = (size_t)(random % mailbox_count(s->mailbox));
	l->told = LISTING_SIZE_UNKNOWN;
	requests_give(s->requests, LINK_LIST, mailbox_number(s->mailbox, entry),
		      entry);
}

/* Is this the entry's size as listed in this session (a row may be another
 * message's)?  Or its octets exactly, from a server that estimates sizes until
 * it has sent a message? */
static bool
is_size(const struct mailbox *m, size_t entry, int64_t size)
{
	int64_t listed = mailbox_at(m, entry).size;

	return listed < 0 || size < 0 || size == listed ||
	       mailbox_has_octets(m, entry, size);
}

int
lockstep_take(struct lockstep *l, const struct mailbox *m,
	      const struct answer *a, struct err *e)
{
	bool is_ok = a->type == LINK_LISTED && a->record.value == 1;

	if (a->type == LINK_SIZE) {
		l->told = a->record.value;
		return 0;
	}
	if (!is_ok) /* then no message is at fault */
		l->is_lost = false;
	if (!is_ok || !is_size(m, a->entry, l->told))
		return err_set(e, ERR_PROTOCOL,
			       "replies and commands are out of step");
	l->is_lost = l->is_due = false;
	return 0;
}
