/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Finds secrets in what a server says after they are wiped: some servers repeat
 * a command that they do not like, or are a reply behind.  Of a secret its
 * length stays, and a hash with a random key: who reads the memory may try
 * passwords against it, but finds none there.
 */
#ifndef BASE_SECRET_MARKS_H
#define BASE_SECRET_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SECRET_MARKS_LEAST = 4, /* bytes; shorter ones are in too many texts */
	SECRET_MARKS_MAX = 8	/* the last ones count */
};

/* All bytes 0: none. */
struct secret_marks {
	uint32_t keys[2];
	struct secret_mark {
		size_t size;
		uint32_t hashes[2];
	} at[SECRET_MARKS_MAX];
	size_t count; /* all that were added */
};

/* One that is there already is not added again. */
void secret_marks_add(struct secret_marks *m, const void *bytes, size_t size);
/* Does the text hold one of them?  False for another text but once in 2^60. */
bool secret_marks_are_in(const struct secret_marks *m, const void *text,
			 size_t size);

#endif
