/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The configuration file: read, checked, and turned into accounts (libconfuse).
 *
 * Every error is one line with file and line number (and account and option
 * where there are some), of kind ERR_CONFIG.  A file with a password in it,
 * included or not, is refused when group or others may read it.
 */
#ifndef CONFIG_CONF_H
#define CONFIG_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "config/account.h"

struct names;

struct conf {
	char *path; /* the file that was read */
	unsigned jobs;
	char *state_dir;	  /* absolute */
	char *log;		  /* NULL, "syslog", or absolute path */
	struct account *accounts; /* in order of the file */
	size_t count;
	struct names *names; /* of the accounts; NULL after conf_keep_only */
};

/* Finds the file in its default place: $XDG_CONFIG_HOME/popfetch/popfetch.conf
 * (~/.config), else ~/.popfetchrc.  *path is owned by the caller; ERR_CONFIG
 * naming both when neither exists. */
int conf_find(char **path, struct err *e);
int conf_read(struct conf **c, const char *path, struct err *e);
void conf_free(struct conf **c);
/* Frees all accounts but those with is_kept[index] (count entries), which move
 * together: pointers to accounts become invalid, and names are no longer known.
 * The larger the parent, the more each of its forks costs. */
void conf_keep_only(struct conf *c, const bool is_kept[]);
/* The account with this title, or NULL.  Not after conf_keep_only. */
struct account *conf_account(const struct conf *c, const char *name);

#endif
