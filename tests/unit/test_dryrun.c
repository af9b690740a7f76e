/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What --dry-run and --check say, and to whom. */
#include "config.h"

#include "keeper/dryrun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "keeper/compare.h"
#include "phase_scene.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

enum { KEEP_DAYS = 14, OLD_DAYS = 20 };

static int
set_up(void **state)
{
	int rc = scene_set_up(state);
	struct scene *x = *state;

	x->settings.mode = SESSION_DRY_RUN;
	return rc;
}

/* The next line, who is to see it, and its words. */
static void
assert_line(struct scene *x, enum report_level level, const char *text)
{
	struct link_record r;
	char *line;

	report_flush(x->report);
	assert_int_equal(link_pull(x->parent, &x->e), 0);
	assert_true(link_next(x->parent, &r));
	assert_int_equal(r.type, REPORT_LINE);
	line = mem_format("%.*s", (int)r.size, (const char *)r.data);
	assert_string_equal(line, text);
	assert_int_equal(r.value, level);
	free(line);
}

static void
say(struct scene *x)
{
	dryrun_say(&x->session);
}

/* --- one message --- */

static void
what_is_new_would_be_fetched(void **state)
{
	struct scene *x = *state;

	scene_list(x, "a", 100);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER,
		    "would fetch message 1 (uid 'a'), 100 B: new");
	assert_line(x, REPORT_ANSWER, "1 message: would fetch 1 and delete 0");
}

static void
what_is_new_and_not_kept_would_be_deleted_too(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	scene_list(x, "a", 100);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER,
		    "would fetch message 1 (uid 'a'), 100 B: new");
	assert_line(x, REPORT_ANSWER,
		    "would delete message 1 (uid 'a') once delivered");
	assert_line(x, REPORT_ANSWER, "1 message: would fetch 1 and delete 0");
}

static void
what_has_no_uid_and_no_size_is_called_so(void **state)
{
	struct scene *x = *state;

	scene_list(x, "", -1);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER,
		    "would fetch message 1, unknown size: "
		    "without uid, compared with earlier ones");
}

static void
what_is_kept_is_said_to_those_who_ask(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_VERBOSE,
		    "would keep message 1 (uid 'a'), 100 B: "
		    "delivered 20 days ago, kept");
	assert_line(x, REPORT_ANSWER, "1 message: would fetch 0 and delete 0");
}

static void
the_size_on_record_is_said_where_none_is_listed(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 2048, HEADER, 2048, OLD_DAYS);
	scene_list(x, "a", -1);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_VERBOSE,
		    "would keep message 1 (uid 'a'), 2 KiB: "
		    "delivered 20 days ago, kept");
}

static void
what_a_list_said_is_kept(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", -1, NULL, 0, OLD_DAYS);
	x->keeper_settings.rules.keep_s = 0;
	scene_list(x, "a", 100);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_VERBOSE,
		    "would keep message 1 (uid 'a'), 100 B: recorded as "
		    "delivered, its header is to be recorded too");
	assert_line(x, REPORT_ANSWER, "1 message: would fetch 0 and delete 0");
}

static void
what_is_due_would_be_deleted(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	scene_list(x, "a", 100);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER,
		    "would delete message 1 (uid 'a'), 100 B: "
		    "delivered 20 days ago, kept for 14 days");
	assert_line(x, REPORT_ANSWER, "1 message: would fetch 0 and delete 1");
}

static void
what_is_open_would_be_compared(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	scene_list(x, "a", 107);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER,
		    "would compare message 1 (uid 'a'), 107 B: "
		    "known uid, to be compared");
	assert_line(x, REPORT_ANSWER, "1 message: would fetch 0 and delete 0");
}

static void
what_is_too_large_would_be_left(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.max_size = 1024;
	scene_list(x, "a", 2048);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER,
		    "would leave message 1 (uid 'a'), 2 KiB: "
		    "larger than 1 KiB");
}

static void
what_was_set_aside_would_be_left(void **state)
{
	struct scene *x = *state;

	(void)scene_aside(x, "a", 100, 3);
	scene_list(x, "a", 100);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER,
		    "would leave message 1 (uid 'a'), 100 B: "
		    "set aside, next try in 3 hours");
}

