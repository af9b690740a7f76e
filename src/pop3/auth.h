/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The login: chooses a method and carries it out.
 *
 * No secret travels in the clear unless `may_be_clear` (loopback, or
 * insecure_auth); that is decided in one function just before the first octet
 * of a credential is queued.
 */
#ifndef POP3_AUTH_H
#define POP3_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "pop3/method.h"
#include "pop3/pop3.h"

struct auth_settings {
	enum auth_method method;
	const char *user;	     /* sent unchanged */
	const struct secret *secret; /* password or token */
	const char *host;	     /* for OAUTHBEARER */
	uint16_t port;
	bool encrypted; /* by TLS, and verified */
	bool may_be_clear;
	/* Ways that this server does not understand, which are left out: the
	 * bits that auth_way gives. */
	uint32_t unfit;
};

/*
 * A login has two halves, so that commands can travel in the same flight.
 * auth_send chooses a method, and sends the login if one line holds all of it
 * (*whole: AUTH PLAIN with an initial response); otherwise it sends nothing
 * yet.  auth_receive is always called next and does the rest.  When *whole is
 * true, and the server is known to keep PIPELINING, commands may be queued in
 * between; after a refusal their replies are not worth reading.
 *
 * AUTH_AUTO takes PLAIN if announced, else LOGIN if announced, else USER/PASS
 * (if announced, or without CAPA), else APOP if the greeting has a challenge;
 * on an open connection, on which no secret may travel, it takes APOP alone.
 * It never takes OAuth.
 *
 * A method that the configuration names and the server does not announce is
 * tried all the same when the server announced no SASL list (XOAUTH2,
 * OAUTHBEARER and USER/PASS always are), else it is ERR_UNAVAILABLE.  AUTH_AUTO
 * also tries USER/PASS when no mechanism was announced that popfetch has, and
 * when those that were are unfit.  No second mechanism is tried with a secret
 * that was refused.
 *
 * XOAUTH2 and OAUTHBEARER always take two lines (Exchange Online refuses the
 * one-line form); PLAIN takes one line when it fits in 255 octets and the
 * server has a list of SASL (RFC 2449 section 6.3 makes initial responses part
 * of it).  PASS is sent only after +OK to USER.  A user or password that these
 * lines cannot hold goes by AUTH PLAIN when that is announced, else it is
 * ERR_CONFIG; it is never cut.
 *
 * ERR_LOGIN means that the login was refused ([AUTH], or no code: the text says
 * "login refused", and asks to check user name and password, or for a new token
 * where one was refused); what other codes, and words of trouble, give
 * pop3_session_refusal says.  A mechanism that was refused before
 * anything secret was sent, or was not understood, is ERR_UNAVAILABLE.  It is
 * ERR_CONFIG when no mechanism may be used on this connection, or a part has
 * CR, LF or NUL.  A challenge that is not base64, or has no answer, is answered
 * with "*" and is ERR_PROTOCOL.
 *
 * *used is the method chosen, set before anything is sent.
 */
int auth_send(struct pop3 *p, const struct auth_settings *settings,
	      enum auth_method *used, bool *whole, struct err *e);
int auth_receive(struct pop3 *p, const struct auth_settings *settings,
		 enum auth_method used, bool whole, struct err *e);

/* The bit of a way to log in: the form in one line is a way of its own, which
 * is followed by the same method in two lines. */
uint32_t auth_way(enum auth_method used, bool whole);
/* Is there a way that is not unfit, and allowed on this connection? */
bool auth_has_way(const struct pop3 *p, const struct auth_settings *s);
/* Adds to the text of an error which mechanisms the server offers, and what
 * else may be configured, or asked for (hint.c). */
void auth_add_hint(const struct pop3 *p, const struct auth_settings *s,
		   struct err *e);

/* Does what auth_receive does for a SASL mechanism, which here need not be in
 * the table: sends AUTH, unless the login was sent as a whole, then answers
 * each challenge with a step until the server decides.  The caller has made
 * sure that the secret may travel, and hides it. */
int auth_exchange(struct pop3 *p, const struct method *m,
		  const struct auth_settings *settings, bool whole,
		  struct err *e);

#endif
