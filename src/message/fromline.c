/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* From_ lines in front of a message's header. */
#include "config.h"

#include "message/fromline.h"

#include <string.h>

void
fromline_start(struct fromline *f)
{
	f->place = FROMLINE_FIRST;
	f->held_size = 0;
}

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

enum verdict { UNDECIDED, FROM_LINE, OTHER_LINE };

/* What the held beginning of a line shows it to be. */
static enum verdict
judge(const struct fromline *f)
{
	static const char from[] = "From ";
	const size_t from_size = sizeof(from) - 1;
	size_t i = 0, some;

	while (i < f->held_size && f->held[i] == '>')
		i++;
	some = f->held_size - i;
	if (memcmp(f->held + i, from, some < from_size ? some : from_size) != 0)
		return OTHER_LINE;
	for (i += from_size; i < f->held_size; i++)
		if (!is_blank(f->held[i]))
			return f->held[i] == ':' ? OTHER_LINE : FROM_LINE;
	return f->held_size == FROMLINE_HELD_MAX ? OTHER_LINE : UNDECIDED;
}

static void
take_byte(struct fromline *f, uint8_t byte)
{
	if (f->place == FROMLINE_NEXT && is_blank(byte)) {
		f->place = FROMLINE_DROP;
		return;
	}
	f->held[f->held_size++] = byte;
	switch (judge(f)) {
	case UNDECIDED:
		f->place = FROMLINE_MAYBE;
		break;
	case FROM_LINE:
		f->held_size = 0;
		f->place = byte == '\n' ? FROMLINE_NEXT : FROMLINE_DROP;
		break;
	case OTHER_LINE:
		f->place = FROMLINE_OVER;
		break;
	}
}

static size_t
drop_line(struct fromline *f, const uint8_t *bytes, size_t size)
{
	const uint8_t *lf = memchr(bytes, '\n', size);

	if (!lf)
		return size;
	f->place = FROMLINE_NEXT;
	return (size_t)(lf - bytes) + 1;
}

size_t
fromline_take(struct fromline *f, const uint8_t *bytes, size_t size)
{
	size_t i = 0;

	while (i < size && f->place != FROMLINE_OVER) {
		if (f->place == FROMLINE_DROP)
			i += drop_line(f, bytes + i, size - i);
		else
			take_byte(f, bytes[i++]);
	}
	return i;
}

void
fromline_end(struct fromline *f)
{
	f->place = FROMLINE_OVER;
}

const uint8_t *
fromline_held(struct fromline *f, size_t *size)
{
	*size = f->place == FROMLINE_OVER ? f->held_size : 0;
	if (*size > 0)
		f->held_size = 0;
	return f->held;
}
