/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller notices of base/digest.h. */
#include "config.h"
#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void
assert_hex(const uint8_t *bytes, size_t size, const char *expected)
{
	char hex[2 * DIGEST_SIZE_MAX + 1];

	text_hex(hex, bytes, size);
	assert_string_equal(hex, expected);
}

static void
sha_256_is_that_of_fips_180(void **state)
{
	uint8_t out[DIGEST_SHA256_SIZE];

	(void)state;
	digest_sha256("abc", 3, out);
	assert_hex(out, sizeof(out),
		   "ba7816bf8f01cfea414140de5dae2223"
		   "b00361a396177a9cb410ff61f20015ad");
	digest_sha256(NULL, 0, out);
	assert_hex(out, sizeof(out),
		   "e3b0c44298fc1c149afbf4c8996fb924"
		   "27ae41e4649b934ca495991b7852b855");
}

static void
the_apop_digest_of_rfc_1939_comes_out(void **state)
{
	static const char text[] = "<1896.697170952@dbc.mtview.ca.us>tanstaaf";
	struct digest *d = digest_new(DIGEST_MD5);
	uint8_t out[DIGEST_SIZE_MAX];

	(void)state;
	if (!d)
		skip(); /* a library without MD5 */
	digest_add(d, text, sizeof(text) - 1);
	digest_end(d, out);
	assert_hex(out, DIGEST_MD5_SIZE, "c4c9334bac560ecc979e58001b3e22fb");
	digest_free(&d);
	assert_null(d);
	digest_free(&d);
}

static void
pieces_give_what_the_whole_gives_and_the_digest_serves_again(void **state)
{
	struct digest *d = digest_new(DIGEST_SHA256);
	uint8_t bytes[300], whole[DIGEST_SIZE_MAX], pieces[DIGEST_SIZE_MAX];
	size_t cut;

	(void)state;
	memset(bytes, 'm', sizeof(bytes));
	digest_sha256(bytes, sizeof(bytes), whole);
	for (cut = 0; cut <= sizeof(bytes); cut++) {
		digest_add(d, bytes, cut);
		digest_add(d, bytes + cut, sizeof(bytes) - cut);
		digest_end(d, pieces);
		assert_memory_equal(whole, pieces, DIGEST_SHA256_SIZE);
	}
	digest_free(&d);
}

static void
random_bytes_do_not_repeat(void **state)
{
	uint8_t a[16] = { 0 }, b[16] = { 0 };

	(void)state;
	digest_random(a, sizeof(a));
	digest_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	digest_random(NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha_256_is_that_of_fips_180),
		cmocka_unit_test(the_apop_digest_of_rfc_1939_comes_out),
		cmocka_unit_test(
			pieces_give_what_the_whole_gives_and_the_digest_serves_again),
		cmocka_unit_test(random_bytes_do_not_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
