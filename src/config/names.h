/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The names of many things, found without looking at each.
 *
 *	n = names_new(count); names_add(n, text)...; names_sort(n);
 *	names_find(n, text, &number)
 *
 * The first that was added has number 0.  Texts are borrowed until names_free.
 */
#ifndef CONFIG_NAMES_H
#define CONFIG_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct names;

struct names *names_new(size_t count); /* room for so many, no more */
void names_free(struct names **n);
void names_add(struct names *n, const char *text);
void names_sort(struct names *n);
/* After names_sort.  The number of the first that has this name. */
bool names_find(const struct names *n, const char *text, size_t *number);
/* After names_sort.  Does a name appear twice?  *number is the first entry
 * whose name appeared before it, *twin the first with that name. */
bool names_twice(const struct names *n, size_t *number, size_t *twin);

#endif
