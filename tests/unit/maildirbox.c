/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A Maildir in a test's directory. */
#include "config.h"
#include "maildirbox.h"

#include "scratch.h"

#include <stdlib.h>
#include <sys/stat.h>

struct maildirbox box;

int
maildirbox_setup(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	box.path = scratch_path(*state, "Mail");
	box.cur = scratch_path(box.path, "cur");
	box.fresh = scratch_path(box.path, "new");
	box.tmp = scratch_path(box.path, "tmp");
	box.staging = scratch_path(box.path, "tmp/.popfetch/" MAILDIRBOX_ID);
	box.target = (struct deliver_target){ .kind = DELIVER_MAILDIR,
					      .path = box.path,
					      .account = "work",
					      .user = "jane",
					      .state_id = MAILDIRBOX_ID,
					      .spool = *state };
	return 0;
}

int
maildirbox_teardown(void **state)
{
	free(box.path);
	free(box.cur);
	free(box.fresh);
	free(box.tmp);
	free(box.staging);
	return scratch_teardown(state);
}

struct deliver *
maildirbox_open(void)
{
	struct err e = ERR_INIT;
	struct deliver *d;

	if (deliver_open(&d, &box.target, true, &e) != 0)
		fail_msg("%s", e.text);
	return d;
}

void
maildirbox_make(void)
{
	assert_int_equal(mkdir(box.path, 0700), 0);
	assert_int_equal(mkdir(box.cur, 0700), 0);
	assert_int_equal(mkdir(box.fresh, 0700), 0);
	assert_int_equal(mkdir(box.tmp, 0700), 0);
}
