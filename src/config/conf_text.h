/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For conf*.c only: the text of a configuration file before libconfuse sees it.
 *
 * Passwords are lifted out and a mark stands in their place, so that they never
 * enter libconfuse, which leaves copies of all it reads in freed memory.
 * Comments are blanked, since libconfuse 3.3 counts lines wrongly after them.
 * What it would quietly take otherwise than it was meant is an error here: an
 * unquoted value with other characters than the manual allows, such as a ';' at
 * its end, a backslash that means nothing in double quotes, a NUL in a string,
 * a string that goes on in the next line, a variable that is not set, a brace
 * that is never closed, a comment that looks like a part of a password, a value
 * that is missing, "+=".
 */
#ifndef CONFIG_CONF_TEXT_H
#define CONFIG_CONF_TEXT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

struct conf_text {
	struct secret **secrets; /* owned */
	size_t secret_count;
	int password_line; /* the first, or 0 */
};

/* Called once for each file.  Appends to `out` the text of the file `path` (for
 * errors) as libconfuse shall see it, line by line the same.  ERR_CONFIG
 * "PATH:LINE: ...". */
int conf_text_clean(struct conf_text *t, const char *path, const void *bytes,
		    size_t size, struct buf *out, struct err *e);
/* The secret that this value of the option `password` stands for; NULL if the
 * value is not a mark, since the password was not recognised as one. */
const struct secret *conf_text_secret(const struct conf_text *t,
				      const char *value);
/* Wipes and frees what *t holds. */
void conf_text_free(struct conf_text *t);

#endif
