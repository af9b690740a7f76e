/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf*.c only: where the values of a configuration stand, and the texts of
 * those that accounts inherit.  The values themselves are in struct conf.
 */
#ifndef CONFIG_CONF_TREE_H
#define CONFIG_CONF_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "config/conf.h"
#include "config/conf_option.h"
#include "config/conf_text.h"

/* A file that was read. */
struct conf_file {
	char *path;
	char *dir; /* absolute; relative paths start here */
	struct conf_text text;
};

struct conf_value {
	const struct conf_file *file; /* NULL: the option is not there */
	int line;
	/* Owned.  There are none in the section of an account, since nobody
	 * inherits from it. */
	int count;
	char **texts;
};

struct conf_section {
	const struct conf_file *file; /* where it ends */
	int line;
	struct conf_value values[CONF_OPTION_MAX]; /* by row of the table */
};

/* A new tree is all zero but for `conf`. */
struct conf_tree {
	struct conf *conf;	  /* borrowed */
	struct conf_file **files; /* the first is the one asked for */
	size_t file_count;
	struct conf_section global, defaults;
	struct conf_section *accounts; /* as many as conf has, in its order */
	size_t room;		       /* of both */
	uint8_t identity[DIGEST_SHA256_SIZE]; /* of all files together */
};

/* Frees what the tree holds, but not the tree.  Wipes secrets. */
void conf_tree_free(struct conf_tree *t);
/* Adds an account at the end; returns its section, which is valid until the
 * next one is added. */
struct conf_section *conf_tree_add_account(struct conf_tree *t,
					   const char *title);
/* Adds a file, with its name as given and the directory that it lies in.  NULL
 * with *e set when the path cannot be expanded. */
struct conf_file *conf_tree_add_file(struct conf_tree *t, const char *path,
				     struct err *e);
/* Puts "FILE:LINE: account 'TITLE'" before the error: file and line are those
 * of the value or, if it is NULL, of the section of this account.  Returns
 * -1. */
int conf_tree_locate(const struct conf_tree *t, size_t account,
		     const struct conf_value *v, struct err *e);

#endif
