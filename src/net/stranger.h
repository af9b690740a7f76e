/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What answers at a port where POP3 was expected: another service, known by
 * the first bytes that it sends.  They are shown to people and decide nothing
 * but the words of an error.
 */
#ifndef NET_STRANGER_H
#define NET_STRANGER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { STRANGER_FIRST_MAX = 80 }; /* so many bytes are enough */

/* Which ports are the right ones, for the end of an error. */
#define STRANGER_PORTS                                   \
	"POP3 has port 995 with tls = \"implicit\", 110" \
	" with \"starttls\""

/* The service with its article, "an SMTP", or NULL: POP3, or nothing that is
 * known here. */
const char *stranger_name(const uint8_t *bytes, size_t size);

/* Set *e, which names what to change.  The first is for a server with a name,
 * the second for one that speaks TLS where the greeting was expected in the
 * clear (ERR_TLS), the third for one that speaks in the clear where TLS was
 * expected from the first byte (ERR_TLS). */
int stranger_error(enum err_kind kind, const uint8_t *bytes, size_t size,
		   struct err *e);
int stranger_is_tls(struct err *e);
int stranger_is_clear(const uint8_t *bytes, size_t size, struct err *e);

#endif
