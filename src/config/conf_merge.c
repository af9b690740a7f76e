/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Accounts made of sections. */
#include "config.h"
#include "config/conf_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/fingerprint.h"
#include "state/plan.h"
#include "sys/fs.h"

enum { PORT_IMPLICIT = 995, PORT_PLAIN = 110, NOTICE_FAILURES = 3 };
enum { MDA_TIMEOUT_S = 300, TIMEOUT_S = 60, SESSION_TIMEOUT_S = 3600,
       S_MS = 1000 };

/* Where the options of one account come from. */
struct source {
	const struct conf_tree *tree;
	struct confsection *section;
	struct err *e;
};

static const enum conf_option_id destination[] = {
	CONF_OPTION_MAILDIR, CONF_OPTION_MBOX, CONF_OPTION_MDA, CONF_OPTION_COUNT
};
static const enum conf_option_id secret[] = {
	CONF_OPTION_PASSWORD, CONF_OPTION_PASSWORD_FILE, CONF_OPTION_PASSWORD_COMMAND,
	CONF_OPTION_COUNT
};

/* --- errors --- */

int
conf_merge_locate(const struct confsection *s, struct err *e)
{
	err_context(e, "account '%s'", s->title);
	return err_context(e, "%s:%d", s->file->path, s->line);
}

/* The error is about this value, wherever it stands. */
static int
locate_value(const struct source *s, const struct confvalue *v)
{
	err_context(s->e, "account '%s'", s->section->title);
	return err_context(s->e, "%s:%d", v->file->path, v->line);
}

static int
missing(const struct source *s, const char *what)
{
	err_set(s->e, ERR_CONFIG, "%s is missing", what);
	return conf_merge_locate(s->section, s->e);
}

/* --- choosing --- */

static const struct confvalue *
pick(const struct source *s, enum conf_option_id id)
{
	if (s->section->values[id].set)
		return &s->section->values[id];
	if (s->tree->defaults.values[id].set)
		return &s->tree->defaults.values[id];
	if (s->tree->global.values[id].set)
		return &s->tree->global.values[id];
	return NULL;
}

static int64_t
pick_number(const struct source *s, enum conf_option_id id, int64_t otherwise)
{
	const struct confvalue *v = pick(s, id);

	return v ? v->number : otherwise;
}

/* Once for each option: what the account's own section has leaves it.  A copy of each
 * string would have the heap of many accounts full of holes. */
static char *
pick_text(const struct source *s, enum conf_option_id id)
{
	struct confvalue *own = &s->section->values[id];
	const struct confvalue *v = pick(s, id);
	char *text;

	if (!own->set)
		return v ? mem_string(v->text) : NULL;
	text = own->text;
	own->text = NULL;
	return text;
}

/* Once for each option, too. */
static char **
pick_list(const struct source *s, enum conf_option_id id)
{
	struct confvalue *own = &s->section->values[id];
	const struct confvalue *v = pick(s, id);
	char **list;
	size_t i;

	if (own->set && own->list) {
		list = own->list;
		own->list = NULL;
		own->count = 0;
		return list;
	}
	list = mem_array(v->count + 1, sizeof(*list));
	for (i = 0; i < v->count; i++)
		list[i] = mem_string(v->list[i]);
	return list;
}

/* The one member of a group that a section has: CONF_OPTION_COUNT for none. */
static int
only_member(const struct source *s, const struct confsection *section,
	    const enum conf_option_id group[], enum conf_option_id *only)
{
	const struct confvalue *v;

	*only = CONF_OPTION_COUNT;
	for (; *group != CONF_OPTION_COUNT; group++) {
		v = &section->values[*group];
		if (!v->set)
			continue;
		if (*only != CONF_OPTION_COUNT) {
			err_set(s->e, ERR_CONFIG, "options '%s' and '%s' "
				"exclude each other",
				conf_option_table[*only].name,
				conf_option_table[*group].name);
			return locate_value(s, v);
		}
		*only = *group;
	}
	return 0;
}

static int
pick_member(const struct source *s, const enum conf_option_id group[],
	    enum conf_option_id *only)
{
	if (only_member(s, s->section, group, only) != 0)
		return -1;
	if (*only != CONF_OPTION_COUNT)
		return 0;
	return only_member(s, &s->tree->defaults, group, only);
}

