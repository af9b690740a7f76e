/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Payloads between keeper and courier: what was put comes out, nothing else. */
#include "config.h"

#include "link/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "link/facts.h"

static struct fields_reader
reader(const struct fields *f)
{
	return (struct fields_reader){ f->bytes, f->size, false };
}

/* --- fields --- */

static void
what_was_put_comes_out(void **state)
{
	struct fields f = FIELDS_NONE;
	struct fields_reader r;
	char text[] = "before it";

	(void)state;
	fields_put_bool(&f, true);
	fields_put_number(&f, INT64_MIN);
	fields_put_text(&f, "seven77");
	fields_put_number(&f, INT64_MAX);
	fields_put_text(&f, "");
	fields_put_bool(&f, false);
	r = reader(&f);
	assert_true(fields_bool(&r));
	assert_true(fields_number(&r) == INT64_MIN);
	fields_text(&r, text, sizeof(text));
	assert_string_equal(text, "seven77");
	assert_true(fields_number(&r) == INT64_MAX);
	fields_text(&r, text, sizeof(text));
	assert_string_equal(text, "");
	assert_false(fields_are_whole(&r));
	assert_false(fields_bool(&r));
	assert_true(fields_are_whole(&r));
}

static void
what_is_missing_is_nothing_and_is_noticed(void **state)
{
	static const uint8_t behind[16] = { 1, 1 };
	struct fields_reader of_bool = { behind, 0, false };
	struct fields_reader of_number = { behind, 7, false };
	struct fields_reader of_text = { behind, 8, false };
	char text[] = "before";

	(void)state;
	assert_false(fields_bool(&of_bool));
	assert_false(fields_are_whole(&of_bool));
	assert_int_equal(fields_number(&of_number), 0);
	assert_false(fields_are_whole(&of_number));
	fields_text(&of_text, text, sizeof(text));
	assert_string_equal(text, "");
	assert_false(fields_are_whole(&of_text));
}

static void
a_truth_of_two_is_refused(void **state)
{
	static const uint8_t two = 2;
	struct fields_reader r = { &two, 1, false };

	(void)state;
	assert_false(fields_bool(&r));
	assert_false(fields_are_whole(&r));
}

static void
a_text_that_does_not_fit_is_refused(void **state)
{
	struct fields f = FIELDS_NONE;
	struct fields_reader r;
	char text[] = "before";

	(void)state;
	fields_put_text(&f, "1234567");
	r = reader(&f);
	fields_text(&r, text, sizeof(text));
	assert_string_equal(text, "");
	assert_false(fields_are_whole(&r));
}

static void
a_text_of_negative_length_is_refused(void **state)
{
	struct fields f = FIELDS_NONE;
	struct fields_reader r;
	char text[] = "before";

	(void)state;
	fields_put_number(&f, -1);
	r = reader(&f);
	fields_text(&r, text, sizeof(text));
	assert_string_equal(text, "");
	assert_false(fields_are_whole(&r));
}

static void
a_text_with_nul_is_refused(void **state)
{
	struct fields f = FIELDS_NONE;
	struct fields_reader r;
	char text[16];

	(void)state;
	fields_put_text(&f, "abc");
	f.bytes[f.size - 2] = '\0';
	r = reader(&f);
	fields_text(&r, text, sizeof(text));
	assert_string_equal(text, "");
	assert_false(fields_are_whole(&r));
}

static void
behind_what_is_bad_nothing_is_believed(void **state)
{
	struct fields f = FIELDS_NONE;
	struct fields_reader r;
	char text[16];

	(void)state;
	fields_put_bool(&f, true);
	f.bytes[0] = 2;
	fields_put_number(&f, 7);
	fields_put_text(&f, "abc");
	fields_put_bool(&f, true);
	r = reader(&f);
	assert_false(fields_bool(&r));
	assert_int_equal(fields_number(&r), 0);
	fields_text(&r, text, sizeof(text));
	assert_string_equal(text, "");
	assert_false(fields_bool(&r));
	assert_false(fields_are_whole(&r));
}

/* --- facts over a link --- */

static struct link *here, *there;

static int
set_up(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	return link_pair(&here, &there, false, &e);
}

static int
tear_down(void **state)
{
	(void)state;
	link_free(&here);
	link_free(&there);
	return 0;
}

/* The record that was put; its bytes last until the next call. */
static struct link_record
arrived(void)
{
	struct err e = ERR_INIT;
	struct link_record r = { .type = 0 };

	assert_int_equal(link_flush(here, &e), 0);
	assert_int_equal(link_pull(there, &e), 0);
	assert_true(link_next(there, &r));
	return r;
}

