/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf*.c only: a configuration file and what it includes, parsed by
 * libconfuse and checked.  It knows no defaults.
 *
 * libconfuse has no place for a caller's pointer, so there is one parse at a
 * time.
 */
#ifndef CONFIG_CONF_PARSE_H
#define CONFIG_CONF_PARSE_H

#include "base/err.h"
#include "config/conf_tree.h"

/* Reads the file t->conf->path: the values go into t->conf, and where they
 * stand into *t, which is new.  ERR_CONFIG, "FILE:LINE: ...". */
int conf_parse_file(struct conf_tree *t, struct err *e);

#endif
