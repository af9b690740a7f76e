/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What is remembered of a server, of which one, and for how long. */
#include "config.h"

#include "account/server_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "store_home.h"

enum { DAY = 86400 };
static const int64_t start = 1795255200;
static const int64_t some_decades = 30 * INT64_C(365) * DAY;

static char host[] = "pop.example.org", other_host[] = "pop.example.net";
static const struct server here = {
	.host = host,
	.port = 995,
	.tls = SERVER_TLS_IMPLICIT,
};

/* --- sessions, and what the next one is told --- */

static void
note_of(struct store *s, const struct server *server, const struct facts *f,
	int64_t now)
{
	struct err e = ERR_INIT;

	home_begin(s);
	if (server_memory_note(s, server, f, now, &e) != 0)
		fail_msg("%s", e.text);
	home_commit(s);
}

static void
note_capa(struct store *s, const char *capa, int64_t now)
{
	struct facts f = { .capa_is_new = true };

	(void)strcpy(f.capa, capa);
	note_of(s, &here, &f, now);
}

static void
note_capa_broke(struct store *s, int64_t now)
{
	const struct facts f = { .capa_broke = true };

	note_of(s, &here, &f, now);
}

static void
note_flight(struct store *s, enum facts_flight flight, int64_t now)
{
	const struct facts f = { .flight = flight };

	note_of(s, &here, &f, now);
}

static void
fail_with(struct store *s, enum facts_flight flight, int64_t now)
{
	struct err e = ERR_INIT;

	if (server_memory_forget(s, &here, flight, now, &e) != 0)
		fail_msg("%s", e.text);
}

static struct facts_go
known_of(struct store *s, const struct server *server, int64_t now)
{
	struct facts_go go = { .trace = true, .wants_sizes = true };
	struct err e = ERR_INIT;

	if (server_memory_load(s, server, now, &go, &e) != 0)
		fail_msg("%s", e.text);
	assert_true(go.trace && go.wants_sizes); /* the caller's */
	return go;
}

static bool
knows_capa(struct store *s, int64_t now)
{
	return known_of(s, &here, now).knows_capa;
}

static bool
is_plain(struct store *s, int64_t now)
{
	return known_of(s, &here, now).plain;
}

static bool
spares_capa(struct store *s, int64_t now)
{
	return known_of(s, &here, now).no_capa;
}

/* --- capabilities --- */

static void
of_a_server_that_is_new_nothing_is_known(void **state)
{
	struct store *s = home_open(*state);
	struct facts_go go = known_of(s, &here, start);

	assert_false(go.knows_capa || go.plain || go.no_capa || go.was_greeted);
	store_close(&s);
}

static void
capabilities_are_known_for_a_week(void **state)
{
	struct store *s = home_open(*state);

	note_capa(s, "UIDL\nTOP\n", start);
	assert_true(knows_capa(s, start));
	assert_string_equal(known_of(s, &here, start).capa, "UIDL\nTOP\n");
	assert_true(knows_capa(s, start + 7 * DAY - 1));
	assert_false(knows_capa(s, start + 7 * DAY));
	store_close(&s);
}

static void
a_session_that_did_not_ask_does_not_make_them_last_longer(void **state)
{
	struct store *s = home_open(*state);

	note_capa(s, "UIDL\n", start);
	note_flight(s, FACTS_FLIGHT_HEARD, start + 3 * DAY);
	assert_string_equal(known_of(s, &here, start + 3 * DAY).capa, "UIDL\n");
	assert_false(knows_capa(s, start + 7 * DAY));
	store_close(&s);
}

static void
capabilities_asked_for_again_are_the_new_ones(void **state)
{
	struct store *s = home_open(*state);

	note_capa(s, "UIDL\nTOP\n", start);
	note_capa(s, "UIDL\n", start + 8 * DAY);
	assert_string_equal(known_of(s, &here, start + 9 * DAY).capa, "UIDL\n");
	store_close(&s);
}

static void
a_session_that_fails_forgets_capabilities(void **state)
{
	struct store *s = home_open(*state);

	note_capa(s, "UIDL\n", start);
	fail_with(s, FACTS_FLIGHT_NONE, start + DAY);
	assert_false(knows_capa(s, start + DAY));
	assert_false(is_plain(s, start + DAY));
	store_close(&s);
}

static void
what_is_known_lasts_from_run_to_run(void **state)
{
	struct store *s = home_open(*state);

	note_capa(s, "UIDL\n", start);
	home_reopen(*state, &s);
	assert_true(knows_capa(s, start + DAY));
	store_close(&s);
}

/* --- whose they are --- */