static const struct facts some_facts = {
	.encrypted = true,
	.announces_uidl = true,
	.expire_days = 30,
	.login_delay_s = 900,
	.flight = FACTS_FLIGHT_UNHEARD,
	.capa_is_new = true,
	.capa = "UIDL\nTOP\n",
};

static const struct facts_go some_go = {
	.knows_capa = true,
	.capa = "PIPELINING\n",
	.plain = true,
	.trace = true,
};

static bool
is_read(const struct link_record *r)
{
	struct err e = ERR_INIT;
	struct facts facts;
	struct facts_go go;
	int rc = r->type == LINK_GO ? facts_read_go(r, &go, &e)
				    : facts_read(r, &facts, &e);

	assert_int_equal(e.kind, rc == 0 ? ERR_NONE : ERR_INTERNAL);
	return rc == 0;
}

/* Of memory of its own size, that nothing is read behind it. */
static bool
is_read_cut(const struct link_record *whole, size_t size)
{
	struct link_record r = *whole;
	uint8_t *bytes = mem_array(size, 1);
	bool is;

	memcpy(bytes, whole->data, size < whole->size ? size : whole->size);
	r.data = bytes;
	r.size = size;
	is = is_read(&r);
	free(bytes);
	return is;
}

static bool
is_read_with(const struct link_record *whole, size_t at, uint8_t byte)
{
	struct link_record r = *whole;
	uint8_t bytes[256];

	assert_true(whole->size <= sizeof(bytes) && at < whole->size);
	memcpy(bytes, whole->data, whole->size);
	bytes[at] = byte;
	r.data = bytes;
	return is_read(&r);
}

static void
facts_arrive_as_they_were_put(void **state)
{
	struct err e = ERR_INIT;
	struct link_record r;
	struct facts f;

	(void)state;
	facts_put(here, &some_facts);
	r = arrived();
	assert_int_equal(facts_read(&r, &f, &e), 0);
	assert_true(f.encrypted && f.announces_uidl && f.capa_is_new);
	assert_false(f.has_top || f.pipelining || f.capa_broke);
	assert_int_equal(f.expire_days, 30);
	assert_int_equal(f.login_delay_s, 900);
	assert_int_equal(f.flight, FACTS_FLIGHT_UNHEARD);
	assert_string_equal(f.capa, "UIDL\nTOP\n");
}

static void
the_other_facts_arrive_too(void **state)
{
	struct facts f = { .has_top = true,
			   .pipelining = true,
			   .capa_broke = true };
	struct err e = ERR_INIT;
	struct link_record r;

	(void)state;
	memset(f.capa, 'x', sizeof(f.capa) - 1);
	facts_put(here, &f);
	r = arrived();
	f = some_facts;
	assert_int_equal(facts_read(&r, &f, &e), 0);
	assert_true(f.has_top && f.pipelining && f.capa_broke);
	assert_false(f.encrypted || f.announces_uidl || f.capa_is_new);
	assert_int_equal(f.flight, FACTS_FLIGHT_NONE);
	assert_int_equal(strlen(f.capa), FACTS_CAPA_MAX - 1);
}

static void
go_arrives_as_it_was_put(void **state)
{
	struct err e = ERR_INIT;
	struct link_record r;
	struct facts_go go;

	(void)state;
	facts_put_go(here, &some_go);
	r = arrived();
	assert_int_equal(facts_read_go(&r, &go, &e), 0);
	assert_true(go.knows_capa && go.plain && go.trace);
	assert_false(go.was_greeted || go.no_capa || go.wants_sizes);
	assert_string_equal(go.capa, "PIPELINING\n");
}

static void
the_rest_of_go_arrives_too(void **state)
{
	const struct facts_go put = { .was_greeted = true,
				      .no_capa = true,
				      .wants_sizes = true };
	struct facts_go go = some_go;
	struct err e = ERR_INIT;
	struct link_record r;

	(void)state;
	facts_put_go(here, &put);
	r = arrived();
	assert_int_equal(facts_read_go(&r, &go, &e), 0);
	assert_true(go.was_greeted && go.no_capa && go.wants_sizes);
	assert_false(go.knows_capa || go.plain || go.trace);
	assert_string_equal(go.capa, "");
}

static void
a_payload_cut_anywhere_or_too_long_is_refused(void **state)
{
	(void)state;
	facts_put(here, &some_facts);
	facts_put_go(here, &some_go);
	for (int i = 0; i < 2; i++) {
		struct link_record r = arrived();

		for (size_t size = 0; size < r.size; size++)
			assert_false(is_read_cut(&r, size));
		assert_true(is_read_cut(&r, r.size));
		assert_false(is_read_cut(&r, r.size + 1));
	}
}

