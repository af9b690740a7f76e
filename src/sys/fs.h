/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and directories: the only place of the program that opens, writes,
 * syncs, renames or removes mail and state (SQLite's own files apart).
 *
 * All calls handle EINTR and short counts; all descriptors are close-on-exec.
 * Each failure names the path it was about; its kind is ERR_LOCAL unless said
 * otherwise (ERR_CREATE where a file or directory is opened or made).
 * errno of the failure is in e->sys.
 *
 * A sync that failed is never tried again and believed: the kernel may have
 * dropped the dirty pages (the caller discards or stops).
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
/* Makes the last component with this mode; one that is there is fine if it is a
 * directory.  *made (may be NULL) tells; the parent is synced when made. */
int fs_make_dir(const char *path, mode_t mode, bool *made, struct err *e);
int fs_make_dir_at(int dir, const char *name, mode_t mode, bool *made,
		   struct err *e);
/* All components, as for a state directory (0700). */
int fs_make_path(const char *path, mode_t mode, struct err *e);
bool fs_is_there(const char *path);
bool fs_is_there_at(int dir, const char *name);
/* Calls `each` for every entry but "." and ".."; a non-zero answer ends it and
 * is an error that `each` has set. */
int fs_list(int dir, int (*each)(void *arg, const char *name, struct err *e),
	    void *arg, struct err *e);

/* --- files --- */
/* New, write-only, O_EXCL | O_NOFOLLOW; an existing name is an error
 * (EEXIST). */
int fs_create_at(int dir, const char *name, mode_t mode, int *fd,
		 struct err *e);
int fs_open_at(int dir, const char *name, int *fd, struct err *e);
/* For reading and writing in place; a FIFO does not hang. */
int fs_open_update_at(int dir, const char *name, int *fd, struct err *e);
/* Nameless, read-write, in the directory `path`, mode 0600.  Where there is no
 * such thing it has `name` for a moment, and takes the place of what a killed
 * run has left of that. */
int fs_temp(const char *path, const char *name, int *fd, struct err *e);
/* A file in memory with these bytes, which nobody can change any more, at its
 * start; *fd is the caller's.  False, with *fd -1, where there is no such
 * thing, or no room. */
bool fs_memory(int *fd, const void *bytes, size_t size);
/* The rest of a regular file, `what` in error texts; a NUL in it, a directory,
 * or more than max bytes is an error. */
int fs_read_fd(int fd, const char *what, size_t max, struct buf *out,
	       struct err *e);
/* Does the file behind fd keep a secret: regular, owned by us or root, no
 * permission for group and others? */
bool fs_is_private(int fd);

int fs_write(int fd, const void *bytes, size_t size, struct err *e);
int fs_write_at(int fd, const void *bytes, size_t size, off_t at,
		struct err *e);
/* A hint: the disk may begin with these bytes of the file (size 0: to its end).
 * Says nothing about whether they get there; a sync does. */
void fs_start_writing(int fd, off_t from, off_t size);
/* Reads until size bytes or end of file; *got tells. */
int fs_read_at(int fd, void *out, size_t size, off_t at, size_t *got,
	       struct err *e);
/* Writes `size` bytes from `at` (or what there is of them) over themselves.
 * What a failed sync was to cover the system may hold for clean, and no later
 * sync writes it; a sync behind this does. */
int fs_write_anew(int fd, off_t at, uint64_t size, struct err *e);
int fs_truncate(int fd, off_t size, struct err *e);
/* Checked: a close may report a failed write.  *fd becomes -1 in any case. */
int fs_close(int *fd, struct err *e);
/* Unchecked, for what was only read or is thrown away; accepts -1. */
void fs_drop(int *fd);

/* --- names --- */
/* Atomic; an existing target is never overwritten (EEXIST). */
int fs_rename_at(int from_dir, const char *from, int to_dir, const char *to,
		 struct err *e);
/* A name that is not there is fine. */
int fs_remove_at(int dir, const char *name, struct err *e);

/* --- durability --- */
/* Data and metadata of one file; or the entries of a directory. */
int fs_sync(int fd, const char *what, struct err *e);
/* The entries of the directory `path`. */
int fs_sync_dir(const char *path, struct err *e);
/* The directories that `path`, which is absolute, lies in: a run that was
 * killed may have made them and not synced them.  Those that we may not read
 * are not ours to sync. */
int fs_sync_parents(const char *path, struct err *e);
/* All `count` open files of one file system, and `dir` on it, with few waits
 * for the disk: one, where little of other programs waits to be written and the
 * file system can be trusted with it; else up to 32 files at a time, by threads
 * that end before it returns.  After success every byte written to them and
 * every entry of `dir` survives a power cut.  A file whose sync failed may not
 * be the only one that is not durable. */
int fs_sync_all(int dir, const int fds[], size_t count, struct err *e);
/* Free bytes for us where fd lies; UINT64_MAX when the system does not say. */
uint64_t fs_free_bytes(int fd);

/* --- paths --- */
/* "~" and "~user" at the start, and a path relative to `base` (a directory, may
 * be NULL) made absolute.  Owned by the caller.  NULL with ERR_CONFIG when the
 * user is unknown or HOME is not to be had. */
char *fs_expand(const char *path, const char *base, struct err *e);
/* The home directory: $HOME if absolute, else the password database; borrowed,
 * NULL if there is none. */
const char *fs_home(void);

#endif
