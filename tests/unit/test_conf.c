/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The configuration: what is accepted, what it becomes, and what is refused how. */
#include "config.h"
#include "config/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "state/plan.h"

/* A home directory of the test's own. */
static char home[PATH_MAX];

static char *
at_home(const char *name)
{
	return mem_format("%s/%s", home, name);
}

static void
put_mode(const char *name, mode_t mode, const char *text)
{
	char *path = at_home(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

static void
put(const char *name, const char *text)
{
	put_mode(name, 0600, text);
}

static int
new_home(void **state)
{
	char template[] = "/tmp/popfetch-test-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(template));
	snprintf(home, sizeof(home), "%s", template);
	setenv("HOME", home, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_STATE_HOME");
	return 0;
}

static int
remove_home(void **state)
{
	char *command = mem_format("rm -rf '%s'", home);
	int rc = system(command);

	(void)state;
	free(command);
	return rc;
}

static struct conf *
read_file(const char *name)
{
	char *path = at_home(name);
	struct conf *c = NULL;
	struct err e = ERR_INIT;

	if (conf_read(&c, path, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(e.kind, ERR_NONE);
	free(path);
	return c;
}

static struct conf *
read_text(const char *text)
{
	put("popfetch.conf", text);
	return read_file("popfetch.conf");
}

/* The one account of this text. */
static struct conf *
read_account(const char *options)
{
	char *text = mem_format("account 'work' {\nhost = h.example\n"
				"user = jane\nmaildir = M\n%s\n}\n",
				options);
	struct conf *c = read_text(text);

	free(text);
	assert_int_equal(c->count, 1);
	return c;
}

/* What is left of an error's text without the directory. */
static void
assert_refused(const char *expected)
{
	char *path = at_home("popfetch.conf");
	struct conf *c = NULL;
	struct err e = ERR_INIT;
	char text[ERR_TEXT_MAX], *from = e.text, *to = text;
	size_t size = strlen(home) + 1;

	assert_int_equal(conf_read(&c, path, &e), -1);
	assert_null(c);
	assert_int_equal(e.kind, ERR_CONFIG);
	while (*from) {
		if (strncmp(from, home, size - 1) == 0)
			from += size;
		else
			*to++ = *from++;
	}
	*to = '\0';
	assert_string_equal(text, expected);
	free(path);
}

static void
refuse(const char *text, const char *expected)
{
	put("popfetch.conf", text);
	assert_refused(expected);
}

/* The option stands on line 5. */
static void
refuse_option(const char *option, const char *expected)
{
	char *text = mem_format("account 'work' {\nhost = h.example\n"
				"user = jane\nmaildir = M\n%s\n}\n",
				option);
	char *whole =
		mem_format("popfetch.conf:5: account 'work': %s", expected);

	refuse(text, whole);
	free(text);
	free(whole);
}

static const char *
password(const struct account *a)
{
	return a->courier.password
		       ? (const char *)secret_bytes(a->courier.password)
		       : NULL;
}

/* --- what it becomes --- */

static void
an_account_of_four_lines_gets_all_defaults(void **state)
{
	struct conf *c = read_text("account \"work\" {\n"
				   "  host = \"Pop.example.org\"\n"
				   "  user = \"recent:jane@example.org\"\n"
				   "  maildir = \"~/Mail/work\"\n}\n");
	struct account *a = conf_account(c, "work");
	char *path = at_home("Mail/work"),
	     *dir = at_home(".local/state/popfetch");

	(void)state;
	assert_int_equal(c->jobs, 32);
	assert_string_equal(c->state_dir, dir);
	assert_null(c->log);
	assert_ptr_equal(a, c->accounts);
	assert_null(conf_account(c, "Work"));
	assert_true(a->enabled);
	assert_string_equal(a->server.host, "Pop.example.org");
	assert_int_equal(a->server.port, 995);
	assert_int_equal(a->server.tls, SERVER_TLS_IMPLICIT);
	assert_null(a->courier.tls.ca_file);
	assert_null(a->courier.tls.ca_dir);
	assert_int_equal(a->courier.tls.pin_count, 0);
	assert_int_equal(a->courier.tls.min_version, TLS_VERSION_1_2);
	assert_null(a->courier.tls.cert_file);
	assert_null(a->courier.tls.key_file);
	assert_string_equal(a->courier.tls.server_name, "Pop.example.org");
	assert_string_equal(a->server.user, "recent:jane@example.org");
	assert_null(a->courier.password);
	assert_null(a->password_file);
	assert_null(a->courier.password_command);
	assert_true(a->ask_password);
	assert_int_equal(a->courier.auth, AUTH_AUTO);
	assert_false(a->courier.insecure_auth);
	assert_int_equal(a->keeper.target.kind, DELIVER_MAILDIR);
	assert_string_equal(a->keeper.target.path, path);
	assert_null(a->keeper.target.argv);
	assert_int_equal(a->keeper.target.mda_timeout_ms, 300 * 1000);
	assert_true(a->keeper.received_header);
	assert_true(a->keeper.rules.keep_s == PLAN_KEEP_FOREVER);
	assert_int_equal(a->keeper.rules.max_size, 0);
	assert_int_equal(a->keeper.rules.max_messages, 0);
	assert_int_equal(a->server.timeout_ms, 60 * 1000);
	assert_int_equal(a->server.session_timeout_ms, 3600 * 1000);
	assert_true(a->courier.pipelining);
	assert_string_equal(a->state,
			    "recent:jane@example.org@pop.example.org");
	assert_int_equal(a->keeper.account.notice_failures, 3);
	assert_int_equal(strlen(a->keeper.account.fingerprint), 64);
	free(path);
	free(dir);
	conf_free(&c);
	assert_null(c);
}

static void
every_option_is_taken(void **state)
{
	struct conf *c = read_text(
		"jobs = 3\nstate_dir = '/var/state/'\nlog = \"syslog\"\n"
		"account a {\n"
		"host = '[2001:DB8::1]'\nport = 1995\ntls = starttls\n"
		"tls_ca_file = ca.pem\ntls_ca_dir = '/etc/ca'\n"
		"tls_pin = {\"sha256:0000000000000000000000000000000000000000"
		"000000000000000000000001\", \"spki-sha256:00000000000000000"
		"000000000000000000000000000000000000000000000ff\"}\n"
		"tls_min_version = 1.3\ntls_cert_file = c.pem\n"
		"tls_key_file = k.pem\ntls_server_name = pop.example.org\n"
		"user = 'jane doe'\npassword_command = {\"pass\", \"show x\"}\n"
		"auth = XOAUTH2\ninsecure_auth = yes\n"
		"mda = {\"procmail\", \"-d\", \"%{user}\", \"\"}\n"
		"mda_timeout = '1 minute 30 s'\nkeep = '2 weeks'\n"
		"state = 'old host'\nmax_size = 20MiB\nmax_messages = 100\n"
		"received_header = off\ntimeout = '2 minutes'\n"
		"session_timeout = '2 h'\npipelining = off\nenabled = no\n"
		"notice_after = '6 hours'\n}\n");
	struct account *a = c->accounts;
	char *path = at_home("ca.pem");

	(void)state;
	assert_int_equal(c->jobs, 3);
	assert_string_equal(c->state_dir, "/var/state");
	assert_string_equal(c->log, "syslog");
	assert_false(a->enabled);
	assert_string_equal(a->server.host, "2001:DB8::1");
	assert_int_equal(a->server.port, 1995);
	assert_int_equal(a->server.tls, SERVER_TLS_STARTTLS);
	assert_string_equal(a->courier.tls.ca_file, path);
	assert_string_equal(a->courier.tls.ca_dir, "/etc/ca");
	assert_int_equal(a->courier.tls.pin_count, 2);
	assert_int_equal(a->courier.tls.pins[0].kind, TLS_PIN_CERTIFICATE);
	assert_int_equal(a->courier.tls.pins[0].digest[31], 1);
	assert_int_equal(a->courier.tls.pins[1].kind, TLS_PIN_SPKI);
	assert_int_equal(a->courier.tls.pins[1].digest[31], 0xff);
	assert_int_equal(a->courier.tls.min_version, TLS_VERSION_1_3);
	assert_string_equal(strrchr(a->courier.tls.cert_file, '/'), "/c.pem");
	assert_string_equal(strrchr(a->courier.tls.key_file, '/'), "/k.pem");
	assert_string_equal(a->courier.tls.server_name, "pop.example.org");
	assert_string_equal(a->server.user, "jane doe");
	assert_string_equal(a->courier.password_command[0], "pass");
	assert_string_equal(a->courier.password_command[1], "show x");
	assert_null(a->courier.password_command[2]);
	assert_false(a->ask_password);
	assert_int_equal(a->courier.auth, AUTH_XOAUTH2);
	assert_true(a->courier.insecure_auth);
	assert_int_equal(a->keeper.target.kind, DELIVER_MDA);
	assert_null(a->keeper.target.path);
	assert_string_equal(a->keeper.target.argv[2], "%{user}");
	assert_string_equal(a->keeper.target.argv[3], "");
	assert_null(a->keeper.target.argv[4]);
	assert_int_equal(a->keeper.target.mda_timeout_ms, 90 * 1000);
	assert_false(a->keeper.received_header);
	assert_int_equal(a->keeper.rules.keep_s, 14 * 86400);
	assert_string_equal(a->state, "old host");
	assert_int_equal(a->keeper.rules.max_size, 20 << 20);
	assert_int_equal(a->keeper.rules.max_messages, 100);
	assert_int_equal(a->server.timeout_ms, 120 * 1000);
	assert_int_equal(a->server.session_timeout_ms, 7200 * 1000);
	assert_false(a->courier.pipelining);
	assert_int_equal(a->keeper.account.notice_failures, 0);
	assert_int_equal(a->keeper.account.notice_s, 6 * 3600);
	free(path);
	conf_free(&c);
}

static void
the_port_follows_tls(void **state)
{
	struct conf *c = read_account("tls = starttls");

	(void)state;
	assert_int_equal(c->accounts[0].server.port, 110);
	conf_free(&c);
	c = read_account("tls = \"off\"");
	assert_int_equal(c->accounts[0].server.port, 110);
	conf_free(&c);
}

static void
a_dot_at_the_end_of_a_host_makes_no_other_of_it(void **state)
{
	struct conf *c = read_text(
		"defaults {\nuser = jane\nmaildir = x\nhost = d.example.\n}\n"
		"account one {\nhost = Pop.example.org.\n"
		"tls_server_name = mail.example.org.\n}\n"
		"account two {\n}\n"
		"account three {\nhost = e.example.\nstate = s\n}\n"
		"account four {\nhost = f.example\n}\n");
	const struct account *a = c->accounts;

	(void)state;
	assert_string_equal(a[0].server.host, "Pop.example.org");
	assert_string_equal(a[0].courier.tls.server_name, "mail.example.org");
	assert_string_equal(a[0].state, "jane@pop.example.org");
	assert_string_equal(a[0].keeper.account.old_state_file,
			    "jane@pop.example.org.");
	assert_string_equal(a[1].server.host, "d.example");
	assert_string_equal(a[1].courier.tls.server_name, "d.example");
	assert_string_equal(a[1].keeper.account.old_state_file,
			    "jane@d.example.");
	assert_string_equal(a[2].state, "s");
	assert_null(a[2].keeper.account.old_state_file);
	assert_null(a[3].keeper.account.old_state_file);
	conf_free(&c);
}

static void
defaults_serve_where_an_account_says_nothing(void **state)
{
	struct conf *c = read_text(
		"account one {\nhost = a\nmaildir = x\nport = 1234\n}\n"
		"defaults {\nuser = jane\nport = 999\nkeep = no\n"
		"received_header = no\ntimeout = '5 s'\n}\n"
		"account two {\nhost = b\nmaildir = x\nkeep = forever\n"
		"received_header = yes\n}\n");

	(void)state;
	assert_int_equal(c->count, 2);
	assert_string_equal(c->accounts[0].name, "one");
	assert_int_equal(c->accounts[0].server.port, 1234);
	assert_int_equal(c->accounts[0].keeper.rules.keep_s, 0);
	assert_false(c->accounts[0].keeper.received_header);
	assert_int_equal(c->accounts[1].server.port, 999);
	assert_true(c->accounts[1].keeper.rules.keep_s == PLAN_KEEP_FOREVER);
	assert_true(c->accounts[1].keeper.received_header);
	assert_int_equal(c->accounts[1].server.timeout_ms, 5 * 1000);
	conf_free(&c);
}

static void
an_own_destination_or_secret_hides_the_inherited_one(void **state)
{
	struct conf *c = read_text(
		"defaults {\nhost = h\nmda = {\"procmail\"}\n"
		"password_command = {\"pass\"}\n}\n"
		"account a { user = a }\n"
		"account b { user = b maildir = x password = 's3' }\n"
		"account c { user = c mbox = '/m' password_file = f }\n"
		"account d { user = d mda = fdm password_command = p }\n");

	(void)state;
	assert_int_equal(c->accounts[0].keeper.target.kind, DELIVER_MDA);
	assert_string_equal(c->accounts[0].keeper.target.argv[0], "procmail");
	assert_string_equal(c->accounts[0].courier.password_command[0], "pass");
	assert_int_equal(c->accounts[1].keeper.target.kind, DELIVER_MAILDIR);
	assert_null(c->accounts[1].keeper.target.argv);
	assert_null(c->accounts[1].courier.password_command);
	assert_string_equal(password(&c->accounts[1]), "s3");
	assert_false(c->accounts[1].ask_password);
	assert_int_equal(c->accounts[2].keeper.target.kind, DELIVER_MBOX);
	assert_string_equal(c->accounts[2].keeper.target.path, "/m");
	assert_null(c->accounts[2].courier.password);
	assert_string_equal(strrchr(c->accounts[2].password_file, '/'), "/f");
	assert_string_equal(c->accounts[3].keeper.target.argv[0], "fdm");
	assert_null(c->accounts[3].keeper.target.argv[1]);
	assert_string_equal(c->accounts[3].courier.password_command[0], "p");
	conf_free(&c);
}

static void
an_inherited_path_starts_beside_the_file_that_has_it(void **state)
{
	char *sub = at_home("sub"), *maildir = at_home("sub/N");
	struct conf *c;

	(void)state;
	assert_int_equal(mkdir(sub, 0700), 0);
	put("sub/more", "defaults {\nhost = h\nmaildir = N\n}\n");
	c = read_text("account a { user = a }\naccount b { user = b }\n"
		      "include(sub/more)\n");
	assert_string_equal(c->accounts[0].keeper.target.path, maildir);
	assert_string_equal(c->accounts[1].keeper.target.path, maildir);
	conf_free(&c);
	free(sub);
	free(maildir);
}

static void
two_accounts_may_deliver_to_one_maildir(void **state)
{
	struct conf *c = read_text("defaults { maildir = M host = h }\n"
				   "account a { user = a }\n"
				   "account b { user = b }\n");

	(void)state;
	assert_string_equal(c->accounts[0].keeper.target.path,
			    c->accounts[1].keeper.target.path);
	conf_free(&c);
}

static void
paths_start_at_home_or_beside_the_file(void **state)
{
	struct conf *c = read_account("tls_ca_file = '~/ca'\n"
				      "tls_cert_file = '~root/c'\n"
				      "password_command = '~/bin/p'\n");
	struct account *a = c->accounts;
	char *maildir = at_home("M"), *ca = at_home("ca"),
	     *program = at_home("bin/p");

	(void)state;
	assert_string_equal(a->keeper.target.path, maildir);
	assert_string_equal(a->courier.tls.ca_file, ca);
	assert_string_equal(a->courier.tls.cert_file, "/root/c");
	assert_string_equal(a->courier.password_command[0], program);
	free(maildir);
	free(ca);
	free(program);
	conf_free(&c);
}

static void
a_relative_file_name_gives_absolute_paths(void **state)
{
	char here[PATH_MAX], *maildir = at_home("M");
	struct conf *c = read_account("");
	struct err e = ERR_INIT;

	(void)state;
	conf_free(&c);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(home), 0);
	assert_int_equal(conf_read(&c, "popfetch.conf", &e), 0);
	assert_int_equal(chdir(here), 0);
	assert_string_equal(c->path, "popfetch.conf");
	assert_string_equal(c->accounts[0].keeper.target.path, maildir);
	free(maildir);
	conf_free(&c);
}

static void
a_password_may_have_any_printable_byte(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "'$#\"{}*+=, /*x*/'", "$#\"{}*+=, /*x*/" },
		{ "'it\\'s \\\\ \\n ${HOME}'", "it's \\ \\n ${HOME}" },
		{ "\"a\\\"b\\x41\\102\\$\\\\ 'c'\t\"", "a\"bAB$\\ 'c'\t" },
		{ "\"<${POPFETCH_TEST}${POPFETCH_NONE:-x y}>\"", "<v$1x y>" },
		{ "hunter2", "hunter2" },
		{ "'p\303\244\377'", "p\303\244\377" },
		{ "'1'", "1" },
	};
	struct conf *c;
	char *option;
	size_t i;

	(void)state;
	setenv("POPFETCH_TEST", "v$1", 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		option = mem_format("password = %s", cases[i].text);
		c = read_account(option);
		assert_string_equal(password(c->accounts), cases[i].expected);
		assert_false(c->accounts[0].ask_password);
		conf_free(&c);
		free(option);
	}
}

/* Whatever sections and files they stand in. */
static void
each_account_gets_its_own_password(void **state)
{
	struct conf *c;

	(void)state;
	put("more", "account c { host = h user = c maildir = M\n"
		    "password = 'three' }\n");
	c = read_text("account a { host = h user = a maildir = M "
		      "password = 'one' }\n"
		      "include('more')\n"
		      "account b { host = h user = b maildir = M\n"
		      "password # a comment\n = /* another */ 'two' }\n"
		      "account d { host = h user = d maildir = M }\n"
		      "defaults { 'password' = 'four' }\n");
	assert_string_equal(password(conf_account(c, "a")), "one");
	assert_string_equal(password(conf_account(c, "b")), "two");
	assert_string_equal(password(conf_account(c, "c")), "three");
	assert_string_equal(password(conf_account(c, "d")), "four");
	conf_free(&c);
}

static void
keep_is_a_word_or_a_duration(void **state)
{
	struct conf *c = read_account("keep = \"36 hours\"");

	(void)state;
	assert_int_equal(c->accounts[0].keeper.rules.keep_s, 36 * 3600);
	conf_free(&c);
	c = read_account("keep = no");
	assert_int_equal(c->accounts[0].keeper.rules.keep_s, 0);
	conf_free(&c);
	c = read_account("keep = \"1 week 2 days\"");
	assert_int_equal(c->accounts[0].keeper.rules.keep_s, 9 * 86400);
	conf_free(&c);
}

static void
notice_after_counts_or_measures_and_may_be_global(void **state)
{
	struct conf *c = read_account("notice_after = '10 failures'");

	(void)state;
	assert_int_equal(c->accounts[0].keeper.account.notice_failures, 10);
	conf_free(&c);
	c = read_text("notice_after = '1 failure'\n"
		      "account a { host = h user = u maildir = M }\n"
		      "account b { host = g user = u maildir = M\n"
		      "notice_after = '2 days' }\n");
	assert_int_equal(c->accounts[0].keeper.account.notice_failures, 1);
	assert_int_equal(c->accounts[1].keeper.account.notice_failures, 0);
	assert_int_equal(c->accounts[1].keeper.account.notice_s, 2 * 86400);
	conf_free(&c);
}

static void
an_empty_list_takes_inherited_pins_away(void **state)
{
	struct conf *c = read_text(
		"defaults { maildir = M user = u tls_pin = \"sha256:00000000"
		"00000000000000000000000000000000000000000000000000000000\" }\n"
		"account a { host = h }\n"
		"account b { host = g tls = off tls_pin = {} }\n");

	(void)state;
	assert_int_equal(c->accounts[0].courier.tls.pin_count, 1);
	assert_int_equal(c->accounts[1].courier.tls.pin_count, 0);
	conf_free(&c);
}

static void
a_file_from_another_system_is_read(void **state)
{
	struct conf *c = read_text("\357\273\277# comment\r\n"
				   "account a {\r\n  host = h\r\n"
				   "  user = 'u'\r\n  maildir = M\r\n}\r\n");

	(void)state;
	assert_string_equal(c->accounts[0].server.host, "h");
	assert_string_equal(c->accounts[0].server.user, "u");
	conf_free(&c);
}

/* --- where it is --- */

static void
the_file_is_looked_for_in_two_places(void **state)
{
	char *path = NULL, *expected, *dir = at_home("xdg");
	char *xdg = at_home(".config");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(conf_find(&path, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_non_null(strstr(e.text, "/.config/popfetch/popfetch.conf'"));
	assert_non_null(strstr(e.text, "/.popfetchrc' exists"));

	put(".popfetchrc", "");
	assert_int_equal(conf_find(&path, &e), 0);
	expected = at_home(".popfetchrc");
	assert_string_equal(path, expected);
	free(expected);
	free(path);

	assert_int_equal(mkdir(xdg, 0700), 0);
	free(xdg);
	xdg = at_home(".config/popfetch");
	assert_int_equal(mkdir(xdg, 0700), 0);
	put(".config/popfetch/popfetch.conf", "");
	assert_int_equal(conf_find(&path, &e), 0);
	expected = at_home(".config/popfetch/popfetch.conf");
	assert_string_equal(path, expected);
	free(path);

	setenv("XDG_CONFIG_HOME", "relative", 1);
	assert_int_equal(conf_find(&path, &e), 0);
	assert_string_equal(path, expected);
	free(path);
	free(expected);

	setenv("XDG_CONFIG_HOME", dir, 1);
	assert_int_equal(conf_find(&path, &e), 0);
	expected = at_home(".popfetchrc");
	assert_string_equal(path, expected);
	free(path);
	free(expected);
	free(dir);
	free(xdg);
}

static void
the_state_directory_follows_the_environment(void **state)
{
	struct conf *c;
	char *expected = at_home(".local/state/popfetch");

	(void)state;
	setenv("XDG_STATE_HOME", "/srv/state", 1);
	c = read_account("");
	assert_string_equal(c->state_dir, "/srv/state/popfetch");
	conf_free(&c);
	setenv("XDG_STATE_HOME", "state", 1);
	c = read_account("");
	assert_string_equal(c->state_dir, expected);
	conf_free(&c);
	free(expected);
}

static void
a_file_that_cannot_be_read_is_named(void **state)
{
	char *dir = at_home("popfetch.conf");

	(void)state;
	assert_refused("cannot read 'popfetch.conf': "
		       "No such file or directory");
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_refused("'popfetch.conf' is not a regular file");
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(mkfifo(dir, 0600), 0);
	assert_refused("'popfetch.conf' is not a regular file");
	free(dir);
}

/* --- passwords others may read --- */

static void
a_readable_file_with_a_password_is_refused(void **state)
{
	static const char text[] = "# c\naccount a {\nhost = h\nuser = u\n"
				   "maildir = M\npassword = 'x'\n}\n";

	(void)state;
	put_mode("popfetch.conf", 0640, text);
	assert_refused("popfetch.conf:6: a password stands here, but the file "
		       "has mode 0640 or another owner: make it yours and "
		       "chmod it to 600");
	put_mode("popfetch.conf", 0604, text);
	assert_refused("popfetch.conf:6: a password stands here, but the file "
		       "has mode 0604 or another owner: make it yours and "
		       "chmod it to 600");
}

static void
a_readable_file_without_a_password_is_fine(void **state)
{
	struct conf *c;

	(void)state;
	put_mode("popfetch.conf", 0644,
		 "account a {\nhost = h\nuser = u\n"
		 "maildir = M # password = 'x'\npassword_command = p\n}\n");
	c = read_file("popfetch.conf");
	conf_free(&c);
}

static void
each_file_is_judged_by_what_is_in_it(void **state)
{
	struct conf *c;

	(void)state;
	put_mode("popfetch.conf", 0644,
		 "account a {\nhost = h\nuser = u\n"
		 "maildir = M\ninclude('secret')\n}\n");
	put_mode("secret", 0600, "password = 'x'\n");
	c = read_file("popfetch.conf");
	assert_string_equal(password(c->accounts), "x");
	conf_free(&c);
	put_mode("secret", 0644, "\npassword = 'x'\n");
	assert_refused("secret:2: a password stands here, but the file has "
		       "mode 0644 or another owner: make it yours and "
		       "chmod it to 600");
}

static void
no_password_gets_into_an_error(void **state)
{
	static const char *const texts[] = {
		"password 'SECRET'",	    "password = pre SECRET",
		"password = 'it's SECRET'", "password = \"${SECRET}\"",
		"password = 'x' 'SECRET'",  "password = SECRET*",
		"password = SEC#RET",	    "password = 'SECRET\n'",
		"password = {'SECRET'}",    "password == 'SECRET'",
		"password = \"\\0SECRET\"", "password = \"SECRET\\n\"",
		"password = SECRET{}",	    "password = \"SECRET\\9\"",
		"password = x}SECRET",	    "password = x = SECRET",
		"password = x #SECRET",	    "password = #SECRET",
	};
	struct conf *c = NULL;
	struct err e = ERR_INIT;
	char *text, *path = at_home("popfetch.conf");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		text = mem_format("account a { host = h user = u maildir = M "
				  "\n%s\n}\n",
				  texts[i]);
		put("popfetch.conf", text);
		assert_int_equal(conf_read(&c, path, &e), -1);
		assert_int_equal(e.kind, ERR_CONFIG);
		assert_null(strstr(e.text, "SEC"));
		assert_non_null(strstr(e.text, "popfetch.conf:2: "));
		free(text);
	}
	free(path);
}

/* Bytes that stand nowhere in memory in clear; NUL ends them. */
static const uint8_t veiled[] = "\023\062\162\005\144\021\146\174\033\147\161"
				"\142\023\060\055\064";
enum { VEIL = 0x5a };

static size_t
count_unveiled(const uint8_t *bytes, size_t size)
{
	const size_t length = sizeof(veiled) - 1;
	size_t at, i, count = 0;

	for (at = 0; at + length <= size; at++) {
		for (i = 0; i < length; i++)
			if (bytes[at + i] != (veiled[i] ^ VEIL))
				break;
		count += i == length;
	}
	return count;
}

/* In all of our memory but what the sanitizers reserve. */
static size_t
count_copies(void)
{
	static uint8_t chunk[1 << 16];
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY);
	unsigned long from, to, at;
	char line[PATH_MAX], rights[8];
	size_t count = 0;
	ssize_t got;

	if (!maps || mem < 0)
		skip();
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 ||
		    strncmp(rights, "rw", 2) != 0 || to - from > 1UL << 27)
			continue;
		for (at = from; at < to; at += sizeof(chunk) / 2) {
			if ((uintptr_t)chunk <= at + sizeof(chunk) &&
			    at <= (uintptr_t)chunk + sizeof(chunk))
				continue;
			got = pread(mem, chunk,
				    to - at < sizeof(chunk) ? to - at
							    : sizeof(chunk),
				    (off_t)at);
			count += got > 0 && count_unveiled(chunk, (size_t)got);
		}
	}
	memset(chunk, 0, sizeof(chunk));
	close(mem);
	fclose(maps);
	return count;
}

