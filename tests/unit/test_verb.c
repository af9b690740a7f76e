/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* --delete, and what people say to its question. */
#include "config.h"

#include "keeper/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "account/chosen.h"
#include "base/clock.h"
#include "phase_scene.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

/* --delete --uid a, which is listed. */
static int
set_up(void **state)
{
	int rc = scene_set_up(state);
	struct scene *x = *state;

	x->settings.mode = SESSION_DELETE;
	x->settings.chosen = chosen_new();
	assert_true(chosen_add(x->settings.chosen, "a"));
	scene_list(x, "a", 100);
	scene_mailbox(x);
	scene_message(x, 1, HEADER, -1);
	return rc;
}

static int
tear_down(void **state)
{
	struct scene *x = *state;

	chosen_free(&x->settings.chosen);
	return scene_tear_down(state);
}

/* What the parent will say. */
static void
reply(struct scene *x, int64_t value)
{
	link_put(x->parent, REPORT_REPLY, 0, value, NULL, 0);
	report_flush(x->parent);
}

static void
run(struct scene *x)
{
	if (verb_run(&x->session, &x->e) != 0)
		fail_msg("%s", x->e.text);
}

static void
a_yes_deletes_what_is_the_same_still(void **state)
{
	struct scene *x = *state;

	reply(x, REPORT_YES);
	scene_message(x, 1, HEADER, -1);
	run(x);
	scene_assert_asked(x, "TOP 1, TOP 1, DELE 1");
}

static void
without_an_answer_in_time_nothing_is_deleted(void **state)
{
	struct scene *x = *state;

	reply(x, REPORT_TOO_LATE);
	run(x);
	scene_assert_asked(x, "TOP 1");
	assert_true(scene_was_told(x, "no answer for 15 minutes: nothing is "
				      "deleted"));
	assert_int_equal(x->session.first.kind, ERR_LATER);
}

static void
what_is_no_answer_is_not_taken_for_one(void **state)
{
	struct scene *x = *state;

	reply(x, REPORT_YES + 1);
	run(x);
	scene_assert_asked(x, "TOP 1");
	assert_int_equal(x->session.first.kind, ERR_STOPPED);
}

/* It is for the parent to keep the time, but it may be stopped. */
static void
a_parent_that_says_nothing_is_not_waited_for(void **state)
{
	struct scene *x = *state;
	enum report_reply r = REPORT_YES;
	int64_t until = clock_ms();
	struct link_record asked;

	assert_int_equal(report_ask(x->report, "Sure?", until, &r, &x->e), 0);
	assert_int_equal(r, REPORT_TOO_LATE);
	assert_int_equal(link_pull(x->parent, &x->e), 0);
	assert_true(link_next(x->parent, &asked));
	assert_int_equal(asked.type, REPORT_ASK);
	assert_int_equal(asked.value, until);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_yes_deletes_what_is_the_same_still),
		TEST(without_an_answer_in_time_nothing_is_deleted),
		TEST(what_is_no_answer_is_not_taken_for_one),
		TEST(a_parent_that_says_nothing_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
