/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For plan.c alone: the sizes of listed messages, by LIST or by what is on
 * record.
 */
#ifndef STATE_SIZES_H
#define STATE_SIZES_H

#include "state/match.h"

/* Of entry i: by LIST, else what all rows of its uid say, or unknown. */
int64_t sizes_at(const struct listing *l, const struct store_rows *rows,
		 const struct match *m, size_t i);
/* How many are unknown, and the sum of the others, UINT64_MAX where it would
 * overflow. */
size_t sizes_sum(const struct listing *l, const struct store_rows *rows,
		 const struct match *m, uint64_t *sum);

#endif