static void
put_unveiled(const char *name)
{
	char *path = at_home(name), byte;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	static const char start[] = "account a { host = h user = u "
				    "maildir = M\npassword = '",
			  end[] = "' }";
	size_t i;

	assert_int_equal(write(fd, start, sizeof(start) - 1),
			 sizeof(start) - 1);
	for (i = 0; i < sizeof(veiled) - 1; i++) {
		byte = (char)(veiled[i] ^ VEIL);
		assert_int_equal(write(fd, &byte, 1), 1);
	}
	assert_int_equal(write(fd, end, sizeof(end) - 1), sizeof(end) - 1);
	close(fd);
	free(path);
}

static void
a_password_leaves_no_copy_in_memory(void **state)
{
	struct conf *c;
	size_t copies;

	(void)state;
	put_unveiled("popfetch.conf");
	assert_int_equal(count_copies(), 0);
	c = read_file("popfetch.conf");
	copies = count_copies();
	assert_true(copies == 1 || copies == 2); /* where chunks overlap: 2 */
	conf_free(&c);
	assert_int_equal(count_copies(), 0);
}

/* --- include --- */

static void
include_is_relative_to_the_including_file(void **state)
{
	char *sub = at_home("sub"), *maildir = at_home("sub/N");
	struct conf *c;

	(void)state;
	assert_int_equal(mkdir(sub, 0700), 0);
	put("sub/one", "include('two')\ndefaults { user = jane }\n");
	put("sub/two", "account a { host = h maildir = N }\n");
	c = read_text("include(sub/one)\njobs = 2\n"
		      "account b { host = h user = b maildir = M }\n");
	assert_int_equal(c->count, 2);
	assert_int_equal(c->jobs, 2);
	assert_string_equal(c->accounts[0].server.user, "jane");
	assert_string_equal(c->accounts[0].keeper.target.path, maildir);
	conf_free(&c);
	free(sub);
	free(maildir);
}

