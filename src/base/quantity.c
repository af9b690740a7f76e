/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Durations and sizes as people write them. */
#include "config.h"

#include "base/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct unit {
	const char *word;
	uint64_t worth;
};

static const struct unit duration_units[] = {
	{ "s", 1 },	     { "sec", 1 },     { "secs", 1 },
	{ "second", 1 },     { "seconds", 1 }, { "m", 60 },
	{ "min", 60 },	     { "mins", 60 },   { "minute", 60 },
	{ "minutes", 60 },   { "h", 3600 },    { "hour", 3600 },
	{ "hours", 3600 },   { "d", 86400 },   { "day", 86400 },
	{ "days", 86400 },   { "w", 604800 },  { "week", 604800 },
	{ "weeks", 604800 }, { NULL, 0 }
};

static const struct unit size_units[] = {
	{ "b", 1 },	  { "byte", 1 },     { "bytes", 1 },
	{ "k", 1 << 10 }, { "kb", 1 << 10 }, { "kib", 1 << 10 },
	{ "m", 1 << 20 }, { "mb", 1 << 20 }, { "mib", 1 << 20 },
	{ "g", 1 << 30 }, { "gb", 1 << 30 }, { "gib", 1 << 30 },
	{ NULL, 0 }
};

/* 100 years of 365.25 days. */
static const uint64_t duration_max = UINT64_C(36525) * 86400;
static const uint64_t size_max = UINT64_C(1) << 62;

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static bool
find_unit(const struct unit *units, const char *word, size_t len,
	  uint64_t *worth)
{
	for (; units->word; units++) {
		if (text_is_word(word, len, units->word)) {
			*worth = units->worth;
			return true;
		}
	}
	return false;
}

/* Adds one "NUMBER UNIT" at *at to *sum; *at moves behind it and the blanks
 * that follow. */
static bool
add_part(const char **at, const struct unit *units, uint64_t max, uint64_t *sum)
{
	const char *digits = *at, *word;
	size_t count = strspn(digits, "0123456789"), len;
	uint64_t number, worth = 0;

	word = skip_blanks(digits + count);
	len = strcspn(word, " \t0123456789");
	if (!text_number(digits, count, max, &number) ||
	    !find_unit(units, word, len, &worth) ||
	    number > (max - *sum) / worth)
		return false;
	*sum += number * worth;
	*at = skip_blanks(word + len);
	return true;
}

/* Is the text a bare number with nothing but blanks around it? */
static bool
only_number(const char *text, uint64_t max, uint64_t *out)
{
	size_t count;

	text = skip_blanks(text);
	count = strspn(text, "0123456789");
	return *skip_blanks(text + count) == '\0' &&
	       text_number(text, count, max, out);
}

bool
quantity_duration(const char *text, int64_t *seconds)
{
	uint64_t sum = 0;

	if (only_number(text, 0, &sum)) {
		*seconds = 0;
		return true;
	}
	text = skip_blanks(text);
	do {
		if (!add_part(&text, duration_units, duration_max, &sum))
			return false;
	} while (*text);
	*seconds = (int64_t)sum;
	return true;
}

bool
quantity_size(const char *text, uint64_t *bytes)
{
	uint64_t sum = 0;

	if (only_number(text, size_max, bytes))
		return true;
	text = skip_blanks(text);
	if (!add_part(&text, size_units, size_max, &sum) || *text)
		return false;
	*bytes = sum;
	return true;
}

/* The bytes in tenths of the unit 2^shift, rounded. */
static uint64_t
tenths_of(uint64_t bytes, unsigned shift)
{
	uint64_t rest = bytes >> (shift - 10) & 1023;

	return (bytes >> shift) * 10 + (rest * 10 + 512) / 1024;
}

/* `always`: with its tenths even where these are 0. */
static void
show_size(char out[QUANTITY_TEXT_MAX], uint64_t bytes, bool always)
{
	static const char prefixes[] = "KMGTPE";
	unsigned shift = 10;
	uint64_t tenths;
	char unit;

	if (bytes < 1024) {
		snprintf(out, QUANTITY_TEXT_MAX, "%" PRIu64 " B", bytes);
		return;
	}
	while (shift < 60 && tenths_of(bytes, shift) >= 10240)
		shift += 10;
	tenths = tenths_of(bytes, shift);
	unit = prefixes[shift / 10 - 1];
	if (tenths % 10 == 0 && !always)
		snprintf(out, QUANTITY_TEXT_MAX, "%" PRIu64 " %ciB",
			 tenths / 10, unit);
	else
		snprintf(out, QUANTITY_TEXT_MAX, "%" PRIu64 ".%u %ciB",
			 tenths / 10, (unsigned)(tenths % 10), unit);
}

void
quantity_show_size(char out[QUANTITY_TEXT_MAX], uint64_t bytes)
{
	show_size(out, bytes, false);
}

void
quantity_show_tenths(char out[QUANTITY_TEXT_MAX], uint64_t bytes)
{
	show_size(out, bytes, true);
}

void
quantity_show_duration(char out[QUANTITY_TEXT_MAX], int64_t seconds)
{
	static const struct unit units[] = { { "day", 86400 },
					     { "hour", 3600 },
					     { "minute", 60 },
					     { "second", 1 } };
	uint64_t left = seconds > 0 ? (uint64_t)seconds : 0, first, second;
	size_t i = 0;

	while (i < 3 && left < units[i].worth)
		i++;
	first = left / units[i].worth;
	second = i < 3 ? left % units[i].worth / units[i + 1].worth : 0;
	if (second == 0)
		snprintf(out, QUANTITY_TEXT_MAX, "%" PRIu64 " %s%s", first,
			 units[i].word, text_plural((uint64_t)first));
	else
		snprintf(out, QUANTITY_TEXT_MAX, "%" PRIu64 " %s%s %u %s%s",
			 first, units[i].word, text_plural((uint64_t)first),
			 (unsigned)second, units[i + 1].word,
			 text_plural((uint64_t)second));
}

void
quantity_show_taken(char out[QUANTITY_TEXT_MAX], int64_t ms)
{
	uint64_t tenths = ms > 0 ? ((uint64_t)ms + 50) / 100 : 0;

	if (tenths >= 600)
		quantity_show_duration(out, (int64_t)(tenths + 5) / 10);
	else
		snprintf(out, QUANTITY_TEXT_MAX, "%" PRIu64 ".%u seconds",
			 tenths / 10, (unsigned)(tenths % 10));
}
