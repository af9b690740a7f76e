/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads a message's header as it streams by. */
#include "config.h"
#include "deliver/header.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/address.h"

/* Longer than any name that means something here. */
enum { NAME_MAX_KEPT = 32 };
enum { OUT_MAX = 1024 };

enum place {
	AT_LINE,		/* the next byte begins a line of the header */
	IN_NAME,
	IN_VALUE,
	IN_BODY
};

/* Which digests a field goes to. */
enum { TO_STABLE = 1, TO_ALL = 2 };

struct header {
	enum place place;
	bool ended;		/* header_end was called; digests are below */
	bool without_content;
	bool cr;		/* a CR that belongs to the line end if LF follows */
	bool field;		/* a field is open: a blank continues it */
	bool blank;		/* blanks in the value wait for what follows */
	bool begun;		/* the value has had something but blanks */
	bool has_id;
	bool has_field;
	unsigned to;
	char name[NAME_MAX_KEPT];
	size_t name_len;
	struct address path, from;
	bool path_seen, from_seen;
	char date[HEADER_DATE_MAX];
	size_t date_len;
	bool in_date;
	struct address *listener;	/* gets the open field's value, or NULL */

	struct digest *stable, *all, *content;
	uint8_t out[OUT_MAX];	/* waits for `stable` and `all` */
	size_t out_len;
	uint8_t digest[DIGEST_SHA256_SIZE];
	uint8_t content_digest[DIGEST_SHA256_SIZE];
};

static const char *const stable_names[] = {
	"message-id", "date", "from", "to", "subject", NULL
};
/* Servers add and change these. */
static const char *const changing_names[] = {
	"status", "x-status", "x-uidl", "x-keywords", NULL
};

struct header *
header_new(void)
{
	struct header *h = mem_alloc(sizeof(*h));

	h->stable = digest_new(DIGEST_SHA256);
	h->all = digest_new(DIGEST_SHA256);
	h->content = digest_new(DIGEST_SHA256);
	h->ended = true;
	header_start(h);
	return h;
}

void
header_free(struct header **h)
{
	if (!*h)
		return;
	digest_free(&(*h)->stable);
	digest_free(&(*h)->all);
	digest_free(&(*h)->content);
	free(*h);
	*h = NULL;
}

/* Ends the digests of the header, which leaves them ready for another one. */
static void
end_digests(struct header *h)
{
	uint8_t stable[DIGEST_SIZE_MAX], all[DIGEST_SIZE_MAX];

	digest_end(h->stable, stable);
	digest_end(h->all, all);
	memcpy(h->digest, h->has_id ? stable : all, DIGEST_SHA256_SIZE);
}

void
header_start(struct header *h)
{
	uint8_t unused[DIGEST_SIZE_MAX];

	if (h->place != IN_BODY)
		end_digests(h);
	if (!h->ended && !h->without_content)
		digest_end(h->content, unused);
	h->place = AT_LINE;
	h->ended = h->cr = h->field = h->has_id = h->has_field = false;
	h->path_seen = h->from_seen = false;
	h->out_len = h->date_len = 0;
	h->in_date = false;
	h->listener = NULL;
	address_start(&h->path);
	address_start(&h->from);
	address_end(&h->path);
	address_end(&h->from);
}

void
header_without_content(struct header *h)
{
	uint8_t unused[DIGEST_SIZE_MAX];

	if (!h->ended && !h->without_content)
		digest_end(h->content, unused);
	h->without_content = true;
}

/* --- what goes to the digests --- */

static void
flush(struct header *h)
{
	if (h->to & TO_STABLE)
		digest_add(h->stable, h->out, h->out_len);
	if (h->to & TO_ALL)
		digest_add(h->all, h->out, h->out_len);
	h->out_len = 0;
}

/* Where all goes that is emitted from now on. */
static void
direct(struct header *h, unsigned to)
{
	if (to != h->to)
		flush(h);
	h->to = to;
}

static void
emit(struct header *h, uint8_t byte)
{
	if (h->out_len == OUT_MAX)
		flush(h);
	h->out[h->out_len++] = byte;
}

/* --- fields --- */

