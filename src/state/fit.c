/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "state/fit.h"

#include <stdint.h>

bool
fit_is_its_size(const struct store_row *row, int64_t size)
{
	return size == row->size || (row->octets > 0 && size == row->octets);
}

/* Recorded in a session that had no need of LIST, it has the octets alone. */
bool
fit_has_no_size(const struct store_row *row)
{
	return row->size < 0 && row->octets == 0;
}

bool
fit_is_gone(const struct store_row *row)
{
	return row->gone_since != 0 && row->status == STORE_DELIVERED;
}

/* How many entries share the uid of entry i; 0: not all have its size, or they
 * are many. */
static size_t
count_alike(const struct match *m, const struct listing *l, size_t i)
{
	size_t at = match_last(m, i), count = 0;

	for (; at != SIZE_MAX; at = match_twin(m, at))
		if (listing_at(l, at).size != listing_at(l, i).size ||
		    ++count > MATCH_ROWS_MAX)
			return 0;
	return count;
}

/* A row is fetched for one entry in a run: were that always the first, one at
 * which sessions break would keep the others from coming. */
bool
fit_is_next(const struct match *m, const struct listing *l, size_t i,
	    const struct store_row *row)
{
	size_t at = match_last(m, i), count;

	if (!row->broke || at == i)
		return true;
	count = count_alike(m, l, i);
	if (count == 0)
		return true;
	for (size_t back = count - 1 - row->attempts % count; back > 0; back--)
		at = match_twin(m, at);
	return at <= i;
}

struct fit
fit_rows(const struct match *m, const struct store_rows *rows,
	 struct fit_mark marks[], size_t i, int64_t size)
{
	struct fit f = { SIZE_MAX, 0, SIZE_MAX, SIZE_MAX, SIZE_MAX, 0, 0 };
	size_t r = match_first_row(m, i);

	for (; r != SIZE_MAX && f.rows < MATCH_ROWS_MAX;
	     r = match_next_row(m, r), f.rows++) {
		struct store_row row = store_rows_at(rows, r);
		bool open = size < 0 || fit_has_no_size(&row);

		if (!fit_is_gone(&row) && f.present_count++ == 0)
			f.present = r;
		if (!open && !fit_is_its_size(&row, size))
			continue;
		marks[r].exact |= !open;
		/* where no digest tells messages apart, a delivered row stands
		 * for one message only */
		if (!row.has_digest && row.status == STORE_DELIVERED &&
		    marks[r].taken > 0)
			continue;
		if (!open && !fit_is_gone(&row) && f.same_count++ == 0)
			f.same = r;
		if (open && f.open == SIZE_MAX)
			f.open = r;
		if (f.untold == SIZE_MAX && !row.has_digest &&
		    row.status != STORE_DELIVERED && !marks[r].fetched)
			f.untold = r;
	}
	return f;
}
