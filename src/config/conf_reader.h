/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf*.c only: how the texts of options are read.  The rows of
 * conf_option_table hold these functions; conf_option_read and conf_option_free
 * call them.
 *
 * A reader puts what the text means into its member, or, if that is a list,
 * after what is in it; strings and secrets then belong to the account.  It
 * returns 0, or -1 with *r->e, which says only what is wrong.
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
/* Makes the path absolute while the file that it stands in is known. */
int conf_reader_path(const struct conf_reading *r);
/* A program, then its arguments; in those of an MDA something is replaced. */
int conf_reader_command(const struct conf_reading *r);
int conf_reader_mda(const struct conf_reading *r);
/* These fill integers of any size, bool and enumerations: with a number within
 * the limits of the option, the index of one of its words, true or false, a
 * number of bytes. */
int conf_reader_count(const struct conf_reading *r);
int conf_reader_choice(const struct conf_reading *r);
int conf_reader_bool(const struct conf_reading *r);
int conf_reader_size(const struct conf_reading *r);
/* Fills an integer with milliseconds. */
int conf_reader_duration(const struct conf_reading *r);

/* --- one option each --- */
int conf_reader_log(const struct conf_reading *r);
int conf_reader_host(const struct conf_reading *r);
int conf_reader_password(const struct conf_reading *r);
int conf_reader_password_file(const struct conf_reading *r);
int conf_reader_keep(const struct conf_reading *r);
int conf_reader_auth(const struct conf_reading *r);
/* These fill a struct tls_settings and a struct account_settings. */
int conf_reader_pin(const struct conf_reading *r);
int conf_reader_notice(const struct conf_reading *r);

/* --- releasing what was read: the member is empty afterwards --- */
void conf_reader_free_text(void *member);
void conf_reader_free_list(void *member);
void conf_reader_free_secret(void *member);
void conf_reader_free_pins(void *member);

#endif
