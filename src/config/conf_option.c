/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The options of the configuration file. */
#include "config.h"

#include "config/conf_option.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/account.h"
#include "config/conf.h"
#include "config/conf_peers.h"
#include "config/conf_reader.h"
#include "config/conf_tree.h"

enum { JOBS_MAX = 256, PORT_MAX = 65535 };

static const char *const tls_words[] = { [SERVER_TLS_IMPLICIT] = "implicit",
					 [SERVER_TLS_STARTTLS] = "starttls",
					 [SERVER_TLS_OFF] = "off",
					 NULL };
static const char *const version_words[] = {
	[TLS_VERSION_1_2] = "1.2", [TLS_VERSION_1_3] = "1.3", NULL
};
static const char *const pipelining_words[] = { "off", "auto", NULL };

/* clang-format off */
/* How a text is read, and how its value is released ... */
#define TEXT(reader)	reader, conf_reader_free_text, 0, 0, NULL
#define PLAIN(reader)	reader, NULL, 0, 0, NULL
#define NAME		TEXT(conf_reader_name)
#define PATH		TEXT(conf_reader_path)
#define LIST(reader)	reader, conf_reader_free_list, 0, 0, NULL
#define SECRET \
	conf_reader_password, conf_reader_free_secret, 0, 0, NULL
#define PINS		conf_reader_pin, conf_reader_free_pins, 0, 0, NULL
#define BOOL		PLAIN(conf_reader_bool)
#define SIZE		PLAIN(conf_reader_size)
#define DURATION_MS	PLAIN(conf_reader_duration)
#define COUNT(min, max) conf_reader_count, NULL, min, max, NULL
#define CHOICE(words)	conf_reader_choice, NULL, 0, 0, words
/* ... and the member that holds the value. */
#define AT(member)	MEMBER(account, member)
#define MEMBER(whole, member) \
	offsetof(struct whole, member), sizeof(((struct whole *)NULL)->member)

const struct conf_option conf_option_table[] = {
	{ "jobs", CONF_GLOBAL, COUNT(1, JOBS_MAX), MEMBER(conf, jobs), "32" },
	{ "state_dir", CONF_GLOBAL, PATH, MEMBER(conf, state_dir), NULL },
	{ "log", CONF_GLOBAL, TEXT(conf_reader_log), MEMBER(conf, log), NULL },
	{ "notice_after", CONF_GLOBAL | CONF_ACCOUNT, PLAIN(conf_reader_notice),
	  AT(keeper.account), "3 failures" },

	{ "host", CONF_ACCOUNT | CONF_REQUIRED, TEXT(conf_reader_host),
	  AT(server.host), NULL },
	{ "port", CONF_ACCOUNT, COUNT(1, PORT_MAX), AT(server.port), NULL },
	{ "tls", CONF_ACCOUNT, CHOICE(tls_words), AT(server.tls), "implicit" },
	{ "tls_ca_file", CONF_ACCOUNT, PATH, AT(courier.tls.ca_file), NULL },
	{ "tls_ca_dir", CONF_ACCOUNT, PATH, AT(courier.tls.ca_dir), NULL },
	{ "tls_pin", CONF_ACCOUNT | CONF_LIST | CONF_MAY_BE_EMPTY,
	  PINS, AT(courier.tls), NULL },
	{ "tls_min_version", CONF_ACCOUNT, CHOICE(version_words),
	  AT(courier.tls.min_version), "1.2" },
	{ "tls_cert_file", CONF_ACCOUNT, PATH, AT(courier.tls.cert_file),
	  NULL },
	{ "tls_key_file", CONF_ACCOUNT, PATH, AT(courier.tls.key_file), NULL },
	{ "tls_server_name", CONF_ACCOUNT, TEXT(conf_reader_host),
	  AT(courier.tls.server_name), NULL },
	{ "timeout", CONF_ACCOUNT, DURATION_MS, AT(server.timeout_ms),
	  "60 seconds" },
	{ "session_timeout", CONF_ACCOUNT, DURATION_MS,
	  AT(server.session_timeout_ms), "1 hour" },
	{ "pipelining", CONF_ACCOUNT, CHOICE(pipelining_words),
	  AT(courier.pipelining), "auto" },

	{ "user", CONF_ACCOUNT | CONF_REQUIRED, NAME, AT(server.user), NULL },
	{ "password", CONF_ACCOUNT | CONF_SECRET, SECRET,
	  AT(courier.password), NULL },
	{ "password_file", CONF_ACCOUNT | CONF_SECRET,
	  TEXT(conf_reader_password_file), AT(password_file), NULL },
	{ "password_command", CONF_ACCOUNT | CONF_SECRET | CONF_LIST,
	  LIST(conf_reader_command), AT(courier.password_command), NULL },
	{ "auth", CONF_ACCOUNT, PLAIN(conf_reader_auth), AT(courier.auth),
	  "auto" },
	{ "insecure_auth", CONF_ACCOUNT, BOOL, AT(courier.insecure_auth),
	  "false" },

	{ "maildir", CONF_ACCOUNT | CONF_DESTINATION, PATH,
	  AT(keeper.target.path), NULL },
	{ "mbox", CONF_ACCOUNT | CONF_DESTINATION, PATH, AT(keeper.target.path),
	  NULL },
	{ "mda", CONF_ACCOUNT | CONF_DESTINATION | CONF_LIST,
	  LIST(conf_reader_mda), AT(keeper.target.argv), NULL },
	{ "mda_jobs", CONF_ACCOUNT, COUNT(1, DELIVER_JOBS_MAX),
	  AT(keeper.target.mda_jobs), "1" },
	{ "mda_timeout", CONF_ACCOUNT, DURATION_MS,
	  AT(keeper.target.mda_timeout_ms), "5 minutes" },
	{ "received_header", CONF_ACCOUNT, BOOL, AT(keeper.received_header),
	  "true" },

	{ "keep", CONF_ACCOUNT, PLAIN(conf_reader_keep),
	  AT(keeper.rules.keep_s), "forever" },
	{ "max_messages", CONF_ACCOUNT, COUNT(0, INT64_MAX),
	  AT(keeper.rules.max_messages), "0" },
	{ "max_size", CONF_ACCOUNT, SIZE, AT(keeper.rules.max_size), "0" },
	{ "state", CONF_ACCOUNT, NAME, AT(state), NULL },
	{ "enabled", CONF_ACCOUNT, BOOL, AT(enabled), "true" },
	{ NULL, 0, PLAIN(NULL), 0, 0, NULL }
};
/* clang-format on */
_Static_assert(sizeof(conf_option_table) <=
		       CONF_OPTION_MAX * sizeof(*conf_option_table),
	       "CONF_OPTION_MAX has room for each option");

