/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "net/stranger.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

enum { SAMPLE_MAX = 48 };

/* The digits of SMTP and its like: "220 ", "220-", and what these say to a
 * ClientHello ("500 ", "421 "). */
static bool
has_number(const uint8_t *b, size_t size)
{
	return size > 3 && (b[0] == '2' || b[0] == '4' || b[0] == '5') &&
	       b[1] >= '0' && b[1] <= '9' && b[2] >= '0' && b[2] <= '9' &&
	       (b[3] == ' ' || b[3] == '-');
}

static bool
contains(const uint8_t *bytes, size_t size, const char *word)
{
	for (size_t i = 0; i < size; i++)
		if (text_starts(bytes + i, size - i, word))
			return true;
	return false;
}

const char *
stranger_name(const uint8_t *bytes, size_t size)
{
	static const struct {
		const char *begins, *name;
	} others[] = {
		{ "* OK", "an IMAP" },	    { "* BYE", "an IMAP" },
		{ "* PREAUTH", "an IMAP" }, { "* BAD", "an IMAP" },
		{ "HTTP/", "an HTTP" },	    { "SSH-", "an SSH" },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (text_starts(bytes, size, others[i].begins))
			return others[i].name;
	if (!has_number(bytes, size))
		return NULL;
	return contains(bytes, size, "FTP") ? "an FTP" : "an SMTP";
}

/* The first line, made safe. */
static void
sample(const uint8_t *bytes, size_t size, char out[SAMPLE_MAX])
{
	size_t length = 0;

	while (length < size && bytes[length] != '\r' && bytes[length] != '\n')
		length++;
	text_safe(out, SAMPLE_MAX, bytes, length);
}

int
stranger_error(enum err_kind kind, const uint8_t *bytes, size_t size,
	       struct err *e)
{
	char first[SAMPLE_MAX];

	sample(bytes, size, first);
	return err_set(e, kind, "this is %s port ('%s'): " STRANGER_PORTS,
		       stranger_name(bytes, size), first);
}

int
stranger_is_tls(struct err *e)
{
	return err_set(e, ERR_TLS,
		       "this port speaks TLS from the first byte: set "
		       "tls = \"implicit\" (the port of POP3 is 995 then)");
}

int
stranger_is_clear(const uint8_t *bytes, size_t size, struct err *e)
{
	char first[SAMPLE_MAX];

	if (stranger_name(bytes, size))
		return stranger_error(ERR_TLS, bytes, size, e);
	if (bytes[0] == '+' || bytes[0] == '-')
		return err_set(
			e, ERR_TLS,
			"this port speaks POP3 in the clear at first: set "
			"tls = \"starttls\"");
	sample(bytes, size, first);
	err_set(e, ERR_TLS, "server does not speak TLS on this port ('%s')",
		first);
	return err_set(e, ERR_TLS, "%s: " STRANGER_PORTS, e->text);
}
