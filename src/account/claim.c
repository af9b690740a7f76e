/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/claim.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sys/fs.h"
#include "sys/lock.h"

/* An earlier run that was killed, or has failed, may have made directories that
 * are not durable yet. */
static int
open_state(struct claim *c, const char *path, bool may_create, struct err *e)
{
	bool in_doubt = c->lock >= 0 && lock_is_marked(c->lock);

	if (store_open(&c->store, path, c->lock, may_create, e) != 0)
		return -1;
	if (!may_create || (!in_doubt && !store_is_new(c->store)))
		return 0;
	if (fs_sync_parents(path, e) == 0)
		return 0;
	store_doubt(c->store);
	return -1;
}

static char *
path_of(const char *state_dir, const char *name, const char *suffix)
{
	return mem_format("%s/%s%s", state_dir, name, suffix);
}

/* A state that was made when a dot at the end of the host still counted stays
 * in use: with a new one all mail would look new. */
static const char *
state_name(const struct account_settings *a, const char *state_dir)
{
	char *path, *old_path;
	bool is_old;

	if (!a->old_state_file)
		return a->state_file;
	path = path_of(state_dir, a->state_file, ".db");
	old_path = path_of(state_dir, a->old_state_file, ".db");
	is_old = !fs_is_there(path) && fs_is_there(old_path);
	free(path);
	free(old_path);
	return is_old ? a->old_state_file : a->state_file;
}

char *
claim_path(const struct account_settings *a, const char *state_dir,
	   const char *suffix)
{
	return path_of(state_dir, state_name(a, state_dir), suffix);
}

int
claim_take(struct claim *c, const struct account_settings *a,
	   const char *state_dir, bool may_create, struct err *e)
{
	char *lock = claim_path(a, state_dir, ".lock");
	char *path = claim_path(a, state_dir, ".db");
	int rc = -1;

	*c = CLAIM_NONE;
	if (may_create && fs_make_path(state_dir, 0700, e) != 0)
		err_context(e, "state_dir");
	else if (lock_take(lock, may_create, &c->lock, e) == 0)
		rc = open_state(c, path, may_create, e);
	free(lock);
	free(path);
	return rc;
}

void
claim_release(struct claim *c)
{
	store_close(&c->store);
	fs_drop(&c->lock);
}
