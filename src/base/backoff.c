/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "base/backoff.h"

#include <assert.h>

enum { FIRST_S = 3600, MOST_S = 7 * 86400 };

int64_t
backoff_wait(int64_t first_s, int64_t most_s, int64_t attempts)
{
	int64_t wait = first_s;

	assert(first_s > 0);
	while (attempts-- > 0 && wait < most_s)
		wait *= 2;
	return wait < most_s ? wait : most_s;
}

int64_t
backoff_next(int64_t now, unsigned attempts)
{
	return now + backoff_wait(FIRST_S, MOST_S, attempts);
}

int64_t
backoff_next_broken(int64_t now, unsigned attempts)
{
	if (attempts < BACKOFF_PATIENCE)
		return 0;
	return backoff_next(now, attempts - BACKOFF_PATIENCE);
}
