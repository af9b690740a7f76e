/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "message/encoded_word.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* "=?CHARSET*LANGUAGE?ENCODING?TEXT?=" (RFC 2231 section 5 has the language) */
struct word {
	const uint8_t *charset, *text;
	size_t charset_size, text_size;
	char encoding;
	bool is_latin1;
};

/* --- its parts --- */

/* Takes what stands before a '?', of printable ASCII without blanks; false
 * without one. */
static bool
take_part(const uint8_t **at, const uint8_t *end, const uint8_t **part,
	  size_t *size)
{
	const uint8_t *p = *at;

	while (p<end && * p> ' ' && *p < 0x7f && *p != '?')
		p++;
	if (p == end || *p != '?')
		return false;
	*part = *at;
	*size = (size_t)(p - *at);
	*at = p + 1;
	return true;
}

static bool
knows_charset(struct word *w)
{
	const uint8_t *language = memchr(w->charset, '*', w->charset_size);

	if (language)
		w->charset_size = (size_t)(language - w->charset);
	w->is_latin1 = text_is_word(w->charset, w->charset_size, "iso-8859-1");
	return w->is_latin1 ||
	       text_is_word(w->charset, w->charset_size, "utf-8") ||
	       text_is_word(w->charset, w->charset_size, "us-ascii");
}

/* Returns the size of the word that begins here, or 0. */
static size_t
find_word(const uint8_t *bytes, size_t size, struct word *w)
{
	const uint8_t *at = bytes, *end = bytes + size, *encoding;
	size_t encoding_size;

	if (size < 2 || at[0] != '=' || at[1] != '?')
		return 0;
	at += 2;
	if (!take_part(&at, end, &w->charset, &w->charset_size) ||
	    !take_part(&at, end, &encoding, &encoding_size) ||
	    !take_part(&at, end, &w->text, &w->text_size) || at == end ||
	    *at != '=' || encoding_size != 1 || !knows_charset(w))
		return 0;
	w->encoding = (char)(*encoding | 0x20);
	return (size_t)(at + 1 - bytes);
}

/* --- its text --- */

static bool
put_byte(struct buf *out, const struct word *w, unsigned byte)
{
	if (!w->is_latin1 || byte < 0x80)
		return buf_byte(out, (uint8_t)byte);
	return buf_byte(out, (uint8_t)(0xc0 | byte >> 6)) &&
	       buf_byte(out, (uint8_t)(0x80 | (byte & 0x3f)));
}

static bool
decode_q(struct buf *out, const struct word *w)
{
	const char *p = (const char *)w->text;
	uint8_t byte;

	for (size_t i = 0; i < w->text_size; i++) {
		byte = w->text[i] == '_' ? ' ' : w->text[i];
		if (byte == '=') {
			char hex[3] = "";

			if (w->text_size - i < 3)
				return false;
			memcpy(hex, p + i + 1, 2);
			if (!text_unhex(hex, &byte, 1))
				return false;
			i += 2;
		}
		if (!put_byte(out, w, byte))
			return false;
	}
	return true;
}

/* -1: none of base64. */
static int
digit_value(uint8_t c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Its padding may be missing, as it often is. */
static bool
decode_b(struct buf *out, const struct word *w)
{
	size_t size = w->text_size;
	unsigned bits = 0, held = 0;
	int value;

	while (size > 0 && w->text[size - 1] == '=')
		size--;
	for (size_t i = 0; i < size; i++) {
		value = digit_value(w->text[i]);
		if (value < 0)
			return false;
		held = (held << 6 | (unsigned)value) & 0x3fff;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		if (!put_byte(out, w, held >> bits & 0xff))
			return false;
	}
	return bits < 6;
}

/* Appends the word that begins here; returns its size, or 0, with nothing
 * changed, if there is none that can be decoded. */
static size_t
decode_word(struct buf *out, const uint8_t *bytes, size_t size)
{
	struct word w;
	size_t word_size = find_word(bytes, size, &w), before = out->len;
	bool done = false;

	if (word_size == 0)
		return 0;
	if (w.encoding == 'q')
		done = decode_q(out, &w);
	else if (w.encoding == 'b')
		done = decode_b(out, &w);
	if (done)
		return word_size;
	out->len = before;
	return 0;
}

/* --- a value --- */

static size_t
count_blanks(const uint8_t *bytes, size_t size)
{
	size_t count = 0;

	while (count < size && (bytes[count] == ' ' || bytes[count] == '\t'))
		count++;
	return count;
}

void
encoded_word_decode(struct buf *out, const uint8_t *bytes, size_t size)
{
	size_t at = 0, blanks, taken;
	bool was_word = false;

	while (at < size) {
		blanks = was_word ? count_blanks(bytes + at, size - at) : 0;
		taken = decode_word(out, bytes + at + blanks,
				    size - at - blanks);
		was_word = taken > 0;
		if (was_word)
			at += blanks + taken;
		else if (!buf_byte(out, bytes[at++]))
			break;
	}
}
