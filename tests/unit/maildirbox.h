/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For tests: a Maildir in the test's directory, as a target of delivery.
 */
#ifndef TESTS_MAILDIRBOX_H
#define TESTS_MAILDIRBOX_H

#include "deliver/deliver.h"

#define MAILDIRBOX_ID "0123456789abcdef0123456789abcdef"

/* Paths, made anew for each test; nothing is there at first. */
extern struct maildirbox {
	char *path, *cur, *fresh, *tmp, *staging;
	struct deliver_target target;
} box;

/* cmocka setup and teardown; *state is the test's directory. */
int maildirbox_setup(void **state);
int maildirbox_teardown(void **state);
/* Opens it for delivery, making it if need be. */
struct deliver *maildirbox_open(void);
/* Makes its four directories. */
void maildirbox_make(void);

#endif
