/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a server's certificate the one that was expected, and if not, why?  The
 * words are those that tls.h promises.  Only tls.c uses this.
 *
 * The checks are made for SSL_CTX_set_cert_verify_callback, that is, they are
 * called in the handshake, before a certificate or any byte of ours is sent.
 * They leave X509_V_OK in the context, or the code from which OpenSSL makes its
 * alert.
 */
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

#include <stddef.h>

#include <openssl/x509_vfy.h>

#include "base/err.h"
#include "net/tls.h"

/* Does one of the pins match the server's own certificate, and is its key, for
 * which a pin does not vouch, of 112 bits' strength at least? */
int certificate_check_pin(X509_STORE_CTX *c, const struct tls_pin *pins,
			  size_t count, struct err *e);
/* Does the context accept the chain, and for the name or address that is in its
 * parameters?  `name` is that name for the error's text. */
int certificate_check_chain(X509_STORE_CTX *c, const char *name, struct err *e);
/* A context verifies once.  This is another one for the same chain, store and
 * parameters, for when the store has grown; it must not outlive `c`.  The
 * caller's (X509_STORE_CTX_free); NULL when it cannot be made. */
X509_STORE_CTX *certificate_context_again(X509_STORE_CTX *c);

#endif
