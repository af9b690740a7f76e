/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: the options of the configuration file, each one row of a
 * table.
 *
 * A row says all that there is to an ordinary option: its name, where it may
 * stand, how its text is read and into what, and its default, which is a text
 * like any other.  A new option is its row, the member, what is done with it,
 * its paragraph in the manual, its line in the example, and a test.
 *
 * A text is read as soon as it is met.  What options have to do with each other
 * is seen when an account is whole (conf_merge).
 */
#ifndef CONFIG_CONF_OPTION_H
#define CONFIG_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CONF_OPTION_MAX = 48 }; /* there are fewer */

enum conf_option_flag {
	/* Stands outside of sections. */
	CONF_GLOBAL = 1,
	/* Stands in accounts and defaults; its member is one of struct
	 * account, without this flag one of struct conf. */
	CONF_ACCOUNT = 2,
	CONF_REQUIRED = 4,
	CONF_LIST = 8,
	CONF_MAY_BE_EMPTY = 16,
	/* One of a group excludes the others, and hides those inherited. */
	CONF_DESTINATION = 32,
	CONF_SECRET = 64,
	CONF_GROUPS = CONF_DESTINATION | CONF_SECRET
};

struct conf_file;
struct conf_reading;

struct conf_option {
	const char *name;
	unsigned flags;
	int (*read)(const struct conf_reading *r);
	void (*release)(void *member); /* NULL: it is a number */
	uint64_t min, max;	       /* of a count */
	const char *const *words;      /* of a choice */
	size_t at, size;	       /* the member */
	const char *default_text;      /* NULL: none, or conf_merge knows it */
};

/* Ends with a row without a name. */
extern const struct conf_option conf_option_table[];

/* By name; NULL when there is none that may stand there. */
const struct conf_option *conf_option_find(const char *name, bool global);
/* Says what an unknown name was probably meant to be.  Returns -1. */
int conf_option_unknown(const char *name, bool global, struct err *e);
/* Reads a text from this file (NULL: a default) into the struct account, or
 * struct conf, `whole`; without text there is nothing to do.  The error is
 * "option 'NAME': ...", and lacks where. */
int conf_option_read(const struct conf_option *o, void *whole,
		     const struct conf_file *file, const char *text,
		     struct err *e);
/* Frees what the options have put into a struct account, or into a struct
 * conf. */
void conf_option_free(void *whole, bool is_account);

#endif
