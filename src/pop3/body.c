/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Decodes the lines of a multi-line response: whole runs of text at a time, and
 * byte by byte only around line ends.
 */
#include "config.h"

#include "pop3/body.h"

#include <string.h>

/*
 * Where in a line the decoder stands.  Only a real CRLF leads to LINE_START, so
 * a dot after a bare LF or CR is text.  A CR is held back until the next byte
 * tells whether it belongs to a line end.
 */
enum {
	LINE_START, /* the start of the response is one, too */
	DOT,	    /* after the dot that a line begins with */
	DOT_CR,
	TEXT,
	TEXT_CR
};

/* What is left of the input and output of one call. */
struct work {
	const uint8_t *in;
	size_t in_left;
	uint8_t *out;
	size_t out_left;
	uint64_t line_ends;
};

void
body_start(struct body *b)
{
	b->state = LINE_START;
	b->octets = 0;
	b->ended = false;
}

static void
skip(struct work *w, size_t count)
{
	w->in += count;
	w->in_left -= count;
}

static void
put(struct work *w, uint8_t byte)
{
	*w->out++ = byte;
	w->out_left--;
}

/*
 * Copies text up to the end of input or output, past every line end that is
 * there whole and not followed by a dot: the loop for ordinary mail.  Returns
 * the state in which it stops.
 */
static unsigned
copy_lines(struct work *w)
{
	for (;;) {
		size_t most =
			w->in_left < w->out_left ? w->in_left : w->out_left;
		const uint8_t *cr = memchr(w->in, '\r', most);
		size_t run = cr ? (size_t)(cr - w->in) : most;

		memcpy(w->out, w->in, run);
		w->out += run;
		w->out_left -= run;
		skip(w, run);
		if (!cr)
			return TEXT;
		/* cr lies before the end of output: there is room for an LF */
		if (w->in_left < 3 || cr[1] != '\n' || cr[2] == '.') {
			skip(w, 1);
			return TEXT_CR;
		}
		put(w, '\n');
		skip(w, 2);
		w->line_ends++;
	}
}

/* After a CR, with room for a byte: was it half of a line end? */
static unsigned
end_line(struct work *w)
{
	if (*w->in != '\n') {
		put(w, '\r');
		return TEXT;
	}
	put(w, '\n');
	skip(w, 1);
	w->line_ends++;
	return LINE_START;
}

/* Takes one step; false when there is no room for its output. */
static bool
step(struct body *b, struct work *w)
{
	switch (b->state) {
	case LINE_START:
		b->state = *w->in == '.' ? DOT : TEXT;
		skip(w, b->state == DOT);
		return true;
	case DOT:
		b->state = *w->in == '\r' ? DOT_CR : TEXT;
		skip(w, b->state == DOT_CR);
		return true;
	case DOT_CR:
		b->ended = *w->in == '\n';
		skip(w, b->ended);
		b->state = b->ended ? LINE_START : TEXT_CR;
		return true;
	}
	if (w->out_left == 0)
		return false;
	b->state = b->state == TEXT ? copy_lines(w) : end_line(w);
	return true;
}

size_t
body_decode(struct body *b, const uint8_t *in, size_t in_size, size_t *used,
	    uint8_t *out, size_t out_size)
{
	struct work w = { in, in_size, out, out_size, 0 };
	size_t written;

	while (w.in_left > 0 && !b->ended && step(b, &w))
		;
	written = out_size - w.out_left;
	*used = in_size - w.in_left;
	b->octets += written + w.line_ends;
	return written;
}
