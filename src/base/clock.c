/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The two clocks, and dates that no locale touches. */
#include "config.h"

#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed",
				      "Thu", "Fri", "Sat" };
static const char month_names[12][4] = { "Jan", "Feb", "Mar", "Apr",
					 "May", "Jun", "Jul", "Aug",
					 "Sep", "Oct", "Nov", "Dec" };

static struct timespec
now(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) != 0)
		abort(); /* POSIX systems have both clocks */
	return t;
}

int64_t
clock_ms(void)
{
	struct timespec t = now(CLOCK_MONOTONIC);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
clock_unix(void)
{
	int64_t seconds = (int64_t)now(CLOCK_REALTIME).tv_sec;

	return seconds > 0 ? seconds : 1;
}

int64_t
clock_unix_us(void)
{
	struct timespec t = now(CLOCK_REALTIME);

	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

bool
clock_is_wrong(int64_t unix_s, int64_t now)
{
	return unix_s > now || (unix_s < RELEASED && now >= RELEASED);
}

int64_t
clock_deadline(int64_t ms)
{
	int64_t start = clock_ms();

	if (ms < 0 || ms >= CLOCK_NEVER - start)
		return CLOCK_NEVER;
	return start + ms;
}

int64_t
clock_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int
clock_poll_timeout(int64_t deadline)
{
	int64_t start;

	if (deadline == CLOCK_NEVER)
		return -1;
	start = clock_ms();
	if (deadline <= start)
		return 0;
	return deadline - start > INT_MAX ? INT_MAX : (int)(deadline - start);
}

/* A time that has no calendar date (a year beyond an int) becomes 1970. */
static struct tm
broken_down(int64_t unix_s, bool local)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (!(local ? localtime_r(&t, &tm) : gmtime_r(&t, &tm))) {
		memset(&tm, 0, sizeof(tm));
		tm.tm_year = 70;
		tm.tm_mday = 1;
		tm.tm_wday = 4;
	}
	return tm;
}

/* "+0100", "+01:00" */
static void
show_offset(char out[8], const struct tm *tm, const char *separator)
{
	int minutes = (int)(tm->tm_gmtoff / 60) % (24 * 60);
	int size = abs(minutes);

	snprintf(out, 8, "%c%02d%s%02d", minutes < 0 ? '-' : '+', size / 60,
		 separator, size % 60);
}

void
clock_rfc5322(char *out, size_t size, int64_t unix_s)
{
	struct tm tm = broken_down(unix_s, true);
	char offset[8];

	show_offset(offset, &tm, "");
	snprintf(out, size, "%s, %02d %s %04lld %02d:%02d:%02d %s",
		 day_names[tm.tm_wday], tm.tm_mday, month_names[tm.tm_mon],
		 tm.tm_year + 1900LL, tm.tm_hour, tm.tm_min, tm.tm_sec, offset);
}

void
clock_asctime(char *out, size_t size, int64_t unix_s)
{
	struct tm tm = broken_down(unix_s, false);

	snprintf(out, size, "%s %s %2d %02d:%02d:%02d %04lld",
		 day_names[tm.tm_wday], month_names[tm.tm_mon], tm.tm_mday,
		 tm.tm_hour, tm.tm_min, tm.tm_sec, tm.tm_year + 1900LL);
}

void
clock_iso8601(char *out, size_t size, int64_t unix_s)
{
	struct tm tm = broken_down(unix_s, true);
	char offset[8];

	show_offset(offset, &tm, ":");
	snprintf(out, size, "%04lld-%02d-%02dT%02d:%02d:%02d%s",
		 tm.tm_year + 1900LL, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec, offset);
}
