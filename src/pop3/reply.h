/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a status line says: pure functions over its bytes, for pop3.c alone.
 * The other functions of reply.c are declared in pop3.h.
 */
#ifndef POP3_REPLY_H
#define POP3_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pop3/capa.h"
#include "pop3/pop3.h"

/*
 * Takes apart a line without its line end; r->text points into it.  False when
 * it is not a status line: status words are upper case, and end at a blank or
 * with the line.  `capa` says which response codes may be believed.
 */
bool reply_parse(struct pop3_reply *r, const uint8_t *line, size_t size,
		 const struct capa *capa);

/* Returns the APOP challenge in the text of a greeting, a string to be freed,
 * or NULL. */
char *reply_challenge(const uint8_t *text, size_t size);

#endif
