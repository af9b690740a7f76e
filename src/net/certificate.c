/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Is a server's certificate the one that was expected, and if not, why? */
#include "config.h"

#include "net/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "net/certificate_error.h"

enum { SECURITY_BITS = 112 }; /* as security level 2: RSA of 2048 bits */

/* --- pins --- */

/* The pin that a certificate would match; false when it cannot be encoded. */
static bool
pin_of(X509 *certificate, enum tls_pin_kind kind, struct tls_pin *pin)
{
	unsigned char *der = NULL;
	int size = kind == TLS_PIN_CERTIFICATE
			   ? i2d_X509(certificate, &der)
			   : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate),
					     &der);

	if (size <= 0)
		return false;
	pin->kind = kind;
	digest_sha256(der, (size_t)size, pin->digest);
	OPENSSL_free(der);
	return true;
}

static bool
pin_matches(const struct tls_pin *pins, size_t count, X509 *certificate)
{
	for (size_t i = 0; i < count; i++) {
		const struct tls_pin *wanted = &pins[i];
		struct tls_pin shown;

		if (pin_of(certificate, wanted->kind, &shown) &&
		    memcmp(shown.digest, wanted->digest, TLS_PIN_SIZE) == 0)
			return true;
	}
	return false;
}

void
certificate_pin(X509 *certificate, enum tls_pin_kind kind,
		char out[CERTIFICATE_PIN_MAX])
{
	char hex[2 * TLS_PIN_SIZE + 1];
	struct tls_pin pin;

	if (!certificate || !pin_of(certificate, kind, &pin)) {
		snprintf(out, CERTIFICATE_PIN_MAX, "none");
		return;
	}
	text_hex(hex, pin.digest, TLS_PIN_SIZE);
	snprintf(out, CERTIFICATE_PIN_MAX, "%ssha256:%s",
		 kind == TLS_PIN_SPKI ? "spki-" : "", hex);
}

static int
pin_error(X509 *leaf, struct err *e)
{
	char whole[CERTIFICATE_PIN_MAX], spki[CERTIFICATE_PIN_MAX];

	certificate_pin(leaf, TLS_PIN_CERTIFICATE, whole);
	certificate_pin(leaf, TLS_PIN_SPKI, spki);
	return err_set(e, ERR_TLS,
		       "certificate pin: none matches: the server has a new "
		       "certificate, or somebody stands between; after "
		       "comparing, set tls_pin to %s or %s",
		       whole, spki);
}

/* --- the decision --- */

int
certificate_check_pin(X509_STORE_CTX *c, const struct tls_pin *pins,
		      size_t count, struct err *e)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(c);
	EVP_PKEY *key = !leaf ? NULL : X509_get0_pubkey(leaf);

	X509_STORE_CTX_set_error(c, X509_V_ERR_APPLICATION_VERIFICATION);
	if (!key || !pin_matches(pins, count, leaf))
		return pin_error(leaf, e);
	if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS)
		return certificate_key_error(leaf, e);
	X509_STORE_CTX_set_error(c, X509_V_OK);
	return 0;
}

int
certificate_check_chain(X509_STORE_CTX *c, const char *name,
			const struct tls_settings *settings, struct err *e)
{
	if (X509_verify_cert(c) == 1 &&
	    X509_STORE_CTX_get_error(c) == X509_V_OK)
		return 0;
	return certificate_error(c, name, settings, e);
}

X509_STORE_CTX *
certificate_context_again(X509_STORE_CTX *c)
{
	X509_STORE_CTX *again = X509_STORE_CTX_new();

	if (again &&
	    X509_STORE_CTX_init(again, X509_STORE_CTX_get0_store(c),
				X509_STORE_CTX_get0_cert(c),
				X509_STORE_CTX_get0_untrusted(c)) == 1 &&
	    X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(again),
				   X509_STORE_CTX_get0_param(c)) == 1)
		return again;
	X509_STORE_CTX_free(again);
	ERR_clear_error();
	return NULL;
}
