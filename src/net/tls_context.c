/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What TLS may do here: versions, ciphers, trust anchors, our certificate. */
#include "config.h"

#include "net/tls_context.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SECURITY_LEVEL = 2,	/* 112 bits: RSA and DH of 2048, no SHA-1 */
	READ_BUFFER = 64 * 1024 /* some records with one system call */
};

/* The default list would still offer what is excluded here where OpenSSL was
 * built with it. */
static const char ciphers_1_2[] =
	"DEFAULT:!aNULL:!eNULL:!3DES:!RC4:!SEED:!IDEA:!MD5:!PSK:!SRP";
static const char ciphers_1_3[] =
	"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
	"TLS_AES_128_GCM_SHA256";

const char *
tls_reason(char out[TLS_REASON_MAX])
{
	unsigned long code = ERR_peek_error();
	const char *text = ERR_reason_error_string(code);

	if (ERR_SYSTEM_ERROR(code))
		text = strerror(ERR_GET_REASON(code));
	snprintf(out, TLS_REASON_MAX, "%s", text ? text : "unknown error");
	ERR_clear_error();
	return out;
}

static int
trust_file(SSL_CTX *ctx, const char *path, struct err *e)
{
	char why[TLS_REASON_MAX];

	ERR_clear_error();
	if (SSL_CTX_load_verify_file(ctx, path) == 1)
		return 0;
	return err_set(e, ERR_CONFIG, "cannot use tls_ca_file '%s': %s", path,
		       tls_reason(why));
}

/* OpenSSL would accept any path, and find nothing there later. */
static int
trust_dir(SSL_CTX *ctx, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char why[TLS_REASON_MAX];

	if (fd < 0)
		return err_sys(e, ERR_CONFIG, "cannot use tls_ca_dir '%s'",
			       path);
	close(fd);
	ERR_clear_error();
	if (SSL_CTX_load_verify_dir(ctx, path) == 1)
		return 0;
	return err_set(e, ERR_CONFIG, "cannot use tls_ca_dir '%s': %s", path,
		       tls_reason(why));
}

static bool
uses_system_store(const struct tls_settings *settings)
{
	return !settings->ca_file && !settings->ca_dir;
}

