/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Passwords from ~/.netrc. */
#include "config.h"

#include "cli/netrc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "sys/fs.h"

enum { FILE_MAX = 1024 * 1024 };

/* Reading goes on from p; the last word is in `word`, without quotes. */
struct netrc_scan {
	const char *p, *end;
	struct buf word;
};

/* The entry that is being read, and what is looked for. */
struct netrc_entry {
	const char *host, *user;
	bool is_open; /* a machine or default has begun */
	bool host_fits, login_fits;
	bool has_password;
	struct buf password;
	struct secret *found;
	bool any_password; /* of whatever entry */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void
skip_blanks(struct netrc_scan *s)
{
	while (s->p < s->end && is_blank(*s->p))
		s->p++;
}

/* A quote inside of a word is a part of it. */
static bool
next_word(struct netrc_scan *s)
{
	bool quoted;

	skip_blanks(s);
	buf_clear(&s->word);
	if (s->p == s->end)
		return false;
	quoted = *s->p == '"';
	s->p += quoted;
	while (s->p < s->end && (quoted ? *s->p != '"' : !is_blank(*s->p))) {
		if (*s->p == '\\' && s->p + 1 < s->end)
			s->p++;
		(void)buf_byte(&s->word, (uint8_t)*s->p++);
	}
	if (quoted && s->p < s->end)
		s->p++;
	return true;
}

static bool
word_is(const struct netrc_scan *s, const char *word)
{
	return text_is_word(s->word.data, s->word.len, word);
}

static void
skip_line(struct netrc_scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		s->p++;
}

/* A macro goes on to the first empty line. */
static void
skip_macro(struct netrc_scan *s)
{
	while (s->p < s->end) {
		skip_line(s);
		s->p += s->p < s->end;
		if (s->p < s->end && *s->p == '\r')
			s->p++;
		if (s->p < s->end && *s->p == '\n')
			return;
	}
}

static void
end_entry(struct netrc_entry *entry)
{
	if (entry->is_open && entry->host_fits && entry->login_fits &&
	    entry->has_password && !entry->found)
		entry->found =
			secret_new(entry->password.data, entry->password.len);
	buf_free(&entry->password);
	entry->has_password = false;
}

static void
begin_entry(struct netrc_entry *entry, bool host_fits)
{
	end_entry(entry);
	entry->is_open = true;
	entry->host_fits = host_fits;
	entry->login_fits = true; /* unless it names another */
}

static void
take_password(struct netrc_scan *s, struct netrc_entry *entry)
{
	if (!next_word(s))
		return;
	entry->any_password = true;
	entry->has_password = s->word.len > 0;
	buf_clear(&entry->password);
	(void)buf_append(&entry->password, s->word.data, s->word.len);
}

static void
take_login(struct netrc_scan *s, struct netrc_entry *entry)
{
	if (next_word(s))
		entry->login_fits =
			s->word.len == strlen(entry->user) &&
			memcmp(s->word.data, entry->user, s->word.len) == 0;
}

static bool
is_host(const struct netrc_scan *s, const char *host)
{
	size_t size = strlen(host);

	if (text_is_word(s->word.data, s->word.len, host))
		return true;
	/* a name may end with a dot */
	if (s->word.len == size + 1 && s->word.data[size] == '.')
		return text_is_word(s->word.data, size, host);
	/* an IPv6 address may stand in brackets */
	return s->word.len == size + 2 && s->word.data[0] == '[' &&
	       s->word.data[size + 1] == ']' &&
	       text_is_word(s->word.data + 1, size, host);
}

/* Words that are not known are passed over, as ftp(1) does. */
static void
take_word(struct netrc_scan *s, struct netrc_entry *entry)
{
	if (word_is(s, "machine")) {
		if (next_word(s))
			begin_entry(entry, is_host(s, entry->host));
	} else if (word_is(s, "default")) {
		begin_entry(entry, true);
	} else if (word_is(s, "login") || word_is(s, "user")) {
		take_login(s, entry);
	} else if (word_is(s, "password") || word_is(s, "passwd")) {
		take_password(s, entry);
	} else if (word_is(s, "account")) {
		(void)next_word(s);
	} else if (word_is(s, "macdef")) {
		skip_macro(s);
	} else if (s->word.len > 0 && s->word.data[0] == '#') {
		skip_line(s);
	}
}

static void
find_password(const struct buf *file, struct netrc_entry *entry)
{
	struct netrc_scan s = { .p = (const char *)file->data };

	s.end = file->len ? s.p + file->len : s.p;
	if (file->len > 0)
		s.p += text_mark_size(file->data, file->len);
	buf_init(&s.word, FILE_MAX);
	buf_init(&entry->password, FILE_MAX);
	while (s.p < s.end && next_word(&s))
		take_word(&s, entry);
	end_entry(entry);
	buf_free(&s.word);
}

static int
read_open_file(int fd, const char *path, struct netrc_entry *entry,
	       struct err *e)
{
	struct buf file;
	int rc;

	buf_init(&file, FILE_MAX);
	rc = fs_read_fd(fd, path, FILE_MAX, &file, e);
	if (rc != 0)
		e->kind = ERR_CONFIG;
	else
		find_password(&file, entry);
	buf_free(&file);
	if (rc == 0 && entry->any_password && !fs_is_private(fd))
		rc = err_set(e, ERR_CONFIG,
			     "other users may read the passwords in '%s': "
			     "make it yours and chmod it to 600",
			     path);
	return rc;
}

int
netrc_password(const char *path, const char *host, const char *user,
	       struct secret **password, struct err *e)
{
	struct netrc_entry entry = { .host = host, .user = user };
	int fd, rc;

	*password = NULL;
	/* Non-blocking, or a FIFO would hang here before it is refused. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return fs_fail_path(e, ERR_CONFIG, "read", path);
	rc = read_open_file(fd, path, &entry, e);
	fs_drop(&fd);
	if (rc != 0)
		secret_free(&entry.found);
	*password = entry.found;
	return rc;
}