static void
an_error_in_an_included_file_names_that_file_and_line(void **state)
{
	(void)state;
	put("more", "\n# c\nport = 0\n");
	refuse("account a {\ninclude('more')\n}\n",
	       "more:3: account 'a': option 'port': must be 1 to 65535");
	put("more", "account {\n}\n");
	refuse("\ninclude('more')\n", "more:1: missing title for section "
				      "'account'");
}

static void
lines_are_right_behind_an_include(void **state)
{
	(void)state;
	put("more", "\n\n\n\n");
	refuse("include('more')\n\ninclude('more')\njobs = 0\n",
	       "popfetch.conf:4: option 'jobs': must be 1 to 256");
	refuse("account a {\ninclude('more')\n\nport = 0\n}\n",
	       "popfetch.conf:4: account 'a': option 'port': must be 1 to "
	       "65535");
}

static void
an_include_that_cannot_be_is_named_where_it_stands(void **state)
{
	(void)state;
	refuse("\ninclude('gone')\n", "popfetch.conf:2: cannot read 'gone': "
				      "No such file or directory");
	refuse("\ninclude('.')\n", "popfetch.conf:2: '.' is not a regular "
				   "file");
}

static void
an_include_without_end_is_refused(void **state)
{
	char name[16], text[32];
	struct conf *c;
	int i;

	(void)state;
	refuse("\n\ninclude('popfetch.conf')\n",
	       "popfetch.conf:3: 'popfetch.conf' includes itself");
	for (i = 1; i <= 17; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(text, sizeof(text), "include('f%d')\n", i + 1);
		put(name, i == 16 ? "account a { host = h user = u "
				    "maildir = M }\n"
				  : text);
	}
	put("popfetch.conf", "include('f1')\n");
	c = read_file("popfetch.conf");
	conf_free(&c);
	put("f16", "include('f17')\n");
	assert_refused("f16:1: 'f17' is included more than 16 levels deep");
}

