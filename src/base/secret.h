/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Passwords and tokens, from their creation to the wipe.  A secret is bytes
 * with a length; it lives in memory that is left out of core files and locked
 * where the system allows, and is overwritten before it is released.
 *
 * All secrets of a process share their mappings without a lock, so threads must
 * not use them.
 *
 * Secrets reach neither argv, environment, log nor error text.  Their bytes are
 * borrowed only to put them on the wire.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secret;

/* Copies bytes of any length, also 0; the caller wipes its own
 * (secret_wipe). */
struct secret *secret_new(const void *bytes, size_t size);
struct secret *secret_copy(const struct secret *s);
/* Makes one of the base64 of these bytes (RFC 4648), without line ends. */
struct secret *secret_base64(const void *bytes, size_t size);
/* Wipes and releases; accepts NULL; *s becomes NULL. */
void secret_free(struct secret **s);

/* Do these bytes contain it?  Nothing contains NULL or an empty one. */
bool secret_is_in(const struct secret *s, const void *bytes, size_t size);

/* Borrowed; a NUL, which the size does not count, stands behind the bytes. */
const uint8_t *secret_bytes(const struct secret *s);
size_t secret_size(const struct secret *s);

/* For a child after fork: every secret but *only is gone from this process,
 * whoever holds it.  *only, which may be NULL, has a new address.  The other
 * secrets must not even be freed afterwards, so what holds them is left alone.
 * The parent's secrets stay as they are. */
void secret_keep_only(struct secret **only);

/* Overwrites memory in a way that the compiler does not optimise away. */
void secret_wipe(void *bytes, size_t size);

#endif
