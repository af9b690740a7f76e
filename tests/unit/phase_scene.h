/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A session without processes, for tests of its phases: what the courier will answer is
 * put into the link beforehand, a phase runs, and then the test looks at what was asked
 * for, at the rows, and at what people were told.
 *
 *	scene_row ...		what is on record
 *	scene_list ...		what the server lists; scene_mailbox
 *	scene_answer ...	then run a phase
 *	scene_assert_asked	"TOP 1, TOP 3, RETR 2"; scene_assert_told
 *
 * Everything lies in a directory of the test's own.  Answers must fit a pipe: some ten
 * kilobytes.
 */
#ifndef TESTS_PHASE_SCENE_H
#define TESTS_PHASE_SCENE_H

#include "session/phase.h"

enum { SCENE_DAY = 86400 };

struct scene {
	char dir[64];
	char *maildir, *db;
	struct link *courier; /* the courier's end */
	struct link *keeper, *report, *parent;
	struct listing *listing;
	struct server server;
	struct keeper_settings keeper_settings;
	struct session_settings settings;
	struct report_result result;
	struct session session;
	char *told; /* all lines so far, each with its '\n' */
	struct err e;
};

/* For cmocka: *state becomes the scene: a Maildir, keep = "forever", SESSION_FETCH, a
 * server with TOP and PIPELINING, an empty state. */
int scene_set_up(void **state);
int scene_tear_down(void **state);

/* --- what there is --- */

/* A row on record, delivered so many days ago: with the digest of this header (NULL:
 * none), and octets (0: by TOP).  Its id.  Before scene_mailbox. */
int64_t scene_row(struct scene *x, const char *uid, int64_t size,
		  const char *header, int64_t octets, int64_t days_ago);
/* A message that the server lists, numbers from 1 on; size -1: not told. */
void scene_list(struct scene *x, const char *uid, int64_t size);
/* Makes session.mailbox of both, decided by the settings' rules, at the clock of now. */
void scene_mailbox(struct scene *x);
/* The same, of the listing itself, with whatever is odd in it; STAT says 0. */
void scene_mailbox_as_listed(struct scene *x);

/* --- what the courier will say --- */

/* Any record. */
void scene_answer(struct scene *x, enum link_type type, uint32_t number,
		  int64_t value, const char *text);
/* LINK_CHUNK and LINK_END: a message, or a header, with LF line ends.  octets: as RETR
 * counts them; -1: as CRLF line ends make it. */
void scene_message(struct scene *x, uint32_t number, const char *text,
		   int64_t octets);
void scene_refuse(struct scene *x, uint32_t number, enum err_kind kind,
		  const char *why);
/* GO's answer: facts, STAT, and the uids of what is listed. */
void scene_listing(struct scene *x);

/* --- what came of it --- */

/* All orders since the last call, such as "GO, LIST 2, TOP 1, RETR 1, DELE 1, QUIT". */
void scene_assert_asked(struct scene *x, const char *expected);
/* Is this part of a line in what people were told (any level, log and errors
 * included)? */
bool scene_was_told(struct scene *x, const char *part);
/* The row of this id, as the database has it now. */
struct store_row scene_row_now(struct scene *x, int64_t id);
size_t scene_row_count(struct scene *x);
/* Messages in the Maildir's new/. */
size_t scene_delivered(struct scene *x);

/* --- facts and headers --- */

/* LINK_FACTS of session.facts, which begins GO's answer: for a test that gives the rest of
 * it record by record. */
void scene_facts(struct scene *x);
/* A fact of the state; 0: there is none. */
int64_t scene_fact(struct scene *x, const char *name);
void scene_set_fact(struct scene *x, const char *name, int64_t value);
void scene_digest(const char *header, uint8_t digest[DIGEST_SHA256_SIZE]);
/* Is it this header whose digest the row has? */
bool scene_has_header(struct scene *x, int64_t id, const char *header);
/* The id of the last row with this uid, or 0. */
int64_t scene_row_of(struct scene *x, const char *uid);
/* A row of one that was set aside, and is due in so many hours.  Its id. */
int64_t scene_aside(struct scene *x, const char *uid, int64_t size,
		    int64_t hours);

#endif
