/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Finds the address in a header field as it streams by. */
#include "config.h"

#include "message/address.h"

#include <string.h>

void
address_start(struct address *a)
{
	*a = (struct address){ .kind = ADDRESS_NONE };
}

/* What came so far was a display name, a group's name or a source route. */
static void
forget(struct address *a)
{
	a->len = 0;
	a->gap = a->broken = false;
}

static bool
is_route(const struct address *a)
{
	return a->len > 0 && a->text[0] == '@';
}

static void
keep(struct address *a, uint8_t byte)
{
	/* leaving it out would make the address of somebody else */
	if (byte <= ' ' || byte >= 0x7f || a->gap || a->len == ADDRESS_MAX - 1)
		a->broken = true;
	else
		a->text[a->len++] = (char)byte;
}

/* Is the byte in a comment or quoted string, or the beginning of one?  Then it
 * is dealt with here. */
static bool
is_shielded(struct address *a, uint8_t byte)
{
	if (a->escaped) {
		a->escaped = false;
	} else if (byte == '\\' && (a->quoted || a->comments)) {
		a->escaped = true;
	} else if (a->quoted) {
		a->quoted = byte != '"';
	} else if (byte == '(') {
		a->comments++;
		return true;
	} else if (a->comments > 0) {
		a->comments -= byte == ')';
		return true;
	} else if (byte == '"') {
		a->quoted = true;
	} else {
		return false;
	}
	if (a->comments == 0)
		keep(a, byte);
	return true;
}

void
address_add(struct address *a, uint8_t byte)
{
	if (a->done || is_shielded(a, byte))
		return;
	if (byte == '<' && !a->angle) {
		forget(a);
		a->angle = true;
	} else if (byte == '>' && a->angle) {
		a->done = true;
	} else if (byte == ':' && (!a->angle || is_route(a))) {
		forget(a);
	} else if ((byte == ',' || byte == ';') && !a->angle) {
		a->done = a->len > 0;
	} else if (byte == ' ' || byte == '\t') {
		a->gap = a->len > 0;
	} else {
		keep(a, byte);
	}
}

static bool
has_two_domains(const struct address *a)
{
	const char *first = strchr(a->text, '@');

	return a->text[0] != '"' && first && strchr(first + 1, '@');
}

/* Is nothing before the '@', or nothing behind it?  A bare word is a user of
 * this system. */
static bool
lacks_a_part(const struct address *a)
{
	return a->len > 0 && (a->text[0] == '@' || a->text[a->len - 1] == '@');
}

void
address_end(struct address *a)
{
	a->text[a->len] = '\0';
	a->broken |= has_two_domains(a) || lacks_a_part(a);
	if (a->angle && a->done && a->len == 0 && !a->broken)
		a->kind = ADDRESS_NULL;
	else if (a->len > 0 && !a->broken && a->text[0] != '-')
		a->kind = ADDRESS_GOOD;
	else
		a->kind = ADDRESS_NONE;
	a->done = true;
}
