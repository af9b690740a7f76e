/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The fields of a record's payload, one after the other: one function writes
 * them, and another beside it reads them in the same order.  Nothing that a
 * peer sends is believed before it is checked here: a bool is 0 or 1; a text
 * has its length before it, fits, and holds no NUL.
 *
 *	struct fields f = FIELDS_NONE;
 *	fields_put_bool(&f, x->is_open);
 *	fields_put_number(&f, x->count);
 *	link_put(l, LINK_X, 0, 0, f.bytes, f.size);
 *
 *	struct fields_reader r = { record.data, record.size, false };
 *	x->is_open = fields_bool(&r);
 *	x->count = fields_number(&r);
 *	if (!fields_are_whole(&r)) ...
 */
#ifndef LINK_FIELDS_H
#define LINK_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIELDS_MAX = 5120 };

struct fields {
	size_t size;
	uint8_t bytes[FIELDS_MAX];
};
#define FIELDS_NONE ((struct fields){ .size = 0 })

/* More than FIELDS_MAX bytes together are a misuse. */
void fields_put_bool(struct fields *f, bool value);
void fields_put_number(struct fields *f, int64_t value);
void fields_put_text(struct fields *f, const char *text);

struct fields_reader {
	const uint8_t *at;
	size_t left;
	bool is_bad;
};

/* A field that is malformed or missing reads as false, 0 or "", and
 * fields_are_whole tells. */
bool fields_bool(struct fields_reader *r);
int64_t fields_number(struct fields_reader *r);
void fields_text(struct fields_reader *r, char *out, size_t size);
/* Were all fields there and well-formed, with nothing behind them? */
bool fields_are_whole(const struct fields_reader *r);

#endif
