/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "net/certificate_error.h"

#include <arpa/inet.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "net/certificate.h"
#include "net/tls_context.h"

enum {
	NAMES_SHOWN = 4,
	NAMES_SHOWN_BYTES = 80, /* the first name is always shown */
	NAME_SHOWN_MAX = 64,
	NAMES_TEXT_MAX = 320,
	WHOSE_MAX = 80,
	WHO_MAX = 48,
	DATE_MAX = 32
};

static const char renew[] = "the server needs a new one";

/* --- parts of sentences --- */

static const char *
date(const struct tm *tm, char out[DATE_MAX])
{
	if (strftime(out, DATE_MAX, "%Y-%m-%d %H:%M:%S UTC", tm) == 0)
		snprintf(out, DATE_MAX, "an unknown date");
	return out;
}

static const char *
date_of(const ASN1_TIME *t, char out[DATE_MAX])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) == 1)
		return date(&tm, out);
	snprintf(out, DATE_MAX, "an unknown date");
	return out;
}

static const char *
date_here(char out[DATE_MAX])
{
	time_t now = (time_t)clock_unix();
	struct tm tm;

	return gmtime_r(&now, &tm) ? date(&tm, out) : "an unknown date";
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

static bool
has_room(int shown, size_t used, const char *name)
{
	return shown == 0 || (shown < NAMES_SHOWN &&
			      used + strlen(name) <= NAMES_SHOWN_BYTES);
}

/* "it is for 'a', 'b' and 3 more"; false when it names no host. */
static bool
names_text(X509 *certificate, char out[NAMES_TEXT_MAX])
{
	GENERAL_NAMES *names =
		X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	int count = !names ? 0 : sk_GENERAL_NAME_num(names);
	int shown = 0, more = 0;
	size_t used = 0;

	for (int i = 0; i < count; i++) {
		char name[NAME_SHOWN_MAX];

		if (!name_text(sk_GENERAL_NAME_value(names, i), name))
			continue;
		if (more > 0 || !has_room(shown, used, name)) {
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
	return shown > 0;
}

/* Writes "certificate", or which certificate of the chain it is where it is not
 * the server's own. */
static void
whose_text(X509 *certificate, int depth, char out[WHOSE_MAX])
{
	char subject[NAME_SHOWN_MAX * 2] = "";
	char safe[WHO_MAX];

	snprintf(out, WHOSE_MAX, "certificate");
	if (depth == 0)
		return;
	X509_NAME_oneline(X509_get_subject_name(certificate), subject,
			  (int)sizeof(subject));
	text_safe(safe, sizeof(safe), subject, strlen(subject));
	snprintf(out, WHOSE_MAX, "certificate chain: '%s'", safe);
}

/* The name by which people know an authority. */
static void
who_text(const X509_NAME *name, char out[WHO_MAX])
{
	static const int kinds[] = { NID_commonName, NID_organizationalUnitName,
				     NID_organizationName };
	const ASN1_STRING *value;
	int at = -1;

	snprintf(out, WHO_MAX, "somebody without a name");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && at < 0; i++)
		at = X509_NAME_get_index_by_NID(name, kinds[i], -1);
	if (at < 0)
		return;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	text_safe(out, WHO_MAX, ASN1_STRING_get0_data(value),
		  (size_t)ASN1_STRING_length(value));
}

/* Adds what `tls_pin` would have to be, for users who know that the certificate
 * is the right one. */
static int
add_pin(X509 *leaf, struct err *e)
{
	char pin[CERTIFICATE_PIN_MAX];

	certificate_pin(leaf, TLS_PIN_CERTIFICATE, pin);
	return err_set(e, ERR_TLS, "%s set tls_pin to %s", e->text, pin);
}

/* --- the sentences --- */

static int
name_error(X509 *leaf, const char *name, struct err *e)
{
	char names[NAMES_TEXT_MAX], expected[NAME_SHOWN_MAX];

	text_safe(expected, sizeof(expected), name, strlen(name));
	if (names_text(leaf, names))
		return err_set(e, ERR_TLS,
			       "certificate name: expected '%s', %s: if that "
			       "is your provider's server, set host to it; "
			       "else somebody stands between",
			       expected, names);
	err_set(e, ERR_TLS,
		"certificate name: expected '%s', it names no host (a common "
		"name is none); if it is the right one,",
		expected);
	return add_pin(leaf, e);
}

/* Either clock may be wrong, ours or the one by which it was made. */
static int
expired_error(X509 *at, const char *whose, struct err *e)
{
	char then[DATE_MAX], now[DATE_MAX];

	return err_set(e, ERR_TLS,
		       "%s expired on %s, and it is %s here: %s, unless this "
		       "clock is wrong",
		       whose, date_of(X509_get0_notAfter(at), then),
		       date_here(now), renew);
}

static int
early_error(X509 *at, const char *whose, struct err *e)
{
	char then[DATE_MAX], now[DATE_MAX];

	return err_set(e, ERR_TLS,
		       "%s is not valid before %s, and it is %s here: set this "
		       "clock, unless it is right",
		       whose, date_of(X509_get0_notBefore(at), then),
		       date_here(now));
}

int
certificate_key_error(X509 *certificate, struct err *e)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);

	return err_set(e, ERR_TLS, "certificate key: %d bits are too weak: %s",
		       key ? EVP_PKEY_get_bits(key) : 0, renew);
}

