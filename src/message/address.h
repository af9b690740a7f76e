/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Finds the address in a Return-Path or From field as its value streams by, in
 * constant memory: what stands in the first angle brackets, else the first bare
 * address, without comments, display names and source routes (RFC 5322 3.4,
 * 4.4).  If it holds blanks or bytes that are not printable ASCII, it does not
 * count: without them it would be somebody else's.  Nor does one that has
 * nothing before or behind its '@', which MDAs refuse.
 *
 *	address_start; address_add for each byte of the (unfolded) value;
 *	address_end
 */
#ifndef MESSAGE_ADDRESS_H
#define MESSAGE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_MAX = 256 }; /* with its NUL */

enum address_kind {
	ADDRESS_NONE, /* no field, or nothing usable in it */
	ADDRESS_NULL, /* "<>" */
	ADDRESS_GOOD  /* not empty, does not begin with '-' */
};

struct address {
	enum address_kind kind; /* after address_end */
	char text[ADDRESS_MAX];
	size_t len;
	unsigned comments; /* how deep they are nested */
	bool escaped, quoted;
	bool angle;  /* after '<' */
	bool gap;    /* a blank came after something bare */
	bool broken; /* several bare words, or too long */
	bool done;
};

void address_start(struct address *a);
void address_add(struct address *a, uint8_t byte);
void address_end(struct address *a);

#endif
