/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A transport whose server is a script, for tests.
 *
 *	struct fake *f = fake_new();
 *	fake_input(f, ...); fake_reply(f, ...); fake_end(f);
 *	fake_cut(f, n) or fake_dribble(f, n);
 *	stream_new(&s, fake_transport(f), ...);
 *	... stream_free(&s); look at fake_output(f); fake_free(f);
 *
 * Bytes are there as soon as the script says so, and then the descriptor is
 * readable; where there are none it is silent, like a server that waits.  Between two
 * pieces of input a read wants to wait once.
 */
#ifndef TESTS_FAKE_TRANSPORT_H
#define TESTS_FAKE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "net/stream.h"

struct fake;

struct fake *fake_new(void);
void fake_free(struct fake *f);
/* The stream takes it; f must live longer.  Once only. */
struct transport *fake_transport(struct fake *f);
/* Did the stream release it? */
bool fake_is_freed(const struct fake *f);

/* What the server sends without being asked. */
void fake_input(struct fake *f, const void *bytes, size_t size);
void fake_input_text(struct fake *f, const char *text);
/* What it sends when the client has sent exactly `command` (after the command of
 * the reply before); any other bytes fail the test. */
void fake_reply(struct fake *f, const char *command, const char *reply);
/* Behind all that: the end of the stream, or a connection error. */
void fake_end(struct fake *f);
void fake_break(struct fake *f);

/* Cuts the input in two pieces behind its nth byte. */
void fake_cut(struct fake *f, size_t n);
/* Gives n bytes at a time. */
void fake_dribble(struct fake *f, size_t n);
/* From now on writes take at most n bytes in all, then they wait. */
void fake_allow(struct fake *f, size_t n);
/* From now on writes fail. */
void fake_refuse(struct fake *f);

/* All that the client has sent, NUL behind it. */
const char *fake_output(struct fake *f, size_t *size);

#endif
