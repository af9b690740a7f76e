/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Which rows and which listed messages share a uid. */
#include "config.h"

#include "state/match.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state/hash.h"

#define NONE UINT32_MAX

/* All rows and entries that have one uid. */
struct group {
	uint32_t hash;
	uint32_t first_row;
	uint32_t last_entry;
	uint32_t entries : 31;
	uint32_t digest : 1; /* one of its rows has a digest */
};

struct match {
	struct group *groups;
	size_t group_count, group_room;
	uint32_t *next_row;    /* the next row of the same group */
	uint32_t *entry_group; /* NONE: the entry has no uid */
	uint32_t *twin;	       /* the entry before with the same uid; NULL until
				  a uid comes twice */
};

/* What only match_new needs. */
struct maker {
	struct match *m;
	const struct listing *l;
	const struct store_rows *rows;
	/* Whether the uids of the rows ascend.  If so they are found by
	 * halving, and only uids that no row has go into the table. */
	bool ordered;
	uint32_t last; /* the group that was found last; at first the number of
			  groups, as if it came after them all */
	struct hash_key key;
	uint32_t *slots;   /* group + 1 by hash, or 0 */
	size_t slot_count; /* a power of two */
	size_t slots_taken;
};

struct bytes {
	const uint8_t *at;
	size_t size;
};

static struct bytes
row_uid(const struct maker *k, size_t r)
{
	struct store_row row = store_rows_at(k->rows, r);

	return (struct bytes){ row.uid, row.uid_size };
}

static struct bytes
entry_uid(const struct maker *k, size_t i)
{
	struct listing_entry x = listing_at(k->l, i);

	return (struct bytes){ x.uid, x.uid_size };
}

static struct bytes
group_uid(const struct maker *k, const struct group *g)
{
	return g->first_row != NONE ? row_uid(k, g->first_row)
				    : entry_uid(k, g->last_entry);
}

static bool
is_same(struct bytes a, struct bytes b)
{
	return a.size == b.size && memcmp(a.at, b.at, a.size) == 0;
}

/* The order in which most servers assign uids: shorter ones come first. */
static int
compare(struct bytes a, struct bytes b)
{
	if (a.size != b.size)
		return a.size < b.size ? -1 : 1;
	return memcmp(a.at, b.at, a.size);
}

static bool
rows_ascend(const struct maker *k)
{
	size_t count = store_rows_count(k->rows);
	struct bytes before = { NULL, 0 };

	for (size_t r = 0; r < count; r++) {
		struct bytes uid = row_uid(k, r);

		/* each row must have a uid, and no other row the same */
		if (uid.size == 0 || (r > 0 && compare(before, uid) >= 0))
			return false;
		before = uid;
	}
	return true;
}

/* --- groups in a table --- */

static void
put_in_slot(struct maker *k, uint32_t group)
{
	size_t mask = k->slot_count - 1;
	size_t slot = k->m->groups[group].hash & mask;

	while (k->slots[slot])
		slot = (slot + 1) & mask;
	k->slots[slot] = group + 1;
	k->slots_taken++;
}

static void
grow_slots(struct maker *k)
{
	uint32_t *old = k->slots;
	size_t old_count = k->slot_count;

	k->slot_count = old_count ? 2 * old_count : 1024;
	k->slots = mem_array(k->slot_count, sizeof(*k->slots));
	k->slots_taken = 0;
	for (size_t i = 0; i < old_count; i++)
		if (old[i])
			put_in_slot(k, old[i] - 1);
	free(old);
}

static uint32_t
add_group(struct maker *k, uint32_t hash)
{
	struct match *m = k->m;

	if (m->group_count == m->group_room) {
		m->group_room += m->group_room / 2 + 64;
		m->groups = mem_resize(m->groups, m->group_room,
				       sizeof(*m->groups));
	}
	assert(m->group_count < NONE);
	m->groups[m->group_count] = (struct group){
		.hash = hash,
		.first_row = NONE,
		.last_entry = NONE,
	};
	return (uint32_t)m->group_count++;
}

/* The group of a uid, which is made if it does not exist.  The caller puts a
 * row or an entry into a new one at once, since its uid is read from there. */
static uint32_t
group_by_hash(struct maker *k, struct bytes uid)
{
	uint32_t hash = (uint32_t)hash_bytes(&k->key, uid.at, uid.size), group;
	size_t mask, slot;

	if (3 * k->slot_count <= 4 * k->slots_taken)
		grow_slots(k);
	mask = k->slot_count - 1;
	for (slot = hash & mask; k->slots[slot]; slot = (slot + 1) & mask) {
		group = k->slots[slot] - 1;
		if (k->m->groups[group].hash == hash &&
		    is_same(group_uid(k, &k->m->groups[group]), uid))
			return group;
	}
	group = add_group(k, hash);
	k->slots[slot] = group + 1;
	k->slots_taken++;
	return group;
}

