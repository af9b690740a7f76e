/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the listing. */
#include "config.h"
#include "state/listing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static bool
add(struct listing *l, uint32_t number, const char *uid)
{
	return listing_add(l, number, uid, strlen(uid));
}

static void
assert_entry(const struct listing *l, size_t i, uint32_t number,
	     const char *uid)
{
	struct listing_entry x = listing_at(l, i);

	assert_int_equal(x.number, number);
	assert_int_equal(x.uid_size, strlen(uid));
	assert_memory_equal(x.uid, uid, x.uid_size);
}

static void
an_empty_mailbox_is_complete(void **state)
{
	struct listing *l = listing_new(0, 0);

	(void)state;
	listing_done(l);
	assert_int_equal(listing_count(l), 0);
	assert_true(listing_is_complete(l));
	assert_true(listing_find(l, 1) == SIZE_MAX);
	listing_free(&l);
	assert_null(l);
	listing_free(&l);
}

static void
lines_in_order_are_read_as_they_came(void **state)
{
	struct listing *l = listing_new(3, 600);

	(void)state;
	assert_true(add(l, 1, "one"));
	assert_true(add(l, 2, "two"));
	assert_true(add(l, 3, "three"));
	listing_done(l);
	assert_int_equal(listing_count(l), 3);
	assert_entry(l, 0, 1, "one");
	assert_entry(l, 1, 2, "two");
	assert_entry(l, 2, 3, "three");
	assert_true(listing_is_complete(l));
	assert_true(listing_stat_count(l) == 3);
	assert_true(listing_stat_total(l) == 600);
	listing_free(&l);
}

static void
lines_in_any_order_are_read_in_order_of_number(void **state)
{
	struct listing *l = listing_new(5, 0);

	(void)state;
	assert_true(add(l, 4, "d"));
	assert_true(add(l, 1, "a"));
	assert_true(add(l, 5, "e"));
	assert_true(listing_set_size(l, 1, 111));
	assert_true(add(l, 3, "c"));
	assert_true(add(l, 2, "b"));
	assert_true(listing_set_size(l, 3, 333));
	listing_done(l);
	for (uint32_t i = 0; i < 5; i++) {
		const char uid[] = { (char)('a' + i), '\0' };

		assert_entry(l, i, i + 1, uid);
		assert_true(listing_find(l, i + 1) == i);
		assert_false(listing_at(l, i).odd);
	}
	assert_true(listing_at(l, 0).size == 111);
	assert_true(listing_at(l, 2).size == 333);
	assert_true(listing_is_complete(l));
	listing_free(&l);
}

static void
a_number_of_zero_or_of_no_end_is_left_out(void **state)
{
	struct listing *l = listing_new(2, 0);

	(void)state;
	assert_false(add(l, 0, "zero"));
	assert_true(add(l, 1, "one"));
	assert_true(add(l, 2, "two"));
	assert_false(add(l, UINT32_MAX, "many"));
	listing_done(l);
	assert_int_equal(listing_count(l), 2);
	assert_false(listing_is_complete(l));
	listing_free(&l);
}

static void
more_than_the_count_are_listed_but_tell_nothing_of_what_is_missing(void **state)
{
	struct listing *l = listing_new(1, 0);

	(void)state;
	assert_true(add(l, 1, "one"));
	assert_true(add(l, 3, "three"));
	listing_done(l);
	assert_int_equal(listing_count(l), 2);
	assert_false(listing_is_complete(l));
	listing_free(&l);
}

static void
of_a_number_listed_twice_the_first_stays_and_is_odd(void **state)
{
	struct listing *l = listing_new(3, 0);

	(void)state;
	assert_true(add(l, 1, "one"));
	assert_true(add(l, 2, "two"));
	assert_false(add(l, 2, "again"));
	assert_false(add(l, 1, "again"));
	assert_true(add(l, 3, "three"));
	listing_done(l);
	assert_int_equal(listing_count(l), 3);
	assert_entry(l, 0, 1, "one");
	assert_entry(l, 1, 2, "two");
	assert_true(listing_at(l, 0).odd);
	assert_true(listing_at(l, 1).odd);
	assert_false(listing_at(l, 2).odd);
	assert_false(listing_is_complete(l));
	listing_free(&l);
}

