/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Is a server's certificate the one that was expected, and if not, why? */
#include "config.h"

#include "net/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/text.h"

enum {
	SECURITY_BITS = 112, /* as security level 2 wants: RSA of 2048 bits */
	NAMES_SHOWN = 4,
	NAME_SHOWN_MAX = 64,
	NAMES_TEXT_MAX = 320,
	WHOSE_MAX = 96,
	DATE_MAX = 32
};

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

enum { PINS_TEXT_MAX = 4 * TLS_PIN_SIZE + 32 };

static const char *
pins_text(X509 *certificate, char out[PINS_TEXT_MAX])
{
	struct tls_pin whole, spki;
	char whole_hex[2 * TLS_PIN_SIZE + 1], spki_hex[2 * TLS_PIN_SIZE + 1];

	if (!certificate || !pin_of(certificate, TLS_PIN_CERTIFICATE, &whole) ||
	    !pin_of(certificate, TLS_PIN_SPKI, &spki))
		return "none";
	text_hex(whole_hex, whole.digest, TLS_PIN_SIZE);
	text_hex(spki_hex, spki.digest, TLS_PIN_SIZE);
	snprintf(out, PINS_TEXT_MAX, "sha256:%s spki-sha256:%s", whole_hex,
		 spki_hex);
	return out;
}

/* --- why a certificate is refused --- */

static const char *
date(const ASN1_TIME *t, char out[DATE_MAX])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 ||
	    strftime(out, DATE_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		snprintf(out, DATE_MAX, "an unknown date");
	return out;
}

/* One name of the certificate, made safe; false for kinds that name no host. */
static bool
name_text(const GENERAL_NAME *name, char out[NAME_SHOWN_MAX])
{
	int kind;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
	const unsigned char *bytes;
	int size;

	if (kind != GEN_DNS && kind != GEN_IPADD)
		return false;
	bytes = ASN1_STRING_get0_data(value);
	size = ASN1_STRING_length(value);
	if (kind == GEN_DNS)
		text_safe(out, NAME_SHOWN_MAX, bytes, (size_t)size);
	else if ((size != 4 && size != 16) ||
		 !inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, out,
			    NAME_SHOWN_MAX))
		return false;
	return true;
}

/* "it is for 'a', 'b' and 3 more" */
static void
names_text(X509 *certificate, char out[NAMES_TEXT_MAX])
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = !names ? 0 : sk_GENERAL_NAME_num(names);
	int shown = 0, more = 0;
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < count; i++) {
		char name[NAME_SHOWN_MAX];

		if (!name_text(sk_GENERAL_NAME_value(names, i), name))
			continue;
		if (shown == NAMES_SHOWN) {
			more++;
			continue;
		}
		used += (size_t)snprintf(out + used, NAMES_TEXT_MAX - used,
					 "%s'%s'",
					 shown == 0 ? "it is for " : ", ",
					 name);
		shown++;
	}
	GENERAL_NAMES_free(names);
	if (more > 0)
		snprintf(out + used, NAMES_TEXT_MAX - used, " and %d more",
			 more);
	else if (shown == 0)
		snprintf(out, NAMES_TEXT_MAX,
			 "it names no host (a common name does not count)");
}

static int
name_error(X509 *leaf, const char *name, struct err *e)
{
	char names[NAMES_TEXT_MAX], expected[NAME_SHOWN_MAX];

	names_text(leaf, names);
	text_safe(expected, sizeof(expected), name, strlen(name));
	return err_set(e, ERR_TLS, "certificate name: expected '%s', %s",
		       expected, names);
}

/* Writes "certificate", or which certificate of the chain it is where it is not
 * the server's own. */
static void
whose_text(X509 *certificate, int depth, char out[WHOSE_MAX])
{
	char subject[NAME_SHOWN_MAX * 2] = "";
	char safe[NAME_SHOWN_MAX];

	snprintf(out, WHOSE_MAX, "certificate");
	if (depth == 0)
		return;
	X509_NAME_oneline(X509_get_subject_name(certificate), subject,
			  (int)sizeof(subject));
	text_safe(safe, sizeof(safe), subject, strlen(subject));
	snprintf(out, WHOSE_MAX, "certificate chain: '%s'", safe);
}

static int
chain_error(int code, int depth, X509 *at, struct err *e)
{
	char whose[WHOSE_MAX] = "certificate chain";

	if (at && depth > 0)
		whose_text(at, depth, whose);
	return err_set(e, ERR_TLS, "%s: %s", whose,
		       X509_verify_cert_error_string(code));
}

static int
chain_or_name_error(X509_STORE_CTX *c, const char *name, struct err *e)
{
	int code = X509_STORE_CTX_get_error(c);
	int depth = X509_STORE_CTX_get_error_depth(c);
	X509 *leaf = X509_STORE_CTX_get0_cert(c);
	X509 *at = X509_STORE_CTX_get_current_cert(c);
	char when[DATE_MAX], whose[WHOSE_MAX];

	if (code == X509_V_ERR_HOSTNAME_MISMATCH ||
	    code == X509_V_ERR_IP_ADDRESS_MISMATCH)
		return name_error(leaf, name, e);
	if (at && code == X509_V_ERR_CERT_HAS_EXPIRED) {
		whose_text(at, depth, whose);
		return err_set(e, ERR_TLS, "%s expired on %s", whose,
			       date(X509_get0_notAfter(at), when));
	}
	if (at && code == X509_V_ERR_CERT_NOT_YET_VALID) {
		whose_text(at, depth, whose);
		return err_set(e, ERR_TLS, "%s is not valid before %s", whose,
			       date(X509_get0_notBefore(at), when));
	}
	return chain_error(code, depth, at, e);
}

/* Adds what `tls_pin` would have to be, for users who know that the certificate
 * is the right one. */
static int
add_pins(X509 *leaf, struct err *e)
{
	char pins[PINS_TEXT_MAX];
	struct err plain = *e;

	return err_set(e, ERR_TLS, "%s; the server's certificate is %s",
		       plain.text, pins_text(leaf, pins));
}

/* --- the decision --- */

int
certificate_check_pin(X509_STORE_CTX *c, const struct tls_pin *pins,
		      size_t count, struct err *e)
{
	X509 *leaf = X509_STORE_CTX_get0_cert(c);
	EVP_PKEY *key = !leaf ? NULL : X509_get0_pubkey(leaf);

	X509_STORE_CTX_set_error(c, X509_V_ERR_APPLICATION_VERIFICATION);
	if (!key || !pin_matches(pins, count, leaf)) {
		err_set(e, ERR_TLS, "certificate pin: none matches");
		return add_pins(leaf, e);
	}
	if (EVP_PKEY_get_security_bits(key) < SECURITY_BITS)
		return err_set(e, ERR_TLS,
			       "certificate key: %d bits are too weak",
			       EVP_PKEY_get_bits(key));
	X509_STORE_CTX_set_error(c, X509_V_OK);
	return 0;
}

int
certificate_check_chain(X509_STORE_CTX *c, const char *name, struct err *e)
{
	if (X509_verify_cert(c) == 1 &&
	    X509_STORE_CTX_get_error(c) == X509_V_OK)
		return 0;
	(void)chain_or_name_error(c, name, e);
	return add_pins(X509_STORE_CTX_get0_cert(c), e);
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
