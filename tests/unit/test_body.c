/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Tests of body: every input is decoded whole, split at every position, a byte at
 * a time, and into the smallest output, always with the same result.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "pop3/body.h"

enum { INPUT_MAX = 1 << 20 };

struct result {
	struct buf out;
	size_t used;
	uint64_t octets;
	bool ended;
};

/* Decodes `size` bytes, handing out and in at most so many bytes at a time; the
 * input is copied to its own memory, so that reading beyond it is noticed. */
static void
decode_part(struct body *b, const uint8_t *in, size_t size, size_t in_step,
	    size_t out_step, struct result *r)
{
	size_t at = 0, used, written, part;
	uint8_t *copy, *room;

	while (at < size && !b->ended) {
		part = size - at < in_step ? size - at : in_step;
		copy = malloc(part);
		room = malloc(out_step);
		memcpy(copy, in + at, part);
		written = body_decode(b, copy, part, &used, room, out_step);
		assert_true(written <= out_step && used <= part);
		assert_true(written + used > 0);
		assert_true(buf_append(&r->out, room, written));
		at += used;
		free(copy);
		free(room);
	}
	r->used += at;
}

static void
decode(struct result *r, const uint8_t *in, size_t size, size_t split,
       size_t in_step, size_t out_step)
{
	struct body b;

	memset(r, 0, sizeof(*r));
	buf_init(&r->out, INPUT_MAX);
	body_start(&b);
	decode_part(&b, in, split, in_step, out_step, r);
	decode_part(&b, in + split, size - split, in_step, out_step, r);
	r->octets = b.octets;
	r->ended = b.ended;
}

/*
 * What the decoder must do, said another way: cut at CRLFs; a line "." ends it; a
 * dot in front goes; of a last line without CRLF that could still become an end
 * marker or a line end, that part is held back.
 */
static void
refer(struct result *r, const uint8_t *in, size_t size)
{
	size_t at = 0, end, start;

	memset(r, 0, sizeof(*r));
	buf_init(&r->out, INPUT_MAX);
	while (at < size && !r->ended) {
		for (end = at; end + 1 < size; end++)
			if (in[end] == '\r' && in[end + 1] == '\n')
				break;
		start = at + (in[at] == '.');
		if (end + 1 < size) {
			r->ended = end == at + 1 && in[at] == '.';
			at = end + 2;
			if (r->ended)
				break;
			buf_append(&r->out, in + start, end - start);
			buf_byte(&r->out, '\n');
			r->octets += end - start + 2;
		} else {
			end = size;
			end -= end > start && in[end - 1] == '\r';
			buf_append(&r->out, in + start, end - start);
			r->octets += end - start;
			at = size;
		}
	}
	r->used = at;
}

static void
assert_same(const struct result *got, const struct result *expected)
{
	assert_int_equal(got->out.len, expected->out.len);
	if (got->out.len > 0)
		assert_memory_equal(got->out.data, expected->out.data,
				    got->out.len);
	assert_int_equal(got->octets, expected->octets);
	assert_int_equal(got->ended, expected->ended);
	assert_int_equal(got->used, expected->used);
}

static void
check_way(const uint8_t *in, size_t size, const struct result *expected,
	  size_t split, size_t in_step, size_t out_step)
{
	struct result got;

	decode(&got, in, size, split, in_step, out_step);
	assert_same(&got, expected);
	buf_free(&got.out);
}

/* Every way to cut the input, with large and small room for output. */
static void
check_every_way(const uint8_t *in, size_t size, const struct result *expected)
{
	size_t split, step;

	for (split = 0; split <= size; split++)
		for (step = 1; step <= 5; step++)
			check_way(in, size, expected, split, size + 1, step);
	for (split = 0; split <= size; split++)
		check_way(in, size, expected, split, size + 1, size + 1);
	for (step = 1; step <= 5; step++)
		check_way(in, size, expected, 0, 1, step);
	check_way(in, size, expected, 0, 2, 1);
	check_way(in, size, expected, 0, 3, BODY_OUT_MIN);
}

static void
check_bytes(const char *in, size_t in_size, const char *out, size_t out_size,
	    uint64_t octets, bool ended)
{
	struct result expected = { .octets = octets,
				   .ended = ended,
				   .used = in_size };

	buf_init(&expected.out, INPUT_MAX);
	buf_append(&expected.out, out, out_size);
	check_every_way((const uint8_t *)in, in_size, &expected);
	buf_free(&expected.out);
}

#define check(in, out, octets, ended) \
	check_bytes(in, sizeof(in) - 1, out, sizeof(out) - 1, octets, ended)

/* --- the tests --- */

