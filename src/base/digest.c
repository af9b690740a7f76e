/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Message digests and random bytes, by OpenSSL. */
#include "config.h"

#include "base/digest.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct digest {
	EVP_MD_CTX *context;
};

static void
give_up(const char *what)
{
	fprintf(stderr, "popfetch: OpenSSL refuses %s\n", what);
	abort();
}

static const EVP_MD *
algorithm(enum digest_kind kind)
{
	switch (kind) {
	case DIGEST_SHA256:
		return EVP_sha256();
	case DIGEST_MD5:
		return EVP_md5();
	}
	abort();
}

struct digest *
digest_new(enum digest_kind kind)
{
	struct digest *d = mem_alloc(sizeof(*d));

	d->context = EVP_MD_CTX_new();
	if (!d->context)
		mem_exhausted();
	if (EVP_DigestInit_ex(d->context, algorithm(kind), NULL) == 1)
		return d;
	if (kind == DIGEST_SHA256)
		give_up("SHA-256");
	digest_free(&d);
	return NULL;
}

void
digest_free(struct digest **d)
{
	if (*d)
		EVP_MD_CTX_free((*d)->context);
	free(*d);
	*d = NULL;
}

void
digest_add(struct digest *d, const void *bytes, size_t size)
{
	assert(d);
	if (size && EVP_DigestUpdate(d->context, bytes, size) != 1)
		give_up("to digest");
}

void
digest_end(struct digest *d, uint8_t out[DIGEST_SIZE_MAX])
{
	assert(d);
	/* A second init with NULL keeps the algorithm, without a new lookup. */
	if (EVP_DigestFinal_ex(d->context, out, NULL) != 1 ||
	    EVP_DigestInit_ex(d->context, NULL, NULL) != 1)
		give_up("to digest");
}

void
digest_sha256(const void *bytes, size_t size, uint8_t out[DIGEST_SHA256_SIZE])
{
	struct digest *d = digest_new(DIGEST_SHA256);

	digest_add(d, bytes, size);
	digest_end(d, out);
	digest_free(&d);
}

void
digest_random(void *out, size_t size)
{
	assert(size <= INT_MAX);
	if (size && RAND_bytes(out, (int)size) != 1)
		give_up("random bytes");
}
