/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: an account made of its section, the section `defaults`, the global
 * options, and the defaults of the program, in this order.  The destination (maildir,
 * mbox, mda) and the secret (password, password_file, password_command) are groups: a
 * member in the account hides the whole inherited group.
 */
#ifndef CONFIG_CONF_MERGE_H
#define CONFIG_CONF_MERGE_H

#include "base/err.h"
#include "config/conf_parse.h"
#include "config/account.h"

/* Fills *a, which is zeroed; account_free it in any case.  Takes strings out of the
 * section: a second account cannot be made of it. */
int conf_merge_account(const struct conf_tree *tree, struct confsection *s,
		      struct account *a, struct err *e);
/* Puts "FILE:LINE: account 'TITLE'" before the error.  Returns -1. */
int conf_merge_locate(const struct confsection *s, struct err *e);

#endif
