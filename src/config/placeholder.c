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

/* The first "%{" that is none of `known`, or NULL. */
static const char *
find_unknown(const char *text, const char *const known[])
{
	const char *const *k;

	while ((text = strchr(text, '%'))) {
		if (text[1] == '%') {
			text += 2;
			continue;
		}
		if (text[1] == '{') {
			for (k = known; *k; k++)
				if (strncmp(text, *k, strlen(*k)) == 0)
					break;
			if (!*k)
				return text;
		}
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
	const char *unknown = find_unknown(argument, known), *advice;

	if (unknown)
		return fail(unknown, shown_size(unknown), known, e);
	if (!is_foreign(argument, &advice))
		return 0;
	if (!advice)
		return fail(argument, SHOWN_MAX, known, e);
	return err_set(e, ERR_CONFIG,
		       "there is no '%s'; %s, and %%%% is a per cent sign",
		       argument, advice);
}

int
placeholder_refuse(const char *argument, struct err *e)
{
	const char *const none[] = { NULL }, *advice, *at;

	if (strpbrk(argument, " \t\n"))
		return 0;
	at = find_unknown(argument, none);
	if (!at && !is_foreign(argument, &advice))
		return 0;
	return err_set(e, ERR_CONFIG,
		       "nothing is replaced here: write what '%.*s' stands for",
		       at ? shown_size(at) : SHOWN_MAX, at ? at : argument);
}
