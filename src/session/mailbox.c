/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/mailbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { HAS_DIGEST = 16384 }; /* a mark that only this file sets */

struct mailbox {
	struct listing *listing;
	struct store_rows *rows;
	struct plan *plan;
	bool has_uids;
	uint32_t *marks; /* one for each entry; NULL until it is decided */
	/* Of entries with HAS_DIGEST; NULL: there can be no twins. */
	uint8_t (*digests)[DIGEST_SHA256_SIZE];
	/* Of entries that were retrieved and had been listed with another size,
	 * else -1.  NULL: there are none. */
	int64_t *octets;
};

struct mailbox *
mailbox_new(struct listing *l, struct store_rows *rows, bool has_uids)
{
	struct mailbox *m = mem_alloc(sizeof(*m));

	m->listing = l;
	m->rows = rows;
	m->plan = plan_new(l, rows);
	m->has_uids = has_uids;
	return m;
}

void
mailbox_free(struct mailbox **m)
{
	struct mailbox *old = *m;

	*m = NULL;
	if (!old)
		return;
	plan_free(&old->plan);
	store_rows_free(&old->rows);
	listing_free(&old->listing);
	free(old->marks);
	free(old->digests);
	free(old->octets);
	free(old);
}

struct listing *
mailbox_listing(const struct mailbox *m)
{
	return m->listing;
}

const struct store_rows *
mailbox_rows(const struct mailbox *m)
{
	return m->rows;
}

struct plan *
mailbox_plan(const struct mailbox *m)
{
	return m->plan;
}

bool
mailbox_has_uids(const struct mailbox *m)
{
	return m->has_uids;
}

void
mailbox_decide(struct mailbox *m, const struct plan_rules *rules)
{
	size_t count = listing_count(m->listing);

	plan_decide(m->plan, rules);
	m->marks = mem_array(count, sizeof(*m->marks));
	if (plan_count(m->plan, PLAN_COMPARE) > 0)
		m->digests = mem_array(count, sizeof(*m->digests));
}

bool
mailbox_is_decided(const struct mailbox *m)
{
	return m->marks;
}

/* --- of one message --- */

size_t
mailbox_count(const struct mailbox *m)
{
	return listing_count(m->listing);
}

struct listing_entry
mailbox_at(const struct mailbox *m, size_t entry)
{
	return listing_at(m->listing, entry);
}

uint32_t
mailbox_number(const struct mailbox *m, size_t entry)
{
	return listing_at(m->listing, entry).number;
}

enum plan_action
mailbox_action(const struct mailbox *m, size_t entry)
{
	return plan_at(m->plan, entry).action;
}

bool
mailbox_row(const struct mailbox *m, size_t entry, struct store_row *row)
{
	size_t at = plan_at(m->plan, entry).row;

	if (at == SIZE_MAX)
		return false;
	*row = store_rows_at(m->rows, at);
	return true;
}

int64_t
mailbox_size(const struct mailbox *m, size_t entry)
{
	int64_t size = listing_at(m->listing, entry).size;
	struct store_row row;

	if (size == LISTING_SIZE_UNKNOWN && mailbox_row(m, entry, &row))
		size = row.size;
	return size;
}

void
mailbox_name(const struct mailbox *m, size_t entry, char out[MAILBOX_NAME_MAX])
{
	struct listing_entry l = listing_at(m->listing, entry);
	char uid[MAILBOX_NAME_MAX - 40];

	if (l.uid_size == 0) {
		(void)snprintf(out, MAILBOX_NAME_MAX, "message %u", l.number);
		return;
	}
	text_safe(uid, sizeof(uid), l.uid, l.uid_size);
	(void)snprintf(out, MAILBOX_NAME_MAX, "message %u (uid '%s')", l.number,
		       uid);
}

bool
mailbox_is_back(const struct mailbox *m, size_t entry)
{
	struct store_row row;

	return mailbox_action(m, entry) == PLAN_DELETE &&
	       !mailbox_is(m, entry, MAILBOX_REMOVAL) &&
	       mailbox_row(m, entry, &row) && row.gone_since != 0;
}

bool
mailbox_is(const struct mailbox *m, size_t entry, unsigned marks)
{
	return (m->marks[entry] & marks) != 0;
}

void
mailbox_mark(struct mailbox *m, size_t entry, enum mailbox_mark mark)
{
	m->marks[entry] |= (uint32_t)mark;
}

void
mailbox_set_digest(struct mailbox *m, size_t entry, const uint8_t *digest)
{
	if (!m->digests)
		return;
	memcpy(m->digests[entry], digest, DIGEST_SHA256_SIZE);
	m->marks[entry] |= HAS_DIGEST;
}

bool
mailbox_has_digest(const struct mailbox *m, size_t entry, const uint8_t *digest)
{
	return mailbox_is(m, entry, HAS_DIGEST) &&
	       memcmp(m->digests[entry], digest, DIGEST_SHA256_SIZE) == 0;
}

/* -1 stands for unknown octets, since an empty message has 0. */
static int64_t *
no_octets(size_t count)
{
	int64_t *octets = mem_array(count, sizeof(*octets));

	for (size_t i = 0; i < count; i++)
		octets[i] = -1;
	return octets;
}

void
mailbox_set_octets(struct mailbox *m, size_t entry, int64_t octets)
{
	if (octets == mailbox_size(m, entry))
		return;
	if (!m->octets)
		m->octets = no_octets(listing_count(m->listing));
	m->octets[entry] = octets;
}

bool
mailbox_has_octets(const struct mailbox *m, size_t entry, int64_t octets)
{
	return m->octets && octets == m->octets[entry];
}

int64_t
mailbox_octets(const struct mailbox *m, size_t entry)
{
	return m->octets ? m->octets[entry] : -1;
}
