/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * When to try again what has failed: after a first wait, then after waits twice
 * as long each time, up to a longest one.
 *
 * A message that the server refused to send or an MDA refused to take waits an
 * hour at first and a week at most.  A message at which the connection broke or
 * fell silent is tried again at once, twice, since that is seldom the message's
 * fault; after that it waits like the others.
 */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

/* Returns seconds.  `attempts` counts the failures before this one. */
int64_t backoff_wait(int64_t first_s, int64_t most_s, int64_t attempts);

/* When to try a message again, in seconds since 1970. */
int64_t backoff_next(int64_t now, unsigned attempts);
enum { BACKOFF_PATIENCE = 2 };
/* 0: at once, whatever the clock will say. */
int64_t backoff_next_broken(int64_t now, unsigned attempts);

#endif
