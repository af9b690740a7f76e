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
#include "cli/columns.h"

enum { GAP = 2, SIZE_COLUMNS = 10, RATE_COLUMNS = 12 };
enum { PERCENT_COLUMNS = 4, LEFT_COLUMNS = 12, LEFT_MOST_S = 100 * 3600 };
enum { GAUGE_MIN = 12, GAUGE_MAX = 42, COUNT_MAX = 64 };

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
	size_t size, used;

	if (columns > l->limit)
		columns = l->limit;
	size = columns_fit(name, columns, BAR_TEXT_MAX - 1 - l->size);
	memcpy(l->out + l->size, name, size);
	l->out[l->size + size] = '\0';
	used = columns_of(l->out + l->size);
	l->columns += used;
	l->size += size;
	add_repeated(l, ' ', columns - used);
}

static void
add_padded(struct line *l, const char *text, size_t width)
{
	size_t size = strlen(text);

	add_repeated(l, ' ', GAP);
	add_repeated(l, ' ', size < width ? width - size : 0);
	add_ascii(l, text);
}

/* "  7/1000", of the same width in all bars; or the phase. */
static void
add_count(struct line *l, const struct progress_state *s, size_t columns)
{
	char total[COUNT_MAX], text[2 * COUNT_MAX + 2];
	int width;

	if (s->messages_total == 0) {
		add_repeated(l, ' ', GAP);
		add_ascii(l, s->phase ? s->phase : "");
		return;
	}
	width = snprintf(total, sizeof(total), "%" PRIu64, s->messages_total);
	snprintf(text, sizeof(text), "%*" PRIu64 "/%s", width, s->messages,
		 total);
	add_padded(l, text, columns);
}

static void
add_percent(struct line *l, const struct progress_state *s)
{
	char text[8];

	snprintf(text, sizeof(text), "%u%%", (unsigned)(pace_part(s) * 100));
	add_padded(l, text, PERCENT_COLUMNS);
}

static void
add_left(struct line *l, int64_t left_s)
{
	char text[COUNT_MAX] = "";
	int64_t minutes = left_s / 60;
	int seconds = (int)(left_s % 60);

	if (left_s >= LEFT_MOST_S)
		snprintf(text, sizeof(text), "days left");
	else if (minutes >= 60)
		snprintf(text, sizeof(text),
			 "%" PRId64 ":%02" PRId64 ":%02d left", minutes / 60,
			 minutes % 60, seconds);
	else if (left_s >= 0)
		snprintf(text, sizeof(text), "%" PRId64 ":%02d left", minutes,
			 seconds);
	add_padded(l, text, LEFT_COLUMNS);
}

static void
add_gauge(struct line *l, const struct progress_state *s)
{
	size_t room = l->limit - l->columns, columns, full;

	if (room < GAP + GAUGE_MIN)
		return;
	columns = (room - GAP < GAUGE_MAX ? room - GAP : GAUGE_MAX) - 2;
	full = (size_t)((double)columns * pace_part(s));
	add_repeated(l, ' ', GAP);
	add_ascii(l, "[");
	add_repeated(l, '#', full);
	add_repeated(l, '-', columns - full);
	add_ascii(l, "]");
}

/* --- the bar --- */

static bool
has_room(const struct line *l, size_t columns)
{
	return l->limit - l->columns >= GAP + columns;
}

/* What does not fit is left out; the gauge is wanted more than what stands
 * between it and the time. */
static void
add_numbers(struct line *l, const struct progress_state *s,
	    const struct pace *pace)
{
	char size[QUANTITY_TEXT_MAX], speed[QUANTITY_TEXT_MAX + 2];
	bool fits = has_room(l, SIZE_COLUMNS + GAP + GAUGE_MIN);

	if (fits) {
		quantity_show_tenths(size, s->bytes);
		add_padded(l, size, SIZE_COLUMNS);
	}
	if (fits && has_room(l, RATE_COLUMNS + GAP + GAUGE_MIN)) {
		quantity_show_tenths(size, pace->rate);
		snprintf(speed, sizeof(speed), "%s/s", size);
		add_padded(l, pace->rate > 0 ? speed : "", RATE_COLUMNS);
	}
}

size_t
bar_count_columns(const struct progress_state *state)
{
	size_t digits = 1;

	for (uint64_t n = state->messages_total; n >= 10; n /= 10)
		digits++;
	return 2 * digits + 1;
}

void
bar_format(char out[BAR_TEXT_MAX], const struct bar_layout *layout,
	   const char *name, const struct progress_state *state,
	   const struct pace *pace)
{
	struct line l = { .out = out, .limit = layout->columns };

	if (l.limit > BAR_TEXT_MAX - 1)
		l.limit = BAR_TEXT_MAX - 1;
	add_name(&l, name, layout->name);
	add_count(&l, state, layout->count);
	if (state->messages_total > 0) {
		if (has_room(&l, PERCENT_COLUMNS))
			add_percent(&l, state);
		if (has_room(&l, LEFT_COLUMNS))
			add_left(&l, pace->left_s);
		add_numbers(&l, state, pace);
		add_gauge(&l, state);
	}
	out[l.size] = '\0';
}
