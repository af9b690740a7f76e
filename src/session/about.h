/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Who messages are from, and what their subjects are, as long as they are with
 * a program that may refuse them: number and uid alone tell nobody which mail
 * it is.  It is for people only, and gets neither into the log nor into the
 * state.
 */
#ifndef SESSION_ABOUT_H
#define SESSION_ABOUT_H

#include <stddef.h>

struct about {
	size_t entry;
	char *text;
};

struct abouts {
	struct about *at;
	size_t count, room;
};
#define ABOUTS_NONE ((struct abouts){ .count = 0 })

/* Subject and sender may be long; both are cut. */
void abouts_note(struct abouts *a, size_t entry, const char *sender,
		 const char *subject);
void abouts_forget(struct abouts *a, size_t entry);
/* " from jane@example.org, "Subject"", safe to show, or ""; borrowed. */
const char *abouts_of(const struct abouts *a, size_t entry);
void abouts_end(struct abouts *a);

#endif
