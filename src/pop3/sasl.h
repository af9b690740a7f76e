/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What SASL mechanisms and APOP put on the wire, as pure functions.  Messages hold
 * secrets and are built in `struct secret`.
 */
#ifndef POP3_SASL_H
#define POP3_SASL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

/* NUL in a part is ERR_CONFIG. */
/* RFC 4616: NUL user NUL password. */
int sasl_plain(struct secret **message, const char *user,
	       const struct secret *password, struct err *e);
/* "user=" USER ^A "auth=Bearer " TOKEN ^A ^A (Google, Microsoft). */
int sasl_xoauth2(struct secret **message, const char *user,
		 const struct secret *token, struct err *e);
/* RFC 7628 3.1: n,a=USER,^Ahost=H^Aport=P^Aauth=Bearer TOKEN^A^A; "," and "=" of
 * the user as =2C and =3D. */
int sasl_oauthbearer(struct secret **message, const char *user,
		     const char *host, uint16_t port,
		     const struct secret *token, struct err *e);
/* RFC 1939 section 7: MD5 of challenge and password in lower-case hex, 32
 * characters and NUL.  ERR_CONFIG when the library has no MD5. */
int sasl_apop(char out[33], const char *challenge,
	      const struct secret *password, struct err *e);

/* Strict RFC 4648: no white space, padding where it belongs. */
struct secret *sasl_encode(const void *bytes, size_t size);
bool sasl_decode(const void *text, size_t size, struct buf *out);

/* Shows the JSON of a failed OAuth challenge as one line: its "status", and
 * "error_description" if any; else the whole text. */
void sasl_oauth_failure(const struct buf *json, char *out, size_t out_size);

#endif
