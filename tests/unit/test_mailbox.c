/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The mailbox of a session: names, sizes, marks, digests and octets. */
#include "config.h"

#include "session/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "plan_scene.h"

static struct scene scene;

/* Rows and entries as plan_scene.h has them; not decided. */
static struct mailbox *
undecided(const char *rows, const char *listed)
{
	struct mailbox *m;

	scene_set(&scene, rows, listed, "", 0);
	plan_free(&scene.p);
	m = mailbox_new(scene.l, scene.rows, true);
	scene.l = NULL;
	scene.rows = NULL;
	return m;
}

static struct mailbox *
decided(const char *rows, const char *listed)
{
	struct mailbox *m = undecided(rows, listed);

	mailbox_decide(m, &scene.rules);
	return m;
}

static void
end(struct mailbox *m)
{
	mailbox_free(&m);
	assert_null(m);
	scene_end(&scene);
}

/* --- names and sizes --- */

static void
assert_named(const struct mailbox *m, size_t entry, const char *expected)
{
	char name[MAILBOX_NAME_MAX];

	mailbox_name(m, entry, name);
	assert_string_equal(name, expected);
}

static void
a_message_is_called_by_its_number_and_uid(void **state)
{
	struct mailbox *m = decided("", "abc:100 -:100");

	(void)state;
	assert_named(m, 0, "message 1 (uid 'abc')");
	assert_named(m, 1, "message 2");
	end(m);
}

static void
what_a_terminal_would_obey_is_no_part_of_a_name(void **state)
{
	struct mailbox *m = decided("", "a\033[2J:100");

	(void)state;
	assert_named(m, 0, "message 1 (uid 'a\\x1b[2J')");
	end(m);
}

static void
a_uid_that_takes_much_room_is_cut(void **state)
{
	char listed[80], name[MAILBOX_NAME_MAX];
	struct mailbox *m;

	(void)state;
	memset(listed, '\1', 70);
	(void)strcpy(listed + 70, ":100");
	m = decided("", listed);
	mailbox_name(m, 0, name);
	assert_in_range(strlen(name), 100, MAILBOX_NAME_MAX - 1);
	assert_string_equal(name + strlen(name) - 6, "\\x01')");
	end(m);
}

static void
a_size_is_as_listed_or_as_recorded_or_unknown(void **state)
{
	struct mailbox *m = decided("a:100:D b:200:D", "a:100 b:? c:?");

	(void)state;
	assert_int_equal(mailbox_count(m), 3);
	assert_int_equal(mailbox_size(m, 0), 100);
	assert_int_equal(mailbox_size(m, 1), 200);
	assert_int_equal(mailbox_size(m, 2), LISTING_SIZE_UNKNOWN);
	assert_int_equal(mailbox_at(m, 1).size, LISTING_SIZE_UNKNOWN);
	assert_int_equal(mailbox_number(m, 2), 3);
	end(m);
}

static void
a_message_has_the_row_that_the_plan_has_for_it(void **state)
{
	struct mailbox *m = decided("a:100:D b:200:S", "b:200 c:300");
	struct store_row row;

	(void)state;
	assert_true(mailbox_row(m, 0, &row));
	assert_int_equal(row.status, STORE_SET_ASIDE);
	assert_int_equal(mailbox_action(m, 0), PLAN_FETCH);
	assert_false(mailbox_row(m, 1, &row));
	end(m);
}

static void
an_empty_mailbox_can_be_decided(void **state)
{
	struct mailbox *m = undecided("a:100:D", "");

	(void)state;
	assert_false(mailbox_is_decided(m));
	mailbox_decide(m, &scene.rules);
	assert_true(mailbox_is_decided(m));
	assert_int_equal(mailbox_count(m), 0);
	end(m);
}

/* --- marks --- */

static void
a_mark_is_one_message_s_and_stays(void **state)
{
	struct mailbox *m = decided("", "a:1 b:1");

	(void)state;
	mailbox_mark(m, 1, MAILBOX_TRIED);
	mailbox_mark(m, 1, MAILBOX_DELIVERED);
	assert_true(mailbox_is(m, 1, MAILBOX_TRIED));
	assert_true(mailbox_is(m, 1, MAILBOX_DELIVERED | MAILBOX_REFUSED));
	assert_false(mailbox_is(m, 1, MAILBOX_REFUSED | MAILBOX_REMOVAL));
	assert_false(mailbox_is(m, 0, MAILBOX_TRIED | MAILBOX_DELIVERED));
	end(m);
}

