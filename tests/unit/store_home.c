/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A directory for each test of the state database. */
#include "config.h"
#include "store_home.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/listing.h"

int
home_make(void **state)
{
	const char *base = getenv("TMPDIR");
	struct home *h = calloc(1, sizeof(*h));
	char made[1024], whole[4096];

	snprintf(made, sizeof(made), "%s/popfetch-state-XXXXXX",
		 base ? base : "/tmp");
	if (!mkdtemp(made) || !realpath(made, whole))
		return -1;
	h->dir = strdup(whole);
	h->db = home_path(h, "a.db");
	h->wal = home_path(h, "a.db-wal");
	*state = h;
	return 0;
}

static void
remove_inside(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *x;

	while (d && (x = readdir(d))) {
		char path[4096];

		if (strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, x->d_name);
		if (unlink(path) == 0)
			continue;
		remove_inside(path);
		(void)rmdir(path);
	}
	if (d)
		closedir(d);
}

void
home_clear(const struct home *h)
{
	remove_inside(h->dir);
}

int
home_remove(void **state)
{
	struct home *h = *state;

	home_clear(h);
	(void)rmdir(h->dir);
	free(h->dir);
	free(h->db);
	free(h->wal);
	free(h);
	return 0;
}

char *
home_path(const struct home *h, const char *name)
{
	size_t size = strlen(h->dir) + strlen(name) + 2;
	char *path = malloc(size);

	snprintf(path, size, "%s/%s", h->dir, name);
	return path;
}

size_t
home_count(const struct home *h)
{
	DIR *d = opendir(h->dir);
	size_t count = 0;

	while (readdir(d))
		count++;
	closedir(d);
	return count - 2;
}

struct store *
home_open(const struct home *h)
{
	struct store *s;
	struct err e = ERR_INIT;

	if (store_open(&s, h->db, -1, true, &e) != 0)
		fail_msg("%s", e.text);
	return s;
}

void
home_reopen(const struct home *h, struct store **s)
{
	store_close(s);
	*s = home_open(h);
}

struct store_message
home_message(const char *uid, int64_t size, const uint8_t *digest)
{
	return (struct store_message){
		.uid = (const uint8_t *)uid,
		.uid_size = strlen(uid),
		.size = size,
		.digest = digest,
	};
}

void
home_begin(struct store *s)
{
	struct err e = ERR_INIT;

	if (store_begin(s, STORE_DURABLE, &e) != 0)
		fail_msg("%s", e.text);
}

void
home_commit(struct store *s)
{
	struct err e = ERR_INIT;

	if (store_commit(s, &e) != 0)
		fail_msg("%s", e.text);
}

void
home_add_delivered(struct store *s, const char *uid, int64_t size,
		   const uint8_t *digest, int64_t when)
{
	struct store_message m = home_message(uid, size, digest);
	struct err e = ERR_INIT;

	assert_int_equal(store_add_delivered(s, &m, when, &e), 0);
}

struct store_rows *
home_load(struct store *s)
{
	struct store_rows *rows;
	struct err e = ERR_INIT;

	if (store_load(s, &rows, &e) != 0)
		fail_msg("%s", e.text);
	return rows;
}

/* The only row. */
struct store_row
home_only_row(struct store *s)
{
	static uint8_t uid[LISTING_UID_MOST];
	struct store_rows *rows = home_load(s);
	struct store_row row;

	assert_int_equal(store_rows_count(rows), 1);
	row = store_rows_at(rows, 0);
	assert_true(row.uid_size <= sizeof(uid));
	memcpy(uid, row.uid, row.uid_size);
	row.uid = uid;
	store_rows_free(&rows);
	return row;
}

struct file
file_read(const char *path)
{
	struct file f = { NULL, 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return f;
	assert_int_equal(fstat(fd, &st), 0);
	f.size = (size_t)st.st_size;
	f.bytes = malloc(f.size + 1);
	assert_int_equal(read(fd, f.bytes, f.size), st.st_size);
	close(fd);
	return f;
}

void
file_write(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	assert_int_equal(close(fd), 0);
}

void
file_free(struct file *f)
{
	free(f->bytes);
	f->bytes = NULL;
}