static void
a_message_ends_at_a_dot_on_a_line_of_its_own(void **state)
{
	(void)state;
	check("Subject: x\r\n\r\nhello\r\n.\r\n", "Subject: x\n\nhello\n", 21,
	      true);
}

static void
an_empty_message_is_just_the_end_marker(void **state)
{
	(void)state;
	check(".\r\n", "", 0, true);
	check("\r\n.\r\n", "\n", 2, true);
	check("x\r\n.\r\n", "x\n", 3, true);
}

static void
what_follows_the_end_marker_is_left_alone(void **state)
{
	static const char in[] = "a\r\n.\r\n+OK next\r\n";
	uint8_t out[32];
	struct body b;
	size_t used;

	(void)state;
	body_start(&b);
	assert_int_equal(body_decode(&b, (const uint8_t *)in, sizeof(in) - 1,
				     &used, out, sizeof(out)),
			 2);
	assert_true(b.ended);
	assert_string_equal(in + used, "+OK next\r\n");
	/* and nothing more is taken afterwards */
	assert_int_equal(body_decode(&b, (const uint8_t *)in, sizeof(in) - 1,
				     &used, out, sizeof(out)),
			 0);
	assert_int_equal(used, 0);
}

static void
one_dot_is_taken_from_the_front_of_a_line(void **state)
{
	(void)state;
	check("..\r\n.\r\n", ".\n", 3, true);
	check("...\r\n.\r\n", "..\n", 4, true);
	check("..x\r\n.\r\n", ".x\n", 4, true);
	check("a\r\n..\r\n..\r\n.\r\n", "a\n.\n.\n", 9, true);
	check("a..\r\n.b\r\n.\r\n", "a..\nb\n", 8, true);
}

static void
a_dot_that_the_server_forgot_to_double_is_lost(void **state)
{
	(void)state;
	check(".x\r\n.\r\n", "x\n", 3, true);
	check(". \r\n.\r\n", " \n", 3, true);
	check(".\ta\r\n.\r\n", "\ta\n", 4, true);
}

static void
only_crlf_dot_crlf_ends_a_message(void **state)
{
	(void)state;
	/* LF . CRLF */
	check("a\n.\r\nb\r\n.\r\n", "a\n.\nb\n", 8, true);
	/* CRLF . LF */
	check("a\r\n.\nb\r\n.\r\n", "a\n\nb\n", 7, true);
	/* LF . LF */
	check("a\n.\nb\r\n.\r\n", "a\n.\nb\n", 7, true);
	/* CR . CR */
	check("a\r.\rb\r\n.\r\n", "a\r.\rb\n", 7, true);
	/* CRLF . CR x */
	check("a\r\n.\rb\r\n.\r\n", "a\n\rb\n", 7, true);
	/* CR . CRLF */
	check("a\r.\r\nb\r\n.\r\n", "a\r.\nb\n", 8, true);
	/* CRLF . CR CRLF */
	check("a\r\n.\r\r\nb\r\n.\r\n", "a\n\r\nb\n", 9, true);
	/* CRLF . CR . CRLF */
	check("a\r\n.\r.\r\nb\r\n.\r\n", "a\n\r.\nb\n", 10, true);
	/* CR CRLF . CRLF is an end: the line before it ends in CRLF */
	check("a\r\r\n.\r\n", "a\r\n", 4, true);
	/* LF CR . CRLF, and a NUL between */
	check("a\n\r.\r\nb\r\n.\r\n", "a\n\r.\nb\n", 9, true);
	check("a\r\n\0.\r\n.\r\n", "a\n\0.\n", 7, true);
	check("a\r\n.\0\r\n.\r\n", "a\n\0\n", 6, true);
}

static void
a_line_with_only_cr_before_the_end_marker_is_kept(void **state)
{
	(void)state;
	check("\r\r\n.\r\n", "\r\n", 3, true);
	check("a\r\n\r\r\n.\r\n", "a\n\r\n", 6, true);
	check("\r\r\r\n.\r\n", "\r\r\n", 4, true);
}

static void
bare_cr_bare_lf_nul_and_8_bit_pass_unchanged(void **state)
{
	(void)state;
	check("a\rb\nc\0d\200\377\r\n.\r\n", "a\rb\nc\0d\200\377\n", 11, true);
	check("\n\n\r\n.\r\n", "\n\n\n", 4, true);
	check("\0\r\n.\r\n", "\0\n", 3, true);
	check("\n.\r\n.\r\n", "\n.\n", 4, true);
}