static bool
is_named(const struct header *h, const char *const names[])
{
	for (; *names; names++)
		if (**names == h->name[0] && strlen(*names) == h->name_len &&
		    memcmp(*names, h->name, h->name_len) == 0)
			return true;
	return false;
}

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

/* Of several fields of one name the first, which is the uppermost, counts. */
static void
listen(struct header *h, struct address *a, bool *seen)
{
	if (*seen)
		return;
	*seen = true;
	address_start(a);
	h->listener = a;
}

static void
close_field(struct header *h)
{
	if (!h->field)
		return;
	emit(h, '\n');
	if (h->listener)
		address_end(h->listener);
	h->listener = NULL;
	h->in_date = false;
	h->field = false;
}

/* The name is known, or known to be none of ours; `to` is set. */
static void
open_value(struct header *h, bool begun)
{
	size_t i;

	for (i = 0; i < h->name_len; i++)
		emit(h, (uint8_t)h->name[i]);
	h->begun = begun;
	h->blank = false;
	h->place = IN_VALUE;
}

static void
end_name(struct header *h)
{
	static const char *const path[] = { "return-path", NULL };
	static const char *const from[] = { "from", NULL };
	static const char *const id[] = { "message-id", NULL };
	static const char *const date[] = { "date", NULL };

	while (h->name_len > 0 && is_blank((uint8_t)h->name[h->name_len - 1]))
		h->name_len--;
	if (is_named(h, stable_names))
		direct(h, TO_ALL | TO_STABLE);
	else
		direct(h, is_named(h, changing_names) ? 0 : TO_ALL);
	if (is_named(h, id))
		h->has_id = true;
	h->in_date = is_named(h, date) && h->date_len == 0;
	if (is_named(h, path))
		listen(h, &h->path, &h->path_seen);
	if (is_named(h, from))
		listen(h, &h->from, &h->from_seen);
	open_value(h, false);
	emit(h, ':');
}

/* A line without colon, or with one so late that no name of ours is before it. */
static void
give_up_name(struct header *h)
{
	direct(h, TO_ALL);
	open_value(h, true);
}

static uint8_t
lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

/* A piece of a value; there is room for all of it and one blank more. */
static void
emit_value(struct header *h, const uint8_t *bytes, size_t size)
{
	uint8_t *to = h->out + h->out_len;
	bool blank = h->blank, begun = h->begun;
	size_t i;

	for (i = 0; i < size; i++) {
		if (is_blank(bytes[i])) {
			blank = begun;
			continue;
		}
		if (blank)
			*to++ = ' ';
		blank = false;
		begun = true;
		*to++ = bytes[i];
	}
	h->out_len = (size_t)(to - h->out);
	h->blank = blank;
	h->begun = begun;
}

static void
note_date(struct header *h, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && h->date_len < HEADER_DATE_MAX - 1; i++)
		if (bytes[i] > ' ' || h->date_len > 0)
			h->date[h->date_len++] =
				bytes[i] >= ' ' && bytes[i] < 0x7f
					? (char)bytes[i] : '?';
}

static void
add_value(struct header *h, const uint8_t *bytes, size_t size)
{
	size_t piece, i;

	if (h->in_date)
		note_date(h, bytes, size);
	for (i = 0; h->listener && i < size; i++)
		address_add(h->listener, bytes[i]);
	for (; size > 0; bytes += piece, size -= piece) {
		if (OUT_MAX - h->out_len < 2)
			flush(h);
		piece = OUT_MAX - h->out_len - 1;
		if (piece > size)
			piece = size;
		emit_value(h, bytes, piece);
	}
}

static void
add_name(struct header *h, uint8_t byte)
{
	if (byte == ':') {
		end_name(h);
	} else if (h->name_len < NAME_MAX_KEPT) {
		h->name[h->name_len++] = (char)lower(byte);
	} else {
		give_up_name(h);
		add_value(h, &byte, 1);
	}
}

static void
end_header(struct header *h)
{
	if (h->place == IN_NAME)
		give_up_name(h);
	close_field(h);
	flush(h);
	end_digests(h);
	h->place = IN_BODY;
}

