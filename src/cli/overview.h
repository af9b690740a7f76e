/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * --status: a table of accounts, and with -v what is set aside in each.
 */
#ifndef CLI_OVERVIEW_H
#define CLI_OVERVIEW_H

#include <stddef.h>

#include "cli/show.h"
#include "config/account.h"

/* Prints one line for each account, under a heading, to standard output; errors
 * as show_error does. */
void overview_print(struct show *s, struct account *const accounts[],
		    size_t count, const char *state_dir);

#endif
