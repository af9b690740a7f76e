/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A place for the tests of sys. */
#include "config.h"
#include "sysbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

static char place[64];
static int start_dir = -1;

int
sysbox_enter(void)
{
	(void)umask(077);
	strcpy(place, "test-sys-XXXXXX");
	start_dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (start_dir < 0 || !mkdtemp(place) || chdir(place) != 0)
		return -1;
	return 0;
}

int
sysbox_leave(void)
{
	int rc = chmod(".", 0700) || fchdir(start_dir);

	(void)close(start_dir);
	start_dir = -1;
	if (rc != 0)
		return -1;
	scratch_empty(place);
	return rmdir(place);
}

void
sysbox_assert_failed(int rc, struct err *e, enum err_kind kind, int sys,
		     const char *named)
{
	assert_int_equal(rc, -1);
	assert_int_equal(e->kind, kind);
	assert_int_equal(e->sys, sys);
	if (!strstr(e->text, named))
		fail_msg("'%s' does not name '%s'", e->text, named);
	err_clear(e);
}
