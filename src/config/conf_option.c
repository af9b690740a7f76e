/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options of the configuration file, and how their values are read. */
#include "config.h"
#include "config/conf_option.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "config/account.h"
#include "net/tls.h"
#include "pop3/method.h"
#include "state/plan.h"
#include "sys/fs.h"

enum { JOBS_MAX = 256, PORT_MAX = 65535, HOUR = 3600 };
enum { CHOICES_TEXT_MAX = 200, ADDRESS_MAX = 256 };

/* --- shapes of values --- */

static bool
has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* One line of printable bytes, not empty. */
static int
read_name(struct confvalue *v, const char *text, struct err *e)
{
	if (!*text)
		return err_set(e, ERR_CONFIG, "must not be empty");
	if (has_control(text))
		return err_set(e, ERR_CONFIG,
			       "must not have control characters in it");
	v->text = mem_string(text);
	return 0;
}

static int
read_count(struct confvalue *v, const char *text, uint64_t min, uint64_t max,
	   struct err *e)
{
	uint64_t number;

	if (!text_number(text, strlen(text), max, &number) || number < min)
		return max >= INT64_MAX ?
		       err_set(e, ERR_CONFIG, "must be a number") :
		       err_set(e, ERR_CONFIG, "must be %llu to %llu",
			       (unsigned long long)min,
			       (unsigned long long)max);
	v->number = (int64_t)number;
	return 0;
}

static int
read_bool(struct confvalue *v, const char *text, struct err *e)
{
	static const char *const words[] = { "false", "true", "no", "yes",
					     "off", "on", NULL };
	size_t i;

	for (i = 0; words[i]; i++) {
		if (text_is_word(text, strlen(text), words[i])) {
			v->number = i % 2;
			return 0;
		}
	}
	return err_set(e, ERR_CONFIG, "must be true or false");
}

/* The index of one of these words. */
static int
read_choice(struct confvalue *v, const char *text, const char *const words[],
	    struct err *e)
{
	struct buf all;
	int64_t i;
	int rc;

	for (i = 0; words[i]; i++) {
		if (text_is_word(text, strlen(text), words[i])) {
			v->number = i;
			return 0;
		}
	}
	buf_init(&all, CHOICES_TEXT_MAX);
	for (i = 0; words[i]; i++)
		(void)buf_format(&all, "%s\"%s\"", i == 0 ? "" :
				 words[i + 1] ? ", " : " or ", words[i]);
	rc = err_set(e, ERR_CONFIG, "must be %s, not '%s'", buf_text(&all),
		     text);
	buf_free(&all);
	return rc;
}

static int
read_duration(struct confvalue *v, const char *text, struct err *e)
{
	if (!quantity_duration(text, &v->number))
		return err_set(e, ERR_CONFIG, "must be a duration with its "
			       "unit, such as \"90 seconds\"");
	if (v->number < 1)
		return err_set(e, ERR_CONFIG, "must be 1 second or more");
	return 0;
}

/* Paths are made absolute here, while the file is known that they stand in. */
static int
read_path(struct confvalue *v, const char *text, struct err *e)
{
	size_t size;

	if (!*text)
		return err_set(e, ERR_CONFIG, "must not be empty");
	v->text = fs_expand(text, v->file->dir, e);
	if (!v->text)
		return -1;
	for (size = strlen(v->text); size > 1 && v->text[size - 1] == '/';)
		v->text[--size] = '\0';
	return 0;
}

static void
append(struct confvalue *v, char *item)
{
	v->list = mem_resize(v->list, v->count + 2, sizeof(*v->list));
	v->list[v->count++] = item;
	v->list[v->count] = NULL;
}

/* --- one function an option, where no shape does --- */

static int
read_jobs(struct confvalue *v, const char *text, struct err *e)
{
	return read_count(v, text, 1, JOBS_MAX, e);
}

static int
read_mda_jobs(struct confvalue *v, const char *text, struct err *e)
{
	return read_count(v, text, 1, DELIVER_JOBS_MAX, e);
}

static int
read_port(struct confvalue *v, const char *text, struct err *e)
{
	return read_count(v, text, 1, PORT_MAX, e);
}

