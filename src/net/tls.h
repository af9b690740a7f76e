/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * TLS over a transport's socket, the server verified (OpenSSL).
 *
 * Verified means: the chain ends in the system's store or the given one, and
 * the name or address is in subjectAltName (RFC 9525: no common name, no
 * partial wildcards; an address literal matches iPAddress entries only).  If
 * there are pins, a match with one of them takes the place of both checks.
 * There is no way to switch verification off.
 *
 * Whatever openssl.cnf says, connections have TLS 1.2 or newer and security
 * level 2 or higher, and no renegotiation, compression or resumption.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "net/stream.h"

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };
enum tls_pin_kind { TLS_PIN_CERTIFICATE, TLS_PIN_SPKI };
enum { TLS_PIN_SIZE = 32, TLS_INFO_MAX = 64 };

/* SHA-256 of the DER certificate, or of its SubjectPublicKeyInfo. */
struct tls_pin {
	enum tls_pin_kind kind;
	uint8_t digest[TLS_PIN_SIZE];
};

/* Borrowed for the call; strings may be NULL where a default is named. */
struct tls_settings {
	const char *server_name;      /* for SNI and the check; a trailing dot
					 is dropped; literals send no SNI */
	const char *ca_file, *ca_dir; /* both NULL: the system's store */
	const struct tls_pin *pins;
	size_t pin_count;
	enum tls_version min_version;
	const char *cert_file, *key_file; /* PEM; key_file NULL: the key is in
					     cert_file */
	bool behind_stls; /* the server has agreed to TLS in the clear */
};

/* "sha256:HEX" or "spki-sha256:HEX" (colons between bytes are fine). */
bool tls_parse_pin(const char *text, struct tls_pin *pin);

/* For a process whose children will call tls_connect: does what OpenSSL has to
 * set up once, some milliseconds of work, so that they need not.  It sets up
 * nothing secret, and reads no file of trust anchors. */
void tls_prepare(void);

/*
 * Does the handshake, under both the silence limit and the deadline.  OpenSSL
 * writes without MSG_NOSIGNAL: SIGPIPE has to be ignored (proc_signals does).
 * On success *t becomes the encrypted transport that owns the old one; on
 * failure *t is still the caller's, and may only be freed.
 *
 * Errors are ERR_TLS (ERR_CONFIG for files that cannot be used, ERR_NETWORK for
 * time-outs and a connection that ends without a word) and say which check
 * failed, whose fault it seems to be and what to do:
 *   certificate chain: ... |
 *   certificate name: expected 'x', it is for 'y', 'z': ... |
 *   certificate expired on DATE, ... |
 *   certificate is not valid before DATE, ... |
 *   certificate key: ... |
 *   certificate pin: ... |
 *   server ... (it is too old) | handshake: ...
 * For untrusted chains they show the value that the option `tls_pin` would
 * have, for pins both values: sha256:HEX and spki-sha256:HEX.  A server that
 * talks in the clear has an error of its own, which says what it is, and what
 * to set (stranger.h).  The caller puts "TLS" before all of them.
 */
int tls_connect(struct transport **t, const struct tls_settings *settings,
		int64_t timeout_ms, int64_t deadline, struct err *e);

/* Writes version and cipher of a transport made by tls_connect: "TLSv1.3
 * TLS_AES_256_GCM_SHA384". */
void tls_info(const struct transport *t, char out[TLS_INFO_MAX]);

/* Do these first bytes of a server look like a TLS record?  They do when a port
 * that is set up as plain (or STLS) speaks TLS from the start; the reverse
 * shows in the handshake. */
bool tls_is_record(const uint8_t *bytes, size_t size);

#endif
