/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Bytes made fit for people, files and lines. */
#include "config.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool
is_alnum(char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* --- text_safe --- */

/* The length of a character that starts with this byte; 0 when none does. */
static size_t
utf8_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* Over-long forms, surrogates, and code points beyond U+10FFFF are not. */
static bool
is_encodable(uint32_t code, size_t length)
{
	if (length == 3)
		return code >= 0x800 && !(code >= 0xd800 && code <= 0xdfff);
	if (length == 4)
		return code >= 0x10000 && code <= 0x10ffff;
	return true;
}

/* Decodes the character at p; returns its length, or 0 when there is none. */
static size_t
utf8_decode(const uint8_t *p, size_t size, uint32_t *code)
{
	static const uint8_t mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t length = utf8_length(p[0]);

	if (length == 0 || length > size)
		return 0;
	*code = p[0] & mask[length];
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	return is_encodable(*code, length) ? length : 0;
}

static bool
is_harmful(uint32_t c)
{
	static const uint32_t ranges[][2] = {
		{ 0x00, 0x1f },	    { 0x7f, 0x9f },	 { 0xad, 0xad },
		{ 0x61c, 0x61c },   { 0x180e, 0x180e },	 { 0x200b, 0x200f },
		{ 0x2028, 0x202e }, { 0x2060, 0x206f },	 { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f }
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

static void
escape(char *out, const uint8_t *p, size_t length)
{
	for (; length > 0; p++, length--) {
		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex_digits[*p >> 4];
		*out++ = hex_digits[*p & 15];
	}
}

void
text_safe(char *out, size_t out_size, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	size_t at = 0, length, shown;
	uint32_t code = 0;
	bool harmful;

	if (out_size == 0)
		return;
	for (; size > 0; p += length, size -= length, at += shown) {
		length = utf8_decode(p, size, &code);
		harmful = length == 0 || is_harmful(code);
		length = length ? length : 1;
		shown = harmful ? 4 * length : length;
		if (shown > out_size - 1 - at)
			break;
		if (harmful)
			escape(out + at, p, length);
		else
			memcpy(out + at, p, length);
	}
	out[at] = '\0';
}

/* --- hexadecimal and percent --- */

void
text_hex(char *out, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	for (; size > 0; p++, size--) {
		*out++ = hex_digits[*p >> 4];
		*out++ = hex_digits[*p & 15];
	}
	*out = '\0';
}

static int
hex_value(char c)
{
	const char *found = c ? strchr(hex_digits, lower(c)) : NULL;

	return found ? (int)(found - hex_digits) : -1;
}

bool
text_unhex(const char *text, void *out, size_t size)
{
	uint8_t *to = out;
	int high, low;

	for (size_t i = 0; i < size; i++) {
		if (i > 0 && *text == ':')
			text++;
		if ((high = hex_value(text[0])) < 0 ||
		    (low = hex_value(text[1])) < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

/* `first` says that c is the name's first byte: a leading dot would hide the
 * file, or make it "." or "..". */
static bool
stays_in_name(char c, bool first)
{
	return is_alnum(c) || (c && strchr("@_-+", c)) || (c == '.' && !first);
}

static size_t
percent_size(const char *text)
{
	size_t size = 0;

	for (size_t i = 0; text[i]; i++)
		size += stays_in_name(text[i], i == 0) ? 1 : 3;
	return size;
}

bool
text_percent(struct buf *out, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t size = percent_size(text);
	uint8_t *to = buf_room(out, size);

	if (!to)
		return false;
	for (size_t i = 0; text[i]; i++) {
		if (stays_in_name(text[i], i == 0)) {
			*to++ = (uint8_t)text[i];
			continue;
		}
		*to++ = '%';
		*to++ = (uint8_t)digits[(uint8_t)text[i] >> 4];
		*to++ = (uint8_t)digits[(uint8_t)text[i] & 15];
	}
	buf_added(out, size);
	return true;
}

/* --- text_nearest --- */

enum { NEAREST_WORD_MAX = 48 };

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Counts insertions, deletions, changes, and swaps of neighbours, one each. */
static size_t
edit_distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t d[NEAREST_WORD_MAX + 1][NEAREST_WORD_MAX + 1];

	for (size_t i = 0; i <= alen; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= blen; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= alen; i++) {
		for (size_t j = 1; j <= blen; j++) {
			size_t change = lower(a[i - 1]) != lower(b[j - 1]);

			d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1,
					d[i - 1][j - 1] + change);
			if (i > 1 && j > 1 &&
			    lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[alen][blen];
}

const char *
text_nearest(const char *word, const char *const list[])
{
	size_t len = strlen(word), best = len / 3 + 1, size, distance;
	const char *nearest = NULL;

	if (len > NEAREST_WORD_MAX)
		return NULL;
	for (; *list; list++) {
		size = strlen(*list);
		if (size > NEAREST_WORD_MAX)
			continue;
		distance = edit_distance(word, len, *list, size);
		if (distance < best) {
			best = distance;
			nearest = *list;
		}
	}
	return nearest;
}

size_t
text_mark_size(const void *bytes, size_t size)
{
	static const char mark[] = { '\357', '\273', '\277' };

	if (size < sizeof(mark) || memcmp(bytes, mark, sizeof(mark)) != 0)
		return 0;
	return sizeof(mark);
}

/* --- ASCII words and numbers --- */

bool
text_starts(const void *bytes, size_t size, const char *word)
{
	const char *p = bytes;

	for (size_t i = 0; word[i]; i++)
		if (i == size || lower(p[i]) != lower(word[i]))
			return false;
	return true;
}

bool
text_is_word(const void *bytes, size_t size, const char *word)
{
	return size == strlen(word) && text_starts(bytes, size, word);
}

void
text_lower(char *s)
{
	for (; *s; s++)
		*s = lower(*s);
}

bool
text_number(const void *bytes, size_t size, uint64_t max, uint64_t *out)
{
	const uint8_t *p = bytes;
	uint64_t value = 0, digit;

	if (size == 0)
		return false;
	for (; size > 0; p++, size--) {
		if (*p < '0' || *p > '9')
			return false;
		digit = (uint64_t)(*p - '0');
		if (value > UINT64_MAX / 10 || value * 10 > UINT64_MAX - digit)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

const char *
text_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}
