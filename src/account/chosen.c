/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/chosen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "state/listing.h"

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

/* Into as many bytes as the text has, at most. */
static bool
read_text(const char *text, uint8_t *uid, size_t *size)
{
	for (*size = 0; *text; (*size)++) {
		char hex[3] = "";

		if (*text != '%') {
			uid[*size] = (uint8_t)*text++;
			continue;
		}
		if (strnlen(text, 3) < 3)
			return false;
		memcpy(hex, text + 1, 2);
		if (!text_unhex(hex, &uid[*size], 1))
			return false;
		text += 3;
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
	char *text = mem_alloc(3 * size + 1), *to = text;

	for (size_t i = 0; i < size; i++)
		to += snprintf(to, 4,
			       stands_for_itself(uid[i]) ? "%c" : "%%%02X",
			       uid[i]);
	return text;
}

/* --- the list --- */

/* It is looked for as it is known. */
static void
shorten(struct one *one)
{
	char hex[LISTING_UID_HEX];
	const void *known = listing_short_uid(one->uid, &one->size, hex);

	if (known != one->uid)
		memcpy(one->uid, known, one->size);
}

bool
chosen_add(struct chosen *c, const char *text)
{
	struct one one = { .uid = mem_alloc(strlen(text) + 1) };

	if (!read_text(text, one.uid, &one.size)) {
		free(one.uid);
		return false;
	}
	shorten(&one);
	c->at = mem_resize(c->at, c->count + 1, sizeof(*c->at));
	c->at[c->count++] = one;
	return true;
}

bool
chosen_find(struct chosen *c, const uint8_t *uid, size_t size)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->at[i].size == size &&
		    memcmp(c->at[i].uid, uid, size) == 0)
			return c->at[i].was_found = true;
	return false;
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
