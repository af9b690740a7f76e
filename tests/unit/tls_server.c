/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Certificates and TLS servers for tests. */
#include "config.h"

#include "tls_server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

/* --- certificates --- */

static void
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	if (value == NULL)
		return;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void
add_raw_name(X509 *x, const void *bytes, size_t size)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *string = ASN1_IA5STRING_new();

	assert_int_equal(ASN1_STRING_set(string, bytes, (int)size), 1);
	GENERAL_NAME_set0_value(name, GEN_DNS, string);
	sk_GENERAL_NAME_push(names, name);
	assert_int_equal(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0,
					   0),
			 1);
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
}

struct cert
cert_new(const struct cert_recipe *r)
{
	static long serial;
	struct cert c = { .x = X509_new() };
	const struct cert *issuer = r->issuer != NULL ? r->issuer : &c;
	bool dated = r->from_s != 0 || r->until_s != 0;
	X509_NAME *name = X509_NAME_new();

	c.key = r->rsa_bits > 0 ? EVP_RSA_gen(r->rsa_bits)
				: EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	assert_non_null(c.key);
	X509_set_version(c.x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c.x), dated ? r->from_s : -3600);
	X509_gmtime_adj(X509_getm_notAfter(c.x), dated ? r->until_s : 3600);
	X509_set_pubkey(c.x, c.key);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_UTF8,
		(const unsigned char *)(r->cn != NULL ? r->cn : "a server"), -1,
		-1, 0);
	assert_int_equal(X509_set_subject_name(c.x, name), 1);
	X509_NAME_free(name);
	X509_set_issuer_name(c.x, X509_get_subject_name(issuer->x));
	add_extension(c.x, issuer->x, NID_basic_constraints,
		      r->constraints != NULL ? r->constraints
					     : "critical,CA:FALSE");
	add_extension(c.x, issuer->x, NID_subject_alt_name, r->names);
	add_extension(c.x, issuer->x, NID_ext_key_usage, r->usage);
	if (r->raw_name != NULL)
		add_raw_name(c.x, r->raw_name, r->raw_size);
	assert_true(X509_sign(c.x, issuer->key, EVP_sha256()) > 0);
	return c;
}

void
cert_free(struct cert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	*c = (struct cert){ 0 };
}

void
cert_save(const struct cert *c, const char *cert_path, const char *key_path,
	  const char *passphrase)
{
	FILE *f = fopen(cert_path, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, c->x), 1);
	if (key_path != NULL && strcmp(key_path, cert_path) != 0) {
		fclose(f);
		f = fopen(key_path, "w");
		assert_non_null(f);
	}
	if (key_path != NULL)
		assert_int_equal(PEM_write_PKCS8PrivateKey(
					 f, c->key,
					 passphrase != NULL ? EVP_aes_128_cbc()
							    : NULL,
					 passphrase,
					 passphrase != NULL
						 ? (int)strlen(passphrase)
						 : 0,
					 NULL, NULL),
				 1);
	assert_int_equal(fclose(f), 0);
}

void
cert_pin(const struct cert *c, bool spki, char out[CERT_PIN_MAX])
{
	unsigned char *der = NULL, digest[SHA256_DIGEST_LENGTH];
	int size = spki ? i2d_PUBKEY(c->key, &der) : i2d_X509(c->x, &der);
	int used = snprintf(out, CERT_PIN_MAX, "%s",
			    spki ? "spki-sha256:" : "sha256:");

	assert_true(size > 0);
	SHA256(der, (size_t)size, digest);
	OPENSSL_free(der);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(out + used + 2 * i, 3, "%02x", digest[i]);
}

/* --- the server --- */

uint8_t
flood_byte(size_t i)
{
	return (uint8_t)(i * 2654435761U >> 13);
}

static SSL *
server_ssl(const struct tls_server *s, int fd)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl;

	/* What it offers is up to the test, not to the library. */
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, s->min_version);
	SSL_CTX_set_max_proto_version(ctx, s->max_version);
	SSL_CTX_set_cipher_list(ctx, s->ciphers != NULL ? s->ciphers
							: "ALL:@SECLEVEL=0");
	SSL_CTX_use_certificate(ctx, s->cert->x);
	SSL_CTX_use_PrivateKey(ctx, s->cert->key);
	if (s->intermediate != NULL)
		SSL_CTX_add1_chain_cert(ctx, s->intermediate->x);
	if (s->client_ca != NULL) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx),
				    s->client_ca->x);
	}
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(ssl, fd);
	return ssl;
}

static void
note_handshake(SSL *ssl, struct tls_report *r)
{
	const char *sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	X509 *client = SSL_get0_peer_certificate(ssl);

	r->shaken = true;
	r->has_sni = sni != NULL;
	snprintf(r->sni, sizeof(r->sni), "%s", sni != NULL ? sni : "");
	if (client != NULL)
		X509_NAME_oneline(X509_get_subject_name(client), r->client,
				  (int)sizeof(r->client));
}

static void
send_flood(SSL *ssl, size_t size)
{
	uint8_t block[50000];

	for (size_t sent = 0; sent < size;) {
		size_t n = size - sent < sizeof(block) ? size - sent
						       : sizeof(block);

		for (size_t i = 0; i < n; i++)
			block[i] = flood_byte(sent + i);
		if (SSL_write(ssl, block, (int)n) <= 0)
			return;
		sent += n;
	}
}

static void
listen_to_client(SSL *ssl, struct tls_report *r)
{
	size_t used = 0;
	int n;

	while (used < sizeof(r->received) - 1 &&
	       (n = SSL_read(ssl, r->received + used,
			     (int)(sizeof(r->received) - 1 - used))) > 0)
		used += (size_t)n;
	r->goodbye = SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN;
}

static void
serve(const struct tls_server *s, int fd, struct tls_report *r)
{
	SSL *ssl = server_ssl(s, fd);

	if (SSL_accept(ssl) == 1) {
		note_handshake(ssl, r);
		if (s->greeting != NULL)
			SSL_write(ssl, s->greeting, (int)strlen(s->greeting));
		if (s->update_keys)
			SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
		send_flood(ssl, s->flood);
		if (s->waits)
			listen_to_client(ssl, r);
		else if (!s->cut)
			SSL_shutdown(ssl);
	}
	SSL_free(ssl);
}

int
tls_server_start(const struct tls_server *s, pid_t *pid, int *report_fd)
{
	struct tls_report report = { .shaken = false };
	int pair[2], report_pipe[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(report_pipe), 0);
	*pid = fork();
	assert_true(*pid >= 0);
	if (*pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		alarm(60);
		close(pair[0]);
		if (s->instead != NULL)
			s->instead(pair[1]);
		else
			serve(s, pair[1], &report);
		if (write(report_pipe[1], &report, sizeof(report)) == -1)
			_exit(1);
		_exit(0);
	}
	close(pair[1]);
	close(report_pipe[1]);
	*report_fd = report_pipe[0];
	return pair[0];
}

void
tls_server_end(pid_t pid, int report_fd, struct tls_report *report)
{
	int status;

	assert_int_equal(read(report_fd, report, sizeof(*report)),
			 sizeof(*report));
	close(report_fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
