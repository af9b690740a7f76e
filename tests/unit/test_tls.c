/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "net/tls.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/socket.h"
#include "tls_server.h"

#include <openssl/conf.h>

enum { PATIENCE_MS = 20000 };

#define NAME	 "pop.example.com"
#define GREETING "+OK ready\r\n"

static struct cert root, good, stranger_root;
static char directory[64];
static char ca_file[96];

static const char *
path(const char *name)
{
	static char paths[8][96];
	static size_t next;
	char *p = paths[next++ % 8];

	snprintf(p, sizeof(paths[0]), "%s/%s", directory, name);
	return p;
}

static const char *
write_file(const char *name, const char *text)
{
	const char *file = path(name);
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return file;
}

/* --- meetings of client and server --- */

struct meeting {
	struct transport *t;
	pid_t pid;
	int report_fd;
	int result;
	struct err e;
};

static struct tls_settings
settings_for(const char *name)
{
	return (struct tls_settings){ .server_name = name, .ca_file = ca_file };
}

static void
meet_within(struct meeting *m, const struct tls_server *server,
	    const struct tls_settings *settings, int64_t timeout_ms,
	    int64_t deadline)
{
	struct transport *plain;

	*m = (struct meeting){ .result = -1 };
	plain = socket_transport(
		tls_server_start(server, &m->pid, &m->report_fd));
	m->t = plain;
	m->result = tls_connect(&m->t, settings, timeout_ms, deadline, &m->e);
	assert_int_equal(m->t == plain, m->result != 0);
}

static void
meet(struct meeting *m, const struct tls_server *server,
     const struct tls_settings *settings)
{
	meet_within(m, server, settings, PATIENCE_MS, CLOCK_NEVER);
}

static struct tls_report
part(struct meeting *m)
{
	struct tls_report report;

	m->t->class->free(m->t);
	tls_server_end(m->pid, m->report_fd, &report);
	return report;
}

/* How a meeting went that ended at once. */
struct outcome {
	int result;
	struct err e;
	struct tls_report report;
};

static struct outcome
outcome_of(const struct tls_server *server, const struct tls_settings *settings)
{
	struct meeting m;
	struct outcome o;

	meet(&m, server, settings);
	o.report = part(&m);
	o.result = m.result;
	o.e = m.e;
	return o;
}

/* NULL, or the openssl.cnf that client and server have. */
static const char *configuration;

/* OpenSSL 4 keeps to the first one that a process has read. */
static struct outcome
outcome_in_a_child(const struct tls_server *server,
		   const struct tls_settings *settings)
{
	struct outcome o = { .result = -2 };
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (CONF_modules_load_file(configuration, NULL, 0) == 1)
			o = outcome_of(server, settings);
		_exit(write(fds[1], &o, sizeof(o)) != sizeof(o));
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &o, sizeof(o)), sizeof(o));
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return o;
}

static struct outcome
try(const struct tls_server *server, const struct tls_settings *settings)
{
	return configuration == NULL ? outcome_of(server, settings)
				     : outcome_in_a_child(server, settings);
}

static struct tls_report
expect_accepted(const struct tls_server *server,
		const struct tls_settings *settings)
{
	struct outcome o = try(server, settings);

	if (o.result != 0)
		fail_msg("refused: %s", o.e.text);
	assert_true(o.report.shaken);
	return o.report;
}

/* A refused server never gets as far as to hear from us. */
static void
expect_refused(const struct tls_server *server,
	       const struct tls_settings *settings, enum err_kind kind,
	       const char *text)
{
	struct outcome o = try(server, settings);

	assert_int_equal(o.result, -1);
	if (o.e.kind != kind || strncmp(o.e.text, text, strlen(text)) != 0)
		fail_msg("unexpected error: %s", o.e.text);
	assert_false(o.report.shaken);
	assert_string_equal(o.report.received, "");
}

/* The words for a broken chain are OpenSSL's, and change with its versions. */
static const char *
chain_text(int code, char out[128])
{
	snprintf(out, 128,
		 "certificate chain: %s: it is broken, or somebody stands "
		 "between: ask who runs the server",
		 X509_verify_cert_error_string(code));
	return out;
}

static void
accept_cert(const struct cert_recipe *recipe, const char *name)
{
	struct cert c = cert_new(recipe);
	struct tls_server server = { .cert = &c, .waits = true };
	struct tls_settings settings = settings_for(name);

	expect_accepted(&server, &settings);
	cert_free(&c);
}

static void
refuse_cert(const struct cert_recipe *recipe, const char *name,
	    const char *text)
{
	struct cert c = cert_new(recipe);
	struct tls_server server = { .cert = &c, .waits = true };
	struct tls_settings settings = settings_for(name);

	expect_refused(&server, &settings, ERR_TLS, text);
	cert_free(&c);
}

static void
refuse_chain(const struct cert_recipe *recipe, int code)
{
	char text[128];

	refuse_cert(recipe, NAME, chain_text(code, text));
}

/* --- names --- */

static void
the_exact_name_is_accepted_in_any_case_and_sent_as_sni(void **state)
{
	struct tls_server server = { .cert = &good, .waits = true };
	struct tls_settings settings = settings_for(NAME);
	struct tls_report report = expect_accepted(&server, &settings);

	(void)state;
	assert_string_equal(report.sni, NAME);
	settings.server_name = "POP.Example.COM";
	expect_accepted(&server, &settings);
	/* One trailing dot is the resolver's business. */
	settings.server_name = NAME ".";
	report = expect_accepted(&server, &settings);
	assert_string_equal(report.sni, NAME);
}

