/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What accounts inherit, and how their options depend on each other. */
#include "config.h"

#include "config/conf_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/fingerprint.h"
#include "sys/fs.h"

enum { PORT_IMPLICIT = 995, PORT_PLAIN = 110, DESTINATIONS_TEXT_MAX = 200 };

/* The account that is being completed. */
struct merge {
	const struct conf_tree *tree;
	size_t number;
	struct account *account;
	struct err *e;
};

/* --- inheriting --- */

/* Is any option of the group set in the account itself? */
static bool
has_own(const struct merge *m, unsigned group)
{
	const struct conf_section *own = &m->tree->accounts[m->number];
	size_t i = 0;

	for (const struct conf_option *o = conf_option_table; o->name; o++, i++)
		if ((o->flags & group) && own->values[i].file)
			return true;
	return false;
}

/* The value that counts for the account, or NULL. */
static const struct conf_value *
find_value(const struct merge *m, const struct conf_option *o)
{
	size_t i = (size_t)(o - conf_option_table);
	const struct conf_value *own = &m->tree->accounts[m->number].values[i];
	unsigned group = o->flags & CONF_GROUPS;

	if (own->file)
		return own;
	if (group && has_own(m, group))
		return NULL;
	if (m->tree->defaults.values[i].file)
		return &m->tree->defaults.values[i];
	if (m->tree->global.values[i].file)
		return &m->tree->global.values[i];
	return NULL;
}

/* The same by the name of the option. */
static const struct conf_value *
look_up(const struct merge *m, const char *name)
{
	return find_value(m, conf_option_find(name, false));
}

static int
locate(const struct merge *m, const struct conf_value *v)
{
	return conf_tree_locate(m->tree, m->number, v, m->e);
}

/* Only one of a group may have a value. */
static int
check_group(const struct merge *m, const struct conf_option *o,
	    const struct conf_value *v)
{
	const struct conf_option *other = conf_option_table;

	for (; other != o; other++) {
		if (!(other->flags & o->flags & CONF_GROUPS) ||
		    !find_value(m, other))
			continue;
		err_set(m->e, ERR_CONFIG,
			"options '%s' and '%s' exclude each other", other->name,
			o->name);
		return locate(m, v);
	}
	return 0;
}

/* A value in the account itself has no texts: it was read when the parser met
 * it. */
static int
inherit(const struct merge *m, const struct conf_option *o)
{
	const struct conf_value *v = find_value(m, o);

	if (!v && (o->flags & CONF_REQUIRED)) {
		err_set(m->e, ERR_CONFIG, "option '%s' is missing", o->name);
		return locate(m, NULL);
	}
	if (!v)
		return conf_option_read(o, m->account, NULL, o->default_text,
					m->e);
	for (int i = 0; i < v->count; i++)
		if (conf_option_read(o, m->account, v->file, v->texts[i],
				     m->e) != 0)
			return locate(m, v);
	return check_group(m, o, v);
}

/* --- how options depend on each other --- */

static int
check_tls(const struct merge *m)
{
	const struct tls_settings *tls = &m->account->courier.tls;

	if (tls->key_file && !tls->cert_file) {
		err_set(m->e, ERR_CONFIG,
			"option 'tls_key_file' needs 'tls_cert_file'");
		return locate(m, look_up(m, "tls_key_file"));
	}
	if (tls->pin_count > 0 && m->account->server.tls == SERVER_TLS_OFF) {
		err_set(m->e, ERR_CONFIG,
			"option 'tls_pin': with tls = \"off\" no certificate "
			"is ever seen");
		return locate(m, look_up(m, "tls_pin"));
	}
	return 0;
}

/* One argument with blanks was most likely meant for a shell. */
static int
check_program(const struct merge *m, const char *option,
	      const char *const argv[])
{
	if (!argv || argv[1] || !strpbrk(argv[0], " \t") ||
	    fs_is_there(argv[0]))
		return 0;
	err_set(m->e, ERR_CONFIG,
		"option '%s': no shell is run; write the arguments as a "
		"list, such as {%s}",
		option,
		strcmp(option, "mda") == 0 ? "\"procmail\", \"-d\", \"jane\""
					   : "\"pass\", \"show\", \"mail\"");
	return locate(m, look_up(m, option));
}