/* May the option stand there? */
static bool
may_stand(const struct conf_option *o, bool global)
{
	return (o->flags & (global ? CONF_GLOBAL : CONF_ACCOUNT)) != 0;
}

const struct conf_option *
conf_option_find(const char *name, bool global)
{
	for (const struct conf_option *o = conf_option_table; o->name; o++)
		if (may_stand(o, global) && strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

/* An option that may not stand here belongs there. */
static const char *
where(bool global)
{
	return global ? "in an account or in defaults"
		      : "outside of accounts and defaults";
}

static int
fail_peer(const char *name, const struct conf_peer *peer, bool global,
	  struct err *e)
{
	bool is_here = !peer->ours || conf_option_find(peer->ours, global);

	return err_set(e, ERR_CONFIG, "there is no option '%s'; %s%s%s%s%s%s%s",
		       name, peer->ours ? "it is called '" : "",
		       peer->ours ? peer->ours : "", peer->ours ? "'" : "",
		       is_here ? "" : " and belongs ",
		       is_here ? "" : where(global),
		       peer->ours && peer->hint ? "; " : "",
		       peer->hint ? peer->hint : "");
}

/* Names that are near may be misspelt. */
static int
fail_unknown(const char *name, bool global, struct err *e)
{
	const char *names[CONF_OPTION_MAX + 4], *nearest;
	size_t count = 0;

	for (const struct conf_option *o = conf_option_table; o->name; o++)
		if (may_stand(o, global))
			names[count++] = o->name;
	names[count++] = "include";
	if (global) {
		names[count++] = "account";
		names[count++] = "defaults";
	}
	names[count] = NULL;
	nearest = text_nearest(name, names);
	if (nearest)
		return err_set(e, ERR_CONFIG,
			       "unknown option '%s'; did you mean '%s'?", name,
			       nearest);
	if (name[0] == '[')
		return err_set(e, ERR_CONFIG,
			       "unknown option '%s'; an account is written "
			       "account \"NAME\" { ... }",
			       name);
	return err_set(e, ERR_CONFIG, "unknown option '%s'", name);
}

int
conf_option_unknown(const char *name, bool global, struct err *e)
{
	const struct conf_peer *peer = conf_peers_find(name);

	if (conf_option_find(name, !global))
		return err_set(e, ERR_CONFIG, "option '%s' belongs %s", name,
			       where(global));
	if (peer)
		return fail_peer(name, peer, global, e);
	return fail_unknown(name, global, e);
}

int
conf_option_read(const struct conf_option *o, void *whole,
		 const struct conf_file *file, const char *text, struct err *e)
{
	const struct conf_reading r = { .option = o,
					.file = file,
					.text = text,
					.to = (char *)whole + o->at,
					.e = e };

	if (text && o->read(&r) != 0)
		return err_context(e, "option '%s'", o->name);
	return 0;
}

void
conf_option_free(void *whole, bool is_account)
{
	for (const struct conf_option *o = conf_option_table; o->name; o++)
		if (o->release && may_stand(o, false) == is_account)
			o->release((char *)whole + o->at);
}
