/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a server lists in one session. */
#include "config.h"

#include "state/listing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "state/hash.h"

/* An entry as it is kept, in as little memory as it needs. */
struct listing_packed {
	uint32_t number;
	uint32_t uid_size : 31;
	uint32_t odd : 1;
	int64_t size;
	uint64_t uid_at; /* in listing.uids */
};

struct listing {
	/* what STAT said */
	uint64_t stat_count, stat_total;

	/* the entries, which listing_done orders by number */
	struct listing_packed *entries;
	size_t count, room;
	uint8_t *uids; /* one after the other */
	size_t uids_size, uids_room;

	/* a hash table of numbers while they do not ascend: each slot is a
	 * position + 1, or 0 */
	uint32_t *slots;
	size_t slot_count; /* a power of two */
	struct hash_key key;

	bool ascending; /* the numbers, so far */
	bool refused;	/* a line was left out */
	bool done;
};

const void *
listing_short_uid(const void *uid, size_t *size, char hex[LISTING_UID_HEX])
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	if (*size <= LISTING_UID_MOST)
		return uid;
	digest_sha256(uid, *size, digest);
	text_hex(hex, digest, sizeof(digest));
	*size = 2 * sizeof(digest);
	return hex;
}

struct listing *
listing_new(uint64_t count, uint64_t total)
{
	struct listing *l = mem_alloc(sizeof(*l));

	l->stat_count = count;
	l->stat_total = total;
	l->ascending = true;
	return l;
}

void
listing_free(struct listing **l)
{
	if (!*l)
		return;
	free((*l)->entries);
	free((*l)->uids);
	free((*l)->slots);
	free(*l);
	*l = NULL;
}

/* --- finding a number --- */

static size_t
slot_of(const struct listing *l, uint32_t number)
{
	size_t mask = l->slot_count - 1;
	size_t i = (size_t)hash_bytes(&l->key, &number, sizeof(number)) & mask;

	while (l->slots[i] && l->entries[l->slots[i] - 1].number != number)
		i = (i + 1) & mask;
	return i;
}

static size_t
find_by_halving(const struct listing *l, uint32_t number)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->entries[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->count && l->entries[low].number == number ? low
								  : SIZE_MAX;
}

size_t
listing_find(const struct listing *l, uint32_t number)
{
	/* Most servers list 1, 2, 3... */
	if (number > 0 && number <= l->count &&
	    l->entries[number - 1].number == number)
		return number - 1;
	if (l->ascending)
		return find_by_halving(l, number);
	return (size_t)l->slots[slot_of(l, number)] - 1; /* 0: SIZE_MAX */
}

/* Makes the table, or a larger one when it is needed, with room for one
 * more. */
static void
make_slots(struct listing *l)
{
	size_t wanted = 64;

	while (wanted < 2 * (l->count + 1))
		wanted *= 2;
	if (!l->slots)
		hash_key_make(&l->key);
	if (wanted <= l->slot_count)
		return;
	free(l->slots);
	l->slots = mem_array(wanted, sizeof(*l->slots));
	l->slot_count = wanted;
	for (size_t i = 0; i < l->count; i++)
		l->slots[slot_of(l, l->entries[i].number)] = (uint32_t)i + 1;
}

/* --- building --- */

static void
make_room(struct listing *l, size_t uid_size)
{
	if (l->count == l->room) {
		l->room += l->room / 2 + 64;
		l->entries =
			mem_resize(l->entries, l->room, sizeof(*l->entries));
	}
	if (uid_size > l->uids_room - l->uids_size) {
		l->uids_room += l->uids_room / 2 + uid_size + 1024;
		l->uids = mem_resize(l->uids, l->uids_room, 1);
	}
}

static void
append(struct listing *l, uint32_t number, const void *uid, size_t uid_size)
{
	make_room(l, uid_size);
	l->entries[l->count] = (struct listing_packed){
		.number = number,
		.uid_size = (uint32_t)uid_size & INT32_MAX,
		.size = LISTING_SIZE_UNKNOWN,
		.uid_at = l->uids_size,
	};
	if (uid_size > 0)
		memcpy(l->uids + l->uids_size, uid, uid_size);
	l->uids_size += uid_size;
	l->count++;
}

static bool
is_above_all(const struct listing *l, uint32_t number)
{
	return l->ascending &&
	       (l->count == 0 || number > l->entries[l->count - 1].number);
}

bool
listing_add(struct listing *l, uint32_t number, const void *uid,
	    size_t uid_size)
{
	char hex[LISTING_UID_HEX];
	size_t at;

	uid = listing_short_uid(uid, &uid_size, hex);
	if (l->done || number == 0 || number == UINT32_MAX) {
		l->refused = true;
		return false;
	}
	if (is_above_all(l, number)) {
		append(l, number, uid, uid_size);
		return true;
	}
	at = listing_find(l, number);
	if (at != SIZE_MAX) {
		l->entries[at].odd = 1;
		l->refused = true;
		return false;
	}
	l->ascending = false;
	append(l, number, uid, uid_size);
	make_slots(l);
	l->slots[slot_of(l, number)] = (uint32_t)l->count;
	return true;
}

bool
listing_set_size(struct listing *l, uint32_t number, int64_t size)
{
	size_t at = listing_find(l, number);

	if (at == SIZE_MAX)
		return false;
	l->entries[at].size =
		size < 0 || size > LISTING_SIZE_MOST || size == UINT32_MAX
			? LISTING_SIZE_UNKNOWN
			: size;
	return true;
}

/* listing_done passes it to qsort. */
static int
by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct listing_packed *)a)->number;
	uint32_t y = ((const struct listing_packed *)b)->number;

	return (x > y) - (x < y);
}

void
listing_done(struct listing *l)
{
	if (!l->ascending)
		qsort(l->entries, l->count, sizeof(*l->entries), by_number);
	l->ascending = true;
	free(l->slots);
	l->slots = NULL;
	l->slot_count = 0;
	l->done = true;
}

/* --- reading --- */

size_t
listing_count(const struct listing *l)
{
	return l->count;
}

uint64_t
listing_stat_count(const struct listing *l)
{
	return l->stat_count;
}

uint64_t
listing_stat_total(const struct listing *l)
{
	return l->stat_total;
}

struct listing_entry
listing_at(const struct listing *l, size_t i)
{
	static const uint8_t none[1];
	const struct listing_packed *x = &l->entries[i];

	assert(l->done && i < l->count);
	return (struct listing_entry){
		.number = x->number,
		.odd = x->odd,
		.size = x->size,
		.uid = x->uid_size ? l->uids + x->uid_at : none,
		.uid_size = x->uid_size,
	};
}

bool
listing_is_complete(const struct listing *l)
{
	return l->done && !l->refused && l->count == l->stat_count;
}
