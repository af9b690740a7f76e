/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The courier's work once it is logged in: it gives the listing, then carries
 * out the keeper's orders until QUIT (link.h says which answer belongs to
 * which).
 *
 * With pipelining, up to ORDERS_WINDOW commands are on their way at once (none
 * after QUIT); without it, exactly one.  Replies come in the order of the
 * commands (RFC 2449 section 6.6).  A session without orders is kept alive by
 * NOOP.
 */
#ifndef COURIER_ORDERS_H
#define COURIER_ORDERS_H

#include <stdbool.h>

#include "base/err.h"
#include "link/link.h"
#include "pop3/pop3.h"

enum {
	ORDERS_WINDOW = 256,
	/* RFC 1939 section 3 lets a server close after ten minutes; many
	 * do so after two or three */
	ORDERS_NOOP_MS = 60 * 1000
};

struct orders_settings {
	bool pipelining;
	bool wants_sizes; /* LIST together with UIDL */
	bool asked;	  /* orders_ask was called before, right after AUTH */
};

/* Queues STAT, UIDL and perhaps LIST, for a server that pipelines. */
int orders_ask(struct pop3 *p, bool wants_sizes, struct err *e);

/* Returns 0 when QUIT was answered or the keeper closed the link; everything
 * else is an error, after which the connection may only be dropped. */
int orders_run(struct pop3 *p, struct link *l,
	       const struct orders_settings *settings, struct err *e);

#endif
