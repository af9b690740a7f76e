/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The digests of a header. */
#include "config.h"

#include "message/header_digest.h"

#include <string.h>

void
header_digest_init(struct header_digest *d)
{
	*d = (struct header_digest){ .stable = digest_new(DIGEST_SHA256),
				     .all = digest_new(DIGEST_SHA256) };
}

void
header_digest_free(struct header_digest *d)
{
	digest_free(&d->stable);
	digest_free(&d->all);
}

static void
flush(struct header_digest *d)
{
	if (d->to & HEADER_DIGEST_STABLE)
		digest_add(d->stable, d->out, d->out_len);
	if (d->to & HEADER_DIGEST_ALL)
		digest_add(d->all, d->out, d->out_len);
	d->out_len = 0;
}

void
header_digest_direct(struct header_digest *d, unsigned to)
{
	if (to != d->to)
		flush(d);
	d->to = to;
}

static void
emit(struct header_digest *d, uint8_t byte)
{
	if (d->out_len == HEADER_DIGEST_OUT_MAX)
		flush(d);
	d->out[d->out_len++] = byte;
}

void
header_digest_open(struct header_digest *d, const char *name, size_t size,
		   bool is_name)
{
	for (size_t i = 0; i < size; i++)
		emit(d, (uint8_t)name[i]);
	if (is_name)
		emit(d, ':');
	d->begun = !is_name;
	d->blank = false;
}

/* There is room for all of it and one more blank. */
static void
emit_value(struct header_digest *d, const uint8_t *bytes, size_t size)
{
	uint8_t *to = d->out + d->out_len;
	bool blank = d->blank, begun = d->begun;

	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == ' ' || bytes[i] == '\t') {
			blank = begun;
			continue;
		}
		if (blank)
			*to++ = ' ';
		blank = false;
		begun = true;
		*to++ = bytes[i];
	}
	d->out_len = (size_t)(to - d->out);
	d->blank = blank;
	d->begun = begun;
}

void
header_digest_value(struct header_digest *d, const uint8_t *bytes, size_t size)
{
	size_t piece;

	for (; size > 0; bytes += piece, size -= piece) {
		if (HEADER_DIGEST_OUT_MAX - d->out_len < 2)
			flush(d);
		piece = HEADER_DIGEST_OUT_MAX - d->out_len - 1;
		if (piece > size)
			piece = size;
		emit_value(d, bytes, piece);
	}
}

void
header_digest_close(struct header_digest *d)
{
	emit(d, '\n');
}

void
header_digest_end(struct header_digest *d, bool stable,
		  uint8_t out[DIGEST_SHA256_SIZE])
{
	uint8_t of_stable[DIGEST_SIZE_MAX], of_all[DIGEST_SIZE_MAX];

	flush(d);
	digest_end(d->stable, of_stable);
	digest_end(d->all, of_all);
	memcpy(out, stable ? of_stable : of_all, DIGEST_SHA256_SIZE);
}
