/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The sizes of listed messages. */
#include "config.h"

#include "state/sizes.h"

/* The size that all rows of entry i agree on, or unknown. */
static int64_t
size_by_rows(const struct store_rows *rows, const struct match *m, size_t i)
{
	size_t r = match_first_row(m, i);
	int64_t size = LISTING_SIZE_UNKNOWN;

	for (int n = 0; r != SIZE_MAX; r = match_next_row(m, r), n++) {
		int64_t own = store_rows_at(rows, r).size;

		if (own < 0 || n == MATCH_ROWS_MAX || (n > 0 && own != size))
			return LISTING_SIZE_UNKNOWN;
		size = own;
	}
	return size;
}

/* The rows tell the size of only one message with their uid. */
int64_t
sizes_at(const struct listing *l, const struct store_rows *rows,
	 const struct match *m, size_t i)
{
	int64_t size = listing_at(l, i).size;

	if (size >= 0)
		return size;
	if (match_twin(m, i) != SIZE_MAX)
		return LISTING_SIZE_UNKNOWN;
	return size_by_rows(rows, m, i);
}

size_t
sizes_sum(const struct listing *l, const struct store_rows *rows,
	  const struct match *m, uint64_t *sum)
{
	size_t count = listing_count(l), unknown = 0;

	*sum = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t size = sizes_at(l, rows, m, i);

		if (size < 0)
			unknown++;
		else if (__builtin_add_overflow(*sum, (uint64_t)size, sum))
			*sum = UINT64_MAX;
	}
	return unknown;
}
