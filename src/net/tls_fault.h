/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Whose fault it is that TLS failed, in a person's words, as far as OpenSSL's
 * first error tells.  Only tls.c uses this.
 */
#ifndef NET_TLS_FAULT_H
#define NET_TLS_FAULT_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "net/tls.h"

/* Sets *e (ERR_TLS) and empties OpenSSL's error queue.  `what` was being done,
 * "handshake"; where the sentence says more, it is left out.  `min_version` is
 * that of the configuration. */
int tls_fault(const char *what, SSL *ssl, enum tls_version min_version,
	      struct err *e);

#endif
