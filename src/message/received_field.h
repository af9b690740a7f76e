/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The one field that popfetch puts before a message (RFC 5321 section 4.4):
 *
 *	Received: from HOST by THIS-HOST with POP3S (popfetch VERSION)
 *		for <USER>; DATE
 */
#ifndef MESSAGE_RECEIVED_FIELD_H
#define MESSAGE_RECEIVED_FIELD_H

#include <stdbool.h>
#include <stdint.h>

/* Returns the field with its LF line ends; owned by the caller. */
char *received_field(const char *host, const char *user, bool encrypted,
		     int64_t unix_s);

#endif
