/* SPDX-License-Identifier: GPL-3.0-or-later */
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
};

/*
 * A login in two halves, so that commands can travel in the same flight.
 * auth_send chooses, and sends the login if one line holds all of it (*whole:
 * AUTH PLAIN with an initial response); else nothing is sent yet.  When it is
 * whole, and the server is known to keep PIPELINING, commands may be queued
 * before auth_receive, which is always called next and does the rest; after a
 * refusal their replies are not worth reading.
 *
 * AUTH_AUTO: PLAIN if announced, else LOGIN if announced, else USER/PASS
 * (announced or no CAPA), else APOP if the greeting has a challenge; on an open
 * connection on which no secret may travel APOP alone.  OAuth is never chosen
 * by itself.
 * A method that was named and is not announced is tried all the same when the
 * server announced no SASL list (for XOAUTH2, OAUTHBEARER always), else
 * ERR_UNAVAILABLE; USER/PASS by AUTH_AUTO too, when nothing else was announced.
 * No second mechanism is tried with a secret that was refused.
 *
 * XOAUTH2 and OAUTHBEARER take two lines always (Exchange Online refuses the
 * one-line form); PLAIN one line when it fits in 255 octets and the server has
 * a list of SASL (RFC 2449 section 6.3 makes initial responses part of it).
 * PASS is sent only after +OK to USER.  A user or password that the command
 * lines cannot carry goes by AUTH PLAIN when announced, else ERR_CONFIG; never
 * cut.
 *
 * Errors: ERR_LOGIN refused ([AUTH], or no code: the text says "login refused",
 * and blames the password only when the code is [AUTH]); others as
 * pop3_refusal; a mechanism refused before anything secret was sent:
 * ERR_UNAVAILABLE; ERR_CONFIG no mechanism may be used on this connection, or a
 * part has CR, LF, NUL.
 * A challenge that is not base64, or has no answer, is answered with "*" and is
 * ERR_PROTOCOL.
 * *used is the method chosen, set before anything is sent.
 */
int auth_send(struct pop3 *p, const struct auth_settings *settings,
	      enum auth_method *used, bool *whole, struct err *e);
int auth_receive(struct pop3 *p, const struct auth_settings *settings,
		 enum auth_method used, bool whole, struct err *e);

/* What auth_receive does for a mechanism of SASL, which here need not be in the
 * table: AUTH, unless it was sent as a whole, then a step for each challenge,
 * until the server decides.  The caller has made sure that the secret may
 * travel, and hides it. */
int auth_exchange(struct pop3 *p, const struct method *m,
		  const struct auth_settings *settings, bool whole,
		  struct err *e);

#endif
