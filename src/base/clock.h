/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The two clocks.  Waits are measured on the monotonic one, in milliseconds
 * since some start; dates come from the wall clock, in seconds since 1970
 * (UTC).
 *
 * A deadline is a point on the monotonic clock; CLOCK_NEVER is the one that
 * never comes.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_NEVER INT64_MAX

int64_t clock_ms(void); /* monotonic */
/* The wall clock in seconds; at least 1, since 0 means "never" in the state
 * that is kept. */
int64_t clock_unix(void);
int64_t clock_unix_us(void); /* wall clock, microseconds */
/* Was this time noted under a wrong clock?  It is still to come at `now`, or
 * lies before this program was released. */
bool clock_is_wrong(int64_t unix_s, int64_t now);

/* now + ms, CLOCK_NEVER for ms < 0 or on overflow. */
int64_t clock_deadline(int64_t ms);
int64_t clock_earlier(int64_t a, int64_t b);
/* Milliseconds until the deadline as poll(2) wants them: 0 when it has passed,
 * -1 for CLOCK_NEVER. */
int clock_poll_timeout(int64_t deadline);

/* "Sat, 21 Nov 2026 10:00:00 +0000" (RFC 5322 section 3.3), in the local time
 * zone and with the names of the C locale; `size` is at least
 * CLOCK_DATE_MAX. */
enum { CLOCK_DATE_MAX = 40 };
void clock_rfc5322(char *out, size_t size, int64_t unix_s);
/* "Sat Nov 21 10:00:00 2026" UTC, as an mbox From_ line has it (RFC 4155). */
void clock_asctime(char *out, size_t size, int64_t unix_s);
/* "2026-11-21T10:00:00+01:00", for log lines. */
void clock_iso8601(char *out, size_t size, int64_t unix_s);

#endif
