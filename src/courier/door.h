/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * For connection.c: is this the right door?  The commonest mistake with a new
 * account is the port of one kind of TLS with the other kind.
 *
 * A port where TLS comes first says nothing to those who wait for a greeting
 * in the clear, and waits for them.  So after two seconds of that silence it
 * is asked in TLS as well, on a connection of its own (net/probe.h), once a
 * session.  Meanwhile, and after an answer that is none, the first connection
 * is waited for as before: a slow server loses nothing.  After an answer in TLS
 * it has eight seconds in all, or half of `timeout`, since a port may speak
 * both.
 */
#ifndef COURIER_DOOR_H
#define COURIER_DOOR_H

#include "base/err.h"
#include "courier/connection.h"

/* Waits on a new connection in the clear, of which nothing has been read, until
 * something has come, or `timeout` is over (ERR_NETWORK), or it is known that
 * the port is the wrong one (ERR_TLS, ERR_PROTOCOL): the error names what to
 * change.  Where a server of this name, port and kind of TLS has greeted a
 * session before that went well (facts_go.was_greeted), it does nothing. */
int door_wait(struct connection *c, int fd, struct err *e);

/* Adds the usual ports to the error of a greeting that did not come, where the
 * account has another one. */
void door_add_ports(const struct server *server, struct err *e);

#endif
