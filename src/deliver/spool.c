/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Texts on disk until they are appended to an mbox. */
#include "config.h"

#include "deliver/spool.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/types.h>

#include "base/mem.h"
#include "sys/fs.h"

/* A file that has grown to this size takes no new texts, and goes with its last
 * one, so that the spool holds little more than the texts that are in hand. */
enum { FILE_FULL = 16 * 1024 * 1024 };

struct spool_file {
	int fd;
	uint64_t end;
	size_t users;
};

struct spool {
	const char *directory;
	char *name;		    /* of its files, as fs_temp takes it */
	struct spool_file *current; /* for new texts, or NULL */
};

/* Bytes of a text that stand together in its file. */
struct extent {
	uint64_t at;
	uint64_t size;
};

struct spool_text {
	struct spool *spool;
	struct spool_file *file;
	struct extent *extents; /* in order of the text */
	size_t count;
	uint64_t size;
};

struct spool *
spool_new(const char *directory, const char *name)
{
	struct spool *s = mem_alloc(sizeof(*s));

	s->directory = directory;
	s->name = mem_string(name);
	return s;
}

static void
close_file(struct spool_file *f)
{
	fs_drop(&f->fd);
	free(f);
}

void
spool_free(struct spool **s)
{
	if (!*s)
		return;
	assert(!(*s)->current || (*s)->current->users == 0);
	if ((*s)->current)
		close_file((*s)->current);
	free((*s)->name);
	free(*s);
	*s = NULL;
}

static int
open_file(struct spool *s, struct err *e)
{
	int fd = -1;

	if (fs_temp(s->directory, s->name, &fd, e) != 0)
		return -1;
	s->current = mem_alloc(sizeof(*s->current));
	s->current->fd = fd;
	return 0;
}

int
spool_begin(struct spool *s, struct spool_text **t, struct err *e)
{
	if (s->current && s->current->end >= FILE_FULL)
		s->current = NULL; /* its last user closes it */
	if (!s->current && open_file(s, e) != 0)
		return -1;
	*t = mem_alloc(sizeof(**t));
	(*t)->spool = s;
	(*t)->file = s->current;
	s->current->users++;
	return 0;
}

static void
add_extent(struct spool_text *t, uint64_t at, uint64_t size)
{
	struct extent *last = t->count ? t->extents + t->count - 1 : NULL;

	if (last && last->at + last->size == at) {
		last->size += size;
		return;
	}
	t->extents = mem_resize(t->extents, t->count + 1, sizeof(*t->extents));
	t->extents[t->count++] = (struct extent){ at, size };
}

int
spool_add(struct spool_text *t, const void *bytes, size_t size, struct err *e)
{
	struct spool_file *f = t->file;

	if (fs_write_at(f->fd, bytes, size, (off_t)f->end, e) != 0)
		return -1;
	add_extent(t, f->end, size);
	f->end += size;
	t->size += size;
	return 0;
}

uint64_t
spool_size(const struct spool_text *t)
{
	return t->size;
}

/* Reads as much of the piece as one extent holds. */
static int
read_some(const struct spool_text *t, uint64_t at, void *out, size_t *size,
	  struct err *e)
{
	const struct extent *x = t->extents;
	size_t got = 0;

	for (; at >= x->size; x++)
		at -= x->size;
	if (*size > x->size - at)
		*size = (size_t)(x->size - at);
	if (fs_read_at(t->file->fd, out, *size, (off_t)(x->at + at), &got, e))
		return -1;
	if (got < *size)
		return err_set(e, ERR_LOCAL,
			       "a spool file in '%s' was truncated",
			       t->spool->directory);
	return 0;
}

int
spool_read(const struct spool_text *t, uint64_t at, void *out, size_t size,
	   struct err *e)
{
	char *to = out;
	size_t some;

	assert(at <= t->size && size <= t->size - at);
	for (; size > 0; size -= some) {
		some = size;
		if (read_some(t, at, to, &some, e) != 0)
			return -1;
		to += some;
		at += some;
	}
	return 0;
}

/* An idle file is emptied and used again; one that is full, or cannot be
 * emptied, is closed. */
static void
leave_file(struct spool *s, struct spool_file *f)
{
	struct err e = ERR_INIT;

	if (--f->users > 0)
		return;
	if (f == s->current && fs_truncate(f->fd, 0, &e) == 0) {
		f->end = 0;
		return;
	}
	if (f == s->current)
		s->current = NULL;
	close_file(f);
}

void
spool_end(struct spool_text **t)
{
	struct spool_text *old = *t;

	*t = NULL;
	if (!old)
		return;
	leave_file(old->spool, old->file);
	free(old->extents);
	free(old);
}