static void
another_name_is_refused_and_the_error_names_both(void **state)
{
	static const struct cert_recipe recipe = {
		.issuer = &root,
		.cn = NAME,
		.names = "DNS:mail.example.com,IP:192.0.2.1,DNS:*.example.org",
	};

	(void)state;
	refuse_cert(&recipe, NAME,
		    "certificate name: expected '" NAME "', it "
		    "is for 'mail.example.com', '192.0.2.1', '*.example.org'");
}

static void
many_and_hostile_names_make_a_short_and_safe_error(void **state)
{
	char text[65];
	struct cert_recipe recipe = {
		.issuer = &root,
		.names = "DNS:a.example,DNS:b.example,DNS:c.example,"
			 "DNS:d.example,DNS:e.example,DNS:f.example"
	};

	(void)state;
	refuse_cert(&recipe, NAME,
		    "certificate name: expected '" NAME "', it "
		    "is for 'a.example', 'b.example', 'c.example', "
		    "'d.example' and 2 more");
	memset(text, '\033', sizeof(text));
	recipe.names = NULL;
	recipe.raw_name = text;
	recipe.raw_size = sizeof(text);
	refuse_cert(&recipe, NAME,
		    "certificate name: expected '" NAME "', it "
		    "is for '\\x1b\\x1b\\x1b");
}

static void
a_common_name_alone_does_not_count(void **state)
{
	static const struct cert_recipe recipes[] = {
		{ .issuer = &root, .cn = NAME },
		{ .issuer = &root, .cn = NAME, .names = "email:a@" NAME }
	};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		refuse_cert(&recipes[i], NAME,
			    "certificate name: expected '" NAME
			    "', it names no host");
}

static void
a_wildcard_stands_for_one_whole_label(void **state)
{
	struct cert_recipe recipe = { .issuer = &root,
				      .names = "DNS:*.example.com" };

	(void)state;
	accept_cert(&recipe, NAME);
	refuse_cert(&recipe, "a.pop.example.com", "certificate name: ");
	refuse_cert(&recipe, "example.com", "certificate name: ");
}

static void
other_wildcards_are_refused(void **state)
{
	static const char *const names[][2] = {
		{ "DNS:p*.example.com", NAME },
		{ "DNS:*op.example.com", NAME },
		{ "DNS:pop.*.com", NAME },
		{ "DNS:*.*.com", NAME },
		{ "DNS:*.com", "example.com" },
		{ "DNS:*", "localhost" },
		{ "DNS:xn--*.example.com", "xn--pst-sna.example.com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct cert_recipe recipe = { .issuer = &root,
					      .names = names[i][0] };

		refuse_cert(&recipe, names[i][1], "certificate name: ");
	}
}

static void
a_nul_inside_a_name_does_not_shorten_it(void **state)
{
	static const struct cert_recipe recipe = {
		.issuer = &root,
		.raw_name = NAME "\0.evil.example",
		.raw_size = sizeof(NAME "\0.evil.example") - 1
	};

	(void)state;
	refuse_cert(&recipe, NAME,
		    "certificate name: expected '" NAME "', it "
		    "is for '" NAME "\\x00.evil.example'");
}

static void
addresses_match_address_entries_only_and_send_no_sni(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1", "[::1]" };
	struct cert c = cert_new(&(struct cert_recipe){
		.issuer = &root, .names = "IP:127.0.0.1,IP:::1" });
	struct tls_server server = { .cert = &c, .waits = true };
	struct cert_recipe recipe = { .issuer = &root,
				      .names = "DNS:10.0.0.1,DNS:*.0.0.1" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct tls_settings settings = settings_for(hosts[i]);

		assert_false(expect_accepted(&server, &settings).has_sni);
	}
	cert_free(&c);
	refuse_cert(&recipe, "10.0.0.1",
		    "certificate name: expected "
		    "'10.0.0.1', it is for '10.0.0.1', '*.0.0.1'");
	recipe.names = "IP:10.0.0.2";
	refuse_cert(&recipe, "10.0.0.1",
		    "certificate name: expected "
		    "'10.0.0.1', it is for '10.0.0.2'");
}

static void
a_name_that_cannot_be_one_is_a_configuration_error(void **state)
{
	static const char *const names[] = { "", "p\xc3\xb6st.example", "[]" };
	struct tls_server server = { .cert = &good };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct tls_settings settings = settings_for(names[i]);

		expect_refused(&server, &settings, ERR_CONFIG,
			       "not a server name: ");
	}
}

/* --- dates and chains --- */

static void
dates_are_told_in_words(void **state)
{
	struct cert_recipe recipe = { .issuer = &root,
				      .names = "DNS:" NAME,
				      .from_s = -7200,
				      .until_s = -3600 };
	time_t now = time(NULL);
	char text[64];

	(void)state;
	now -= 3600;
	strftime(text, sizeof(text), "certificate expired on %Y-%m-%d ",
		 gmtime(&now));
	refuse_cert(&recipe, NAME, text);
	recipe.from_s = 3600;
	recipe.until_s = 7200;
	now += 7200;
	strftime(text, sizeof(text),
		 "certificate is not valid before "
		 "%Y-%m-%d ",
		 gmtime(&now));
	refuse_cert(&recipe, NAME, text);
}

static void
a_self_signed_certificate_is_refused_and_its_pin_is_named(void **state)
{
	struct cert c = cert_new(&(struct cert_recipe){ .names = "DNS:" NAME });
	struct tls_server server = { .cert = &c };
	struct tls_settings settings = settings_for(NAME);
	char text[512], whole[CERT_PIN_MAX];

	(void)state;
	cert_pin(&c, false, whole);
	snprintf(text, sizeof(text),
		 "certificate chain: self-signed; if it is the right one, add "
		 "it to tls_ca_file or set tls_pin to %s",
		 whole);
	expect_refused(&server, &settings, ERR_TLS, text);
	cert_free(&c);
}

