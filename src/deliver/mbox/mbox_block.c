/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A block of an mbox, and its evidence. */
#include "config.h"

#include "deliver/mbox/mbox_block.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "deliver/class.h"
#include "deliver/evidence.h"

enum {
	CLASS,
	PATH,
	BASE,
	BEFORE,
	OFFSET,
	NEWLINES,
	FROM_LINE,
	TEXT_SIZE,
	TEXT,
	START,
	CONTENT,
	WORDS
};

uint64_t
mbox_block_line_at(const struct mbox_block *b)
{
	return b->offset + b->newlines;
}

uint64_t
mbox_block_text_at(const struct mbox_block *b)
{
	return mbox_block_line_at(b) + strlen(b->from_line);
}

uint64_t
mbox_block_end(const struct mbox_block *b)
{
	return mbox_block_text_at(b) + b->text_size;
}

uint64_t
mbox_block_size(const struct mbox_block *b)
{
	return mbox_block_end(b) - b->offset;
}

char *
mbox_block_evidence(const struct mbox_block *b)
{
	char start[2 * MBOX_BLOCK_START_MAX + 1];
	struct buf line;
	char *evidence;

	buf_init(&line, SIZE_MAX);
	evidence_add(&line, mbox_class.name);
	evidence_add(&line, b->path);
	evidence_add_number(&line, b->base);
	evidence_add_digest(&line, b->before);
	evidence_add_number(&line, b->offset);
	evidence_add_number(&line, b->newlines);
	evidence_add(&line, b->from_line);
	evidence_add_number(&line, b->text_size);
	evidence_add_digest(&line, b->text);
	text_hex(start, b->start, b->start_size);
	evidence_add(&line, start);
	evidence_add_digest(&line, b->content);
	evidence = mem_string(buf_text(&line));
	buf_free(&line);
	return evidence;
}

static bool
read_number(const char *word, uint64_t max, uint64_t *out)
{
	return text_number(word, strlen(word), max, out);
}

static bool
read_start(struct mbox_block *b, const char *word)
{
	b->start_size = strlen(word) / 2;
	return b->start_size <= MBOX_BLOCK_START_MAX &&
	       text_unhex(word, b->start, b->start_size);
}

static bool
read_words(struct mbox_block *b, char *const words[])
{
	const uint64_t max = INT64_MAX / 4; /* so that sums stay in an off_t */

	return read_number(words[BASE], max, &b->base) &&
	       text_unhex(words[BEFORE], b->before, DIGEST_SHA256_SIZE) &&
	       read_number(words[OFFSET], max, &b->offset) &&
	       read_number(words[NEWLINES], MBOX_BLOCK_NEWLINES_MAX,
			   &b->newlines) &&
	       read_number(words[TEXT_SIZE], max, &b->text_size) &&
	       text_unhex(words[TEXT], b->text, DIGEST_SHA256_SIZE) &&
	       read_start(b, words[START]) &&
	       text_unhex(words[CONTENT], b->content, DIGEST_SHA256_SIZE) &&
	       b->base <= b->offset;
}

bool
mbox_block_parse(struct mbox_block *b, const char *evidence)
{
	char *words[WORDS];
	bool good;

	if (!evidence_split(evidence, words, WORDS))
		return false;
	memset(b, 0, sizeof(*b));
	good = read_words(b, words);
	if (good) {
		b->path = mem_string(words[PATH]);
		b->from_line = mem_string(words[FROM_LINE]);
	}
	evidence_free(words, WORDS);
	return good;
}

void
mbox_block_clear(struct mbox_block *b)
{
	free(b->path);
	free(b->from_line);
	memset(b, 0, sizeof(*b));
}
