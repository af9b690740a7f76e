/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Bytes made fit for people, files and lines.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Writes foreign bytes so that they cannot harm a terminal or log: valid UTF-8
 * without control characters stays; C0, DEL, C1, bidirectional controls
 * (U+061C, U+200E/F, U+202A..E, U+2066..9), characters that are not seen
 * (U+00AD, U+180E, U+200B..D, U+2060..4, U+206A..F, U+FEFF, U+FFF9..B,
 * U+E0000..7F), line and paragraph separators and invalid bytes become \xNN,
 * byte by byte.  A backslash stays as it is.  The text is cut at
 * `out_size - 1` bytes, never inside an escape or character, always ends in
 * NUL, and does not depend on the locale. */
void text_safe(char *out, size_t out_size, const void *bytes, size_t size);

/* Writes lower-case hexadecimal, 2 * size + 1 bytes of it. */
void text_hex(char *out, const void *bytes, size_t size);
/* The reverse (either case, optional colons between pairs): true when text is
 * exactly `size` bytes. */
bool text_unhex(const char *text, void *out, size_t size);

/* Appends text, percent-encoded for a file name, to out: letters, digits and
 * `@._-+` stay (a leading dot does not).  False when out's maximum forbids
 * it. */
bool text_percent(struct buf *out, const char *text);

/* The word of the NULL-terminated list that is nearest to `word` by edit
 * distance (case ignored), or NULL when none is near (more than a third of
 * `word` differs). */
const char *text_nearest(const char *word, const char *const list[]);

/* The ending of a noun behind this number: "s", or "" for 1. */
const char *text_plural(uint64_t count);

/* The size of the byte order mark at the start of a text in UTF-8, which some
 * editors put there and which is no part of what was written; 0 if it has
 * none. */
size_t text_mark_size(const void *bytes, size_t size);

/* ASCII only, independent of the locale. */
bool text_is_word(const void *bytes, size_t size, const char *word);
bool text_starts(const void *bytes, size_t size, const char *word);
void text_lower(char *s);

/* Reads a decimal number: false when it is empty, has bytes other than digits,
 * or is beyond max. */
bool text_number(const void *bytes, size_t size, uint64_t max, uint64_t *out);

#endif
