/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A directory for a test, and short words for what tests do in it. */
#include "config.h"
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
scratch_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char path[4096];

	snprintf(path, sizeof(path), "%s/popfetch-test-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		return -1;
	*state = strdup(path);
	return 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

void
scratch_empty(const char *dir)
{
	assert_int_equal(nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int
scratch_teardown(void **state)
{
	int rc;

	scratch_empty(*state);
	rc = rmdir(*state);
	free(*state);
	return rc;
}

char *
scratch_path(const char *dir, const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

char *
scratch_read(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *bytes;

	if (fd < 0)
		fail_msg("cannot open %s: %s", path, strerror(errno));
	assert_int_equal(fstat(fd, &st), 0);
	bytes = calloc(1, (size_t)st.st_size + 1);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	if (size)
		*size = (size_t)st.st_size;
	return bytes;
}

static void
put(const char *path, const void *bytes, size_t size, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd < 0)
		fail_msg("cannot write %s: %s", path, strerror(errno));
	if (size > 0)
		assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

void
scratch_write(const char *path, const void *bytes, size_t size)
{
	put(path, bytes, size, O_TRUNC);
}

void
scratch_write_text(const char *path, const char *text)
{
	put(path, text, strlen(text), O_TRUNC);
}

void
scratch_append(const char *path, const char *text)
{
	put(path, text, strlen(text), O_APPEND);
}

mode_t
scratch_mode(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

bool
scratch_is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct scratch_names
scratch_list(const char *path)
{
	struct scratch_names n = { NULL, 0 };
	const struct dirent *entry;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		n.list = realloc(n.list, (n.count + 1) * sizeof(*n.list));
		n.list[n.count++] = strdup(entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (n.count > 0)
		qsort(n.list, n.count, sizeof(*n.list), compare);
	return n;
}

void
scratch_names_free(struct scratch_names *n)
{
	size_t i;

	for (i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
	*n = (struct scratch_names){ NULL, 0 };
}

size_t
scratch_count(const char *path)
{
	struct scratch_names n = scratch_list(path);
	size_t count = n.count;

	scratch_names_free(&n);
	return count;
}
