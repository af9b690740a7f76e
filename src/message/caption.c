/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "message/caption.h"

#include <assert.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/text.h"
#include "message/encoded_word.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* In place; none are left at the ends. */
static void
join_blanks(struct buf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len; i++)
		if (!is_blank(b->data[i]))
			b->data[to++] = b->data[i];
		else if (to > 0 && b->data[to - 1] != ' ')
			b->data[to++] = ' ';
	if (to > 0 && b->data[to - 1] == ' ')
		to--;
	b->len = to;
}

void
caption_text(char *out, size_t out_size, const uint8_t *value, size_t size)
{
	struct buf plain;

	buf_init(&plain, 2 * CAPTION_VALUE_MAX);
	encoded_word_decode(&plain, value, size);
	join_blanks(&plain);
	text_safe(out, out_size, plain.data, plain.len);
	buf_free(&plain);
}

/* Where the angle bracket before the address stands, or the size if there is
 * none. */
static size_t
find_angle(const uint8_t *bytes, size_t size)
{
	bool quoted = false;

	for (size_t i = 0; i < size; i++)
		if (quoted && bytes[i] == '\\')
			i++;
		else if (bytes[i] == '"')
			quoted = !quoted;
		else if (bytes[i] == '<' && !quoted)
			return i;
	return size;
}

/* A display name without its quotes. */
static size_t
unquote(const uint8_t *bytes, size_t size, uint8_t out[CAPTION_VALUE_MAX])
{
	bool quoted = false;
	size_t to = 0;

	assert(size <= CAPTION_VALUE_MAX);
	for (size_t i = 0; i < size; i++)
		if (bytes[i] == '"')
			quoted = !quoted;
		else if (!quoted || bytes[i] != '\\' || i + 1 == size)
			out[to++] = bytes[i];
		else
			out[to++] = bytes[++i];
	return to;
}

void
caption_name(char *out, size_t out_size, const uint8_t *value, size_t size)
{
	size_t angle = find_angle(value, size), end = angle + 1, name_size;
	uint8_t name[CAPTION_VALUE_MAX] = { 0 };

	name_size = unquote(value, angle, name);
	caption_text(out, out_size, name, name_size);
	if (out[0] || angle == size)
		return;
	while (end < size && value[end] != '>')
		end++;
	caption_text(out, out_size, value + angle + 1, end - angle - 1);
}
