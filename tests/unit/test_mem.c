/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller notices of base/mem.h. */
#include "config.h"
#include "base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
memory_comes_zeroed_and_size_0_is_fine(void **state)
{
	unsigned char *p = mem_alloc(1000), *q = mem_alloc(0);
	int *r = mem_array(100, sizeof(int));
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	assert_int_equal(q[0], 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(r[i], 0);
	free(p);
	free(q);
	free(r);
}

static void
resizing_keeps_the_contents(void **state)
{
	int *p = mem_resize(NULL, 3, sizeof(*p));

	(void)state;
	p[0] = 1;
	p[2] = 3;
	p = mem_resize(p, 1000, sizeof(*p));
	assert_int_equal(p[0], 1);
	assert_int_equal(p[2], 3);
	p = mem_resize(p, 0, sizeof(*p));
	assert_non_null(p);
	free(p);
}

static void
strings_are_copied(void **state)
{
	char *a = mem_string("abc"), *b = mem_string_n("a\0b", 3);
	char *c = mem_string_n(NULL, 0), *d = mem_format("%d-%s", 7, "x");

	(void)state;
	assert_null(mem_string(NULL));
	assert_string_equal(a, "abc");
	assert_memory_equal(b, "a\0b", 4);
	assert_string_equal(c, "");
	assert_string_equal(d, "7-x");
	free(a);
	free(b);
	free(c);
	free(d);
}

/* Runs it in a child whose standard error is a pipe; returns wait's status. */
static int
child_status(void (*doomed)(void), char *said, size_t size)
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		(void)dup2(ends[1], 2);
		doomed();
		_exit(0);
	}
	(void)close(ends[1]);
	n = read(ends[0], said, size - 1);
	said[n > 0 ? n : 0] = '\0';
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static size_t huge = SIZE_MAX / 2; /* not to be seen by the compiler */

static void
overflow_a_product(void)
{
	free(mem_array(huge, 16));
}

static void
overflow_a_resize(void)
{
	free(mem_resize(NULL, huge, 4));
}

static void
overflow_a_string(void)
{
	free(mem_string_n("", huge * 2 + 1));
}

static void
a_product_that_overflows_aborts_with_one_line(void **state)
{
	void (*const doomed[])(void) = { overflow_a_product, overflow_a_resize,
					 overflow_a_string, mem_exhausted };
	char said[200];
	size_t i;
	int status;

	(void)state;
	for (i = 0; i < sizeof(doomed) / sizeof(doomed[0]); i++) {
		status = child_status(doomed[i], said, sizeof(said));
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
		assert_string_equal(said, "popfetch: out of memory\n");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_comes_zeroed_and_size_0_is_fine),
		cmocka_unit_test(resizing_keeps_the_contents),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(a_product_that_overflows_aborts_with_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
