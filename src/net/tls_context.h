/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What TLS may do here: versions, ciphers, trust anchors, our certificate.
 * Only tls.c uses this.
 */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/err.h"
#include "net/tls.h"

/* Owned by the caller (SSL_CTX_free), who has yet to say how servers are
 * verified.  NULL, with *e set, when a file cannot be used (ERR_CONFIG). */
SSL_CTX *tls_context_new(const struct tls_settings *settings, struct err *e);

/*
 * The system's store is a directory in which certificates are looked up as
 * needed, a bundle that takes 20 ms to read, or both (Debian).  A new context
 * knows only the directory; this reads the bundle as well, for a server that
 * was refused without it.  False when all that may be trusted is known already.
 */
bool tls_context_trust_more(X509_STORE *store,
			    const struct tls_settings *settings);

/* Is it the system's store that counts, and nothing in it? */
bool tls_context_trusts_nobody(const struct tls_settings *settings);

/* Says why OpenSSL failed: its first error, which is the nearest to the cause.
 * Empties its error queue. */
enum { TLS_REASON_MAX = 160 };
const char *tls_reason(char out[TLS_REASON_MAX]);

#endif
