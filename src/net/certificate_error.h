/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Why a server's certificate is refused, in a person's words: whose fault it
 * is, and what can be done.  Only certificate.c uses this.
 */
#ifndef NET_CERTIFICATE_ERROR_H
#define NET_CERTIFICATE_ERROR_H

#include <openssl/x509_vfy.h>

#include "base/err.h"
#include "net/tls.h"

/* Sets *e (ERR_TLS) for a context that has not accepted its chain.  `name` is
 * the one that was expected. */
int certificate_error(X509_STORE_CTX *c, const char *name,
		      const struct tls_settings *settings, struct err *e);
/* The same for a key that is too weak, whatever vouches for it. */
int certificate_key_error(X509 *certificate, struct err *e);

/* The certificate's pin as the option has it, "sha256:HEX". */
enum { CERTIFICATE_PIN_MAX = 2 * TLS_PIN_SIZE + 16 };
void certificate_pin(X509 *certificate, enum tls_pin_kind kind,
		     char out[CERTIFICATE_PIN_MAX]);

#endif
