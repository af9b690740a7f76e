/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The messages that --uid names.  A uid is written as --list prints it: %XX for
 * each byte that is not printable ASCII, a blank, '%', or a quote.
 */
#ifndef ACCOUNT_CHOSEN_H
#define ACCOUNT_CHOSEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct chosen;

struct chosen *chosen_new(void);
void chosen_free(struct chosen **c); /* accepts NULL */
/* False: it is empty, or has a '%' without two hex digits. */
bool chosen_add(struct chosen *c, const char *text);
/* Is one of them this uid?  It is no longer missing then. */
bool chosen_find(struct chosen *c, const uint8_t *uid, size_t size);
/* Fails with ERR_USAGE for the first that was never found; `where` completes
 * "uid '...'". */
int chosen_missing(const struct chosen *c, const char *where, struct err *e);

/* A uid as it is written; owned by the caller. */
char *chosen_text(const uint8_t *uid, size_t size);

#endif