static void
an_unknown_root_is_refused(void **state)
{
	static const struct cert_recipe recipe = { .issuer = &stranger_root,
						   .names = "DNS:" NAME };
	struct cert c = cert_new(&recipe);
	struct tls_server server = { .cert = &c,
				     .intermediate = &stranger_root };
	struct tls_settings settings = settings_for(NAME);

	(void)state;
	expect_refused(&server, &settings, ERR_TLS,
		       "certificate chain: unknown CA 'other root'; if it is "
		       "the right one, add it to tls_ca_file or set tls_pin "
		       "to sha256:");
	cert_free(&c);
	refuse_cert(
		&recipe, NAME,
		"certificate chain: server forgot intermediate 'other root', "
		"or unknown CA; if it is the right one, add it to tls_ca_file, "
		"or set a pin after comparing (see PINS in popfetch.conf(5))");
}

static void
a_chain_needs_an_intermediate_that_is_an_authority(void **state)
{
	struct cert_recipe middle_recipe = { .issuer = &root,
					     .cn = "middle",
					     .constraints =
						     "critical,CA:TRUE" };
	struct cert middle = cert_new(&middle_recipe);
	struct cert_recipe recipe = { .issuer = &middle, .names = "DNS:" NAME };
	struct cert leaf = cert_new(&recipe);
	struct tls_server server = { .cert = &leaf, .waits = true };
	struct tls_settings settings = settings_for(NAME);
	char text[128];

	(void)state;
	expect_refused(&server, &settings, ERR_TLS, "certificate chain: ");
	server.intermediate = &middle;
	expect_accepted(&server, &settings);
	cert_free(&leaf);
	cert_free(&middle);

	middle_recipe.constraints = "critical,CA:FALSE";
	middle = cert_new(&middle_recipe);
	leaf = cert_new(&recipe);
	snprintf(text, sizeof(text), "certificate chain: '/CN=middle': %s",
		 X509_verify_cert_error_string(X509_V_ERR_INVALID_CA));
	expect_refused(&server, &settings, ERR_TLS, text);
	cert_free(&leaf);
	cert_free(&middle);

	middle_recipe.constraints = "critical,CA:TRUE";
	middle_recipe.from_s = -7200;
	middle_recipe.until_s = -3600;
	middle = cert_new(&middle_recipe);
	leaf = cert_new(&recipe);
	expect_refused(&server, &settings, ERR_TLS,
		       "certificate chain: '/CN=middle' expired on ");
	cert_free(&leaf);
	cert_free(&middle);
}

static void
a_certificate_for_clients_only_is_refused(void **state)
{
	static const struct cert_recipe recipe = {
		.issuer = &root,
		.names = "DNS:" NAME,
		.usage = "clientAuth",
	};

	(void)state;
	refuse_chain(&recipe, X509_V_ERR_INVALID_PURPOSE);
}

static void
a_weak_key_is_refused(void **state)
{
	struct cert_recipe recipe = { .issuer = &root,
				      .names = "DNS:" NAME,
				      .rsa_bits = 1024 };

	(void)state;
	refuse_cert(&recipe, NAME,
		    "certificate key: 1024 bits are too weak: the server");
	recipe.rsa_bits = 2048;
	accept_cert(&recipe, NAME);
}

/* --- pins --- */

static void
expect_pinned(const struct cert *c, bool spki, const char *name)
{
	struct tls_server server = { .cert = c, .waits = true };
	struct tls_settings settings = settings_for(name);
	struct tls_pin pins[2] = { { .kind = TLS_PIN_CERTIFICATE } };
	char text[CERT_PIN_MAX];

	cert_pin(c, spki, text);
	assert_true(tls_parse_pin(text, &pins[1]));
	settings.pins = pins;
	settings.pin_count = 2;
	expect_accepted(&server, &settings);
}

static void
a_pin_takes_the_place_of_chain_name_and_date(void **state)
{
	struct cert c = cert_new(
		&(struct cert_recipe){ .names = "DNS:elsewhere.example",
				       .from_s = -7200,
				       .until_s = -3600 });

	(void)state;
	expect_pinned(&c, false, NAME);
	expect_pinned(&c, true, NAME);
	expect_pinned(&c, true, "127.0.0.1");
	cert_free(&c);
}

static void
a_pin_that_does_not_match_refuses_even_a_good_server(void **state)
{
	struct tls_server server = { .cert = &good, .waits = true };
	struct tls_settings settings = settings_for(NAME);
	struct tls_pin pins[2];
	char text[512], whole[CERT_PIN_MAX], spki[CERT_PIN_MAX];

	(void)state;
	cert_pin(&good, false, whole);
	cert_pin(&good, true, spki);
	/* Right digests of the wrong kind are wrong. */
	assert_true(tls_parse_pin(whole, &pins[0]));
	assert_true(tls_parse_pin(spki, &pins[1]));
	pins[0].kind = TLS_PIN_SPKI;
	pins[1].kind = TLS_PIN_CERTIFICATE;
	settings.pins = pins;
	settings.pin_count = 2;
	snprintf(text, sizeof(text),
		 "certificate pin: none matches: the server has a new "
		 "certificate, or somebody stands between; after comparing, "
		 "set tls_pin to %s or %s",
		 whole, spki);
	expect_refused(&server, &settings, ERR_TLS, text);
	/* The root's is not the server's. */
	server.intermediate = &root;
	cert_pin(&root, false, whole);
	assert_true(tls_parse_pin(whole, &pins[0]));
	settings.pin_count = 1;
	expect_refused(&server, &settings, ERR_TLS, "certificate pin: ");
}

