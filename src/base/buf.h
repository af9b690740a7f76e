/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A growing run of bytes with a named maximum.  It is not a C string: no NUL
 * follows the bytes unless buf_text puts one there.
 *
 * Call buf_init first and buf_free last (it wipes, and leaves an empty buffer
 * of the same maximum).  Anybody may read the fields, but only buf.c writes
 * them.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* owned; NULL while empty and unused */
	size_t len;    /* bytes in use */
	size_t cap;    /* bytes allocated */
	size_t max;    /* len never exceeds it */
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
void buf_clear(struct buf *b); /* len = 0, memory kept */

/* These append all or nothing: false, with nothing changed, if max would be
 * exceeded.  The source must not lie in the buffer itself. */
bool buf_append(struct buf *b, const void *bytes, size_t size);
/* The same for what the caller knows to fit. */
void buf_put(struct buf *b, const void *bytes, size_t size);
bool buf_byte(struct buf *b, uint8_t byte);
bool buf_format(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* buf_room returns room for at least `size` bytes behind len, or NULL when max
 * forbids it.  Write there, then tell buf_added how many bytes were written. */
uint8_t *buf_room(struct buf *b, size_t size);
void buf_added(struct buf *b, size_t size);

/* The contents as a C string: a NUL is put behind them, which len does not
 * count and max does not forbid.  Borrowed until the next call.  Contents with
 * a NUL inside look shorter. */
const char *buf_text(struct buf *b);

#endif
