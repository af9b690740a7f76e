/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The courier's half of a session, with the keeper played by the test: its orders lie in
 * the link before the courier looks.
 */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "fake_transport.h"
#include "courier/orders.h"

enum { TIMEOUT_MS = 2000 };

#define LISTING "STAT\r\nUIDL\r\n"
#define LISTED	"+OK 2 300\r\n+OK\r\n1 aaa\r\n2 b b\r\n.\r\n"

struct fixture {
	struct fake *fake;
	struct pop3 *pop3;
	struct link *keeper, *courier;
	struct err e;
};

static int
setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct stream *s;

	*state = x;
	x->fake = fake_new();
	stream_new(&s, fake_transport(x->fake), TIMEOUT_MS, CLOCK_NEVER);
	pop3_new(&x->pop3, s, NULL, NULL);
	return link_pair(&x->courier, &x->keeper, true, &x->e);
}

static int
teardown(void **state)
{
	struct fixture *x = *state;

	pop3_free(&x->pop3);
	link_free(&x->keeper);
	link_free(&x->courier);
	fake_free(x->fake);
	free(x);
	return 0;
}

static void
order(struct fixture *x, unsigned type, uint32_t number)
{
	link_put(x->keeper, type, number, 0, NULL, 0);
}

static int
serve(struct fixture *x, bool pipelining, bool wants_sizes)
{
	struct orders_settings settings = {
		.pipelining = pipelining,
		.wants_sizes = wants_sizes,
	};
	struct err e = ERR_INIT;

	assert_int_equal(link_flush(x->keeper, &e), 0);
	return orders_run(x->pop3, x->courier, &settings, &x->e);
}

static void
serve_well(struct fixture *x, bool pipelining)
{
	if (serve(x, pipelining, false) == -1)
		fail_msg("%s", x->e.text);
}

/* The next record, and that it is this one. */
static struct link_record
expect(struct fixture *x, unsigned type, uint32_t number, int64_t value)
{
	struct link_record r = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(link_wait(x->keeper, &r, clock_deadline(1000), &e), 0);
	assert_int_equal(r.type, type);
	assert_int_equal(r.number, number);
	assert_int_equal(r.value, value);
	return r;
}

static void
expect_bytes(struct fixture *x, unsigned type, uint32_t number,
	     const char *bytes)
{
	struct link_record r = expect(x, type, number, 0);

	assert_int_equal(r.size, strlen(bytes));
	assert_memory_equal(r.data, bytes, r.size);
}

static void
expect_listing(struct fixture *x)
{
	expect(x, LINK_STAT, 2, 300);
	expect_bytes(x, LINK_UID, 1, "aaa");
	expect_bytes(x, LINK_UID, 2, "b b");
	expect(x, LINK_LISTED, 0, 1);
}

static void
expect_bye(struct fixture *x)
{
	expect(x, LINK_BYE, 0, 1);
}

/* --- the listing --- */

static void
stat_and_uidl_go_in_one_flight_to_a_server_that_pipelines(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
	order(x, LINK_QUIT, 0);
	serve_well(x, true);
	expect_listing(x);
	expect_bye(x);
}

static void
without_pipelining_there_is_one_command_at_a_time(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, "STAT\r\n", "+OK 2 300\r\n");
	fake_reply(x->fake, "UIDL\r\n", "+OK\r\n1 aaa\r\n2 b b\r\n.\r\n");
	fake_reply(x->fake, "RETR 1\r\n", "+OK\r\none\r\n.\r\n");
	fake_reply(x->fake, "RETR 2\r\n", "+OK\r\ntwo\r\n.\r\n");
	fake_reply(x->fake, "DELE 1\r\n", "+OK\r\n");
	fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
	order(x, LINK_RETR, 1);
	order(x, LINK_RETR, 2);
	order(x, LINK_DELE, 1);
	order(x, LINK_QUIT, 0);
	serve_well(x, false);
	expect_listing(x);
	expect_bytes(x, LINK_CHUNK, 1, "one\n");
	expect(x, LINK_END, 1, 5);
	expect_bytes(x, LINK_CHUNK, 2, "two\n");
	expect(x, LINK_END, 2, 5);
	expect(x, LINK_DELETED, 1, 0);
	expect_bye(x);
}

