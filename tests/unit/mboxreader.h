/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For tests: an mbox as a mail reader of the mboxrd variant sees it.  Written after
 * the format's description alone, so that it checks what delivery writes.
 */
#ifndef TESTS_MBOXREADER_H
#define TESTS_MBOXREADER_H

#include <stddef.h>

struct mboxreader {
	struct mboxreader_message {
		char *from_line; /* without its LF */
		char *text;	 /* unquoted; a NUL behind */
		size_t size;
	} * messages;
	size_t count;
};

/* The whole file; what is before its first From_ line fails the test. */
struct mboxreader mboxreader_read(const char *path);
void mboxreader_free(struct mboxreader *r);
/* How many messages have exactly this text. */
size_t mboxreader_count(const struct mboxreader *r, const char *text);

#endif
