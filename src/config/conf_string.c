/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A value in quotes in a configuration file. */
#include "config.h"

#include "config/conf_string.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"

enum { NAME_MAX_SHOWN = 64 };

bool
conf_string_is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

const char *
conf_string_foreign_quote(const void *bytes, size_t size)
{
	/* clang-format off */
	static const char *const quotes[] = {
		/* U+201C to U+201F, double; U+2018 to U+201B, single */
		"\342\200\234", "\342\200\235", "\342\200\236", "\342\200\237",
		"\342\200\230", "\342\200\231", "\342\200\232", "\342\200\233",
		/* angular, and an accent */
		"\302\253", "\302\273", "\342\200\271", "\342\200\272",
		"`", "\302\264",
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(quotes) / sizeof(*quotes); i++)
		if (size >= strlen(quotes[i]) &&
		    memcmp(bytes, quotes[i], strlen(quotes[i])) == 0)
			return quotes[i];
	return NULL;
}

struct string {
	const char *p, *end; /* what is not read yet */
	bool in_password;
	struct buf *value; /* decoded */
	struct err *e;
};

static int
fail(const struct string *s, const char *why)
{
	return err_set(s->e, ERR_CONFIG, "%s", why);
}

/* The byte that comes `ahead` bytes after the next one, or NUL at the end. */
static char
peek(const struct string *s, size_t ahead)
{
	return (size_t)(s->end - s->p) > ahead ? s->p[ahead] : '\0';
}

static int
take(struct string *s, char c)
{
	if (!c)
		return fail(s, "string has a NUL byte in it");
	if (!buf_byte(s->value, (uint8_t)c))
		return fail(s, "string is too long");
	return 0;
}

/* In a password, it is rather a part of the password than the name of a
 * variable, and not shown. */
static int
fail_unset(struct string *s, const char *name)
{
	if (s->in_password)
		return fail(s, "'${...}' in a password names a variable that "
			       "is not set; single quotes keep it as it is");
	return err_set(s->e, ERR_CONFIG,
		       "environment variable '%.*s' is not set; a backslash "
		       "before the $ keeps it as it is",
		       NAME_MAX_SHOWN, name);
}

static int
fail_open(struct string *s)
{
	return fail(s, s->in_password
			       ? "'${' without '}' in a password; single "
				 "quotes keep it as it is"
			       : "'${' without '}'; a backslash before the $ "
				 "keeps it as it is");
}

/* Takes "${NAME}" or "${NAME:-DEFAULT}" at s->p, as libconfuse does it. */
static int
take_variable(struct string *s)
{
	const char *start = s->p + 2, *value;
	const char *close = memchr(start, '}', (size_t)(s->end - start));
	char *name, *standby;

	if (!close || memchr(start, '\n', (size_t)(close - start)))
		return fail_open(s);
	name = mem_string_n(start, (size_t)(close - start));
	standby = strchr(name, ':');
	standby = standby && standby[1] == '-' ? standby : NULL;
	if (standby)
		*standby = '\0';
	value = getenv(name);
	if (!value && standby)
		value = standby + 2;
	if (!value) {
		fail_unset(s, name);
	} else if (!buf_append(s->value, value, strlen(value))) {
		value = NULL;
		fail(s, "string is too long");
	}
	s->p = close + 1;
	secret_wipe(name, (size_t)(close - start));
	free(name);
	return value ? 0 : -1;
}

/* Takes up to `max` digits of this base at s->p as one byte, which must not be
 * NUL. */
static int
take_number(struct string *s, unsigned base, size_t max)
{
	static const char digits[] = "0123456789abcdef";
	const char *found;
	unsigned value = 0;
	char c;

	for (; max > 0; max--, s->p++) {
		c = peek(s, 0);
		if (c >= 'A' && c <= 'F')
			c = (char)(c + ('a' - 'A'));
		found = c ? memchr(digits, c, base) : NULL;
		if (!found)
			break;
		value = value * base + (unsigned)(found - digits);
	}
	return value > 0xff ? fail(s, "octal number is too large")
			    : take(s, (char)value);
}

/* Takes a backslash and what follows it inside double quotes.  One that means
 * nothing is part of what the user wants to say, most often of a password:
 * without it that would be another one. */
static int
take_escape(struct string *s)
{
	static const char letters[] = "nrbfaetv\\\"'$",
			  codes[] = "\n\r\b\f\a\033\t\v\\\"'$";
	const char *found;
	char c = peek(s, 1);

	if (c == '\n' || !c)
		return fail(s, "string is not closed on its line");
	s->p++;
	if (c >= '0' && c <= '7')
		return take_number(s, 8, 3);
	s->p++;
	if (c == 'x' && peek(s, 0) &&
	    strchr("0123456789abcdefABCDEF", peek(s, 0)))
		return take_number(s, 16, 2);
	found = strchr(letters, c);
	if (!found)
		return fail(s,
			    "a backslash in double quotes goes before "
			    "\\ \" ' $ n r t b f a e v, octal digits or x and "
			    "hexadecimal digits; write \\\\ for a "
			    "backslash, or use single quotes");
	return take(s, codes[found - letters]);
}

static int
take_double(struct string *s)
{
	if (*s->p == '\\')
		return take_escape(s);
	if (*s->p == '$' && peek(s, 1) == '{')
		return take_variable(s);
	return take(s, *s->p++);
}

/* A backslash protects only itself and the quote. */
static int
take_single(struct string *s)
{
	if (*s->p == '\\' && (peek(s, 1) == '\\' || peek(s, 1) == '\''))
		s->p++;
	return take(s, *s->p++);
}

/* Nothing is shown of what may be a password. */
static int
fail_unclosed(const struct string *s)
{
	const uint8_t *c = s->value->data;

	for (size_t left = s->value->len; left > 1; left--, c++)
		if (conf_string_foreign_quote(c, left) && *c >= 0x80)
			return fail(s, "string is not closed on its line: only "
				       "the quotation mark \" or ' that begins "
				       "it does so");
	return fail(s, "string is not closed on its line");
}

static int
read_rest(struct string *s, char quote)
{
	while (s->p < s->end && *s->p != quote) {
		if (*s->p == '\n' || *s->p == '\r')
			break;
		if (conf_string_is_control(*s->p))
			return fail(s, "control character in a string");
		if ((quote == '"' ? take_double(s) : take_single(s)) != 0)
			return -1;
	}
	if (peek(s, 0) != quote)
		return fail_unclosed(s);
	s->p++;
	return 0;
}

int
conf_string_read(const char **p, const char *end, bool in_password,
		 struct buf *value, struct err *e)
{
	struct string s = { *p + 1, end, in_password, value, e };

	buf_clear(value);
	if (read_rest(&s, **p) != 0)
		return -1;
	*p = s.p;
	return 0;
}
