/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For connection.c: which way to log in is tried next, when a server has not
 * judged the secret but the way.
 *
 * A way is a mechanism, and PLAIN in one line is a way of its own (auth.h).
 * One that a server does not understand is followed by the next, on the same
 * line where that is possible.  A server that closes the line in place of an
 * answer may have refused the login all the same: then one more way is tried,
 * on a new line, and in the next run one after that.  When three ways were, and
 * none is left, or three runs ended so, this counts as a refused login, so that
 * no account is locked by endless tries; but a line that breaks once or twice
 * is just a line that breaks.  What is no reply of POP3 is followed in the same
 * way, and never counts as refused.
 *
 * What a server has made of the ways is remembered from run to run, as a number
 * that says something to this file alone; so the next run begins with what has
 * worked.
 */
#ifndef COURIER_LOGIN_H
#define COURIER_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "pop3/auth.h"

struct login {
	uint32_t unfit;	 /* auth_settings.unfit */
	uint32_t closed; /* how many runs in a row ended with a line that was
			    closed in place of an answer */
	bool is_closed;	 /* this one may be one of them */
};

/* `option` is the method of the configuration: what was remembered under
 * another one counts for nothing, and neither does 0. */
void login_recall(struct login *l, int64_t number, enum auth_method option);
int64_t login_number(const struct login *l, enum auth_method option);

/* A login that has failed. */
struct login_try {
	const struct pop3 *pop3;
	const struct auth_settings *settings;
	enum auth_method used;
	bool whole;
	bool is_sent;	  /* auth_send went well */
	size_t secrets;	  /* pop3_secrets behind it */
	bool is_first;	  /* on its line */
	bool has_company; /* commands were sent along with it */
	bool is_sure;	  /* it relied on nothing that was remembered */
};

enum login_next {
	LOGIN_OVER, /* *e is what the login ends with */
	LOGIN_SAME_LINE,
	LOGIN_NEW_LINE /* needs another connection */
};

/* *e is what auth_receive has said; it may become ERR_LOGIN, and gets what
 * helps people. */
enum login_next login_failed(struct login *l, const struct login_try *t,
			     struct err *e);
/* Call the first after a login that went well; the second when the run is over
 * without one, whatever the reason: *e may become ERR_LOGIN. */
void login_worked(struct login *l);
void login_over(struct login *l, struct err *e);

#endif
