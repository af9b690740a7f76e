/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* One account as the configuration describes it. */
#include "config.h"

#include "config/account.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/conf_option.h"
#include "config/credential.h"
#include "sys/fs.h"

enum { PASSWORD_FILE_MAX = 256 * 1024, STATE_FILE_MAX = 200 };

void
account_free(struct account *a)
{
	conf_option_free(a, true);
	free(a->name);
	free(a->keeper.account.state_file);
	free(a->keeper.account.old_state_file);
	free(a->keeper.account.fingerprint);
	memset(a, 0, sizeof(*a));
}

char *
account_state_name(const struct account *a)
{
	char *host = mem_string(a->server.host), *name;
	bool literal = strchr(host, ':');

	text_lower(host);
	if (a->server.port == 110 || a->server.port == 995)
		name = mem_format("%s@%s", a->server.user, host);
	else
		name = mem_format(literal ? "%s@[%s]:%u" : "%s@%s:%u",
				  a->server.user, host, a->server.port);
	free(host);
	return name;
}

/* The end of a long name gives way to a digest of the whole name. */
static char *
shorten(const char *name, size_t size)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];

	digest_sha256(name, size, digest);
	text_hex(hex, digest, sizeof(digest));
	return mem_format("%.*s-%s", STATE_FILE_MAX - (int)sizeof(hex), name,
			  hex);
}

char *
account_state_file(const struct account *a)
{
	char *name = a->state ? mem_string(a->state) : account_state_name(a);
	struct buf encoded;
	char *file;

	buf_init(&encoded, SIZE_MAX);
	(void)text_percent(&encoded, name);
	file = encoded.len > STATE_FILE_MAX
		       ? shorten(buf_text(&encoded), encoded.len)
		       : mem_string(buf_text(&encoded));
	buf_free(&encoded);
	free(name);
	return file;
}

/* Takes the first line, without its line end, as the password. */
static int
take_line(struct account *a, const struct buf *file, struct err *e)
{
	size_t start = text_mark_size(file->data, file->len), end = start;

	while (end < file->len && file->data[end] != '\n')
		end++;
	if (end > start && file->data[end - 1] == '\r')
		end--;
	if (end == start)
		return err_set(e, ERR_CONFIG,
			       "option 'password_file': the "
			       "first line of '%s' is empty",
			       a->password_file);
	a->courier.password = secret_new(file->data + start, end - start);
	return 0;
}

static int
read_password(struct account *a, int fd, struct err *e)
{
	struct buf file;
	int rc = -1;

	buf_init(&file, PASSWORD_FILE_MAX);
	if (fs_read_fd(fd, a->password_file, PASSWORD_FILE_MAX, &file, e) != 0)
		e->kind = ERR_CONFIG;
	else if (credential_check(fd, a->password_file, e) != 0)
		err_context(e, "option 'password_file'");
	else
		rc = take_line(a, &file, e);
	buf_free(&file);
	return rc;
}

int
account_read_password(struct account *a, struct err *e)
{
	int fd, rc;

	if (a->courier.password || !a->password_file)
		return 0;
	if (credential_is(a->password_file))
		return err_set(e, ERR_CONFIG,
			       "option 'password_file': '%s' needs "
			       "CREDENTIALS_DIRECTORY in the environment, as "
			       "systemd sets it for a service with "
			       "LoadCredential=",
			       a->password_file);
	/* Without O_NONBLOCK, a FIFO would hang here before it is refused. */
	fd = open(a->password_file,
		  O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		fs_fail_path(e, ERR_CONFIG, "read", a->password_file);
		return err_context(e, "option 'password_file'");
	}
	rc = read_password(a, fd, e);
	fs_drop(&fd);
	return rc;
}
