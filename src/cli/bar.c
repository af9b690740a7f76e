/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The text of one progress bar. */
#include "config.h"

#include "cli/bar.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/quantity.h"

enum { GAP = 2, SIZE_COLUMNS = 10, RATE_COLUMNS = 12 };
enum { GAUGE_MIN = 12, GAUGE_MAX = 42, COUNT_MAX = 64 };

/* --- columns --- */

/* Bytes of the character at p. */
static size_t
char_size(const char *p)
{
	size_t size = 1;

	while (((unsigned char)p[size] & 0xc0) == 0x80)
		size++;
	return size;
}

/* From U+1100 on many characters are two columns wide; to count all of them so
 * is wrong at times, but never makes a line too long. */
static size_t
char_columns(const char *p)
{
	return (unsigned char)p[0] >= 0xe1 ? 2 : 1;
}

size_t
bar_char(const char *p, size_t *columns)
{
	*columns += char_columns(p);
	return char_size(p);
}

size_t
bar_columns(const char *text)
{
	size_t columns = 0;

	for (; *text; text += char_size(text))
		columns += char_columns(text);
	return columns;
}

/* --- one line --- */

/* The line so far. */
struct line {
	char *out;
	size_t size; /* bytes */
	size_t columns, limit;
};

static void
add_ascii(struct line *l, const char *text)
{
	size_t room = l->limit - l->columns, size = strlen(text);

	if (size > room)
		size = room;
	if (size > BAR_TEXT_MAX - 1 - l->size)
		size = BAR_TEXT_MAX - 1 - l->size;
	memcpy(l->out + l->size, text, size);
	l->size += size;
	l->columns += size;
}

static void
add_repeated(struct line *l, char c, size_t count)
{
	const char text[] = { c, '\0' };

	while (count-- > 0)
		add_ascii(l, text);
}

static void
add_name(struct line *l, const char *name, size_t columns)
{
	size_t used = 0, size;

	if (columns > l->limit)
		columns = l->limit;
	for (; *name; name += size) {
		size = char_size(name);
		if (used + char_columns(name) > columns ||
		    size > BAR_TEXT_MAX - 1 - l->size)
			break;
		memcpy(l->out + l->size, name, size);
		l->size += size;
		used += char_columns(name);
	}
	l->columns += used;
	add_repeated(l, ' ', columns - used);
}

/* "  7/1000", of the same width for all counts; or the phase. */
static void
add_count(struct line *l, const struct progress_state *s)
{
	char total[COUNT_MAX], text[2 * COUNT_MAX + 2];
	int width;

	add_repeated(l, ' ', GAP);
	if (s->messages_total == 0) {
		add_ascii(l, s->phase ? s->phase : "");
		return;
	}
	width = snprintf(total, sizeof(total), "%" PRIu64, s->messages_total);
	snprintf(text, sizeof(text), "%*" PRIu64 "/%s", width, s->messages,
		 total);
	add_ascii(l, text);
}

static void
add_padded(struct line *l, const char *text, size_t width)
{
	size_t size = strlen(text);

	add_repeated(l, ' ', GAP);
	add_repeated(l, ' ', size < width ? width - size : 0);
	add_ascii(l, text);
}

/* How many columns are filled in a gauge of so many. */
static size_t
filled(const struct progress_state *s, size_t columns)
{
	uint64_t part = s->messages, total = s->messages_total;

	if (s->bytes_total > 0) {
		part = s->bytes;
		total = s->bytes_total;
	}
	if (part >= total)
		return total > 0 ? columns : 0;
	return (size_t)((double)columns * ((double)part / (double)total));
}

static void
add_gauge(struct line *l, const struct progress_state *s)
{
	size_t room = l->limit - l->columns, columns, full;

	if (room < GAP + GAUGE_MIN ||
	    (s->messages_total == 0 && s->bytes_total == 0))
		return;
	columns = (room - GAP < GAUGE_MAX ? room - GAP : GAUGE_MAX) - 2;
	full = filled(s, columns);
	add_repeated(l, ' ', GAP);
	add_ascii(l, "[");
	add_repeated(l, '#', full);
	add_repeated(l, '-', columns - full);
	add_ascii(l, "]");
}

void
bar_format(char out[BAR_TEXT_MAX], size_t columns, const char *name,
	   size_t name_columns, const struct progress_state *state,
	   uint64_t rate)
{
	struct line l = { .out = out, .limit = columns };
	char size[QUANTITY_TEXT_MAX], speed[QUANTITY_TEXT_MAX + 2];
	bool fits;

	if (l.limit > BAR_TEXT_MAX - 1)
		l.limit = BAR_TEXT_MAX - 1;
	add_name(&l, name, name_columns);
	add_count(&l, state);
	fits = l.limit - l.columns >= GAP + SIZE_COLUMNS + GAP + GAUGE_MIN;
	if (fits && (state->bytes > 0 || state->messages_total > 0)) {
		quantity_show_size(size, state->bytes);
		add_padded(&l, size, SIZE_COLUMNS);
	}
	fits = fits &&
	       l.limit - l.columns >= GAP + RATE_COLUMNS + GAP + GAUGE_MIN;
	if (fits && state->messages_total > 0) {
		quantity_show_size(size, rate);
		snprintf(speed, sizeof(speed), "%s/s", size);
		add_padded(&l, rate > 0 ? speed : "", RATE_COLUMNS);
	}
	add_gauge(&l, state);
	out[l.size] = '\0';
}
