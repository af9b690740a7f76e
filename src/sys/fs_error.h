/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What the .c files of sys/fs.h share; for them alone. */
#ifndef SYS_FS_ERROR_H
#define SYS_FS_ERROR_H

#include "base/err.h"

/* "cannot VERB 'PATH': ..." with the current errno. */
int fs_fail(struct err *e, const char *verb, int fd);

#endif
