/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a crash leaves in a Maildir, and what recovery makes of it. */
#include "config.h"
#include "deliver/deliver.h"

#include "delivering.h"
#include "killer.h"
#include "maildirbox.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A batch of two that was committed as READY, with `published` of them renamed. */
static void
leave_batch(char *evidence[2], bool published)
{
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s[2];
	struct err e = ERR_INIT;
	int i;

	s[0] = delivering_stage(d, "Subject: one\n\n");
	s[1] = delivering_stage(d, "Subject: two\n\n");
	assert_int_equal(deliver_secure(d, s, 2, &e), 0);
	for (i = 0; i < 2; i++)
		evidence[i] = strdup(deliver_evidence(s[i]));
	if (published)
		assert_int_equal(deliver_publish(d, &e), 0);
	deliver_drop(d);
	for (i = 0; i < 2; i++)
		deliver_leave(&s[i]);
	deliver_close(&d);
}

/* Verdicts as letters: D delivered, N not. Recovery is run twice: a kill before the
 * record makes it so. */
static const char *
verdicts_of(char *const evidence[2])
{
	static char letters[3];
	enum deliver_verdict v[2];
	struct err e = ERR_INIT;
	const char *const lines[] = { evidence[0], evidence[1] };
	char first[3] = "";
	int round, i;

	for (round = 0; round < 2; round++) {
		if (deliver_recover(&box.target, lines, v, 2, &e) != 0)
			fail_msg("%s", e.text);
		for (i = 0; i < 2; i++)
			letters[i] = v[i] == DELIVER_WAS_DELIVERED ? 'D' : 'N';
		letters[2] = '\0';
		if (round == 0)
			strcpy(first, letters);
		assert_string_equal(letters, first);
	}
	return letters;
}

static void
free_evidence(char *evidence[2])
{
	const char *const lines[] = { evidence[0], evidence[1] };

	deliver_recovered(&box.target, lines, 2);
	free(evidence[0]);
	free(evidence[1]);
}

static void
what_was_committed_but_not_published_is_published_by_recovery(void **state)
{
	char *evidence[2];

	(void)state;
	leave_batch(evidence, false);
	assert_int_equal(scratch_count(box.fresh), 0);
	assert_string_equal(verdicts_of(evidence), "DD");
	assert_int_equal(scratch_count(box.fresh), 2);
	assert_int_equal(scratch_count(box.staging), 1);
	free_evidence(evidence);
	assert_int_equal(scratch_count(box.staging), 0);
}

static void
what_was_published_counts_though_a_reader_took_it_away(void **state)
{
	char *evidence[2];

	(void)state;
	leave_batch(evidence, true);
	assert_int_equal(scratch_count(box.fresh), 2);
	scratch_empty(box.fresh);
	assert_string_equal(verdicts_of(evidence), "DD");
	assert_int_equal(scratch_count(box.fresh), 0);
	free_evidence(evidence);
}

static void
without_staged_file_and_sentinel_the_evidence_is_void(void **state)
{
	char *evidence[2];

	(void)state;
	leave_batch(evidence, true);
	scratch_empty(box.staging);
	assert_string_equal(verdicts_of(evidence), "NN");
	/* Nor is a staging directory made that somebody removed. */
	rmdir(box.staging);
	assert_string_equal(verdicts_of(evidence), "NN");
	assert_false(scratch_is_there(box.staging));
	free_evidence(evidence);
}

