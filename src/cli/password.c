/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/password.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/netrc.h"
#include "sys/fs.h"

static int
look_in_netrc(struct account *a, struct err *e)
{
	char *path;
	int rc;

	if (!fs_home())
		return 0;
	path = mem_format("%s/.netrc", fs_home());
	rc = netrc_password(path, a->server.host, a->server.user,
			    &a->courier.password, e);
	free(path);
	return rc;
}

static int
ask(struct account *a, struct progress *p, struct err *e)
{
	char *prompt =
		mem_format("Password of %s (account %s, %s): ", a->server.user,
			   a->name, a->server.host);
	bool answered = progress_ask(p, prompt, false, CLOCK_NEVER,
				     &a->courier.password);

	free(prompt);
	if (answered)
		return 0;
	return err_set(e, ERR_CONFIG,
		       "no password: set password, "
		       "password_file or password_command, or add it to "
		       "~/.netrc");
}

int
password_find(struct account *a, struct progress *p, struct err *e)
{
	if (a->courier.password || a->courier.password_command)
		return 0;
	if (a->password_file)
		return account_read_password(a, e);
	if (look_in_netrc(a, e) != 0)
		return -1;
	return a->courier.password ? 0 : ask(a, p, e);
}