static void
another_host_port_or_tls_is_another_server(void **state)
{
	struct store *s = home_open(*state);
	struct server others[3] = { here, here, here };

	others[0].host = other_host;
	others[1].port = 110;
	others[2].tls = SERVER_TLS_STARTTLS;
	note_capa(s, "UIDL\n", start);
	note_capa_broke(s, start);
	note_capa_broke(s, start);
	note_flight(s, FACTS_FLIGHT_UNHEARD, start);
	for (int i = 0; i < 3; i++) {
		struct facts_go go = known_of(s, &others[i], start);

		assert_false(go.knows_capa || go.plain || go.no_capa ||
			     go.was_greeted);
	}
	assert_true(is_plain(s, start) && spares_capa(s, start));
	store_close(&s);
}

static void
after_a_session_with_another_server_the_first_is_new(void **state)
{
	const struct facts nothing_new = { .flight = FACTS_FLIGHT_NONE };
	struct store *s = home_open(*state);
	struct server other = here;
	struct facts_go go;

	other.port = 110;
	note_capa(s, "UIDL\n", start);
	note_capa_broke(s, start);
	note_capa_broke(s, start);
	note_flight(s, FACTS_FLIGHT_UNHEARD, start);
	note_of(s, &other, &nothing_new, start);
	note_flight(s, FACTS_FLIGHT_NONE, start);
	go = known_of(s, &here, start);
	assert_false(go.knows_capa || go.plain || go.no_capa);
	store_close(&s);
}

static void
a_server_without_capa_is_known_to_have_greeted_for_good(void **state)
{
	const struct facts no_capa = { .has_top = true };
	struct store *s = home_open(*state);

	note_of(s, &here, &no_capa, start);
	fail_with(s, FACTS_FLIGHT_NONE, start + DAY);
	assert_true(known_of(s, &here, start + some_decades).was_greeted);
	store_close(&s);
}

/* --- what comes along with a login --- */

static void
who_throws_it_away_gets_one_command_at_a_time_for_good(void **state)
{
	struct store *s = home_open(*state);

	note_flight(s, FACTS_FLIGHT_UNHEARD, start);
	assert_true(is_plain(s, start));
	assert_true(is_plain(s, start + some_decades));
	note_flight(s, FACTS_FLIGHT_NONE, start + DAY);
	assert_true(is_plain(s, start + DAY));
	store_close(&s);
}

static void
who_fails_once_is_tried_again(void **state)
{
	struct store *s = home_open(*state);

	note_flight(s, FACTS_FLIGHT_FAILED, start);
	assert_false(is_plain(s, start));
	store_close(&s);
}

static void
who_fails_twice_in_a_row_is_spared_for_a_week(void **state)
{
	struct store *s = home_open(*state);

	note_flight(s, FACTS_FLIGHT_FAILED, start);
	note_flight(s, FACTS_FLIGHT_FAILED, start + 60);
	assert_true(is_plain(s, start + 60));
	assert_true(is_plain(s, start + 60 + 7 * DAY - 1));
	assert_false(is_plain(s, start + 60 + 7 * DAY));
	store_close(&s);
}

static void
a_failure_that_did_not_come_again_does_not_count(void **state)
{
	struct store *s = home_open(*state);

	note_flight(s, FACTS_FLIGHT_FAILED, start);
	note_flight(s, FACTS_FLIGHT_HEARD, start + 60);
	note_flight(s, FACTS_FLIGHT_FAILED, start + 120);
	assert_false(is_plain(s, start + 120));
	store_close(&s);
}

/* The first session of the run had the mailbox still, so that a second one could
 * not show whether it was that. */
static void
a_session_that_failed_by_it_is_not_tried_so_again_for_a_week(void **state)
{
	struct store *s = home_open(*state);

	fail_with(s, FACTS_FLIGHT_FAILED, start);
	assert_true(is_plain(s, start));
	assert_false(is_plain(s, start + 7 * DAY));
	store_close(&s);
}

static void
a_session_that_failed_since_it_was_thrown_away_is_never_tried_so_again(
	void **state)
{
	struct store *s = home_open(*state);

	fail_with(s, FACTS_FLIGHT_UNHEARD, start);
	assert_true(is_plain(s, start + some_decades));
	store_close(&s);
}

static void
a_session_that_failed_otherwise_says_nothing_of_it(void **state)
{
	struct store *s = home_open(*state);

	note_flight(s, FACTS_FLIGHT_UNHEARD, start);
	note_capa(s, "UIDL\n", start);
	fail_with(s, FACTS_FLIGHT_NONE, start);
	assert_true(is_plain(s, start + some_decades));
	store_close(&s);
}

/* --- CAPA --- */

static void
who_hangs_on_capa_once_is_asked_again(void **state)
{
	struct store *s = home_open(*state);

	note_capa_broke(s, start);
	assert_false(spares_capa(s, start));
	store_close(&s);
}

