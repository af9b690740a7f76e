/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sections of checked values, and the files that they come from. */
#include "config.h"
#include "config/conf_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sys/fs.h"

enum { BLOCK_SECTIONS = 256, ROOM_MIN = 16 };

/* Room for some sections: one by one they would leave the heap of many accounts full
 * of holes, which each child would write into. */
struct confblock {
	struct confblock *next;
	size_t used;
	struct confsection sections[BLOCK_SECTIONS];
};

static struct confsection *
new_section(struct conf_tree *tree)
{
	struct confblock *block = tree->blocks;

	if (!block || block->used == BLOCK_SECTIONS) {
		block = mem_alloc(sizeof(*block));
		block->next = tree->blocks;
		tree->blocks = block;
	}
	return &block->sections[block->used++];
}

struct confsection *
conf_tree_add_account(struct conf_tree *t, const char *title)
{
	struct confsection *s = new_section(t);

	s->title = mem_string(title);
	if (t->account_count == t->account_room) {
		t->account_room = 2 * t->account_room + ROOM_MIN;
		t->accounts = mem_resize(t->accounts, t->account_room,
					 sizeof(*t->accounts));
	}
	t->accounts[t->account_count++] = s;
	return s;
}

struct conffile *
conf_tree_add_file(struct conf_tree *tree, const char *path, struct err *e)
{
	struct conffile *file;
	char *whole = fs_expand(path, NULL, e), *slash;

	if (!whole)
		return NULL;
	file = mem_alloc(sizeof(*file));
	file->path = mem_string(path);
	slash = strrchr(whole, '/');
	slash[slash == whole] = '\0';
	file->dir = whole;
	tree->files = mem_resize(tree->files, tree->file_count + 1,
				 sizeof(*tree->files));
	tree->files[tree->file_count++] = file;
	return file;
}

static void
free_values(struct confsection *s)
{
	size_t i;

	for (i = 0; i < CONF_OPTION_COUNT; i++)
		confvalue_free(&s->values[i]);
	free(s->title);
}

void
conf_tree_free(struct conf_tree **tree)
{
	struct conf_tree *t = *tree;
	struct confblock *block;
	size_t i;

	*tree = NULL;
	if (!t)
		return;
	free_values(&t->global);
	free_values(&t->defaults);
	for (i = 0; i < t->account_count; i++)
		free_values(t->accounts[i]);
	free(t->accounts);
	while (t->blocks) {
		block = t->blocks;
		t->blocks = block->next;
		free(block);
	}
	for (i = 0; i < t->file_count; i++) {
		free(t->files[i]->path);
		free(t->files[i]->dir);
		free(t->files[i]);
	}
	free(t->files);
	free(t);
}
