/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What people read of an unfolded field of a header, fit for a terminal:
 * encoded words are decoded (encoded_word.h), blanks in a row count as one, and
 * the rest is as text_safe has it, cut to the room there is.
 */
#ifndef MESSAGE_CAPTION_H
#define MESSAGE_CAPTION_H

#include <stddef.h>
#include <stdint.h>

/* No value is longer. */
enum { CAPTION_VALUE_MAX = 1024 };

void caption_text(char *out, size_t out_size, const uint8_t *value,
		  size_t size);
/* Of the value of From only the name, or else the address. */
void caption_name(char *out, size_t out_size, const uint8_t *value,
		  size_t size);

#endif
