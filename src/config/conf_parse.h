/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: a configuration file and what it includes, parsed by libconfuse
 * into sections of checked values.  Knows no defaults and no accounts.
 *
 * libconfuse has no place for a caller's pointer, so one parse at a time.
 */
#ifndef CONFIG_CONF_PARSE_H
#define CONFIG_CONF_PARSE_H

#include "base/err.h"
#include "config/conf_tree.h"

/* ERR_CONFIG, "FILE:LINE: ...".  *tree is owned by the caller, who
 * calls conf_tree_free. */
int conf_parse_file(struct conf_tree **tree, const char *path, struct err *e);

#endif
