/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What people do with single messages: --list shows what the server has, --skip
 * and --delete are about those that --uid names.  All of them need uids
 * (ERR_UNAVAILABLE); one that is named and not listed is ERR_USAGE, before
 * anything is done.
 *
 * A message at which a session broke is asked for its header no more, so that
 * something can be done about it.
 */
#ifndef KEEPER_VERB_H
#define KEEPER_VERB_H

#include "session/phase.h"

/* SESSION_LIST: shows all messages, and what becomes of each.
 * SESSION_SKIP: records those that are named as skipped, so that they are
 * neither fetched nor deleted, unless they have been delivered already.
 * SESSION_DELETE: shows them, asks unless settings.yes, compares the header
 * with the one that was shown, and orders DELE.  The caller says QUIT, which
 * carries it out. */
int verb_run(struct session *s, struct err *e);
/* The session broke: counts that against the message that was waited for. */
void verb_blame(struct session *s, const struct err *why);

#endif
