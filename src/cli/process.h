/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The two processes of an account: a keeper, and the courier that it forks.
 * This is the one place that knows both.
 */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include "config/account.h"
#include "keeper/keeper.h"

/* Runs the keeper in the process that calls it, which then ends.  Takes over
 * the link to the parent.  `settings` and state_dir are the job's; all
 * passwords but the account's are wiped. */
_Noreturn void process_account(struct account *a,
			       const struct session_settings *settings,
			       const char *state_dir, struct link *parent);

#endif
