/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf_text.c only: a value in single or double quotes, and what a
 * backslash and "${NAME}" mean in it.
 */
#ifndef CONFIG_CONF_STRING_H
#define CONFIG_CONF_STRING_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Is it a control character that no line of text has in it? */
bool conf_string_is_control(char c);
/* The typographic quotation mark, or backtick, that the bytes begin with, or
 * NULL: word processors and web pages make them of " and '. */
const char *conf_string_foreign_quote(const void *bytes, size_t size);
/* *p is the quote that opens the string, and afterwards comes behind the one
 * that closes it, in the same line.  `value` becomes what stands between them,
 * decoded.  Nothing of a password gets into an error.  ERR_CONFIG. */
int conf_string_read(const char **p, const char *end, bool in_password,
		     struct buf *value, struct err *e);

#endif
