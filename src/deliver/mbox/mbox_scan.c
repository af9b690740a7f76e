/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Recognises messages in an mbox by their content. */
#include "config.h"

#include "deliver/mbox/mbox_scan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/mem.h"
#include "deliver/mbox/strip.h"
#include "sys/fs.h"

/* --- the content digest --- */

static const char *const readers_fields[] = { "status",
					      "x-status",
					      "x-keywords",
					      "x-uid",
					      "x-uidl",
					      "x-imap",
					      "x-imapbase",
					      "content-length",
					      "lines",
					      "x-mozilla-status",
					      "x-mozilla-status2",
					      "x-mozilla-keys",
					      "x-evolution",
					      "x-label",
					      NULL };

struct mboxcontent {
	struct strip strip;
	struct buf stripped;
	uint64_t newlines; /* digested only when something follows */
	struct digest *digest;
};

struct mboxcontent *
mboxcontent_new(void)
{
	struct mboxcontent *c = mem_alloc(sizeof(*c));

	buf_init(&c->stripped, SIZE_MAX);
	strip_start(&c->strip, readers_fields);
	c->digest = digest_new(DIGEST_SHA256);
	return c;
}

void
mboxcontent_free(struct mboxcontent **c)
{
	if (!*c)
		return;
	buf_free(&(*c)->stripped);
	digest_free(&(*c)->digest);
	free(*c);
	*c = NULL;
}

static void
digest_newlines(struct mboxcontent *c)
{
	static const char some[] = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
	size_t size;

	for (; c->newlines > 0; c->newlines -= size) {
		size = sizeof(some) - 1;
		size = c->newlines < size ? (size_t)c->newlines : size;
		digest_add(c->digest, some, size);
	}
}

static void
digest_stripped(struct mboxcontent *c)
{
	size_t size = c->stripped.len, kept = size;

	while (kept > 0 && c->stripped.data[kept - 1] == '\n')
		kept--;
	if (kept > 0) {
		digest_newlines(c);
		digest_add(c->digest, c->stripped.data, kept);
	}
	c->newlines += size - kept;
	buf_clear(&c->stripped);
}

void
mboxcontent_add(struct mboxcontent *c, const void *bytes, size_t size)
{
	strip_add(&c->strip, bytes, size, &c->stripped);
	digest_stripped(c);
}

void
mboxcontent_end(struct mboxcontent *c, uint8_t out[DIGEST_SIZE_MAX])
{
	strip_end(&c->strip, &c->stripped);
	digest_stripped(c);
	digest_end(c->digest, out);
	c->newlines = 0;
	strip_start(&c->strip, readers_fields);
}

/* --- a whole file --- */

enum { PIECE = 64 * 1024 };

static const char from_word[] = "From ";
enum { FROM_WORD_SIZE = sizeof(from_word) - 1 };

struct mbox_scan {
	struct mboxcontent *content;
	uint64_t at; /* in the file, of the next byte */
	uint64_t message_at;
	bool in_message;
	bool in_from_line;
	bool in_line;	/* in a line whose beginning is judged */
	size_t matched; /* of "From ", at the start of a line */
	int (*each)(void *arg, uint64_t at,
		    const uint8_t content[DIGEST_SIZE_MAX], struct err *e);
	void *arg;
	struct err *e;
	int rc; /* of `each` */
};

static void
end_message(struct mbox_scan *s)
{
	uint8_t content[DIGEST_SIZE_MAX];

	if (!s->in_message)
		return;
	mboxcontent_end(s->content, content);
	if (s->rc == 0)
		s->rc = s->each(s->arg, s->message_at, content, s->e);
	s->in_message = false;
}

static void
take(struct mbox_scan *s, const void *bytes, size_t size)
{
	if (s->in_message && size > 0)
		mboxcontent_add(s->content, bytes, size);
}

/* At the start of a line: takes one byte of it, or none when that byte shows
 * that this is not a From_ line. */
static size_t
judge_start(struct mbox_scan *s, char byte)
{
	if (byte != from_word[s->matched]) {
		take(s, from_word, s->matched);
		s->matched = 0;
		s->in_line = true;
		return 0;
	}
	if (++s->matched == FROM_WORD_SIZE) {
		end_message(s);
		s->message_at = s->at + 1 - FROM_WORD_SIZE;
		s->in_message = s->in_from_line = s->in_line = true;
		s->matched = 0;
	}
	return 1;
}

/* Takes the rest of a line, or as much of it as is there. */
static size_t
take_line(struct mbox_scan *s, const char *p, size_t size)
{
	const char *lf = memchr(p, '\n', size);

	size = lf ? (size_t)(lf - p) + 1 : size;
	if (!s->in_from_line)
		take(s, p, size);
	if (lf)
		s->in_line = s->in_from_line = false;
	return size;
}

static void
scan_piece(struct mbox_scan *s, const char *p, size_t size)
{
	size_t taken;

	for (; size > 0; p += taken, size -= taken, s->at += taken)
		taken = s->in_line ? take_line(s, p, size) : judge_start(s, *p);
}

int
mbox_scan(int fd, uint64_t from,
	  int (*each)(void *arg, uint64_t at,
		      const uint8_t content[DIGEST_SIZE_MAX], struct err *e),
	  void *arg, struct err *e)
{
	struct mbox_scan s = { .at = from, .each = each, .arg = arg, .e = e };
	char *piece = mem_alloc(PIECE);
	size_t got = 0;
	int rc;

	s.content = mboxcontent_new();
	do {
		rc = fs_read_at(fd, piece, PIECE, (off_t)s.at, &got, e);
		if (rc == 0)
			scan_piece(&s, piece, got);
	} while (rc == 0 && s.rc == 0 && got > 0);
	if (rc == 0 && s.rc == 0) {
		take(&s, from_word, s.matched);
		end_message(&s);
	}
	mboxcontent_free(&s.content);
	free(piece);
	return rc != 0 ? rc : s.rc;
}
