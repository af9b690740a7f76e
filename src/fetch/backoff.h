/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When to try a message again that the server refused to send or the MDA refused to
 * take: an hour later, then twice as long each time, at most a week.
 */
#ifndef FETCH_BACKOFF_H
#define FETCH_BACKOFF_H

#include <stdint.h>

/* `attempts`: how often it had failed before this time.  Seconds since 1970. */
int64_t backoff_next(int64_t now, unsigned attempts);

#endif