static int
read_messages(struct confvalue *v, const char *text, struct err *e)
{
	return read_count(v, text, 0, INT64_MAX, e);
}

static int
read_log(struct confvalue *v, const char *text, struct err *e)
{
	if (strcmp(text, "syslog") != 0)
		return read_path(v, text, e);
	v->text = mem_string(text);
	return 0;
}

/* "3 failures", or a duration. */
static int
read_notice(struct confvalue *v, const char *text, struct err *e)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits + strspn(text + digits, " \t");
	uint64_t count;

	if (text_is_word(unit, strlen(unit), "failures") ||
	    text_is_word(unit, strlen(unit), "failure")) {
		v->is_count = true;
		if (!text_number(text, digits, UINT16_MAX, &count) || !count)
			return err_set(e, ERR_CONFIG, "must be 1 to %u "
				       "failures", UINT16_MAX);
		v->number = (int64_t)count;
		return 0;
	}
	if (!quantity_duration(text, &v->number))
		return err_set(e, ERR_CONFIG, "must be a number of failures "
			       "or a duration, such as \"3 failures\" or "
			       "\"2 hours\"");
	if (v->number == 0) {		/* at once */
		v->is_count = true;
		v->number = 1;
	}
	return 0;
}

static bool
is_ipv6(const char *text)
{
	char address[ADDRESS_MAX];
	unsigned char binary[sizeof(struct in6_addr)];
	size_t size = strcspn(text, "%");

	if (size >= sizeof(address))
		return false;
	memcpy(address, text, size);
	address[size] = '\0';
	return inet_pton(AF_INET6, address, binary) == 1;
}

/* What a dot at the end tells is told to resolvers alone: the name is whole. */
static void
drop_dot(struct confvalue *v)
{
	size_t size = strlen(v->text);

	v->had_dot = size > 1 && v->text[size - 1] == '.';
	if (v->had_dot)
		v->text[size - 1] = '\0';
}

/* IPv6 addresses lose their brackets, names a dot at the end: it is the same host for
 * states, certificates and whatever else goes by it. */
static int
read_host(struct confvalue *v, const char *text, struct err *e)
{
	size_t size = strlen(text);

	if (read_name(v, text, e) != 0)
		return -1;
	if (text[0] == '[' && text[size - 1] == ']') {
		v->text[size - 1] = '\0';
		memmove(v->text, v->text + 1, size - 1);
		return is_ipv6(v->text) ? 0 :
		       err_set(e, ERR_CONFIG, "'%s' is no IPv6 address", text);
	}
	if (strchr(text, '/') || strchr(text, '@') || strchr(text, ' '))
		return err_set(e, ERR_CONFIG, "'%s' is no host name", text);
	if (strchr(text, ':') && !is_ipv6(text))
		return err_set(e, ERR_CONFIG, "'%s' is no host name or "
			       "address (option 'port' has the port)", text);
	drop_dot(v);
	return 0;
}

/* A tab may be part of a password. */
static int
read_password(struct confvalue *v, const char *text, struct err *e)
{
	const char *bytes = (const char *)secret_bytes(v->secret);
	size_t size = secret_size(v->secret), i;

	(void)text;	/* a mark: conf_parse has set v->secret from it */
	if (size == 0)
		return err_set(e, ERR_CONFIG, "must not be empty");
	for (i = 0; i < size; i++)
		if (((unsigned char)bytes[i] < 0x20 && bytes[i] != '\t') ||
		    bytes[i] == 0x7f)
			return err_set(e, ERR_CONFIG, "must not have control "
				       "characters in it");
	return 0;
}

/* Arguments are taken as they are; but a program with a slash in it is a path like any
 * other here. */
static int
read_argument(struct confvalue *v, const char *text, struct err *e)
{
	char *item;

	if (v->count > 0) {
		append(v, mem_string(text));
		return 0;
	}
	if (!*text)
		return err_set(e, ERR_CONFIG, "names no program");
	item = strchr(text, '/') != NULL ? fs_expand(text, v->file->dir, e)
					 : mem_string(text);
	if (!item)
		return -1;
	append(v, item);
	return 0;
}

static int
read_auth(struct confvalue *v, const char *text, struct err *e)
{
	const char *words[METHOD_MAX + 1];
	size_t i = 0;

	do
		words[i] = method_table[i].word;
	while (words[i++]);
	return read_choice(v, text, words, e);
}

