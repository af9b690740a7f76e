/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is remembered of a server from session to session, so that it need not
 * be asked, or run against, each time.  All of it is of use for this host, port
 * and kind of TLS only.
 *
 * - Its capabilities: for a week; any session that fails forgets them.
 * - That it does not bear what comes along with a login.  One that throws it
 *   away never will; where the line broke, or the login was refused, that has
 *   to happen twice in a row, and is believed for a week.
 * - That it cannot bear CAPA: twice in a row, for 30 days.
 *
 * Facts of the state; `now` is in seconds since 1970.
 */
#ifndef ACCOUNT_SERVER_MEMORY_H
#define ACCOUNT_SERVER_MEMORY_H

#include <stdint.h>

#include "base/err.h"
#include "link/facts.h"
#include "link/server.h"
#include "state/store.h"

/* Fills in go->knows_capa, go->capa, go->no_capa and go->plain. */
int server_memory_load(struct store *s, const struct server *server,
		       int64_t now, struct facts_go *go, struct err *e);
/* After a session that went well; within a transaction of the caller's. */
int server_memory_note(struct store *s, const struct server *server,
		       const struct facts *f, int64_t now, struct err *e);
/* After one that did not; a transaction of its own, none if there is nothing to
 * forget.  `flight`: as LINK_ERROR says. */
int server_memory_forget(struct store *s, const struct server *server,
			 enum facts_flight flight, int64_t now, struct err *e);

#endif
