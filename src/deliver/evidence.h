/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Evidence: one line of text that tells recovery where a message was to go.
 * Words with one blank between them, each percent-encoded, so that a path may
 * hold any byte; the first word names the kind of destination.
 */
#ifndef DELIVER_EVIDENCE_H
#define DELIVER_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends a word.  It must not be empty, since an empty one could not be told
 * from none. */
void evidence_add(struct buf *line, const char *word);
void evidence_add_number(struct buf *line, uint64_t number);
void evidence_add_digest(struct buf *line, const uint8_t digest[]);

/* Takes a line of exactly `count` words apart.  False, with nothing to free, if
 * it is not such a line.  The words are decoded and owned: evidence_free. */
bool evidence_split(const char *line, char *words[], size_t count);
void evidence_free(char *words[], size_t count);

#endif
