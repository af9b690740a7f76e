/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The directories of a Maildir that delivery needs. */
#include "config.h"

#include "deliver/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "sys/fs.h"
#include "sys/lock.h"

static const char our_directory[] = ".popfetch";

/* The account's lock lies beside its database, so two copies of a state have
 * two locks but one staging directory, and each would remove what it does not
 * know. */
static int
lock_staging(int dir, const char *path, struct err *e)
{
	if (dir < 0 || lock_now(dir, path, e) == 0)
		return 0;
	if (e->kind == ERR_BUSY)
		return err_set(e, ERR_LATER,
			       "Maildir '%s': a run with a copy of this state "
			       "is at work there; if it hangs, end it, and "
			       "fetch with one copy alone",
			       path);
	err_clear(e); /* a file system without such locks */
	return 0;
}

/* --- opening, and making what is missing --- */

static int
open_or_make(int dir, const char *name, int *fd, struct err *e)
{
	if (fs_make_dir_at(dir, name, 0700, NULL, e) != 0)
		return -1;
	return fs_open_dir_at(dir, name, fd, e);
}

static int
fail_missing(const char *path, struct err *e)
{
	int missing = e->sys;

	err_set(e, ERR_CREATE,
		"Maildir '%s' does not exist; is its disk mounted?", path);
	e->sys = missing;
	return -1;
}

/* The directory that it is to lie in is not made, since it may be the place of
 * a disk. */
static int
fail_parent(const char *path, struct err *e)
{
	int error = e->sys;
	char *why = error == ENOENT ? fs_obstacle(path) : NULL;

	if (why)
		err_set(e, ERR_CREATE,
			"cannot make Maildir '%s': %s; is its disk mounted?",
			path, why);
	e->sys = error;
	free(why);
	return -1;
}

static int
open_root(const char *path, bool may_create, int *root, struct err *e)
{
	if (fs_open_dir(path, root, e) == 0)
		return 0;
	if (e->sys != ENOENT)
		return -1;
	if (!may_create)
		return fail_missing(path, e);
	err_clear(e);
	if (fs_make_dir(path, 0700, NULL, e) != 0)
		return fail_parent(path, e);
	return fs_open_dir(path, root, e);
}

struct contents {
	bool parts, others;
};

/* fs_list calls it for each name in the Maildir. */
static int
note_entry(void *arg, const char *name, struct err *e)
{
	struct contents *c = arg;

	(void)e;
	if (strcmp(name, "tmp") == 0 || strcmp(name, "cur") == 0 ||
	    strcmp(name, "new") == 0)
		c->parts = true;
	else
		c->others = true;
	return 0;
}

/* A directory with other things in it is not a Maildir that somebody has begun:
 * a mistaken path must not put cur, new and tmp into a home directory.  One
 * look decides, since another account may be making the same Maildir. */
static int
check_may_become_maildir(int root, const char *path, struct err *e)
{
	struct contents c = { .parts = false };

	if (fs_list(root, note_entry, &c, e) != 0)
		return -1;
	if (c.others && !c.parts)
		return err_set(e, ERR_CREATE,
			       "'%s' is a directory, but not a "
			       "Maildir: it has no 'new'",
			       path);
	return 0;
}

static int
open_part(int root, const char *path, const char *name, bool may_create,
	  int *fd, struct err *e)
{
	if (fs_open_dir_at(root, name, fd, e) == 0)
		return 0;
	if (e->sys != ENOENT)
		return -1;
	if (!may_create)
		return err_set(e, ERR_CREATE,
			       "Maildir '%s' has no '%s'; is its "
			       "disk mounted?",
			       path, name);
	err_clear(e);
	return open_or_make(root, name, fd, e);
}

/* new/ comes last, since a whole Maildir is known by it. */
static int
open_parts(struct staging *s, int root, const char *path, bool may_create,
	   int *tmp, struct err *e)
{
	int rc;

	if (may_create && check_may_become_maildir(root, path, e) != 0)
		return -1;
	rc = open_part(root, path, "tmp", may_create, tmp, e);
	if (rc == 0)
		rc = open_part(root, path, "cur", may_create, &s->cur_dir, e);
	if (rc == 0)
		rc = open_part(root, path, "new", may_create, &s->new_dir, e);
	return rc;
}

/* --- does it work? --- */

/* Renames a file that does not exist: file systems are compared before names
 * are looked up, so that this tells without leaving a trace. */
static int
check_rename(const struct staging *s, const char *path, struct err *e)
{
	if (fs_rename_at(s->dir, "probe", s->new_dir, ".popfetch-probe", e) ==
		    0 ||
	    e->sys == ENOENT) {
		err_clear(e);
		return 0;
	}
	if (e->sys == EXDEV)
		return err_set(e, ERR_CONFIG,
			       "'tmp' and 'new' of Maildir '%s' "
			       "are on different file systems",
			       path);
	e->kind = ERR_CREATE;
	return -1;
}

/* A sandbox may answer EPERM to faccessat2(2), which it does not know, but the
 * C library tries the older call only after ENOSYS.  That tells the same for
 * all but setuid programs. */
