/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an MDA writes, line by line. */
#include "config.h"
#include "deliver/mdalines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* Together more than a pipe holds. */
enum { STEP = 8 * 1024, STEPS = 16 };

void
mdalines_start(struct mdalines *l, const struct deliver_target *target,
	       int output, int errors)
{
	memset(l, 0, sizeof(*l));
	l->target = target;
	l->streams[0].fd = output;
	l->streams[1].fd = errors;
}

size_t
mdalines_poll(const struct mdalines *l, int fds[MDALINES_STREAMS])
{
	size_t i, count = 0;

	for (i = 0; i < MDALINES_STREAMS; i++)
		if (l->streams[i].fd >= 0)
			fds[count++] = l->streams[i].fd;
	return count;
}

static void
end_line(struct mdalines *l, struct mdaline *s)
{
	char safe[MDALINES_SIZE + 1];
	size_t size = s->size;

	s->size = 0;
	s->any = false;
	if (size > 0 && s->text[size - 1] == '\r')
		size--;
	text_safe(safe, sizeof(safe), s->text, size);
	if (*safe)
		memcpy(l->last, safe, sizeof(safe));
	if (l->count < MDALINES_MAX && l->target->note)
		l->target->note(l->target->note_arg, safe);
	l->count += l->count < MDALINES_MAX;
}

static void
take(struct mdalines *l, struct mdaline *s, const char *p, size_t size)
{
	const char *lf, *end = p + size;
	size_t piece;

	for (; p < end; p = lf ? lf + 1 : end) {
		lf = memchr(p, '\n', (size_t)(end - p));
		piece = (size_t)((lf ? lf : end) - p);
		if (piece > MDALINES_SIZE - s->size)
			piece = MDALINES_SIZE - s->size;
		memcpy(s->text + s->size, p, piece);
		s->size += piece;
		s->any = true;
		if (lf)
			end_line(l, s);
	}
}

static void
read_stream(struct mdalines *l, struct mdaline *s)
{
	char step[STEP];
	ssize_t n = 1;
	int i;

	for (i = 0; i < STEPS && n > 0 && s->fd >= 0; i++) {
		n = read(s->fd, step, sizeof(step));
		if (n > 0)
			take(l, s, step, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			s->fd = -1;
	}
}

void
mdalines_read(struct mdalines *l)
{
	size_t i;

	for (i = 0; i < MDALINES_STREAMS; i++)
		read_stream(l, &l->streams[i]);
}

void
mdalines_end(struct mdalines *l)
{
	size_t i;

	for (i = 0; i < MDALINES_STREAMS; i++)
		if (l->streams[i].any)
			end_line(l, &l->streams[i]);
}

const char *
mdalines_last(const struct mdalines *l)
{
	return l->last;
}
