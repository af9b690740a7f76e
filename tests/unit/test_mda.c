/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Delivery by a program: what it gets, how it ends, what it says. */
#include "config.h"
#include "deliver/deliver.h"

#include "mdabox.h"
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/proc.h"

/* --- the message --- */

static void
the_program_gets_the_whole_message(void **state)
{
	(void)state;
	assert_int_equal(mdabox_run_script("cat >\"$HOME/out\"",
					   "Subject: a\n\nb\n", NULL),
			 DELIVER_DONE);
	mdabox_expect("Subject: a\n\nb\n");
}

static void
the_message_is_a_file_without_name_that_may_be_read_twice(void **state)
{
	(void)state;
	mdabox_script("cat >/dev/null\n"
		      "exec python3 -c 'import os\n"
		      "os.lseek(0, 0, 0)\n"
		      "open(os.environ[\"HOME\"] + \"/out\", \"wb\")"
		      ".write(os.read(0, 100))\n"
		      "try: os.write(0, b\"x\")\n"
		      "except OSError: raise SystemExit(0)\n"
		      "raise SystemExit(1)'");
	if (system("python3 -c pass") != 0)
		skip();
	assert_int_equal(scratch_count(box.spool), 0);
	struct deliver *d = mdabox_open();
	struct deliver_staged *s = mdabox_stage(d, "Subject: a\n\nb\n", "u");
	assert_int_equal(scratch_count(box.spool), 0);
	assert_int_equal(mdabox_run(d, s, NULL), DELIVER_DONE);
	mdabox_expect("Subject: a\n\nb\n");
	deliver_close(&d);
}

static void
a_program_that_reads_nothing_has_delivered_all_the_same(void **state)
{
	size_t size = 3 * 1024 * 1024;
	char *big = malloc(size + 1);
	struct stat st;

	(void)state;
	memset(big, 'x', size);
	big[size] = '\0';
	assert_int_equal(mdabox_run_script("exit 0", big, NULL), DELIVER_DONE);
	assert_int_equal(mdabox_run_script("cat >\"$HOME/out\"", big, NULL),
			 DELIVER_DONE);
	assert_int_equal(stat(box.out, &st), 0);
	assert_int_equal(st.st_size, size);
	free(big);
}

/* Around the size at which a message goes from memory to the disk, in pieces. */
static void
a_message_of_any_size_arrives_whole(void **state)
{
	static const size_t sizes[] = { 0,     1,     32767, 32768,
					32769, 65536, 65537, 100000 };
	static const size_t pieces[] = { 1000, 32767, 70000 };
	const size_t n = sizeof(sizes) / sizeof(sizes[0]);
	char *text = malloc(100000), *there;
	size_t i, k, got;

	(void)state;
	for (i = 0; i < 100000; i++)
		text[i] = (char)('a' + i % 23);
	mdabox_script("cat >\"$HOME/out\"");
	for (i = 0; i < n * 3; i++) {
		const struct deliver_message m = { .uid = NULL };
		size_t size = sizes[i % n], piece = pieces[i / n], at;
		struct deliver *d = mdabox_open();
		struct deliver_staged *s;
		struct err e = ERR_INIT;

		assert_int_equal(deliver_stage(d, &m, &s, &e), 0);
		for (at = 0; at < size; at += k) {
			k = size - at < piece ? size - at : piece;
			assert_int_equal(deliver_write(s, text + at, k, &e), 0);
		}
		assert_int_equal(
			deliver_finish(s,
				       (const uint8_t[DIGEST_SHA256_SIZE]){ 0 },
				       0, "a@b", &e),
			0);
		assert_int_equal(mdabox_run(d, s, NULL), DELIVER_DONE);
		deliver_close(&d);
		there = scratch_read(box.out, &got);
		assert_int_equal(got, size);
		assert_memory_equal(there, text, size);
		free(there);
	}
	free(text);
}

static void
several_messages_go_one_after_the_other(void **state)
{
	struct deliver_staged *s[3];
	struct deliver *d;
	int i;

	(void)state;
	mdabox_script("cat >>\"$HOME/out\"");
	d = mdabox_open();
	assert_int_equal(deliver_batch_max(d), 1);
	s[0] = mdabox_stage(d, "a\n", "1");
	s[1] = mdabox_stage(d, "b\n", "2");
	s[2] = mdabox_stage(d, "c\n", "3");
	for (i = 0; i < 3; i++)
		assert_int_equal(mdabox_run(d, s[i], NULL), DELIVER_DONE);
	deliver_close(&d);
	mdabox_expect("a\nb\nc\n");
}

