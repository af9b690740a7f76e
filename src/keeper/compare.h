/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase that settles what uid and size leave open: whether a message is one
 * that is on record, by the digest of its header.
 *
 * Some servers give another header by TOP than by RETR, or none.  What TOP
 * shows to be no known message is therefore compared once more when it was
 * retrieved (incoming.c); from a server where that has happened RETR is asked
 * for at once, but for rows whose digest is by TOP.  And RETR has to show that
 * a message of another size is the one that it seems to be, before it is
 * deleted or where it was seen to be gone: of somebody's copy and that of a
 * mailing list the header is the same.
 */
#ifndef KEEPER_COMPARE_H
#define KEEPER_COMPARE_H

#include "session/phase.h"

/* For everything in PLAN_COMPARE, and in PLAN_DELETE (what matches becomes a
 * removal), and the headers of PLAN_LEARN.  Without SESSION_FETCH by TOP alone,
 * and nothing is written.  fetched_some: what was retrieved in this session is
 * on record, and may be compared with. */
int compare_run(struct session *s, bool fetched_some, struct err *e);
/* May TOP be asked for, as far as is known? */
bool compare_has_top(const struct session *s);
/* What came by RETR, with this header and so many octets (header_octets): *row
 * is an index into the rows, or SIZE_MAX. */
int compare_retrieved(struct session *s, size_t entry, const uint8_t *digest,
		      int64_t octets, size_t *row, struct err *e);

#endif
