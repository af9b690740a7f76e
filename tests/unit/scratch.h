/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For tests that need files: a directory of their own, gone afterwards, and short
 * words for what they do in it.  Everything here fails the test when it fails.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/types.h>

/* cmocka setup and teardown: *state is the directory's path. */
int scratch_setup(void **state);
int scratch_teardown(void **state);
/* Removes what is in it. */
void scratch_empty(const char *dir);

/* Owned by the caller. */
char *scratch_path(const char *dir, const char *name);
/* The whole file and its size, with a NUL behind; owned. */
char *scratch_read(const char *path, size_t *size);
void scratch_write(const char *path, const void *bytes, size_t size);
void scratch_write_text(const char *path, const char *text);
void scratch_append(const char *path, const char *text);
mode_t scratch_mode(const char *path);
bool scratch_is_there(const char *path);

/* The names in a directory, sorted; count 0 also when it is not there. */
struct scratch_names {
	char **list;
	size_t count;
};
struct scratch_names scratch_list(const char *path);
void scratch_names_free(struct scratch_names *n);
size_t scratch_count(const char *path);

#endif