static void
a_pinned_key_must_not_be_weak(void **state)
{
	struct cert c = cert_new(&(struct cert_recipe){ .names = "DNS:" NAME,
							.rsa_bits = 1024 });
	struct tls_server server = { .cert = &c };
	struct tls_settings settings = settings_for(NAME);
	struct tls_pin pin;
	char text[CERT_PIN_MAX];

	(void)state;
	cert_pin(&c, true, text);
	assert_true(tls_parse_pin(text, &pin));
	settings.pins = &pin;
	settings.pin_count = 1;
	expect_refused(&server, &settings, ERR_TLS,
		       "certificate key: 1024 bits are too weak");
	cert_free(&c);
}

static void
pins_are_read_as_people_write_them(void **state)
{
	static const char hex[] = "000102030405060708090a0b0c0d0e0f"
				  "101112131415161718191A1B1C1D1E1F";
	char text[160];
	struct tls_pin pin;
	size_t used;

	(void)state;
	snprintf(text, sizeof(text), "sha256:%s", hex);
	assert_true(tls_parse_pin(text, &pin));
	assert_int_equal(pin.kind, TLS_PIN_CERTIFICATE);
	for (size_t i = 0; i < TLS_PIN_SIZE; i++)
		assert_int_equal(pin.digest[i], i);
	snprintf(text, sizeof(text), "spki-sha256:%s", hex);
	assert_true(tls_parse_pin(text, &pin));
	assert_int_equal(pin.kind, TLS_PIN_SPKI);
	used = (size_t)snprintf(text, sizeof(text), "sha256:");
	for (size_t i = 0; i < TLS_PIN_SIZE; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "%s%.2s", i > 0 ? ":" : "",
					 hex + 2 * i);
	assert_true(tls_parse_pin(text, &pin));
	assert_int_equal(pin.digest[31], 31);

	assert_false(tls_parse_pin("", &pin));
	assert_false(tls_parse_pin("sha256:", &pin));
	assert_false(tls_parse_pin("sha256:00", &pin));
	assert_false(tls_parse_pin(hex, &pin));
	snprintf(text, sizeof(text), "sha1:%s", hex);
	assert_false(tls_parse_pin(text, &pin));
	snprintf(text, sizeof(text), "sha256:%s00", hex);
	assert_false(tls_parse_pin(text, &pin));
}

/* --- trust anchors --- */

static void
the_system_s_store_is_used_when_none_is_named(void **state)
{
	struct tls_server server = { .cert = &good, .waits = true };
	struct tls_settings settings = { .server_name = NAME };
	struct cert self =
		cert_new(&(struct cert_recipe){ .names = "DNS:" NAME });
	char hashed[32];

	(void)state;
	mkdir(path("empty"), 0700);
	mkdir(path("hashed"), 0700);
	snprintf(hashed, sizeof(hashed), "hashed/%08lx.0",
		 X509_NAME_hash_ex(X509_get_subject_name(root.x), NULL, NULL,
				   NULL));
	cert_save(&root, path(hashed), NULL, NULL);
	/* The bundle alone, the directory alone, neither. */
	setenv("SSL_CERT_DIR", path("empty"), 1);
	setenv("SSL_CERT_FILE", ca_file, 1);
	expect_accepted(&server, &settings);
	setenv("SSL_CERT_DIR", path("hashed"), 1);
	setenv("SSL_CERT_FILE", path("missing"), 1);
	expect_accepted(&server, &settings);
	settings.server_name = "elsewhere.example";
	expect_refused(&server, &settings, ERR_TLS, "certificate name: ");
	settings.server_name = NAME;
	setenv("SSL_CERT_DIR", path("empty"), 1);
	expect_refused(&server, &settings, ERR_TLS, "certificate chain: ");
	/* A server that the bundle holds itself, and a root sent along. */
	cert_save(&self, path("self.pem"), NULL, NULL);
	setenv("SSL_CERT_FILE", path("self.pem"), 1);
	server.cert = &self;
	expect_accepted(&server, &settings);
	setenv("SSL_CERT_FILE", ca_file, 1);
	expect_refused(&server, &settings, ERR_TLS, "certificate chain: ");
	server.cert = &good;
	server.intermediate = &root;
	expect_accepted(&server, &settings);
	unsetenv("SSL_CERT_DIR");
	unsetenv("SSL_CERT_FILE");
	expect_refused(&server, &settings, ERR_TLS, "certificate chain: ");
	cert_free(&self);
}

/* It is looked at again with the bundle's anchors, by all the same rules. */
static void
what_the_bundle_vouches_for_must_be_right_in_all_else(void **state)
{
	static const struct cert_recipe recipes[] = {
		{ .issuer = &root, .names = "DNS:elsewhere.example" },
		{ .issuer = &root, .cn = NAME },
		{ .issuer = &root,
		  .names = "DNS:" NAME,
		  .usage = "clientAuth" },
		{ .issuer = &root, .names = "DNS:" NAME, .rsa_bits = 1024 },
		{ .issuer = &root,
		  .names = "DNS:" NAME,
		  .from_s = -7200,
		  .until_s = -3600 },
		{ .issuer = &stranger_root, .names = "DNS:" NAME },
	};
	char client[128];
	const char *const texts[] = {
		"certificate name: expected '" NAME "', it is for 'elsewhere",
		"certificate name: expected '" NAME "', it names no host",
		chain_text(X509_V_ERR_INVALID_PURPOSE, client),
		"certificate key: 1024 bits are too weak",
		"certificate expired on ",
		"certificate chain: server forgot intermediate 'other root', or "
		"unknown CA; if it is the right one, set tls_ca_file to it, or "
		"set a pin after comparing (see PINS in popfetch.conf(5))",
	};
	struct tls_settings settings = { .server_name = NAME };

	(void)state;
	mkdir(path("empty"), 0700);
	setenv("SSL_CERT_DIR", path("empty"), 1);
	setenv("SSL_CERT_FILE", ca_file, 1);
	for (size_t i = 0; i < sizeof(recipes) / sizeof(*recipes); i++) {
		struct cert c = cert_new(&recipes[i]);
		struct tls_server server = { .cert = &c, .waits = true };

		expect_refused(&server, &settings, ERR_TLS, texts[i]);
		cert_free(&c);
	}
	unsetenv("SSL_CERT_DIR");
	unsetenv("SSL_CERT_FILE");
}

