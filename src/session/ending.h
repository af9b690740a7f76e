/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * How far a session came that a stop request, or the time, has ended before its
 * work was done.
 */
#ifndef SESSION_ENDING_H
#define SESSION_ENDING_H

#include "session/phase.h"

/* Fills *e: why, and what was done of all that was to be (progress.
 * messages_total). */
void ending_say(const struct session *s, enum err_kind kind, const char *why,
		struct err *e);
/* Has a stop request, or the time, left work undone of which people hear at
 * once?  Then *e says so. */
bool ending_is_early(const struct session *s, struct err *e);

#endif
