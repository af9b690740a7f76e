/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: a configuration file and what it includes, parsed by libconfuse
 * into sections of checked values.  Knows no defaults and no accounts.
 *
 * libconfuse has no place for a caller's pointer, so one parse at a time.
 */
#ifndef CLI_CONFPARSE_H
#define CLI_CONFPARSE_H

#include "base/err.h"
#include "cli/conftree.h"

/* ERR_CONFIG, "FILE:LINE: ...".  *tree is owned by the caller, who
 * calls conftree_free. */
int confparse_file(struct conftree **tree, const char *path, struct err *e);

#endif
