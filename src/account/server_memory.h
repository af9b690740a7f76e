/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What is remembered of a server from session to session, so that what it can
 * do need not be asked, and what it cannot bear need not be tried, each time.
 * All of it is of use for one host, port and kind of TLS only.
 *
 * - That it has greeted us: for good, as long as nothing of another server is
 *   noted.
 * - Its capabilities, for a week.  Any session that fails forgets them.
 * - That it does not bear commands that come along with a login.  A server that
 *   throws them away never will.  Where the line broke, or login or STAT was
 *   refused, this has to happen twice in a row, or once if the second login was
 *   put off, and is believed for a week.
 * - That it cannot bear CAPA.  This has to happen twice in a row, and is
 *   believed for 30 days.
 * - Which ways to log in it does not understand, for 30 days.
 *
 * It is kept in facts of the state; `now` is in seconds since 1970.
 */
#ifndef ACCOUNT_SERVER_MEMORY_H
#define ACCOUNT_SERVER_MEMORY_H

#include <stdint.h>

#include "base/err.h"
#include "link/facts.h"
#include "link/server.h"
#include "state/store.h"

/* *same: what is remembered is of this server. */
int server_memory_is_of(struct store *s, const struct server *server,
			bool *same, struct err *e);
/* Makes it so, within a transaction: what was learned of another server does
 * not hold for this one, and is forgotten. */
int server_memory_turn_to(struct store *s, const struct server *server,
			  struct err *e);
/* Fills in go->was_greeted, go->knows_capa, go->capa, go->no_capa, go->plain
 * and go->login. */
int server_memory_load(struct store *s, const struct server *server,
		       int64_t now, struct facts_go *go, struct err *e);
/* Notes what a session that went well has shown, within a transaction of the
 * caller's. */
int server_memory_note(struct store *s, const struct server *server,
		       const struct facts *f, int64_t now, struct err *e);
/* Notes what a login has shown, whether it went well or not (facts_go.login);
 * in a transaction of its own. */
int server_memory_note_login(struct store *s, const struct server *server,
			     int64_t login, int64_t now, struct err *e);
/* Call it after a session that failed.  It has a transaction of its own, or
 * none if there is nothing to forget.  `flight` is what LINK_ERROR says. */
int server_memory_forget(struct store *s, const struct server *server,
			 enum facts_flight flight, int64_t now, struct err *e);

#endif
