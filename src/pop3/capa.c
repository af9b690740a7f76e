/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a server says it can do: the lines of CAPA.
 */
#include "config.h"

#include "pop3/capa.h"

#include <string.h>

#include "base/text.h"
#include "pop3/method.h"

/* Larger values are taken for nonsense and ignored. */
enum { LOGIN_DELAY_MAX = 30 * 24 * 3600, EXPIRE_MAX = 36500 };

struct word {
	const uint8_t *bytes;
	size_t size;
};

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

/* Takes the next word off the line; at the end it is empty. */
static struct word
next_word(struct word *line)
{
	struct word w;

	while (line->size > 0 && is_blank(*line->bytes)) {
		line->bytes++;
		line->size--;
	}
	w.bytes = line->bytes;
	w.size = 0;
	while (w.size < line->size && !is_blank(w.bytes[w.size]))
		w.size++;
	line->bytes += w.size;
	line->size -= w.size;
	return w;
}

static bool
is(struct word w, const char *name)
{
	return text_is_word(w.bytes, w.size, name);
}

void
capa_start(struct capa *c)
{
	memset(c, 0, sizeof(*c));
	c->expire_days = CAPA_EXPIRE_UNSAID;
}

static void
read_other(struct capa *c, struct word w)
{
	char name[CAPA_TEXT_MAX];
	size_t used = strlen(c->others), size;

	text_safe(name, sizeof(name), w.bytes, w.size);
	size = strlen(name) + 1;
	if (used + size >= sizeof(c->others))
		return;
	c->others[used] = ' ';
	memcpy(c->others + used + 1, name, size);
}

static void
read_mechanism(struct capa *c, struct word w)
{
	for (unsigned i = 0; method_table[i].word; i++)
		if (method_table[i].name && is(w, method_table[i].name)) {
			c->mechanisms |= UINT32_C(1) << i;
			return;
		}
	read_other(c, w);
}

/* Old servers spread the mechanisms over several lines, so each line adds to
 * the set. */
static void
read_sasl(struct capa *c, struct word args)
{
	struct word w;

	c->sasl = true;
	while ((w = next_word(&args)).size > 0)
		read_mechanism(c, w);
}

/* RFC 2449 6.5: LOGIN-DELAY seconds ["USER"] */
static void
read_login_delay(struct capa *c, struct word args)
{
	struct word w = next_word(&args);
	uint64_t seconds;

	if (text_number(w.bytes, w.size, LOGIN_DELAY_MAX, &seconds))
		c->login_delay_s = (int64_t)seconds;
	c->varies |= is(next_word(&args), "USER");
}

/* RFC 2449 6.7: EXPIRE days|"NEVER" ["USER"] */
static void
read_expire(struct capa *c, struct word args)
{
	struct word w = next_word(&args);
	uint64_t days;

	if (is(w, "NEVER"))
		c->expire_days = CAPA_EXPIRE_NEVER;
	else if (text_number(w.bytes, w.size, EXPIRE_MAX, &days))
		c->expire_days = (int64_t)days;
	c->varies |= is(next_word(&args), "USER");
}

static void
read_implementation(struct capa *c, struct word args)
{
	while (args.size > 0 && is_blank(*args.bytes)) {
		args.bytes++;
		args.size--;
	}
	text_safe(c->implementation, sizeof(c->implementation), args.bytes,
		  args.size);
}

/* These tags say everything by their presence; not all are worth
 * remembering. */
static const struct flag {
	const char *tag;
	size_t at;
	bool is_kept;
} flags[] = {
	{ "TOP", offsetof(struct capa, top), true },
	{ "USER", offsetof(struct capa, user), true },
	{ "UIDL", offsetof(struct capa, uidl), true },
	{ "STLS", offsetof(struct capa, stls), false },
	{ "PIPELINING", offsetof(struct capa, pipelining), true },
	{ "UTF8", offsetof(struct capa, utf8), false },
	{ "RESP-CODES", offsetof(struct capa, resp_codes), true },
	{ "AUTH-RESP-CODE", offsetof(struct capa, auth_resp_code), true },
};
enum { FLAGS = sizeof(flags) / sizeof(*flags) };

static void
read_flags(struct capa *c, struct word tag)
{
	for (size_t i = 0; i < FLAGS; i++)
		if (is(tag, flags[i].tag))
			*(bool *)((char *)c + flags[i].at) = true;
	c->resp_codes |= c->auth_resp_code;
}

void
capa_line(struct capa *c, const uint8_t *line, size_t size)
{
	struct word args = { line, size };
	struct word tag = next_word(&args);

	read_flags(c, tag);
	if (is(tag, "SASL"))
		read_sasl(c, args);
	else if (is(tag, "LOGIN-DELAY"))
		read_login_delay(c, args);
	else if (is(tag, "EXPIRE"))
		read_expire(c, args);
	else if (is(tag, "IMPLEMENTATION"))
		read_implementation(c, args);
}

/* --- remembering --- */

void
capa_write_mechanisms(const struct capa *c, struct buf *out)
{
	for (unsigned i = 0; method_table[i].word; i++)
		if (method_table[i].name && c->mechanisms & UINT32_C(1) << i)
			(void)buf_format(out, " %s", method_table[i].name);
	(void)buf_format(out, "%s", c->others);
}

static void
write_sasl(const struct capa *c, struct buf *out)
{
	if (!c->sasl)
		return;
	(void)buf_format(out, "SASL");
	capa_write_mechanisms(c, out);
	(void)buf_byte(out, '\n');
}

void
capa_write(const struct capa *c, struct buf *out)
{
	for (size_t i = 0; i < FLAGS; i++)
		if (flags[i].is_kept &&
		    *(const bool *)((const char *)c + flags[i].at))
			(void)buf_format(out, "%s\n", flags[i].tag);
	write_sasl(c, out);
	if (c->login_delay_s > 0)
		(void)buf_format(out, "LOGIN-DELAY %lld\n",
				 (long long)c->login_delay_s);
	if (c->expire_days == CAPA_EXPIRE_NEVER)
		(void)buf_format(out, "EXPIRE NEVER\n");
	else if (c->expire_days >= 0)
		(void)buf_format(out, "EXPIRE %lld\n",
				 (long long)c->expire_days);
}

void
capa_read(struct capa *c, const char *text)
{
	capa_start(c);
	c->known = true;
	while (*text) {
		size_t size = strcspn(text, "\n");

		capa_line(c, (const uint8_t *)text, size);
		text += size + (text[size] == '\n');
	}
}
