/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Messages without uid at which sessions broke, or which the server refused:
 * failure.h counts them here.
 *
 * They have no row that could be found again.  Their numbers and sizes are kept
 * in a fact: a number becomes smaller as messages before it are deleted, and
 * while two of one size are there, the one that is listed last is taken.
 */
#ifndef SESSION_UNNAMED_H
#define SESSION_UNNAMED_H

#include "session/phase.h"

/* Marks the listed ones at which two sessions broke with MAILBOX_BROKE, those
 * that were refused with MAILBOX_WAS_REFUSED, and those whose next try is not
 * due with MAILBOX_TRIED; forgets what is not listed. */
int unnamed_recall(struct session *s, struct err *e);
/* How often has it failed in a row? */
unsigned unnamed_attempts(const struct session *s, size_t entry);
/* It has failed once more, in a session that broke or not; more than 64 such
 * messages are not kept in mind. */
int unnamed_note(struct session *s, size_t entry, int64_t next_try, bool broke,
		 struct err *e);
/* The session has ended in order: those that have come are forgotten, and the
 * others have the numbers of the next listing. */
int unnamed_settle(struct session *s, struct err *e);

#endif