/* Each waits for the other. */
static void
two_may_run_at_once(void **state)
{
	struct deliver_staged *s[2];
	struct err e = ERR_INIT;
	struct deliver *d;
	int i;

	(void)state;
	box.target.mda_jobs = 2;
	mdabox_script("touch \"$HOME/$POPFETCH_UID\"\n"
		      "until [ -e \"$HOME/1\" ] && [ -e \"$HOME/2\" ]; do "
		      "sleep 0.01; done");
	d = mdabox_open();
	assert_int_equal(deliver_batch_max(d), 2);
	for (i = 0; i < 2; i++) {
		s[i] = mdabox_stage(d, "a\n", i == 0 ? "1" : "2");
		assert_int_equal(deliver_secure(d, &s[i], 1, &e), 0);
		assert_int_equal(deliver_publish(d, &e), 0);
		assert_true(mdabox_is_running(d));
		assert_int_equal(deliver_outcome(s[i], NULL), DELIVER_PENDING);
	}
	mdabox_wait(d);
	for (i = 0; i < 2; i++) {
		assert_int_equal(deliver_outcome(s[i], NULL), DELIVER_DONE);
		deliver_leave(&s[i]);
	}
	deliver_close(&d);
}

static void
dropping_lets_all_that_run_undo_their_work(void **state)
{
	char *one = scratch_path(*state, "1"), *two = scratch_path(*state, "2");
	struct deliver_staged *s[2];
	struct err e = ERR_INIT;
	struct deliver *d;
	int64_t until;

	box.target.mda_jobs = 2;
	mdabox_script("trap 'echo undone >>\"$HOME/out\"; exit 75' TERM\n"
		      "touch \"$HOME/$POPFETCH_UID\"\n"
		      "while :; do sleep 0.01; done");
	d = mdabox_open();
	s[0] = mdabox_stage(d, "a\n", "1");
	s[1] = mdabox_stage(d, "a\n", "2");
	assert_int_equal(deliver_secure(d, s, 2, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	until = clock_deadline(20000);
	while (!scratch_is_there(one) || !scratch_is_there(two)) {
		assert_true(clock_ms() < until);
		proc_poll(NULL, 0, clock_deadline(10));
	}
	deliver_drop(d);
	free(one);
	free(two);
	mdabox_expect("undone\nundone\n");
	deliver_leave(&s[0]);
	deliver_leave(&s[1]);
	deliver_close(&d);
}

static void
a_discarded_message_is_not_delivered(void **state)
{
	struct deliver *d;
	struct deliver_staged *s;
	struct err e = ERR_INIT;

	(void)state;
	mdabox_script("cat >\"$HOME/out\"");
	d = mdabox_open();
	s = mdabox_stage(d, "a\n", "1");
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	deliver_abandon(d);
	deliver_discard(&s);
	deliver_close(&d);
	assert_false(scratch_is_there(box.out));
}

/* --- how it ends --- */

static void
its_status_decides(void **state)
{
	static const struct {
		int status;
		enum deliver_outcome outcome;
	} table[] = { { 0, DELIVER_DONE },	 { 75, DELIVER_POSTPONED },
		      { 71, DELIVER_POSTPONED }, { 111, DELIVER_POSTPONED },
		      { 1, DELIVER_REFUSED },	 { 2, DELIVER_REFUSED },
		      { 64, DELIVER_REFUSED },	 { 67, DELIVER_REFUSED },
		      { 69, DELIVER_REFUSED },	 { 73, DELIVER_REFUSED },
		      { 77, DELIVER_REFUSED },	 { 99, DELIVER_REFUSED },
		      { 100, DELIVER_REFUSED },	 { 126, DELIVER_REFUSED },
		      { 127, DELIVER_REFUSED },	 { 255, DELIVER_REFUSED } };
	char body[40];
	struct err why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(body, sizeof(body), "exit %d", table[i].status);
		assert_int_equal(mdabox_run_script(body, "a\n", &why),
				 table[i].outcome);
		if (table[i].outcome == DELIVER_DONE)
			assert_int_equal(why.kind, ERR_NONE);
		if (table[i].outcome == DELIVER_POSTPONED)
			assert_int_equal(why.kind, ERR_LATER);
		/* 64, 126 and 127: it was called wrongly */
		if (table[i].outcome == DELIVER_REFUSED)
			assert_int_equal(why.kind,
					 table[i].status == 64 ||
							 table[i].status / 2 ==
								 63
						 ? ERR_CONFIG
						 : ERR_MESSAGE);
	}
}

static void
ended_by_a_signal_it_is_tried_again_later(void **state)
{
	struct err why;

	(void)state;
	assert_int_equal(mdabox_run_script("kill -9 $$", "a\n", &why),
			 DELIVER_POSTPONED);
	assert_int_equal(why.kind, ERR_MESSAGE);
	assert_non_null(strstr(why.text, "signal 9"));
}

static void
one_that_cannot_be_started_keeps_mail_waiting(void **state)
{
	struct deliver *d;
	struct err why;

	(void)state;
	d = mdabox_open(); /* there is no such program */
	assert_int_equal(mdabox_run(d, mdabox_stage(d, "a\n", "1"), &why),
			 DELIVER_POSTPONED);
	assert_int_equal(why.kind, ERR_OS);
	assert_int_equal(why.sys, ENOENT);
	scratch_write_text(box.script, "not executable");
	assert_int_equal(mdabox_run(d, mdabox_stage(d, "a\n", "1"), &why),
			 DELIVER_POSTPONED);
	assert_int_equal(why.kind, ERR_OS);
	deliver_close(&d);
}

/* A zombie, which init may reap late, does not run. */
static bool
is_running(pid_t pid)
{
	char path[64], *stat, *end;
	bool running;

	if (kill(pid, 0) != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if (!scratch_is_there(path))
		return kill(pid, 0) == 0;
	stat = malloc(1000);
	running = false;
	FILE *f = fopen(path, "r");
	if (f && fgets(stat, 1000, f) && (end = strrchr(stat, ')')))
		running = end[2] != 'Z' && end[2] != 'X';
	if (f)
		fclose(f);
	free(stat);
	return running;
}

static void
one_that_takes_too_long_is_ended_with_all_its_children(void **state)
{
	struct err why;
	char *text;
	int looks;

	(void)state;
	box.target.mda_timeout_ms = 500;
	assert_int_equal(
		mdabox_run_script("sleep 600 & echo $! >\"$HOME/out\"\nwait",
				  "a\n", &why),
		DELIVER_POSTPONED);
	assert_int_equal(why.kind, ERR_MESSAGE);
	assert_non_null(strstr(why.text, "did not end within"));
	text = scratch_read(box.out, NULL);
	for (looks = 0; is_running((pid_t)atol(text)); looks++) {
		assert_true(looks < 1000);
		proc_poll(NULL, 0, clock_deadline(10));
	}
	free(text);
}

static void
one_that_ignores_term_is_killed(void **state)
{
	int64_t start = clock_ms();
	struct err why;

	(void)state;
	box.target.mda_timeout_ms = 100;
	assert_int_equal(
		mdabox_run_script("trap '' TERM\nwhile :; do sleep 0.1; done",
				  "a\n", &why),
		DELIVER_POSTPONED);
	assert_non_null(strstr(why.text, "did not end within"));
	assert_true(clock_ms() - start >= 5000);
}

static void
success_after_the_time_out_does_not_count(void **state)
{
	struct err why;

	(void)state;
	box.target.mda_timeout_ms = 100;
	assert_int_equal(mdabox_run_script("trap 'exit 0' TERM\n"
					   "while :; do sleep 0.1; done",
					   "a\n", &why),
			 DELIVER_POSTPONED);
}

static void
dropping_ends_a_running_program(void **state)
{
	struct deliver *d;
	struct deliver_staged *s;
	struct err e = ERR_INIT;

	(void)state;
	mdabox_script("exec sleep 600");
	d = mdabox_open();
	s = mdabox_stage(d, "a\n", "1");
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_true(mdabox_is_running(d));
	deliver_drop(d);
	deliver_leave(&s);
	deliver_close(&d);
}

static void
closing_its_descriptors_is_not_ending(void **state)
{
	(void)state;
	assert_int_equal(mdabox_run_script("exec >&- 2>&-\nsleep 0.3\n"
					   "echo late >\"$HOME/out\"\nexit 67",
					   "a\n", NULL),
			 DELIVER_REFUSED);
	mdabox_expect("late\n");
}

static void
a_child_that_it_leaves_behind_does_not_hold_us(void **state)
{
	int64_t start = clock_ms();
	char *text;

	(void)state;
	assert_int_equal(mdabox_run_script("echo before >&2\n"
					   "sleep 300 & echo $! >\"$HOME/out\"",
					   "a\n", NULL),
			 DELIVER_DONE);
	assert_true(clock_ms() - start < 60 * 1000);
	assert_int_equal(box.note_count, 1);
	assert_string_equal(box.notes[0], "before");
	/* It was not ended either: an MDA may do things in the background. */
	text = scratch_read(box.out, NULL);
	assert_int_equal(kill((pid_t)atol(text), SIGKILL), 0);
	free(text);
}

/* deliver.h: what it says is noted before its time limit is looked at.  So the
 * limit passes, and the program ends, between two looks at it. */
static void
note_slowly(void *arg, const char *line)
{
	int64_t until = clock_deadline(20 * 1000);
	pid_t pid = (pid_t)atol(line);

	(void)arg;
	scratch_write_text(box.out, "go");
	while (is_running(pid)) {
		assert_true(clock_ms() < until);
		(void)usleep(1000);
	}
	until = clock_deadline(box.target.mda_timeout_ms + 1);
	while (clock_ms() < until)
		(void)usleep(1000);
}

static void
success_in_the_last_moment_counts(void **state)
{
	(void)state;
	box.target.mda_timeout_ms = 200;
	box.target.note = note_slowly;
	assert_int_equal(mdabox_run_script("echo $$\n"
					   "until [ -s \"$HOME/out\" ]; do "
					   "sleep 0.01; done",
					   "a\n", NULL),
			 DELIVER_DONE);
}

static void
one_that_is_told_too_much_is_one_message_s_fault(void **state)
{
	char *sender = malloc(200 * 1000 + 1);
	const struct deliver_message m = { .uid = NULL };
	const uint8_t digest[DIGEST_SHA256_SIZE] = { 0 };
	struct deliver_staged *s[2];
	struct err e = ERR_INIT, why;
	struct deliver *d;

	(void)state;
	memset(sender, 'a', 200 * 1000);
	sender[200 * 1000] = '\0';
	box.target.mda_jobs = 2;
	mdabox_script("exit 0");
	d = mdabox_open();
	assert_int_equal(deliver_stage(d, &m, &s[0], &e), 0);
	assert_int_equal(deliver_finish(s[0], digest, 0, sender, &e), 0);
	s[1] = mdabox_stage(d, "a\n", "2");
	assert_int_equal(deliver_secure(d, s, 2, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	mdabox_wait(d);
	assert_int_equal(deliver_outcome(s[0], &why), DELIVER_POSTPONED);
	assert_int_equal(why.kind, ERR_MESSAGE);
	assert_int_equal(deliver_outcome(s[1], &why), DELIVER_DONE);
	deliver_leave(&s[0]);
	deliver_leave(&s[1]);
	deliver_close(&d);
	free(sender);
}

/* --- what it says --- */

static void
its_lines_are_noted_and_made_safe(void **state)
{
	struct err why;

	(void)state;
	assert_int_equal(
		mdabox_run_script("echo to stderr >&2\n"
				  "printf 'a\\033[2Jb\\r\\nlast' >&2\nexit 1",
				  "a\n", &why),
		DELIVER_REFUSED);
	assert_int_equal(box.note_count, 3);
	assert_string_equal(box.notes[0], "to stderr");
	assert_string_equal(box.notes[1], "a\\x1b[2Jb");
	assert_string_equal(box.notes[2], "last");
	assert_non_null(strstr(why.text, "last"));
	assert_non_null(strstr(why.text, "status 1"));
}

static void
standard_output_is_noted_too(void **state)
{
	(void)state;
	assert_int_equal(mdabox_run_script("echo out", "a\n", NULL),
			 DELIVER_DONE);
	assert_int_equal(box.note_count, 1);
	assert_string_equal(box.notes[0], "out");
}

static void
a_flood_of_words_is_read_and_cut(void **state)
{
	struct err why;
	size_t i;

	(void)state;
	assert_int_equal(
		mdabox_run_script(
			"head -c 3000000 /dev/zero | tr '\\0' x\n"
			"i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done\n"
			"exit 1",
			"a\n", &why),
		DELIVER_REFUSED);
	assert_int_equal(box.note_count, 100);
	for (i = 0; i < 100; i++)
		assert_true(strlen(box.notes[i]) <= 1000);
	assert_non_null(strstr(why.text, "line 299"));
}

static void
recovery_lets_it_run_again(void **state)
{
	const char *lines[1];
	enum deliver_verdict v;
	struct err e = ERR_INIT;
	struct deliver *d;
	struct deliver_staged *s;
	char *line;

	(void)state;
	mdabox_script("exit 0");
	d = mdabox_open();
	s = mdabox_stage(d, "a\n", "1");
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	line = strdup(deliver_evidence(s));
	deliver_drop(d);
	deliver_leave(&s);
	deliver_close(&d);
	lines[0] = line;
	assert_int_equal(deliver_recover(&box.target, lines, &v, 1, &e), 0);
	assert_int_equal(v, DELIVER_WAS_IN_HAND);
	deliver_recovered(&box.target, lines, 1);
	free(line);
}

static void
recovery_removes_files_of_this_state_only(void **state)
{
	char *ours = scratch_path(box.spool, "mda-00ff-0123456789abcdef");
	char *theirs = scratch_path(box.spool, "mda-00fe-0123456789abcdef");
	struct err e = ERR_INIT;

	(void)state;
	scratch_write_text(ours, "a message");
	scratch_write_text(theirs, "a message");
	assert_int_equal(deliver_recover(&box.target, NULL, NULL, 0, &e), 0);
	assert_int_equal(scratch_count(box.spool), 1);
	assert_true(scratch_is_there(theirs));
	free(ours);
	free(theirs);
}

static void
a_missing_spool_directory_is_an_error(void **state)
{
	struct err e = ERR_INIT;
	struct deliver *d;

	(void)state;
	rmdir(box.spool);
	assert_int_equal(deliver_open(&d, &box.target, true, &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
}

/* --- a stop request: no other test can come after it --- */

static void
after_a_stop_one_that_goes_on_is_asked_to_end_and_then_killed(void **state)
{
	int64_t start = clock_ms(), took;
	struct deliver_staged *s[2];
	struct err e = ERR_INIT, why;
	struct deliver *d;

	(void)state;
	box.target.mda_jobs = 2;
	mdabox_script("[ \"$POPFETCH_UID\" = 1 ] && trap '' TERM\n"
		      "[ \"$POPFETCH_UID\" = 2 ] && "
		      "trap 'echo asked >\"$HOME/out\"; exit 0' TERM\n"
		      "while :; do sleep 0.1; done");
	d = mdabox_open();
	s[0] = mdabox_stage(d, "a\n", "1");
	s[1] = mdabox_stage(d, "a\n", "2");
	assert_int_equal(deliver_secure(d, s, 2, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(raise(SIGTERM), 0);
	mdabox_wait(d);
	took = clock_ms() - start;
	assert_in_range(took, 9 * 1000, 20 * 1000);
	mdabox_expect("asked\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(deliver_outcome(s[i], &why),
				 DELIVER_POSTPONED);
		assert_int_equal(why.kind, ERR_STOPPED);
		deliver_leave(&s[i]);
	}
	deliver_close(&d);
}

#define TEST(f) \
	cmocka_unit_test_setup_teardown(f, mdabox_setup, mdabox_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_program_gets_the_whole_message),
		TEST(the_message_is_a_file_without_name_that_may_be_read_twice),
		TEST(a_program_that_reads_nothing_has_delivered_all_the_same),
		TEST(a_message_of_any_size_arrives_whole),
		TEST(several_messages_go_one_after_the_other),
		TEST(two_may_run_at_once),
		TEST(dropping_lets_all_that_run_undo_their_work),
		TEST(a_discarded_message_is_not_delivered),
		TEST(its_status_decides),
		TEST(ended_by_a_signal_it_is_tried_again_later),
		TEST(one_that_cannot_be_started_keeps_mail_waiting),
		TEST(one_that_takes_too_long_is_ended_with_all_its_children),
		TEST(one_that_ignores_term_is_killed),
		TEST(success_after_the_time_out_does_not_count),
		TEST(success_in_the_last_moment_counts),
		TEST(one_that_is_told_too_much_is_one_message_s_fault),
		TEST(dropping_ends_a_running_program),
		TEST(closing_its_descriptors_is_not_ending),
		TEST(a_child_that_it_leaves_behind_does_not_hold_us),
		TEST(its_lines_are_noted_and_made_safe),
		TEST(standard_output_is_noted_too),
		TEST(a_flood_of_words_is_read_and_cut),
		TEST(recovery_lets_it_run_again),
		TEST(recovery_removes_files_of_this_state_only),
		TEST(a_missing_spool_directory_is_an_error),
		TEST(after_a_stop_one_that_goes_on_is_asked_to_end_and_then_killed)
	};

	proc_signals(PROC_STOPPABLE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
