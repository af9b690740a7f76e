/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * How many columns of a terminal a text takes.  Texts are valid UTF-8
 * (text_safe).  What wcwidth says depends on the locale, and ours is "C"; here
 * a character takes one column or two, never less than on a terminal, so that
 * no line becomes too long: marks that a terminal puts onto the letter before
 * them count as well, and so do two for some signs that may be narrow.
 */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include <stddef.h>

size_t columns_of(const char *text);
/* How many bytes the character at p has; its columns are added to *columns. */
size_t columns_char(const char *p, size_t *columns);
/* How many bytes of the text fit into so many columns and that much room; a
 * character fits whole or not at all. */
size_t columns_fit(const char *text, size_t columns, size_t room);
/* Cuts the text to so many columns; one that is cut ends in "...". */
void columns_cut(char *text, size_t columns);

#endif
