/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A staged file while it is written. */
#include "config.h"

#include "deliver/draft.h"

#include <sys/types.h>

#include "sys/fs.h"

/* Pieces from DRAFT_DIRECT_MIN on are not worth a copy. */
enum { WAITING_MAX = 64 * 1024 };
/* After this many bytes at the latest the disk begins to write them, so that
 * the sync of a large message finds little left to wait for. */
enum { UNSTARTED_MAX = 8 * 1024 * 1024 };

void
draft_start(struct draft *d, int fd)
{
	d->fd = fd;
	d->size = d->written = d->started = 0;
	d->to_sync = false;
	buf_init(&d->waiting, WAITING_MAX);
}

static int
write_out(struct draft *d, const void *bytes, size_t size, struct err *e)
{
	if (size == 0)
		return 0;
	if (fs_write(d->fd, bytes, size, e) != 0)
		return -1;
	d->written += size;
	if (d->to_sync && d->written - d->started >= UNSTARTED_MAX) {
		fs_start_writing(d->fd, (off_t)d->started,
				 (off_t)(d->written - d->started));
		d->started = d->written;
	}
	return 0;
}

static int
write_waiting(struct draft *d, struct err *e)
{
	if (write_out(d, d->waiting.data, d->waiting.len, e) != 0)
		return -1;
	buf_clear(&d->waiting);
	return 0;
}

int
draft_add(struct draft *d, const void *bytes, size_t size, struct err *e)
{
	bool direct = size >= DRAFT_DIRECT_MIN;

	d->size += size;
	if (!direct && buf_append(&d->waiting, bytes, size))
		return 0;
	if (write_waiting(d, e) != 0)
		return -1;
	if (!direct && buf_append(&d->waiting, bytes, size))
		return 0;
	return write_out(d, bytes, size, e);
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
