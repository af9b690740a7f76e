/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A run: the accounts that are wanted, side by side, each in a keeper process
 * of its own.
 *
 * The parent reads the configuration, asks for passwords that are missing,
 * starts up to `jobs` keepers, shows what they report, and ends with the worst
 * exit status.  A first INT, TERM or HUP lets the keepers finish what is
 * complete; a second ends all at once, which is as safe.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stddef.h>

#include "cli/shard.h"
#include "keeper/session.h"

enum run_action {
	RUN_SESSIONS, /* as `mode` says */
	RUN_STATUS,   /* --status */
	RUN_RETRY     /* --retry: forget back-offs */
};

struct run_options {
	enum run_action action;
	const char *conf_path; /* -c, or NULL */
	int verbosity;	       /* -1: -q; 0; 1: -v; 2: -vv */
	unsigned jobs;	       /* -j, or 0 */
	enum session_mode mode;
	bool all;		  /* -a */
	struct chosen *chosen;	  /* --uid, or NULL */
	bool yes;		  /* --yes */
	const char *list;	  /* the file of --catch-up=FILE, or NULL */
	const char *const *names; /* accounts; none: all that are enabled */
	size_t name_count;
	struct shard shard; /* a part of these accounts */
};

/* Returns the exit status. */
int run(const struct run_options *options);

#endif
