/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "commit/backoff.h"

enum { BACKOFF_FIRST_S = 3600, BACKOFF_MOST_S = 7 * 86400 };

int64_t
backoff_next_broken(int64_t now, unsigned attempts)
{
	if (attempts < BACKOFF_PATIENCE)
		return now;
	return backoff_next(now, attempts - BACKOFF_PATIENCE);
}

int64_t
backoff_next(int64_t now, unsigned attempts)
{
	int64_t wait = BACKOFF_FIRST_S;

	while (attempts-- > 0 && wait < BACKOFF_MOST_S)
		wait *= 2;
	return now + (wait < BACKOFF_MOST_S ? wait : BACKOFF_MOST_S);
}