static void
no_mark_brings_another_along(void **state)
{
	static const enum mailbox_mark marks[] = {
		MAILBOX_TRIED,	 MAILBOX_RETRIEVED,  MAILBOX_DELIVERED,
		MAILBOX_REMOVAL, MAILBOX_DELETED,    MAILBOX_NAMED,
		MAILBOX_REFUSED, MAILBOX_NEW_BY_TOP, MAILBOX_UNPROVEN,
		MAILBOX_PROVEN,	 MAILBOX_LEARNED,    MAILBOX_LOOKED_UP,
	};
	struct mailbox *m = decided("", "a:1");

	(void)state;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		assert_false(mailbox_is(m, 0, marks[i]));
		mailbox_mark(m, 0, marks[i]);
		assert_true(mailbox_is(m, 0, marks[i]));
	}
	end(m);
}

/* --- digests, of twins --- */

static const uint8_t one[DIGEST_SHA256_SIZE] = { 1 };
static const uint8_t other[DIGEST_SHA256_SIZE] = { 2 };

static void
a_digest_is_one_message_s_and_marks_nothing(void **state)
{
	struct mailbox *m = decided("", "a:100 a:100 b:100");

	(void)state;
	assert_int_equal(mailbox_action(m, 1), PLAN_COMPARE);
	mailbox_set_digest(m, 0, one);
	assert_true(mailbox_has_digest(m, 0, one));
	assert_false(mailbox_has_digest(m, 0, other));
	assert_false(mailbox_has_digest(m, 1, one));
	assert_false(mailbox_is(m, 0, 2 * MAILBOX_LOOKED_UP - 1));
	end(m);
}

static void
what_has_no_digest_has_not_that_of_noughts(void **state)
{
	static const uint8_t noughts[DIGEST_SHA256_SIZE] = { 0 };
	struct mailbox *m = decided("", "a:100 a:100");

	(void)state;
	assert_false(mailbox_has_digest(m, 0, noughts));
	end(m);
}

static void
without_twins_no_digest_is_kept(void **state)
{
	struct mailbox *m = decided("", "a:100 b:100");

	(void)state;
	mailbox_set_digest(m, 0, one);
	assert_false(mailbox_has_digest(m, 0, one));
	end(m);
}

/* --- octets --- */

static void
octets_other_than_listed_are_remembered_of_one_message(void **state)
{
	struct mailbox *m = decided("", "a:100 b:100 c:?");

	(void)state;
	assert_false(mailbox_has_octets(m, 0, 90));
	mailbox_set_octets(m, 0, 90);
	mailbox_set_octets(m, 2, 70);
	assert_true(mailbox_has_octets(m, 0, 90));
	assert_false(mailbox_has_octets(m, 0, 100));
	assert_false(mailbox_has_octets(m, 1, 90));
	assert_true(mailbox_has_octets(m, 2, 70));
	end(m);
}

static void
octets_as_listed_need_no_memory(void **state)
{
	struct mailbox *m = decided("", "a:100");

	(void)state;
	mailbox_set_octets(m, 0, 100);
	assert_false(mailbox_has_octets(m, 0, 100));
	end(m);
}

static void
no_octets_at_all_are_a_number_of_octets(void **state)
{
	struct mailbox *m = decided("", "a:100 b:100");

	(void)state;
	mailbox_set_octets(m, 0, 0);
	assert_true(mailbox_has_octets(m, 0, 0));
	assert_false(mailbox_has_octets(m, 1, 0));
	end(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_called_by_its_number_and_uid),
		cmocka_unit_test(
			what_a_terminal_would_obey_is_no_part_of_a_name),
		cmocka_unit_test(a_uid_that_takes_much_room_is_cut),
		cmocka_unit_test(a_size_is_as_listed_or_as_recorded_or_unknown),
		cmocka_unit_test(
			a_message_has_the_row_that_the_plan_has_for_it),
		cmocka_unit_test(an_empty_mailbox_can_be_decided),
		cmocka_unit_test(a_mark_is_one_message_s_and_stays),
		cmocka_unit_test(no_mark_brings_another_along),
		cmocka_unit_test(a_digest_is_one_message_s_and_marks_nothing),
		cmocka_unit_test(what_has_no_digest_has_not_that_of_noughts),
		cmocka_unit_test(without_twins_no_digest_is_kept),
		cmocka_unit_test(
			octets_other_than_listed_are_remembered_of_one_message),
		cmocka_unit_test(octets_as_listed_need_no_memory),
		cmocka_unit_test(no_octets_at_all_are_a_number_of_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
