/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* TLS over a transport's socket, the server verified. */
#include "config.h"

#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/certificate.h"
#include "net/socket.h"
#include "net/stranger.h"
#include "net/tls_context.h"
#include "net/tls_fault.h"

struct tls {
	struct transport base;
	struct transport *under; /* owned */
	SSL *ssl;		 /* owned */
	bool broken;		 /* no close_notify may be sent any more */
};

/* One handshake: what is expected of the server, and what it showed. */
struct handshake {
	const struct tls_settings *settings;
	char name[SOCKET_HOST_MAX];
	SSL *ssl;
	bool accepted;			   /* by chain and name, or by a pin */
	struct err refusal;		   /* why it was not accepted */
	uint8_t first[STRANGER_FIRST_MAX]; /* the server's first bytes */
	size_t first_size;
};

/* --- pins --- */

bool
tls_parse_pin(const char *text, struct tls_pin *pin)
{
	static const char certificate[] = "sha256:", spki[] = "spki-sha256:";

	if (text_starts(text, strlen(text), certificate)) {
		pin->kind = TLS_PIN_CERTIFICATE;
		text += sizeof(certificate) - 1;
	} else if (text_starts(text, strlen(text), spki)) {
		pin->kind = TLS_PIN_SPKI;
		text += sizeof(spki) - 1;
	} else {
		return false;
	}
	return text_unhex(text, pin->digest, sizeof(pin->digest));
}

/* --- the handshake --- */

static int
check_chain(struct handshake *h, X509_STORE_CTX *c)
{
	int rc = certificate_check_chain(c, h->name, h->settings, &h->refusal);
	X509_STORE_CTX *again;

	if (rc == 0 ||
	    !tls_context_trust_more(X509_STORE_CTX_get0_store(c), h->settings))
		return rc;
	again = certificate_context_again(c);
	if (!again)
		return rc;
	h->refusal = (struct err)ERR_INIT;
	rc = certificate_check_chain(again, h->name, h->settings, &h->refusal);
	X509_STORE_CTX_set_error(c, X509_STORE_CTX_get_error(again));
	X509_STORE_CTX_free(again);
	return rc;
}

/* OpenSSL holds this in the SSL_CTX and calls it inside SSL_connect, in place
 * of a verification of its own; arg is the handshake, or NULL once that is
 * done. */
static int
decide(X509_STORE_CTX *c, void *arg)
{
	struct handshake *h = arg;
	const struct tls_settings *settings;
	int rc;

	if (!h) /* the handshake is over */
		return 0;
	settings = h->settings;
	if (settings->pin_count > 0)
		rc = certificate_check_pin(c, settings->pins,
					   settings->pin_count, &h->refusal);
	else
		rc = check_chain(h, c);
	h->accepted = rc == 0;
	return h->accepted;
}

bool
tls_is_record(const uint8_t *bytes, size_t size)
{
	/* Content type, 3, minor version (RFC 8446 section 5.1) */
	return size > 0 && bytes[0] >= 20 && bytes[0] <= 23 &&
	       (size < 2 || bytes[1] == 3) && (size < 3 || bytes[2] <= 4);
}

/* Keeps the first bytes of the server, since OpenSSL forgets them.  The BIO
 * that reads holds this as long as the handshake runs, and calls it before and
 * after each read and write. */
static long
watch(BIO *bio, int operation, const char *bytes, size_t size, int argi,
      long argl, int rc, size_t *moved)
{
	struct handshake *h = (void *)BIO_get_callback_arg(bio);

	(void)size, (void)argi, (void)argl;
	if (operation != (BIO_CB_READ | BIO_CB_RETURN) || rc <= 0)
		return rc;
	for (size_t i = 0; i < *moved && h->first_size < sizeof(h->first); i++)
		h->first[h->first_size++] = (uint8_t)bytes[i];
	return rc;
}

