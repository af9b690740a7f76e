/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For plan.c alone: the sizes of listed messages, by LIST or by what is on
 * record.
 */
#ifndef STATE_SIZES_H
#define STATE_SIZES_H

#include "state/match.h"

/* The size of entry i: by LIST, else what all rows with its uid agree on, or
 * unknown. */
int64_t sizes_at(const struct listing *l, const struct store_rows *rows,
		 const struct match *m, size_t i);
/* How many sizes are unknown; *sum becomes the sum of the others, or UINT64_MAX
 * where that would overflow. */
size_t sizes_sum(const struct listing *l, const struct store_rows *rows,
		 const struct match *m, uint64_t *sum);

#endif
