/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The courier: the process of an account that talks to the server.  It resolves,
 * connects, does TLS, POP3 and the login, and decodes messages; it holds the password
 * and no file but its socket and the link.  It takes orders from the keeper (link.h)
 * and carries them out in order, as many at a time as the server allows.
 *
 * It decides nothing about mail: what to fetch and what to delete is the keeper's.
 * Every fault, and the end of the link, makes it drop the connection without QUIT, so
 * that the server deletes nothing.
 */
#ifndef COURIER_COURIER_H
#define COURIER_COURIER_H

#include <stdbool.h>

#include "config/account.h"
#include "link/link.h"
#include "pop3/capa.h"

/* Payload of LINK_GO: what the state knows of this server. */
struct link_go {
	bool skip_capa;		/* it closes or hangs on CAPA */
	struct capa capa;	/* if known: what it said of itself to one logged
				   in, in a session that went well; so it is
				   not asked */
	bool serial;		/* nothing along with the login: it was lost */
	bool wants_sizes;	/* LIST along with UIDL */
	bool trace;		/* send LINK_TRACE */
};

/* Payload of LINK_FACTS: what this session has shown. */
struct link_facts {
	struct capa capa;	/* after login; no PIPELINING where that did not
				   work along with the login */
	bool encrypted;
	bool capa_failed;	/* CAPA made the server close or hang */
	bool capa_asked;	/* it comes from the server, not from LINK_GO */
	bool flight_failed;	/* the line broke when listing went along with
				   the login */
};

/* The body of the process: returns when the session is over, for whatever reason;
 * takes the link, and wipes the account's password.  The caller then ends the
 * process. */
void courier_run(struct account *a, struct link **link);

#endif
