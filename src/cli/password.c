/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/password.h"

#include <stdlib.h>

#include "base/mem.h"
#include "cli/netrc.h"
#include "sys/fs.h"

static int
password_from_netrc(struct account *a, struct err *e)
{
	char *path;
	int result;

	if (fs_home() == NULL)
		return 0;
	path = mem_format("%s/.netrc", fs_home());
	result = netrc_password(path, a->server.host, a->server.user, &a->courier.password, e);
	free(path);
	return result;
}

static int
password_ask(struct account *a, struct progress *p, struct err *e)
{
	char *prompt = mem_format("Password of %s (account %s, %s): ", a->server.user,
				  a->name, a->server.host);
	bool answered = progress_ask(p, prompt, &a->courier.password);

	free(prompt);
	if (answered)
		return 0;
	return err_set(e, ERR_CONFIG, "no password: set password, "
		       "password_file or password_command, or add it to "
		       "~/.netrc");
}

int
password_find(struct account *a, struct progress *p, struct err *e)
{
	if (a->courier.password != NULL || a->courier.password_command != NULL)
		return 0;
	if (a->password_file != NULL)
		return account_read_password(a, e);
	if (password_from_netrc(a, e) == -1)
		return -1;
	return a->courier.password != NULL ? 0 : password_ask(a, p, e);
}
