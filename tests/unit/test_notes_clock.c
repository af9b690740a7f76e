/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Since when a message is gone, where the clock was wrong. */
#include "config.h"

#include "keeper/notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "phase_scene.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

enum { YEAR_2010 = 1262304000 };

/* Of two messages on record the server lists "a" alone; the id of the other. */
static int64_t
lose_one(struct scene *x)
{
	int64_t id;

	(void)scene_row(x, "a", 100, HEADER, 100, 1);
	id = scene_row(x, "b", 200, HEADER, 200, 1);
	scene_list(x, "a", 100);
	return id;
}

static void
save(struct scene *x)
{
	if (!x->session.mailbox)
		scene_mailbox(x);
	if (notes_save(&x->session, true, &x->e) != 0)
		fail_msg("%s", x->e.text);
}

static void
by_a_clock_that_stepped_back_it_is_gone_since_where_that_was(void **state)
{
	struct scene *x = *state;
	int64_t right = x->session.now, id = lose_one(x);

	x->session.now = YEAR_2010;
	x->session.clock.last_run = YEAR_2010 - 60;
	x->session.clock.high = right;
	x->session.clock_is_doubted = true;
	save(x);
	assert_int_equal(scene_row_now(x, id).gone_since, right);
}

static void
since_a_time_that_cannot_be_counts_from_now_and_is_not_forgotten(void **state)
{
	struct scene *x = *state;
	int64_t id = lose_one(x);

	assert_int_equal(phase_begin_note(&x->session, &x->e), 0);
	assert_int_equal(store_set_gone(x->session.store, id, YEAR_2010, &x->e),
			 0);
	assert_int_equal(phase_end_note(&x->session, 0, &x->e), 0);
	save(x);
	assert_int_equal(scene_row_count(x), 2);
	assert_int_equal(scene_row_now(x, id).gone_since, x->session.now);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_a_clock_that_stepped_back_it_is_gone_since_where_that_was),
		TEST(since_a_time_that_cannot_be_counts_from_now_and_is_not_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
