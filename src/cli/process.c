/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/process.h"

#include <unistd.h>

#include "base/secret.h"
#include "courier/courier.h"
#include "sys/proc.h"

_Noreturn static void
be_courier(struct account *a, struct link *keeper)
{
	int keep[2] = { link_input(keeper), link_output(keeper) };

	proc_signals(PROC_DEAF);
	proc_close_others(keep, 2);
	courier_run(&a->server, &a->courier, &keeper);
	_exit(0);
}

/* keeper_run calls it as its job's start_courier, before it has opened anything
 * that the courier would inherit. */
static int
start_courier(void *arg, struct link **courier, pid_t *pid, struct err *e)
{
	struct account *a = arg;
	struct link *theirs;

	if (link_pair(&theirs, courier, true, e) != 0)
		return -1;
	*pid = proc_fork(e);
	if (*pid == 0) {
		link_free(courier);
		be_courier(a, theirs);
	}
	link_free(&theirs);
	secret_free(&a->courier.password);
	return *pid < 0 ? -1 : 0;
}

_Noreturn void
process_account(struct account *a, const struct session_settings *settings,
		const char *state_dir, struct link *parent)
{
	int keep[2] = { link_input(parent), link_output(parent) };
	struct keeper_job job = {
		.start_courier = start_courier,
		.arg = a,
		.state_dir = state_dir,
		.settings = *settings,
	};

	proc_close_others(keep, 2);
	secret_keep_only(&a->courier.password);
	job.settings.server = &a->server;
	job.settings.keeper = &a->keeper;
	keeper_run(&job, &parent);
	_exit(0);
}
