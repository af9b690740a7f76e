/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a session that fetches notes of its mailbox before QUIT: sizes and ages
 * that have changed, what is gone or back, and what the next run is to know.
 */
#ifndef KEEPER_NOTES_H
#define KEEPER_NOTES_H

#include "session/phase.h"

/* saw_contents: retrieve_saw_contents. */
int notes_save(struct session *s, bool saw_contents, struct err *e);
/* Call it after a session that has failed: what a listing tells of messages
 * that are gone is true however the session ended. */
void notes_save_absences(struct session *s, bool saw_contents);

#endif
