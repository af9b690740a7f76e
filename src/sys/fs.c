/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Files and directories: opening, listing, renaming, removing. */
#include "config.h"

#include "sys/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include "base/mem.h"
#include "sys/fs_error.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* --- error texts --- */

enum { SHOWN_MAX = 400 };

/* Writes the path behind a descriptor where the system tells it; for error
 * texts only. */
static void
show(char out[SHOWN_MAX], int fd)
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, SHOWN_MAX - 1);
	if (n > 0 && out[0] == '/')
		out[n] = '\0';
	else
		snprintf(out, SHOWN_MAX, "descriptor %d", fd);
}

int
fs_fail(struct err *e, const char *verb, int fd)
{
	int saved = errno;
	char shown[SHOWN_MAX];

	show(shown, fd);
	errno = saved;
	return err_sys(e, ERR_LOCAL, "cannot %s '%s'", verb, shown);
}

static int
fail_at(struct err *e, enum err_kind kind, const char *verb, int dir,
	const char *name)
{
	int saved = errno;
	char shown[SHOWN_MAX];

	if (dir == AT_FDCWD)
		return fs_fail_path(e, kind, verb, name);
	show(shown, dir);
	errno = saved;
	return err_sys(e, kind, "cannot %s '%s/%s'", verb, shown, name);
}

/* Names may come from the database: one with a slash must not leave `dir`. */
static bool
is_component(const char *name)
{
	if (*name && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	    strcmp(name, "..") != 0)
		return true;
	errno = EINVAL;
	return false;
}

