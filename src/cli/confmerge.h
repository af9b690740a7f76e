/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: an account made of its section, the section `defaults`, the global
 * options, and the defaults of the program, in this order.  The destination (maildir,
 * mbox, mda) and the secret (password, password_file, password_command) are groups: a
 * member in the account hides the whole inherited group.
 */
#ifndef CLI_CONFMERGE_H
#define CLI_CONFMERGE_H

#include "base/err.h"
#include "cli/confparse.h"
#include "fetch/account.h"

/* Fills *a, which is zeroed; account_free it in any case.  Takes strings out of the
 * section: a second account cannot be made of it. */
int confmerge_account(const struct conftree *tree, struct confsection *s,
		      struct account *a, struct err *e);
/* Puts "FILE:LINE: account 'TITLE'" before the error.  Returns -1. */
int confmerge_locate(const struct confsection *s, struct err *e);

#endif
