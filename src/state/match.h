/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which rows and which listed messages share a uid.  Made once for a listing
 * and its rows, in linear time whatever uids a server chooses; then only read.
 *
 * Rows and entries without uid match nothing.
 */
#ifndef STATE_MATCH_H
#define STATE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "state/listing.h"
#include "state/store.h"

/* So many rows of one uid are looked at, which keeps a server that lists one
 * uid a million times from costing more than a million steps. */
enum { MATCH_ROWS_MAX = 64 };

struct match;

struct match *match_new(const struct listing *l, const struct store_rows *rows);
void match_free(struct match **m);

/* The rows with the uid of entry i, in ascending order; SIZE_MAX: no more. */
size_t match_first_row(const struct match *m, size_t i);
size_t match_next_row(const struct match *m, size_t row);
/* Has one of them a digest? */
bool match_has_digest(const struct match *m, size_t i);

/* Is entry i the only one listed with its uid?  Also without uid. */
bool match_is_alone(const struct match *m, size_t i);
/* The nearest entry before i with its uid, or SIZE_MAX. */
size_t match_twin(const struct match *m, size_t i);

#endif
