/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Texts on disk until they are appended to an mbox: any number of them, written
 * side by side, in few nameless files that vanish with the process.  Nothing
 * here is durable, and nothing need be: the server still has the messages.
 */
#ifndef DELIVER_SPOOL_H
#define DELIVER_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct spool;
struct spool_text;

/* `directory` is borrowed; `name` as fs_temp takes it. */
struct spool *spool_new(const char *directory, const char *name);
/* All texts must have been ended before. */
void spool_free(struct spool **s);

int spool_begin(struct spool *s, struct spool_text **t, struct err *e);
/* Appends; a few large pieces are better than many small ones. */
int spool_add(struct spool_text *t, const void *bytes, size_t size,
	      struct err *e);
uint64_t spool_size(const struct spool_text *t);
/* Reads all of the `size` bytes at `at`, or fails. */
int spool_read(const struct spool_text *t, uint64_t at, void *out, size_t size,
	       struct err *e);
/* Accepts NULL; *t becomes NULL. */
void spool_end(struct spool_text **t);

#endif
