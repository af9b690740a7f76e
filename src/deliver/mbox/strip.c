/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Leaves named fields out of a message's header as it streams by. */
#include "config.h"

#include "deliver/mbox/strip.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

void
strip_start(struct strip *s, const char *const names[])
{
	*s = (struct strip){ .names = names, .place = STRIP_LINE };
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Is what is held one of the names, perhaps with blanks after it? */
static bool
is_unwanted(const struct strip *s)
{
	const char *const *name;
	size_t size = s->held_size;

	while (size > 0 && is_blank(s->held[size - 1]))
		size--;
	for (name = s->names; *name; name++)
		if (text_is_word(s->held, size, *name))
			return true;
	return false;
}

static void
release(struct strip *s, struct buf *out)
{
	buf_put(out, s->held, s->held_size);
	s->held_size = 0;
}

static void
put_crs(struct strip *s, struct buf *out)
{
	for (; s->crs > 0; s->crs--)
		buf_put(out, "\r", 1);
}

/* The colon has come, or there is no more room to wait for it. */
static void
end_name(struct strip *s, struct buf *out)
{
	s->dropped = is_unwanted(s);
	s->place = s->dropped ? STRIP_DROP : STRIP_KEEP;
	if (s->dropped)
		s->held_size = 0;
	else
		release(s, out);
}

static void
end_line(struct strip *s, struct buf *out)
{
	if (s->place == STRIP_LINE || s->place == STRIP_CRS) {
		put_crs(s, out);
		s->place = STRIP_BODY;
	} else {
		if (s->place == STRIP_NAME) { /* a line without colon */
			s->dropped = false;
			release(s, out);
		}
		s->place = STRIP_LINE;
	}
	buf_put(out, "\n", 1);
}

static void
begin_line(struct strip *s, char byte, struct buf *out)
{
	if (s->place == STRIP_CRS) {
		s->dropped = false;
		put_crs(s, out);
		s->place = STRIP_KEEP;
	} else if (is_blank(byte)) {
		s->place = s->dropped ? STRIP_DROP : STRIP_KEEP;
	} else {
		s->place = STRIP_NAME;
	}
}

static void
add_name(struct strip *s, char byte, struct buf *out)
{
	if (byte == ':' || s->held_size == STRIP_HELD_MAX)
		end_name(s, out);
	if (s->place == STRIP_NAME)
		s->held[s->held_size++] = byte;
	else if (s->place == STRIP_KEEP)
		buf_put(out, &byte, 1);
}

/* Adds a byte of the header that cannot just be copied or skipped with its
 * line. */
static void
add_byte(struct strip *s, char byte, struct buf *out)
{
	if (byte == '\n') {
		end_line(s, out);
		return;
	}
	if (byte == '\r' && (s->place == STRIP_LINE || s->place == STRIP_CRS)) {
		s->place = STRIP_CRS;
		s->crs++;
		return;
	}
	if (s->place == STRIP_LINE || s->place == STRIP_CRS)
		begin_line(s, byte, out);
	if (s->place == STRIP_NAME)
		add_name(s, byte, out);
	else if (s->place == STRIP_KEEP)
		buf_put(out, &byte, 1);
}

/* How much of the input belongs to a line whose fate is known, without its
 * LF. */
static size_t
rest_of_line(const struct strip *s, const char *p, size_t size)
{
	const char *lf;

	if (s->place == STRIP_BODY)
		return size;
	if (s->place != STRIP_KEEP && s->place != STRIP_DROP)
		return 0;
	lf = memchr(p, '\n', size);
	return lf ? (size_t)(lf - p) : size;
}

void
strip_add(struct strip *s, const void *bytes, size_t size, struct buf *out)
{
	const char *p = bytes, *end = p + size;
	size_t rest;

	while (p < end) {
		rest = rest_of_line(s, p, (size_t)(end - p));
		if (rest == 0) {
			if (s->place == STRIP_DROP && *p == '\n')
				s->place = STRIP_LINE;
			else
				add_byte(s, *p, out);
			p++;
			continue;
		}
		if (s->place != STRIP_DROP)
			buf_put(out, p, rest);
		p += rest;
	}
}

void
strip_end(struct strip *s, struct buf *out)
{
	put_crs(s, out);
	if (s->place == STRIP_NAME)
		release(s, out);
	s->place = STRIP_BODY;
}
