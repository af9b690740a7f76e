/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The log that the configuration names, for a run. */
#include "config.h"

#include "cli/logfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "sys/fs.h"

int
logfile_open(const char *target, struct err *e)
{
	char *why;
	int error;

	if (log_open(target, e) == 0)
		return 0;
	error = e->sys;
	why = fs_obstacle(target);
	err_set(e, ERR_CREATE,
		"cannot open log '%s': %s; mend that or change the option "
		"'log', no mail is fetched without it",
		target, why ? why : strerror(error));
	e->sys = error;
	free(why);
	return -1;
}
