/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A courier without a server, for tests of the keeper's side: a forked process that
 * answers orders from a mailbox in memory shared with the test.
 */
#ifndef TESTS_FAKE_COURIER_H
#define TESTS_FAKE_COURIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/link.h"

enum { FAKE_MESSAGES_MAX = 8, FAKE_TEXT_MAX = 256 };

struct fake_message {
	char uid[64];
	char text[FAKE_TEXT_MAX]; /* LF line ends */
	int64_t size;		  /* as listed */
	bool refused;		  /* RETR answers -ERR */
	bool dies;		  /* the courier dies in its middle */
	bool lies;		  /* chunks come under another number */
	bool deleted;		  /* after QUIT */
	unsigned retrs, tops;	  /* how often it was asked for */
};

struct fake_mailbox {
	struct fake_message message[FAKE_MESSAGES_MAX];
	size_t count;
	bool no_uidl, no_top;
	int64_t expire_days; /* as struct facts */
	bool refuses_login;
	bool is_in_trouble;		/* and puts logins off */
	unsigned logins;		/* GO orders */
	bool has_quit;			/* QUIT has come */
	unsigned lists;			/* LIST orders */
	bool marked[FAKE_MESSAGES_MAX]; /* DELE since the start */
};

/* Shared memory; a process sees what another writes. */
struct fake_mailbox *fake_mailbox_new(void);
void fake_mailbox_free(struct fake_mailbox *m);
/* Adds one; its size is that of the text. */
struct fake_message *fake_mailbox_add(struct fake_mailbox *m, const char *uid,
				      const char *text);

/* Forks it; gives the keeper's end of the link.  It ends with the link or after
 * QUIT. */
pid_t fake_courier_start(struct fake_mailbox *m, struct link **keeper);

#endif
