/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What is meant to be replaced in the argument of a program, but is not. */
#include "config.h"

#include "config/placeholder.h"

#include <string.h>

#include "base/buf.h"

enum { LIST_TEXT_MAX = 200, SHOWN_MAX = 64 };

/* What fetchmail, mpop and getmail replace.  POP3 tells no recipient, so there
 * is none to be had. */
static const struct foreign {
	const char *text;
	const char *advice;
} foreigners[] = {
	{ "%F", "the sender is called '%{sender}'" },
	{ "%(sender)", "the sender is called '%{sender}'" },
	{ "%(sender)s", "the sender is called '%{sender}'" },
	{ "%T", "write the recipient itself ('%{user}' is the login name)" },
	{ "%(recipient)", "write the recipient itself" },
	{ "%(recipient)s", "write the recipient itself" },
	{ "%(local)", "write the recipient itself" },
	{ "%(local)s", "write the recipient itself" },
};

/* "%(name)" and "%(name)s" are getmail's, "%[name]" is fdm's. */
static bool
is_in_brackets(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	size_t size = strlen(text);

	if (size < 4 || text[0] != '%' || (text[1] != '(' && text[1] != '['))
		return false;
	if (text[size - 1] == 's' && text[1] == '(')
		size--;
	return text[size - 1] == (text[1] == '(' ? ')' : ']') &&
	       2 + strspn(text + 2, letters) == size - 1;
}

/* Is the whole text what another program would replace?  Then *advice is what
 * to write in its place, or NULL. */
static bool
is_foreign(const char *text, const char **advice)
{
	*advice = NULL;
	for (size_t i = 0; i < sizeof(foreigners) / sizeof(*foreigners); i++)
		if (strcmp(text, foreigners[i].text) == 0) {
			*advice = foreigners[i].advice;
			return true;
		}
	return is_in_brackets(text);
}

/* What follows the option in one argument, as in "-f %F" and "-f%F", or the
 * whole argument.  Other words before a '%' may belong to a time, as in "+%F".
 */
static const char *
skip_option(const char *argument)
{
	const char *p = argument;

	if (*p++ != '-')
		return argument;
	while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'))
		p++;
	return p + strspn(p, " \t");
}

static bool
is_known(const char *text, const char *const known[])
{
	for (; *known; known++)
		if (strncmp(text, *known, strlen(*known)) == 0)
			return true;
	return false;
}

/* The first "%{" that is one of `known`, or is none of them, or NULL. */
static const char *
find(const char *text, const char *const known[], bool wanted)
{
	while ((text = strchr(text, '%'))) {
		if (text[1] == '%') {
			text += 2;
			continue;
		}
		if (text[1] == '{' && is_known(text, known) == wanted)
			return text;
		text++;
	}
	return NULL;
}

/* How much of the text, which begins with "%{", is shown. */
static int
shown_size(const char *text)
{
	size_t size = strcspn(text, "}");

	size += text[size] == '}';
	return (int)(size < SHOWN_MAX ? size : SHOWN_MAX);
}

static int
fail(const char *text, int size, const char *const known[], struct err *e)
{
	struct buf all;
	int rc;

	buf_init(&all, LIST_TEXT_MAX);
	for (; *known; known++)
		(void)buf_format(&all, "%s, ", *known);
	rc = err_set(e, ERR_CONFIG,
		     "there is no '%.*s'; there are %sand %%%% for a per cent "
		     "sign",
		     size, text, buf_text(&all));
	buf_free(&all);
	return rc;
}

int
placeholder_check(const char *argument, const char *const known[],
		  struct err *e)
{
	const char *unknown = find(argument, known, false), *advice;
	const char *value = skip_option(argument);

	if (unknown)
		return fail(unknown, shown_size(unknown), known, e);
	if (!is_foreign(value, &advice))
		return 0;
	if (!advice)
		return fail(value, SHOWN_MAX, known, e);
	return err_set(e, ERR_CONFIG,
		       "there is no '%s'; %s%s, and %%%% is a per cent sign",
		       value, advice,
		       strpbrk(argument, " \t") ? ", in an argument of its own"
						: "");
}

static bool
is_script(const char *argument)
{
	return strpbrk(argument, " \t\n");
}

static int
refuse(const char *text, int size, struct err *e)
{
	return err_set(e, ERR_CONFIG,
		       "nothing is replaced here: write what '%.*s' stands for",
		       size, text);
}

int
placeholder_refuse(const char *argument, const char *const known[],
		   struct err *e)
{
	const char *at = find(argument, known, true);

	if (is_script(argument))
		return 0;
	if (at)
		return refuse(at, shown_size(at), e);
	return is_in_brackets(argument) ? refuse(argument, SHOWN_MAX, e) : 0;
}

int
placeholder_refuse_any(const char *argument, struct err *e)
{
	const char *const none[] = { NULL }, *advice, *at;

	if (is_script(argument))
		return 0;
	at = find(argument, none, false);
	if (at)
		return refuse(at, shown_size(at), e);
	return is_foreign(argument, &advice) ? refuse(argument, SHOWN_MAX, e)
					     : 0;
}
