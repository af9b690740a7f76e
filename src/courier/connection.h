/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For the courier only: gets from the address of a server to an open mailbox.
 *
 * Login and listing go in one flight to a server that pipelines (RFC 2449
 * section 6.6), and a server that is known is not asked for CAPA.  When the
 * attempt fails, and this may be why, a second one is made plainly: nothing is
 * taken for known, commands go one at a time, and CAPA is left out if the first
 * attempt hung on it.  That second attempt is also the one for another way to
 * log in, where the first has closed the connection (login.h).  A refusal that
 * gives its reason in a response code is final.
 */
#ifndef COURIER_CONNECTION_H
#define COURIER_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "courier/courier.h"
#include "courier/login.h"
#include "link/facts.h"
#include "pop3/pop3.h"

struct connection {
	/* set by the caller, borrowed */
	const struct server *server;
	const struct courier_settings *set;
	const struct facts_go *go;
	struct link *link; /* gets notes, traces and phases */
	const struct secret *secret;
	int64_t end; /* of the session, clock_ms */

	/* set by connection_open */
	struct pop3 *pop3; /* the caller frees it */
	bool encrypted;
	bool plain; /* one command at a time */
	bool asked; /* STAT, UIDL and perhaps LIST were sent */
	bool capa_asked, capa_broke;
	enum facts_flight flight;

	/* used by connection.c and door.c alone */
	bool greeted, may_be_clear;
	bool is_probed;	 /* the port was asked whether it speaks TLS */
	bool again;	 /* this is the second attempt */
	bool wants_line; /* another way to log in needs another connection */
	struct login login;
};

/* The caller zeroes all members that it does not set.  `flight` is
 * FACTS_FLIGHT_UNHEARD, even after an error, where the login succeeded and what
 * was sent along with it was thrown away.  LINK_LOGIN is sent where another
 * way to log in should be remembered than go->login says. */
int connection_open(struct connection *c, struct err *e);

#endif
