/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the plan: what becomes of each listed message. */
#include "config.h"
#include "state/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan_scene.h"

struct sentence {
	const char *what;
	const char *rows, *listed, *rules, *expected;
};

static void
check_sentence(const struct sentence *s)
{
	struct scene c;
	char shown[SCENE_SHOWN_MAX];
	size_t total = 0;

	scene_set(&c, s->rows, s->listed, s->rules, 0);
	/* Twice: what the first left behind does not matter. */
	for (int i = 0; i < 2; i++) {
		plan_decide(c.p, &c.rules);
		scene_show(&c, shown);
		if (strcmp(shown, s->expected) != 0)
			fail_msg("%s: %s, not %s", s->what, shown, s->expected);
	}
	for (int a = PLAN_FETCH; a <= PLAN_LATER; a++)
		total += plan_count(c.p, (enum plan_action)a);
	assert_int_equal(total, listing_count(c.l));
	scene_end(&c);
}

static void
check_all(const struct sentence *s, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_sentence(&s[i]);
}

#define CHECK_ALL(s) check_all(s, sizeof(s) / sizeof((s)[0]))

/* --- one row, one entry --- */

static void
new_and_known_messages(void **state)
{
	static const struct sentence s[] = {
		{ "an empty mailbox has no plan", "a:1:D", "", "", "" },
		{ "an unknown uid is new", "b:1:D", "a:1", "", "F" },
		{ "without rows everything is new", "", "a:1 b:?", "", "F F" },
		{ "a known one stays", "a:1:D", "a:1", "", "K0" },
		{ "an unlisted size is no difference", "a:1:D", "a:?", "",
		  "K0" },
		{ "an unstored size is learned", "a:?:D", "a:7", "", "K0~" },
		{ "no size at all is no difference", "a:?:D", "a:?", "", "K0" },
		{ "another size wants a comparison", "a:1:D", "a:2", "", "C" },
		{ "but without digest it is new", "a:1:d", "a:2", "", "F" },
		{ "uids differ in case", "A:1:D", "a:1", "", "F" },
		{ "uids differ in length", "ab:1:D", "a:1 abc:1", "", "F F" },
		{ "without uid the content decides", "-:1:D", "-:1", "", "F#" },
		{ "several without uid are not one uid", "", "-:1 -:1", "",
		  "F# F#" },
		{ "what is ready is tried again in its row", "a:1:R", "a:1", "",
		  "F0" },
		{ "also with another size", "a:1:R", "a:2", "", "F0" },
	};

	(void)state;
	CHECK_ALL(s);
}

static void
failed_messages_wait_for_their_next_try(void **state)
{
	static const struct sentence s[] = {
		{ "due", "a:1:S", "a:1", "", "F0" },
		{ "due, with another size", "a:1:S b:1:s", "a:2 b:2", "",
		  "F0 F1" },
		{ "not due", "a:1:W b:1:w", "a:1 b:1", "", "A0 A1" },
		{ "not due, size not listed", "a:1:W", "a:?", "", "A0" },
		{ "not due, another size, to compare", "a:1:W", "a:2", "",
		  "C" },
		{ "not due, another size, nothing to compare", "a:1:w", "a:2",
		  "", "F" },
		{ "a wait beyond reason comes from a wrong clock", "a:1:V",
		  "a:1", "", "F0" },
		{ "at once when asked", "a:1:W b:1:w", "a:1 b:2", "now",
		  "F0 F1" },
		{ "not deleted, whatever keep says", "a:1:W", "a:1", "keep=0",
		  "A0" },
	};

	(void)state;
	CHECK_ALL(s);
}

static void
large_messages_stay(void **state)
{
	static const struct sentence s[] = {
		{ "new and too large", "", "a:11 b:10 c:?", "max=10", "L F F" },
		{ "without uid and too large", "", "-:11", "max=10", "L" },
		{ "known as too large", "a:11:L", "a:11", "max=10", "L0" },
		{ "known as too large, size not listed", "a:11:L", "a:?",
		  "max=10", "L0" },
		{ "known as too large, and grew", "a:11:L", "a:12", "max=10",
		  "L0~" },
		{ "known as too large, but shrank", "a:11:L", "a:9", "max=10",
		  "F0" },
		{ "the limit was raised", "a:11:L", "a:11", "max=20", "F0" },
		{ "the limit was lifted", "a:11:L", "a:?", "", "F0" },
		{ "failed before, and too large now", "a:11:W b:11:S",
		  "a:11 b:11", "max=10", "L0 L1" },
		{ "what was delivered may be deleted though", "a:11:D", "a:11",
		  "max=10 keep=0", "D0" },
		{ "and is not fetched again", "a:11:D", "a:11", "max=10 all",
		  "K0" },
	};

	(void)state;
	CHECK_ALL(s);
}

