/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * One session of the keeper with the server, through the courier: listing and
 * plan, retrieval into the batch, comparison of what is unclear, deletion,
 * QUIT.
 *
 * Nothing here reads a byte that the courier has not checked, and nothing is
 * deleted that the batch has not reported as recorded (this session), or whose
 * header was not compared with the recorded one (earlier sessions).
 */
#ifndef KEEPER_SESSION_H
#define KEEPER_SESSION_H

#include "base/err.h"
#include "link/link.h"
#include "link/report.h"
#include "session/settings.h"
#include "state/store.h"

/*
 * Runs a session.  `target` is where mail goes; only SESSION_FETCH opens it,
 * before the courier gets its GO.  Counts go to *result, also those of a
 * session that fails.  It fails with the error that ended the session; or, when
 * the session went on to its end, with what kept it from more (ERR_TROUBLE: the
 * server gives no more; ERR_LATER: LOGIN-DELAY, or no UIDL), or else with the
 * first error on the way (ERR_MESSAGE and others), or else with ERR_NETWORK if
 * session_timeout was over before all had come or were looked at.  The caller
 * tells people of it unless e->told; after success there is nothing to tell.
 */
int session_run(const struct session_settings *set, struct store *store,
		const struct deliver_target *target, struct link *courier,
		struct link *report, struct report_result *result,
		struct err *e);

#endif
