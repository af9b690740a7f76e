/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One session of the keeper with the server, through the courier: listing and plan,
 * retrieval into the batch, comparison of what is unclear, deletion, QUIT.
 *
 * Nothing here reads a byte that the courier has not checked, and nothing is deleted that
 * the batch has not reported as recorded (this session), or whose header was not
 * compared with the recorded one (earlier sessions).
 */
#ifndef KEEPER_SESSION_H
#define KEEPER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "commit/batch.h"
#include "keeper/settings.h"
#include "link/link.h"
#include "link/report.h"
#include "link/server.h"
#include "state/store.h"

enum session_mode {
	SESSION_FETCH,
	SESSION_DRY_RUN,	/* say what would be done */
	SESSION_CHECK,		/* count what is new */
	SESSION_CATCH_UP,	/* record all as delivered */
	SESSION_CATCH_UP_DRY_RUN
};

struct uidlist;

struct session_settings {
	const struct server *server;
	const struct keeper_settings *keeper;
	enum session_mode mode;
	bool all;		/* fetch also what was fetched before */
	bool ignore_backoff;	/* the account was named by the user */
	bool known_only;	/* SESSION_CATCH_UP: what is on record, nothing
				   that is new */
	const struct uidlist *list;	/* SESSION_CATCH_UP: record these, without a
				   session; or NULL */
	bool trace;
	struct batch_limits limits;
};

/*
 * Runs it.  `target` is where mail goes (only SESSION_FETCH opens it, before the
 * courier gets its GO).  Counts go to *result as far as it came.  Fails with the first
 * error that ended the session, or else with the first one that concerned a message
 * (ERR_MESSAGE) or the account's later (ERR_LATER) while the session went on to its end.
 * Unless e->told (an error of a message; a full disk) the caller tells the user.  It says
 * nothing after success.
 */
int session_run(const struct session_settings *set, struct store *store,
		const struct deliver_target *target, struct link *courier,
		struct link *report, struct report_result *result,
		struct err *e);

#endif
