/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The encoded words of RFC 2047, such as =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=, in B and
 * Q, of UTF-8, US-ASCII and ISO-8859-1.
 */
#ifndef MESSAGE_ENCODED_WORD_H
#define MESSAGE_ENCODED_WORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Appends an unfolded value with its encoded words decoded.  Blanks between two
 * of them go.  What is malformed or of another character set stays as it
 * stands.  The result is half as long again at most, and may hold any bytes:
 * text_safe is for the caller. */
void encoded_word_decode(struct buf *out, const uint8_t *bytes, size_t size);

#endif