static int
read_tls(struct confvalue *v, const char *text, struct err *e)
{
	static const char *const words[] = {
		[SERVER_TLS_IMPLICIT] = "implicit",
		[SERVER_TLS_STARTTLS] = "starttls",
		[SERVER_TLS_OFF] = "off", NULL
	};

	return read_choice(v, text, words, e);
}

static int
read_version(struct confvalue *v, const char *text, struct err *e)
{
	static const char *const words[] = {
		[TLS_VERSION_1_2] = "1.2", [TLS_VERSION_1_3] = "1.3", NULL
	};

	return read_choice(v, text, words, e);
}

static int
read_pipelining(struct confvalue *v, const char *text, struct err *e)
{
	static const char *const words[] = { "off", "auto", NULL };

	return read_choice(v, text, words, e);
}

static int
read_pin(struct confvalue *v, const char *text, struct err *e)
{
	struct tls_pin pin;

	if (!tls_parse_pin(text, &pin))
		return err_set(e, ERR_CONFIG, "must be \"sha256:\" or "
			       "\"spki-sha256:\" and 64 hexadecimal digits");
	append(v, mem_string(text));
	return 0;
}

/* Minutes are refused: "3 m" was more likely meant to be months, and what is
 * deleted too early does not come back. */
static bool
has_only_long_units(const char *text)
{
	bool inside = false, letter;

	for (; *text; text++) {
		letter = (*text >= 'a' && *text <= 'z') ||
			 (*text >= 'A' && *text <= 'Z');
		if (letter && !inside && !strchr("hdwHDW", *text))
			return false;
		inside = letter;
	}
	return true;
}

static int
read_keep(struct confvalue *v, const char *text, struct err *e)
{
	size_t size = strlen(text);

	if (text_is_word(text, size, "forever")) {
		v->number = PLAN_KEEP_FOREVER;
		return 0;
	}
	if (text_is_word(text, size, "no")) {
		v->number = 0;
		return 0;
	}
	if (!quantity_duration(text, &v->number) || !has_only_long_units(text))
		return err_set(e, ERR_CONFIG, "must be \"forever\", \"no\", "
			       "or hours, days or weeks, such as \"14 days\"");
	if (v->number == 0)
		return err_set(e, ERR_CONFIG, "must be more than nothing; "
			       "\"no\" deletes mail once it is delivered");
	return 0;
}

static int
read_size(struct confvalue *v, const char *text, struct err *e)
{
	uint64_t bytes;

	if (!quantity_size(text, &bytes))
		return err_set(e, ERR_CONFIG,
			       "must be a size, such as \"20 MiB\"");
	v->number = (int64_t)bytes;
	return 0;
}

/* --- the table --- */

#define GLOBAL	.global = true
#define ACCOUNT .account = true