/* The directory's one has expired, its successor of the same name is only in
 * the bundle. */
static void
an_expired_root_does_not_hide_its_successor(void **state)
{
	struct tls_server server = { .cert = &good, .waits = true };
	struct tls_settings settings = { .server_name = NAME };
	struct cert old = cert_new(
		&(struct cert_recipe){ .cn = "test root",
				       .constraints = "critical,CA:TRUE",
				       .from_s = -7200,
				       .until_s = -3600 });
	char hashed[32];

	(void)state;
	mkdir(path("old"), 0700);
	snprintf(hashed, sizeof(hashed), "old/%08lx.0",
		 X509_NAME_hash_ex(X509_get_subject_name(old.x), NULL, NULL,
				   NULL));
	cert_save(&old, path(hashed), NULL, NULL);
	setenv("SSL_CERT_DIR", path("old"), 1);
	setenv("SSL_CERT_FILE", ca_file, 1);
	expect_accepted(&server, &settings);
	unsetenv("SSL_CERT_DIR");
	unsetenv("SSL_CERT_FILE");
	cert_free(&old);
}

static void
a_server_s_own_certificate_may_be_the_anchor(void **state)
{
	struct tls_server server = { .cert = &good, .waits = true };
	struct tls_settings settings = settings_for(NAME);

	(void)state;
	settings.ca_file = path("good.pem");
	cert_save(&good, settings.ca_file, NULL, NULL);
	expect_accepted(&server, &settings);
	settings.server_name = "elsewhere.example";
	expect_refused(&server, &settings, ERR_TLS, "certificate name: ");
}

static void
files_that_cannot_be_used_are_configuration_errors(void **state)
{
	struct tls_server server = { .cert = &good };
	struct tls_settings settings = settings_for(NAME);
	char text[256];

	(void)state;
	settings.ca_file = path("missing");
	snprintf(text, sizeof(text),
		 "cannot use tls_ca_file '%s': No such "
		 "file or directory",
		 settings.ca_file);
	expect_refused(&server, &settings, ERR_CONFIG, text);
	write_file("nonsense", "no certificate\n");
	settings.ca_file = path("nonsense");
	expect_refused(&server, &settings, ERR_CONFIG,
		       "cannot use "
		       "tls_ca_file '");
	settings.ca_file = NULL;
	settings.ca_dir = ca_file;
	snprintf(text, sizeof(text),
		 "cannot use tls_ca_dir '%s': Not a "
		 "directory",
		 ca_file);
	expect_refused(&server, &settings, ERR_CONFIG, text);
	settings.ca_dir = path("missing");
	snprintf(text, sizeof(text),
		 "cannot use tls_ca_dir '%s': No such "
		 "file or directory",
		 settings.ca_dir);
	expect_refused(&server, &settings, ERR_CONFIG, text);
	settings = settings_for(NAME);
	settings.cert_file = path("missing");
	snprintf(text, sizeof(text),
		 "cannot use tls_cert_file '%s': No such "
		 "file or directory",
		 settings.cert_file);
	expect_refused(&server, &settings, ERR_CONFIG, text);
}

/* --- client certificates --- */

static void
a_client_certificate_is_sent_only_when_configured(void **state)
{
	struct cert jane = cert_new(&(struct cert_recipe){
		.issuer = &root, .cn = "jane", .usage = "clientAuth" });
	struct tls_server server = { .cert = &good,
				     .client_ca = &root,
				     .waits = true };
	struct tls_settings settings = settings_for(NAME);

	(void)state;
	assert_string_equal(expect_accepted(&server, &settings).client, "");
	settings.cert_file = path("jane.pem");
	cert_save(&jane, settings.cert_file, settings.cert_file, NULL);
	assert_string_equal(expect_accepted(&server, &settings).client,
			    "/CN=jane");
	settings.cert_file = path("jane.crt");
	settings.key_file = path("jane.key");
	cert_save(&jane, settings.cert_file, settings.key_file, NULL);
	assert_string_equal(expect_accepted(&server, &settings).client,
			    "/CN=jane");
	server.client_ca = NULL;
	assert_string_equal(expect_accepted(&server, &settings).client, "");
	cert_free(&jane);
}