static void
delivered_messages_are_kept_as_told(void **state)
{
	static const struct sentence s[] = {
		{ "for ever", "a:1:D", "a:1", "", "K0" },
		{ "not at all", "a:1:D b:1:N c:1:Z d:1:d", "a:1 b:1 c:1 d:1",
		  "keep=0", "D0 D1 D2* K3" },
		{ "not at all, new ones first delivered", "", "a:1", "keep=0",
		  "F" },
		{ "for days", "a:1:D b:1:N", "a:1 b:1", "keep=5", "D0 K1" },
		{ "to the day", "a:1:D b:1:D", "a:1 b:?", "keep=10", "D0 D1" },
		{ "for longer", "a:1:D", "a:1", "keep=11", "K0" },
		{ "delivered in the future", "a:1:Z", "a:1", "keep=1", "K0*" },
		{ "or before there was popfetch", "a:1:A", "a:1", "keep=1",
		  "K0*" },
		{ "a doubted clock is good for that", "a:1:A", "a:1",
		  "keep=1 last=1", "K0*" },
		{ "but makes nothing older", "a:1:Z", "a:1", "keep=1 last=9",
		  "K0" },
		{ "without a header never", "a:1:d b:1:d", "a:1 b:1", "keep=0",
		  "K0 K1" },
		{ "nor by age", "a:1:d", "a:1", "keep=5", "K0" },
		{ "after a run yesterday", "a:1:D", "a:1", "keep=5 last=-1",
		  "D0" },
		{ "after a run a month ago", "a:1:D", "a:1", "keep=5 last=-30",
		  "D0" },
		{ "the clock is far ahead", "a:1:D", "a:1", "keep=5 last=-31",
		  "K0" },
		{ "the clock is behind", "a:1:D", "a:1", "keep=5 last=1",
		  "K0" },
		{ "no age, no clock", "a:1:D b:1:D", "a:1 b:1", "keep=0 last=1",
		  "D0 D1" },
		{ "an odd entry is not deleted", "a:1:D b:1:D", "a:1! b:1",
		  "keep=0", "K0 D1" },
		{ "nor by age", "a:1:D", "a:1!", "keep=5", "K0" },
		{ "an odd entry is fetched", "", "a:1!", "keep=0", "F" },
		{ "what is only compared is not deleted", "a:1:D", "a:2",
		  "keep=0", "C" },
	};

	(void)state;
	CHECK_ALL(s);
}

static void
the_number_of_new_messages_is_limited(void **state)
{
	static const struct sentence s[] = {
		{ "the oldest go first", "", "a:1 b:1 c:1", "n=2", "F F P" },
		{ "known ones do not count", "a:1:D b:1:W", "a:1 b:1 c:1 d:1",
		  "n=1", "K0 A1 F P" },
		{ "nor large ones", "", "a:9 b:1 c:1", "n=1 max=5", "L F P" },
		{ "nor those to compare", "a:1:D", "a:2 b:1", "n=1", "C F" },
		{ "nor those that failed before", "a:1:S", "a:1 b:1 c:1", "n=1",
		  "F0 F P" },
		{ "which are never beyond", "b:1:S", "a:1 b:1", "n=1", "F F0" },
		{ "those without uid count", "", "-:1 b:1 -:1", "n=1",
		  "F# P P" },
		{ "with --all, old ones count", "a:1:D b:1:D", "a:1 b:1",
		  "n=1 all keep=0", "F0 P1" },
	};

	(void)state;
	CHECK_ALL(s);
}

static void
all_means_delivered_ones_too(void **state)
{
	static const struct sentence s[] = {
		{ "in their rows", "a:1:D b:1:d", "a:1 b:?", "all", "F0 F1" },
		{ "back-off still holds", "a:1:W", "a:1", "all", "A0" },
		{ "another size is compared all the same", "a:1:D", "a:2",
		  "all", "C" },
		{ "even if due for deletion", "a:1:D", "a:1", "all keep=0",
		  "F0" },
	};

	(void)state;
	CHECK_ALL(s);
}

/* --- several of one uid --- */

