/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Which of the messages on record is this one?  A uid and a size are not always
 * enough.  Then the digest of its header decides among the rows of its uid,
 * together with the octets that were retrieved: one's own copy of a message and
 * that of a mailing list may have the same uid and header.
 */
#ifndef SESSION_IDENTITY_H
#define SESSION_IDENTITY_H

#include "session/phase.h"

/* The message to look for. */
struct identity {
	size_t entry;
	const uint8_t *digest; /* of its header */
	int64_t octets; /* header_octets of what was retrieved now, or 0: it was
			   not */
	bool is_strict; /* where no octets are on record, the size on record has
			   to be right */
};

struct identity_match {
	size_t row;    /* index into the rows, or SIZE_MAX: none */
	bool is_exact; /* the row has the same octets, or the same size */
};

int identity_find(struct session *s, const struct identity *w,
		  struct identity_match *found, struct err *e);
/* Is the size of the entry known, by the listing or because all rows of its uid
 * agree, and is it `size`? */
bool identity_has_size(const struct mailbox *m, size_t entry, int64_t size);
/* May failures that are counted in a row with the uid of the entry be its own?
 * Not those of a message of another size, or of one that was delivered and seen
 * to be gone: the server may have given its uid away. */
bool identity_may_have_failed(const struct mailbox *m, size_t entry,
			      size_t row);
/* Are more messages listed with the uid and size of the entry than were
 * delivered?  Then it may be one that has never come.  Of more than
 * MATCH_ROWS_MAX nobody knows, and it is false. */
bool identity_may_be_missing(const struct mailbox *m, size_t entry);
/* Was another one delivered under its uid that may have been cut?  Not by the
 * row with the id `own`. */
bool identity_find_piece(const struct mailbox *m, size_t entry, int64_t own,
			 struct store_row *row);
/* An entry before this one that is new in this session and has the same uid,
 * size and header; or SIZE_MAX. */
size_t identity_find_twin(const struct mailbox *m, size_t entry,
			  const uint8_t *digest);

#endif