static void
a_client_key_that_cannot_be_used_is_a_configuration_error(void **state)
{
	struct cert jane = cert_new(&(struct cert_recipe){ .cn = "jane" });
	struct tls_server server = { .cert = &good };
	struct tls_settings settings = settings_for(NAME);
	char text[512];

	(void)state;
	settings.cert_file = path("jane.crt");
	settings.key_file = path("locked.key");
	cert_save(&jane, settings.cert_file, settings.key_file, "secret");
	snprintf(text, sizeof(text),
		 "cannot use the key in '%s': it has a "
		 "passphrase",
		 settings.key_file);
	expect_refused(&server, &settings, ERR_CONFIG, text);
	cert_save(&good, path("good.crt"), path("good.key"), NULL);
	settings.key_file = path("good.key");
	expect_refused(&server, &settings, ERR_CONFIG,
		       "cannot use the key in '");
	settings.key_file = settings.cert_file;
	snprintf(text, sizeof(text),
		 "cannot use the key in '%s': there is none in it that OpenSSL "
		 "knows",
		 settings.cert_file);
	expect_refused(&server, &settings, ERR_CONFIG, text);
	settings.key_file = NULL;
	(void)strncat(text, "; set tls_key_file to the file that has it",
		      sizeof(text) - strlen(text) - 1);
	expect_refused(&server, &settings, ERR_CONFIG, text);
	cert_free(&jane);
}

/* --- versions and strength --- */

static void
versions_before_the_minimum_are_refused(void **state)
{
	struct tls_server server = { .cert = &good,
				     .waits = true,
				     .max_version = TLS1_1_VERSION };
	struct tls_settings settings = settings_for(NAME);

	(void)state;
	expect_refused(&server, &settings, ERR_TLS,
		       "server offers no TLS "
		       "version that is allowed (1.2 or newer): ");
	server.max_version = TLS1_2_VERSION;
	expect_accepted(&server, &settings);
	settings.min_version = TLS_VERSION_1_3;
	expect_refused(&server, &settings, ERR_TLS,
		       "server offers no TLS "
		       "version that is allowed (1.3 or newer): ");
	server.max_version = 0;
	expect_accepted(&server, &settings);
}

static void
ciphers_without_server_or_secrecy_are_refused(void **state)
{
	static const char *const ciphers[] = { "aNULL:@SECLEVEL=0",
					       "eNULL:@SECLEVEL=0" };
	struct tls_settings settings = settings_for(NAME);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tls_server server = { .cert = &good,
					     .max_version = TLS1_2_VERSION,
					     .ciphers = ciphers[i] };

		expect_refused(&server, &settings, ERR_TLS,
			       "handshake: server refuses it: it knows no "
			       "cipher that is safe");
	}
}

static void
the_system_s_configuration_cannot_weaken_but_strengthen(void **state)
{
	static const char begin[] =
		"openssl_conf = init\n"
		"[init]\nssl_conf = ssl\n[ssl]\nsystem_default = s\n[s]\n";
	struct cert weak = cert_new(&(struct cert_recipe){
		.issuer = &root, .names = "DNS:" NAME, .rsa_bits = 1024 });
	struct tls_server server = { .cert = &good,
				     .waits = true,
				     .max_version = TLS1_1_VERSION };
	struct tls_settings settings = settings_for(NAME);
	char text[512];

	(void)state;
	snprintf(text, sizeof(text),
		 "%sMinProtocol = TLSv1\n"
		 "MaxProtocol = TLSv1.2\nCipherString = ALL:@SECLEVEL=0\n"
		 "Options = UnsafeLegacyRenegotiation\n",
		 begin);
	configuration = write_file("weak.cnf", text);
	expect_refused(&server, &settings, ERR_TLS,
		       "server offers no TLS "
		       "version that is allowed (1.2 or newer): ");
	server.cert = &weak;
	server.max_version = 0;
	expect_refused(&server, &settings, ERR_TLS,
		       "certificate key: 1024 bits are too weak");
	server.cert = &good;
	server.min_version = TLS1_3_VERSION;
	expect_accepted(&server, &settings);

	snprintf(text, sizeof(text), "%sMinProtocol = TLSv1.3\n", begin);
	configuration = write_file("strong.cnf", text);
	server.min_version = TLS1_2_VERSION;
	server.max_version = TLS1_2_VERSION;
	expect_refused(&server, &settings, ERR_TLS,
		       "server offers no TLS "
		       "version that is allowed (1.3 or newer): ");

	snprintf(text, sizeof(text), "%sMinProtocol = TLSv1.2\n", begin);
	configuration = write_file("plain.cnf", text);
	expect_accepted(&server, &settings);
	configuration = NULL;
	cert_free(&weak);
}

/* --- servers that do something else --- */

static void
greet_in_the_clear(int fd)
{
	char got[4096];
	ssize_t n;

	if (write(fd, "+OK POP3 ready\r\n", 16) != 16)
		_exit(1);
	/* Nothing but the ClientHello may come: one handshake record. */
	n = read(fd, got, sizeof(got));
	if (n > 0 && (got[0] != 22 || n != 5 + (got[3] << 8) + got[4]))
		_exit(2);
	if (n > 0 && read(fd, got, sizeof(got)) > 0)
		_exit(3);
}

static void
refuse_in_the_clear(int fd)
{
	char got[4096];

	if (read(fd, got, sizeof(got)) <= 0 || write(fd, "-E", 2) != 2)
		_exit(1);
	if (read(fd, got, sizeof(got)) > 0)
		_exit(2);
}

static void
say_nothing(int fd)
{
	char got[4096];

	while (read(fd, got, sizeof(got)) > 0)
		continue;
}

static void
close_at_once(int fd)
{
	(void)shutdown(fd, SHUT_WR);
	say_nothing(fd);
}

static void
close_in_the_middle(int fd)
{
	/* The beginning of a ServerHello. */
	if (write(fd, "\x16\x03\x03\x00\x7a\x02\x00", 7) != 7)
		_exit(1);
	close_at_once(fd);
}

static void
send_an_alert(int fd)
{
	/* fatal, handshake_failure */
	if (write(fd, "\x15\x03\x03\x00\x02\x02\x28", 7) != 7)
		_exit(1);
	close_at_once(fd);
}