static void
sizes_come_with_the_listing_when_they_are_wanted(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, "STAT\r\nUIDL\r\nLIST\r\n",
		   LISTED "+OK\r\n1 100\r\n2 -1\r\n.\r\n");
	fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
	order(x, LINK_QUIT, 0);
	assert_int_equal(serve(x, true, true), 0);
	expect(x, LINK_STAT, 2, 300);
	expect_bytes(x, LINK_UID, 1, "aaa");
	expect_bytes(x, LINK_UID, 2, "b b");
	expect(x, LINK_SIZE, 1, 100);
	expect(x, LINK_SIZE, 2, -1);
	expect(x, LINK_LISTED, 0, 1);
}

static void
a_server_without_uidl_is_told_apart(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, "+OK 1 5\r\n-ERR what?\r\n");
	fake_reply(x->fake, "LIST\r\n", "+OK\r\n1 5\r\n.\r\n");
	fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
	order(x, LINK_LIST, 0);
	order(x, LINK_QUIT, 0);
	serve_well(x, true);
	expect(x, LINK_STAT, 1, 5);
	expect(x, LINK_LISTED, 0, 0);
	expect(x, LINK_SIZE, 1, 5);
	expect(x, LINK_LISTED, 0, 1);
	expect_bye(x);
}

static void
a_mailbox_that_is_busy_at_stat_is_not_a_broken_protocol(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, "-ERR [IN-USE] locked\r\n-ERR no\r\n");
	assert_int_equal(serve(x, true, false), -1);
	assert_int_equal(x->e.kind, ERR_LATER);
	assert_non_null(strstr(x->e.text, "STAT"));
}

static void
assert_listing_fails(struct fixture *x, const char *replies, enum err_kind kind,
		     const char *text)
{
	fake_reply(x->fake, "STAT\r\nUIDL\r\n", replies);
	assert_int_equal(serve(x, true, false), -1);
	assert_int_equal(x->e.kind, kind);
	assert_string_equal(x->e.text, text);
}

static void
what_is_refused_in_words_of_trouble_is_trouble(void **state)
{
	assert_listing_fails(*state, "+OK 1 5\r\n-ERR server busy\r\n",
			     ERR_TROUBLE, "UIDL: server said: server busy");
}

static void
a_stat_that_is_refused_in_any_words_is_tried_later(void **state)
{
	assert_listing_fails(*state, "-ERR index broken\r\n-ERR no\r\n",
			     ERR_LATER, "STAT: server said: index broken");
}

static void
a_stat_that_says_nothing_is_an_error_without_uidl_alone(void **state)
{
	assert_listing_fails(*state, "+OK so-so\r\n-ERR what?\r\n",
			     ERR_PROTOCOL, "STAT: malformed reply: 'so-so'");
}

static void
uids_are_passed_whatever_stat_says(void **state)
{
	static const struct {
		const char *stat;
		uint32_t count;
	} cases[] = { { "+OK 1\r\n", 1 }, { "+OK so-so\r\n", UINT32_MAX } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fixture *x = *state;
		char replies[64];

		(void)snprintf(replies, sizeof(replies),
			       "%s+OK\r\n1 aaa\r\n.\r\n", cases[i].stat);
		fake_reply(x->fake, LISTING, replies);
		fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
		order(x, LINK_QUIT, 0);
		serve_well(x, true);
		expect(x, LINK_STAT, cases[i].count, -1);
		expect_bytes(x, LINK_UID, 1, "aaa");
		expect(x, LINK_LISTED, 0, 1);
		expect_bye(x);
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
}

static void
a_status_in_the_listing_is_a_broken_protocol(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, "+OK 1 5\r\n+OK\r\n+OK\r\n.\r\n");
	assert_int_equal(serve(x, true, false), -1);
	assert_int_equal(x->e.kind, ERR_PROTOCOL);
	assert_non_null(strstr(x->e.text, "UIDL"));
}

static void
a_malformed_line_keeps_no_other_from_being_passed(void **state)
{
	struct fixture *x = *state;
	struct link_record r;

	fake_reply(x->fake, LISTING,
		   "+OK 2 5\r\n+OK\r\nx aaa\r\n2 bbb\r\n.\r\n");
	fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
	order(x, LINK_QUIT, 0);
	serve_well(x, true);
	expect(x, LINK_STAT, 2, 5);
	r = expect(x, LINK_UID, 0, LINK_MALFORMED);
	assert_int_equal(r.size, 5);
	assert_memory_equal(r.data, "x aaa", 5);
	expect_bytes(x, LINK_UID, 2, "bbb");
	expect(x, LINK_LISTED, 0, 1);
	expect_bye(x);
}