static void
a_number_listed_twice_is_noticed_out_of_order_too(void **state)
{
	struct listing *l = listing_new(9, 0);

	(void)state;
	assert_true(add(l, 9, "nine"));
	assert_true(add(l, 5, "five"));
	assert_true(add(l, 7, "seven"));
	assert_false(add(l, 5, "again"));
	assert_false(add(l, 9, "again"));
	listing_done(l);
	assert_int_equal(listing_count(l), 3);
	assert_entry(l, 0, 5, "five");
	assert_true(listing_at(l, 0).odd);
	assert_false(listing_at(l, 1).odd);
	assert_true(listing_at(l, 2).odd);
	listing_free(&l);
}

static void
a_missing_line_makes_it_incomplete(void **state)
{
	struct listing *l = listing_new(3, 0);

	(void)state;
	assert_true(add(l, 1, "one"));
	assert_true(add(l, 3, "three"));
	listing_done(l);
	assert_false(listing_is_complete(l));
	assert_true(listing_find(l, 2) == SIZE_MAX);
	assert_true(listing_find(l, 3) == 1);
	listing_free(&l);
}

static void
a_size_belongs_to_a_number_that_is_listed(void **state)
{
	struct listing *l = listing_new(10, 0);

	(void)state;
	assert_true(add(l, 2, "two"));
	assert_true(listing_set_size(l, 2, LISTING_SIZE_MOST));
	assert_false(listing_set_size(l, 1, 100));
	assert_false(listing_set_size(l, 0, 100));
	listing_done(l);
	assert_true(listing_at(l, 0).size == LISTING_SIZE_MOST);
	assert_true(listing_set_size(l, 2, LISTING_SIZE_MOST + 1));
	assert_true(listing_at(l, 0).size == LISTING_SIZE_UNKNOWN);
	assert_true(listing_set_size(l, 2, 77)); /* also afterwards */
	assert_true(listing_at(l, 0).size == 77);
	assert_true(listing_set_size(l, 2, -5));
	assert_true(listing_at(l, 0).size == LISTING_SIZE_UNKNOWN);
	listing_free(&l);
}

static void
a_listing_without_uids_has_numbers_and_sizes(void **state)
{
	struct listing *l = listing_new(2, 0);

	(void)state;
	assert_true(listing_add(l, 1, NULL, 0));
	assert_true(listing_set_size(l, 1, 10));
	assert_true(listing_add(l, 2, "", 0));
	listing_done(l);
	assert_true(listing_at(l, 0).uid_size == 0);
	assert_non_null(listing_at(l, 0).uid);
	assert_true(listing_at(l, 0).size == 10);
	assert_true(listing_at(l, 1).size == LISTING_SIZE_UNKNOWN);
	listing_free(&l);
}

static void
uids_of_any_bytes_are_kept(void **state)
{
	static const size_t sizes[] = { 1, 2, 69, LISTING_UID_MOST };
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	struct listing *l = listing_new(count, 0);

	(void)state;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *uid = malloc(sizes[i]);

		for (size_t j = 0; j < sizes[i]; j++)
			uid[j] = (uint8_t)(i + j * 7);
		assert_true(listing_add(l, i + 1, uid, sizes[i]));
		free(uid);
	}
	listing_done(l);
	for (uint32_t i = 0; i < count; i++) {
		struct listing_entry x = listing_at(l, i);

		assert_int_equal(x.uid_size, sizes[i]);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(x.uid[j], (uint8_t)(i + j * 7));
	}
	listing_free(&l);
}

/* printf %71s | tr " " u | sha256sum, and the same with 1000000 */
#define SHA256_71 \
	"247fb5c5061e39aae007657d01ead28ee59b4d2d3c3612502800978cb1a01e62"
#define SHA256_MANY \
	"0852daa09ce5f04e1a58098fb6b5ba8489dca87f4630eba4b8c8414e5428df83"

