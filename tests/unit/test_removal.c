/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* DELE and QUIT: what is asked, and what is on record before it is. */
#include "config.h"

#include "keeper/removal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "phase_scene.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"

static void
without_the_record_no_dele_is_sent(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	scene_list(x, "a", 100);
	scene_mailbox(x);
	removal_add(&x->session, 0, id);
	store_doubt(x->session.store);
	assert_int_equal(removal_run(&x->session, &x->e), -1);
	scene_assert_asked(x, "");
}

static void
that_dele_was_sent_is_on_record_before_it_is(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	scene_list(x, "a", 100);
	scene_mailbox(x);
	removal_add(&x->session, 0, id);
	assert_int_equal(removal_run(&x->session, &x->e), 0);
	assert_int_not_equal(scene_row_now(x, id).dele_sent, 0);
	scene_assert_asked(x, "DELE 1");
	scene_answer(x, LINK_DELETED, 1, 0, "");
	scene_answer(x, LINK_BYE, 0, 1, "bye");
	assert_int_equal(removal_quit(&x->session, &x->e), 0);
	scene_assert_asked(x, "QUIT");
	assert_int_equal(x->result.deleted, 1);
}

static void
what_no_quit_has_confirmed_is_not_called_deleted(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	scene_list(x, "a", 100);
	scene_mailbox(x);
	removal_add(&x->session, 0, id);
	assert_int_equal(removal_run(&x->session, &x->e), 0);
	scene_answer(x, LINK_DELETED, 1, 0, "");
	scene_answer(x, LINK_BYE, 0, -1, "connection closed");
	assert_int_equal(removal_quit(&x->session, &x->e), 0);
	assert_int_equal(x->result.deleted, 0);
	assert_true(scene_was_told(x, "deletion not confirmed"));
}

static void
a_message_is_deleted_once(void **state)
{
	struct scene *x = *state;
	int64_t id = scene_row(x, "a", 100, HEADER, 100, 20);

	scene_list(x, "a", 100);
	scene_mailbox(x);
	removal_add(&x->session, 0, id);
	removal_add(&x->session, 0, id);
	assert_int_equal(removal_run(&x->session, &x->e), 0);
	scene_answer(x, LINK_DELETED, 1, 0, "");
	scene_answer(x, LINK_BYE, 0, 1, "");
	assert_int_equal(removal_quit(&x->session, &x->e), 0);
	scene_assert_asked(x, "DELE 1, QUIT");
}

static void
a_refused_dele_is_told_and_keeps_nothing_else_from_going(void **state)
{
	struct scene *x = *state;
	int64_t a = scene_row(x, "a", 100, HEADER, 100, 20);
	int64_t b = scene_row(x, "b", 100, HEADER, 100, 20);

	scene_list(x, "a", 100);
	scene_list(x, "b", 100);
	scene_mailbox(x);
	removal_add(&x->session, 0, a);
	removal_add(&x->session, 1, b);
	assert_int_equal(removal_run(&x->session, &x->e), 0);
	scene_refuse(x, 1, ERR_MESSAGE, "server said: locked");
	scene_answer(x, LINK_DELETED, 2, 0, "");
	scene_answer(x, LINK_BYE, 0, 1, "");
	assert_int_equal(removal_quit(&x->session, &x->e), 0);
	assert_int_equal(x->result.deleted, 1);
	assert_true(scene_was_told(x, "DELE 1: server said: locked"));
	assert_int_equal(x->session.first.kind, ERR_MESSAGE);
	assert_true(x->session.first.told);
}

static void
a_server_that_deletes_what_was_retrieved_hears_no_quit(void **state)
{
	struct scene *x = *state;

	x->session.facts.expire_days = 0;
	scene_list(x, "a", 100);
	scene_mailbox(x);
	mailbox_mark(x->session.mailbox, 0, MAILBOX_RETRIEVED);
	assert_int_equal(removal_quit(&x->session, &x->e), 0);
	scene_assert_asked(x, "");
	mailbox_mark(x->session.mailbox, 0, MAILBOX_DELIVERED);
	scene_answer(x, LINK_BYE, 0, 1, "");
	assert_int_equal(removal_quit(&x->session, &x->e), 0);
	scene_assert_asked(x, "QUIT");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_the_record_no_dele_is_sent),
		TEST(that_dele_was_sent_is_on_record_before_it_is),
		TEST(what_no_quit_has_confirmed_is_not_called_deleted),
		TEST(a_message_is_deleted_once),
		TEST(a_refused_dele_is_told_and_keeps_nothing_else_from_going),
		TEST(a_server_that_deletes_what_was_retrieved_hears_no_quit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
