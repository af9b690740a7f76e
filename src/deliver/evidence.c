/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Evidence lines: words, percent-encoded. */
#include "config.h"

#include "deliver/evidence.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"

void
evidence_add(struct buf *line, const char *word)
{
	bool fits = true;

	assert(*word);
	if (line->len > 0)
		fits = buf_byte(line, ' ');
	fits = fits && text_percent(line, word);
	assert(fits);
	(void)fits;
}

void
evidence_add_number(struct buf *line, uint64_t number)
{
	char *word = mem_format("%" PRIu64, number);

	evidence_add(line, word);
	free(word);
}

void
evidence_add_digest(struct buf *line, const uint8_t digest[])
{
	char hex[2 * DIGEST_SHA256_SIZE + 1];

	text_hex(hex, digest, DIGEST_SHA256_SIZE);
	evidence_add(line, hex);
}

/* Decodes the byte after a '%'.  A NUL cannot have been encoded. */
static bool
decode_byte(const char *digits, char *out)
{
	char pair[3] = { digits[0], digits[0] ? digits[1] : '\0', '\0' };

	return text_unhex(pair, out, 1) && *out;
}

/* NULL when the word is empty, or is not as evidence_add writes it. */
static char *
decode(const char *word, size_t size)
{
	char *out = mem_alloc(size + 1);
	size_t i, at = 0;

	for (i = 0; i < size; i++) {
		out[at] = word[i];
		if (word[i] == '%') {
			if (size - i < 3 ||
			    !decode_byte(word + i + 1, out + at))
				break;
			i += 2;
		}
		at++;
	}
	if (i == size && size > 0)
		return out;
	free(out);
	return NULL;
}

bool
evidence_split(const char *line, char *words[], size_t count)
{
	size_t size;

	for (size_t i = 0; i < count; i++) {
		size = strcspn(line, " ");
		words[i] = decode(line, size);
		if (!words[i] || line[size] != (i + 1 < count ? ' ' : '\0')) {
			evidence_free(words, i + 1);
			return false;
		}
		line += size + 1;
	}
	return true;
}

void
evidence_free(char *words[], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(words[i]);
		words[i] = NULL;
	}
}
