/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What the words of a refusal mean, where no response code says it: pure
 * functions over its text, for reply.c and auth.c.
 *
 * Few servers have response codes, and what they say is written for people, in
 * the languages of their users.  Only words that are certain count; a text that
 * none of them fits says nothing.
 */
#ifndef POP3_WORDS_H
#define POP3_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* In the order in which they count, where a text has words of several kinds: a
 * server that calls the password wrong may add that it was tried too often. */
enum words_meaning {
	WORDS_WRONG_LOGIN,    /* the user or the secret is wrong */
	WORDS_NO_MECHANISM,   /* this way to log in is not to be had */
	WORDS_NOT_UNDERSTOOD, /* the command, or its form, is not known */
	WORDS_TROUBLE,	      /* the server cannot for now; it will pass */
	WORDS_NONE
};

/* ASCII letters match in either case, and words as a whole: neither "unlimited"
 * nor the user "busy@example.org" tells of a limit or a busy server. */
enum words_meaning words_meaning(const uint8_t *text, size_t size);

#endif
