/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For retrieve.c: which messages are asked for, how many at once, and in which
 * groups (retrieve.h).
 */
#ifndef KEEPER_ASKING_H
#define KEEPER_ASKING_H

#include "keeper/retrieve.h"

/* Is it to be fetched, not asked for yet, and is it its turn? */
bool asking_wants(const struct session *s, size_t entry);
/* Its size as listed; 0: not known. */
uint64_t asking_bytes(const struct retrieve *r, size_t entry);
/* To be called once, before anything is asked for: where is it to begin? */
int asking_recall(struct retrieve *r, struct err *e);
/* A program may postpone all that are tried, and take others all the same, as
 * when it says so for one recipient of many: the next run begins behind
 * those. */
int asking_note(const struct retrieve *r, struct err *e);
/* Begins with the first message, once more. */
void asking_begin(struct retrieve *r);
/* Asks for as many as there is credit for.  r->is_alone: the next one waits
 * until all before it is handed over. */
int asking_more(struct retrieve *r, struct err *e);
/* Is no more to be asked for? */
bool asking_is_over(const struct retrieve *r);
/* Is all that came before handed over, and known to be in lockstep? */
bool asking_is_clean(const struct retrieve *r);

#endif
