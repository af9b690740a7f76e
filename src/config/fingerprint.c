/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Whether a login's configuration was changed. */
#include "config.h"

#include "config/fingerprint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/credential.h"
#include "sys/fs.h"

/* Fields are told apart by the NUL after each. */
static void
add_field(struct digest *d, const char *text)
{
	text = text ? text : "";
	digest_add(d, text, strlen(text) + 1);
}

static void
add_number(struct digest *d, int64_t number)
{
	char *text = mem_format("%lld", (long long)number);

	add_field(d, text);
	free(text);
}

void
fingerprint_add_identity(struct digest *d, const struct stat *st)
{
	char *text = mem_format("%lld.%09ld %lld %llu",
				(long long)st->st_mtim.tv_sec,
				st->st_mtim.tv_nsec, (long long)st->st_size,
				(unsigned long long)st->st_ino);

	add_field(d, text);
	free(text);
}

/* Adds the file that a secret stands in. */
static void
add_file(struct digest *d, const char *path)
{
	struct stat st;

	add_field(d, path);
	if (path && stat(path, &st) == 0)
		fingerprint_add_identity(d, &st);
}

/* A credential has another time and inode at each start of a service: with them
 * no pause would outlive the run.  A new one of the same length ends none. */
static void
add_credential(struct digest *d, const char *path)
{
	struct stat st;

	add_field(d, path);
	if (stat(path, &st) == 0)
		add_number(d, st.st_size);
}

/* Adds ~/.netrc, where the password may stand that no option gives. */
static void
add_netrc(struct digest *d)
{
	const char *home = fs_home();
	char *path = home ? mem_format("%s/.netrc", home) : NULL;

	add_file(d, path);
	free(path);
}

/* Adds how the secret is given, and the file that it is in; never the secret
 * itself, nor an argument of a command, which might be one: both could be
 * guessed from a digest.  Where they stand in the configuration, the identity
 * of its files shows a change. */
static void
add_secret(struct digest *d, const struct account *a)
{
	if (a->courier.password) {
		add_field(d, "password");
	} else if (a->password_file) {
		add_field(d, "password_file");
		if (credential_is_passed(a->password_file))
			add_credential(d, a->password_file);
		else
			add_file(d, a->password_file);
	} else if (a->courier.password_command) {
		add_field(d, "password_command");
		add_field(d, a->courier.password_command[0]);
	} else {
		add_field(d, "netrc");
		add_netrc(d);
	}
	add_file(d, a->courier.tls.cert_file);
	add_file(d, a->courier.tls.key_file);
}

/* Environment variables may change what the options say while no file
 * changes. */
static void
add_options(struct digest *d, const struct account *a)
{
	const char *const texts[] = { a->server.host, a->server.user,
				      a->courier.tls.ca_file,
				      a->courier.tls.ca_dir,
				      a->courier.tls.server_name };
	const int64_t numbers[] = { a->server.port, a->courier.auth,
				    a->courier.insecure_auth, a->server.tls,
				    a->courier.tls.min_version };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		add_field(d, texts[i]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		add_number(d, numbers[i]);
	for (size_t i = 0; i < a->courier.tls.pin_count; i++) {
		add_number(d, a->courier.tls.pins[i].kind);
		digest_add(d, a->courier.tls.pins[i].digest,
			   sizeof(a->courier.tls.pins[i].digest));
	}
}

char *
fingerprint_make(const struct account *a,
		 const uint8_t files[DIGEST_SHA256_SIZE])
{
	struct digest *d = digest_new(DIGEST_SHA256);
	uint8_t binary[DIGEST_SIZE_MAX];
	char *hex = mem_alloc(2 * DIGEST_SHA256_SIZE + 1);

	digest_add(d, files, DIGEST_SHA256_SIZE);
	add_options(d, a);
	add_secret(d, a);
	digest_end(d, binary);
	text_hex(hex, binary, DIGEST_SHA256_SIZE);
	digest_free(&d);
	return hex;
}
