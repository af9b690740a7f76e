/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Sentinels: files that tell a delivery from a loss. */
#include "config.h"

#include "deliver/sentinel.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/fs.h"

enum { RANDOM_SIZE = 8 };

static int
make(struct sentinels *l, struct err *e)
{
	struct sentinel *s = mem_alloc(sizeof(*s));
	uint8_t random[RANDOM_SIZE];
	char hex[2 * RANDOM_SIZE + 1];

	digest_random(random, sizeof(random));
	text_hex(hex, random, sizeof(random));
	s->name = mem_format("sentinel.%s", hex);
	if (fs_create_at(l->dir, s->name, 0600, &s->fd, e) != 0) {
		free(s->name);
		free(s);
		return -1;
	}
	s->next = l->all;
	l->all = l->current = s;
	return 0;
}

int
sentinel_use(struct sentinels *l, struct sentinel **s, struct err *e)
{
	if (!l->current && make(l, e) != 0)
		return -1;
	*s = l->current;
	(*s)->users++;
	return 0;
}

static void
forget(struct sentinel **at)
{
	struct sentinel *s = *at;

	*at = s->next;
	fs_drop(&s->fd);
	free(s->name);
	free(s);
}

/* Removes those that nothing needs. */
static void
tidy(struct sentinels *l)
{
	struct err ignored = ERR_INIT; /* recovery removes what stays */
	struct sentinel **at = &l->all;

	while (*at) {
		if ((*at)->users > 0) {
			at = &(*at)->next;
			continue;
		}
		if (*at == l->current)
			l->current = NULL;
		(void)fs_remove_at(l->dir, (*at)->name, &ignored);
		forget(at);
	}
}

void
sentinel_unused(struct sentinels *l, struct sentinel *s)
{
	s->users--;
	tidy(l);
}

void
sentinel_settled(struct sentinel *s)
{
	s->settled++;
}

void
sentinels_seal(struct sentinels *l)
{
	l->current = NULL;
}

void
sentinels_retire(struct sentinels *l)
{
	for (struct sentinel *s = l->all; s; s = s->next) {
		s->users -= s->settled;
		s->settled = 0;
	}
	tidy(l);
}

void
sentinels_free(struct sentinels *l)
{
	l->current = NULL;
	while (l->all)
		forget(&l->all);
}
