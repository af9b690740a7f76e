/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When to try a message again that the server refused to send or the MDA refused to
 * take: an hour later, then twice as long each time, at most a week.  A message at which
 * the line broke or fell silent is tried again at once, twice, since that is seldom the
 * message's fault; then it is set aside like the others.
 */
#ifndef COMMIT_BACKOFF_H
#define COMMIT_BACKOFF_H

#include <stdint.h>

/* `attempts`: how often it had failed before this time.  Seconds since 1970. */
int64_t backoff_next(int64_t now, unsigned attempts);
enum { BACKOFF_PATIENCE = 2 };
int64_t backoff_next_broken(int64_t now, unsigned attempts);

#endif