static bool
may_write(int dir)
{
	if (faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return true;
#ifdef SYS_faccessat
	if (errno == EPERM)
		return syscall(SYS_faccessat, dir, ".", W_OK | X_OK) == 0;
#endif
	return false;
}

static int
check_works(const struct staging *s, const char *path, struct err *e)
{
	int fd = -1;

	if (fs_remove_at(s->dir, "probe", e) != 0 ||
	    fs_create_at(s->dir, "probe", 0600, &fd, e) != 0)
		return -1;
	fs_drop(&fd);
	if (fs_remove_at(s->dir, "probe", e) != 0)
		return -1;
	if (!may_write(s->new_dir))
		return err_sys(e, ERR_CREATE, "cannot write to '%s/new'", path);
	return check_rename(s, path, e);
}

/* Root delivers into somebody's Maildir: its owner could lead us anywhere by
 * links, and could not read what we put there. */
static int
check_owner(const struct staging *s, const char *path, struct err *e)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(s->new_dir, &st) != 0)
		return err_sys(e, ERR_CREATE, "cannot inspect '%s/new'", path);
	if (st.st_uid == 0)
		return 0;
	return err_set(e, ERR_CREATE,
		       "Maildir '%s' belongs to user %lu: run "
		       "popfetch as that user",
		       path, (unsigned long)st.st_uid);
}

static void
drop_above(struct staging *s)
{
	for (size_t i = 0; i < 3; i++)
		fs_drop(&s->above[i]);
}

/* What we make is durable at once (fs_make_dir_at).  This is for what existed
 * before, since a run may have been killed between making and syncing it.  It
 * waits until there is mail, so that a run that finds none does not wait for
 * the disk. */
int
staging_secure(struct staging *s, const char *path, struct err *e)
{
	if (s->above[0] < 0)
		return 0;
	if (fs_sync_parents(path, e) != 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (fs_sync(s->above[i], path, e) != 0)
			return -1;
	drop_above(s);
	return 0;
}

int
staging_open(struct staging *s, const char *path, const char *state_id,
	     bool may_create, struct err *e)
{
	int *root = &s->above[0], *tmp = &s->above[1], *ours = &s->above[2], rc;

	*s = (struct staging)STAGING_NONE;
	rc = open_root(path, may_create, root, e);
	if (rc == 0)
		rc = open_parts(s, *root, path, may_create, tmp, e);
	if (rc == 0)
		rc = check_owner(s, path, e);
	if (rc == 0)
		rc = open_or_make(*tmp, our_directory, ours, e);
	if (rc == 0)
		rc = open_or_make(*ours, state_id, &s->dir, e);
	if (rc == 0)
		rc = lock_staging(s->dir, path, e);
	if (rc == 0)
		rc = check_works(s, path, e);
	if (!may_create)
		drop_above(s);
	if (rc != 0)
		staging_close(s);
	return rc;
}

/* --- recovery --- */

/* With dir < 0 its parent does not exist, and so neither does it. */
static int
find_dir(int dir, const char *name, int *fd, struct err *e)
{
	*fd = -1;
	if (dir < 0 || fs_open_dir_at(dir, name, fd, e) == 0)
		return 0;
	if (e->sys != ENOENT)
		return -1;
	err_clear(e);
	return 0;
}

static int
find_root(const char *path, int *root, struct err *e)
{
	if (fs_open_dir(path, root, e) == 0)
		return 0;
	if (e->sys != ENOENT && e->sys != ENOTDIR)
		return -1;
	err_clear(e);
	return 0;
}

int
staging_find(struct staging *s, const char *path, const char *state_id,
	     struct err *e)
{
	int root = -1, tmp = -1, ours = -1, rc;

	*s = (struct staging)STAGING_NONE;
	rc = find_root(path, &root, e);
	if (rc == 0)
		rc = find_dir(root, "new", &s->new_dir, e);
	if (rc == 0)
		rc = find_dir(root, "cur", &s->cur_dir, e);
	if (rc == 0)
		rc = find_dir(root, "tmp", &tmp, e);
	if (rc == 0)
		rc = find_dir(tmp, our_directory, &ours, e);
	if (rc == 0)
		rc = find_dir(ours, state_id, &s->dir, e);
	if (rc == 0)
		rc = lock_staging(s->dir, path, e);
	fs_drop(&root);
	fs_drop(&tmp);
	fs_drop(&ours);
	if (rc != 0)
		staging_close(s);
	return rc;
}

/* --- was it published? --- */

struct staging_search {
	const char *name;
	size_t size;
	bool found;
};

/* fs_list calls it for each name in new/ and then in cur/. */
static int
compare_entry(void *arg, const char *name, struct err *e)
{
	struct staging_search *s = arg;

	(void)e;
	s->found |= strncmp(name, s->name, s->size) == 0;
	return 0;
}

/* The directories are listed, since a network file system does not ask again
 * for a single name that it remembers, but does so for a directory that is
 * opened anew. */
int
staging_was_published(const struct staging *s, const char *name, bool *was,
		      struct err *e)
{
	struct staging_search search = { .name = name, .size = strlen(name) };

	if (fs_list(s->new_dir, compare_entry, &search, e) != 0)
		return -1;
	if (!search.found && s->cur_dir >= 0 &&
	    fs_list(s->cur_dir, compare_entry, &search, e) != 0)
		return -1;
	*was = search.found;
	return 0;
}

void
staging_close(struct staging *s)
{
	drop_above(s);
	fs_drop(&s->new_dir);
	fs_drop(&s->cur_dir);
	fs_drop(&s->dir);
}
