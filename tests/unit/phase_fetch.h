/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What tests of a scene need that fetch: messages as large as they are listed,
 * the steps of a fetch, programs that take the mail, and what became of each
 * message.
 */
#ifndef TESTS_PHASE_FETCH_H
#define TESTS_PHASE_FETCH_H

#include "keeper/retrieve.h"
#include "phase_scene.h"

/* --- what there is; before scene_mailbox --- */

/* A message set aside so many times, and due.  Its id. */
int64_t fetch_set_aside(struct scene *x, const char *uid, int64_t size,
			unsigned attempts);
/* The octets of a text with LF line ends, as RFC 1939 counts them. */
int64_t fetch_octets(const char *text);
/* scene_list and scene_message of one that is as large as it is listed. */
void fetch_offer(struct scene *x, uint32_t number, const char *uid,
		 const char *text);
/* Mail goes to this shell script, in which $out is what fetch_assert_written
 * reads. */
void fetch_by_program(struct scene *x, const char *body);

/* --- the phase --- */

/* retrieve_open and retrieve_run; it stays open. */
int fetch_begin(struct scene *x, struct retrieve *r);
/* All of it: what retrieve_run returned. */
int fetch_run(struct scene *x);
/* One that fails, and what a session does then: save and blame. */
void fetch_fail(struct scene *x);
/* A stop request as a keeper gets it.  It stays: other tests come first. */
void fetch_stop(void);
/* One that comes when something has been asked for; only behind it come these
 * answers.  Another process sees to that. */
void fetch_stop_when_asked(struct scene *x, void (*answer)(struct scene *));

/* --- what came of it --- */

/* The first row of this uid, as the database has it now; its id is 0 if there
 * is none. */
struct store_row fetch_row(struct scene *x, const char *uid);
/* How often this stands in what people were told. */
size_t fetch_times_told(struct scene *x, const char *part);
void fetch_assert_written(const char *expected);

#endif
