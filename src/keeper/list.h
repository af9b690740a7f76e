/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first phase: what the server lists, and what is to be done with it.
 */
#ifndef KEEPER_LIST_H
#define KEEPER_LIST_H

#include "session/phase.h"

/* The courier's GO, the listing, the sizes that the plan needs, and the plan:
 * sets what struct session has from here.  ERR_LATER when UIDL is refused by a
 * server that has it, ERR_UNAVAILABLE when nothing can work without it. */
int list_run(struct session *s, struct err *e);

/* What the next run is to know of the clock, of UIDL and of TOP; within a
 * transaction. */
int list_note_facts(struct session *s, struct err *e);
/* Each message beyond max_size is named once in its life. */
int list_name_large(struct session *s, struct err *e);

#endif
