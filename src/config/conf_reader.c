/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* How the texts of options are read. */
#include "config.h"

#include "config/conf_reader.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "account/settings.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "config/conf_tree.h"
#include "config/credential.h"
#include "config/placeholder.h"
#include "deliver/mda_program.h"
#include "net/tls.h"
#include "pop3/method.h"
#include "state/plan.h"
#include "sys/fs.h"

enum { S_MS = 1000, CHOICES_TEXT_MAX = 200, ADDRESS_MAX = 256 };

static int
fail(const struct conf_reading *r, const char *why)
{
	return err_set(r->e, ERR_CONFIG, "%s", why);
}

/* --- members --- */

/* Puts a number into an integer, bool or enumeration of any size. */
static void
put_number(const struct conf_reading *r, uint64_t number)
{
	uint8_t one = (uint8_t)number;
	uint16_t two = (uint16_t)number;
	uint32_t four = (uint32_t)number;
	const void *const sizes[] = {
		[1] = &one, [2] = &two, [4] = &four, [8] = &number
	};

	memcpy(r->to, sizes[r->option->size], r->option->size);
}

/* The member is a pointer to char, const or not; it owns the text from then
 * on. */
static void
set_text(void *member, char *text)
{
	char *old;

	memcpy(&old, member, sizeof(old));
	free(old);
	memcpy(member, &text, sizeof(text));
}

void
conf_reader_free_text(void *member)
{
	set_text(member, NULL);
}

/* The member is a pointer to a list of such texts, which ends with NULL, or is
 * NULL. */
static size_t
count_items(const void *member, char ***list)
{
	size_t count = 0;

	memcpy(list, member, sizeof(*list));
	while (*list && (*list)[count])
		count++;
	return count;
}

static void
add_item(void *member, char *text)
{
	char **list;
	size_t count = count_items(member, &list);

	list = mem_resize(list, count + 2, sizeof(*list));
	list[count] = text;
	list[count + 1] = NULL;
	memcpy(member, &list, sizeof(list));
}

void
conf_reader_free_list(void *member)
{
	char **list;

	for (size_t count = count_items(member, &list); count > 0; count--)
		free(list[count - 1]);
	free(list);
	list = NULL;
	memcpy(member, &list, sizeof(list));
}

void
conf_reader_free_secret(void *member)
{
	secret_free(member);
}

/* The member is a struct tls_settings, which loses its pins. */
void
conf_reader_free_pins(void *member)
{
	struct tls_settings *tls = member;

	free((void *)(uintptr_t)tls->pins);
	tls->pins = NULL;
	tls->pin_count = 0;
}

/* --- kinds of texts --- */

/* Checks that all bytes are printable, and that there are some. */
static int
check_bytes(const struct conf_reading *r, const void *bytes, size_t size,
	    bool may_have_tabs)
{
	const uint8_t *c = bytes;

	if (size == 0)
		return fail(r, "must not be empty");
	for (; size > 0; size--, c++)
		if (*c == 0x7f || (*c < 0x20 && !(*c == '\t' && may_have_tabs)))
			return fail(r,
				    "must not have control characters in it");
	return 0;
}

int
conf_reader_name(const struct conf_reading *r)
{
	if (check_bytes(r, r->text, strlen(r->text), false) != 0)
		return -1;
	set_text(r->to, mem_string(r->text));
	return 0;
}

int
conf_reader_count(const struct conf_reading *r)
{
	const struct conf_option *o = r->option;
	uint64_t number;

	if (text_number(r->text, strlen(r->text), o->max, &number) &&
	    number >= o->min) {
		put_number(r, number);
		return 0;
	}
	if (o->max >= INT64_MAX)
		return fail(r, "must be a number");
	return err_set(r->e, ERR_CONFIG, "must be %llu to %llu",
		       (unsigned long long)o->min, (unsigned long long)o->max);
}

/* The index of the word that the text is, or of the NULL at the end. */
static size_t
find_word(const struct conf_reading *r, const char *const words[])
{
	size_t size = strlen(r->text), i = 0;

	while (words[i] && !text_is_word(r->text, size, words[i]))
		i++;
	return i;
}

int
conf_reader_bool(const struct conf_reading *r)
{
	static const char *const words[] = { "false", "true", "no", "yes",
					     "off",   "on",   NULL };
	size_t i = find_word(r, words);

	if (!words[i])
		return fail(r, "must be true or false");
	put_number(r, i % 2);
	return 0;
}