static void
a_uid_listed_twice(void **state)
{
	static const struct sentence s[] = {
		{ "without rows the first is fetched, the others compared", "",
		  "a:1 a:1 a:2 b:1", "", "F C C F" },
		{ "with rows all are compared", "a:1:D", "a:1 a:1", "keep=0",
		  "C C" },
		{ "sizes do not tell them apart", "a:1:D a:2:D", "a:1 a:2", "",
		  "C C" },
		{ "without a digest the size decides", "a:1:d a:2:d",
		  "a:2 a:1 a:3", "", "K1 K0 F" },
		{ "and a row stands for one", "a:1:d", "a:1 a:1", "keep=0",
		  "K0 F" },
		{ "or for as many as there are", "a:1:d a:1:d", "a:1 a:1", "",
		  "K0 K1" },
		{ "one row is tried for one entry only", "a:1:s", "a:1 a:1", "",
		  "F0 C" },
		{ "one row with --all as well", "a:1:d", "a:1 a:1", "all",
		  "F0 F" },
		{ "a list knows one of them", "a:?:B", "a:1 a:2", "", "H0 F" },
		{ "too large ones keep their row", "a:1:D a:99:L", "a:1 b:99",
		  "max=9", "K0 L" },
	};

	(void)state;
	CHECK_ALL(s);
}

static void
a_uid_that_may_have_been_given_to_another(void **state)
{
	static const struct sentence s[] = {
		{ "seen to be gone", "a:1:G", "a:1", "", "C" },
		{ "without a header it is new", "a:1:g", "a:1", "", "F" },
		{ "of another size too", "a:1:G", "a:2", "", "C" },
		{ "before a DELE it is compared anyway", "a:1:G b:1:X",
		  "a:1 b:1", "keep=0", "D0 D1" },
		{ "DELE was sent", "a:1:X", "a:1", "", "C" },
		{ "one is gone, the other is not", "a:1:G a:1:D", "a:1", "",
		  "K1" },
		{ "nor does it matter that no size is told", "a:1:G a:1:D",
		  "a:?", "", "K1" },
		{ "but another size does", "a:1:G a:2:D", "a:1", "", "C" },
		{ "both are gone", "a:1:G a:1:G", "a:1", "", "C" },
		{ "a list has not seen it yet", "a:?:B", "a:1", "keep=0",
		  "H0~" },
		{ "--all asks too", "a:1:G b:1:g", "a:1 b:1", "all", "C F" },
	};

	(void)state;
	CHECK_ALL(s);
}

static void
a_size_may_be_that_of_the_message_when_it_came(void **state)
{
	static const struct sentence s[] = {
		{ "it is known", "a:1:O", "a:101", "", "K0~" },
		{ "as by the size listed then", "a:1:O", "a:1", "", "K0" },
		{ "others are not", "a:1:O", "a:100", "", "C" },
	};

	(void)state;
	CHECK_ALL(s);
}

static void
a_uid_in_several_rows(void **state)
{
	static const struct sentence s[] = {
		{ "the size tells which", "a:1:D a:2:W", "a:2", "", "A1" },
		{ "or the other", "a:1:D a:2:W", "a:1", "keep=0", "D0" },
		{ "another size is compared with all", "a:1:D a:2:D", "a:3", "",
		  "C" },
		{ "no size is compared with all", "a:1:D a:2:D", "a:?", "",
		  "C" },
		{ "one size twice is compared", "a:1:D a:1:D", "a:1", "keep=0",
		  "C" },
		{ "without any digest another size is new", "a:1:d a:2:d",
		  "a:3", "", "F" },
		{ "without any digest the size decides", "a:1:d a:1:w", "a:1",
		  "", "K0" },
		{ "an unknown size is no difference", "a:1:d a:?:w", "a:3", "",
		  "A1~" },
		{ "an exact size is better", "a:?:D a:1:D", "a:1", "", "K1" },
	};

	(void)state;
	CHECK_ALL(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_and_known_messages),
		cmocka_unit_test(failed_messages_wait_for_their_next_try),
		cmocka_unit_test(large_messages_stay),
		cmocka_unit_test(delivered_messages_are_kept_as_told),
		cmocka_unit_test(the_number_of_new_messages_is_limited),
		cmocka_unit_test(all_means_delivered_ones_too),
		cmocka_unit_test(a_uid_listed_twice),
		cmocka_unit_test(a_uid_in_several_rows),
		cmocka_unit_test(a_uid_that_may_have_been_given_to_another),
		cmocka_unit_test(
			a_size_may_be_that_of_the_message_when_it_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
