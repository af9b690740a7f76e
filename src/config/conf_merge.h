/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf*.c only: completes what a section of a configuration leaves open,
 * from the section `defaults`, the options outside of sections, and the
 * defaults of the program, in this order.  The destination (maildir, mbox, mda)
 * and the secret (password, password_file, password_command) are groups: a
 * member in the account hides the whole inherited group.
 */
#ifndef CONFIG_CONF_MERGE_H
#define CONFIG_CONF_MERGE_H

#include <stddef.h>

#include "base/err.h"
#include "config/conf_tree.h"

/* Completes the options outside of sections, but for state_dir. */
int conf_merge_global(const struct conf_tree *t, struct err *e);
/* Completes the account of this number. */
int conf_merge_account(const struct conf_tree *t, size_t number, struct err *e);

#endif
