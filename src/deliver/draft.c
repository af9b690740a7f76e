/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A staged file while it is written. */
#include "config.h"
#include "deliver/draft.h"

#include "sys/fs.h"

enum { WAITING_MAX = 64 * 1024 };

void
draft_start(struct draft *d, int fd)
{
	d->fd = fd;
	d->size = 0;
	buf_init(&d->waiting, WAITING_MAX);
}

static int
write_waiting(struct draft *d, struct err *e)
{
	if (d->waiting.len == 0)
		return 0;
	if (fs_write(d->fd, d->waiting.data, d->waiting.len, e) != 0)
		return -1;
	buf_clear(&d->waiting);
	return 0;
}

int
draft_add(struct draft *d, const void *bytes, size_t size, struct err *e)
{
	d->size += size;
	if (buf_append(&d->waiting, bytes, size))
		return 0;
	if (write_waiting(d, e) != 0)
		return -1;
	if (buf_append(&d->waiting, bytes, size))
		return 0;
	return fs_write(d->fd, bytes, size, e);
}

int
draft_flush(struct draft *d, struct err *e)
{
	if (write_waiting(d, e) != 0)
		return -1;
	buf_free(&d->waiting);
	return 0;
}

void
draft_close(struct draft *d)
{
	buf_free(&d->waiting);
	fs_drop(&d->fd);
}