static void
what_is_beyond_the_new_ones_of_a_run_would_be_left(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.max_messages = 2;
	scene_list(x, "a", 100);
	scene_list(x, "b", 100);
	scene_list(x, "c", 100);
	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER,
		    "would fetch message 1 (uid 'a'), 100 B: new");
	assert_line(x, REPORT_ANSWER,
		    "would fetch message 2 (uid 'b'), 100 B: new");
	assert_line(x, REPORT_ANSWER,
		    "would leave message 3 (uid 'c'), 100 B: "
		    "left for a later run: 'max_messages' is 2");
	assert_line(x, REPORT_ANSWER, "3 messages: would fetch 2 and delete 0");
}

/* --- behind a comparison --- */

static void
what_top_has_settled_is_said_as_it_is(void **state)
{
	struct scene *x = *state;

	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	(void)scene_row(x, "b", 100, HEADER, 100, OLD_DAYS);
	x->keeper_settings.rules.keep_s = KEEP_DAYS * SCENE_DAY;
	scene_list(x, "a", 107);
	scene_list(x, "b", 100);
	scene_mailbox(x);
	scene_message(x, 1, HEADER, -1);
	scene_message(x, 2, "Message-ID: <2@x>\n\n", -1);
	assert_int_equal(compare_run(&x->session, false, &x->e), 0);
	say(x);
	scene_assert_asked(x, "TOP 1, TOP 2");
	assert_line(x, REPORT_ANSWER,
		    "would delete message 1 (uid 'a'), 107 B: "
		    "delivered 20 days ago, kept for 14 days");
	assert_line(x, REPORT_ANSWER,
		    "would fetch message 2 (uid 'b'), 100 B: new");
	assert_line(x, REPORT_ANSWER, "2 messages: would fetch 1 and delete 1");
}

/* --- how many --- */

static void
an_empty_mailbox_is_said_to_be_empty(void **state)
{
	struct scene *x = *state;

	scene_mailbox(x);
	say(x);
	assert_line(x, REPORT_ANSWER, "0 messages: would fetch 0 and delete 0");
}

static void
a_check_says_how_many_are_new(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_CHECK;
	(void)scene_row(x, "a", 100, HEADER, 100, OLD_DAYS);
	scene_list(x, "a", 100);
	scene_list(x, "b", 100);
	scene_mailbox(x);
	dryrun_count(&x->session);
	assert_line(x, REPORT_ANSWER, "1 new message");
	scene_assert_asked(x, "");
}

static void
a_check_says_that_none_is_new(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_CHECK;
	scene_mailbox(x);
	dryrun_count(&x->session);
	assert_line(x, REPORT_ANSWER, "0 new messages");
}

static void
what_is_listed_twice_would_not_be_deleted(void **state)
{
	struct scene *x = *state;

	x->settings.mode = SESSION_DRY_RUN;
	x->keeper_settings.rules.keep_s = 0;
	scene_list(x, "a", 100);
	assert_false(listing_add(x->listing, 1, "b", 1));
	scene_mailbox_as_listed(x);
	dryrun_say(&x->session);
	assert_true(scene_was_told(x, "would fetch message 1"));
	assert_false(scene_was_told(x, "would delete message 1"));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_new_would_be_fetched),
		TEST(what_is_new_and_not_kept_would_be_deleted_too),
		TEST(what_has_no_uid_and_no_size_is_called_so),
		TEST(what_is_kept_is_said_to_those_who_ask),
		TEST(the_size_on_record_is_said_where_none_is_listed),
		TEST(what_a_list_said_is_kept),
		TEST(what_is_due_would_be_deleted),
		TEST(what_is_open_would_be_compared),
		TEST(what_is_too_large_would_be_left),
		TEST(what_was_set_aside_would_be_left),
		TEST(what_is_beyond_the_new_ones_of_a_run_would_be_left),
		TEST(what_top_has_settled_is_said_as_it_is),
		TEST(an_empty_mailbox_is_said_to_be_empty),
		TEST(a_check_says_how_many_are_new),
		TEST(a_check_says_that_none_is_new),
		TEST(what_is_listed_twice_would_not_be_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