static int
read_choice(const struct conf_reading *r, const char *const words[])
{
	size_t i = find_word(r, words);
	struct buf all;
	int rc;

	if (words[i]) {
		put_number(r, i);
		return 0;
	}
	buf_init(&all, CHOICES_TEXT_MAX);
	for (i = 0; words[i]; i++)
		(void)buf_format(&all, "%s\"%s\"",
				 i == 0		? ""
				 : words[i + 1] ? ", "
						: " or ",
				 words[i]);
	rc = err_set(r->e, ERR_CONFIG, "must be %s, not '%s'", buf_text(&all),
		     r->text);
	buf_free(&all);
	return rc;
}

int
conf_reader_choice(const struct conf_reading *r)
{
	return read_choice(r, r->option->words);
}

int
conf_reader_auth(const struct conf_reading *r)
{
	const char *words[METHOD_MAX + 1] = { NULL };

	for (size_t i = 0; i < METHOD_MAX && method_table[i].word; i++)
		words[i] = method_table[i].word;
	return read_choice(r, words);
}

int
conf_reader_duration(const struct conf_reading *r)
{
	int64_t seconds;

	if (!quantity_duration(r->text, &seconds))
		return fail(r, "must be a duration with its unit, such as "
			       "\"90 seconds\"");
	if (seconds < 1)
		return fail(r, "must be 1 second or more");
	put_number(r, (uint64_t)seconds * S_MS);
	return 0;
}

int
conf_reader_size(const struct conf_reading *r)
{
	uint64_t bytes;

	if (!quantity_size(r->text, &bytes))
		return fail(r, "must be a size, such as \"20 MiB\"");
	put_number(r, bytes);
	return 0;
}

static char *
expand_path(const struct conf_reading *r)
{
	return fs_expand(r->text, r->file ? r->file->dir : NULL, r->e);
}

int
conf_reader_path(const struct conf_reading *r)
{
	char *path;

	if (!*r->text)
		return fail(r, "must not be empty");
	path = expand_path(r);
	if (!path)
		return -1;
	for (size_t size = strlen(path); size > 1 && path[size - 1] == '/';)
		path[--size] = '\0';
	set_text(r->to, path);
	return 0;
}

/* Is what comes now the program, not one of its arguments? */
static bool
is_program(const struct conf_reading *r)
{
	char **list;

	return count_items(r->to, &list) == 0;
}

/* Arguments are taken as they are, but a program with a slash in it is a path
 * like any other. */
static int
add_argument(const struct conf_reading *r)
{
	bool is_first = is_program(r);
	char *item;

	if (is_first && !*r->text)
		return fail(r, "names no program");
	item = is_first && strchr(r->text, '/') ? expand_path(r)
						: mem_string(r->text);
	if (!item)
		return -1;
	add_item(r->to, item);
	return 0;
}

int
conf_reader_command(const struct conf_reading *r)
{
	if (placeholder_refuse(r->text, mda_program_placeholders, r->e) != 0)
		return -1;
	return add_argument(r);
}

int
conf_reader_mda(const struct conf_reading *r)
{
	int rc = is_program(r)
			 ? placeholder_refuse_any(r->text, r->e)
			 : placeholder_check(r->text, mda_program_placeholders,
					     r->e);

	return rc == 0 ? add_argument(r) : -1;
}

/* --- one option each --- */

int
conf_reader_log(const struct conf_reading *r)
{
	return strcmp(r->text, "syslog") == 0 ? conf_reader_name(r)
					      : conf_reader_path(r);
}

static int
put_notice(const struct conf_reading *r, unsigned failures, int64_t seconds)
{
	struct account_settings *account = r->to;

	account->notice_failures = failures;
	account->notice_s = seconds;
	return 0;
}

/* Reads "3 failures", or a duration. */
int
conf_reader_notice(const struct conf_reading *r)
{
	size_t digits = strspn(r->text, "0123456789");
	const char *unit = r->text + digits;
	uint64_t count;
	int64_t seconds;

	unit += strspn(unit, " \t");
	if (text_is_word(unit, strlen(unit), "failures") ||
	    text_is_word(unit, strlen(unit), "failure")) {
		if (!text_number(r->text, digits, UINT16_MAX, &count) || !count)
			return err_set(r->e, ERR_CONFIG,
				       "must be 1 to %u failures", UINT16_MAX);
		return put_notice(r, (unsigned)count, 0);
	}
	if (!quantity_duration(r->text, &seconds))
		return fail(r, "must be a number of failures or a duration, "
			       "such as \"3 failures\" or \"2 hours\"");
	if (seconds == 0)
		return put_notice(r, 1, 0); /* at once */
	return put_notice(r, 0, seconds);
}

