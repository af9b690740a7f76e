/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is remembered of a server from session to session, so that it need not be asked
 * each time.  Its capabilities, without PIPELINING where that did not work along with a
 * login: of use for this host, port and kind of TLS only, and for a week; any session that
 * fails forgets them.  And that it cannot bear CAPA: for 30 days.  What a line that broke
 * makes suspect is believed when it happens twice in a row; what was lost along with a login,
when the login after it was put off (the first session still had the mailbox), for the next
session.  Facts of the state; `now` is
 * in seconds since 1970.
 */
#ifndef KEEPER_SERVER_MEMORY_H
#define KEEPER_SERVER_MEMORY_H

#include <stdint.h>

#include "base/err.h"
#include "config/account.h"
#include "courier/courier.h"
#include "state/store.h"

/* Fills in go->capa, go->skip_capa and go->serial. */
int server_memory_load(struct store *s, const struct account *a, int64_t now,
		      struct link_go *go, struct err *e);
/* After a session that went well; within a transaction of the caller's. */
int server_memory_note(struct store *s, const struct account *a,
		      const struct link_facts *f, int64_t now, struct err *e);
/* After one that did not (lost_flight: requests_lost_flight); a transaction of its own, none
 * if there is nothing to forget. */
int server_memory_forget(struct store *s, bool lost_flight, int64_t now,
			struct err *e);

#endif
