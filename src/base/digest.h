/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Message digests (OpenSSL's EVP).  SHA-256 tells messages and certificates
 * apart; MD5 exists for APOP alone (RFC 1939 section 7).
 *
 *	d = digest_new(DIGEST_SHA256); digest_add(d, ...)...;
 *	digest_end(d, out);
 *
 * digest_end leaves the digest ready for a new message.  Where OpenSSL refuses
 * MD5 (FIPS), digest_new returns NULL; where it refuses SHA-256, the program
 * aborts.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE_MAX = 32, DIGEST_SHA256_SIZE = 32, DIGEST_MD5_SIZE = 16 };
enum digest_kind { DIGEST_SHA256, DIGEST_MD5 };

struct digest;

struct digest *digest_new(enum digest_kind kind);
void digest_free(struct digest **d);
void digest_add(struct digest *d, const void *bytes, size_t size);
/* Writes 32 or 16 bytes, by kind. */
void digest_end(struct digest *d, uint8_t out[DIGEST_SIZE_MAX]);
void digest_sha256(const void *bytes, size_t size,
		   uint8_t out[DIGEST_SHA256_SIZE]);

/* Writes `size` random bytes that nobody can predict (for file names and
 * sentinels). */
void digest_random(void *out, size_t size);

#endif