/* --- orders --- */

static void
orders_go_in_one_flight_and_answers_come_in_their_order(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "RETR 1\r\nTOP 2 0\r\nRETR 2\r\nDELE 1\r\nQUIT\r\n",
		   "+OK\r\n..x\r\n.\r\n+OK\r\nSubject: b\r\n\r\n.\r\n"
		   "-ERR broken\r\n+OK\r\n+OK bye\r\n");
	order(x, LINK_RETR, 1);
	order(x, LINK_TOP, 2);
	order(x, LINK_RETR, 2);
	order(x, LINK_DELE, 1);
	order(x, LINK_QUIT, 0);
	serve_well(x, true);
	expect_listing(x);
	expect_bytes(x, LINK_CHUNK, 1, ".x\n");
	expect(x, LINK_END, 1, 4);
	expect_bytes(x, LINK_CHUNK, 2, "Subject: b\n\n");
	expect(x, LINK_END, 2, 14);
	expect(x, LINK_REFUSED, 2, ERR_MESSAGE);
	expect(x, LINK_DELETED, 1, 0);
	expect_bye(x);
}

static void
nothing_is_sent_behind_quit(void **state)
{
	struct fixture *x = *state;
	size_t size;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
	order(x, LINK_QUIT, 0);
	order(x, LINK_RETR, 1);
	serve_well(x, true);
	assert_string_equal(fake_output(x->fake, &size), LISTING "QUIT\r\n");
}

static void
a_message_without_a_byte_has_an_end_and_no_chunk(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "RETR 1\r\nQUIT\r\n", "+OK\r\n.\r\n+OK\r\n");
	order(x, LINK_RETR, 1);
	order(x, LINK_QUIT, 0);
	serve_well(x, true);
	expect_listing(x);
	expect(x, LINK_END, 1, 0);
	expect_bye(x);
}

static void
the_size_of_one_message_is_one_line(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "LIST 2\r\nLIST 1\r\nQUIT\r\n",
		   "+OK 2 200\r\n-ERR none\r\n+OK\r\n");
	order(x, LINK_LIST, 2);
	order(x, LINK_LIST, 1);
	order(x, LINK_QUIT, 0);
	serve_well(x, true);
	expect_listing(x);
	expect(x, LINK_SIZE, 2, 200);
	expect(x, LINK_LISTED, 2, 1);
	expect(x, LINK_LISTED, 1, 0);
	expect_bye(x);
}

static void
list_of_one_that_is_answered_otherwise_counts_as_not_answered(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "LIST 2\r\n", "+OK 1 200\r\n");
	fake_reply(x->fake, "LIST 1\r\n", "+OK\r\n");
	fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
	order(x, LINK_LIST, 2);
	order(x, LINK_LIST, 1);
	order(x, LINK_QUIT, 0);
	assert_int_equal(serve(x, true, false), 0);
	expect_listing(x);
	expect(x, LINK_LISTED, 2, 0);
	expect(x, LINK_LISTED, 1, 0);
	expect_bye(x);
}

static void
uids_are_listed_once_more(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "UIDL\r\n", "+OK\r\n1 a\r\n2 b\r\n.\r\n");
	fake_reply(x->fake, "QUIT\r\n", "+OK\r\n");
	order(x, LINK_UIDL, 0);
	order(x, LINK_QUIT, 0);
	assert_int_equal(serve(x, true, false), 0);
	expect_listing(x);
	expect(x, LINK_UID, 1, 0);
	expect(x, LINK_UID, 2, 0);
	expect(x, LINK_LISTED, 0, 1);
	expect_bye(x);
}

static void
a_cut_in_a_message_names_the_command_and_sends_no_quit(void **state)
{
	struct fixture *x = *state;
	size_t size;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "RETR 1\r\n", "+OK\r\nhalf a mess");
	fake_end(x->fake);
	order(x, LINK_RETR, 1);
	assert_int_equal(serve(x, true, false), -1);
	assert_int_equal(x->e.kind, ERR_NETWORK);
	assert_non_null(strstr(x->e.text, "RETR 1: "));
	assert_null(strstr(fake_output(x->fake, &size), "QUIT"));
}

