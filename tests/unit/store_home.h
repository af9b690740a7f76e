/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A directory for each test of the state database.
 */
#ifndef TESTS_STORE_HOME_H
#define TESTS_STORE_HOME_H

#include <stddef.h>
#include <stdint.h>

#include "state/store.h"

struct home {
	char *dir;
	char *db;  /* dir/a.db */
	char *wal; /* dir/a.db-wal */
};

/* Set-up and tear-down of a test: *state is the struct home. */
int home_make(void **state);
int home_remove(void **state);

/* dir/name, owned by the caller. */
char *home_path(const struct home *h, const char *name);
/* Entries in the directory. */
size_t home_count(const struct home *h);
/* Removes what is in the directory. */
void home_clear(const struct home *h);

/* a.db, made when needed; a failure fails the test. */
struct store *home_open(const struct home *h);
void home_reopen(const struct home *h, struct store **s);

/* Steps in it; a failure fails the test.  uid is a C string, digest may be NULL. */
struct store_message home_message(const char *uid, int64_t size,
				  const uint8_t *digest);
void home_begin(struct store *s); /* durable */
void home_commit(struct store *s);
void home_add_delivered(struct store *s, const char *uid, int64_t size,
			const uint8_t *digest, int64_t when);
struct store_rows *home_load(struct store *s);
/* The only row there is; its uid lasts until the next call. */
struct store_row home_only_row(struct store *s);

/* Whole files; NULL and 0 for one that is not there. */
struct file {
	uint8_t *bytes;
	size_t size;
};
struct file file_read(const char *path);
void file_write(const char *path, const void *bytes, size_t size);
void file_free(struct file *f);

#endif
