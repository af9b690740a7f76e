/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Memory from an allocator that never fails: when memory is exhausted, each
 * function aborts with one line on standard error, since a process may die
 * anywhere without harm to mail.  What the functions return is released with
 * free().
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);		    /* zeroed; size 0 counts as 1 */
void *mem_array(size_t count, size_t size); /* zeroed; the product is checked */
/* Grows or shrinks an array; new space is not zeroed; the product is
 * checked. */
void *mem_resize(void *old, size_t count, size_t size);
char *mem_string(const char *s);		    /* NULL gives NULL */
char *mem_string_n(const void *bytes, size_t size); /* adds a NUL */
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Gives freed memory back to the system if the C library can do that; for a
 * process that has freed much and will fork.  Each child has a copy of the
 * parent's memory, and would otherwise write all over the scattered free part
 * of it.  This costs a walk over the heap and changes nothing that is in
 * use. */
void mem_give_back(void);

/* Aborts as the functions above do, for those who get memory elsewhere. */
void mem_exhausted(void) __attribute__((noreturn));

#endif
