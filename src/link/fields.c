/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "link/fields.h"

#include <assert.h>
#include <string.h>

static void
put(struct fields *f, const void *bytes, size_t size)
{
	assert(size <= sizeof(f->bytes) - f->size);
	if (size > 0)
		memcpy(f->bytes + f->size, bytes, size);
	f->size += size;
}

void
fields_put_bool(struct fields *f, bool value)
{
	uint8_t byte = value;

	put(f, &byte, sizeof(byte));
}

void
fields_put_number(struct fields *f, int64_t value)
{
	put(f, &value, sizeof(value));
}

void
fields_put_text(struct fields *f, const char *text)
{
	size_t size = strlen(text);

	fields_put_number(f, (int64_t)size);
	put(f, text, size);
}

/* Takes the next bytes; NULL when there are too few, and from then on. */
static const uint8_t *
take(struct fields_reader *r, size_t size)
{
	const uint8_t *bytes = r->at;

	if (r->is_bad || size > r->left) {
		r->is_bad = true;
		return NULL;
	}
	r->at += size;
	r->left -= size;
	return bytes;
}

bool
fields_bool(struct fields_reader *r)
{
	const uint8_t *byte = take(r, sizeof(*byte));

	if (byte && *byte > 1)
		r->is_bad = true;
	return byte && *byte == 1;
}

int64_t
fields_number(struct fields_reader *r)
{
	int64_t value = 0;
	const uint8_t *bytes = take(r, sizeof(value));

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

void
fields_text(struct fields_reader *r, char *out, size_t size)
{
	int64_t length = fields_number(r);
	const uint8_t *bytes;

	out[0] = '\0';
	if (length < 0 || (uint64_t)length >= size)
		r->is_bad = true;
	bytes = take(r, r->is_bad ? 0 : (size_t)length);
	if (!bytes || length == 0)
		return;
	if (memchr(bytes, '\0', (size_t)length)) {
		r->is_bad = true;
		return;
	}
	memcpy(out, bytes, (size_t)length);
	out[length] = '\0';
}

bool
fields_are_whole(const struct fields_reader *r)
{
	return !r->is_bad && r->left == 0;
}
