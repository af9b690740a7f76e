/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The digests of a header. */
#include "config.h"
#include "deliver/headerdigest.h"

#include <string.h>

void
headerdigest_init(struct headerdigest *d)
{
	*d = (struct headerdigest){
		.stable = digest_new(DIGEST_SHA256),
		.all = digest_new(DIGEST_SHA256)
	};
}

void
headerdigest_free(struct headerdigest *d)
{
	digest_free(&d->stable);
	digest_free(&d->all);
}

static void
flush(struct headerdigest *d)
{
	if (d->to & HEADERDIGEST_STABLE)
		digest_add(d->stable, d->out, d->out_len);
	if (d->to & HEADERDIGEST_ALL)
		digest_add(d->all, d->out, d->out_len);
	d->out_len = 0;
}

void
headerdigest_direct(struct headerdigest *d, unsigned to)
{
	if (to != d->to)
		flush(d);
	d->to = to;
}

static void
emit(struct headerdigest *d, uint8_t byte)
{
	if (d->out_len == HEADERDIGEST_OUT_MAX)
		flush(d);
	d->out[d->out_len++] = byte;
}

void
headerdigest_open(struct headerdigest *d, const char *name, size_t size,
		  bool is_name)
{
	for (size_t i = 0; i < size; i++)
		emit(d, (uint8_t)name[i]);
	if (is_name)
		emit(d, ':');
	d->begun = !is_name;
	d->blank = false;
}

/* There is room for all of it and one blank more. */
static void
emit_value(struct headerdigest *d, const uint8_t *bytes, size_t size)
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
headerdigest_value(struct headerdigest *d, const uint8_t *bytes, size_t size)
{
	size_t piece;

	for (; size > 0; bytes += piece, size -= piece) {
		if (HEADERDIGEST_OUT_MAX - d->out_len < 2)
			flush(d);
		piece = HEADERDIGEST_OUT_MAX - d->out_len - 1;
		if (piece > size)
			piece = size;
		emit_value(d, bytes, piece);
	}
}

void
headerdigest_close(struct headerdigest *d)
{
	emit(d, '\n');
}

void
headerdigest_end(struct headerdigest *d, bool stable,
		 uint8_t out[DIGEST_SHA256_SIZE])
{
	uint8_t of_stable[DIGEST_SIZE_MAX], of_all[DIGEST_SIZE_MAX];

	flush(d);
	digest_end(d->stable, of_stable);
	digest_end(d->all, of_all);
	memcpy(out, stable ? of_stable : of_all, DIGEST_SHA256_SIZE);
}