static int
open_retry(int dir, const char *name, int flags, mode_t mode)
{
	int fd;

	do {
		fd = openat(dir, name, flags | O_CLOEXEC | O_NOCTTY, mode);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static int
open_name(int dir, const char *name, int flags, mode_t mode)
{
	return is_component(name) ? open_retry(dir, name, flags, mode) : -1;
}

/* --- directories --- */

int
fs_open_dir(const char *path, int *fd, struct err *e)
{
	*fd = open_retry(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (*fd < 0)
		return fail_at(e, ERR_CREATE, "open", AT_FDCWD, path);
	return 0;
}

int
fs_open_dir_at(int dir, const char *name, int *fd, struct err *e)
{
	*fd = open_name(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (*fd < 0)
		return fail_at(e, ERR_CREATE, "open", dir, name);
	return 0;
}

/* mkdirat for which an existing directory is fine: 1 when it was made, 0 when
 * it existed, -1 with errno. */
static int
make_dir(int dir, const char *name, mode_t mode, int stat_flags)
{
	struct stat st;

	if (mkdirat(dir, name, mode) == 0)
		return 1;
	if (errno != EEXIST)
		return -1;
	if (fstatat(dir, name, &st, stat_flags) != 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return 0;
	errno = ENOTDIR;
	return -1;
}

/* The path without its last component; the caller frees it. */
static char *
parent_of(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len ? mem_string_n(path, len) : mem_string(".");
}

static int
sync_parent(const char *path, struct err *e)
{
	char *parent = parent_of(path);
	int rc = fs_sync_dir(parent, e);

	free(parent);
	return rc;
}

int
fs_make_dir(const char *path, mode_t mode, bool *made, struct err *e)
{
	int n = make_dir(AT_FDCWD, path, mode, 0);

	if (n < 0)
		return fail_at(e, ERR_CREATE, "make directory", AT_FDCWD, path);
	if (n > 0 && sync_parent(path, e) != 0) {
		/* If it were left, the next run would take it for durable. */
		(void)rmdir(path);
		return -1;
	}
	if (made)
		*made = n > 0;
	return 0;
}

int
fs_make_dir_at(int dir, const char *name, mode_t mode, bool *made,
	       struct err *e)
{
	int n = -1;

	if (is_component(name))
		n = make_dir(dir, name, mode, AT_SYMLINK_NOFOLLOW);
	if (n < 0)
		return fail_at(e, ERR_CREATE, "make directory", dir, name);
	if (n > 0 && fs_sync(dir, name, e) != 0) {
		(void)unlinkat(dir, name, AT_REMOVEDIR);
		return -1;
	}
	if (made)
		*made = n > 0;
	return 0;
}

static bool
is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* That /nonexistent cannot be made is not what is wrong. */
static int
blame_home(const char *path, struct err *e)
{
	char *why = fs_home_obstacle(path);
	int error = e->sys;

	if (why)
		err_set(e, ERR_CREATE, "cannot make directory '%s': %s", path,
			why);
	e->sys = error;
	free(why);
	return -1;
}

int
fs_make_path(const char *path, mode_t mode, struct err *e)
{
	char *prefix = mem_string(path);
	size_t at = 0;
	int rc = 0;
	char end;

	do {
		at += strspn(path + at, "/");
		at += strcspn(path + at, "/");
		end = prefix[at];
		prefix[at] = '\0';
		if (!is_dir(prefix))
			rc = fs_make_dir(prefix, mode, NULL, e);
		prefix[at] = end;
	} while (rc == 0 && end);
	free(prefix);
	return rc == 0 ? 0 : blame_home(path, e);
}

bool
fs_is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

bool
fs_is_there_at(int dir, const char *name)
{
	struct stat st;

	return is_component(name) &&
	       fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
list_entries(DIR *stream, int dir,
	     int (*each)(void *arg, const char *name, struct err *e), void *arg,
	     struct err *e)
{
	const struct dirent *entry;

	while (errno = 0, (entry = readdir(stream))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (each(arg, entry->d_name, e) != 0)
			return -1;
	}
	return errno ? fs_fail(e, "list", dir) : 0;
}

int
fs_list(int dir, int (*each)(void *arg, const char *name, struct err *e),
	void *arg, struct err *e)
{
	/* Opened anew: a dup would share the position with `dir`. */
	int fd = open_retry(dir, ".", O_RDONLY | O_DIRECTORY, 0), rc;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream) {
		rc = fs_fail(e, "list", dir);
		fs_drop(&fd);
		return rc;
	}
	rc = list_entries(stream, dir, each, arg, e);
	(void)closedir(stream);
	return rc;
}

/* --- opening files --- */

int
fs_create_at(int dir, const char *name, mode_t mode, int *fd, struct err *e)
{
	*fd = open_name(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
			mode);
	if (*fd < 0)
		return fail_at(e, ERR_CREATE, "create", dir, name);
	return 0;
}

int
fs_open_at(int dir, const char *name, int *fd, struct err *e)
{
	*fd = open_name(dir, name, O_RDONLY | O_NOFOLLOW, 0);
	if (*fd < 0)
		return fail_at(e, ERR_CREATE, "open", dir, name);
	return 0;
}

int
fs_open_update_at(int dir, const char *name, int *fd, struct err *e)
{
	*fd = open_name(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK, 0);
	if (*fd < 0)
		return fail_at(e, ERR_CREATE, "open", dir, name);
	return 0;
}

/* For a file system without nameless files: the file loses its name at once. */
static int
temp_by_name(const char *path, const char *name)
{
	char *whole = mem_format("%s/%s", path, name);
	int fd, saved;

	(void)unlink(whole);
	fd = open_retry(AT_FDCWD, whole, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
			0600);
	saved = errno;
	if (fd >= 0)
		(void)unlink(whole);
	free(whole);
	errno = saved;
	return fd;
}

int
fs_temp(const char *path, const char *name, int *fd, struct err *e)
{
	*fd = -1;
#ifdef O_TMPFILE
	*fd = open_retry(AT_FDCWD, path, O_RDWR | O_TMPFILE | O_EXCL, 0600);
#endif
	/* Systems without O_TMPFILE differ in what they say (EISDIR,
	 * EOPNOTSUPP, EINVAL); any other cause makes the second attempt fail as
	 * well. */
	if (*fd < 0)
		*fd = temp_by_name(path, name);
	if (*fd < 0)
		return fail_at(e, ERR_CREATE, "create a file in", AT_FDCWD,
			       path);
	return 0;
}

/* --- names --- */

/* Is it an error that says "not with this kernel or file system"?  EPERM is
 * what older container run times answer to a system call that they do not know.
 * Where EPERM means what it says, the call that is made instead fails with it
 * too. */
static bool
is_unsupported(int error)
{
	return error == ENOSYS || error == EINVAL || error == EOPNOTSUPP ||
	       error == ENOTSUP || error == EPERM;
}

static int
rename_checked(int from_dir, const char *from, int to_dir, const char *to)
{
	struct stat st;

	if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
		errno = EEXIST;
	else if (errno == ENOENT)
		return renameat(from_dir, from, to_dir, to);
	return -1;
}

#if defined(HAVE_RENAMEAT2) || defined(SYS_renameat2)
static int
try_renameat2(int from_dir, const char *from, int to_dir, const char *to)
{
#ifdef HAVE_RENAMEAT2
	return renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);
#else
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to,
			    RENAME_NOREPLACE);
#endif
}
#endif

static int
rename_noreplace(int from_dir, const char *from, int to_dir, const char *to)
{
#if defined(HAVE_RENAMEAT2) || defined(SYS_renameat2)
	if (try_renameat2(from_dir, from, to_dir, to) == 0)
		return 0;
	if (!is_unsupported(errno))
		return -1;
#endif
	return rename_checked(from_dir, from, to_dir, to);
}

int
fs_rename_at(int from_dir, const char *from, int to_dir, const char *to,
	     struct err *e)
{
	char shown[SHOWN_MAX];
	int saved;

	if (is_component(from) && is_component(to) &&
	    rename_noreplace(from_dir, from, to_dir, to) == 0)
		return 0;
	saved = errno;
	show(shown, to_dir);
	errno = saved;
	return err_sys(e, ERR_LOCAL, "cannot rename '%s' to '%s/%s'", from,
		       shown, to);
}

int
fs_remove_at(int dir, const char *name, struct err *e)
{
	if (is_component(name) && unlinkat(dir, name, 0) == 0)
		return 0;
	return errno == ENOENT ? 0 : fail_at(e, ERR_LOCAL, "remove", dir, name);
}