static int
trust(SSL_CTX *ctx, const struct tls_settings *settings, struct err *e)
{
	if (uses_system_store(settings)) {
		SSL_CTX_set_default_verify_dir(ctx);
		return 0;
	}
	/* Whoever names an intermediate or a server's own certificate as the
	 * one to trust means it. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
				    X509_V_FLAG_PARTIAL_CHAIN);
	if (settings->ca_file && trust_file(ctx, settings->ca_file, e) != 0)
		return -1;
	if (settings->ca_dir)
		return trust_dir(ctx, settings->ca_dir, e);
	return 0;
}

bool
tls_context_trust_more(X509_STORE *store, const struct tls_settings *settings)
{
	if (!uses_system_store(settings))
		return false;
	(void)X509_STORE_set_default_paths(store);
	ERR_clear_error();
	return true;
}

/* "4042bcee.0", as openssl-rehash(1) names what OpenSSL looks for. */
static bool
is_hashed_name(const char *name)
{
	enum { DIGITS = 8 };

	return strspn(name, "0123456789abcdef") == DIGITS &&
	       name[DIGITS] == '.';
}

static bool
has_anchors(const char *directories)
{
	const struct dirent *entry;
	bool found = false;
	DIR *d = opendir(directories);

	if (!d) /* or it is a list of some, of which nothing is known here */
		return strchr(directories, ':');
	while (!found && (entry = readdir(d)))
		found = is_hashed_name(entry->d_name);
	closedir(d);
	return found;
}

bool
tls_context_trusts_nobody(const struct tls_settings *settings)
{
	const char *directory = getenv(X509_get_default_cert_dir_env());
	const char *file = getenv(X509_get_default_cert_file_env());
	struct stat bundle;

	if (!directory)
		directory = X509_get_default_cert_dir();
	if (!file)
		file = X509_get_default_cert_file();
	return uses_system_store(settings) &&
	       (stat(file, &bundle) != 0 || bundle.st_size == 0) &&
	       !has_anchors(directory);
}

/* The context holds this while client_certificate reads the key; OpenSSL calls
 * it for a key with a passphrase, and would otherwise ask on the terminal.  arg
 * is the bool that says so. */
static int
no_passphrase(char *out, int size, int writing, void *arg)
{
	bool *asked = arg;

	(void)out, (void)size, (void)writing;
	*asked = true;
	return -1;
}

/* Was nothing found in the file that looks like a key? */
static bool
has_no_key(void)
{
	return ERR_GET_REASON(ERR_peek_error()) == ERR_R_UNSUPPORTED;
}

static int
key_error(const struct tls_settings *settings, bool asked, struct err *e)
{
	const char *own = settings->key_file;
	const char *key = own ? own : settings->cert_file, *reason;
	char why[TLS_REASON_MAX];

	if (asked)
		reason = "it has a passphrase";
	else if (has_no_key())
		reason = own ? "there is none in it that OpenSSL knows"
			     : "there is none in it that OpenSSL knows; set "
			       "tls_key_file to the file that has it";
	else
		reason = tls_reason(why);
	return err_set(e, ERR_CONFIG, "cannot use the key in '%s': %s", key,
		       reason);
}

static int
client_certificate(SSL_CTX *ctx, const struct tls_settings *settings,
		   struct err *e)
{
	const char *cert = settings->cert_file;
	const char *key = settings->key_file ? settings->key_file : cert;
	char why[TLS_REASON_MAX];
	bool asked = false;
	int rc = 0;

	if (!cert)
		return 0;
	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &asked);
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		rc = err_set(e, ERR_CONFIG, "cannot use tls_cert_file '%s': %s",
			     cert, tls_reason(why));
	else if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		rc = key_error(settings, asked, e);
	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	return rc;
}

/* Sets limits, whatever openssl.cnf made of a new context: it may make one
 * stricter than this, never weaker. */
static bool
harden(SSL_CTX *ctx, enum tls_version min_version)
{
	long min = min_version == TLS_VERSION_1_3 ? TLS1_3_VERSION
						  : TLS1_2_VERSION;
	int level;

	if (SSL_CTX_get_min_proto_version(ctx) > min)
		min = SSL_CTX_get_min_proto_version(ctx);
	SSL_CTX_clear_options(ctx, SSL_CTX_get_options(ctx));
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_NO_TICKET |
					 SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	level = SSL_CTX_get_security_level(ctx);
	SSL_CTX_set_security_level(ctx, level > SECURITY_LEVEL
						? level
						: SECURITY_LEVEL);
	return SSL_CTX_set_min_proto_version(ctx, min) == 1 &&
	       SSL_CTX_set_max_proto_version(ctx, 0) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, ciphers_1_2) == 1 &&
	       SSL_CTX_set_ciphersuites(ctx, ciphers_1_3) == 1;
}

SSL_CTX *
tls_context_new(const struct tls_settings *settings, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	char why[TLS_REASON_MAX];

	if (!ctx || !harden(ctx, settings->min_version)) {
		err_set(e, ERR_INTERNAL, "cannot set up TLS: %s",
			tls_reason(why));
		goto fail;
	}
	if (settings->pin_count == 0 && trust(ctx, settings, e) != 0)
		goto fail;
	if (client_certificate(ctx, settings, e) != 0)
		goto fail;
	return ctx;
fail:
	SSL_CTX_free(ctx);
	return NULL;
}

void
tls_prepare(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;

	SSL_free(ssl);
	SSL_CTX_free(ctx);
	ERR_clear_error(); /* tls_connect will say why */
}