static void
a_server_that_closes_instead_of_answering_quit_is_no_failure(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED);
	fake_reply(x->fake, "DELE 2\r\nQUIT\r\n", "+OK\r\n");
	fake_end(x->fake);
	order(x, LINK_DELE, 2);
	order(x, LINK_QUIT, 0);
	serve_well(x, true);
	expect_listing(x);
	expect(x, LINK_DELETED, 2, 0);
	expect(x, LINK_BYE, 0, -1);
}

static void
the_end_of_the_link_ends_the_session_without_quit(void **state)
{
	struct fixture *x = *state;
	size_t size;

	fake_reply(x->fake, LISTING, LISTED);
	link_free(&x->keeper);
	(void)orders_run(x->pop3, x->courier,
			 &(struct orders_settings){ .pipelining = true },
			 &x->e);
	assert_string_equal(fake_output(x->fake, &size), LISTING);
}

static void
bytes_that_nobody_asked_for_are_a_broken_protocol(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED "+OK surprise\r\n");
	assert_int_equal(serve(x, true, false), -1);
	assert_int_equal(x->e.kind, ERR_PROTOCOL);
}

static void
an_order_that_is_none_is_refused(void **state)
{
	struct fixture *x = *state;

	fake_reply(x->fake, LISTING, LISTED);
	order(x, LINK_UID, 1);
	assert_int_equal(serve(x, true, false), -1);
	assert_int_equal(x->e.kind, ERR_INTERNAL);
}

static void
every_split_of_the_replies_gives_the_same_records(void **state)
{
	struct fixture *x = *state;
	struct err e = ERR_INIT;
	struct link_record r;
	static const char replies[] =
		"+OK\r\n..x\r\n.\r\n-ERR no\r\n+OK\r\n+OK\r\n";

	for (size_t cut = 1; cut < sizeof(LISTED) + sizeof(replies) - 2;
	     cut++) {
		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
		x = *state;
		fake_reply(x->fake, LISTING, LISTED);
		fake_reply(x->fake, "RETR 1\r\nRETR 2\r\nDELE 1\r\nQUIT\r\n",
			   replies);
		fake_cut(x->fake, cut);
		order(x, LINK_RETR, 1);
		order(x, LINK_RETR, 2);
		order(x, LINK_DELE, 1);
		order(x, LINK_QUIT, 0);
		serve_well(x, true);
		expect_listing(x);
		do
			assert_int_equal(link_wait(x->keeper, &r,
						   clock_deadline(1000), &e),
					 0);
		while (r.type == LINK_CHUNK);
		assert_int_equal(r.type, LINK_END);
		expect(x, LINK_REFUSED, 2, ERR_MESSAGE);
		expect(x, LINK_DELETED, 1, 0);
		expect_bye(x);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stat_and_uidl_go_in_one_flight_to_a_server_that_pipelines),
		TEST(without_pipelining_there_is_one_command_at_a_time),
		TEST(sizes_come_with_the_listing_when_they_are_wanted),
		TEST(a_server_without_uidl_is_told_apart),
		TEST(a_mailbox_that_is_busy_at_stat_is_not_a_broken_protocol),
		TEST(what_is_refused_in_words_of_trouble_is_trouble),
		TEST(a_stat_that_is_refused_in_any_words_is_tried_later),
		TEST(a_stat_that_says_nothing_is_an_error_without_uidl_alone),
		TEST(uids_are_passed_whatever_stat_says),
		TEST(a_status_in_the_listing_is_a_broken_protocol),
		TEST(a_malformed_line_keeps_no_other_from_being_passed),
		TEST(orders_go_in_one_flight_and_answers_come_in_their_order),
		TEST(nothing_is_sent_behind_quit),
		TEST(a_message_without_a_byte_has_an_end_and_no_chunk),
		TEST(the_size_of_one_message_is_one_line),
		TEST(list_of_one_that_is_answered_otherwise_counts_as_not_answered),
		TEST(uids_are_listed_once_more),
		TEST(a_cut_in_a_message_names_the_command_and_sends_no_quit),
		TEST(a_server_that_closes_instead_of_answering_quit_is_no_failure),
		TEST(the_end_of_the_link_ends_the_session_without_quit),
		TEST(bytes_that_nobody_asked_for_are_a_broken_protocol),
		TEST(an_order_that_is_none_is_refused),
		TEST(every_split_of_the_replies_gives_the_same_records),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
