/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/columns.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool
is_continued(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes of the character at p. */
static size_t
size_at(const char *p)
{
	size_t size = 1;

	while (is_continued(p[size]))
		size++;
	return size;
}

static uint32_t
code_at(const char *p)
{
	unsigned char first = (unsigned char)*p++;
	uint32_t code = first;

	if (first >= 0xc0)
		code &= first >= 0xf0 ? 0x07 : first >= 0xe0 ? 0x0f : 0x1f;
	for (; is_continued(*p); p++)
		code = code << 6 | ((unsigned char)*p & 0x3f);
	return code;
}

/* Hangul is the first script of wide letters; then none comes before the signs
 * of U+231A. */
static size_t
width_at(const char *p)
{
	uint32_t code = code_at(p);

	return code < 0x1100 || (code >= 0x1160 && code < 0x231a) ? 1 : 2;
}

size_t
columns_of(const char *text)
{
	size_t columns = 0;

	for (; *text; text += size_at(text))
		columns += width_at(text);
	return columns;
}

size_t
columns_char(const char *p, size_t *columns)
{
	*columns += width_at(p);
	return size_at(p);
}

size_t
columns_fit(const char *text, size_t columns, size_t room)
{
	size_t fit = 0, size, width;

	for (; text[fit]; fit += size, columns -= width) {
		size = size_at(text + fit);
		width = width_at(text + fit);
		if (width > columns || size > room - fit)
			break;
	}
	return fit;
}

void
columns_cut(char *text, size_t columns)
{
	static const char dots[] = "...";
	size_t size = strlen(text), mark = sizeof(dots) - 1, fit;

	if (columns_fit(text, columns, size) == size)
		return;
	if (columns <= mark) {
		text[columns_fit(text, columns, size)] = '\0';
		return;
	}
	/* what is cut away has a column more than the dots, and at least a byte
	 * for each */
	fit = columns_fit(text, columns - mark, size);
	memcpy(text + fit, dots, mark + 1);
}
