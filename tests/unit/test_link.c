/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "link/link.h"

struct ends {
	struct link *a, *b;
};

static int
setup(void **state)
{
	struct ends *x = calloc(1, sizeof(*x));
	struct err e = ERR_INIT;

	*state = x;
	return link_pair(&x->a, &x->b, true, &e);
}

static int
teardown(void **state)
{
	struct ends *x = *state;

	link_free(&x->a);
	link_free(&x->b);
	free(x);
	return 0;
}

static struct link_record
receive(struct link *l)
{
	struct link_record r = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(link_wait(l, &r, clock_deadline(5000), &e), 0);
	return r;
}

static void
a_record_arrives_as_it_was_put(void **state)
{
	struct ends *x = *state;
	struct err e = ERR_INIT;
	struct link_record r;

	link_put(x->a, LINK_UID, 4294967295u, -7, "a\0b", 3);
	assert_int_equal(link_flush(x->a, &e), 0);
	r = receive(x->b);
	assert_int_equal(r.type, LINK_UID);
	assert_int_equal(r.number, 4294967295u);
	assert_int_equal(r.value, -7);
	assert_int_equal(r.size, 3);
	assert_memory_equal(r.data, "a\0b", 3);
}

static void
small_records_wait_for_the_flush_and_come_in_one_write(void **state)
{
	struct ends *x = *state;
	struct err e = ERR_INIT;
	struct link_record r;

	for (uint32_t i = 0; i < 100; i++)
		link_put(x->a, LINK_SIZE, i, (int64_t)i * 2, NULL, 0);
	assert_int_equal(link_pull(x->b, &e), 0);
	assert_false(link_next(x->b, &r));
	assert_int_equal(link_flush(x->a, &e), 0);
	assert_int_equal(link_pull(x->b, &e), 0);
	for (uint32_t i = 0; i < 100; i++) {
		assert_true(link_next(x->b, &r));
		assert_int_equal(r.number, i);
		assert_int_equal(r.value, i * 2);
	}
	assert_false(link_next(x->b, &r));
}

static void
the_largest_payload_passes_many_times(void **state)
{
	struct ends *x = *state;
	static uint8_t bytes[LINK_PAYLOAD_MAX];
	struct err e = ERR_INIT;

	memset(bytes, 'x', sizeof(bytes));
	for (int i = 0; i < 10; i++) {
		struct link_record r;

		link_put(x->a, LINK_CHUNK, 1, i, bytes, sizeof(bytes));
		assert_int_equal(link_flush(x->a, &e), 0);
		r = receive(x->b);
		assert_int_equal(r.value, i);
		assert_int_equal(r.size, sizeof(bytes));
		assert_memory_equal(r.data, bytes, sizeof(bytes));
	}
}

static void
a_payload_may_be_written_in_place(void **state)
{
	struct ends *x = *state;
	struct err e = ERR_INIT;
	struct link_record r;
	size_t room;
	uint8_t *to = link_reserve(x->a, 100, &room);

	assert_true(room >= 100 && room <= LINK_PAYLOAD_MAX);
	memcpy(to, "in place", 8);
	link_commit(x->a, LINK_CHUNK, 3, 0, 8);
	assert_int_equal(link_flush(x->a, &e), 0);
	r = receive(x->b);
	assert_int_equal(r.size, 8);
	assert_memory_equal(r.data, "in place", 8);
}

static void
a_peer_that_is_gone_is_noticed_when_writing(void **state)
{
	struct ends *x = *state;
	struct err e = ERR_INIT;

	link_free(&x->b);
	link_put(x->a, LINK_QUIT, 0, 0, NULL, 0);
	assert_int_equal(link_flush(x->a, &e), -1);
	assert_int_equal(e.kind, ERR_INTERNAL);
}

static void
a_peer_that_is_gone_is_noticed_when_reading_but_its_last_words_are_read(
	void **state)
{
	struct ends *x = *state;
	struct err e = ERR_INIT;
	struct link_record r;

	link_put_text(x->a, LINK_ERROR, 0, ERR_LOGIN, "login refused");
	assert_int_equal(link_flush(x->a, &e), 0);
	link_free(&x->a);
	r = receive(x->b);
	assert_int_equal(r.type, LINK_ERROR);
	assert_memory_equal(r.data, "login refused", r.size);
	assert_int_equal(link_wait(x->b, &r, clock_deadline(5000), &e), -1);
	assert_int_equal(e.kind, ERR_INTERNAL);
	assert_true(link_is_over(x->b));
}

static void
a_record_that_claims_too_much_ends_the_link(void **state)
{
	struct ends *x = *state;
	uint8_t nonsense[16];
	struct err e = ERR_INIT;
	struct link_record r;

	memset(nonsense, 0xff, sizeof(nonsense));
	assert_int_equal(write(link_output(x->a), nonsense, sizeof(nonsense)),
			 sizeof(nonsense));
	assert_int_equal(link_pull(x->b, &e), 0);
	assert_false(link_next(x->b, &r));
	assert_true(link_is_over(x->b));
}

static void
half_a_record_waits_for_the_other_half(void **state)
{
	struct ends *x = *state;
	struct ends other = { 0 };
	uint8_t raw[64];
	struct err e = ERR_INIT;
	struct link_record r;
	ssize_t size;

	assert_int_equal(link_pair(&other.a, &other.b, false, &e), 0);
	link_put(other.a, LINK_UID, 9, 0, "abcdef", 6);
	assert_int_equal(link_flush(other.a, &e), 0);
	size = read(link_input(other.b), raw, sizeof(raw));
	assert_true(size > 0);
	for (ssize_t i = 0; i < size; i++) {
		assert_int_equal(link_pull(x->b, &e), 0);
		assert_false(link_next(x->b, &r));
		assert_int_equal(write(link_output(x->a), raw + i, 1), 1);
	}
	r = receive(x->b);
	assert_int_equal(r.number, 9);
	assert_memory_equal(r.data, "abcdef", 6);
	link_free(&other.a);
	link_free(&other.b);
}

static void
waiting_ends_at_the_deadline(void **state)
{
	struct ends *x = *state;
	struct err e = ERR_INIT;
	struct link_record r;

	assert_int_equal(link_wait(x->b, &r, clock_deadline(20), &e), -1);
	assert_int_equal(e.kind, ERR_NETWORK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_arrives_as_it_was_put),
		TEST(small_records_wait_for_the_flush_and_come_in_one_write),
		TEST(the_largest_payload_passes_many_times),
		TEST(a_payload_may_be_written_in_place),
		TEST(a_peer_that_is_gone_is_noticed_when_writing),
		TEST(a_peer_that_is_gone_is_noticed_when_reading_but_its_last_words_are_read),
		TEST(a_record_that_claims_too_much_ends_the_link),
		TEST(half_a_record_waits_for_the_other_half),
		TEST(waiting_ends_at_the_deadline),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
