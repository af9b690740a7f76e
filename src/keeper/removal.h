/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * DELE for what is recorded as delivered and compared: after each slice of
 * compare.c, and at the end, where QUIT follows.  The DELEs go in steps, the
 * last of them in one flight with QUIT where the server pipelines.  Until QUIT
 * is answered nothing is deleted; a row stays until the server stops listing
 * its uid.
 */
#ifndef KEEPER_REMOVAL_H
#define KEEPER_REMOVAL_H

#include "session/phase.h"

struct removals *removals_new(void);
void removals_free(struct removals **r);

/* Marks an entry to be deleted, once.  row is the id of its row, or 0 for a
 * twin, which has none of its own.  An entry that is odd is never deleted. */
void removal_add(struct session *s, size_t entry, int64_t row);

/* How many were added for which no DELE was given yet. */
size_t removal_waiting(const struct session *s);
/* Notes what is about to be deleted, and orders DELE for all that there is time
 * for; the rest is forgotten, and out of time.  The answers are read by
 * removal_drain or removal_quit. */
int removal_run(struct session *s, struct err *e);
int removal_drain(struct session *s, struct err *e);
/* Reads the answers to all DELEs, sends QUIT unless that would delete what is
 * not delivered (EXPIRE 0), and reads its answer.  Neither a DELE nor a QUIT
 * that is refused ends the session: the DELE counts as a failure of its message
 * (failure.h), of which people hear once, but not in SESSION_DELETE, which
 * tells of each; the QUIT is told.  Counts what is deleted; also notes that
 * QUIT was confirmed, unless a DELE was refused; in SESSION_DELETE only if no
 * session before has left a DELE without that, which would count as confirmed,
 * too. */
int removal_quit(struct session *s, struct err *e);
/* For SESSION_DELETE, where nothing is tried again: says of a message that it
 * is not deleted, and why, which gets that before it; and how many of those
 * that people named are. */
void removal_refuse(struct session *s, size_t entry, struct err *why);
void removal_say_count(struct session *s);
/* The session broke while the answer to a DELE was waited for, or behind the
 * one that was answered last. */
void removal_blame(struct session *s, bool is_answered, const struct err *why);

#endif