/* Says whom to expect; names also go into the ClientHello. */
static int
expect(struct handshake *h, struct err *e)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(h->ssl);
	bool ok;

	if (socket_is_literal(h->settings->server_name)) {
		char *scope = strchr(h->name, '%');

		if (scope)
			*scope = '\0';
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, h->name) == 1;
	} else {
		X509_VERIFY_PARAM_set_hostflags(
			param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
				       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
		ok = X509_VERIFY_PARAM_set1_host(param, h->name, 0) == 1 &&
		     SSL_set_tlsext_host_name(h->ssl, h->name) == 1;
	}
	if (ok)
		return 0;
	ERR_clear_error();
	return err_set(e, ERR_CONFIG, "not a server name: '%s'", h->name);
}

static int
handshake_new(struct handshake *h, int fd, struct err *e)
{
	SSL_CTX *ctx;
	char why[TLS_REASON_MAX];

	if (!socket_host(h->settings->server_name, h->name))
		return err_set(e, ERR_CONFIG,
			       "not a server name: '%s' (names are written "
			       "in ASCII, xn--...)",
			       h->settings->server_name);
	ctx = tls_context_new(h->settings, e);
	if (!ctx)
		return -1;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, decide, h);
	h->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (!h->ssl || SSL_set_fd(h->ssl, fd) != 1)
		return err_set(e, ERR_INTERNAL, "cannot set up TLS: %s",
			       tls_reason(why));
	BIO_set_callback_ex(SSL_get_rbio(h->ssl), watch);
	BIO_set_callback_arg(SSL_get_rbio(h->ssl), (char *)h);
	return expect(h, e);
}

