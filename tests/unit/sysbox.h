/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What the tests of sys share: a directory of its own for each test, which is the working
 * directory while it runs, and the check of an error.
 */
#ifndef TESTS_SYSBOX_H
#define TESTS_SYSBOX_H

#include "base/err.h"

/* For cmocka's setup and teardown: 0, or -1. */
int sysbox_enter(void);
/* Back to where it was, and removes the directory with all that is in it. */
int sysbox_leave(void);

/* rc is -1, and *e, which is cleared, of this kind and errno and names this. */
void sysbox_assert_failed(int rc, struct err *e, enum err_kind kind, int sys,
			  const char *named);

#endif
