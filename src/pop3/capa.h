/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a server says it can do (CAPA, RFC 2449, and the extensions since).
 * A plain value.
 */
#ifndef POP3_CAPA_H
#define POP3_CAPA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { CAPA_EXPIRE_UNSAID = -2, CAPA_EXPIRE_NEVER = -1, CAPA_TEXT_MAX = 128 };

struct capa {
	bool known; /* CAPA was answered with +OK */

	/* tags that stand alone */
	bool top, user, uidl, stls, pipelining, utf8;
	bool resp_codes; /* RESP-CODES or AUTH-RESP-CODE */
	bool auth_resp_code;

	/* tags with arguments */
	bool sasl;	     /* SASL was listed at all */
	uint32_t mechanisms; /* those of method.h: 1 << enum auth_method */
	char others[CAPA_TEXT_MAX]; /* the names of other mechanisms, made safe,
				       as far as they fit, a blank before each;
				       shown only */
	int64_t expire_days;	    /* or one of the above */
	int64_t login_delay_s;	    /* 0: none */
	bool varies; /* LOGIN-DELAY or EXPIRE has USER: ask again after the
			login (RFC 2449 6.5, 6.7) */
	char implementation[CAPA_TEXT_MAX]; /* made safe; shown only */
};

/* Sets that nothing is known, which is also how a server without CAPA is
 * taken. */
void capa_start(struct capa *c);
/* Reads one line of the listing, without its line end.  Tags count in any case;
 * unknown tags, mechanisms without a row in method.h, and surplus arguments are
 * ignored. */
void capa_line(struct capa *c, const uint8_t *line, size_t size);

/* Appends the names of all mechanisms, a blank before each. */
void capa_write_mechanisms(const struct capa *c, struct buf *out);

/* capa_write appends what is worth remembering, as the lines of CAPA that say
 * it, each with its '\n'; capa_read does the reverse (and `known` becomes
 * true). */
void capa_write(const struct capa *c, struct buf *out);
void capa_read(struct capa *c, const char *text);

#endif
