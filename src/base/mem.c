/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Memory from an allocator that aborts instead of failing. */
#include "config.h"

#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_MALLOC_TRIM
#include <malloc.h>
#endif

void
mem_exhausted(void)
{
	static const char line[] = "popfetch: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)ignored;
	abort();
}

static size_t
checked_product(size_t count, size_t size)
{
	size_t product;

	if (__builtin_mul_overflow(count, size, &product) ||
	    product > PTRDIFF_MAX)
		mem_exhausted();
	return product ? product : 1;
}

void *
mem_alloc(size_t size)
{
	return mem_array(1, size);
}

void *
mem_array(size_t count, size_t size)
{
	void *p = calloc(1, checked_product(count, size));

	if (!p)
		mem_exhausted();
	return p;
}

void *
mem_resize(void *old, size_t count, size_t size)
{
	void *p = realloc(old, checked_product(count, size));

	if (!p)
		mem_exhausted();
	return p;
}

char *
mem_string(const char *s)
{
	return s ? mem_string_n(s, strlen(s)) : NULL;
}

char *
mem_string_n(const void *bytes, size_t size)
{
	char *p;

	if (size == SIZE_MAX)
		mem_exhausted();
	p = mem_resize(NULL, size + 1, 1);
	if (size)
		memcpy(p, bytes, size);
	p[size] = '\0';
	return p;
}

char *
mem_format(const char *format, ...)
{
	va_list args;
	char *p;
	int size;

	va_start(args, format);
	size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(size >= 0);
	p = mem_resize(NULL, (size_t)size + 1, 1);
	va_start(args, format);
	vsnprintf(p, (size_t)size + 1, format, args);
	va_end(args);
	return p;
}

void
mem_give_back(void)
{
#ifdef HAVE_MALLOC_TRIM
	(void)malloc_trim(0);
#endif
}
