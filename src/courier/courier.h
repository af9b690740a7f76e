/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The courier: the process of an account that talks to the server.  It
 * resolves, connects, does TLS, POP3 and the login, and decodes messages; it
 * holds the password and no file but its socket and the link.  It takes orders
 * from the keeper (link.h) and carries them out in order, as many at a time as
 * the server allows.
 *
 * It decides nothing about mail: the keeper decides what to fetch and what to
 * delete.  Every fault, and the end of the link, makes it drop the connection
 * without QUIT, so that the server deletes nothing.
 */
#ifndef COURIER_COURIER_H
#define COURIER_COURIER_H

#include <stdbool.h>

#include "base/secret.h"
#include "link/link.h"
#include "link/server.h"
#include "net/tls.h"
#include "pop3/auth.h"

/* How to connect and log in.  Owned by the account. */
struct courier_settings {
	struct tls_settings tls; /* its server_name is never NULL */
	enum auth_method auth;
	bool insecure_auth;
	bool pipelining;	 /* the option is "auto" */
	struct secret *password; /* NULL: password_command prints it */
	char **password_command; /* NULL-terminated, or NULL */
};

/* The body of the process: returns when the session is over, for whatever
 * reason; takes the link, and wipes the password.  The caller then ends the
 * process. */
void courier_run(const struct server *server, struct courier_settings *set,
		 struct link **link);

#endif