static void
who_hangs_on_capa_twice_in_a_row_is_spared_for_30_days(void **state)
{
	struct store *s = home_open(*state);

	note_capa_broke(s, start);
	note_capa_broke(s, start + 60);
	assert_true(spares_capa(s, start + 60));
	assert_true(spares_capa(s, start + 60 + 30 * DAY - 1));
	assert_false(spares_capa(s, start + 60 + 30 * DAY));
	store_close(&s);
}

static void
who_answers_capa_in_between_is_asked_again(void **state)
{
	struct store *s = home_open(*state);

	note_capa_broke(s, start);
	note_capa(s, "UIDL\n", start + 60);
	note_capa_broke(s, start + 120);
	assert_false(spares_capa(s, start + 120));
	store_close(&s);
}

/* --- ways to log in --- */

static void
assert_login(struct store *s, const struct server *server, int64_t now,
	     int64_t expected)
{
	assert_int_equal(known_of(s, server, now).login, expected);
}

static void
what_a_login_has_shown_is_known_for_30_days(void **state)
{
	struct store *s = home_open(*state);
	struct server other = here;
	struct err e = ERR_INIT;

	other.host = other_host;
	assert_login(s, &here, start, 0);
	assert_int_equal(server_memory_note_login(s, &here, 77, start, &e), 0);
	assert_login(s, &here, start, 77);
	assert_login(s, &here, start + 30 * DAY - 1, 77);
	assert_login(s, &here, start + 30 * DAY, 0);
	assert_login(s, &here, start - some_decades, 0);
	assert_login(s, &other, start, 0);
	fail_with(s, FACTS_FLIGHT_NONE, start);
	assert_login(s, &here, start, 77);
	note_of(s, &other, &(struct facts){ .capa_is_new = true }, start);
	note_capa(s, "UIDL\n", start);
	assert_login(s, &here, start, 0);
	store_close(&s);
}

/* --- a clock that was wrong --- */

static void
after_a_clock_was_set_back_capabilities_are_asked_for_anew(void **state)
{
	struct store *s = home_open(*state);

	note_capa(s, "UIDL\n", start + some_decades);
	assert_false(knows_capa(s, start));
	store_close(&s);
}

static void
after_a_clock_was_set_back_nobody_is_spared_for_decades(void **state)
{
	struct store *s = home_open(*state);

	for (int i = 0; i < 2; i++) {
		note_flight(s, FACTS_FLIGHT_FAILED, start + some_decades);
		note_capa_broke(s, start + some_decades);
	}
	assert_false(is_plain(s, start));
	assert_false(spares_capa(s, start));
	store_close(&s);
}

static void
one_failure_under_a_clock_that_is_set_back_may_be_chance(void **state)
{
	struct store *s = home_open(*state);

	note_flight(s, FACTS_FLIGHT_FAILED, start + 3 * DAY);
	note_capa_broke(s, start + 3 * DAY);
	assert_false(is_plain(s, start));
	assert_false(spares_capa(s, start));
	store_close(&s);
}

static void
who_throws_it_away_does_so_whatever_the_clock_says(void **state)
{
	struct store *s = home_open(*state);

	note_flight(s, FACTS_FLIGHT_UNHEARD, start + some_decades);
	assert_true(is_plain(s, start));
	store_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_a_server_that_is_new_nothing_is_known),
		TEST(capabilities_are_known_for_a_week),
		TEST(a_session_that_did_not_ask_does_not_make_them_last_longer),
		TEST(capabilities_asked_for_again_are_the_new_ones),
		TEST(a_session_that_fails_forgets_capabilities),
		TEST(what_is_known_lasts_from_run_to_run),
		TEST(another_host_port_or_tls_is_another_server),
		TEST(after_a_session_with_another_server_the_first_is_new),
		TEST(a_server_without_capa_is_known_to_have_greeted_for_good),
		TEST(who_throws_it_away_gets_one_command_at_a_time_for_good),
		TEST(who_fails_once_is_tried_again),
		TEST(who_fails_twice_in_a_row_is_spared_for_a_week),
		TEST(a_failure_that_did_not_come_again_does_not_count),
		TEST(a_session_that_failed_by_it_is_not_tried_so_again_for_a_week),
		TEST(a_session_that_failed_since_it_was_thrown_away_is_never_tried_so_again),
		TEST(a_session_that_failed_otherwise_says_nothing_of_it),
		TEST(who_hangs_on_capa_once_is_asked_again),
		TEST(who_hangs_on_capa_twice_in_a_row_is_spared_for_30_days),
		TEST(who_answers_capa_in_between_is_asked_again),
		TEST(after_a_clock_was_set_back_capabilities_are_asked_for_anew),
		TEST(after_a_clock_was_set_back_nobody_is_spared_for_decades),
		TEST(what_a_login_has_shown_is_known_for_30_days),
		TEST(one_failure_under_a_clock_that_is_set_back_may_be_chance),
		TEST(who_throws_it_away_does_so_whatever_the_clock_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