static void
a_maildir_that_is_gone_is_an_error_if_new_mail_is_to_go_there(void **state)
{
	char *evidence[2];
	const char *lines[2];
	enum deliver_verdict v[2];
	struct err e = ERR_INIT;

	leave_batch(evidence, true);
	lines[0] = evidence[0];
	lines[1] = evidence[1];
	scratch_empty(box.path);
	rmdir(box.path);
	assert_int_equal(deliver_recover(&box.target, lines, v, 2, &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_false(scratch_is_there(box.path));
	box.target.path = *state; /* new mail goes elsewhere now */
	assert_string_equal(verdicts_of(evidence), "NN");
	assert_false(scratch_is_there(box.path));
	free_evidence(evidence);
}

static void
the_evidence_names_the_maildir_not_the_target(void **state)
{
	char *evidence[2], *other = scratch_path(*state, "Other");

	leave_batch(evidence, false);
	box.target.path = other;
	assert_string_equal(verdicts_of(evidence), "DD");
	assert_int_equal(scratch_count(box.fresh), 2);
	assert_false(scratch_is_there(other));
	box.target.kind = DELIVER_MDA;
	assert_string_equal(verdicts_of(evidence), "DD");
	box.target.kind = DELIVER_MAILDIR;
	free_evidence(evidence);
	assert_int_equal(scratch_count(box.staging), 0);
	free(other);
}

static void
one_maildir_under_two_paths_is_one(void **state)
{
	char *evidence[2], *other = scratch_path(*state, "Link");

	leave_batch(evidence, false);
	assert_int_equal(symlink(box.path, other), 0);
	box.target.path = other;
	assert_string_equal(verdicts_of(evidence), "DD");
	assert_int_equal(scratch_count(box.fresh), 2);
	assert_int_equal(scratch_count(box.staging), 1);
	free_evidence(evidence);
	free(other);
}

static void
staged_files_without_a_row_are_removed_and_no_others(void **state)
{
	char *foreign = scratch_path(box.tmp, "1234.567.host");
	char *others = scratch_path(box.tmp, ".popfetch/00ff");
	char *theirs = scratch_path(others, "1.M1P1Q1R0.host");
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s = delivering_stage(d, "a\n");
	struct err e = ERR_INIT;

	(void)state;
	scratch_write_text(foreign, "x");
	mkdir(others, 0700);
	scratch_write_text(theirs, "x");
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	deliver_drop(d);
	deliver_leave(&s);
	deliver_close(&d);
	assert_int_equal(deliver_recover(&box.target, NULL, NULL, 0, &e), 0);
	assert_int_equal(scratch_count(box.staging), 0);
	assert_int_equal(scratch_count(box.fresh), 0);
	assert_true(scratch_is_there(foreign));
	assert_true(scratch_is_there(theirs));
	free(foreign);
	free(others);
	free(theirs);
}

static void
recovery_makes_no_directory(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(deliver_recover(&box.target, NULL, NULL, 0, &e), 0);
	assert_false(scratch_is_there(box.path));
	maildirbox_make();
	assert_int_equal(deliver_recover(&box.target, NULL, NULL, 0, &e), 0);
	assert_int_equal(scratch_count(box.tmp), 0);
}

static void
evidence_that_leads_out_of_the_maildir_does_nothing(void **state)
{
	char *line = NULL, *victim = scratch_path(box.path, "victim");
	const char *lines[1];
	enum deliver_verdict v;
	struct deliver *d = maildirbox_open();
	struct err e = ERR_INIT;
	char *path;

	(void)state;
	deliver_close(&d);
	scratch_write_text(victim, "x");
	path = strdup(box.path);
	assert_true(asprintf(&line,
			     "maildir %%2F%s ..%%2F..%%2F..%%2Fvictim "
			     "x sentinel.x",
			     path + 1) > 0);
	lines[0] = line;
	assert_int_equal(deliver_recover(&box.target, lines, &v, 1, &e), 0);
	assert_int_equal(v, DELIVER_WAS_NOT);
	assert_true(scratch_is_there(victim));
	free(path);
	free(line);
	free(victim);
}

/* --- killed anywhere --- */

static const char *const letters[] = {
	"Subject: one\n\n1\n", "Subject: two\n\n2\n", "Subject: three\n\n3\n",
	"Subject: four\n\n4\n", "Subject: five\n\n5\n"
};
enum { LETTERS = 5 };

static void
take_letters(const char *dir, unsigned counts[LETTERS], bool remove_them)
{
	struct scratch_names n = scratch_list(dir);
	char *path, *text;
	size_t i, k;

	for (i = 0; i < n.count; i++) {
		path = scratch_path(dir, n.list[i]);
		text = scratch_read(path, NULL);
		for (k = 0; k < LETTERS; k++)
			if (strcmp(text, letters[k]) == 0)
				break;
		assert_true(k < LETTERS); /* a whole one of ours */
		counts[k]++;
		if (remove_them)
			unlink(path);
		free(text);
		free(path);
	}
	scratch_names_free(&n);
}

static void
check_once(unsigned counts[LETTERS], unsigned n)
{
	size_t i;

	take_letters(box.fresh, counts, true);
	for (i = 0; i < LETTERS; i++)
		if (counts[i] != 1)
			fail_msg("killed at call %u: '%s' came %u times", n,
				 letters[i], counts[i]);
}

static struct delivering
make_session(const char *database, size_t batch)
{
	struct delivering d = { .target = &box.target,
				.database = database,
				.batch = batch,
				.count = LETTERS };

	memcpy(d.messages, letters, sizeof(letters));
	return d;
}

/* `reader`: a mail reader takes away what is there between the runs. */
static void
kill_everywhere(const char *dir, size_t batch, bool reader)
{
	char *database = scratch_path(dir, "database");
	struct delivering d = make_session(database, batch);
	unsigned n, counts[LETTERS];
	bool killed = true;

	for (n = 0; killed; n++) {
		memset(counts, 0, sizeof(counts));
		killed = killer_run(delivering_session, &d, n);
		if (reader)
			take_letters(box.fresh, counts, true);
		delivering_session(&d);
		check_once(counts, n);
		assert_int_equal(delivering_recorded(&d), LETTERS);
		assert_int_equal(scratch_count(box.staging), 0);
		scratch_empty(dir);
	}
	assert_true(n > 50);
	free(database);
}

static void
killed_at_any_call_every_message_comes_once(void **state)
{
	if (!killer_works())
		skip();
	kill_everywhere(*state, 2, false);
}

static void
killed_at_any_call_with_a_reader_at_work_every_message_comes_once(void **state)
{
	if (!killer_works())
		skip();
	kill_everywhere(*state, 3, true);
}

static void
killed_also_in_recovery_every_message_comes_once(void **state)
{
	char *database = scratch_path(*state, "database");
	struct delivering d = make_session(database, 3);
	unsigned n, k, counts[LETTERS];
	bool killed;

	if (!killer_works())
		skip();
	for (n = 8; n < 60; n += 4) {
		killed = true;
		for (k = 0; killed && k < 60; k++) {
			memset(counts, 0, sizeof(counts));
			if (!killer_run(delivering_session, &d, n))
				killed = false;
			if (k % 2)
				take_letters(box.fresh, counts, true);
			if (!killer_run(delivering_recovery, &d, k))
				killed = false;
			if (k % 3)
				take_letters(box.fresh, counts, true);
			delivering_session(&d);
			check_once(counts, n);
			scratch_empty(*state);
		}
	}
	free(database);
}

#define TEST(f)                                              \
	cmocka_unit_test_setup_teardown(f, maildirbox_setup, \
					maildirbox_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_committed_but_not_published_is_published_by_recovery),
		TEST(what_was_published_counts_though_a_reader_took_it_away),
		TEST(without_staged_file_and_sentinel_the_evidence_is_void),
		TEST(a_maildir_that_is_gone_is_an_error_if_new_mail_is_to_go_there),
		TEST(the_evidence_names_the_maildir_not_the_target),
		TEST(one_maildir_under_two_paths_is_one),
		TEST(staged_files_without_a_row_are_removed_and_no_others),
		TEST(recovery_makes_no_directory),
		TEST(evidence_that_leads_out_of_the_maildir_does_nothing),
		TEST(killed_at_any_call_every_message_comes_once),
		TEST(killed_at_any_call_with_a_reader_at_work_every_message_comes_once),
		TEST(killed_also_in_recovery_every_message_comes_once)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
