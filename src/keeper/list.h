/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The first phase: what the server lists, and what is to be done with it.
 */
#ifndef KEEPER_LIST_H
#define KEEPER_LIST_H

#include "session/phase.h"

/* Gives the courier its GO, reads the listing and the sizes that the plan
 * needs, and decides the plan: sets what struct session has from list.c.
 * ERR_LATER when UIDL is refused by a server that has it, ERR_UNAVAILABLE when
 * nothing can work without it. */
int list_run(struct session *s, struct err *e);

/* Notes what the next run is to know of the clock, of UIDL and of TOP; within a
 * transaction. */
int list_note_facts(struct session *s, struct err *e);
/* Names each message beyond max_size, once in its life; of those without uid it
 * says how many there are, when they become more. */
int list_name_large(struct session *s, struct err *e);

#endif