static void
end_line(struct header *h)
{
	if (h->place == AT_LINE) {
		end_header(h);
		return;
	}
	if (h->place == IN_NAME)
		give_up_name(h);
	h->place = AT_LINE;
}

static void
begin_line(struct header *h, uint8_t byte)
{
	if (is_blank(byte) && h->field) {
		h->place = IN_VALUE;
		return;
	}
	close_field(h);
	h->field = h->has_field = true;
	h->name_len = 0;
	h->place = IN_NAME;
}

/* CRs before LF are gone. */
static void
add_byte(struct header *h, uint8_t byte)
{
	if (byte == '\n') {
		end_line(h);
		return;
	}
	if (h->place == AT_LINE)
		begin_line(h, byte);
	if (h->place == IN_NAME)
		add_name(h, byte);
	else
		add_value(h, &byte, 1);
}

enum { RUN_MAX = 1024 };

/* So much of the input is a value without a line end. */
static size_t
value_run(const struct header *h, const uint8_t *bytes, size_t size)
{
	const uint8_t *end;

	if (h->place != IN_VALUE || h->cr)
		return 0;
	/* a CR at every second byte shall not cost a look at all the rest each */
	size = size < RUN_MAX ? size : RUN_MAX;
	end = memchr(bytes, '\n', size);
	if (end)
		size = (size_t)(end - bytes);
	end = memchr(bytes, '\r', size);
	return end ? (size_t)(end - bytes) : size;
}

/* The same of a name, up to its colon; it is taken here. */
static size_t
name_run(struct header *h, const uint8_t *bytes, size_t size)
{
	size_t i = 0;

	if (h->place != IN_NAME || h->cr)
		return 0;
	for (; i < size && h->name_len < NAME_MAX_KEPT; i++) {
		if (bytes[i] == ':' || bytes[i] == '\n' || bytes[i] == '\r')
			break;
		h->name[h->name_len++] = (char)lower(bytes[i]);
	}
	return i;
}

static size_t
add_run(struct header *h, const uint8_t *bytes, size_t size)
{
	size_t run = value_run(h, bytes, size);

	if (run == 0)
		return name_run(h, bytes, size);
	add_value(h, bytes, run);
	return run;
}

static void
add_any(struct header *h, uint8_t byte)
{
	bool cr = byte == '\r';

	if (h->cr && byte != '\n' && !(cr && h->place == AT_LINE))
		add_byte(h, '\r');
	h->cr = cr;
	if (!cr)
		add_byte(h, byte);
}

void
header_add(struct header *h, const uint8_t *bytes, size_t size)
{
	size_t i = 0, run;

	assert(!h->ended);
	if (!h->without_content)
		digest_add(h->content, bytes, size);
	while (i < size && h->place != IN_BODY) {
		run = add_run(h, bytes + i, size - i);
		i += run;
		if (run == 0)
			add_any(h, bytes[i++]);
	}
}

void
header_end(struct header *h)
{
	uint8_t content[DIGEST_SIZE_MAX];

	assert(!h->ended);
	if (h->place != IN_BODY) {
		if (h->cr)
			add_byte(h, '\r');
		end_header(h);
	}
	if (!h->without_content) {
		digest_end(h->content, content);
		memcpy(h->content_digest, content, DIGEST_SHA256_SIZE);
	}
	h->ended = true;
}

/* --- answers --- */

const uint8_t *
header_digest(const struct header *h)
{
	assert(h->ended);
	return h->digest;
}

bool
header_is_empty(const struct header *h)
{
	assert(h->ended);
	return !h->has_field;
}

const uint8_t *
header_content_digest(const struct header *h)
{
	assert(h->ended && !h->without_content);
	return h->content_digest;
}

void
header_date(const struct header *h, char out[HEADER_DATE_MAX])
{
	memcpy(out, h->date, h->date_len);
	out[h->date_len] = '\0';
}

const char *
header_sender(const struct header *h)
{
	if (h->path.kind == ADDRESS_GOOD)
		return h->path.text;
	if (h->path.kind == ADDRESS_NONE && h->from.kind == ADDRESS_GOOD)
		return h->from.text;
	return "MAILER-DAEMON";
}
