/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Passwords and tokens, from birth to wipe.  A secret is bytes with a length;
 * it lives in memory that is left out of core files and locked where the system
 * allows, and is overwritten before it is released.
 *
 * Secrets are kept in mappings that all of a process share: not for threads.
 *
 * Secrets reach neither argv, environment, log nor error text.  The bytes are
 * borrowed only to put them on the wire.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

struct secret;

/* A copy of the bytes; the caller wipes its own (secret_wipe).  Any length,
 * also 0. */
struct secret *secret_new(const void *bytes, size_t size);
struct secret *secret_copy(const struct secret *s);
/* Wipes and releases; accepts NULL; *s becomes NULL. */
void secret_free(struct secret **s);

/* Borrowed; a NUL that is not counted stands behind the bytes. */
const uint8_t *secret_bytes(const struct secret *s);
size_t secret_size(const struct secret *s);

/* For a child after fork: every secret but *only is gone from this process,
 * whoever holds it and however many they are; *only, which may be NULL, has a
 * new address.  Other secrets may not even be freed afterwards: what holds them
 * is left alone.  The parent's stay as they are. */
void secret_keep_only(struct secret **only);

/* Overwrites any memory in a way that the compiler keeps. */
void secret_wipe(void *bytes, size_t size);

#endif
