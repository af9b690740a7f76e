/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: what a configuration says, as sections of checked values, and the
 * files that it stands in.  It owns all of them.  A zeroed one is empty.
 */
#ifndef CONFIG_CONF_TREE_H
#define CONFIG_CONF_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "config/conf_option.h"

struct confsection {
	char *title;			/* of an account, else NULL */
	const struct conffile *file;	/* where it ends */
	int line;
	struct confvalue values[CONF_OPTION_COUNT];
};

struct confblock;

struct conf_tree {
	struct conffile **files;	/* the first is the one that was asked for */
	size_t file_count;
	struct confsection global, defaults;
	struct confsection **accounts;	/* in order of the files; two may have
					   the same title */
	size_t account_count, account_room;
	struct confblock *blocks;	/* where they are */
	uint8_t identity[DIGEST_SHA256_SIZE];	/* of all files together */
};

/* A new section, the last; it stays where it is until the tree is freed. */
struct confsection *conf_tree_add_account(struct conf_tree *t, const char *title);
/* Another file; its name as given, and the directory that it lies in.  NULL with *e
 * set when the path cannot be expanded. */
struct conffile *conf_tree_add_file(struct conf_tree *t, const char *path,
				   struct err *e);
/* Wipes secrets.  Accepts NULL. */
void conf_tree_free(struct conf_tree **tree);

#endif
