/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf*.c only: the options of the configuration file, one row of a table
 * each.
 *
 * A row says everything about an ordinary option: its name, where it may stand,
 * how its text is read and into which member, and its default, which is a text
 * like any other.  A new option is its row, the member, what is done with it,
 * its paragraph in the manual, its line in the example, and a test.
 *
 * A text is read as soon as the parser meets it.  How options depend on each
 * other is checked when an account is complete (conf_merge).
 */
#ifndef CONFIG_CONF_OPTION_H
#define CONFIG_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CONF_OPTION_MAX = 48 }; /* there are fewer */

enum conf_option_flag {
	/* May stand outside of sections. */
	CONF_GLOBAL = 1,
	/* May stand in accounts and defaults; its member is in struct account
	 * (without this flag, in struct conf). */
	CONF_ACCOUNT = 2,
	CONF_REQUIRED = 4,
	CONF_LIST = 8,
	CONF_MAY_BE_EMPTY = 16,
	/* An option of a group excludes the others, and hides inherited
	 * ones. */
	CONF_DESTINATION = 32,
	CONF_SECRET = 64,
	CONF_GROUPS = CONF_DESTINATION | CONF_SECRET
};

struct conf_file;
struct conf_reading;

struct conf_option {
	const char *name;
	unsigned flags;
	/* conf_option_read calls this during the parse and, for inherited
	 * texts and defaults, in conf_merge. */
	int (*read)(const struct conf_reading *r);
	/* conf_option_free calls this; NULL if the member is a number. */
	void (*release)(void *member);
	uint64_t min, max;	  /* of a count */
	const char *const *words; /* of a choice */
	size_t at, size;	  /* the member */
	const char *default_text; /* NULL: none, or conf_merge knows it */
};

/* Ends with a row without a name. */
extern const struct conf_option conf_option_table[];

/* The option of this name; NULL when none may stand there. */
const struct conf_option *conf_option_find(const char *name, bool global);
/* Says what an unknown name was probably meant to be, or what it is called here
 * if another fetcher has it.  Returns -1. */
int conf_option_unknown(const char *name, bool global, struct err *e);
/* Reads a text from this file (NULL: a default) into the struct account, or
 * struct conf, `whole`; does nothing without a text.  The error is "option
 * 'NAME': ...", and does not say where. */
int conf_option_read(const struct conf_option *o, void *whole,
		     const struct conf_file *file, const char *text,
		     struct err *e);
/* Frees what the options have put into a struct account, or into a struct
 * conf. */
void conf_option_free(void *whole, bool is_account);

#endif
