/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A line that is told once a day is on record when the parent has it. */
#include "config.h"

#include "keeper/alarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "phase_scene.h"
#include "state/fact.h"

static struct alarm
refused_for_long(struct scene *x)
{
	static char state[] = "work";

	x->keeper_settings.account.state_file = state;
	x->keeper_settings.target.account = "work";
	return (struct alarm){
		.set = &x->settings,
		.state_dir = x->dir,
		.report = x->report,
		.trouble = { .kind = TROUBLE_REFUSED,
			     .since = clock_unix() - 2 * SCENE_DAY },
	};
}

static void
a_line_is_with_the_parent_when_it_is_on_record(void **state)
{
	struct scene *x = *state;
	struct alarm a = refused_for_long(x);
	struct link_record r;

	alarm_tell(&a, x->session.store);
	assert_true(scene_fact(x, FACT_TROUBLE_TOLD) > 0);
	assert_int_equal(link_pull(x->parent, &x->e), 0);
	assert_true(link_next(x->parent, &r));
	assert_int_equal(r.type, REPORT_LINE);
	assert_int_equal(r.value, REPORT_TROUBLE);
}

static void
an_error_that_says_it_is_told_before_that_is_on_record(void **state)
{
	struct scene *x = *state;
	struct alarm a = refused_for_long(x);
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_LOGIN, "login refused");
	alarm_join(&a, &e);
	assert_non_null(strstr(e.text, "login refused; logins are refused"));
	assert_int_equal(scene_fact(x, FACT_TROUBLE_TOLD), 0);
	alarm_tell(&a, x->session.store);
	assert_true(scene_fact(x, FACT_TROUBLE_TOLD) > 0);
	assert_false(scene_was_told(x, "logins are refused"));
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_with_the_parent_when_it_is_on_record),
		TEST(an_error_that_says_it_is_told_before_that_is_on_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
