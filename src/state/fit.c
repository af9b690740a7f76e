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
