/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people see of the reports of an account's keeper: lines, bars, errors,
 * lines of the delivery log; and the exit status that comes of it.
 *
 * With -vv the account's user name and the name of its state come as "***" in
 * each line, so that all of it can be shown to others.  The delivery log is not
 * changed.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/progress.h"
#include "config/account.h"
#include "link/report.h"

struct show {
	struct progress *progress;
	int verbosity;	  /* -1: -q, 0, 1: -v, 2: -vv */
	bool on_terminal; /* standard output is one */
	int status;	  /* worst exit status so far */
	uint64_t new_messages;
};

/* Standard output, bars where it is a terminal and -v was given. */
void show_open(struct show *s, int verbosity);
void show_close(struct show *s);

/* An error of an account (NULL: of the program): "popfetch: NAME: TEXT", and
 * its status counts. */
void show_error(struct show *s, const struct account *a, const struct err *e);

/* One record of a keeper; `slot` is its bar.  *ended is set at its
 * REPORT_RESULT. */
void show_record(struct show *s, size_t slot, const struct account *a,
		 const struct link_record *r, bool *ended);

#endif
