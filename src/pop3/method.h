/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The methods of login, a row each.  What the program knows of a method stands
 * in its row: the configuration reads the word, capa the name, auth the rest.
 * A new mechanism of SASL is a row, and a file with its step (sasl.h).
 *
 * AUTH_AUTO tries mechanisms in the order of the rows (auth.h).
 */
#ifndef POP3_METHOD_H
#define POP3_METHOD_H

#include <stdbool.h>

#include "pop3/sasl.h"

/* Numbers of rows.  One that no code speaks of needs no constant. */
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
	const char *name; /* in SASL; NULL, like step: not of SASL */
	sasl_step *step;
	void (*free_state)(void *state); /* NULL: the step keeps none */
	bool is_whole;	   /* AUTH may carry its answer, the only one */
	bool hides_secret; /* whoever reads the line learns no secret */
	bool is_oauth;	   /* wants a token; AUTH_AUTO never takes it */
};

/* A row without a word ends it. */
extern const struct method method_table[];

#endif