/* Which destination each option of that group is. */
static const struct destination {
	const char *option;
	enum deliver_kind kind;
} destinations[] = {
	{ "maildir", DELIVER_MAILDIR },
	{ "mbox", DELIVER_MBOX },
	{ "mda", DELIVER_MDA },
};
enum { DESTINATIONS = sizeof(destinations) / sizeof(*destinations) };

static int
fail_destination(const struct merge *m)
{
	struct buf all;

	buf_init(&all, DESTINATIONS_TEXT_MAX);
	for (size_t i = 0; i < DESTINATIONS; i++)
		(void)buf_format(&all, "%s'%s'",
				 i == 0			 ? ""
				 : i + 1 == DESTINATIONS ? " and "
							 : ", ",
				 destinations[i].option);
	err_set(m->e, ERR_CONFIG, "needs one of the options %s",
		buf_text(&all));
	buf_free(&all);
	return locate(m, NULL);
}

static int
check_destination(const struct merge *m)
{
	struct account *a = m->account;
	struct deliver_target *target = &a->keeper.target;
	size_t i = 0;

	while (i < DESTINATIONS && !look_up(m, destinations[i].option))
		i++;
	if (i == DESTINATIONS)
		return fail_destination(m);
	target->kind = destinations[i].kind;
	target->account = a->name;
	target->user = a->server.user;
	return check_program(m, "mda", target->argv);
}

static int
check_login(const struct merge *m)
{
	struct account *a = m->account;
	char **command = a->courier.password_command;

	a->ask_password = !a->courier.password && !a->password_file && !command;
	return check_program(m, "password_command",
			     (const char *const *)command);
}

static void
settle_port(struct server *server)
{
	if (server->port != 0)
		return;
	server->port =
		server->tls == SERVER_TLS_IMPLICIT ? PORT_IMPLICIT : PORT_PLAIN;
}

static bool
has_dot(const char *host)
{
	size_t size = strlen(host);

	return size > 1 && host[size - 1] == '.';
}

/* A dot at the end tells resolvers that the name is whole; nobody else needs
 * it. */
static void
drop_dot(const char *host)
{
	if (has_dot(host))
		((char *)(uintptr_t)host)[strlen(host) - 1] = '\0';
}

/* Settles the names that follow from the host, which may end in a dot until
 * then. */
static void
settle_names(struct account *a)
{
	struct tls_settings *tls = &a->courier.tls;

	if (!a->state && has_dot(a->server.host))
		a->keeper.account.old_state_file = account_state_file(a);
	drop_dot(a->server.host);
	if (!tls->server_name)
		tls->server_name = mem_string(a->server.host);
	drop_dot(tls->server_name);
	if (!a->state)
		a->state = account_state_name(a);
	a->keeper.account.state_file = account_state_file(a);
}

/* --- the whole --- */

int
conf_merge_account(const struct conf_tree *t, size_t number, struct err *e)
{
	struct account *a = &t->conf->accounts[number];
	const struct merge m = {
		.tree = t, .number = number, .account = a, .e = e
	};

	for (const struct conf_option *o = conf_option_table; o->name; o++)
		if ((o->flags & CONF_ACCOUNT) && inherit(&m, o) != 0)
			return -1;
	if (check_tls(&m) != 0 || check_login(&m) != 0 ||
	    check_destination(&m) != 0)
		return -1;
	settle_port(&a->server);
	settle_names(a);
	a->keeper.account.fingerprint = fingerprint_make(a, t->identity);
	return 0;
}

int
conf_merge_global(const struct conf_tree *t, struct err *e)
{
	size_t i = 0;

	for (const struct conf_option *o = conf_option_table; o->name; o++, i++)
		if (!(o->flags & CONF_ACCOUNT) && !t->global.values[i].file &&
		    conf_option_read(o, t->conf, NULL, o->default_text, e) != 0)
			return -1;
	return 0;
}
