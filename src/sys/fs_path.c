/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Paths as users write them. */
#include "config.h"

#include "sys/fs.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
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
