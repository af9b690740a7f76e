/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration: found, read, and turned into accounts. */
#include "config.h"
#include "config/conf.h"

#include <stdlib.h>

#include "base/mem.h"
#include "config/conf_merge.h"
#include "config/conf_parse.h"
#include "config/names.h"
#include "sys/fs.h"

enum { JOBS = 32 };

/* --- where things are --- */

/* $VARIABLE/NAME, or ~/OTHERWISE/NAME: a relative path in the variable counts as none,
 * as the XDG Base Directory Specification wants it.  NULL without a home. */
static char *
xdg_path(const char *variable, const char *otherwise, const char *name)
{
	const char *dir = getenv(variable), *home;

	if (dir && dir[0] == '/')
		return mem_format("%s/%s", dir, name);
	home = fs_home();
	return home ? mem_format("%s/%s/%s", home, otherwise, name) : NULL;
}

int
conf_find(char **path, struct err *e)
{
	char *first = xdg_path("XDG_CONFIG_HOME", ".config",
			       "popfetch/popfetch.conf");
	const char *home = fs_home();
	char *second = home ? mem_format("%s/.popfetchrc", home) : NULL;

	*path = NULL;
	if (first && fs_is_there(first)) {
		*path = first;
		first = NULL;
	} else if (second && fs_is_there(second)) {
		*path = second;
		second = NULL;
	} else if (first && second) {
		err_set(e, ERR_CONFIG, "no configuration: neither '%s' nor "
			"'%s' is there", first, second);
	} else if (first) {
		err_set(e, ERR_CONFIG, "no configuration: '%s' is not there",
			first);
	} else {
		err_set(e, ERR_CONFIG, "no configuration: no home directory");
	}
	free(first);
	free(second);
	return *path ? 0 : -1;
}

/* --- the whole of it --- */

static int
take_globals(struct conf *c, const struct confsection *global, struct err *e)
{
	const struct confvalue *jobs = &global->values[CONF_OPTION_JOBS];
	const struct confvalue *dir = &global->values[CONF_OPTION_STATE_DIR];

	c->jobs = jobs->set ? (unsigned)jobs->number : JOBS;
	c->log = mem_string(global->values[CONF_OPTION_LOG].text);
	c->state_dir = dir->set ? mem_string(dir->text) :
		       xdg_path("XDG_STATE_HOME", ".local/state", "popfetch");
	if (!c->state_dir)
		return err_set(e, ERR_CONFIG, "no home directory: give the "
			       "option 'state_dir'");
	return 0;
}

/* --- what may be there once --- */

static int
check_titles(const struct conf_tree *tree, struct err *e)
{
	struct names *names = names_new(tree->account_count);
	const struct confsection *twin;
	size_t i, j;
	int rc = 0;

	for (i = 0; i < tree->account_count; i++)
		names_add(names, tree->accounts[i]->title);
	names_sort(names);
	if (names_twice(names, &i, &j)) {
		twin = tree->accounts[j];
		err_set(e, ERR_CONFIG, "is there twice (%s:%d)",
			twin->file->path, twin->line);
		rc = conf_merge_locate(tree->accounts[i], e);
	}
	names_free(&names);
	return rc;
}

/* Two processes would otherwise fight for one database, and each would take the
 * other's mail for its own. */
static int
check_states(const struct conf *c, const struct conf_tree *tree, struct err *e)
{
	struct names *names = names_new(c->count);
	size_t i, j;
	int rc = 0;

	for (i = 0; i < c->count; i++)
		names_add(names, c->accounts[i].keeper.account.state_file);
	names_sort(names);
	if (names_twice(names, &i, &j)) {
		err_set(e, ERR_CONFIG, "has the state '%s', as account '%s' "
			"has; if both shall be, give one of them another by "
			"the option 'state'", c->accounts[i].state,
			c->accounts[j].name);
		rc = conf_merge_locate(tree->accounts[i], e);
	}
	names_free(&names);
	return rc;
}

static void
index_names(struct conf *c)
{
	c->names = names_new(c->count);
	for (size_t i = 0; i < c->count; i++)
		names_add(c->names, c->accounts[i].name);
	names_sort(c->names);
}

static int
take_accounts(struct conf *c, const struct conf_tree *tree, struct err *e)
{
	if (tree->account_count == 0)
		return err_set(e, ERR_CONFIG, "'%s' has no account in it",
			       c->path);
	if (check_titles(tree, e) != 0)
		return -1;
	c->accounts = mem_array(tree->account_count, sizeof(*c->accounts));
	while (c->count < tree->account_count) {
		c->count++;	/* what is half made is freed too */
		if (conf_merge_account(tree, tree->accounts[c->count - 1],
				      &c->accounts[c->count - 1], e) != 0)
			return -1;
	}
	index_names(c);
	return check_states(c, tree, e);
}

int
conf_read(struct conf **c, const char *path, struct err *e)
{
	struct conf_tree *tree = NULL;
	int rc;

	*c = NULL;
	if (conf_parse_file(&tree, path, e) != 0)
		return -1;
	*c = mem_alloc(sizeof(**c));
	(*c)->path = mem_string(path);
	rc = take_globals(*c, &tree->global, e);
	if (rc == 0)
		rc = take_accounts(*c, tree, e);
	conf_tree_free(&tree);
	mem_give_back();
	if (rc != 0)
		conf_free(c);
	return rc;
}

void
conf_free(struct conf **c)
{
	struct conf *old = *c;
	size_t i;

	*c = NULL;
	if (!old)
		return;
	for (i = 0; i < old->count; i++)
		account_free(&old->accounts[i]);
	free(old->accounts);
	names_free(&old->names);
	free(old->path);
	free(old->state_dir);
	free(old->log);
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
