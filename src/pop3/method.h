/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The login methods, one row each.  Everything that the program knows of a
 * method is in its row: the configuration reads the word, capa the name, auth
 * the rest.  A new SASL mechanism is a row, and a file with its step (sasl.h).
 *
 * AUTH_AUTO tries mechanisms in the order of the rows (auth.h).
 */
#ifndef POP3_METHOD_H
#define POP3_METHOD_H

#include <stdbool.h>

#include "pop3/sasl.h"

/* The numbers of the rows that code names.  A row behind them needs no
 * constant; one among them takes its place here too. */
enum auth_method {
	AUTH_AUTO,
	AUTH_USER,
	AUTH_PLAIN,
	AUTH_LOGIN,
	AUTH_APOP,
	AUTH_XOAUTH2,
	AUTH_OAUTHBEARER
};

enum { METHOD_MAX = 32 }; /* rows; each is a bit of struct capa */

struct method {
	const char *word; /* of the option `auth` */
	const char *name; /* in SASL; it and step are NULL outside SASL */
	sasl_step *step;
	/* Called by auth.c when the exchange is over, with the state that the
	 * step has left in it; NULL if the step keeps none. */
	void (*free_state)(void *state);
	bool is_whole;	   /* AUTH may carry its one and only answer */
	bool hides_secret; /* an eavesdropper learns no secret */
	bool is_oauth;	   /* wants a token; AUTH_AUTO never takes it */
};

/* Ends with a row without a word. */
extern const struct method method_table[];

#endif
