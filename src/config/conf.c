/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The configuration: found, read, and turned into accounts. */
#include "config.h"

#include "config/conf.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/conf_merge.h"
#include "config/conf_parse.h"
#include "config/conf_tree.h"
#include "config/names.h"
#include "sys/fs.h"

/* --- where things are --- */

/* Returns $VARIABLE/NAME, or ~/OTHERWISE/NAME if the variable is not set or
 * holds a relative path, which the XDG Base Directory Specification wants
 * ignored.  NULL without a home directory. */
static char *
make_xdg_path(const char *variable, const char *otherwise, const char *name)
{
	const char *dir = getenv(variable), *home;

	if (dir && dir[0] == '/')
		return mem_format("%s/%s", dir, name);
	home = fs_home();
	return home ? mem_format("%s/%s/%s", home, otherwise, name) : NULL;
}

/* Why a file is not found that may be there; NULL when it just is not.  Owned
 * by the caller. */
static char *
find_obstacle(const char *first, const char *second)
{
	char *why = second ? fs_home_obstacle(second) : NULL;

	if (!why && first && !fs_is_there(first) && errno == EACCES)
		why = fs_obstacle(first);
	return why;
}

int
conf_find(char **path, struct err *e)
{
	char *first = make_xdg_path("XDG_CONFIG_HOME", ".config",
				    "popfetch/popfetch.conf");
	const char *home = fs_home();
	char *second = home ? mem_format("%s/.popfetchrc", home) : NULL;
	char *why = find_obstacle(first, second);

	*path = NULL;
	if (first && fs_is_there(first)) {
		*path = first;
		first = NULL;
	} else if (second && fs_is_there(second)) {
		*path = second;
		second = NULL;
	} else if (first && second && why) {
		err_set(e, ERR_CONFIG,
			"no configuration: %s (looked for '%s' and '%s')", why,
			first, second);
	} else if (first && second) {
		err_set(e, ERR_CONFIG,
			"no configuration: neither '%s' nor '%s' exists", first,
			second);
	} else if (first) {
		err_set(e, ERR_CONFIG, "no configuration: '%s' does not exist",
			first);
	} else {
		err_set(e, ERR_CONFIG, "no configuration: no home directory");
	}
	free(why);
	free(first);
	free(second);
	return *path ? 0 : -1;
}

/* --- what must differ --- */

static int
check_names(const struct conf_tree *t, struct err *e)
{
	const struct conf_section *twin;
	size_t i, j;

	if (!names_twice(t->conf->names, &i, &j))
		return 0;
	twin = &t->accounts[j];
	err_set(e, ERR_CONFIG, "appears twice (%s:%d)", twin->file->path,
		twin->line);
	return conf_tree_locate(t, i, NULL, e);
}

/* Two processes would otherwise fight over one database, and each would take
 * the other's mail for its own. */
static int
check_states(const struct conf_tree *t, struct err *e)
{
	const struct conf *c = t->conf;
	struct names *names = names_new(c->count);
	size_t i, j;
	int rc = 0;

	for (i = 0; i < c->count; i++)
		names_add(names, c->accounts[i].keeper.account.state_file);
	names_sort(names);
	if (names_twice(names, &i, &j)) {
		err_set(e, ERR_CONFIG,
			"has the same state '%s' as account '%s'; if you want "
			"both, set the option 'state' of one of them",
			c->accounts[i].state, c->accounts[j].name);
		rc = conf_tree_locate(t, i, NULL, e);
	}
	names_free(&names);
	return rc;
}

/* --- the whole of it --- */

static int
complete_global(const struct conf_tree *t, struct err *e)
{
	struct conf *c = t->conf;

	if (conf_merge_global(t, e) != 0)
		return -1;
	if (!c->state_dir)
		c->state_dir = make_xdg_path("XDG_STATE_HOME", ".local/state",
					     "popfetch");
	if (!c->state_dir)
		return err_set(e, ERR_CONFIG,
			       "no home directory: set the option "
			       "'state_dir'");
	if (c->count == 0)
		return err_set(e, ERR_CONFIG, "'%s' has no account in it",
			       c->path);
	return 0;
}

static int
complete_accounts(const struct conf_tree *t, struct err *e)
{
	struct conf *c = t->conf;

	c->accounts = mem_resize(c->accounts, c->count, sizeof(*c->accounts));
	c->names = names_new(c->count);
	for (size_t i = 0; i < c->count; i++)
		names_add(c->names, c->accounts[i].name);
	names_sort(c->names);
	if (check_names(t, e) != 0)
		return -1;
	for (size_t i = 0; i < c->count; i++)
		if (conf_merge_account(t, i, e) != 0)
			return -1;
	return check_states(t, e);
}

int
conf_read(struct conf **c, const char *path, struct err *e)
{
	struct conf_tree t = { .conf = mem_alloc(sizeof(*t.conf)) };
	int rc = -1;

	*c = t.conf;
	t.conf->path = mem_string(path);
	if (conf_parse_file(&t, e) == 0 && complete_global(&t, e) == 0)
		rc = complete_accounts(&t, e);
	conf_tree_free(&t);
	mem_give_back();
	if (rc != 0)
		conf_free(c);
	return rc;
}

void
conf_free(struct conf **c)
{
	struct conf *old = *c;

	*c = NULL;
	if (!old)
		return;
	for (size_t i = 0; i < old->count; i++)
		account_free(&old->accounts[i]);
	free(old->accounts);
	names_free(&old->names);
	conf_option_free(old, false);
	free(old->path);
	free(old);
}

void
conf_keep_only(struct conf *c, const bool is_kept[])
{
	size_t kept = 0;

	names_free(&c->names);
	for (size_t i = 0; i < c->count; i++) {
		if (is_kept[i])
			c->accounts[kept++] = c->accounts[i];
		else
			account_free(&c->accounts[i]);
	}
	if (kept == c->count)
		return;
	c->accounts = mem_resize(c->accounts, kept, sizeof(*c->accounts));
	c->count = kept;
	mem_give_back();
}

struct account *
conf_account(const struct conf *c, const char *name)
{
	size_t i;

	return names_find(c->names, name, &i) ? &c->accounts[i] : NULL;
}
