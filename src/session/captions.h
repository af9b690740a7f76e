/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The captions of messages that are on their way to the destination, until what
 * became of them is on record: for a person at a terminal, if one looks
 * (session_settings), and for the error of a program that does not take one,
 * since number and uid alone tell nobody which mail it is.  They go to nobody
 * but the parent, and neither into the log nor into the state.
 */
#ifndef SESSION_CAPTIONS_H
#define SESSION_CAPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "link/report.h"
#include "message/header.h"

/* Of more the oldest are forgotten; no batch has as many. */
enum { CAPTIONS_MAX = 512 };

struct captions {
	struct caption_of *first; /* in order of their coming */
	size_t count;
};
#define CAPTIONS_NONE ((struct captions){ .first = NULL })

/* In place of what was there of this entry of the mailbox. */
void captions_add(struct captions *c, size_t entry, const struct header *h);
/* Reports that the message of this entry and number is delivered, and forgets
 * its caption; false if there is none, or it has neither sender nor subject. */
bool captions_tell(struct captions *c, size_t entry, uint32_t number,
		   struct link *report);
/* " from jane@example.org, "Subject"", safe to show, or ""; borrowed. */
const char *captions_about(struct captions *c, size_t entry);
void captions_forget(struct captions *c, size_t entry);
void captions_clear(struct captions *c);

#endif
