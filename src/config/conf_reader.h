/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: how the texts of options are read.
 *
 * A reader puts what the text means into the member that it is for, of a list
 * behind what is there: strings and secrets as the account's own.  Returns 0,
 * or -1 with *r->e saying no more than what is wrong.
 */
#ifndef CONFIG_CONF_READER_H
#define CONFIG_CONF_READER_H

#include "base/err.h"
#include "config/conf_option.h"

struct conf_reading {
	const struct conf_option *option;
	const struct conf_file *file; /* of the text; NULL: a default */
	const char *text;	      /* of a list: one of its values */
	void *to;		      /* the member */
	struct err *e;
};

/* --- kinds of texts --- */
/* One line of printable bytes, not empty. */
int conf_reader_name(const struct conf_reading *r);
/* Made absolute here, while the file is known that it stands in. */
int conf_reader_path(const struct conf_reading *r);
/* A program, then its arguments. */
int conf_reader_command(const struct conf_reading *r);
/* Into integers of any size, bool and enumerations: a number within the
 * limits of the option, the index of one of its words, true or false, bytes. */
int conf_reader_count(const struct conf_reading *r);
int conf_reader_choice(const struct conf_reading *r);
int conf_reader_bool(const struct conf_reading *r);
int conf_reader_size(const struct conf_reading *r);
/* Into milliseconds. */
int conf_reader_duration(const struct conf_reading *r);

/* --- one option each --- */
int conf_reader_log(const struct conf_reading *r);
int conf_reader_host(const struct conf_reading *r);
int conf_reader_password(const struct conf_reading *r);
int conf_reader_keep(const struct conf_reading *r);
int conf_reader_auth(const struct conf_reading *r);
/* Into struct tls_settings, and struct account_settings. */
int conf_reader_pin(const struct conf_reading *r);
int conf_reader_notice(const struct conf_reading *r);

/* --- what was read is released, and the member empty --- */
void conf_reader_free_text(void *member);
void conf_reader_free_list(void *member);
void conf_reader_free_secret(void *member);
void conf_reader_free_pins(void *member);

#endif
