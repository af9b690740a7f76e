/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "commit/batch_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
batch_list_add(struct batch_list *l, struct parcel *x)
{
	if (l->count == l->room) {
		l->room = l->room == 0 ? 16 : l->room * 2;
		l->at = mem_resize(l->at, l->room, sizeof(*l->at));
	}
	l->at[l->count++] = x;
	l->bytes += x->bytes;
}

void
batch_list_move(struct batch_list *from, struct batch_list *to, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		from->bytes -= from->at[i]->bytes;
		batch_list_add(to, from->at[i]);
	}
	from->count -= count;
	if (from->count > 0)
		memmove(from->at, from->at + count,
			from->count * sizeof(*from->at));
}

void
batch_list_move_last(struct batch_list *from, struct batch_list *to)
{
	struct parcel *x = from->at[--from->count];

	from->bytes -= x->bytes;
	batch_list_add(to, x);
}

struct parcel *
batch_list_take(struct batch_list *l)
{
	struct parcel *x = l->at[0];

	l->bytes -= x->bytes;
	if (--l->count > 0)
		memmove(l->at, l->at + 1, l->count * sizeof(*l->at));
	return x;
}

struct store_message
parcel_row(const struct parcel *x)
{
	return (struct store_message){
		.uid = x->message.uid,
		.uid_size = x->message.uid_size,
		.size = x->message.size,
		.digest = x->digest,
		.octets = x->is_unproven ? -x->octets : x->octets,
	};
}

void
parcel_free(struct parcel *x, bool discard)
{
	if (discard)
		deliver_discard(&x->staged);
	else
		deliver_leave(&x->staged);
	free(x);
}

void
batch_list_clear(struct batch_list *l, bool discard)
{
	for (size_t i = 0; i < l->count; i++)
		parcel_free(l->at[i], discard);
	l->count = 0;
	l->bytes = 0;
}

void
batch_list_free(struct batch_list *l, bool discard)
{
	batch_list_clear(l, discard);
	free(l->at);
	l->at = NULL;
}

void
batch_list_cut(struct batch_list *l, uint32_t number)
{
	size_t kept = 0;

	while (kept < l->count && l->at[kept]->message.number != number)
		kept++;
	if (kept == l->count)
		kept = 0;
	while (l->count > kept) {
		struct parcel *x = l->at[--l->count];

		l->bytes -= x->bytes;
		parcel_free(x, true);
	}
}

void
batch_list_doubt(struct batch_list *l, uint32_t number, bool is_wanted)
{
	size_t left = 0;

	for (size_t i = 0; i < l->count; i++) {
		struct parcel *x = l->at[i];

		if (x->message.number == number && !is_wanted) {
			l->bytes -= x->bytes;
			parcel_free(x, true);
			continue;
		}
		x->is_unproven |= x->message.number == number;
		l->at[left++] = x;
	}
	l->count = left;
}