static int
signature_error(X509 *at, const char *whose, struct err *e)
{
	int digest = NID_undef;

	(void)X509_get_signature_info(at, &digest, NULL, NULL, NULL);
	return err_set(e, ERR_TLS,
		       "%s has a signature with %s, which is too weak: %s",
		       whose,
		       digest == NID_undef ? "an old digest"
					   : OBJ_nid2sn(digest),
		       renew);
}

static const char *
how_to_trust(const struct tls_settings *settings)
{
	if (settings->ca_file)
		return "add it to tls_ca_file";
	if (settings->ca_dir)
		return "add it to tls_ca_dir";
	return "set tls_ca_file to it";
}

/*
 * Nobody here knows who has signed `at`, the last one of the chain.  If that is
 * the server's own certificate, it came alone, and what is unknown may be an
 * authority, or an intermediate that the server forgot to send.
 */
static int
issuer_error(X509 *at, bool is_alone, X509 *leaf,
	     const struct tls_settings *settings, struct err *e)
{
	char who[WHO_MAX];

	who_text(X509_get_issuer_name(at), who);
	if (is_alone)
		return err_set(e, ERR_TLS,
			       "certificate chain: server forgot intermediate "
			       "'%s', or unknown CA; if it is the right one, "
			       "%s, or set a pin after comparing (see PINS in "
			       "popfetch.conf(5))",
			       who, how_to_trust(settings));
	err_set(e, ERR_TLS,
		"certificate chain: unknown CA '%s'; if it is the "
		"right one, %s or",
		who, how_to_trust(settings));
	return add_pin(leaf, e);
}

static int
self_signed_error(X509 *leaf, const struct tls_settings *settings,
		  struct err *e)
{
	err_set(e, ERR_TLS,
		"certificate chain: self-signed; if it is the right one, %s "
		"or",
		how_to_trust(settings));
	return add_pin(leaf, e);
}

/* What no honest server does, most of it, so that no pin is told. */
static int
other_error(int code, X509 *at, int depth, struct err *e)
{
	char whose[WHOSE_MAX] = "certificate chain";

	if (at && depth > 0)
		whose_text(at, depth, whose);
	return err_set(e, ERR_TLS,
		       "%s: %s: it is broken, or somebody stands between: ask "
		       "who runs the server",
		       whose, X509_verify_cert_error_string(code));
}

/* Is it that this computer trusts nobody? */
static bool
is_lonely(const struct tls_settings *settings, int code)
{
	return (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
		code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN) &&
	       tls_context_trusts_nobody(settings);
}

int
certificate_error(X509_STORE_CTX *c, const char *name,
		  const struct tls_settings *settings, struct err *e)
{
	int code = X509_STORE_CTX_get_error(c);
	int depth = X509_STORE_CTX_get_error_depth(c);
	X509 *leaf = X509_STORE_CTX_get0_cert(c);
	X509 *at = X509_STORE_CTX_get_current_cert(c);
	char whose[WHOSE_MAX];

	if (!at || !leaf)
		return other_error(code, NULL, 0, e);
	whose_text(at, depth, whose);
	if (is_lonely(settings, code))
		return err_set(e, ERR_TLS,
			       "certificate chain: this computer trusts no CA "
			       "at all: install ca-certificates, or set "
			       "tls_ca_file");
	switch (code) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return name_error(leaf, name, e);
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return expired_error(at, whose, e);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return early_error(at, whose, e);
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
		return certificate_key_error(at, e);
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return signature_error(at, whose, e);
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return self_signed_error(leaf, settings, e);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return issuer_error(at, depth == 0, leaf, settings, e);
	default:
		return other_error(code, at, depth, e);
	}
}
