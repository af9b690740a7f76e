/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Where the values of a configuration stand. */
#include "config.h"

#include "config/conf_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sys/fs.h"

enum { ROOM_MIN = 16 };

struct conf_section *
conf_tree_add_account(struct conf_tree *t, const char *title)
{
	struct conf *c = t->conf;
	struct conf_section *s;

	if (c->count == t->room) {
		t->room = 2 * t->room + ROOM_MIN;
		c->accounts =
			mem_resize(c->accounts, t->room, sizeof(*c->accounts));
		t->accounts =
			mem_resize(t->accounts, t->room, sizeof(*t->accounts));
	}
	c->accounts[c->count] = (struct account){ .name = mem_string(title) };
	s = &t->accounts[c->count++];
	memset(s, 0, sizeof(*s));
	return s;
}

struct conf_file *
conf_tree_add_file(struct conf_tree *t, const char *path, struct err *e)
{
	struct conf_file *file;
	char *whole = fs_expand(path, NULL, e), *slash;

	if (!whole)
		return NULL;
	file = mem_alloc(sizeof(*file));
	file->path = mem_string(path);
	slash = strrchr(whole, '/');
	slash[slash == whole] = '\0';
	file->dir = whole;
	t->files = mem_resize(t->files, t->file_count + 1, sizeof(*t->files));
	t->files[t->file_count++] = file;
	return file;
}

int
conf_tree_locate(const struct conf_tree *t, size_t account,
		 const struct conf_value *v, struct err *e)
{
	const struct conf_section *s = &t->accounts[account];

	err_context(e, "account '%s'", t->conf->accounts[account].name);
	if (v)
		return err_context(e, "%s:%d", v->file->path, v->line);
	return err_context(e, "%s:%d", s->file->path, s->line);
}

static void
free_texts(struct conf_section *s)
{
	for (size_t i = 0; i < CONF_OPTION_MAX; i++) {
		for (int j = 0; j < s->values[i].count; j++)
			free(s->values[i].texts[j]);
		free(s->values[i].texts);
	}
}

static void
free_file(struct conf_file *file)
{
	conf_text_free(&file->text);
	free(file->path);
	free(file->dir);
	free(file);
}

void
conf_tree_free(struct conf_tree *t)
{
	free_texts(&t->global);
	free_texts(&t->defaults);
	free(t->accounts);
	for (size_t i = 0; i < t->file_count; i++)
		free_file(t->files[i]);
	free(t->files);
}
