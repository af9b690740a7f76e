/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: a configuration file and what it includes, parsed by libconfuse
 * into sections of checked values.  Knows no defaults and no accounts.
 *
 * libconfuse has no place for a caller's pointer, so one parse at a time.
 */
#ifndef CLI_CONFPARSE_H
#define CLI_CONFPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/confopt.h"

struct confsection {
	char *title;			/* of an account, else NULL */
	const struct conffile *file;	/* where it ends */
	int line;
	struct confvalue values[CONFOPT_COUNT];
};

struct conftree {
	struct conffile **files;	/* the first is the one that was asked for */
	size_t file_count;
	struct confsection global, defaults;
	struct confsection **accounts;	/* in order of the files */
	size_t account_count;
};

struct stat;
/* When the file was changed, in nanoseconds. */
int64_t confparse_mtime(const struct stat *st);

/* ERR_CONFIG, "FILE:LINE: ...".  *tree is owned by the caller. */
int confparse_file(struct conftree **tree, const char *path, struct err *e);
void confparse_free(struct conftree **tree);

#endif
