/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Durations and sizes as people write them: "90 seconds", "14 days", "1 hour 30
 * minutes", "20 MiB", "512".  Blanks between number and unit are optional, and
 * case is ignored.  Units may be singular, plural or short (s sec min m h hour
 * d day w week; B K KB KiB M MB MiB G GB GiB: K, KB and KiB are all 1024).
 */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads seconds.  A number without a unit is refused unless it is 0.  False
 * when the text is not understood, negative, or beyond 100 years. */
bool quantity_duration(const char *text, int64_t *seconds);
/* Reads bytes.  False when the text is not understood or beyond 2^62. */
bool quantity_size(const char *text, uint64_t *bytes);

enum { QUANTITY_TEXT_MAX = 32 };
/* "312 B", "1.2 MiB". */
void quantity_show_size(char out[QUANTITY_TEXT_MAX], uint64_t bytes);
/* The same for columns, where digits have their places: "3.0 MiB", not
 * "3 MiB". */
void quantity_show_tenths(char out[QUANTITY_TEXT_MAX], uint64_t bytes);
/* "14 days", "1 hour 30 minutes", at most two units. */
void quantity_show_duration(char out[QUANTITY_TEXT_MAX], int64_t seconds);
/* The same for how long something took: "7.2 seconds", "2 minutes 5 seconds".
 */
void quantity_show_taken(char out[QUANTITY_TEXT_MAX], int64_t ms);

#endif
