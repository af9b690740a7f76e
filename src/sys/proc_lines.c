/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a program says, line by line. */
#include "config.h"

#include "sys/proc_lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* STEPS of these are more than a pipe holds. */
enum { STEP = 8 * 1024, STEPS = 16 };

void
proc_lines_start(struct proc_lines *l, proc_lines_note *note, void *arg,
		 int output, int errors)
{
	memset(l, 0, sizeof(*l));
	l->note = note;
	l->arg = arg;
	l->streams[0].fd = output;
	l->streams[1].fd = errors;
}

size_t
proc_lines_poll(const struct proc_lines *l, int fds[PROC_LINES_STREAMS])
{
	size_t i, count = 0;

	for (i = 0; i < PROC_LINES_STREAMS; i++)
		if (l->streams[i].fd >= 0)
			fds[count++] = l->streams[i].fd;
	return count;
}

static void
end_line(struct proc_lines *l, struct proc_said *s)
{
	char safe[PROC_LINES_SIZE + 1];
	size_t size = s->size;

	s->size = 0;
	s->any = false;
	if (size > 0 && s->text[size - 1] == '\r')
		size--;
	text_safe(safe, sizeof(safe), s->text, size);
	if (*safe)
		memcpy(l->last, safe, sizeof(safe));
	if (l->count < PROC_LINES_MAX && l->note)
		l->note(l->arg, safe);
	l->count += l->count < PROC_LINES_MAX;
}

static void
take(struct proc_lines *l, struct proc_said *s, const char *p, size_t size)
{
	const char *lf, *end = p + size;
	size_t piece;

	for (; p < end; p = lf ? lf + 1 : end) {
		lf = memchr(p, '\n', (size_t)(end - p));
		piece = (size_t)((lf ? lf : end) - p);
		if (piece > PROC_LINES_SIZE - s->size)
			piece = PROC_LINES_SIZE - s->size;
		memcpy(s->text + s->size, p, piece);
		s->size += piece;
		s->any = true;
		if (lf)
			end_line(l, s);
	}
}

static void
read_stream(struct proc_lines *l, struct proc_said *s)
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
proc_lines_read(struct proc_lines *l)
{
	for (size_t i = 0; i < PROC_LINES_STREAMS; i++)
		read_stream(l, &l->streams[i]);
}

void
proc_lines_end(struct proc_lines *l)
{
	for (size_t i = 0; i < PROC_LINES_STREAMS; i++)
		if (l->streams[i].any)
			end_line(l, &l->streams[i]);
}

const char *
proc_lines_last(const struct proc_lines *l)
{
	return l->last;
}