static void
an_unfinished_message_holds_back_what_is_undecided(void **state)
{
	(void)state;
	check("", "", 0, false);
	check("abc", "abc", 3, false);
	check("abc\r", "abc", 3, false);
	check("abc\r\n", "abc\n", 5, false);
	check("abc\r\n.", "abc\n", 5, false);
	/* seen of a server that forgot the LF, and was silent then */
	check("abc\r\n.\r", "abc\n", 5, false);
	check(".", "", 0, false);
	check(".\r", "", 0, false);
	check("\r", "", 0, false);
	/* the last line has no CRLF, so the dot is text */
	check("abc.\r\n", "abc.\n", 6, false);
}

static void
octets_count_line_ends_as_two_and_stuffing_not_at_all(void **state)
{
	(void)state;
	check("..a\r\n\nb\rc\r\n\r\n.\r\n", ".a\n\nb\rc\n\n", 12, true);
}

static void
every_short_input_of_the_nasty_bytes_agrees_with_the_reference(void **state)
{
	static const uint8_t letters[] = { '.', '\r', '\n', 'x' };
	enum { LENGTH = 7 };
	struct result expected;
	uint8_t in[LENGTH];
	size_t length, i;
	unsigned n, code;

	(void)state;
	for (length = 1; length <= LENGTH; length++)
		for (n = 0; n < 1u << 2 * length; n++) {
			for (i = 0, code = n; i < length; i++, code >>= 2)
				in[i] = letters[code & 3];
			refer(&expected, in, length);
			check_way(in, length, &expected, 0, length, 64);
			check_way(in, length, &expected, n % length, length, 1);
			check_way(in, length, &expected, 0, 1, 2);
			buf_free(&expected.out);
		}
}

static void
random_inputs_agree_with_the_reference(void **state)
{
	static const uint8_t letters[] = "....\r\r\r\n\n\n\r\n\r\nab";
	struct result expected;
	unsigned seed = 42;
	uint8_t in[3000];
	size_t size, i;
	int round;

	(void)state;
	for (round = 0; round < 300; round++) {
		size = (size_t)rand_r(&seed) % sizeof(in);
		for (i = 0; i < size; i++) {
			unsigned c = (unsigned)rand_r(&seed);

			in[i] = c % 8 == 0  ? (uint8_t)(c >> 8)
				: round % 2 ? (uint8_t)'x'
					    : letters[(c >> 8) %
						      (sizeof(letters) - 1)];
			if (round % 2 && c % 40 == 1 && i > 1)
				memcpy(in + i - 1, "\r\n", 2);
		}
		refer(&expected, in, size);
		for (i = 0; i < 8; i++)
			check_way(in, size, &expected,
				  (size_t)rand_r(&seed) % (size + 1),
				  (size_t)rand_r(&seed) % 99 + 1,
				  (size_t)rand_r(&seed) % 99 + 1);
		buf_free(&expected.out);
	}
}

static void
a_line_of_many_megabytes_needs_no_memory(void **state)
{
	enum { CHUNK = 65536, CHUNKS = 1024 };
	static uint8_t in[CHUNK], out[CHUNK];
	struct body b;
	size_t used, i;

	(void)state;
	memset(in, '.', sizeof(in));
	body_start(&b);
	for (i = 0; i < CHUNKS; i++) {
		/* the first dot of all is stuffing */
		assert_int_equal(body_decode(&b, in, CHUNK, &used, out, CHUNK),
				 CHUNK - (i == 0));
		assert_int_equal(used, CHUNK);
	}
	assert_int_equal(body_decode(&b, (const uint8_t *)"\r\n.\r\n", 5, &used,
				     out, CHUNK),
			 1);
	assert_true(b.ended);
	assert_int_equal(b.octets, (uint64_t)CHUNK * CHUNKS + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_ends_at_a_dot_on_a_line_of_its_own),
		cmocka_unit_test(an_empty_message_is_just_the_end_marker),
		cmocka_unit_test(what_follows_the_end_marker_is_left_alone),
		cmocka_unit_test(one_dot_is_taken_from_the_front_of_a_line),
		cmocka_unit_test(
			a_dot_that_the_server_forgot_to_double_is_lost),
		cmocka_unit_test(only_crlf_dot_crlf_ends_a_message),
		cmocka_unit_test(
			a_line_with_only_cr_before_the_end_marker_is_kept),
		cmocka_unit_test(bare_cr_bare_lf_nul_and_8_bit_pass_unchanged),
		cmocka_unit_test(
			an_unfinished_message_holds_back_what_is_undecided),
		cmocka_unit_test(
			octets_count_line_ends_as_two_and_stuffing_not_at_all),
		cmocka_unit_test(
			every_short_input_of_the_nasty_bytes_agrees_with_the_reference),
		cmocka_unit_test(random_inputs_agree_with_the_reference),
		cmocka_unit_test(a_line_of_many_megabytes_needs_no_memory),
	};

	return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
