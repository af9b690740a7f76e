/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What is common to all destinations: names, evidence, recovery of several. */
#include "config.h"
#include "deliver/deliver.h"

#include "base/clock.h"
#include "base/mem.h"
#include "delivering.h"
#include "deliver/evidence.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void
a_destination_is_named_by_kind_and_place(void **state)
{
	const char *const argv[] = { "/usr/bin/procmail", "-d", NULL };
	struct deliver_target t = { .kind = DELIVER_MAILDIR, .path = "/m/d" };
	char *name = deliver_name(&t);

	(void)state;
	assert_string_equal(name, "maildir:/m/d");
	free(name);
	t.kind = DELIVER_MBOX;
	name = deliver_name(&t);
	assert_string_equal(name, "mbox:/m/d");
	free(name);
	t.kind = DELIVER_MDA;
	t.argv = argv;
	name = deliver_name(&t);
	assert_string_equal(name, "mda:/usr/bin/procmail");
	free(name);
}

/* --- evidence lines --- */

static void
words_of_any_bytes_come_back(void **state)
{
	char all[256], *words[4];
	struct buf line;
	const char *text;
	int i;

	(void)state;
	for (i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	buf_init(&line, SIZE_MAX);
	evidence_add(&line, "maildir");
	evidence_add(&line, all);
	evidence_add_number(&line, UINT64_MAX);
	evidence_add(&line, "../a b\n");
	text = buf_text(&line);
	assert_null(strchr(text, '\n'));
	assert_true(evidence_split(text, words, 4));
	assert_string_equal(words[0], "maildir");
	assert_string_equal(words[1], all);
	assert_string_equal(words[2], "18446744073709551615");
	assert_string_equal(words[3], "../a b\n");
	evidence_free(words, 4);
	assert_false(evidence_split(text, words, 3));
	buf_free(&line);
}

static void
lines_that_are_no_evidence_are_refused(void **state)
{
	static const char *const lines[] = { "",      " ",    "a",     "a ",
					     " a",    "a  b", "a b ",  "a b c",
					     "a %",   "a %4", "a %4g", "a %00",
					     "a %zz", "a%2 b" };
	char *words[2];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_false(evidence_split(lines[i], words, 2));
	assert_true(evidence_split("a b%41%c3", words, 2));
	assert_string_equal(words[1], "bA\xc3");
	evidence_free(words, 2);
}

/* --- several destinations in one recovery --- */

static struct deliver_target
make_target(enum deliver_kind kind, const char *path, const char *spool)
{
	return (struct deliver_target){ .kind = kind,
					.path = path,
					.account = "work",
					.user = "jane",
					.state_id = "00ff",
					.spool = spool };
}

static char *
leave_one(const struct deliver_target *t, const char *text, bool published)
{
	struct deliver_staged *s;
	struct err e = ERR_INIT;
	struct deliver *d;
	char *evidence;

	if (deliver_open(&d, t, true, &e) != 0)
		fail_msg("%s", e.text);
	s = delivering_stage(d, text);
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	evidence = strdup(deliver_evidence(s));
	if (published)
		assert_int_equal(deliver_publish(d, &e), 0);
	deliver_drop(d);
	deliver_leave(&s);
	deliver_close(&d);
	return evidence;
}

static void
intents_of_several_destinations_are_judged_together(void **state)
{
	char *maildir = scratch_path(*state, "Maildir");
	char *mbox = scratch_path(*state, "mbox");
	struct deliver_target box = make_target(DELIVER_MBOX, mbox, *state);
	struct deliver_target dir =
		make_target(DELIVER_MAILDIR, maildir, *state);
	const char *lines[6];
	enum deliver_verdict v[6],
		wanted[6] = { DELIVER_WAS_DELIVERED, DELIVER_WAS_IN_HAND,
			      DELIVER_WAS_NOT,	     DELIVER_WAS_DELIVERED,
			      DELIVER_WAS_NOT,	     DELIVER_WAS_NOT };
	char *made[3] = { leave_one(&box, "Subject: a\n", true),
			  leave_one(&dir, "Subject: b\n", false),
			  leave_one(&box, "Subject: c\n", false) };
	struct err e = ERR_INIT;
	int i;

	lines[0] = made[0];
	lines[1] = "mda";
	lines[2] = "pigeon home";
	lines[3] = made[1];
	lines[4] = made[2];
	lines[5] = "";
	assert_int_equal(deliver_recover(&dir, lines, v, 6, &e), 0);
	for (i = 0; i < 6; i++)
		assert_int_equal(v[i], wanted[i]);
	deliver_recovered(&dir, lines, 6);
	for (i = 0; i < 3; i++)
		free(made[i]);
	free(maildir);
	free(mbox);
}

static void
nothing_to_recover_is_no_error_for_any_target(void **state)
{
	const char *const argv[] = { "cat", NULL };
	struct deliver_target t =
		make_target(DELIVER_MAILDIR, "/nowhere/at", *state);
	struct err e = ERR_INIT;

	t.argv = argv;
	assert_int_equal(deliver_recover(&t, NULL, NULL, 0, &e), 0);
	t.kind = DELIVER_MBOX;
	assert_int_equal(deliver_recover(&t, NULL, NULL, 0, &e), 0);
	t.kind = DELIVER_MDA;
	assert_int_equal(deliver_recover(&t, NULL, NULL, 0, &e), 0);
}

/* --- what is left elsewhere --- */

static void
write_in(const char *dir, const char *name)
{
	char *path = scratch_path(dir, name);

	scratch_write_text(path, "a message\n");
	free(path);
}

static void
what_a_kill_left_goes_wherever_it_was_delivered_to(void **state)
{
	char *mail = scratch_path(*state, "Mail");
	char *staging = scratch_path(mail, "tmp/.popfetch/00ff");
	char *name = mem_format("maildir:%s", mail);
	const char *known[] = { "mda:/bin/procmail", name, "maildir:/none/of",
				"mbox:/some/mbox", "what:is this" };
	struct deliver_target t = make_target(DELIVER_MAILDIR, mail, *state);
	struct deliver *d;
	struct err e = ERR_INIT;

	t.state_id = "00ff";
	assert_int_equal(deliver_open(&d, &t, true, &e), 0);
	write_in(*state, "mda-00ff-0123456789abcdef");
	write_in(*state, "mbox-00ff");
	write_in(*state, "mda-00fe-0123456789abcdef");
	write_in(*state, "mbox-00fe");
	write_in(staging, "1.M2.host");
	write_in(staging, "sentinel.00");
	t = make_target(DELIVER_MBOX, "/some/mbox", *state);
	t.state_id = "00ff";
	deliver_clear(&t, known, 5);
	assert_int_equal(scratch_count(staging), 2); /* it is at work there */
	deliver_close(&d);
	deliver_clear(&t, known, 5);
	assert_int_equal(scratch_count(staging), 0);
	assert_int_equal(scratch_count(*state), 3); /* theirs, and Mail */
	free(name);
	free(staging);
	free(mail);
}

static void
failed_secure_may_be_abandoned(void **state)
{
	char *mbox = scratch_path(*state, "mbox");
	struct deliver_target t = make_target(DELIVER_MBOX, mbox, *state);
	struct deliver_staged *s;
	struct err e = ERR_INIT;
	struct deliver *d;
	int64_t until;
	int fds[DELIVER_POLL_MAX];

	assert_int_equal(deliver_open(&d, &t, true, &e), 0);
	assert_int_equal(deliver_poll(d, fds, &until), 0);
	assert_true(until == CLOCK_NEVER);
	s = delivering_stage(d, "Subject: a\n");
	assert_int_equal(remove(mbox), 0);
	assert_int_equal(mkdir(mbox, 0700), 0);
	assert_int_equal(deliver_secure(d, &s, 1, &e), -1);
	deliver_abandon(d);
	deliver_discard(&s);
	deliver_close(&d);
	free(mbox);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_destination_is_named_by_kind_and_place),
		cmocka_unit_test(words_of_any_bytes_come_back),
		cmocka_unit_test(lines_that_are_no_evidence_are_refused),
		TEST(intents_of_several_destinations_are_judged_together),
		TEST(nothing_to_recover_is_no_error_for_any_target),
		TEST(what_a_kill_left_goes_wherever_it_was_delivered_to),
		TEST(failed_secure_may_be_abandoned)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
