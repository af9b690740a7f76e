/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the keyed hash. */
#include "config.h"
#include "state/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* From the appendix of the paper and its authors' program: key 00 01 ... 0f, messages
 * that start 00 01 ... */
static void
it_gives_what_its_paper_says(void **state)
{
	const struct hash_key key = { UINT64_C(0x0706050403020100),
				      UINT64_C(0x0f0e0d0c0b0a0908) };
	uint8_t message[15];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	assert_true(hash_bytes(&key, message, sizeof(message)) ==
		    UINT64_C(0xa129ca6149be45e5));
	assert_true(hash_bytes(&key, message, 0) ==
		    UINT64_C(0x726fdb47dd0e0e31));
	assert_true(hash_bytes(&key, message, 1) ==
		    UINT64_C(0x74f839c593dc67fd));
}

static void
another_key_gives_another_hash(void **state)
{
	struct hash_key a, b;

	(void)state;
	hash_key_make(&a);
	hash_key_make(&b);
	assert_true(hash_bytes(&a, "uid", 3) != hash_bytes(&b, "uid", 3));
}

static void
length_and_each_byte_matter(void **state)
{
	struct hash_key key;
	uint8_t message[40] = { 0 };

	(void)state;
	hash_key_make(&key);
	for (size_t size = 1; size < sizeof(message); size++) {
		uint64_t plain = hash_bytes(&key, message, size);

		assert_true(plain != hash_bytes(&key, message, size - 1));
		message[size - 1] = 1;
		assert_true(plain != hash_bytes(&key, message, size));
		message[size - 1] = 0;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_what_its_paper_says),
		cmocka_unit_test(another_key_gives_another_hash),
		cmocka_unit_test(length_and_each_byte_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
