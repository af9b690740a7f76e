/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The manual and the example: that they name each option, and its default. */
#include "config.h"
#include "config/conf_option.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/conf.h"
#include "sys/fs.h"

/* The whole file of doc/, wherever the test runs. */
static char *
read_doc(const char *name)
{
	static const char here[] = "tests/unit/test_conf_manual.c";
	const char *srcdir = getenv("srcdir");
	char *path = srcdir ? mem_format("%s/doc/%s", srcdir, name)
			    : mem_format("%.*sdoc/%s",
					 (int)(sizeof(__FILE__) - sizeof(here)),
					 __FILE__, name);
	struct err e = ERR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf text;
	char *copy;

	buf_init(&text, 1 << 20);
	if (fs_read_fd(fd, path, text.max, &text, &e) != 0)
		fail_msg("%s", e.text);
	fs_drop(&fd);
	copy = mem_string(buf_text(&text));
	buf_free(&text);
	free(path);
	return copy;
}

/* --- the manual --- */

/* The next ".It Ic NAME" or ".It Ic NAME , NAME": what stands behind ".It Ic
 * ". */
static const char *
next_item(const char *manual)
{
	static const char start[] = "\n.It Ic ";
	const char *item = strstr(manual, start);

	return item ? item + sizeof(start) - 1 : NULL;
}

static bool
is_named(const char *item, const char *name)
{
	size_t size = strlen(name);

	while (strncmp(item, name, size) != 0 || !strchr(" \n", item[size])) {
		item += strcspn(item, " \n");
		if (strncmp(item, " , ", 3) != 0)
			return false;
		item += 3;
	}
	return true;
}

/* Owned by the caller. */
static char *
paragraph_of(const char *manual, const char *name)
{
	const char *item = next_item(manual), *end, *section;

	while (item && !is_named(item, name))
		item = next_item(item);
	if (!item)
		fail_msg("the manual lacks '%s'", name);
	section = strstr(item, "\n.Ss ");
	end = next_item(item);
	if (!end || (section && section < end))
		end = section;
	return end ? mem_string_n(item, (size_t)(end - item))
		   : mem_string(item);
}

/* "Default: TEXT.", also with TEXT in a macro of its own. */
static bool
has_default(const char *paragraph, const char *text)
{
	const char *at = strstr(paragraph, "Default:");
	size_t size = strlen(text);

	if (!at)
		return false;
	at += strlen("Default:");
	at += strspn(at, " \n");
	if (strncmp(at, ".Qq ", 4) == 0 || strncmp(at, ".Li ", 4) == 0)
		at += 4;
	if (strncmp(at, text, size) != 0)
		return false;
	at += size;
	at += *at == ' ';
	return strncmp(at, ".\n", 2) == 0;
}

/* Does it say what happens without this option?  Of groups that is said
 * behind them. */
static bool
tells_default(const char *paragraph, const struct conf_option *o)
{
	if (o->default_text)
		return has_default(paragraph, o->default_text);
	if (o->flags & CONF_REQUIRED)
		return strstr(paragraph, "\nRequired.") != NULL;
	if (o->flags & CONF_GROUPS)
		return strstr(paragraph, "Default:") == NULL;
	return strstr(paragraph, "\nDefault:") != NULL;
}

static void
the_manual_names_each_option_with_its_default(void **state)
{
	char *manual = read_doc("popfetch.conf.5"), *paragraph;

	(void)state;
	for (const struct conf_option *o = conf_option_table; o->name; o++) {
		paragraph = paragraph_of(manual, o->name);
		if (!tells_default(paragraph, o))
			fail_msg("the manual has not this default of '%s': %s",
				 o->name,
				 o->default_text ? o->default_text : "none");
		free(paragraph);
	}
	free(manual);
}

static void
the_manual_names_no_other_options(void **state)
{
	char *manual = read_doc("popfetch.conf.5"), *name;
	const char *item = manual;

	(void)state;
	while ((item = next_item(item))) {
		name = mem_string_n(item, strcspn(item, " \n"));
		if (!conf_option_find(name, true) &&
		    !conf_option_find(name, false))
			fail_msg("there is no option '%s'", name);
		free(name);
	}
	free(manual);
}

/* --- the example --- */

/* The value of "#NAME = VALUE", or of "  NAME = VALUE" where it is needed,
 * without its quotes.  Owned by the caller. */
static char *
shown_value(const char *example, const char *name)
{
	char *shown = mem_format("#%s = ", name);
	char *needed = mem_format("\n  %s = ", name);
	const char *at = strstr(example, shown);
	char end[] = " ";

	if (!at)
		at = strstr(example, needed);
	if (!at)
		fail_msg("the example lacks '%s'", name);
	at = strchr(at, '=') + 2;
	if (*at == '"' || *at == '\'')
		end[0] = *at++;
	free(shown);
	free(needed);
	return mem_string_n(at, strcspn(at, end));
}

static void
the_example_shows_each_option_with_its_default(void **state)
{
	char *example = read_doc("popfetch.conf.example"), *value;

	(void)state;
	for (const struct conf_option *o = conf_option_table; o->name; o++) {
		value = shown_value(example, o->name);
		if (o->default_text && strcmp(value, o->default_text) != 0)
			fail_msg("the example has '%s' for '%s', not '%s'",
				 value, o->name, o->default_text);
		free(value);
	}
	free(example);
}

static struct conf *
read_text(const char *text)
{
	char path[] = "/tmp/popfetch-test-XXXXXX";
	int fd = mkstemp(path);
	struct conf *c = NULL;
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(fs_write(fd, text, strlen(text), &e), 0);
	if (conf_read(&c, path, &e) != 0)
		fail_msg("%s", e.text);
	fs_drop(&fd);
	assert_int_equal(remove(path), 0);
	return c;
}

static void
the_example_runs_as_it_stands(void **state)
{
	char *example = read_doc("popfetch.conf.example");
	struct conf *c = read_text(example);

	(void)state;
	assert_int_equal(c->count, 1);
	assert_true(c->accounts[0].ask_password);
	conf_free(&c);
	free(example);
}

/* Defaults that are no text of the table. */
static void
the_example_shows_what_follows_from_other_options(void **state)
{
	static const char *const names[] = { "#state_dir", "#port",
					     "#state =", "#tls_server_name" };
	char *example = read_doc("popfetch.conf.example"), *line;
	struct conf *plain, *shown;

	(void)state;
	unsetenv("XDG_STATE_HOME");
	plain = read_text(example);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		line = strstr(example, names[i]);
		assert_non_null(line);
		*line = ' ';
	}
	shown = read_text(example);
	assert_string_equal(shown->state_dir, plain->state_dir);
	assert_int_equal(shown->accounts->server.port,
			 plain->accounts->server.port);
	assert_string_equal(shown->accounts->state, plain->accounts->state);
	assert_string_equal(shown->accounts->courier.tls.server_name,
			    plain->accounts->courier.tls.server_name);
	conf_free(&plain);
	conf_free(&shown);
	free(example);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_names_each_option_with_its_default),
		cmocka_unit_test(the_manual_names_no_other_options),
		cmocka_unit_test(
			the_example_shows_each_option_with_its_default),
		cmocka_unit_test(the_example_runs_as_it_stands),
		cmocka_unit_test(
			the_example_shows_what_follows_from_other_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