static bool
is_ipv6(const char *text, size_t size)
{
	unsigned char binary[sizeof(struct in6_addr)];
	const char *zone = memchr(text, '%', size);
	char address[ADDRESS_MAX];

	if (zone)
		size = (size_t)(zone - text);
	if (size >= sizeof(address))
		return false;
	memcpy(address, text, size);
	address[size] = '\0';
	return inet_pton(AF_INET6, address, binary) == 1;
}

/* IPv6 addresses lose their brackets: with and without them, it is the same
 * host for states, certificates and whatever else goes by it.  The same holds
 * for a dot at the end, which conf_merge takes away. */
int
conf_reader_host(const struct conf_reading *r)
{
	const char *text = r->text;
	size_t size = strlen(text);

	if (check_bytes(r, text, size, false) != 0)
		return -1;
	if (text[0] == '[' && text[size - 1] == ']') {
		if (!is_ipv6(text + 1, size - 2))
			return err_set(r->e, ERR_CONFIG,
				       "'%s' is not an IPv6 address", text);
		set_text(r->to, mem_string_n(text + 1, size - 2));
		return 0;
	}
	if (strpbrk(text, "/@ "))
		return err_set(r->e, ERR_CONFIG, "'%s' is not a host name",
			       text);
	if (strchr(text, ':') && !is_ipv6(text, size))
		return err_set(r->e, ERR_CONFIG,
			       "'%s' is not a host name or address (a "
			       "port goes into the option 'port')",
			       text);
	set_text(r->to, mem_string(text));
	return 0;
}

/* The text is the mark that stands for the password (conf_text). */
int
conf_reader_password(const struct conf_reading *r)
{
	const struct secret *s = conf_text_secret(&r->file->text, r->text);
	struct secret **to = r->to;

	if (!s)
		return fail(r, "must be written as password = '...' in "
			       "single quotes");
	if (check_bytes(r, secret_bytes(s), secret_size(s), true) != 0)
		return -1;
	secret_free(to);
	*to = secret_copy(s);
	return 0;
}

int
conf_reader_password_file(const struct conf_reading *r)
{
	char *path;

	if (!credential_is(r->text))
		return conf_reader_path(r);
	if (credential_path(r->text, &path, r->e) != 0)
		return -1;
	set_text(r->to, path);
	return 0;
}

int
conf_reader_pin(const struct conf_reading *r)
{
	struct tls_settings *tls = r->to;
	struct tls_pin pin, *pins;

	if (!tls_parse_pin(r->text, &pin))
		return fail(r, "must be \"sha256:\" or \"spki-sha256:\", then "
			       "64 hexadecimal digits");
	pins = mem_resize((void *)(uintptr_t)tls->pins, tls->pin_count + 1,
			  sizeof(*pins));
	pins[tls->pin_count++] = pin;
	tls->pins = pins;
	return 0;
}

/* Minutes are refused: "3 m" was more likely meant to be months, and what is
 * deleted too early does not come back. */
static bool
has_only_long_units(const char *text)
{
	bool inside = false, letter;

	for (; *text; text++) {
		letter = (*text >= 'a' && *text <= 'z') ||
			 (*text >= 'A' && *text <= 'Z');
		if (letter && !inside && !strchr("hdwHDW", *text))
			return false;
		inside = letter;
	}
	return true;
}

int
conf_reader_keep(const struct conf_reading *r)
{
	size_t size = strlen(r->text);
	int64_t seconds;

	if (text_is_word(r->text, size, "forever")) {
		put_number(r, PLAN_KEEP_FOREVER);
		return 0;
	}
	if (text_is_word(r->text, size, "no")) {
		put_number(r, 0);
		return 0;
	}
	if (!quantity_duration(r->text, &seconds) ||
	    !has_only_long_units(r->text))
		return fail(r, "must be \"forever\", \"no\", or hours, days "
			       "or weeks, such as \"14 days\"");
	if (seconds == 0)
		return fail(r, "must be more than zero; \"no\" deletes "
			       "mail once it is delivered");
	put_number(r, (uint64_t)seconds);
	return 0;
}