/* --- the parts of an account --- */

static int
merge_server(const struct source *s, struct account *a)
{
	const struct confvalue *v;

	a->server.host = pick_text(s, CONF_OPTION_HOST);
	if (!a->server.host)
		return missing(s, "option 'host'");
	a->server.user = pick_text(s, CONF_OPTION_USER);
	if (!a->server.user)
		return missing(s, "option 'user'");
	v = pick(s, CONF_OPTION_TLS);
	a->server.tls = v ? (enum server_tls)v->number : SERVER_TLS_IMPLICIT;
	a->server.port = (uint16_t)pick_number(s, CONF_OPTION_PORT,
					a->server.tls == SERVER_TLS_IMPLICIT
						? PORT_IMPLICIT : PORT_PLAIN);
	a->server.timeout_ms = S_MS *
			       pick_number(s, CONF_OPTION_TIMEOUT, TIMEOUT_S);
	a->server.session_timeout_ms = S_MS * pick_number(
		s, CONF_OPTION_SESSION_TIMEOUT, SESSION_TIMEOUT_S);
	a->courier.pipelining = pick_number(s, CONF_OPTION_PIPELINING, true) != 0;
	return 0;
}

static int
merge_pins(const struct source *s, struct account *a)
{
	const struct confvalue *v = pick(s, CONF_OPTION_TLS_PIN);
	struct tls_pin *pins;

	if (!v || v->count == 0)
		return 0;
	if (a->server.tls == SERVER_TLS_OFF) {
		err_set(s->e, ERR_CONFIG, "option 'tls_pin': with tls = "
			"\"off\" no certificate is ever seen");
		return locate_value(s, v);
	}
	pins = mem_array(v->count, sizeof(*pins));
	for (size_t i = 0; i < v->count; i++)
		if (!tls_parse_pin(v->list[i], &pins[i]))
			abort();	/* it was checked when it was read */
	a->courier.tls.pins = pins;
	a->courier.tls.pin_count = v->count;
	return 0;
}

static int
merge_tls(const struct source *s, struct account *a)
{
	a->courier.tls.ca_file = pick_text(s, CONF_OPTION_TLS_CA_FILE);
	a->courier.tls.ca_dir = pick_text(s, CONF_OPTION_TLS_CA_DIR);
	a->courier.tls.min_version = (enum tls_version)
		pick_number(s, CONF_OPTION_TLS_MIN_VERSION, TLS_VERSION_1_2);
	a->courier.tls.cert_file = pick_text(s, CONF_OPTION_TLS_CERT_FILE);
	a->courier.tls.key_file = pick_text(s, CONF_OPTION_TLS_KEY_FILE);
	a->courier.tls.server_name = pick_text(s, CONF_OPTION_TLS_SERVER_NAME);
	if (!a->courier.tls.server_name)
		a->courier.tls.server_name = mem_string(a->server.host);
	if (a->courier.tls.key_file && !a->courier.tls.cert_file) {
		err_set(s->e, ERR_CONFIG, "option 'tls_key_file' needs "
			"'tls_cert_file'");
		return locate_value(s, pick(s, CONF_OPTION_TLS_KEY_FILE));
	}
	return merge_pins(s, a);
}

/* One argument with blanks was most likely meant for a shell. */
static int
check_program(const struct source *s, enum conf_option_id id,
	      const char *const argv[])
{
	if (!argv[0] || argv[1] || !strpbrk(argv[0], " \t") ||
	    fs_is_there(argv[0]))
		return 0;
	err_set(s->e, ERR_CONFIG, "option '%s': no shell is run; write the "
		"arguments as a list, such as {\"procmail\", \"-d\", \"jane\"}",
		conf_option_table[id].name);
	return locate_value(s, pick(s, id));
}