static void
a_server_that_speaks_in_the_clear_is_told_apart(void **state)
{
	void (*const servers[])(int) = { greet_in_the_clear,
					 refuse_in_the_clear };
	struct tls_settings settings = settings_for(NAME);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tls_server server = { .instead = servers[i] };

		settings.behind_stls = false;
		expect_refused(&server, &settings, ERR_TLS,
			       "this port speaks POP3 in the clear at first: "
			       "set tls = \"starttls\"");
		settings.behind_stls = true;
		expect_refused(&server, &settings, ERR_TLS,
			       "server goes on in the clear after its +OK");
	}
}

static void
a_silent_server_ends_in_a_time_out(void **state)
{
	struct tls_server server = { .instead = say_nothing };
	struct tls_settings settings = settings_for(NAME);
	struct meeting m;

	(void)state;
	meet_within(&m, &server, &settings, 50, CLOCK_NEVER);
	assert_int_equal(m.result, -1);
	assert_int_equal(m.e.kind, ERR_NETWORK);
	assert_string_equal(m.e.text, "no answer from server for 50 ms");
	part(&m);
	meet_within(&m, &server, &settings, PATIENCE_MS, clock_deadline(50));
	assert_int_equal(m.result, -1);
	assert_int_equal(m.e.kind, ERR_NETWORK);
	assert_string_equal(m.e.text, "session_timeout reached");
	part(&m);
}

static void
a_server_that_closes_in_the_handshake_is_a_network_error(void **state)
{
	void (*const servers[])(int) = { close_at_once, close_in_the_middle };
	struct tls_settings settings = settings_for(NAME);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tls_server server = { .instead = servers[i] };

		expect_refused(&server, &settings, ERR_NETWORK,
			       "connection closed by server");
	}
}

static void
an_alert_of_the_server_is_told(void **state)
{
	struct tls_server server = { .instead = send_an_alert };
	struct tls_settings settings = settings_for(NAME);
	struct outcome o = outcome_of(&server, &settings);

	(void)state;
	assert_int_equal(o.result, -1);
	assert_int_equal(o.e.kind, ERR_TLS);
	assert_int_equal(strncmp(o.e.text, "handshake: ", 11), 0);
	assert_non_null(strstr(o.e.text, "alert handshake failure"));
}

static void
records_are_told_from_text(void **state)
{
	(void)state;
	assert_true(tls_is_record((const uint8_t *)"\x15\x03\x01\x00\x02", 5));
	assert_true(tls_is_record((const uint8_t *)"\x16\x03\x03", 3));
	assert_true(tls_is_record((const uint8_t *)"\x16", 1));
	assert_false(tls_is_record((const uint8_t *)"+OK", 3));
	assert_false(tls_is_record((const uint8_t *)"-ERR", 4));
	assert_false(tls_is_record((const uint8_t *)"\x16\x04\x03", 3));
	assert_false(tls_is_record((const uint8_t *)"", 0));
}

/* --- talk --- */

static void
open_stream(struct meeting *m, struct stream **s,
	    const struct tls_server *server)
{
	struct tls_settings settings = settings_for(NAME);

	meet(m, server, &settings);
	if (m->result != 0)
		fail_msg("%s", m->e.text);
	stream_new(s, m->t, PATIENCE_MS, CLOCK_NEVER);
}

static void
close_stream(struct meeting *m, struct stream **s, struct tls_report *report)
{
	stream_free(s);
	tls_server_end(m->pid, m->report_fd, report);
}

