/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Text in lines of a terminal's width.
 */
#ifndef CLI_WRAP_H
#define CLI_WRAP_H

#include <stddef.h>

#include "base/buf.h"

/* What a terminal usually has. */
enum { WRAP_COLUMNS = 80, WRAP_LEAST = 8 };

/* Appends the text, valid UTF-8, in lines that are at most so many columns wide
 * (but have WRAP_LEAST of them behind their indent) and end in LF.  The first
 * one is indented by so many blanks, the others by 4 more.  Lines end between
 * words; a word that is longer than a line is cut. */
void wrap_add(struct buf *out, size_t columns, size_t indent, const char *text);

#endif
