/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Which rows and which listed messages share a uid.  A match is made once for a
 * listing and its rows, in linear time whatever uids a server chooses, and then
 * only read.
 *
 * Rows and entries without a uid match nothing.
 */
#ifndef STATE_MATCH_H
#define STATE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "state/listing.h"
#include "state/store.h"

/* Not more rows of one uid than this are looked at for an entry, so that a
 * server that lists one uid a million times does not cost a million steps each
 * time. */
enum { MATCH_ROWS_MAX = 64 };

struct match;

struct match *match_new(const struct listing *l, const struct store_rows *rows);
void match_free(struct match **m);

/* The rows with the uid of entry i, in ascending order; SIZE_MAX when there are
 * no more. */
size_t match_first_row(const struct match *m, size_t i);
size_t match_next_row(const struct match *m, size_t row);
/* Does one of these rows have a digest? */
bool match_has_digest(const struct match *m, size_t i);

/* Is entry i the only one listed with its uid?  An entry without a uid always
 * is. */
bool match_is_alone(const struct match *m, size_t i);
/* The nearest entry before i with the same uid, or SIZE_MAX; repeated calls
 * give all of them. */
size_t match_twin(const struct match *m, size_t i);
/* The last entry with the uid of entry i, which may be i. */
size_t match_last(const struct match *m, size_t i);

#endif
