/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Files and directories: the only place in the program that opens, writes,
 * syncs, renames or removes mail and state (SQLite's own files apart).
 *
 * All calls handle EINTR and short counts; all descriptors are close-on-exec.
 * The text of a failure names the path it was about; its kind is ERR_LOCAL
 * unless said otherwise (ERR_CREATE where a file or directory is opened or
 * made), and its errno is in e->sys.
 *
 * A failed sync is never tried again and then believed, since the kernel may
 * have dropped the dirty pages: the caller discards the data or stops.
 *
 * `dir` is a descriptor of fs_open_dir, `name` one path component in it: no
 * slash, not "." or "..".  `what` is a path for error texts only.
 */
#ifndef SYS_FS_H
#define SYS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* --- directories --- */
int fs_open_dir(const char *path, int *fd, struct err *e);
/* A directory inside `dir`; a symbolic link is refused. */
int fs_open_dir_at(int dir, const char *name, int *fd, struct err *e);
/* Makes the last component of the path with this mode; an existing directory is
 * fine.  *made (`made` may be NULL) says whether it was made; then its parent
 * is synced. */
int fs_make_dir(const char *path, mode_t mode, bool *made, struct err *e);
int fs_make_dir_at(int dir, const char *name, mode_t mode, bool *made,
		   struct err *e);
/* Makes all components that do not exist, as for a state directory (0700). */
int fs_make_path(const char *path, mode_t mode, struct err *e);
bool fs_is_there(const char *path);
bool fs_is_there_at(int dir, const char *name);
/* Calls `each` for every entry but "." and ".."; it stops at the first answer
 * that is not 0, which is an error that `each` has set. */
int fs_list(int dir, int (*each)(void *arg, const char *name, struct err *e),
	    void *arg, struct err *e);

/* --- files --- */
/* Makes a new file, open for writing only (O_EXCL | O_NOFOLLOW); an existing
 * name is an error (EEXIST). */
int fs_create_at(int dir, const char *name, mode_t mode, int *fd,
		 struct err *e);
int fs_open_at(int dir, const char *name, int *fd, struct err *e);
/* Opens for reading and writing in place; a FIFO does not make it hang. */
int fs_open_update_at(int dir, const char *name, int *fd, struct err *e);
/* Makes a nameless file in the directory `path`, open for reading and writing,
 * mode 0600.  Where the file system has no nameless files, it has `name` for a
 * moment, and replaces what a killed run left under that name. */
int fs_temp(const char *path, const char *name, int *fd, struct err *e);
/* Makes a file in memory with these bytes, which nobody can change any more,
 * positioned at its start; *fd is the caller's.  False, with *fd -1, where the
 * system has no such files or no room. */
bool fs_memory(int *fd, const void *bytes, size_t size);
/* Appends the rest of a regular file, which error texts call `what`, to out.  A
 * NUL in it, a directory, or more than max bytes is an error. */
int fs_read_fd(int fd, const char *what, size_t max, struct buf *out,
	       struct err *e);
/* Does the file behind fd keep a secret: is it regular, owned by us or root,
 * and closed to group and others? */
bool fs_is_private(int fd);

int fs_write(int fd, const void *bytes, size_t size, struct err *e);
int fs_write_at(int fd, const void *bytes, size_t size, off_t at,
		struct err *e);
/* Hints that the system may begin to write these bytes of the file to the disk
 * (size 0: up to its end).  Only a sync says whether they got there. */
void fs_start_writing(int fd, off_t from, off_t size);
/* Reads `size` bytes, or up to the end of the file; *got is how many. */
int fs_read_at(int fd, void *out, size_t size, off_t at, size_t *got,
	       struct err *e);
/* Writes `size` bytes from `at` (or as many as the file has) over themselves.
 * After a failed sync the system may take the bytes for clean, so that no later
 * sync writes them; a sync after this call does. */
int fs_write_anew(int fd, off_t at, uint64_t size, struct err *e);
int fs_truncate(int fd, off_t size, struct err *e);
/* Closes and checks, since a close may report a failed write.  *fd becomes -1
 * in any case. */
int fs_close(int *fd, struct err *e);
/* Closes without a check what was only read or is thrown away; accepts -1, and
 * keeps errno. */
void fs_drop(int *fd);

/* --- names --- */
/* Atomic; an existing target is never overwritten (EEXIST). */
int fs_rename_at(int from_dir, const char *from, int to_dir, const char *to,
		 struct err *e);
/* A name that does not exist is fine. */
int fs_remove_at(int dir, const char *name, struct err *e);

/* --- durability --- */
/* Syncs data and metadata of one file, or the entries of a directory. */
int fs_sync(int fd, const char *what, struct err *e);
/* Syncs the entries of the directory `path`. */
int fs_sync_dir(const char *path, struct err *e);
/* Syncs the directories above `path`, which is absolute: a killed run may have
 * made them without syncing them.  Those that we may not read are passed over,
 * since they are not ours. */
int fs_sync_parents(const char *path, struct err *e);
/* Syncs all `count` open files of one file system, and `dir` on it, with few
 * waits for the disk: a single one (syncfs) where the file system can be
 * trusted with it and little data of other programs waits to be written; else
 * up to 32 files at a time, by threads that end before it returns.  After
 * success every byte written to them and every entry of `dir` survives a power
 * cut.  After a failure the file that the text names may not be the only one
 * that is not durable. */
int fs_sync_all(int dir, const int fds[], size_t count, struct err *e);
/* The bytes that are free for us on the file system of fd; UINT64_MAX when the
 * system does not say. */
uint64_t fs_free_bytes(int fd);

/* --- paths --- */
/* Expands "~" and "~user" at the start of a path, and makes a path relative to
 * `base` (a directory; NULL: the working directory) absolute.  Owned by the
 * caller.  NULL with ERR_CONFIG when the path is empty, the user is unknown, or
 * there is no home directory. */
char *fs_expand(const char *path, const char *base, struct err *e);
/* The home directory: $HOME if absolute, else that of the password database;
 * borrowed, NULL if there is none. */
const char *fs_home(void);
/* What keeps us from a path that cannot be opened or made: the first directory
 * of it that does not exist, may not be entered or is none, as in "directory
 * '/a/b' does not exist"; the home directory is called so.  Owned by the
 * caller; NULL if it is none of these.  For error texts only. */
char *fs_obstacle(const char *path);
/* The same for the home directory, if the path is in there. */
char *fs_home_obstacle(const char *path);
/* err_sys with "cannot VERB 'PATH'", and the obstacle, if there is one, in
 * place of what errno says. */
int fs_fail_path(struct err *e, enum err_kind kind, const char *verb,
		 const char *path);

#endif