static int
merge_login(const struct source *s, struct account *a)
{
	enum conf_option_id only;

	a->courier.auth = (enum auth_method)pick_number(s, CONF_OPTION_AUTH, AUTH_AUTO);
	a->courier.insecure_auth = pick_number(s, CONF_OPTION_INSECURE_AUTH, false) != 0;
	if (pick_member(s, secret, &only) != 0)
		return -1;
	if (only == CONF_OPTION_PASSWORD)
		a->courier.password = secret_copy(pick(s, only)->secret);
	else if (only == CONF_OPTION_PASSWORD_FILE)
		a->password_file = pick_text(s, only);
	else if (only == CONF_OPTION_PASSWORD_COMMAND)
		a->courier.password_command = pick_list(s, only);
	else
		a->ask_password = true;
	return a->courier.password_command
		? check_program(s, only, (const char *const *)
				a->courier.password_command) : 0;
}

static int
merge_destination(const struct source *s, struct account *a)
{
	enum conf_option_id only;

	a->keeper.target.mda_timeout_ms = S_MS *
		pick_number(s, CONF_OPTION_MDA_TIMEOUT, MDA_TIMEOUT_S);
	a->keeper.target.mda_jobs = (unsigned)pick_number(s, CONF_OPTION_MDA_JOBS, 1);
	a->keeper.received_header = pick_number(s, CONF_OPTION_RECEIVED_HEADER, true) != 0;
	if (pick_member(s, destination, &only) != 0)
		return -1;
	if (only == CONF_OPTION_COUNT)
		return missing(s, "one of the options 'maildir', 'mbox' "
			       "and 'mda'");
	if (only == CONF_OPTION_MDA) {
		a->keeper.target.kind = DELIVER_MDA;
		a->keeper.target.argv = (const char *const *)pick_list(s, only);
		return check_program(s, only, a->keeper.target.argv);
	}
	a->keeper.target.kind = only == CONF_OPTION_MBOX ? DELIVER_MBOX : DELIVER_MAILDIR;
	a->keeper.target.path = pick_text(s, only);
	return 0;
}

static char *
dotted_state_file(const struct account *a)
{
	struct account dotted = *a;
	char *file;

	dotted.server.host = mem_format("%s.", a->server.host);
	dotted.state = account_state_name(&dotted);
	file = account_state_file(&dotted);
	free(dotted.state);
	free(dotted.server.host);
	return file;
}

static void
merge_rules(const struct source *s, struct account *a)
{
	const struct confvalue *notice = pick(s, CONF_OPTION_NOTICE_AFTER);

	a->enabled = pick_number(s, CONF_OPTION_ENABLED, true) != 0;
	a->keeper.rules.keep_s = pick_number(s, CONF_OPTION_KEEP, PLAN_KEEP_FOREVER);
	a->keeper.rules.max_size = (uint64_t)pick_number(s, CONF_OPTION_MAX_SIZE, 0);
	a->keeper.rules.max_messages = (uint64_t)pick_number(s, CONF_OPTION_MAX_MESSAGES, 0);
	a->keeper.account.notice_failures = NOTICE_FAILURES;
	if (notice && notice->is_count)
		a->keeper.account.notice_failures = (unsigned)notice->number;
	if (notice && !notice->is_count) {
		a->keeper.account.notice_failures = 0;
		a->keeper.account.notice_s = notice->number;
	}
}

static void
merge_state(const struct source *s, struct account *a)
{
	a->state = pick_text(s, CONF_OPTION_STATE);
	if (!a->state) {
		a->state = account_state_name(a);
		if (pick(s, CONF_OPTION_HOST)->had_dot)
			a->keeper.account.old_state_file = dotted_state_file(a);
	}
	a->keeper.account.state_file = account_state_file(a);
}

/* --- the whole --- */

int
conf_merge_account(const struct conf_tree *tree, struct confsection *s,
		  struct account *a, struct err *e)
{
	struct source from = { .tree = tree, .section = s, .e = e };

	a->name = mem_string(s->title);
	if (merge_server(&from, a) != 0 || merge_tls(&from, a) != 0 ||
	    merge_login(&from, a) != 0 || merge_destination(&from, a) != 0)
		return -1;
	a->keeper.target.account = a->name;
	a->keeper.target.user = a->server.user;
	merge_rules(&from, a);
	merge_state(&from, a);
	a->keeper.account.fingerprint = fingerprint_make(a, tree->identity);
	return 0;
}
