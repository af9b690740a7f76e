/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The phase that settles what uid and size leave open: whether a message is one
 * that is on record, by the digest of its header.
 *
 * Some servers give another header by TOP than by RETR, or none.  A message
 * that is not a known one by TOP is therefore compared once more when it was
 * retrieved (incoming.c).  A server where that has made a difference is asked
 * for RETR at once, except for rows whose digest is by TOP.  And where the size
 * is another, RETR has to show that a message is the one that it seems to be
 * before it is deleted, or if that one was seen to be gone: one's own copy and
 * that of a mailing list have the same header.
 */
#ifndef KEEPER_COMPARE_H
#define KEEPER_COMPARE_H

#include "session/phase.h"

/* Compares everything in PLAN_COMPARE and in PLAN_DELETE (what matches becomes
 * a removal), and reads the headers of PLAN_LEARN.  In other modes than
 * SESSION_FETCH it does so by TOP alone, and writes nothing.  fetched_some:
 * what was retrieved in this session is on record, and may be compared with. */
int compare_run(struct session *s, bool fetched_some, struct err *e);
/* How many may be new mail, and were not compared? */
size_t compare_left(const struct session *s);
/* May TOP be asked for, as far as is known? */
bool compare_has_top(const struct session *s);
/* Finds the row of a message that came by RETR, with this header and so many
 * octets (header_octets): *row is an index into the rows, or SIZE_MAX. */
int compare_retrieved(struct session *s, size_t entry, const uint8_t *digest,
		      int64_t octets, size_t *row, struct err *e);

#endif