/* --- what is refused --- */

static void
a_value_out_of_range_is_refused_with_its_line(void **state)
{
	static const char *const cases[][2] = {
		{ "port = 0", "option 'port': must be 1 to 65535" },
		{ "port = 65536", "option 'port': must be 1 to 65535" },
		{ "port = 0x3e3", "option 'port': must be 1 to 65535" },
		{ "port = -1", "option 'port': must be 1 to 65535" },
		{ "port = pop3s", "option 'port': must be 1 to 65535" },
		{ "tls = ssl", "option 'tls': must be \"implicit\", "
			       "\"starttls\" or \"off\", not 'ssl'" },
		{ "tls_min_version = 1.1", "option 'tls_min_version': must "
					   "be \"1.2\" or \"1.3\", not '1.1'" },
		{ "auth = scram-sha-256",
		  "option 'auth': must be \"auto\", "
		  "\"user\", \"plain\", \"login\", \"apop\", \"xoauth2\" or "
		  "\"oauthbearer\", not 'scram-sha-256'" },
		{ "enabled = maybe", "option 'enabled': must be true or "
				     "false" },
		{ "timeout = 60", "option 'timeout': must be a duration with "
				  "its unit, such as \"90 seconds\"" },
		{ "session_timeout = '0 s'", "option 'session_timeout': must "
					     "be 1 second or more" },
		{ "max_size = big", "option 'max_size': must be a size, such "
				    "as \"20 MiB\"" },
		{ "max_messages = some", "option 'max_messages': must be a "
					 "number" },
		{ "pipelining = on", "option 'pipelining': must be \"off\" "
				     "or \"auto\", not 'on'" },
		{ "notice_after = 3",
		  "option 'notice_after': must be a "
		  "number of failures or a duration, such as \"3 failures\" "
		  "or \"2 hours\"" },
		{ "notice_after = '0 failures'",
		  "option 'notice_after': "
		  "must be 1 to 65535 failures" },
		{ "tls_pin = {'sha256:00'}",
		  "option 'tls_pin': must be "
		  "\"sha256:\" or \"spki-sha256:\", then 64 hexadecimal "
		  "digits" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuse_option(cases[i][0], cases[i][1]);
	refuse("\njobs = 257\n", "popfetch.conf:2: option 'jobs': must be 1 "
				 "to 256");
}

static void
keep_wants_a_unit_that_cannot_be_mistaken(void **state)
{
	static const char *const values[] = { "14",
					      "0x0e",
					      "'3 m'",
					      "'3 months'",
					      "'90 minutes'",
					      "'soon'",
					      "'1 day 5 minutes'",
					      "'-1 days'" };
	char *option;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		option = mem_format("keep = %s", values[i]);
		refuse_option(option,
			      "option 'keep': must be \"forever\", "
			      "\"no\", or hours, days or weeks, such as "
			      "\"14 days\"");
		free(option);
	}
	refuse_option("keep = '0 days'",
		      "option 'keep': must be more than "
		      "zero; \"no\" deletes mail once it is delivered");
	refuse_option("keep = 0", "option 'keep': must be more than zero; "
				  "\"no\" deletes mail once it is delivered");
}

static void
control_characters_are_refused(void **state)
{
	(void)state;
	refuse("account a {\nuser = \"jane\\r\\nDELE 1\"\n}\n",
	       "popfetch.conf:2: account 'a': option 'user': must not have "
	       "control characters in it");
	refuse("account a {\nhost = \"h\\n\"\n}\n",
	       "popfetch.conf:2: account 'a': option 'host': must not have "
	       "control characters in it");
	refuse("account a {\npassword = \"x\\ny\"\n}\n",
	       "popfetch.conf:2: account 'a': option 'password': must not "
	       "have control characters in it");
	refuse("account a {\nuser = \"jane\\0x\"\n}\n",
	       "popfetch.conf:2: string has a NUL byte in it");
	refuse("account a {\npassword = \"jane\\x0\"\n}\n",
	       "popfetch.conf:2: string has a NUL byte in it");
	refuse("account a {\nuser = 'jane\033[2J'\n}\n",
	       "popfetch.conf:2: control character in a string");
	refuse("account \"a\\033\" {\n}\n",
	       "popfetch.conf:2: account "
	       "'a\\x1b': an account's title must not be empty or have "
	       "control characters in it");
	refuse("account \"\" {\n}\n",
	       "popfetch.conf:2: account '': an "
	       "account's title must not be empty or have control characters "
	       "in it");
}

static void
empty_names_and_lists_are_refused(void **state)
{
	(void)state;
	refuse("account a {\nuser = \"\"\n}\n",
	       "popfetch.conf:2: account "
	       "'a': option 'user': must not be empty");
	refuse("account a {\nhost = ''\n}\n",
	       "popfetch.conf:2: account "
	       "'a': option 'host': must not be empty");
	refuse("account a {\npassword = ''\n}\n",
	       "popfetch.conf:2: account "
	       "'a': option 'password': must not be empty");
	refuse("account a {\nmaildir = ''\n}\n",
	       "popfetch.conf:2: account "
	       "'a': option 'maildir': must not be empty");
	refuse("account a {\nmda = {}\n}\n",
	       "popfetch.conf:3: account "
	       "'a': option 'mda': must not be empty");
	refuse("account a {\nmda = {\"\"}\n}\n",
	       "popfetch.conf:2: account "
	       "'a': option 'mda': names no program");
	refuse("defaults {\npassword_command = {}\n}\n",
	       "popfetch.conf:3: "
	       "defaults: option 'password_command': must not be empty");
}

static void
a_host_is_a_name_or_an_address(void **state)
{
	struct conf *c;

	(void)state;
	refuse("account a {\nhost = 'pop.example.org:995'\n}\n",
	       "popfetch.conf:2: account 'a': option 'host': "
	       "'pop.example.org:995' is not a host name or address (a port "
	       "goes into the option 'port')");
	refuse("account a {\nhost = '[::1'\n}\n",
	       "popfetch.conf:2: account "
	       "'a': option 'host': '[::1' is not a host name or address "
	       "(a port goes into the option 'port')");
	refuse("account a {\nhost = '[h]'\n}\n",
	       "popfetch.conf:2: account "
	       "'a': option 'host': '[h]' is not an IPv6 address");
	refuse("account a {\nhost = 'pop3://h'\n}\n",
	       "popfetch.conf:2: "
	       "account 'a': option 'host': 'pop3://h' is not a host name");
	c = read_text("account a { host = ::1 user = u maildir = M }\n"
		      "account b { host = '[fe80::1%eth0]' user = u "
		      "maildir = M }\n"
		      "account c { host = 127.0.0.1 user = u maildir = M }\n"
		      "account d { host = pop.example.org. user = u "
		      "maildir = M }\n");
	assert_string_equal(c->accounts[0].server.host, "::1");
	assert_string_equal(c->accounts[1].server.host, "fe80::1%eth0");
	conf_free(&c);
}

static void
refuse_peer(const char *name, const char *what, const char *it_is)
{
	char *text = mem_format("account a {\n%s = x\n}\n", name);
	char *expected = mem_format("popfetch.conf:2: account 'a': there is no "
				    "option '%s'; %s",
				    name, what);
	char *path = at_home("popfetch.conf");
	struct conf *c = NULL;
	struct err e = ERR_INIT;

	put("popfetch.conf", text);
	assert_int_equal(conf_read(&c, path, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	if (!strstr(e.text, expected) || !strstr(e.text, it_is))
		fail_msg("%s", e.text);
	free(text);
	free(expected);
	free(path);
}

static void
an_unknown_option_suggests_the_nearest(void **state)
{
	(void)state;
	refuse_option("frobnicate = x", "unknown option 'frobnicate'");
	refuse("[work]\nhost = h\n", "popfetch.conf:1: unknown option "
				     "'[work]'; an account is written account "
				     "\"NAME\" { ... }");
	refuse_option("hots = x", "unknown option 'hots'; did you mean "
				  "'host'?");
	refuse_option("tls_cafile = x", "unknown option 'tls_cafile'; did "
					"you mean 'tls_ca_file'?");
	refuse("acount 'x' {\n}\n", "popfetch.conf:1: unknown option "
				    "'acount'; did you mean 'account'?");
	refuse("\nhost = h\n", "popfetch.conf:2: option 'host' belongs in "
			       "an account or in defaults");
	refuse_option("jobs = 3", "option 'jobs' belongs outside of accounts "
				  "and defaults");
	refuse("\n'account=a|host' = x\n", "popfetch.conf:2: no sub-section "
					   "'a' in 'account'");
	refuse("account a { user = u }\n'account=a|host' = x\n",
	       "popfetch.conf:2: no sub-section 'a' in 'account'");
}

/* What fetchmail, mpop, getmail and fdm call it. */
static void
an_option_of_another_fetcher_is_told_what_it_is_called_here(void **state)
{
	static const char *const names[][2] = {
		{ "username", "user" },
		{ "login", "user" },
		{ "server", "host" },
		{ "via", "host" },
		{ "poll", "host" },
		{ "passwordeval", "password_command" },
		{ "Password-Cmd", "password_command" },
		{ "ssl", "tls" },
		{ "sslproto", "tls" },
		{ "starttls", "tls" },
		{ "type", "tls" },
		{ "tls_trust_file", "tls_ca_file" },
		{ "sslcertfile", "tls_ca_file" },
		{ "sslcertpath", "tls_ca_dir" },
		{ "tls_fingerprint", "tls_pin" },
		{ "sslfingerprint", "tls_pin" },
		{ "sslcert", "tls_cert_file" },
		{ "sslkey", "tls_key_file" },
		{ "tls_host_override", "tls_server_name" },
		{ "ssl_version", "tls_min_version" },
		{ "service", "port" },
		{ "use_apop", "auth" },
		{ "auth_method", "auth" },
		{ "delete", "keep" },
		{ "delete_after", "keep" },
		{ "keep_days", "keep" },
		{ "purge-after", "keep" },
		{ "leave_on_server", "keep" },
		{ "limit", "max_size" },
		{ "max_message_size", "max_size" },
		{ "killsize", "max_size" },
		{ "batchlimit", "max_messages" },
		{ "fetchlimit", "max_messages" },
		{ "max_messages_per_session", "max_messages" },
		{ "received", "received_header" },
		{ "arguments", "mda" },
		{ "skip", "enabled'; its value is the opposite, false for" },
		{ "disabled", "enabled'; its value is the opposite" },
		{ "no_received",
		  "received_header'; its value is the opposite" },
		{ "ssl_fingerprints",
		  "tls_pin'; see PINS in popfetch.conf(5)" },
		{ "warnings", "notice_after" },
		{ "logfile", "log' and belongs outside of accounts" },
		{ "parallel-accounts", "jobs' and belongs outside" },
	};
	static const char *const others[][2] = {
		{ "delivery", "where mail goes is 'maildir', 'mbox' or 'mda'" },
		{ "folder", "where mail goes is 'maildir', 'mbox' or 'mda'" },
		{ "destination", "where mail goes is" },
		{ "path", "where mail goes is" },
		{ "mailbox", "where mail goes is" },
		{ "uidls_file", "what was fetched is kept in a database" },
		{ "idfile", "--catch-up=FILE takes over the uids" },
		{ "sslcertck", "certificates are always verified" },
		{ "verify", "certificates are always verified" },
		{ "insecure", "certificates are always verified" },
		{ "daemon", "popfetch runs once; cron or a systemd timer" },
		{ "protocol", "popfetch speaks POP3" },
		{ "fetchall", "popfetch --all" },
		{ "tls_priorities", "popfetch chooses ciphers and" },
		{ "ssl_ciphers", "popfetch chooses ciphers and" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		refuse_peer(names[i][0], "it is called '", names[i][1]);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		refuse_peer(others[i][0], "", others[i][1]);
	refuse("\npoll = h\n", "popfetch.conf:2: there is no option 'poll'; it "
			       "is called 'host' and belongs in an account or "
			       "in defaults");
	refuse_option("login_name = x", "unknown option 'login_name'");
}

static void
what_is_there_twice_is_refused(void **state)
{
	(void)state;
	refuse("account a {\nport = 1\n\nport = 2\n}\n",
	       "popfetch.conf:4: account 'a': option 'port': appears twice "
	       "(line 2)");
	refuse("account a {\nmda = {\"a\",\n\"b\"}\nmda = {\"c\"}\n}\n",
	       "popfetch.conf:4: account 'a': option 'mda': appears twice "
	       "(line 2)");
	refuse("account a {\nmda = a\nmda = {}\n}\n",
	       "popfetch.conf:4: account 'a': option 'mda': appears twice "
	       "(line 2)");
	refuse("account a {\npassword = 'x'\npassword = 'y'\n}\n",
	       "popfetch.conf:3: account 'a': option 'password': appears "
	       "twice (line 2)");
	refuse("jobs = 1\njobs = 1\n", "popfetch.conf:2: option 'jobs': "
				       "appears twice (line 1)");
	refuse("defaults {\nport = 1\n}\ndefaults {\nkeep = no\n}\n",
	       "popfetch.conf:6: defaults: appears twice");
	refuse("account 'a' {\nport = 1\n}\n# c\naccount \"a\" {\n}\n",
	       "popfetch.conf:6: account 'a': appears twice (popfetch.conf:3)");
	put("more", "account 'a' {\n}\n");
	refuse("account 'a' {\nport = 1\n}\ninclude(more)\n",
	       "more:2: account 'a': appears twice (popfetch.conf:3)");
}

static void
options_that_do_not_go_together_are_refused(void **state)
{
	(void)state;
	refuse("account a {\nhost = h\nuser = u\nmaildir = M\nmbox = m\n}\n",
	       "popfetch.conf:5: account 'a': options 'maildir' and 'mbox' "
	       "exclude each other");
	refuse("defaults {\nmda = p\nmaildir = M\n}\n"
	       "account a {\nhost = h\nuser = u\n}\n",
	       "popfetch.conf:2: account 'a': options 'maildir' and 'mda' "
	       "exclude each other");
	refuse("account a {\nhost = h\nuser = u\nmaildir = M\n"
	       "password = 'x'\npassword_file = m\n}\n",
	       "popfetch.conf:6: account 'a': options 'password' and "
	       "'password_file' exclude each other");
	refuse("account a {\nhost = h\nuser = u\nmaildir = M\ntls = off\n"
	       "tls_pin = \"sha256:00000000000000000000000000000000000000000"
	       "00000000000000000000000\"\n}\n",
	       "popfetch.conf:6: account 'a': option 'tls_pin': with tls = "
	       "\"off\" no certificate is ever seen");
	refuse_option("tls_key_file = k", "option 'tls_key_file' needs "
					  "'tls_cert_file'");
	refuse("account a {\nhost = h\nuser = u\n"
	       "mda = \"procmail -d jane\"\n}\n",
	       "popfetch.conf:4: account 'a': option 'mda': no shell is run; "
	       "write the arguments as a list, such as {\"procmail\", "
	       "\"-d\", \"jane\"}");
	refuse("account a {\nhost = h\nuser = u\nmaildir = m\n"
	       "password_command = \"pass show x\"\n}\n",
	       "popfetch.conf:5: account 'a': option 'password_command': no "
	       "shell is run; write the arguments as a list, such as "
	       "{\"pass\", \"show\", \"mail\"}");
}

static void
what_is_replaced_nowhere_is_refused_in_arguments(void **state)
{
	static const char there_are[] = "; there are %{account}, %{sender}, "
					"%{user}, and %% for a per cent sign";
	static const char *const unknown[] = { "%{snder}",  "%{}",
					       "%{Sender}", "%{sender",
					       "%(name)s",  "%[account]" };
	static const char *const cases[][2] = {
		{ "%F", "the sender is called '%{sender}'" },
		{ "%(sender)", "the sender is called '%{sender}'" },
		{ "%(recipient)s", "write the recipient itself" },
		{ "%T", "write the recipient itself ('%{user}' is the login "
			"name)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		char *text = mem_format("account a {\nmda = {\"p\",\n'%s'}\n}",
					unknown[i]);
		char *expected = mem_format(
			"popfetch.conf:3: account 'a': option 'mda': there is "
			"no '%s'%s",
			unknown[i], there_are);

		refuse(text, expected);
		free(text);
		free(expected);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = mem_format("defaults {\nmda = {\"p\", '%s'}\n}",
					cases[i][0]);
		char *expected = mem_format(
			"popfetch.conf:2: defaults: option 'mda': there is no "
			"'%s'; %s, and %%%% is a per cent sign",
			cases[i][0], cases[i][1]);

		refuse(text, expected);
		free(text);
		free(expected);
	}
	refuse("account a {\nmda = {\"p\", \"-f%F\"}\n}",
	       "popfetch.conf:2: account 'a': option 'mda': there is no '%F'; "
	       "the sender is called '%{sender}', and %% is a per cent sign");
	refuse("account a {\nmda = {\"p\", \"-f %F\"}\n}",
	       "popfetch.conf:2: account 'a': option 'mda': there is no '%F'; "
	       "the sender is called '%{sender}', in an argument of its own, "
	       "and %% is a per cent sign");
	refuse("account a {\nmda = {\"p\", \"-f\t%(name)\"}\n}",
	       "popfetch.conf:2: account 'a': option 'mda': there is no "
	       "'%(name)'; there are %{account}, %{sender}, %{user}, and %% for "
	       "a per cent sign");
	refuse("account a {\nmda = {\"sh\", \"-c\", \"x %% %{y} z\"}\n}",
	       "popfetch.conf:2: account 'a': option 'mda': there is no "
	       "'%{y}'; there are %{account}, %{sender}, %{user}, and %% for a "
	       "per cent sign");
}

static void
nothing_is_replaced_in_a_program_or_for_a_password(void **state)
{
	static const char *const options[] = {
		"password_command = {\"pass\", \"mail/%{user}\"}",
		"password_command = {\"%{user}\"}",
		"password_command = {\"p\", \"%{http_code}%{user}\"}",
		"mda = {\"/bin/%{user}\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char *text = mem_format("account a {\n%s\n}\n", options[i]);
		char *expected = mem_format(
			"popfetch.conf:2: account 'a': option '%.*s': nothing "
			"is replaced here: write what '%%{user}' stands for",
			(int)strcspn(options[i], " "), options[i]);

		refuse(text, expected);
		free(text);
		free(expected);
	}
}

static void
what_other_fetchers_replace_is_refused_for_a_password(void **state)
{
	static const char *const names[] = { "%(sender)", "%(password)s",
					     "%[account]" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *text = mem_format(
			"account a {\npassword_command = {\"p\", \"%s\"}\n}\n",
			names[i]);
		char *expected = mem_format(
			"popfetch.conf:2: account 'a': option "
			"'password_command': nothing is replaced here: write "
			"what '%s' stands for",
			names[i]);

		refuse(text, expected);
		free(text);
		free(expected);
	}
}

static void
what_is_a_program_s_own_reaches_it_for_a_password(void **state)
{
	struct conf *c =
		read_text("account a { host = h user = u maildir = M\n"
			  "password_command = {\"p\", \"%{http_code}\", \"%F\","
			  "\"%T\", \"%{}\", \"%(a b)\"}}\n");
	char **argv = c->accounts[0].courier.password_command;

	(void)state;
	assert_string_equal(argv[1], "%{http_code}");
	assert_string_equal(argv[2], "%F");
	assert_string_equal(argv[3], "%T");
	assert_string_equal(argv[4], "%{}");
	conf_free(&c);
}

static void
other_per_cent_signs_in_arguments_are_left_alone(void **state)
{
	struct conf *c = read_text(
		"account a { host = h user = u\n"
		"mda = {\"p\", \"%%{x}\", \"%{sender}%{user}\", \"%%F\","
		"\"+%F\", \"100%\", \"%\", \"%()\", \"a%(b)\","
		"\"-f%%F\", \"-f %F %T\", \"--day=%F\"}\n"
		"password_command = {\"sh\", \"-c\", \"curl -w '%{x}' y\","
		"\"+%T\", \"%%\"}}\n");
	const char *const *argv = c->accounts[0].keeper.target.argv;

	(void)state;
	assert_string_equal(argv[1], "%%{x}");
	assert_string_equal(argv[8], "a%(b)");
	assert_string_equal(c->accounts[0].courier.password_command[3], "+%T");
	conf_free(&c);
}

static void
what_is_missing_is_named(void **state)
{
	(void)state;
	refuse("# nothing\n", "'popfetch.conf' has no account in it");
	refuse("", "'popfetch.conf' has no account in it");
	refuse("account a {\n}\n", "popfetch.conf:2: account 'a': option "
				   "'host' is missing");
	refuse("account a {\nhost = h\n}\n", "popfetch.conf:3: account 'a': "
					     "option 'user' is missing");
	refuse("account a {\nhost = h\nuser = u\n}\n",
	       "popfetch.conf:4: "
	       "account 'a': needs one of the options 'maildir', 'mbox' and "
	       "'mda'");
	refuse("account a { host = h user = u maildir = '~nobody-here/x' }\n",
	       "popfetch.conf:1: account 'a': option 'maildir': cannot "
	       "expand '~nobody-here/x': no such user");
}

static void
two_accounts_with_one_state_are_refused(void **state)
{
	struct conf *c;

	(void)state;
	refuse("defaults { user = u maildir = M }\n"
	       "account a { host = Pop.example }\n"
	       "account b {\nhost = pop.EXAMPLE\ntls = starttls\n}\n",
	       "popfetch.conf:6: account 'b': has the same state "
	       "'u@pop.example' as account 'a'; if you want both, set the "
	       "option 'state' of one of them");
	c = read_text("defaults { user = u maildir = M }\n"
		      "account a { host = h }\n"
		      "account b { host = h state = second }\n"
		      "account c { host = h port = 1110 }\n");
	assert_string_equal(c->accounts[2].state, "u@h:1110");
	conf_free(&c);
}

static void
bad_syntax_is_one_line_with_file_and_line(void **state)
{
	(void)state;
	refuse("# c\njobs 3\n", "popfetch.conf:2: missing equal sign after "
				"option 'jobs'");
	refuse("# c\n/* d\n*/ }\n", "popfetch.conf:3: unexpected closing "
				    "brace");
	refuse("\naccount a\nhost = h\n", "popfetch.conf:3: missing opening "
					  "brace for section 'account'");
	refuse("account a {\nport = 1\n}}\n", "popfetch.conf:3: unexpected "
					      "closing brace");
	refuse("account a {\nport = 1\n", "popfetch.conf:1: '{' without '}'");
	refuse("\nlog = \"abc\nx = y\"\n", "popfetch.conf:2: string is not "
					   "closed on its line");
	refuse("\nlog = 'abc", "popfetch.conf:2: string is not closed on its "
			       "line");
	refuse("log = \"a\\", "popfetch.conf:1: string is not closed on its "
			      "line");
	refuse("log = \"\\400\"", "popfetch.conf:1: octal number is too "
				  "large");
	refuse("\n/* never\n\n", "popfetch.conf:2: comment is never closed");
	refuse("\n\njobs = 1\001\n",
	       "popfetch.conf:3: unexpected character; "
	       "values with special characters need quotes");
}

/* libconfuse drops the backslash, and of a password it makes another one. */
static void
a_backslash_that_means_nothing_is_refused(void **state)
{
	static const char *const options[] = {
		"password = \"pa\\ss\"",
		"password = \"pa\\8\"",
		"password = \"\\xyz\"",
		"state = \"a\\;b\"",
		"mda = {\"sh\", \"-c\", \"grep a\\.b\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char *text = mem_format("account a {\n%s\n}\n", options[i]);

		refuse(text, "popfetch.conf:2: a backslash in double quotes "
			     "goes before \\ \" ' $ n r t b f a e v, octal "
			     "digits or x and hexadecimal digits; write \\\\ "
			     "for a backslash, or use single quotes");
		free(text);
	}
}

static void
a_semicolon_is_needed_nowhere(void **state)
{
	static const char *const options[] = {
		"host = pop.example.org;",
		"password = secret;",
		"password = 'secret';",
		"keep = \"no\" ;",
		"port = 110; user = jane",
		"mda = {\"procmail\"};",
		"};",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char *text = mem_format("account a {\n%s\n}\n", options[i]);

		refuse(text, "popfetch.conf:2: no ';' is needed: leave it "
			     "out, or put quotes around a value that has one "
			     "in it");
		free(text);
	}
}

static void
what_needs_no_quotes_is_taken_without_them(void **state)
{
	struct conf *c = read_account("port = 110 password = Az9-_./:@%~");
	char *maildir = at_home("M");

	(void)state;
	assert_string_equal(password(c->accounts), "Az9-_./:@%~");
	conf_free(&c);
	c = read_text("account a-b.c { host = h user = u maildir = ~/M }\n");
	assert_string_equal(c->accounts[0].keeper.target.path, maildir);
	conf_free(&c);
	free(maildir);
}

/* Each would be cut, dropped or split without a word by libconfuse. */
static void
what_would_silently_mean_something_else_is_refused(void **state)
{
	static const char quotes[] =
		"popfetch.conf:2: a value with "
		"characters other than letters, digits and -_./:@%~ needs quotes";

	(void)state;
	refuse("\nlog = a*b\n", quotes);
	refuse("\nlog = a#b\n", quotes);
	refuse("\nlog = a\"b\"\n", quotes);
	refuse("\nlog = /a//b\n", quotes);
	refuse("\nlog = x${HOME}\n", quotes);
	refuse("\nlog = a!\n", quotes);
	refuse("\nlog = C:\\log\n", quotes);
	refuse("\nlog = l\303\266g\n", quotes);
	refuse("\ndefaults { mda = {a, b, $c} }\n", quotes);
	refuse("\ninclude(a&b)\n", quotes);
	refuse("\nlog = ${HOME}\n", "popfetch.conf:2: '${...}' needs double "
				    "quotes around it");
	refuse("\nlog = \"${POPFETCH_NONE}/x\"\n",
	       "popfetch.conf:2: "
	       "environment variable 'POPFETCH_NONE' is not set; a backslash "
	       "before the $ keeps it as it is");
	refuse("\nlog = \"${HOME/x\"\n", "popfetch.conf:2: '${' without "
					 "'}'; a backslash before the $ keeps "
					 "it as it is");
	refuse("account a {\npassword = \"x${y\"\n}\n",
	       "popfetch.conf:2: '${' without '}' in a password; single quotes "
	       "keep it as it is");
	refuse("account a {\nmda += {\"x\"}\n}\n",
	       "popfetch.conf:2: '+=' is "
	       "not supported; write the whole list");
}

static void
typographic_quotation_marks_are_told_from_others(void **state)
{
	static const char quote[] =
		"popfetch.conf:2: '\342\200\234' is no quotation mark "
		"here: write \" or '";
	static const char open[] =
		"popfetch.conf:2: string is not closed on its line: only the "
		"quotation mark \" or ' that begins it does so";

	(void)state;
	refuse("\nlog = \342\200\234log\342\200\235\n", quote);
	refuse("\nlog = \342\200\234a#b\342\200\235\n", quote);
	refuse("\naccount \342\200\234a\342\200\235 {\n}\n", quote);
	refuse("\ninclude(\342\200\234a\342\200\235)\n", quote);
	refuse("\ndefaults { mda = {\"sh\", \342\200\234-c\342\200\235} }\n",
	       quote);
	refuse("\nlog = \342\200\230log\342\200\231\n",
	       "popfetch.conf:2: '\342\200\230' is no quotation mark "
	       "here: write \" or '");
	refuse("\nlog = `log`\n", "popfetch.conf:2: '`' is no quotation mark "
				  "here: write \" or '");
	refuse("\nlog = \"log\342\200\235\n", open);
	refuse("account a {\npassword = 'x\342\200\231 # or so\n}\n", open);
}

static void
a_value_that_is_missing_is_missed_in_its_line(void **state)
{
	static const char *const texts[] = {
		"\njobs =",
		"\njobs = # 3\n",
		"\njobs = // 3\nlog = x\n",
		"\njobs =\ninclude('x')\n",
		"defaults {\nhost = #h\nport = 110\n}\n",
		"defaults {\npassword = # x\n# y\nport = 110\n}\n",
		"defaults {\npassword = /*x*/\n}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuse(texts[i], "popfetch.conf:2: no value stands behind '='; "
				 "one that begins like a comment needs quotes");
}

/* libconfuse would complain of a token, and of an option that nobody wrote. */
static void
a_value_with_marks_of_the_syntax_needs_quotes(void **state)
{
	static const char *const values[] = { "s=x", "s,x",  "s{x}", "s(x)",
					      "s)",  "{s}",  "=s",   "(s)",
					      ",s",  "s}x}y" };
	static const char quotes[] =
		"popfetch.conf:2: a value with characters other than letters, "
		"digits and -_./:@%~ needs quotes";

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char *text = mem_format("account a {\npassword = %s\n}\n",
					values[i]);

		refuse(text, quotes);
		free(text);
	}
	refuse("account a {\nhost = a,b\n}\n", quotes);
	refuse("account a {\npassword = s = x\n}\n",
	       "popfetch.conf:2: a password with blanks or quotes needs single "
	       "quotes around it, and a backslash before each single quote "
	       "inside");
}

/* "#secret" left no password, and "sec #ret" another one. */
static void
a_comment_that_may_be_of_a_password_is_refused(void **state)
{
	static const char *const rests[] = { "#ret", "##ret", "//ret" };

	(void)state;
	refuse("account a {\npassword = #secret\nhost = h\n}\n",
	       "popfetch.conf:2: '#' begins a comment, so there is no password "
	       "here; one that begins so needs single quotes");
	refuse("account a {\npassword = //secret\n}\n",
	       "popfetch.conf:2: '//' begins a comment, so there is no password "
	       "here; one that begins so needs single quotes");
	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		char *text = mem_format("account a {\npassword = sec %s\n}\n",
					rests[i]);

		refuse(text,
		       rests[i][0] == '#'
			       ? "popfetch.conf:2: '#' is a comment or a part "
				 "of the password: put a blank behind it, or "
				 "single quotes around the password"
			       : "popfetch.conf:2: '//' is a comment or a part "
				 "of the password: put a blank behind it, or "
				 "single quotes around the password");
		free(text);
	}
}

static void
a_comment_behind_a_password_is_one(void **state)
{
	static const char *const options[] = {
		"password = secret # of mine",
		"password = secret #",
		"password = secret ## mine",
		"password = secret // of mine",
		"password = 'secret' #mine",
		"password = 'secret'#mine",
		"password = secret /*mine*/",
		"password = secret\n#mine",
		"password = # mine\n'secret'",
		"password = /*mine*/ secret",
		"keep = no #mine\npassword = secret",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		struct conf *c = read_account(options[i]);

		assert_string_equal(password(c->accounts), "secret");
		conf_free(&c);
	}
}

static void
a_nul_byte_or_a_huge_file_is_refused(void **state)
{
	char *path = at_home("popfetch.conf");
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_int_equal(write(fd, "jobs = 1\n\0log = x\n", 18), 18);
	assert_refused("'popfetch.conf' has a NUL byte in it");
	assert_int_equal(ftruncate(fd, (64 << 20) + 1), 0);
	assert_refused("'popfetch.conf' is larger than 67108864 bytes");
	close(fd);
	free(path);
}

/* --- the fingerprint --- */

static void
set_mtime(const char *name, time_t when)
{
	struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };
	char *path = at_home(name);

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	free(path);
}

static void
assert_fingerprint(const char *options, time_t when, const char *expected,
		   bool same)
{
	char *text = mem_format("account a {\nmaildir = M\n%s\n}\n", options);
	struct conf *c;

	put("popfetch.conf", text);
	set_mtime("popfetch.conf", when);
	c = read_file("popfetch.conf");
	assert_int_equal(strcmp(c->accounts[0].keeper.account.fingerprint,
				expected) == 0,
			 same);
	conf_free(&c);
	free(text);
}

static char *
fingerprint(const char *options, time_t when)
{
	char *text = mem_format("account a {\nmaildir = M\n%s\n}\n", options);
	struct conf *c;
	char *print;

	put("popfetch.conf", text);
	set_mtime("popfetch.conf", when);
	c = read_file("popfetch.conf");
	print = mem_string(c->accounts[0].keeper.account.fingerprint);
	conf_free(&c);
	free(text);
	return print;
}

static void
the_fingerprint_stays_while_nothing_is_changed(void **state)
{
	static const char options[] = "host = h\nuser = u\npassword = 'x'";
	char *print = fingerprint(options, 100);

	(void)state;
	assert_fingerprint(options, 100, print, true);
	free(print);
}

static void
the_fingerprint_changes_with_the_file(void **state)
{
	char *print = fingerprint("host = h\nuser = u\npassword = 'x'", 100);
	char *path = at_home("popfetch.conf"), *other = at_home("other");

	(void)state;
	assert_fingerprint("host = h\nuser = u\npassword = 'x'", 101, print,
			   false);
	assert_fingerprint("host = h\nuser = u\npassword = 'xy'", 100, print,
			   false);
	assert_int_equal(rename(path, other), 0); /* as editors do */
	assert_fingerprint("host = h\nuser = u\npassword = 'x'", 100, print,
			   false);
	free(print);
	free(path);
	free(other);
}

static void
the_fingerprint_changes_with_an_included_file(void **state)
{
	static const char options[] =
		"include('more')\nhost = h\nuser = u\npassword = 'x'";
	char *print;

	(void)state;
	put("more", "keep = no\n");
	set_mtime("more", 100);
	print = fingerprint(options, 100);
	assert_fingerprint(options, 100, print, true);
	set_mtime("more", 101);
	assert_fingerprint(options, 100, print, false);
	free(print);
}

#define PIN_REST \
	"000000000000000000000000000000000000000000000000000000000000000"

/* The same date, and as many bytes. */
static void
the_fingerprint_changes_with_each_option_of_the_login(void **state)
{
	static const char *const before[] = {
		"host = h",
		"user = u",
		"port = 1",
		"auth = plain",
		"tls = implicit",
		"tls_min_version = 1.2",
		"tls_ca_file = f",
		"tls_ca_dir = f",
		"tls_server_name = n",
		"insecure_auth = true",
		"tls_cert_file = f",
		"tls_pin = {'sha256:" PIN_REST "0'}",
	};
	static const char *const behind[] = {
		"host = g",
		"user = v",
		"port = 2",
		"auth = login",
		"tls = starttls",
		"tls_min_version = 1.3",
		"tls_ca_file = g",
		"tls_ca_dir = g",
		"tls_server_name = m",
		"insecure_auth = no #",
		"tls_cert_file = g",
		"tls_pin = {'sha256:" PIN_REST "1'}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++) {
		const char *rest = i == 0   ? "user = u"
				   : i == 1 ? "host = h"
					    : "host = h\nuser = u";
		char *one = mem_format("%s\n%s", rest, before[i]);
		char *two = mem_format("%s\n%s", rest, behind[i]);
		char *print = fingerprint(one, 100);

		assert_fingerprint(two, 100, print, false);
		free(print);
		free(one);
		free(two);
	}
}

/* Whoever gets hold of a database could try all short ones. */
static void
the_fingerprint_tells_nothing_about_the_secret(void **state)
{
	char *print = fingerprint("host = h\nuser = u\npassword = 'x'", 100);

	(void)state;
	assert_fingerprint("host = h\nuser = u\npassword = 'y'", 100, print,
			   true);
	free(print);
	print = fingerprint("host = h\nuser = u\npassword_command = {a, b}",
			    100);
	assert_fingerprint("host = h\nuser = u\npassword_command = {a, c}", 100,
			   print, true);
	assert_fingerprint("host = h\nuser = u\npassword_command = {b, b}", 100,
			   print, false);
	free(print);
}

static void
the_fingerprint_follows_the_file_of_the_secret(void **state)
{
	static const char by_file[] = "host = h\nuser = u\npassword_file = p";
	static const char by_credential[] =
		"host = h\nuser = u\npassword_file = 'credential:p'";
	static const char by_netrc[] = "host = h\nuser = u";
	char *print;

	(void)state;
	put("p", "x\n");
	set_mtime("p", 100);
	print = fingerprint(by_file, 100);
	assert_fingerprint(by_file, 100, print, true);
	put("p", "xy\n");
	set_mtime("p", 100);
	assert_fingerprint(by_file, 100, print, false);
	put("p", "y\n");
	set_mtime("p", 101);
	assert_fingerprint(by_file, 100, print, false);
	free(print);

	setenv("CREDENTIALS_DIRECTORY", home, 1);
	print = fingerprint(by_credential, 100);
	put("p", "z\n");
	set_mtime("p", 102);
	assert_fingerprint(by_credential, 100, print, true);
	put("p", "xyz\n");
	assert_fingerprint(by_credential, 100, print, false);
	unsetenv("CREDENTIALS_DIRECTORY");
	free(print);

	print = fingerprint(by_netrc, 100);
	put(".netrc", "");
	assert_fingerprint(by_netrc, 100, print, false);
	free(print);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_home, remove_home)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_of_four_lines_gets_all_defaults),
		TEST(every_option_is_taken),
		TEST(the_port_follows_tls),
		TEST(a_dot_at_the_end_of_a_host_makes_no_other_of_it),
		TEST(defaults_serve_where_an_account_says_nothing),
		TEST(an_own_destination_or_secret_hides_the_inherited_one),
		TEST(an_inherited_path_starts_beside_the_file_that_has_it),
		TEST(two_accounts_may_deliver_to_one_maildir),
		TEST(paths_start_at_home_or_beside_the_file),
		TEST(a_relative_file_name_gives_absolute_paths),
		TEST(a_password_may_have_any_printable_byte),
		TEST(each_account_gets_its_own_password),
		TEST(keep_is_a_word_or_a_duration),
		TEST(notice_after_counts_or_measures_and_may_be_global),
		TEST(an_empty_list_takes_inherited_pins_away),
		TEST(a_file_from_another_system_is_read),
		TEST(the_file_is_looked_for_in_two_places),
		TEST(the_state_directory_follows_the_environment),
		TEST(a_file_that_cannot_be_read_is_named),
		TEST(a_readable_file_with_a_password_is_refused),
		TEST(a_readable_file_without_a_password_is_fine),
		TEST(each_file_is_judged_by_what_is_in_it),
		TEST(no_password_gets_into_an_error),
		TEST(a_password_leaves_no_copy_in_memory),
		TEST(include_is_relative_to_the_including_file),
		TEST(an_error_in_an_included_file_names_that_file_and_line),
		TEST(lines_are_right_behind_an_include),
		TEST(an_include_that_cannot_be_is_named_where_it_stands),
		TEST(an_include_without_end_is_refused),
		TEST(a_value_out_of_range_is_refused_with_its_line),
		TEST(keep_wants_a_unit_that_cannot_be_mistaken),
		TEST(control_characters_are_refused),
		TEST(empty_names_and_lists_are_refused),
		TEST(a_host_is_a_name_or_an_address),
		TEST(an_unknown_option_suggests_the_nearest),
		TEST(an_option_of_another_fetcher_is_told_what_it_is_called_here),
		TEST(what_is_there_twice_is_refused),
		TEST(options_that_do_not_go_together_are_refused),
		TEST(what_is_replaced_nowhere_is_refused_in_arguments),
		TEST(nothing_is_replaced_in_a_program_or_for_a_password),
		TEST(what_other_fetchers_replace_is_refused_for_a_password),
		TEST(what_is_a_program_s_own_reaches_it_for_a_password),
		TEST(other_per_cent_signs_in_arguments_are_left_alone),
		TEST(what_is_missing_is_named),
		TEST(two_accounts_with_one_state_are_refused),
		TEST(bad_syntax_is_one_line_with_file_and_line),
		TEST(a_backslash_that_means_nothing_is_refused),
		TEST(a_semicolon_is_needed_nowhere),
		TEST(what_needs_no_quotes_is_taken_without_them),
		TEST(what_would_silently_mean_something_else_is_refused),
		TEST(typographic_quotation_marks_are_told_from_others),
		TEST(a_value_that_is_missing_is_missed_in_its_line),
		TEST(a_value_with_marks_of_the_syntax_needs_quotes),
		TEST(a_comment_that_may_be_of_a_password_is_refused),
		TEST(a_comment_behind_a_password_is_one),
		TEST(a_nul_byte_or_a_huge_file_is_refused),
		TEST(the_fingerprint_stays_while_nothing_is_changed),
		TEST(the_fingerprint_changes_with_the_file),
		TEST(the_fingerprint_changes_with_an_included_file),
		TEST(the_fingerprint_changes_with_each_option_of_the_login),
		TEST(the_fingerprint_tells_nothing_about_the_secret),
		TEST(the_fingerprint_follows_the_file_of_the_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
