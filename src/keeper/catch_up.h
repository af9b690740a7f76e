/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The phase of --catch-up: records all that is new as delivered, with its
 * header where the server gives it.
 */
#ifndef KEEPER_CATCH_UP_H
#define KEEPER_CATCH_UP_H

#include "session/phase.h"

/* Mail that waits in an account that works has reached nobody yet: unless the
 * account is named, --catch-up is meant for others and leaves it alone (*does),
 * which it says.  In an account that has begun, and failed, it leaves alone
 * what is new (settings.known_only).  In other modes it does nothing. */
int catch_up_leaves_alone(struct session_settings *set, struct store *store,
			  struct link *report, bool *does, struct err *e);
/* When it fails, or is stopped, it has recorded what was complete, and the next
 * run goes on from there. */
int catch_up_run(struct session *s, struct err *e);
/* The session has failed.  Where a second one breaks at the same header, the
 * next run records that message without one. */
void catch_up_blame(struct session *s, const struct err *why);
/* Says what catch_up_run would do. */
int catch_up_look(struct session *s, struct err *e);
/* Records what settings.list has, or says it (with -n); needs no session. */
int catch_up_list(const struct session_settings *set, struct store *store,
		  struct link *report, struct err *e);

#endif
