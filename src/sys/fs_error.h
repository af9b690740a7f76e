/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of sys/fs.h share; for them alone. */
#ifndef SYS_FS_ERROR_H
#define SYS_FS_ERROR_H

#include <sys/types.h>

#include "base/err.h"

enum { FS_SHOWN_MAX = 400 };

/* The path behind a descriptor where the system tells, for texts only. */
const char *fs_shown(char out[FS_SHOWN_MAX], int fd);

/* "cannot VERB 'PATH': ..." with the current errno. */
int fs_fail(struct err *e, const char *verb, int fd);
int fs_fail_at(struct err *e, enum err_kind kind, const char *verb, int dir,
	       const char *name);

/* openat, close-on-exec, past EINTR. */
int fs_open_retry(int dir, const char *name, int flags, mode_t mode);

#endif
