/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The names of many things. */
#include "config.h"

#include "config/names.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct name {
	const char *text;
	size_t number;
};

struct names {
	struct name *all;
	size_t count, room;
	bool is_sorted;
};

struct names *
names_new(size_t count)
{
	struct names *n = mem_alloc(sizeof(*n));

	n->all = mem_array(count, sizeof(*n->all));
	n->room = count;
	return n;
}

void
names_free(struct names **n)
{
	struct names *old = *n;

	*n = NULL;
	if (!old)
		return;
	free(old->all);
	free(old);
}

void
names_add(struct names *n, const char *text)
{
	assert(n->count < n->room && !n->is_sorted);
	n->all[n->count] = (struct name){ text, n->count };
	n->count++;
}

/* qsort is given this in names_sort.  Equal names stay in the order in which
 * they came. */
static int
compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->text, y->text);

	if (order != 0)
		return order;
	return x->number < y->number ? -1 : x->number > y->number;
}

void
names_sort(struct names *n)
{
	qsort(n->all, n->count, sizeof(*n->all), compare);
	n->is_sorted = true;
}

bool
names_find(const struct names *n, const char *text, size_t *number)
{
	size_t low = 0, high = n->count;

	assert(n->is_sorted);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(n->all[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n->count || strcmp(n->all[low].text, text) != 0)
		return false;
	*number = n->all[low].number;
	return true;
}

bool
names_twice(const struct names *n, size_t *number, size_t *twin)
{
	size_t first = 0;
	bool found = false;

	assert(n->is_sorted);
	for (size_t i = 1; i < n->count; i++) {
		if (strcmp(n->all[i].text, n->all[first].text) != 0) {
			first = i;
			continue;
		}
		if (found && n->all[i].number > *number)
			continue;
		found = true;
		*number = n->all[i].number;
		*twin = n->all[first].number;
	}
	return found;
}
