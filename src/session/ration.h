/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * How many commands a session gets where sessions break off early.
 *
 * A server may end each session after some commands or minutes, and a line may
 * drop every minute.  What such a session has deleted is never carried out,
 * since that is done by QUIT alone.  So when eight sessions in a row broke, the
 * next one ends in order after half as many commands as the longest of them has
 * survived: half of what broke it if it breaks again, a quarter more if not.
 * When one had time for all there was to do, the next has no such limit.
 *
 * Sessions for those messages at which one broke before (failure.h) neither
 * count nor end the row.
 */
#ifndef SESSION_RATION_H
#define SESSION_RATION_H

#include "session/phase.h"

/* How many this session gets; called when there is a listing. */
int ration_recall(struct session *s, struct err *e);
/* From now on the commands count. */
void ration_begin(struct session *s);
/* Was most of it used up, so that not the time has ended the session? */
bool ration_is_used(const struct session *s);
/* The session ends in order: what the next one gets, in the transaction of the
 * caller. */
int ration_note(struct session *s, struct err *e);
/* The session broke off for this reason; or QUIT was not answered, behind
 * deletions that had been tried before.  A failure to note it is passed
 * over. */
void ration_broke(struct session *s, const struct err *why);

#endif