static bool
is_eof(unsigned long code)
{
	return ERR_GET_LIB(code) == ERR_LIB_SSL &&
	       ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/* The error of a connection that failed below TLS (SSL_ERROR_SYSCALL), or ended
 * early (cause 0). */
static int
connection_error(int cause, const char *what, struct err *e)
{
	if (cause == 0)
		return err_set(e, ERR_NETWORK, "connection closed by server");
	errno = cause;
	return err_sys(e, ERR_NETWORK, "%s", what);
}

/* `cause` is the errno of the failed call. */
static int
handshake_error(const struct handshake *h, int code, int cause, struct err *e)
{
	unsigned long first = ERR_peek_error();

	if (h->refusal.kind != ERR_NONE) {
		*e = h->refusal;
		ERR_clear_error();
		return -1;
	}
	if (code == SSL_ERROR_ZERO_RETURN || is_eof(first))
		cause = 0;
	else if (code != SSL_ERROR_SYSCALL)
		return tls_fault("handshake", h->ssl, h->settings->min_version,
				 e);
	ERR_clear_error();
	return connection_error(cause, "cannot reach server", e);
}

/* OpenSSL 3.5 reads no more than the head of a record; what has come with it
 * passes through the same callback. */
static void
hear_more(const struct handshake *h)
{
	uint8_t more[STRANGER_FIRST_MAX];

	(void)BIO_read(SSL_get_rbio(h->ssl), more, (int)sizeof(more));
	ERR_clear_error();
}

static int
clear_error(const struct handshake *h, struct err *e)
{
	hear_more(h);
	if (h->settings->behind_stls)
		return err_set(e, ERR_TLS,
			       "server goes on in the clear after its +OK to "
			       "STLS");
	return stranger_is_clear(h->first, h->first_size, e);
}

static int
handshake_run(struct handshake *h, const struct transport *t,
	      int64_t timeout_ms, int64_t deadline, struct err *e)
{
	for (;;) {
		enum transport_wait want = TRANSPORT_WANT_READ;
		int rc, code, cause;

		ERR_clear_error();
		errno = 0;
		rc = SSL_connect(h->ssl);
		if (rc == 1)
			return 0;
		cause = errno;
		code = SSL_get_error(h->ssl, rc);
		if (h->first_size > 0 &&
		    !tls_is_record(h->first, h->first_size))
			return clear_error(h, e);
		if (code == SSL_ERROR_WANT_WRITE)
			want = TRANSPORT_WANT_WRITE;
		else if (code != SSL_ERROR_WANT_READ)
			return handshake_error(h, code, cause, e);
		if (transport_ready(t, want, timeout_ms, deadline, e) != 0)
			return -1;
	}
}

/* The verdict does not rest on a callback alone. */
static int
handshake_done(const struct handshake *h, struct err *e)
{
	SSL *ssl = h->ssl;

	BIO_set_callback_ex(SSL_get_rbio(ssl), NULL);
	BIO_set_callback_arg(SSL_get_rbio(ssl), NULL);
	SSL_CTX_set_cert_verify_callback(SSL_get_SSL_CTX(ssl), decide, NULL);
	if (h->accepted && SSL_get0_peer_certificate(ssl) &&
	    SSL_get_verify_result(ssl) == X509_V_OK &&
	    SSL_version(ssl) >= TLS1_2_VERSION)
		return 0;
	return err_set(e, ERR_TLS, "server was not verified");
}

/* --- the transport --- */

static struct tls *
tls_of(struct transport *t)
{
	return (struct tls *)t;
}

/* Says what it means that a call of SSL_read or SSL_write moved nothing. */
static ptrdiff_t
io_result(struct tls *tls, int cause, const char *what, struct err *e)
{
	switch (SSL_get_error(tls->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
		return TRANSPORT_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TRANSPORT_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TRANSPORT_END;
	case SSL_ERROR_SYSCALL:
		connection_error(cause, what, e);
		break;
	default:
		/* Nobody can tell whether the server forgot its close_notify or
		 * somebody cut the line. */
		if (is_eof(ERR_peek_error()))
			connection_error(0, what, e);
		else
			tls_fault(what, tls->ssl, TLS_VERSION_1_2, e);
		break;
	}
	ERR_clear_error();
	tls->broken = true;
	return TRANSPORT_ERROR;
}

static ptrdiff_t
tls_read(struct transport *t, void *out, size_t size, struct err *e)
{
	struct tls *tls = tls_of(t);
	size_t moved;

	ERR_clear_error();
	errno = 0;
	if (SSL_read_ex(tls->ssl, out, size, &moved) == 1)
		return (ptrdiff_t)moved;
	return io_result(tls, errno, "cannot read from server", e);
}

static ptrdiff_t
tls_write(struct transport *t, const void *bytes, size_t size, struct err *e)
{
	struct tls *tls = tls_of(t);
	size_t moved;

	ERR_clear_error();
	errno = 0;
	if (SSL_write_ex(tls->ssl, bytes, size, &moved) == 1)
		return (ptrdiff_t)moved;
	return io_result(tls, errno, "cannot write to server", e);
}

static void
tls_free(struct transport *t)
{
	struct tls *tls = tls_of(t);

	ERR_clear_error();
	if (!tls->broken)
		(void)SSL_shutdown(tls->ssl);
	ERR_clear_error();
	SSL_free(tls->ssl);
	tls->under->class->free(tls->under);
	free(tls);
}

/* The stream that owns the transport calls these through its class. */
static const struct transport_class tls_class = {
	.read = tls_read,
	.write = tls_write,
	.free = tls_free,
};

int
tls_connect(struct transport **t, const struct tls_settings *settings,
	    int64_t timeout_ms, int64_t deadline, struct err *e)
{
	struct handshake h = { .settings = settings };
	struct tls *tls;

	assert(settings->server_name);
	if (handshake_new(&h, (*t)->fd, e) != 0 ||
	    handshake_run(&h, *t, timeout_ms, deadline, e) != 0 ||
	    handshake_done(&h, e) != 0) {
		SSL_free(h.ssl);
		return -1;
	}
	tls = mem_alloc(sizeof(*tls));
	tls->base.class = &tls_class;
	tls->base.fd = (*t)->fd;
	tls->under = *t;
	tls->ssl = h.ssl;
	*t = &tls->base;
	return 0;
}

void
tls_info(const struct transport *t, char out[TLS_INFO_MAX])
{
	const struct tls *tls = (const struct tls *)t;

	assert(t->class == &tls_class);
	snprintf(out, TLS_INFO_MAX, "%s %s", SSL_get_version(tls->ssl),
		 SSL_get_cipher_name(tls->ssl));
}
