/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a keeper and its session are to do: plain data.
 */
#ifndef SESSION_SETTINGS_H
#define SESSION_SETTINGS_H

#include <stdbool.h>

#include "account/settings.h"
#include "commit/batch.h"
#include "deliver/deliver.h"
#include "link/server.h"
#include "state/plan.h"

/* What an account wants of its keeper; owned by the account. */
struct keeper_settings {
	struct deliver_target target; /* without state_id, spool and note, which
					 the keeper adds */
	struct plan_rules rules;      /* without what only a run knows */
	bool received_header;
	struct account_settings account;
};

enum session_mode {
	SESSION_FETCH,
	SESSION_DRY_RUN,  /* say what would be done */
	SESSION_CHECK,	  /* count what is new */
	SESSION_CATCH_UP, /* record all as delivered */
	SESSION_CATCH_UP_DRY_RUN,
	SESSION_LIST,  /* show all messages */
	SESSION_SKIP,  /* record those of `chosen` as skipped */
	SESSION_DELETE /* delete those of `chosen` on the server */
};

struct chosen;
struct uidlist;

/* What a run wants. */
struct session_settings {
	const struct server *server;
	const struct keeper_settings *keeper;
	enum session_mode mode;
	bool all;	     /* fetch also what was fetched before */
	bool ignore_backoff; /* the user has named the account */
	/* --catch-up, with -n too: record only what has a row, nothing new */
	bool known_only;
	/* --catch-up, with -n too: record these, without a session; or NULL */
	const struct uidlist *list;
	struct chosen *chosen; /* what --uid names, or NULL; borrowed */
	bool yes;	       /* delete without a question */
	/* fetch only messages at which a session broke before */
	bool broken_only;
	/* The run before was ended while messages were handed over, and some
	 * of these were not delivered. */
	bool was_interrupted, has_undelivered;
	int64_t run_began;	 /* seconds since 1970 */
	uint64_t fetched_before; /* by the session of this run before that */
	bool trace;
	bool wants_captions; /* a person at a terminal looks: captions.h */
	struct batch_limits limits;
};

#endif
