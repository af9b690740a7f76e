/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Certificates and TLS servers for tests.  A server is a child process at the other
 * end of a socket pair.
 */
#ifndef TESTS_TLS_SERVER_H
#define TESTS_TLS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

struct cert {
	X509 *x;
	EVP_PKEY *key;
};

/* All may be left out. */
struct cert_recipe {
	const struct cert *issuer; /* NULL: signs itself */
	const char *cn;
	const char *names;    /* "DNS:a,IP:::1" */
	const void *raw_name; /* one dNSName of any bytes instead */
	size_t raw_size;
	const char *constraints; /* "critical,CA:TRUE" */
	const char *usage;	 /* "clientAuth" */
	long from_s, until_s; /* from now; both 0: an hour ago to in an hour */
	unsigned rsa_bits;    /* 0: a key on P-256 */
};

struct cert cert_new(const struct cert_recipe *recipe);
void cert_free(struct cert *c);
/* PEM files; key may be NULL, passphrase too. */
void cert_save(const struct cert *c, const char *cert_path,
	       const char *key_path, const char *passphrase);
/* "sha256:..." and "spki-sha256:...", computed here and not by the program. */
enum { CERT_PIN_MAX = 80 };
void cert_pin(const struct cert *c, bool spki, char out[CERT_PIN_MAX]);

struct tls_server {
	const struct cert *cert;
	const struct cert *intermediate; /* sent along */
	const struct cert *client_ca;	 /* asks for a certificate of this CA */
	int min_version, max_version;	 /* of OpenSSL; 0: any */
	const char *ciphers;
	const char *greeting;	 /* sent behind the handshake */
	size_t flood;		 /* so many bytes more, of flood_byte */
	bool update_keys;	 /* between the two */
	bool cut;		 /* ends without close_notify */
	bool waits;		 /* ends only after the client did */
	void (*instead)(int fd); /* no TLS: does this */
};

/* What it saw. */
struct tls_report {
	bool shaken; /* handshake complete */
	bool has_sni;
	char sni[256];
	char client[64];    /* "/CN=..." of the client's certificate */
	char received[256]; /* from the client, in TLS */
	bool goodbye;	    /* the client said close_notify */
};

uint8_t flood_byte(size_t i);

/* The client's end of the connection. */
int tls_server_start(const struct tls_server *server, pid_t *pid,
		     int *report_fd);
/* After the client has closed its end. */
void tls_server_end(pid_t pid, int report_fd, struct tls_report *report);

#endif