static void
a_longer_uid_is_known_by_its_sha256(void **state)
{
	enum { MANY = 1000000 };
	struct listing *l = listing_new(3, 0);
	char *uid = malloc(MANY);

	(void)state;
	memset(uid, 'u', MANY);
	assert_true(listing_add(l, 1, uid, LISTING_UID_MOST + 1));
	assert_true(listing_add(l, 2, uid, MANY));
	uid[MANY - 1] = 'x';
	assert_true(listing_add(l, 3, uid, MANY));
	listing_done(l);
	assert_entry(l, 0, 1, SHA256_71);
	assert_entry(l, 1, 2, SHA256_MANY);
	assert_int_equal(listing_at(l, 2).uid_size, strlen(SHA256_MANY));
	assert_memory_not_equal(listing_at(l, 2).uid, listing_at(l, 1).uid,
				strlen(SHA256_MANY));
	free(uid);
	listing_free(&l);
}

/* Were memory laid out for what STAT says, this would take gigabytes. */
static void
a_count_of_billions_costs_nothing(void **state)
{
	struct rusage before, after;
	struct listing *l;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	l = listing_new(UINT64_MAX, UINT64_MAX);
	assert_true(add(l, 4000000000u, "far"));
	assert_true(add(l, 1, "near"));
	listing_done(l);
	assert_entry(l, 0, 1, "near");
	assert_entry(l, 1, 4000000000u, "far");
	assert_false(listing_is_complete(l));
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 16 * 1024);
	listing_free(&l);
}

/* In squared time this would take minutes. */
static void
a_long_listing_in_reverse_or_shuffled_order_is_no_trouble(void **state)
{
	const uint32_t count = 100003; /* a prime */
	const uint32_t steps[] = { count - 1, 7919 };

	(void)state;
	for (size_t s = 0; s < 2; s++) {
		struct listing *l = listing_new(count, 0);
		uint32_t n = 0;

		for (uint32_t i = 0; i < count; i++) {
			char uid[32];

			n = (uint32_t)(((uint64_t)n + steps[s]) % count);
			snprintf(uid, sizeof(uid), "uid-%u", n + 1);
			assert_true(add(l, n + 1, uid));
			assert_false(add(l, n + 1, uid));
			assert_true(listing_set_size(l, n + 1, n));
		}
		listing_done(l);
		assert_int_equal(listing_count(l), count);
		for (uint32_t i = 0; i < count; i++) {
			assert_int_equal(listing_at(l, i).number, i + 1);
			assert_true(listing_at(l, i).size == i);
		}
		listing_free(&l);
	}
}

static void
what_comes_when_the_listing_is_done_is_left_out(void **state)
{
	struct listing *l = listing_new(3, 0);

	(void)state;
	assert_true(listing_add(l, 1, "", 0));
	assert_true(listing_add(l, 2, "", 0));
	listing_done(l);
	assert_false(listing_add(l, 1, "", 0));
	assert_false(listing_add(l, 3, "", 0));
	assert_true(listing_set_size(l, 2, 20));
	assert_false(listing_set_size(l, 3, 30));
	assert_int_equal(listing_count(l), 2);
	assert_true(listing_at(l, 1).size == 20);
	assert_false(listing_at(l, 0).odd);
	assert_false(listing_is_complete(l));
	listing_free(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_mailbox_is_complete),
		cmocka_unit_test(lines_in_order_are_read_as_they_came),
		cmocka_unit_test(
			lines_in_any_order_are_read_in_order_of_number),
		cmocka_unit_test(a_number_of_zero_or_of_no_end_is_left_out),
		cmocka_unit_test(
			more_than_the_count_are_listed_but_tell_nothing_of_what_is_missing),
		cmocka_unit_test(
			of_a_number_listed_twice_the_first_stays_and_is_odd),
		cmocka_unit_test(
			a_number_listed_twice_is_noticed_out_of_order_too),
		cmocka_unit_test(a_missing_line_makes_it_incomplete),
		cmocka_unit_test(a_size_belongs_to_a_number_that_is_listed),
		cmocka_unit_test(a_listing_without_uids_has_numbers_and_sizes),
		cmocka_unit_test(
			what_comes_when_the_listing_is_done_is_left_out),
		cmocka_unit_test(uids_of_any_bytes_are_kept),
		cmocka_unit_test(a_longer_uid_is_known_by_its_sha256),
		cmocka_unit_test(a_count_of_billions_costs_nothing),
		cmocka_unit_test(
			a_long_listing_in_reverse_or_shuffled_order_is_no_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
