/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Decodes the lines of a multi-line response (RFC 1939 section 3): takes away
 * the byte-stuffed dots, turns CRLF into LF, and finds the end marker.  Any
 * input may be split anywhere, with the same result.
 *
 * Only CRLF is a line end.  A line that begins with a dot loses that dot, even
 * where a broken server forgot to double it; only CRLF "." CRLF (or "." CRLF at
 * the very start) ends the response: LF . CRLF, CRLF . LF and the like never
 * do.  All other bytes pass unchanged: bare CR and LF, NUL, 8-bit.
 */
#ifndef POP3_BODY_H
#define POP3_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A plain value; body_start sets it up. */
struct body {
	unsigned state;	 /* private */
	uint64_t octets; /* decoded so far, as RFC 1939 counts a message:
			    a line end is two, stuffing none */
	bool ended;	 /* the end marker was seen */
};

void body_start(struct body *b);

/*
 * Decodes from in to out until the input is used up, the output is full, or the
 * end marker has passed.  *used is how much of the input was consumed; returns
 * the number of bytes written.  Progress is certain while in_size > 0 and
 * out_size >= BODY_OUT_MIN.
 */
enum { BODY_OUT_MIN = 4 };
size_t body_decode(struct body *b, const uint8_t *in, size_t in_size,
		   size_t *used, uint8_t *out, size_t out_size);

#endif
