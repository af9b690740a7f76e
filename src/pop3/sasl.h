/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What SASL mechanisms and APOP put on the wire, as pure functions.  Messages
 * hold secrets and are built in `struct secret`.
 */
#ifndef POP3_SASL_H
#define POP3_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

struct auth_settings;

enum { SASL_FAILURE_MAX = 240 };

/* What the server may do after the answer that was made last. */
enum sasl_progress {
	SASL_MORE,  /* it must send another challenge, or refuse */
	SASL_DONE,  /* it may accept */
	SASL_FAILED /* it must refuse: its challenge has told why */
};

/* A login under way.  auth.c makes it, all zero but for the settings, and for
 * answers and progress where the login was sent as a whole; steps read the
 * first two members and write the others. */
struct sasl_exchange {
	const struct auth_settings *settings; /* user, secret, host, port */
	unsigned answers;		      /* made so far */
	enum sasl_progress progress;
	char failure[SASL_FAILURE_MAX]; /* if it failed: why, safe to show */
	void *state;			/* of the mechanism; freed by its row */
};

/*
 * Makes one step: the answer to a challenge, and how far the login is then.  A
 * row of method_table holds it, and auth.c calls it once for each challenge,
 * while the server waits for the answer, or to make the line of AUTH.  The
 * challenge is what was in base64: up to POP3_CHALLENGE_MAX bytes from a server
 * that may be hostile, none where the client speaks first.
 *
 * It returns 0 with *answer, which the caller takes and sends in base64; 0
 * without an answer when that was one challenge too many (each mechanism must
 * come to this, or a server could ask for ever); -1, also without, to cancel
 * the exchange.
 */
typedef int sasl_step(struct sasl_exchange *x, const struct buf *challenge,
		      struct secret **answer, struct err *e);

/* These ignore challenges, except that one after an OAuth token tells of a
 * failure.  All but LOGIN refuse a NUL in the secret (ERR_CONFIG).
 *
 * RFC 4616: NUL user NUL password. */
sasl_step sasl_plain;
/* The user, then the password. */
sasl_step sasl_login;
/* "user=" USER ^A "auth=Bearer " TOKEN ^A ^A (Google, Microsoft); a failure is
 * acknowledged with an empty answer. */
sasl_step sasl_xoauth2;
/* RFC 7628 3.1: n,a=USER,^Ahost=H^Aport=P^Aauth=Bearer TOKEN^A^A, with "," and
 * "=" of the user as =2C and =3D; a failure is acknowledged with ^A (3.2.3). */
sasl_step sasl_oauthbearer;

/* RFC 1939 section 7: the MD5 of challenge and password in lower-case hex, 32
 * characters and NUL.  ERR_CONFIG when the library has no MD5. */
int sasl_apop(char out[33], const char *challenge,
	      const struct secret *password, struct err *e);

/* Decodes base64, strictly as RFC 4648 has it: no white space, padding where it
 * belongs. */
bool sasl_decode(const void *text, size_t size, struct buf *out);

/* Shows the JSON of a failed OAuth challenge as one line: its "status", and
 * "error_description" if it has one; else the whole text. */
void sasl_oauth_failure(const struct buf *json, char *out, size_t out_size);

#endif