static void
expect_greeting(struct stream *s)
{
	struct err e = ERR_INIT;
	const uint8_t *line;
	size_t size;

	if (stream_line(s, 512, &line, &size, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(size, strlen(GREETING) - 2);
	assert_memory_equal(line, GREETING, size);
}

static void
both_sides_hear_each_other_and_say_goodbye(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	static const char *const infos[] = {
		"TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384",
		"TLSv1.3 TLS_AES_256_GCM_SHA384"
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tls_server server = { .cert = &good,
					     .greeting = GREETING,
					     .max_version = versions[i],
					     .waits = true };
		struct tls_report report;
		struct meeting m;
		struct stream *s;
		char info[TLS_INFO_MAX];

		open_stream(&m, &s, &server);
		tls_info(m.t, info);
		assert_string_equal(info, infos[i]);
		expect_greeting(s);
		stream_queue(s, "QUIT\r\n", 6);
		assert_int_equal(stream_push(s, &m.e), 0);
		close_stream(&m, &s, &report);
		assert_string_equal(report.received, "QUIT\r\n");
		assert_true(report.goodbye);
	}
}

/* What OpenSSL holds decrypted wakes no poll. */
static void
a_flood_arrives_whole_across_records_and_key_updates(void **state)
{
	enum { SIZE = 5 * 1000 * 1000 };
	struct tls_server server = { .cert = &good,
				     .greeting = GREETING,
				     .flood = SIZE,
				     .update_keys = true };
	struct tls_report report;
	struct meeting m;
	struct stream *s;
	size_t got = 0;

	(void)state;
	open_stream(&m, &s, &server);
	expect_greeting(s);
	while (stream_fill(s, 0, &m.e) == 0) {
		size_t size;
		const uint8_t *bytes = stream_unread(s, &size);

		/* In odd portions, so that the buffer's end is met. */
		if (size > 10007)
			size = 10007;
		for (size_t i = 0; i < size; i++)
			if (bytes[i] != flood_byte(got + i))
				fail_msg("byte %zu is wrong", got + i);
		got += size;
		stream_consume(s, size);
	}
	assert_int_equal(got, SIZE);
	assert_int_equal(m.e.kind, ERR_NETWORK);
	assert_string_equal(m.e.text, "connection closed by server");
	close_stream(&m, &s, &report);
}

static void
a_line_cut_without_goodbye_is_a_closed_connection(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct tls_server server = { .cert = &good,
					     .greeting = GREETING,
					     .max_version = versions[i],
					     .cut = true };
		struct tls_report report;
		struct meeting m;
		struct stream *s;

		open_stream(&m, &s, &server);
		expect_greeting(s);
		assert_int_equal(stream_fill(s, 0, &m.e), -1);
		assert_int_equal(m.e.kind, ERR_NETWORK);
		assert_string_equal(m.e.text, "connection closed by server");
		close_stream(&m, &s, &report);
	}
}

/* Somebody on the way writes into the connection. */
static void
a_forged_record_is_an_error_of_tls(void **state)
{
	struct tls_server server = { .cert = &good,
				     .greeting = GREETING,
				     .max_version = TLS1_2_VERSION,
				     .waits = true };
	struct tls_report report;
	struct meeting m;
	struct stream *s;
	int pair[2], server_fd;

	(void)state;
	open_stream(&m, &s, &server);
	expect_greeting(s);
	/* The client's descriptor becomes another connection's. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    pair),
			 0);
	server_fd = dup(m.t->fd);
	assert_int_equal(dup2(pair[0], m.t->fd), m.t->fd);
	assert_int_equal(write(pair[1],
			       "\x17\x03\x03\x00\x28"
			       "0123456789012345678901234567890123456789",
			       45),
			 45);
	assert_int_equal(stream_fill(s, 0, &m.e), -1);
	assert_int_equal(m.e.kind, ERR_TLS);
	close(server_fd);
	close(pair[0]);
	close(pair[1]);
	close_stream(&m, &s, &report);
}

/* --- */

static int
set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	strcpy(directory, "/tmp/test_tls.XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	root = cert_new(&(struct cert_recipe){
		.cn = "test root", .constraints = "critical,CA:TRUE" });
	stranger_root = cert_new(&(struct cert_recipe){
		.cn = "other root", .constraints = "critical,CA:TRUE" });
	good = cert_new(&(struct cert_recipe){
		.issuer = &root, .names = "DNS:" NAME, .usage = "serverAuth" });
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", directory);
	cert_save(&root, ca_file, NULL, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	cert_free(&root);
	cert_free(&good);
	cert_free(&stranger_root);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_exact_name_is_accepted_in_any_case_and_sent_as_sni),
		cmocka_unit_test(
			another_name_is_refused_and_the_error_names_both),
		cmocka_unit_test(
			many_and_hostile_names_make_a_short_and_safe_error),
		cmocka_unit_test(a_common_name_alone_does_not_count),
		cmocka_unit_test(a_wildcard_stands_for_one_whole_label),
		cmocka_unit_test(other_wildcards_are_refused),
		cmocka_unit_test(a_nul_inside_a_name_does_not_shorten_it),
		cmocka_unit_test(
			addresses_match_address_entries_only_and_send_no_sni),
		cmocka_unit_test(
			a_name_that_cannot_be_one_is_a_configuration_error),
		cmocka_unit_test(dates_are_told_in_words),
		cmocka_unit_test(
			a_self_signed_certificate_is_refused_and_its_pin_is_named),
		cmocka_unit_test(an_unknown_root_is_refused),
		cmocka_unit_test(
			a_chain_needs_an_intermediate_that_is_an_authority),
		cmocka_unit_test(a_certificate_for_clients_only_is_refused),
		cmocka_unit_test(a_weak_key_is_refused),
		cmocka_unit_test(a_pin_takes_the_place_of_chain_name_and_date),
		cmocka_unit_test(
			a_pin_that_does_not_match_refuses_even_a_good_server),
		cmocka_unit_test(a_pinned_key_must_not_be_weak),
		cmocka_unit_test(pins_are_read_as_people_write_them),
		cmocka_unit_test(the_system_s_store_is_used_when_none_is_named),
		cmocka_unit_test(
			what_the_bundle_vouches_for_must_be_right_in_all_else),
		cmocka_unit_test(an_expired_root_does_not_hide_its_successor),
		cmocka_unit_test(a_server_s_own_certificate_may_be_the_anchor),
		cmocka_unit_test(
			files_that_cannot_be_used_are_configuration_errors),
		cmocka_unit_test(
			a_client_certificate_is_sent_only_when_configured),
		cmocka_unit_test(
			a_client_key_that_cannot_be_used_is_a_configuration_error),
		cmocka_unit_test(versions_before_the_minimum_are_refused),
		cmocka_unit_test(ciphers_without_server_or_secrecy_are_refused),
		cmocka_unit_test(
			a_server_that_speaks_in_the_clear_is_told_apart),
		cmocka_unit_test(a_silent_server_ends_in_a_time_out),
		cmocka_unit_test(
			a_server_that_closes_in_the_handshake_is_a_network_error),
		cmocka_unit_test(an_alert_of_the_server_is_told),
		cmocka_unit_test(records_are_told_from_text),
		cmocka_unit_test(both_sides_hear_each_other_and_say_goodbye),
		cmocka_unit_test(
			a_flood_arrives_whole_across_records_and_key_updates),
		cmocka_unit_test(
			a_line_cut_without_goodbye_is_a_closed_connection),
		cmocka_unit_test(a_forged_record_is_an_error_of_tls),
		cmocka_unit_test(
			the_system_s_configuration_cannot_weaken_but_strengthen),
	};

	/* The system's own openssl.cnf may be stricter than a test expects. */
	setenv("OPENSSL_CONF", "/dev/null", 1);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
