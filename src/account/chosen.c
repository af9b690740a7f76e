/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/chosen.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct one {
	uint8_t *uid;
	size_t size;
	bool was_found;
};

struct chosen {
	struct one *at;
	size_t count;
};

struct chosen *
chosen_new(void)
{
	return mem_alloc(sizeof(struct chosen));
}

void
chosen_free(struct chosen **c)
{
	if (!*c)
		return;
	for (size_t i = 0; i < (*c)->count; i++)
		free((*c)->at[i].uid);
	free((*c)->at);
	free(*c);
	*c = NULL;
}

/* --- text --- */

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	at = c == '\0' ? NULL : strchr(digits, c);
	return at ? (int)(at - digits) : -1;
}

/* Into as many bytes as the text has, at most. */
static bool
read_text(const char *text, uint8_t *uid, size_t *size)
{
	*size = 0;
	for (; *text; text++) {
		int high = -1, low = -1;

		if (*text != '%') {
			uid[(*size)++] = (uint8_t)*text;
			continue;
		}
		high = hex_digit(text[1]);
		if (high >= 0)
			low = hex_digit(text[2]);
		if (low < 0)
			return false;
		uid[(*size)++] = (uint8_t)(16 * high + low);
		text += 2;
	}
	return *size > 0;
}

static bool
stands_for_itself(uint8_t byte)
{
	return byte > ' ' && byte < 0x7f && !strchr("%'\"\\", byte);
}

char *
chosen_text(const uint8_t *uid, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	char *text = mem_alloc(3 * size + 1), *to = text;

	for (size_t i = 0; i < size; i++) {
		if (stands_for_itself(uid[i])) {
			*to++ = (char)uid[i];
			continue;
		}
		*to++ = '%';
		*to++ = digits[uid[i] / 16];
		*to++ = digits[uid[i] % 16];
	}
	*to = '\0';
	return text;
}

/* --- the list --- */

bool
chosen_add(struct chosen *c, const char *text)
{
	struct one one = { .uid = mem_alloc(strlen(text) + 1) };

	if (!read_text(text, one.uid, &one.size)) {
		free(one.uid);
		return false;
	}
	c->at = mem_resize(c->at, c->count + 1, sizeof(*c->at));
	c->at[c->count++] = one;
	return true;
}

size_t
chosen_count(const struct chosen *c)
{
	return c->count;
}

static struct one *
find(const struct chosen *c, const uint8_t *uid, size_t size)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->at[i].size == size &&
		    memcmp(c->at[i].uid, uid, size) == 0)
			return &c->at[i];
	return NULL;
}

bool
chosen_has(const struct chosen *c, const uint8_t *uid, size_t size)
{
	return find(c, uid, size) != NULL;
}

bool
chosen_find(struct chosen *c, const uint8_t *uid, size_t size)
{
	struct one *one = find(c, uid, size);

	if (one)
		one->was_found = true;
	return one != NULL;
}

int
chosen_missing(const struct chosen *c, const char *where, struct err *e)
{
	for (size_t i = 0; i < c->count; i++) {
		char *text;

		if (c->at[i].was_found)
			continue;
		text = chosen_text(c->at[i].uid, c->at[i].size);
		(void)err_set(e, ERR_USAGE, "uid '%s' %s", text, where);
		free(text);
		return -1;
	}
	return 0;
}
