/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller notices of base/secret.h. */
#include "config.h"
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cmocka.h>

static void
a_secret_of_any_length_comes_back_as_it_was(void **state)
{
	static const size_t sizes[] = {
		0, 1, 95, 96, 97, 4000, 4079, 4080, 4081, 4096, 65536, 1000000
	};
	uint8_t *bytes = malloc(1000000);
	struct secret *s, *copy;
	size_t i, j;

	(void)state;
	for (j = 0; j < 1000000; j++)
		bytes[j] = (uint8_t)(j * 31);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		s = secret_new(sizes[i] ? bytes : NULL, sizes[i]);
		copy = secret_copy(s);
		secret_free(&s);
		assert_null(s);
		assert_int_equal(secret_size(copy), sizes[i]);
		assert_memory_equal(secret_bytes(copy), bytes, sizes[i]);
		assert_int_equal(secret_bytes(copy)[sizes[i]], 0);
		secret_free(&copy);
	}
	free(bytes);
	secret_free(&s);
}

static void
a_secret_is_found_in_what_repeats_it(void **state)
{
	struct secret *s = secret_new("swordfish", 9), *empty;

	(void)state;
	empty = secret_new(NULL, 0);
	assert_true(secret_is_in(s, "swordfish", 9));
	assert_true(secret_is_in(s, "no swordfish here", 17));
	assert_true(secret_is_in(s, "a\0swordfish", 11));
	assert_false(secret_is_in(s, "swordfish", 8));
	assert_false(secret_is_in(s, "", 0));
	assert_false(secret_is_in(empty, "swordfish", 9));
	assert_false(secret_is_in(NULL, "swordfish", 9));
	secret_free(&s);
	secret_free(&empty);
}

static void
a_secret_is_kept_where_nothing_may_be_locked(void **state)
{
	struct rlimit old, none;
	struct secret *s;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	s = secret_new("swordfish", 9);
	assert_string_equal((const char *)secret_bytes(s), "swordfish");
	secret_free(&s);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &old), 0);
}

/* Some of one size, more of them than fit one mapping; freed and made again. */
static void
many_secrets_do_not_touch_each_other(void **state)
{
	enum { COUNT = 3000 };
	struct secret *all[COUNT];
	char text[400];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = round; i < COUNT; i += round + 1) {
			int size = snprintf(text, sizeof(text), "%*d",
					    i % 7 == 0 ? 300 : 5, i + round);

			if (round > 0)
				secret_free(&all[i]);
			all[i] = secret_new(text, (size_t)size);
		}
	}
	for (int i = 0; i < COUNT; i++) {
		int round = i >= 2 && (i - 2) % 3 == 0 ? 2 : i % 2;

		assert_int_equal(strtol((const char *)secret_bytes(all[i]),
					NULL, 10),
				 i + round);
		assert_int_equal(secret_size(all[i]), i % 7 == 0 ? 300 : 5);
		secret_free(&all[i]);
	}
}

static void
only_one_is_left_for_a_child(void **state)
{
	struct secret *others[] = { secret_new("other", 5),
				    secret_new(NULL, 0) };
	char large[5000] = "large";
	struct secret *mine = secret_new("swordfish", 9);
	struct secret *big = secret_new(large, sizeof(large));
	const uint8_t *at[] = { secret_bytes(others[0]), secret_bytes(mine),
				secret_bytes(big) };

	(void)state;
	secret_keep_only(&mine);
	assert_string_equal((const char *)secret_bytes(mine), "swordfish");
	assert_int_equal(secret_size(mine), 9);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uintptr_t page = (uintptr_t)at[i] & ~(uintptr_t)4095;
		uintptr_t kept = (uintptr_t)secret_bytes(mine);

		if (page != (kept & ~(uintptr_t)4095))
			assert_int_equal(msync((void *)page, 4096, MS_ASYNC),
					 -1);
	}
	secret_free(&mine);
	secret_keep_only(&mine);
	assert_null(mine);
	mine = secret_new("new", 3);
	assert_string_equal((const char *)secret_bytes(mine), "new");
	secret_free(&mine);
}

static void
wiping_leaves_zeros(void **state)
{
	char bytes[] = "swordfish";

	(void)state;
	secret_wipe(bytes, 5);
	assert_memory_equal(bytes, "\0\0\0\0\0fish", 10);
	secret_wipe(NULL, 0);
}

#ifdef __linux__
/* Of the mapping that holds `at`, does the kernel's "VmFlags:" have the flag? */
static int
mapping_has_flag(const void *at, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end;
	int inside = 0, found = -1;
	char line[512];

	while (f && found < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (uintptr_t)at >= start && (uintptr_t)at < end;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	if (f)
		(void)fclose(f);
	return found;
}

static void
a_core_file_would_not_have_it(void **state)
{
	struct secret *s = secret_new("swordfish", 9);
	int found = mapping_has_flag(secret_bytes(s), " dd");

	(void)state;
	secret_free(&s);
	if (found < 0)
		skip(); /* no smaps here */
	assert_int_equal(found, 1);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_secret_of_any_length_comes_back_as_it_was),
		cmocka_unit_test(a_secret_is_found_in_what_repeats_it),
		cmocka_unit_test(a_secret_is_kept_where_nothing_may_be_locked),
		cmocka_unit_test(many_secrets_do_not_touch_each_other),
		cmocka_unit_test(only_one_is_left_for_a_child),
		cmocka_unit_test(wiping_leaves_zeros),
#ifdef __linux__
		cmocka_unit_test(a_core_file_would_not_have_it),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