static void
a_truth_of_two_makes_facts_and_go_malformed(void **state)
{
	enum { EXPIRE = 4, FLIGHT = 20, BROKE = 28, CAPA = 30 };
	struct link_record r;

	(void)state;
	facts_put(here, &some_facts);
	r = arrived();
	for (size_t at = 0; at < EXPIRE; at++)
		assert_false(is_read_with(&r, at, 2));
	for (size_t at = BROKE; at < CAPA; at++)
		assert_false(is_read_with(&r, at, 2));
	facts_put_go(here, &some_go);
	r = arrived();
	assert_false(is_read_with(&r, 0, 2));
	for (size_t at = r.size - 5; at < r.size; at++)
		assert_false(is_read_with(&r, at, 2));
}

static void
another_record_is_neither_facts_nor_go(void **state)
{
	struct err e = ERR_INIT;
	struct link_record r;
	struct facts facts;
	struct facts_go go;

	(void)state;
	facts_put(here, &some_facts);
	r = arrived();
	r.type = LINK_STAT;
	assert_int_equal(facts_read(&r, &facts, &e), -1);
	facts_put_go(here, &some_go);
	r = arrived();
	r.type = LINK_RETR;
	assert_int_equal(facts_read_go(&r, &go, &e), -1);
}

static bool
may_be(const struct facts *f)
{
	struct link_record r;

	facts_put(here, f);
	r = arrived();
	return is_read(&r);
}

static void
numbers_up_to_their_bounds_are_believed_and_no_others(void **state)
{
	struct facts f = some_facts;

	(void)state;
	f.expire_days = FACTS_EXPIRE_UNSAID;
	f.login_delay_s = 0;
	assert_true(may_be(&f));
	f.expire_days = FACTS_EXPIRE_MAX;
	f.login_delay_s = FACTS_LOGIN_DELAY_MAX;
	assert_true(may_be(&f));
	f.expire_days = FACTS_EXPIRE_UNSAID - 1;
	assert_false(may_be(&f));
	f.expire_days = FACTS_EXPIRE_MAX + 1;
	assert_false(may_be(&f));
	f = some_facts;
	f.login_delay_s = -1;
	assert_false(may_be(&f));
	f.login_delay_s = FACTS_LOGIN_DELAY_MAX + 1;
	assert_false(may_be(&f));
}

static void
a_flight_that_does_not_exist_is_refused(void **state)
{
	enum { FLIGHT = 20, NUMBER = 8 };
	struct link_record r;

	(void)state;
	facts_put(here, &some_facts);
	r = arrived();
	for (uint8_t flight = 0; flight < FACTS_FLIGHTS; flight++)
		assert_true(is_read_with(&r, FLIGHT, flight));
	assert_false(is_read_with(&r, FLIGHT, FACTS_FLIGHTS));
	/* negative, or more than an enumeration holds */
	for (size_t at = FLIGHT + 1; at < FLIGHT + NUMBER; at++)
		assert_false(is_read_with(&r, at, 0x80));
}

static void
capabilities_that_are_too_many_are_refused(void **state)
{
	char capa[FACTS_CAPA_MAX + 1];
	struct fields f = FIELDS_NONE;
	struct link_record r = { .type = LINK_GO };

	(void)state;
	memset(capa, 'x', FACTS_CAPA_MAX);
	capa[FACTS_CAPA_MAX] = '\0';
	fields_put_bool(&f, true);
	fields_put_text(&f, capa);
	fields_put_number(&f, 0);
	for (int i = 0; i < 5; i++)
		fields_put_bool(&f, false);
	r.data = f.bytes;
	r.size = f.size;
	assert_false(is_read(&r));
}

#define LINKED(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_comes_out),
		cmocka_unit_test(what_is_missing_is_nothing_and_is_noticed),
		cmocka_unit_test(a_truth_of_two_is_refused),
		cmocka_unit_test(a_text_that_does_not_fit_is_refused),
		cmocka_unit_test(a_text_of_negative_length_is_refused),
		cmocka_unit_test(a_text_with_nul_is_refused),
		cmocka_unit_test(behind_what_is_bad_nothing_is_believed),
		LINKED(facts_arrive_as_they_were_put),
		LINKED(the_other_facts_arrive_too),
		LINKED(go_arrives_as_it_was_put),
		LINKED(the_rest_of_go_arrives_too),
		LINKED(a_payload_cut_anywhere_or_too_long_is_refused),
		LINKED(a_truth_of_two_makes_facts_and_go_malformed),
		LINKED(another_record_is_neither_facts_nor_go),
		LINKED(numbers_up_to_their_bounds_are_believed_and_no_others),
		LINKED(a_flight_that_does_not_exist_is_refused),
		LINKED(capabilities_that_are_too_many_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
