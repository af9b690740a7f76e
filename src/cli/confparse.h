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

#include "base/digest.h"
#include "base/err.h"
#include "cli/confopt.h"

struct confsection {
	char *title;			/* of an account, else NULL */
	const struct conffile *file;	/* where it ends */
	int line;
	struct confvalue values[CONFOPT_COUNT];
};

struct confblock;

struct conftree {
	struct conffile **files;	/* the first is the one that was asked for */
	size_t file_count;
	struct confsection global, defaults;
	struct confsection **accounts;	/* in order of the files; two may have
					   the same title */
	size_t account_count, account_room;
	struct confblock *blocks;	/* where they are */
	uint8_t identity[DIGEST_SHA256_SIZE];	/* of all files together */
};

struct stat;
/* What tells that a file was changed or replaced: time, size, inode. */
void confparse_add_identity(struct digest *d, const struct stat *st);

/* ERR_CONFIG, "FILE:LINE: ...".  *tree is owned by the caller. */
int confparse_file(struct conftree **tree, const char *path, struct err *e);
void confparse_free(struct conftree **tree);

#endif
