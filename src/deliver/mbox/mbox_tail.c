/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Is the end of an mbox a torn batch of ours? */
#include "config.h"

#include "deliver/mbox/mbox_tail.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sys/fs.h"

enum { PIECE = 64 * 1024, DATE_START = sizeof(" Sat Nov ") - 1 };

/* --- is a From_ line of somebody else in it? --- */

/* Our text has no line that begins with "From ".  If another program has put a
 * message after our torn line, it stands in the middle of that line: "From ",
 * and then a date. */
struct mbox_tail_search {
	uint64_t at; /* in the file, of the next byte */
	const struct mbox_block *const *blocks;
	size_t count;	     /* of blocks whose From_ line is still to come */
	uint64_t ours, text; /* where the next such line begins and ends */
	size_t column;
	size_t quotes;		 /* how many '>' the line begins with */
	size_t matched;		 /* of "From " */
	bool has_from;		 /* this line has a "From " */
	char window[DATE_START]; /* the last bytes */
	bool found;
};

static void
next_block(struct mbox_tail_search *s)
{
	s->ours = s->text = UINT64_MAX;
	if (s->count == 0)
		return;
	s->ours = mbox_block_line_at(s->blocks[0]);
	s->text = mbox_block_text_at(s->blocks[0]);
	s->blocks++;
	s->count--;
}

static bool
is_one_of(const char *three, const char *words)
{
	for (; *words; words += 3)
		if (memcmp(three, words, 3) == 0)
			return true;
	return false;
}

/* " Sat Nov " */
static bool
is_date_start(const char *w)
{
	return w[0] == ' ' && w[4] == ' ' && w[8] == ' ' &&
	       is_one_of(w + 1, "SunMonTueWedThuFriSat") &&
	       is_one_of(w + 5, "JanFebMarAprMayJunJulAugSepOctNovDec");
}

static void
search_byte(struct mbox_tail_search *s, char byte)
{
	static const char from[] = "From ";

	memmove(s->window, s->window + 1, DATE_START - 1);
	s->window[DATE_START - 1] = byte;
	s->matched =
		byte == from[s->matched] ? s->matched + 1 : byte == from[0];
	if (byte == '>' && s->quotes == s->column)
		s->quotes++;
	s->column++;
	if (s->matched == sizeof(from) - 1) {
		bool is_first = s->column == s->quotes + sizeof(from) - 1;

		/* what we have quoted is not a From_ line */
		s->has_from |= !is_first || s->quotes == 0;
		s->found |= is_first && s->quotes == 0;
		s->matched = 0;
	}
	s->found |= s->has_from && is_date_start(s->window);
	if (byte == '\n') {
		s->column = s->quotes = s->matched = 0;
		s->has_from = false;
	}
}

/* Our own From_ lines are passed over, wherever the line before them ended. */
static void
search_piece(struct mbox_tail_search *s, const char *p, size_t size)
{
	for (; size > 0; p++, size--, s->at++) {
		if (s->at == s->text)
			next_block(s);
		if (s->at < s->ours) {
			search_byte(s, *p);
			continue;
		}
		s->column = s->quotes = s->matched = 0;
		s->has_from = false;
	}
}

static int
has_foreign_line(int fd, const struct mbox_block *const blocks[], size_t count,
		 bool *found, struct err *e)
{
	struct mbox_tail_search s = { .at = blocks[0]->offset,
				      .blocks = blocks,
				      .count = count };
	char *piece = mem_alloc(PIECE);
	size_t got = 0;
	int rc;

	next_block(&s);
	do {
		rc = fs_read_at(fd, piece, PIECE, (off_t)s.at, &got, e);
		if (rc == 0)
			search_piece(&s, piece, got);
	} while (rc == 0 && got > 0 && !s.found);
	free(piece);
	*found = s.found;
	return rc;
}

/* --- does it begin as our blocks do? --- */

/* Is each byte that is there the one that is wanted, or a NUL? */
static bool
is_remnant(const char *there, const char *wanted, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (there[i] != '\0' && there[i] != wanted[i])
			return false;
	return true;
}

static int
check_start(int fd, const struct mbox_block *b, bool *good, struct err *e)
{
	struct buf wanted;
	char *there;
	size_t got = 0;
	int rc;

	buf_init(&wanted, SIZE_MAX);
	(void)buf_append(&wanted, "\n\n", (size_t)b->newlines);
	(void)buf_append(&wanted, b->from_line, strlen(b->from_line));
	(void)buf_append(&wanted, b->start, b->start_size);
	there = mem_alloc(wanted.len);
	rc = fs_read_at(fd, there, wanted.len, (off_t)b->offset, &got, e);
	*good = rc == 0 && is_remnant(there, (const char *)wanted.data, got);
	free(there);
	buf_free(&wanted);
	return rc;
}

int
mbox_tail_is_ours(int fd, uint64_t size,
		  const struct mbox_block *const blocks[], size_t count,
		  bool *ours, struct err *e)
{
	bool foreign = false;

	*ours = size <= mbox_block_end(blocks[count - 1]);
	for (size_t i = 0; i < count && *ours && blocks[i]->offset < size; i++)
		if (check_start(fd, blocks[i], ours, e) != 0)
			return -1;
	if (!*ours)
		return 0;
	if (has_foreign_line(fd, blocks, count, &foreign, e) != 0)
		return -1;
	*ours = !foreign;
	return 0;
}
