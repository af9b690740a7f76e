/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing run of bytes with a named maximum.  Bytes, not a C string: no NUL
 * is kept behind them unless buf_text asks for one.
 *
 * buf_init first; buf_free last (it wipes, and leaves an empty buffer of the
 * same maximum).  The fields may be read by anybody and are written only here.
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

/* Appends all or nothing: false, and nothing changed, if max would be
 * exceeded.  The source must not lie in the buffer itself. */
bool buf_append(struct buf *b, const void *bytes, size_t size);
bool buf_byte(struct buf *b, uint8_t byte);
bool buf_format(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for at least `size` bytes behind len, or NULL when max forbids it; write
 * there, then buf_added what was written. */
uint8_t *buf_room(struct buf *b, size_t size);
void buf_added(struct buf *b, size_t size);

/* The contents as a C string (a NUL is put behind them, not counted in len and
 * allowed beyond max).  Borrowed until the next call.  Contents with NULs
 * inside look shorter. */
const char *buf_text(struct buf *b);

#endif
