/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of the messages on record is this one?  A uid and a size are not always
 * enough: then the digest of its header decides among the rows of its uid, and
 * the octets that were retrieved, since of somebody's copy and that of a
 * mailing list uid and header may be the same.
 */
#ifndef SESSION_IDENTITY_H
#define SESSION_IDENTITY_H

#include "session/phase.h"

/* A message that is to be found. */
struct identity {
	size_t entry;
	const uint8_t *digest; /* of its header */
	int64_t octets; /* header_octets of what was retrieved now, or 0 */
	bool is_strict; /* a size on record must be as many, if octets are
			   not */
};

struct identity_match {
	size_t row;    /* index into the rows, or SIZE_MAX: none */
	bool is_exact; /* it has the octets, or the very size */
};

int identity_find(struct session *s, const struct identity *w,
		  struct identity_match *found, struct err *e);
/* Is the listed size, or what all rows say, known and this one? */
bool identity_has_size(const struct mailbox *m, size_t entry, int64_t size);
/* An equal entry before this one, under the same uid, that is new in this
 * session; or SIZE_MAX. */
size_t identity_find_twin(const struct mailbox *m, size_t entry,
			  const uint8_t *digest);

#endif
