/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the courier only: from the address of a server to a mailbox that is open.
 *
 * Login and listing go in one flight to a server that pipelines (RFC 2449
 * section 6.6), without CAPA to one that is known.  When that fails, and may be
 * why, the server is connected to once more, plainly: nothing is taken for
 * known, one command at a time, and without CAPA if that is what it hung on.  A
 * refusal with its reason in a response code is never asked for twice.
 */
#ifndef COURIER_CONNECTION_H
#define COURIER_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "courier/courier.h"
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

	/* its own */
	bool greeted, may_be_clear;
};

/* All but what the caller sets is zeroed.  After an error too, `flight` is
 * FACTS_FLIGHT_UNHEARD where what came along with a good login was thrown
 * away. */
int connection_open(struct connection *c, struct err *e);

#endif
