/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A growing run of bytes with a named maximum. */
#include "config.h"

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

enum { FIRST_CAP = 64 };

void
buf_init(struct buf *b, size_t max)
{
	assert(b);
	*b = (struct buf){ .max = max };
}

void
buf_free(struct buf *b)
{
	if (b->data)
		secret_wipe(b->data, b->cap);
	free(b->data);
	buf_init(b, b->max);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
}

/* Contents may be secret, so realloc, which leaves copies behind, is not
 * used. */
static void
move_to(struct buf *b, size_t cap)
{
	uint8_t *data = mem_resize(NULL, cap, 1);

	if (b->len)
		memcpy(data, b->data, b->len);
	if (b->data)
		secret_wipe(b->data, b->cap);
	free(b->data);
	b->data = data;
	b->cap = cap;
}

/* Doubles cap until it is at least `need`, which includes a byte for buf_text's
 * NUL. */
static void
grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : FIRST_CAP;

	while (cap < need && cap <= SIZE_MAX / 2)
		cap *= 2;
	if (cap < need || (b->max < SIZE_MAX && cap > b->max + 1))
		cap = b->max < SIZE_MAX ? b->max + 1 : need;
	move_to(b, cap);
}

uint8_t *
buf_room(struct buf *b, size_t size)
{
	assert(b->len <= b->max);
	if (size > b->max - b->len)
		return NULL;
	if (b->len + size == SIZE_MAX)
		mem_exhausted();
	if (b->len + size + 1 > b->cap)
		grow(b, b->len + size + 1);
	return b->data + b->len;
}

void
buf_added(struct buf *b, size_t size)
{
	assert(size <= b->max - b->len && (!size || size < b->cap - b->len));
	b->len += size;
}

bool
buf_append(struct buf *b, const void *bytes, size_t size)
{
	uint8_t *room = buf_room(b, size);

	if (!room)
		return false;
	if (size)
		memcpy(room, bytes, size);
	b->len += size;
	return true;
}

void
buf_put(struct buf *b, const void *bytes, size_t size)
{
	bool fits = buf_append(b, bytes, size);

	assert(fits);
	(void)fits;
}

bool
buf_byte(struct buf *b, uint8_t byte)
{
	return buf_append(b, &byte, 1);
}

bool
buf_format(struct buf *b, const char *format, ...)
{
	uint8_t *room;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(size >= 0);
	room = buf_room(b, (size_t)size);
	if (!room)
		return false;
	va_start(args, format);
	vsnprintf((char *)room, (size_t)size + 1, format, args);
	va_end(args);
	b->len += (size_t)size;
	return true;
}

const char *
buf_text(struct buf *b)
{
	*buf_room(b, 0) = '\0';
	return (const char *)b->data;
}
