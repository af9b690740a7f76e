/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Quotes a message for an mbox as it streams by. */
#include "config.h"

#include "deliver/mbox/mboxrd.h"

#include <stdbool.h>
#include <string.h>

static const char from[] = "From ";
enum { FROM_SIZE = sizeof(from) - 1 };

void
mboxrd_start(struct mboxrd *m)
{
	m->place = MBOXRD_LINE;
	m->matched = 0;
}

/* The '>'s before it have been passed on already; one more after them is as
 * good. */
static void
add_matching(struct mboxrd *m, struct buf *out)
{
	m->place = MBOXRD_FROM;
	if (++m->matched < FROM_SIZE)
		return;
	buf_put(out, ">", 1);
	buf_put(out, from, FROM_SIZE);
	m->matched = 0;
	m->place = MBOXRD_REST;
}

/* Adds a byte of a line that may turn out to need quoting. */
static void
add_byte(struct mboxrd *m, char byte, struct buf *out)
{
	if (byte == from[m->matched]) {
		add_matching(m, out);
		return;
	}
	buf_put(out, from, m->matched);
	buf_put(out, &byte, 1);
	if (byte == '\n')
		m->place = MBOXRD_LINE;
	else if (byte != '>' || m->place != MBOXRD_LINE)
		m->place = MBOXRD_REST;
	m->matched = 0;
}

void
mboxrd_add(struct mboxrd *m, const void *bytes, size_t size, struct buf *out)
{
	const char *p = bytes, *end = p + size, *lf;

	while (p < end) {
		if (m->place != MBOXRD_REST) {
			add_byte(m, *p++, out);
			continue;
		}
		lf = memchr(p, '\n', (size_t)(end - p));
		buf_put(out, p, (size_t)((lf ? lf + 1 : end) - p));
		p = lf ? lf + 1 : end;
		if (lf)
			m->place = MBOXRD_LINE;
	}
}

void
mboxrd_end(struct mboxrd *m, struct buf *out)
{
	buf_put(out, from, m->matched);
	mboxrd_start(m);
}
