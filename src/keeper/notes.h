/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a session that fetches notes of its mailbox before QUIT: sizes and ages
 * that are others now, what is gone or back, and what the next run is to know.
 */
#ifndef KEEPER_NOTES_H
#define KEEPER_NOTES_H

#include "session/phase.h"

/* saw_contents: retrieve_saw_contents. */
int notes_save(struct session *s, bool saw_contents, struct err *e);
/* Of a session that has failed: what a listing tells of messages that are gone
 * is true however it ended. */
void notes_save_absences(struct session *s, bool saw_contents);

#endif
