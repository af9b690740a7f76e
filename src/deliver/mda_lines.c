/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What an MDA writes, line by line. */
#include "config.h"

#include "deliver/mda_lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* STEPS of these are more than a pipe holds. */
enum { STEP = 8 * 1024, STEPS = 16 };

void
mda_lines_start(struct mda_lines *l, const struct deliver_target *target,
		int output, int errors)
{
	memset(l, 0, sizeof(*l));
	l->target = target;
	l->streams[0].fd = output;
	l->streams[1].fd = errors;
}

size_t
mda_lines_poll(const struct mda_lines *l, int fds[MDA_LINES_STREAMS])
{
	size_t i, count = 0;

	for (i = 0; i < MDA_LINES_STREAMS; i++)
		if (l->streams[i].fd >= 0)
			fds[count++] = l->streams[i].fd;
	return count;
}

static void
end_line(struct mda_lines *l, struct mdaline *s)
{
	char safe[MDA_LINES_SIZE + 1];
	size_t size = s->size;

	s->size = 0;
	s->any = false;
	if (size > 0 && s->text[size - 1] == '\r')
		size--;
	text_safe(safe, sizeof(safe), s->text, size);
	if (*safe)
		memcpy(l->last, safe, sizeof(safe));
	if (l->count < MDA_LINES_MAX && l->target->note)
		l->target->note(l->target->note_arg, safe);
	l->count += l->count < MDA_LINES_MAX;
}

static void
take(struct mda_lines *l, struct mdaline *s, const char *p, size_t size)
{
	const char *lf, *end = p + size;
	size_t piece;

	for (; p < end; p = lf ? lf + 1 : end) {
		lf = memchr(p, '\n', (size_t)(end - p));
		piece = (size_t)((lf ? lf : end) - p);
		if (piece > MDA_LINES_SIZE - s->size)
			piece = MDA_LINES_SIZE - s->size;
		memcpy(s->text + s->size, p, piece);
		s->size += piece;
		s->any = true;
		if (lf)
			end_line(l, s);
	}
}

static void
read_stream(struct mda_lines *l, struct mdaline *s)
{
	char step[STEP];
	ssize_t n = 1;

	for (int i = 0; i < STEPS && n > 0 && s->fd >= 0; i++) {
		n = read(s->fd, step, sizeof(step));
		if (n > 0)
			take(l, s, step, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			s->fd = -1;
	}
}

void
mda_lines_read(struct mda_lines *l)
{
	for (size_t i = 0; i < MDA_LINES_STREAMS; i++)
		read_stream(l, &l->streams[i]);
}

void
mda_lines_end(struct mda_lines *l)
{
	for (size_t i = 0; i < MDA_LINES_STREAMS; i++)
		if (l->streams[i].any)
			end_line(l, &l->streams[i]);
}

const char *
mda_lines_last(const struct mda_lines *l)
{
	return l->last;
}