/* --- groups in order --- */

/* Where the rows are ordered each has a group of its own, and the last row has
 * the first group. */
static uint32_t
group_of_row(const struct maker *k, size_t r)
{
	return (uint32_t)(store_rows_count(k->rows) - 1 - r);
}

static bool
find_by_halving(const struct maker *k, struct bytes uid, uint32_t *group)
{
	size_t low = 0, high = store_rows_count(k->rows);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(row_uid(k, middle), uid);

		if (order == 0) {
			*group = group_of_row(k, middle);
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* --- any group --- */

/* Listings mostly have the order of the rows, and groups have the reverse of
 * it. */
static bool
is_next(const struct maker *k, struct bytes uid)
{
	return k->last > 0 &&
	       is_same(group_uid(k, &k->m->groups[k->last - 1]), uid);
}

static uint32_t
group_of_entry(struct maker *k, struct bytes uid)
{
	uint32_t group;

	if (is_next(k, uid))
		group = k->last - 1;
	else if (!k->ordered || !find_by_halving(k, uid, &group))
		group = group_by_hash(k, uid);
	k->last = group;
	return group;
}

/* From the last row to the first, so that each chain ascends. */
static void
add_rows(struct maker *k)
{
	size_t r = store_rows_count(k->rows);

	while (r-- > 0) {
		struct store_row row = store_rows_at(k->rows, r);
		struct group *g;
		uint32_t group;

		k->m->next_row[r] = NONE;
		if (row.uid_size == 0)
			continue;
		/* either call may move the groups */
		group = k->ordered ? add_group(k, 0)
				   : group_by_hash(k, row_uid(k, r));
		g = &k->m->groups[group];
		k->m->next_row[r] = g->first_row;
		g->first_row = (uint32_t)r;
		if (row.has_digest)
			g->digest = 1;
	}
}

static void
set_twin(struct maker *k, size_t i, uint32_t before)
{
	size_t count = listing_count(k->l);

	if (!k->m->twin) {
		k->m->twin = mem_array(count, sizeof(*k->m->twin));
		memset(k->m->twin, 0xff, count * sizeof(*k->m->twin));
	}
	k->m->twin[i] = before;
}

static void
add_entries(struct maker *k)
{
	size_t count = listing_count(k->l);

	k->last = (uint32_t)k->m->group_count;
	for (size_t i = 0; i < count; i++) {
		struct bytes uid = entry_uid(k, i);
		struct group *g;

		k->m->entry_group[i] = NONE;
		if (uid.size == 0)
			continue;
		k->m->entry_group[i] = group_of_entry(k, uid);
		g = &k->m->groups[k->m->entry_group[i]];
		if (g->entries > 0)
			set_twin(k, i, g->last_entry);
		g->last_entry = (uint32_t)i;
		g->entries++;
	}
}

struct match *
match_new(const struct listing *l, const struct store_rows *rows)
{
	struct match *m = mem_alloc(sizeof(*m));
	struct maker k = { .m = m, .l = l, .rows = rows };
	size_t row_count = store_rows_count(rows);

	assert(row_count < INT32_MAX && listing_count(l) < INT32_MAX);
	hash_key_make(&k.key);
	m->next_row = mem_array(row_count, sizeof(*m->next_row));
	m->entry_group = mem_array(listing_count(l), sizeof(*m->entry_group));
	k.ordered = rows_ascend(&k);
	add_rows(&k);
	add_entries(&k);
	free(k.slots);
	return m;
}

void
match_free(struct match **m)
{
	if (!*m)
		return;
	free((*m)->groups);
	free((*m)->next_row);
	free((*m)->entry_group);
	free((*m)->twin);
	free(*m);
	*m = NULL;
}

static const struct group *
group_of(const struct match *m, size_t i)
{
	return m->entry_group[i] == NONE ? NULL : &m->groups[m->entry_group[i]];
}

static size_t
position(uint32_t i)
{
	return i == NONE ? SIZE_MAX : i;
}

size_t
match_first_row(const struct match *m, size_t i)
{
	const struct group *g = group_of(m, i);

	return g ? position(g->first_row) : SIZE_MAX;
}

size_t
match_next_row(const struct match *m, size_t row)
{
	return position(m->next_row[row]);
}

bool
match_has_digest(const struct match *m, size_t i)
{
	const struct group *g = group_of(m, i);

	return g && g->digest;
}

bool
match_is_alone(const struct match *m, size_t i)
{
	const struct group *g = group_of(m, i);

	return !g || g->entries == 1;
}

size_t
match_twin(const struct match *m, size_t i)
{
	return m->twin ? position(m->twin[i]) : SIZE_MAX;
}

size_t
match_last(const struct match *m, size_t i)
{
	const struct group *g = group_of(m, i);

	return g ? g->last_entry : i;
}
