/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that is there, or the program is not: each function aborts with one
 * line on standard error when memory is out (a process may die anywhere without
 * harm to mail).  What they return is released with free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);		    /* zeroed; size 0 is 1 */
void *mem_array(size_t count, size_t size); /* zeroed; checked product */
/* Grows or shrinks an array; new space is not zeroed; product checked. */
void *mem_resize(void *old, size_t count, size_t size);
char *mem_string(const char *s);		    /* NULL gives NULL */
char *mem_string_n(const void *bytes, size_t size); /* adds a NUL */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What was freed goes back to the system, if the C library can do that: for a
 * process that has freed much and forks.  Each child has a copy of the parent's
 * memory, what is free in it is scattered, and each would write to all of that.
 * Costs a walk over the heap, and changes nothing that is in use. */
void mem_give_back(void);

/* What they do when memory is out, for those who get it elsewhere. */
void mem_exhausted(void) __attribute__((noreturn));

#endif
