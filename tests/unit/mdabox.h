/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For tests: an MDA that is a shell script, as a target of delivery.  HOME is the test's
 * directory; scripts write to "$HOME/out".
 */
#ifndef TESTS_MDABOX_H
#define TESTS_MDABOX_H

#include "deliver/deliver.h"

enum { MDABOX_NOTES_MAX = 300 };

/* Made anew for each test. */
extern struct mdabox {
	char *spool, *out, *script;
	const char *argv[8];
	struct deliver_target target;
	char *notes[MDABOX_NOTES_MAX]; /* what it has said */
	size_t note_count;
} box;

int mdabox_setup(void **state);
int mdabox_teardown(void **state);

/* The script's text, without its first line. */
void mdabox_script(const char *body);
struct deliver *mdabox_open(void);
/* A complete message of this uid, from joe@example.net, listed with 1234 bytes; the text
 * stands for its header. */
struct deliver_staged *mdabox_stage(struct deliver *d, const char *text,
				    const char *uid);
/* Is there one whose end deliver_tend has not found yet? */
bool mdabox_is_running(const struct deliver *d);
/* Until none runs any more. */
void mdabox_wait(struct deliver *d);
/* Delivers it and waits for the end; why may be NULL. */
enum deliver_outcome mdabox_run(struct deliver *d, struct deliver_staged *s,
				struct err *why);
/* All of this for one message. */
enum deliver_outcome mdabox_run_script(const char *body, const char *text,
				       struct err *why);
/* What is in "$HOME/out". */
void mdabox_expect(const char *text);

#endif