const struct conf_option conf_option_table[CONF_OPTION_COUNT] = {
	[CONF_OPTION_JOBS] = { "jobs", GLOBAL, .read = read_jobs },
	[CONF_OPTION_STATE_DIR] = { "state_dir", GLOBAL, .read = read_path },
	[CONF_OPTION_LOG] = { "log", GLOBAL, .read = read_log },
	[CONF_OPTION_NOTICE_AFTER] = { "notice_after", GLOBAL, ACCOUNT,
		.read = read_notice },
	[CONF_OPTION_HOST] = { "host", ACCOUNT, .read = read_host },
	[CONF_OPTION_PORT] = { "port", ACCOUNT, .read = read_port },
	[CONF_OPTION_USER] = { "user", ACCOUNT, .read = read_name },
	[CONF_OPTION_PASSWORD] = { "password", ACCOUNT, .read = read_password },
	[CONF_OPTION_PASSWORD_FILE] = { "password_file", ACCOUNT,
		.read = read_path },
	[CONF_OPTION_PASSWORD_COMMAND] = { "password_command", ACCOUNT,
		.is_list = true, .read = read_argument },
	[CONF_OPTION_AUTH] = { "auth", ACCOUNT, .read = read_auth },
	[CONF_OPTION_INSECURE_AUTH] = { "insecure_auth", ACCOUNT,
		.read = read_bool },
	[CONF_OPTION_TLS] = { "tls", ACCOUNT, .read = read_tls },
	[CONF_OPTION_TLS_CA_FILE] = { "tls_ca_file", ACCOUNT, .read = read_path },
	[CONF_OPTION_TLS_CA_DIR] = { "tls_ca_dir", ACCOUNT, .read = read_path },
	[CONF_OPTION_TLS_PIN] = { "tls_pin", ACCOUNT, .is_list = true,
		.may_be_empty = true, .read = read_pin },
	[CONF_OPTION_TLS_MIN_VERSION] = { "tls_min_version", ACCOUNT,
		.read = read_version },
	[CONF_OPTION_TLS_CERT_FILE] = { "tls_cert_file", ACCOUNT,
		.read = read_path },
	[CONF_OPTION_TLS_KEY_FILE] = { "tls_key_file", ACCOUNT,
		.read = read_path },
	[CONF_OPTION_TLS_SERVER_NAME] = { "tls_server_name", ACCOUNT,
		.read = read_host },
	[CONF_OPTION_MAILDIR] = { "maildir", ACCOUNT, .read = read_path },
	[CONF_OPTION_MBOX] = { "mbox", ACCOUNT, .read = read_path },
	[CONF_OPTION_MDA] = { "mda", ACCOUNT, .is_list = true,
		.read = read_argument },
	[CONF_OPTION_MDA_TIMEOUT] = { "mda_timeout", ACCOUNT,
		.read = read_duration },
	[CONF_OPTION_MDA_JOBS] = { "mda_jobs", ACCOUNT, .read = read_mda_jobs },
	[CONF_OPTION_KEEP] = { "keep", ACCOUNT, .read = read_keep },
	[CONF_OPTION_STATE] = { "state", ACCOUNT, .read = read_name },
	[CONF_OPTION_MAX_SIZE] = { "max_size", ACCOUNT, .read = read_size },
	[CONF_OPTION_MAX_MESSAGES] = { "max_messages", ACCOUNT,
		.read = read_messages },
	[CONF_OPTION_RECEIVED_HEADER] = { "received_header", ACCOUNT,
		.read = read_bool },
	[CONF_OPTION_TIMEOUT] = { "timeout", ACCOUNT, .read = read_duration },
	[CONF_OPTION_SESSION_TIMEOUT] = { "session_timeout", ACCOUNT,
		.read = read_duration },
	[CONF_OPTION_PIPELINING] = { "pipelining", ACCOUNT,
		.read = read_pipelining },
	[CONF_OPTION_ENABLED] = { "enabled", ACCOUNT, .read = read_bool },
};

const struct conf_option *
conf_option_find(const char *name, bool global)
{
	const struct conf_option *o = conf_option_table;

	for (; o < conf_option_table + CONF_OPTION_COUNT; o++)
		if ((global ? o->global : o->account) &&
		    strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

int
conf_option_unknown(const char *name, bool global, struct err *e)
{
	const char *names[CONF_OPTION_COUNT + 4], *nearest;
	size_t count = 0, i;

	if (conf_option_find(name, !global))
		return err_set(e, ERR_CONFIG, global ?
			       "option '%s' belongs into an account or into "
			       "defaults" : "option '%s' belongs outside of "
			       "accounts and defaults", name);
	for (i = 0; i < CONF_OPTION_COUNT; i++)
		if (global ? conf_option_table[i].global
			   : conf_option_table[i].account)
			names[count++] = conf_option_table[i].name;
	names[count++] = "include";
	if (global) {
		names[count++] = "account";
		names[count++] = "defaults";
	}
	names[count] = NULL;
	nearest = text_nearest(name, names);
	return nearest ? err_set(e, ERR_CONFIG, "unknown option '%s'; did you "
				 "mean '%s'?", name, nearest)
		       : err_set(e, ERR_CONFIG, "unknown option '%s'", name);
}

void
confvalue_free(struct confvalue *v)
{
	size_t i;

	for (i = 0; i < v->count; i++)
		free(v->list[i]);
	free(v->list);
	free(v->text);
	secret_free(&v->secret);
	*v = (struct confvalue){ .set = false };
}
