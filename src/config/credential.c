/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Secrets that a platform mounts. */
#include "config.h"

#include "config/credential.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/fs.h"

static const char prefix[] = "credential:";
static const char mounted[] = "/run/secrets";

/* $CREDENTIALS_DIRECTORY, or NULL. */
static const char *
passed(void)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	return dir && dir[0] == '/' ? dir : NULL;
}

/* --- names --- */

bool
credential_is(const char *text)
{
	return strncmp(text, prefix, sizeof(prefix) - 1) == 0;
}

int
credential_path(const char *text, char **path, struct err *e)
{
	const char *name = text + sizeof(prefix) - 1, *dir = passed();

	*path = NULL;
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return err_set(e, ERR_CONFIG,
			       "must be \"credential:NAME\" with the name of a "
			       "file, without '/', not '%s'",
			       text);
	*path = dir ? mem_format("%s/%s", dir, name) : mem_string(text);
	return 0;
}

/* Is this path below that directory? */
static bool
is_below(const char *path, const char *dir)
{
	size_t size = strlen(dir);

	while (size > 0 && dir[size - 1] == '/')
		size--;
	return size > 0 && strncmp(path, dir, size) == 0 && path[size] == '/';
}

bool
credential_is_passed(const char *path)
{
	return passed() && is_below(path, passed());
}

/* --- who may read them --- */

static bool
is_ours(gid_t group)
{
	int count = getgroups(0, NULL), i = 0;
	gid_t *all;

	if (group == getegid())
		return true;
	if (count <= 0)
		return false;
	all = mem_array((size_t)count, sizeof(*all));
	count = getgroups(count, all);
	while (i < count && all[i] != group)
		i++;
	free(all);
	return i < count;
}

/* The same with all links followed. */
static bool
is_really_below(const char *path, const char *dir)
{
	char *real = dir ? realpath(dir, NULL) : NULL;
	bool is = real && is_below(path, real);

	free(real);
	return is;
}

/* Where the file really lies that was opened as `path`; NULL if another one is
 * there by now. */
static char *
find(const char *path, const struct stat *st)
{
	char *real = realpath(path, NULL);
	struct stat now;

	if (real && stat(real, &now) == 0 && now.st_dev == st->st_dev &&
	    now.st_ino == st->st_ino)
		return real;
	free(real);
	return NULL;
}

static bool
is_in_place(const char *path, const struct stat *st)
{
	char *real = find(path, st);
	bool is = real && (is_really_below(real, mounted) ||
			   is_really_below(real, passed()));

	free(real);
	return is;
}

/* Root itself can take the write permission away, and does so when it mounts
 * one. */
static bool
is_for_our_group(const struct stat *st)
{
	mode_t forbidden = geteuid() == 0 ? 0227 : 0027;

	return (st->st_mode & forbidden) == 0 && is_ours(st->st_gid);
}

int
credential_check(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fs_is_private(fd))
		return 0;
	if (fstat(fd, &st) != 0)
		return err_sys(e, ERR_CONFIG, "cannot read '%s'", path);
	if (st.st_uid == 0 && (st.st_mode & 0022) == 0 &&
	    (is_for_our_group(&st) || is_in_place(path, &st)))
		return 0;
	if (st.st_uid == 0 && geteuid() != 0)
		return err_set(e, ERR_CONFIG,
			       "others may read or write '%s', which is "
			       "root's: it needs mode 0440 and a group of "
			       "yours, or to be mounted below %s (see "
			       "popfetch.conf(5))",
			       path, mounted);
	return err_set(e, ERR_CONFIG,
		       "users other than you may read '%s': make it yours and "
		       "chmod it to 600",
		       path);
}
