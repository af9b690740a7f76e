/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Does TLS answer at a port that says nothing in the clear?
 *
 * A connection of its own, to the address to which another one leads, sends a
 * ClientHello and never anything else.  Of the answer the first bytes are
 * looked at, and that is the end of it: no handshake, no certificate, no
 * secret.  The caller does the waiting, so that it can wait for more than this:
 *
 *	probe_new(fd, name)
 *	poll probe_wants(), then probe_go_on(), until that is not PROBE_WAITS
 *	probe_free(&p)
 */
#ifndef NET_PROBE_H
#define NET_PROBE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe;

enum probe_state {
	PROBE_WAITS,
	PROBE_OVER, /* nobody listens, no answer, or one that says nothing */
	PROBE_TLS,
	PROBE_STRANGER /* another service answered in the clear (stranger.h) */
};

/* `fd` is a connected socket, of which only the other end's address is taken;
 * `name` goes into the ClientHello unless it is an address.  NULL when it
 * cannot be done. */
struct probe *probe_new(int fd, const char *name);
void probe_free(struct probe **p);

/* What has to happen before probe_go_on can do anything. */
struct pollfd probe_wants(const struct probe *p);
/* Goes on without waiting. */
enum probe_state probe_go_on(struct probe *p);
/* Was the ClientHello sent? */
bool probe_is_asked(const struct probe *p);
/* What was said, borrowed. */
const uint8_t *probe_answer(const struct probe *p, size_t *size);

#endif
