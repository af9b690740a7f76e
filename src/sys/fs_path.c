/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Paths as users write them. */
#include "config.h"

#include "sys/fs.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

const char *
fs_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (home && home[0] == '/')
		return home;
	user = getpwuid(getuid());
	return user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir
							      : NULL;
}

/* The directory that "~NAME" stands for; borrowed. */
static const char *
home_of(const char *name, size_t size)
{
	const struct passwd *user;
	char *copy;

	if (size == 0)
		return fs_home();
	copy = mem_string_n(name, size);
	user = getpwnam(copy);
	free(copy);
	return user ? user->pw_dir : NULL;
}

static char *
expand_tilde(const char *path, struct err *e)
{
	size_t size = strcspn(path + 1, "/");
	const char *home = home_of(path + 1, size);

	if (!home && size > 0)
		err_set(e, ERR_CONFIG, "cannot expand '%s': no such user",
			path);
	else if (!home)
		err_set(e, ERR_CONFIG, "cannot expand '%s': no home directory",
			path);
	return home ? mem_format("%s%s", home, path + 1 + size) : NULL;
}

static char *
expand_relative(const char *path, const char *base, struct err *e)
{
	char here[PATH_MAX], *whole, *out;

	if (!base && !getcwd(here, sizeof(here))) {
		err_sys(e, ERR_CONFIG, "cannot expand '%s'", path);
		return NULL;
	}
	if (!base || base[0] == '/')
		return mem_format("%s/%s", base ? base : here, path);
	whole = fs_expand(base, NULL, e);
	out = whole ? mem_format("%s/%s", whole, path) : NULL;
	free(whole);
	return out;
}

char *
fs_expand(const char *path, const char *base, struct err *e)
{
	if (!*path) {
		err_set(e, ERR_CONFIG, "a path is empty");
		return NULL;
	}
	if (path[0] == '~')
		return expand_tilde(path, e);
	if (path[0] == '/')
		return mem_string(path);
	return expand_relative(path, base, e);
}

/* --- what keeps us from a path --- */

/* The size of the path up to and without the slash that follows `at`. */
static size_t
next_part(const char *path, size_t at)
{
	at += strspn(path + at, "/");
	return at + strcspn(path + at, "/");
}

static bool
is_in_home(const char *path)
{
	const char *home = fs_home();
	size_t size = home ? strlen(home) : 0;

	return home && strncmp(path, home, size) == 0 &&
	       (!path[size] || path[size] == '/');
}

/* Is the beginning of a path on the way to the home directory, or this? */
static bool
leads_home(const char *path, size_t size)
{
	return is_in_home(path) && size <= strlen(fs_home());
}

static char *
describe(const char *path, size_t size, const char *what)
{
	if (leads_home(path, size))
		return mem_format("the home directory '%s' (HOME) %s",
				  fs_home(), what);
	return mem_format("directory '%.*s' %s", (int)size, path, what);
}

/* What the part of a path up to `end` fails with; `above` is the part before
 * it. */
static char *
explain(const char *path, size_t above, size_t end, int error)
{
	bool is_whole = !path[end + strspn(path + end, "/")];

	if (error == ENOENT && (!is_whole || leads_home(path, end)))
		return describe(path, end, "does not exist");
	if (error == EACCES)
		return describe(path, above,
				"cannot be entered: Permission denied");
	if (error == ENOTDIR)
		return mem_format("'%.*s' is not a directory", (int)above,
				  path);
	return NULL;
}

char *
fs_obstacle(const char *path)
{
	size_t above = path[0] == '/', end = next_part(path, 0);
	char *part, *why = NULL;
	struct stat st;
	int error = 0;

	while (error == 0) {
		part = mem_string_n(path, end);
		if (*part && stat(part, &st) != 0) {
			error = errno;
			why = explain(path, above, end, error);
		}
		free(part);
		if (!path[end])
			break;
		above = end;
		end = next_part(path, end);
	}
	return why;
}

char *
fs_home_obstacle(const char *path)
{
	char *inside, *why;

	if (!is_in_home(path))
		return NULL;
	inside = mem_format("%s/.", fs_home());
	why = fs_obstacle(inside);
	free(inside);
	return why;
}

int
fs_fail_path(struct err *e, enum err_kind kind, const char *verb,
	     const char *path)
{
	int error = errno;
	char *why = fs_obstacle(path);

	if (!why && error == EACCES) /* it may be the home directory itself */
		why = fs_home_obstacle(path);
	errno = error;
	if (!why)
		return err_sys(e, kind, "cannot %s '%s'", verb, path);
	err_set(e, kind, "cannot %s '%s': %s", verb, path, why);
	e->sys = error;
	free(why);
	return -1;
}
