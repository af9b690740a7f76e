/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What a keeper tells the parent, over a link of its own: lines for people,
 * progress, lines for the delivery log, errors, and in the end the result.  The
 * parent alone writes to the terminal and the log.
 */
#ifndef LINK_REPORT_H
#define LINK_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "link/link.h"

enum report_type {
	REPORT_LINE = LINK_REPORT, /* value: enum report_level */
	REPORT_PHASE,		   /* payload: words for the bar */
	REPORT_PROGRESS,	   /* report_read_progress */
	REPORT_LOG,		   /* payload: a line for the log */
	REPORT_ERROR,		   /* value: enum err_kind; number 1: folded,
				      shown only with -v or on a terminal */
	REPORT_MESSAGE,		   /* number: of one that is delivered,
				      report_read_message; for a terminal alone,
				      if it is wanted, instead of a line */
	REPORT_ITEM,		   /* report_read_item */
	REPORT_ASK,		   /* payload: a question, which the parent
				      answers by REPORT_REPLY; value: until when
				      (clock_ms) */
	REPORT_RESULT,		   /* report_read_result; comes last */

	/* parent to keeper */
	REPORT_REPLY /* value: enum report_reply */
};

/* What people say to a question. */
enum report_reply {
	REPORT_NOTHING,	 /* they were interrupted, or are not there */
	REPORT_TOO_LATE, /* they have said nothing until then */
	REPORT_NO,
	REPORT_YES
};

/* Who is to see a line. */
enum report_level {
	REPORT_WARNING,	 /* on standard error, unless -q */
	REPORT_ANSWER,	 /* what was asked for (-n, --check), unless -q */
	REPORT_SUMMARY,	 /* for people at a terminal, and with -v */
	REPORT_VERBOSE,	 /* with -v */
	REPORT_PROTOCOL, /* with -vv */
	REPORT_TROUBLE,	 /* on standard error */
	REPORT_SAID /* by a program: on standard error, for people at a terminal
		       and with -v */
};

struct report_progress {
	uint64_t messages, messages_total, bytes, bytes_total;
};

struct report_result {
	uint64_t new_messages; /* to be fetched, for --check */
	uint64_t fetched, deleted, kept, failed;
	uint64_t bytes;	   /* of messages that came */
	bool is_logged_in; /* the server has taken the login */
	bool is_listed;	   /* the server has listed its messages */
	bool is_again; /* a session of their own is wanted for messages at which
			  one broke before */
	bool is_limited; /* the server gives no more for now */
};

enum { REPORT_FIELD_MAX = 512 };

/* What a message is called by: safe to show, "" where there is none. */
struct report_message {
	char sender[REPORT_FIELD_MAX], subject[REPORT_FIELD_MAX];
};

/* A message for --list and --delete.  All texts are safe to show, and cut where
 * they would be too long for a record. */
struct report_item {
	uint32_t number;
	int64_t size; /* -1: unknown */
	char *uid;    /* as --uid takes it; owned by its maker */
	char *state;  /* in words; the same */
	char *error;  /* why it has failed, "" if it has not; the same */
	/* As the header has them, "" if it has none or could not be had. */
	char date[REPORT_FIELD_MAX];
	char from[REPORT_FIELD_MAX];
	char subject[REPORT_FIELD_MAX];
};

/* A phase, an error and the result are sent at once; the rest is gathered. */
void report_line(struct link *l, enum report_level level, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));
void report_log(struct link *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void report_phase(struct link *l, const char *phase);
void report_progress(struct link *l, const struct report_progress *p);
void report_message(struct link *l, uint32_t number, const char *sender,
		    const char *subject);
void report_error(struct link *l, const struct err *e, bool folded);
void report_result(struct link *l, const struct report_result *r);
void report_item(struct link *l, const struct report_item *item);
/* Asks the parent, which keeps the deadline; so does this, a little later, lest
 * the parent be stopped. */
int report_ask(struct link *l, const char *question, int64_t deadline,
	       enum report_reply *reply, struct err *e);
/* For the parent: the strings of *item are owned by the caller, also after a
 * failure. */
bool report_read_item(const struct link_record *r, struct report_item *item);
/* For the parent: false when the record is malformed. */
bool report_read_progress(const struct link_record *r,
			  struct report_progress *p);
bool report_read_message(const struct link_record *r, struct report_message *m);
bool report_read_result(const struct link_record *r, struct report_result *p);
/* Sends what is gathered; that the parent is gone is no error here. */
void report_flush(struct link *l);

#endif
