/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The password of an account, where the parent has to find it: password_file,
 * ~/.netrc, or a question on the terminal.  password_command is not run here:
 * the courier does that.
 */
#ifndef CLI_PASSWORD_H
#define CLI_PASSWORD_H

#include "base/err.h"
#include "cli/progress.h"
#include "config/account.h"

/* Fills in a->courier.password, unless it is there already or password_command
 * will tell it.  ERR_CONFIG when there is none and nobody to ask. */
int password_find(struct account *a, struct progress *p, struct err *e);

#endif
