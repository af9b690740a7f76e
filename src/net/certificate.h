/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Is a server's certificate the one that was expected, and if not, why?  The
 * error texts are those that tls.h promises.  Only tls.c uses this.
 *
 * The checks are made for SSL_CTX_set_cert_verify_callback: they are called in
 * the handshake, before our certificate or any byte of POP3 is sent.  They
 * leave X509_V_OK in the context, or the code from which OpenSSL makes its
 * alert.
 */
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

#include <stddef.h>

#include <openssl/x509_vfy.h>

#include "base/err.h"
#include "net/tls.h"

/* Fails unless one of the pins matches the server's own certificate and the key
 * in it, for which a pin does not vouch, has a strength of at least 112
 * bits. */
int certificate_check_pin(X509_STORE_CTX *c, const struct tls_pin *pins,
			  size_t count, struct err *e);
/* Fails unless the context accepts the chain for the name or address in its
 * parameters.  `name` is that name, for the error's text, as are the
 * settings. */
int certificate_check_chain(X509_STORE_CTX *c, const char *name,
			    const struct tls_settings *settings, struct err *e);
/* A context verifies only once.  This makes another one for the same chain,
 * store and parameters, to be used when the store has grown; it must not
 * outlive `c`.  The caller frees it (X509_STORE_CTX_free); NULL when it cannot
 * be made. */
X509_STORE_CTX *certificate_context_again(X509_STORE_CTX *c);

#endif
