/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Reads a message's header as it streams by. */
#include "config.h"

#include "message/header.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "message/address.h"
#include "message/caption.h"
#include "message/header_digest.h"

/* Longer than any name that means something here. */
enum { NAME_MAX_KEPT = 32 };

/* The beginning of a value. */
struct text {
	uint8_t bytes[CAPTION_VALUE_MAX];
	size_t size;
	bool seen;
};

enum place {
	AT_LINE, /* the next byte begins a line of the header */
	IN_NAME,
	IN_VALUE,
	IN_BODY
};

struct header {
	enum place place;
	bool ended; /* header_end was called: the digests below are valid */
	bool without_content;
	bool cr; /* a CR that belongs to the line end if LF follows */

	/* the open field */
	bool field;	      /* there is one: a blank continues it */
	bool changes;	      /* servers add and change it */
	int64_t field_octets; /* of it, so far */
	char name[NAME_MAX_KEPT];
	size_t name_len;
	struct text *text;	  /* gets its value, or NULL */
	struct address *listener; /* the same */

	/* what the fields have shown */
	bool has_id;
	bool has_field;
	int64_t changing; /* octets of the fields that servers change */
	struct address path, from;
	bool path_seen, from_seen;
	struct text texts[HEADER_TEXTS];

	/* digests, under way and done */
	struct header_digest digests;
	struct digest *content;
	uint8_t digest[DIGEST_SHA256_SIZE];
	uint8_t content_digest[DIGEST_SHA256_SIZE];
};

static const char *const stable_names[] = { "message-id", "date",    "from",
					    "to",	  "subject", NULL };
/* Servers add and change these. */
static const char *const changing_names[] = { "status", "x-status", "x-uidl",
					      "x-keywords", NULL };

struct header *
header_new(void)
{
	struct header *h = mem_alloc(sizeof(*h));

	header_digest_init(&h->digests);
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
	header_digest_free(&(*h)->digests);
	digest_free(&(*h)->content);
	free(*h);
	*h = NULL;
}

void
header_start(struct header *h)
{
	uint8_t unused[DIGEST_SIZE_MAX];

	if (h->place != IN_BODY)
		header_digest_end(&h->digests, true, h->digest);
	if (!h->ended && !h->without_content)
		digest_end(h->content, unused);
	h->place = AT_LINE;
	h->ended = h->cr = h->field = h->has_id = h->has_field = false;
	h->path_seen = h->from_seen = false;
	for (size_t i = 0; i < HEADER_TEXTS; i++)
		h->texts[i].size = h->texts[i].seen = 0;
	h->field_octets = h->changing = 0;
	h->text = NULL;
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
keep_text(struct header *h, enum header_text which)
{
	struct text *t = &h->texts[which];

	if (t->seen)
		return;
	t->seen = true;
	h->text = t;
}

static void
close_field(struct header *h)
{
	if (!h->field)
		return;
	header_digest_close(&h->digests);
	if (h->changes)
		h->changing += h->field_octets;
	if (h->listener)
		address_end(h->listener);
	h->listener = NULL;
	h->text = NULL;
	h->field = false;
}

/* To be called when the name is known, or known not to be one of ours. */
static void
open_value(struct header *h, unsigned to, bool is_name)
{
	h->changes = to == 0;
	header_digest_direct(&h->digests, to);
	header_digest_open(&h->digests, h->name, h->name_len, is_name);
	h->place = IN_VALUE;
}

static void
end_name(struct header *h)
{
	static const char *const path[] = { "return-path", NULL };
	static const char *const from[] = { "from", NULL };
	static const char *const id[] = { "message-id", NULL };
	static const char *const date[] = { "date", NULL };
	static const char *const subject[] = { "subject", NULL };
	unsigned to = HEADER_DIGEST_ALL;

	while (h->name_len > 0 && is_blank((uint8_t)h->name[h->name_len - 1]))
		h->name_len--;
	if (is_named(h, stable_names))
		to |= HEADER_DIGEST_STABLE;
	else if (is_named(h, changing_names))
		to = 0;
	if (is_named(h, id))
		h->has_id = true;
	if (is_named(h, date))
		keep_text(h, HEADER_DATE);
	if (is_named(h, subject))
		keep_text(h, HEADER_SUBJECT);
	if (is_named(h, path))
		listen(h, &h->path, &h->path_seen);
	if (is_named(h, from)) {
		keep_text(h, HEADER_FROM);
		listen(h, &h->from, &h->from_seen);
	}
	open_value(h, to, true);
}

/* The line has no colon, or one so late that no name of ours is before it. */
static void
give_up_name(struct header *h)
{
	open_value(h, HEADER_DIGEST_ALL, false);
}

static uint8_t
lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
}

static void
note_text(struct text *t, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size && t->size < sizeof(t->bytes); i++)
		if (!is_blank(bytes[i]) || t->size > 0)
			t->bytes[t->size++] = bytes[i] == '\t' ? ' ' : bytes[i];
}

static void
add_value(struct header *h, const uint8_t *bytes, size_t size)
{
	if (h->text)
		note_text(h->text, bytes, size);
	for (size_t i = 0; h->listener && i < size; i++)
		address_add(h->listener, bytes[i]);
	header_digest_value(&h->digests, bytes, size);
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
	header_digest_end(&h->digests, h->has_id, h->digest);
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
	h->field_octets = 0;
	h->name_len = 0;
	h->place = IN_NAME;
}

/* Takes a byte of the header.  CRs before an LF are gone by now. */
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

/* How much of the input belongs to the value and has no line end in it. */
static size_t
value_run(const struct header *h, const uint8_t *bytes, size_t size)
{
	const uint8_t *end;

	if (h->place != IN_VALUE || h->cr)
		return 0;
	/* a CR at every second byte must not cost a look at all the rest each
	 * time */
	size = size < RUN_MAX ? size : RUN_MAX;
	end = memchr(bytes, '\n', size);
	if (end)
		size = (size_t)(end - bytes);
	end = memchr(bytes, '\r', size);
	return end ? (size_t)(end - bytes) : size;
}

/* The same for a name, up to its colon; the bytes are taken here. */
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
		h->field_octets += (int64_t)run;
		i += run;
		if (run > 0)
			continue;
		add_any(h, bytes[i]);
		h->field_octets += bytes[i++] == '\n' ? 2 : 1;
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

int64_t
header_octets(const struct header *h, int64_t octets)
{
	assert(h->ended);
	return octets > h->changing ? octets - h->changing : 1;
}

void
header_text(const struct header *h, enum header_text which,
	    char out[HEADER_TEXT_MAX])
{
	const struct text *t = &h->texts[which];

	caption_text(out, HEADER_TEXT_MAX, t->bytes, t->size);
}

void
header_from_name(const struct header *h, char out[HEADER_TEXT_MAX])
{
	const struct text *t = &h->texts[HEADER_FROM];

	caption_name(out, HEADER_TEXT_MAX, t->bytes, t->size);
}

void
header_date(const struct header *h, char out[HEADER_DATE_MAX])
{
	const struct text *t = &h->texts[HEADER_DATE];
	size_t i;

	for (i = 0; i < t->size && i < HEADER_DATE_MAX - 1; i++)
		out[i] = t->bytes[i] >= ' ' && t->bytes[i] < 0x7f
				 ? (char)t->bytes[i]
				 : '?';
	out[i] = '\0';
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
