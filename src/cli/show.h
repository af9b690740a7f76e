/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * How people see what an account's keeper reports: lines, bars, errors, lines
 * of the delivery log; and the exit status that results.
 *
 * With -vv the account's user name and the name of its state are shown as "***"
 * in each line, so that all of it can be shown to others.  The delivery log is
 * not changed.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/progress.h"
#include "cli/shard.h"
#include "config/account.h"
#include "link/report.h"

struct show {
	struct progress *progress;
	int verbosity;	  /* -1: -q, 0, 1: -v, 2: -vv */
	bool on_terminal; /* standard output is one */
	bool asks;	  /* a question comes behind the messages shown */
	int status;	  /* worst exit status so far */
	bool has_trouble; /* --status: no mail comes to some account */
	uint64_t new_messages;
};

/* Lines go to standard output.  Bars are drawn on standard error where it is a
 * terminal: with -v at once, without it when the run has lasted a second; else
 * with -v on standard output.  `answers`: standard output gets lines even
 * without -v.  If it is a pipe then, whoever reads it may show them on the same
 * terminal, and there are no bars. */
void show_open(struct show *s, int verbosity, bool answers);
void show_close(struct show *s);
/* Are delivered messages called by sender and subject?  On a terminal alone,
 * with -v, and not with -vv, which is passed on to others. */
bool show_has_captions(const struct show *s);
/* How wide is a line of a table at most?  80, or as the terminal if that has
 * less. */
size_t show_columns(const struct show *s);

/* Shows an error of an account (NULL: of the program) as "popfetch: NAME:
 * TEXT"; its status counts. */
void show_error(struct show *s, const struct account *a, const struct err *e);

/* Shows what was asked for, as "NAME: TEXT", unless -q. */
void show_answer(struct show *s, const struct account *a, const char *text);
/* As show_error for a keeper that has ended without a result, with this status
 * as of wait(2); at_once: the user wanted that. */
void show_early_end(struct show *s, const struct account *a, int status,
		    bool at_once);
/* Says to those who look that the run has nothing to do: in this file no
 * account is enabled, or none is in the shard (whose count is 0 if there is
 * none). */
void show_no_account(struct show *s, const char *path,
		     const struct shard *shard);

/* Shows one record of a keeper; `slot` is its bar, and `link` gets the answer
 * to a question.  *ended is set at its REPORT_RESULT, and *result is what it
 * says. */
void show_record(struct show *s, size_t slot, const struct account *a,
		 struct link *link, const struct link_record *r, bool *ended,
		 struct report_result *result);

#endif
