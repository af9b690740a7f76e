/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "net/tls_fault.h"

#include <stdbool.h>

#include "net/tls_context.h"

static const char too_old[] =
	"it is too old to be safe, and its administrator has to renew it";

/* What a server lacks that was usual ten years later. */
static const char *
weakness(int reason)
{
	switch (reason) {
	case SSL_R_DH_KEY_TOO_SMALL:
		return "server's Diffie-Hellman key is too short";
	case SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED:
		return "server has no secure renegotiation (RFC 5746)";
	case SSL_R_WRONG_SIGNATURE_TYPE:
	case SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED:
		return "server signs by a method that is no longer safe";
	case SSL_R_EE_KEY_TOO_SMALL:
	case SSL_R_CA_KEY_TOO_SMALL:
		return "a key of the server's certificate is too short";
	case SSL_R_CA_MD_TOO_WEAK:
		return "server's certificate is signed by a weak digest";
	default:
		return NULL;
	}
}

/* Does OpenSSL complain about the version, ours or the server's? */
static bool
is_version(int reason)
{
	switch (reason) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return true;
	default:
		return false;
	}
}

static int
version_fault(SSL *ssl, enum tls_version min_version, struct err *e)
{
	bool is_strict = SSL_get_min_proto_version(ssl) == TLS1_3_VERSION;
	const char *how = too_old;

	if (min_version == TLS_VERSION_1_3)
		how = "tls_min_version = \"1.2\" may do";
	else if (is_strict)
		how = "the MinProtocol of openssl.cnf asks for that";
	return err_set(e, ERR_TLS,
		       "server offers no TLS version that is allowed (1.%d or "
		       "newer): %s",
		       is_strict ? 3 : 2, how);
}

/* An alert by which the server has refused us; NULL: another one.  `has_own`:
 * it was sent a certificate of ours, or could have been. */
static const char *
alert(int reason, bool has_own)
{
	switch (reason) {
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
		return has_own ? "server refuses it: it knows no cipher that "
				 "is safe, or does not take tls_cert_file"
			       : "server refuses it: it knows no cipher that "
				 "is safe, or wants a tls_cert_file";
	case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
		return "server refuses it: it knows no cipher that both allow";
	case SSL_R_TLSV1_UNRECOGNIZED_NAME:
		return "server does not know itself by this name: set host "
		       "(or tls_server_name) to its name";
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return "server wants a certificate of yours: set "
		       "tls_cert_file";
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return has_own ? "server does not take the certificate in "
				 "tls_cert_file"
			       : NULL;
	default:
		return NULL;
	}
}

int
tls_fault(const char *what, SSL *ssl, enum tls_version min_version,
	  struct err *e)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	char why[TLS_REASON_MAX];
	const char *words;

	(void)tls_reason(why);
	if (ERR_GET_LIB(code) != ERR_LIB_SSL)
		return err_set(e, ERR_TLS, "%s: %s", what, why);
	if (is_version(reason))
		return version_fault(ssl, min_version, e);
	words = weakness(reason);
	if (words)
		return err_set(e, ERR_TLS, "%s: %s", words, too_old);
	words = alert(reason, SSL_get_certificate(ssl) != NULL);
	if (words)
		return err_set(e, ERR_TLS, "%s: %s (%s)", what, words, why);
	return err_set(e, ERR_TLS, "%s: %s", what, why);
}
