/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The commit protocol over a real database and real destinations in a directory of the
 * test: what is told when, and what a death between the steps leaves to the next run.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "commit/batch.h"
#include "commit/recovery.h"
#include "sys/fs.h"
#include "sys/proc.h"

enum { TOLD_MAX = 16 };

struct told {
	uint32_t number;
	enum deliver_outcome outcome;
};

struct fixture {
	char dir[64];
	char *maildir, *db;
	struct deliver_target target;
	struct store *store;
	struct batch *batch;
	struct batch_limits limits;
	struct told told[TOLD_MAX];
	size_t told_count;
	struct err e;
};

static void
note(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

/* How many messages were told of so far. */
static size_t
told_count(struct fixture *x)
{
	struct batch_result r;

	while (x->batch && batch_next_recorded(x->batch, &r)) {
		assert_true(x->told_count < TOLD_MAX);
		x->told[x->told_count++] =
			(struct told){ r.message.number, r.outcome };
	}
	return x->told_count;
}

static void
open_state(struct fixture *x)
{
	if (store_open(&x->store, x->db, -1, true, &x->e) == -1)
		fail_msg("%s", x->e.text);
	x->target.state_id = store_id(x->store);
}

static void
open_batch(struct fixture *x)
{
	if (batch_open(&x->batch, x->store, &x->target, &x->limits, &x->e) ==
	    -1)
		fail_msg("%s", x->e.text);
}

static int
setup(void **state)
{
	struct fixture *x = mem_alloc(sizeof(*x));

	*state = x;
	(void)snprintf(x->dir, sizeof(x->dir), "/tmp/test_batch.XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	x->maildir = mem_format("%s/Mail", x->dir);
	x->db = mem_format("%s/state.db", x->dir);
	x->limits = batch_limits_usual;
	x->target = (struct deliver_target){
		.kind = DELIVER_MAILDIR,
		.path = x->maildir,
		.account = "work",
		.user = "jane",
		.spool = x->dir,
		.note = note,
		.mda_timeout_ms = 10000,
	};
	open_state(x);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *x = *state;
	char *command = mem_format("rm -rf '%s'", x->dir);

	batch_close(&x->batch);
	store_close(&x->store);
	assert_int_equal(system(command), 0);
	free(command);
	free(x->maildir);
	free(x->db);
	free(x);
	return 0;
}

/* --- steps --- */

static void
take(struct fixture *x, uint32_t number, const char *text)
{
	static const uint8_t digest[DIGEST_SHA256_SIZE] = { 1 };
	static const char *const uids[] = { "",	 "a", "b", "c", "d",
					    "e", "f", "g", "h", "i" };
	struct batch_message m = {
		.number = number,
		.uid = (const uint8_t *)uids[number],
		.uid_size = 1,
		.size = (int64_t)strlen(text),
	};

	if (batch_begin(x->batch, &m, &x->e) == -1 ||
	    batch_write(x->batch, text, strlen(text), &x->e) == -1 ||
	    batch_end(x->batch, digest, 0, "jane@example.org", &x->e) == -1)
		fail_msg("%s", x->e.text);
}

static void
run_all(struct fixture *x)
{
	int64_t end = clock_deadline(10000);

	do {
		if (batch_run(x->batch, true, &x->e) == -1)
			fail_msg("%s", x->e.text);
		(void)proc_poll(NULL, 0, clock_deadline(5));
		assert_true(clock_ms() < end);
	} while (!batch_is_quiet(x->batch));
}

static void
finish(struct fixture *x)
{
	if (batch_finish(x->batch, &x->e) == -1)
		fail_msg("%s", x->e.text);
}

static void
recover(struct fixture *x, size_t delivered, size_t again)
{
	struct recovery_result r;

	if (recovery_run(x->store, &x->target, &r, &x->e) == -1)
		fail_msg("%s", x->e.text);
	assert_int_equal(r.delivered, delivered);
	assert_int_equal(r.again, again);
}

static int
count_name(void *arg, const char *name, struct err *e)
{
	size_t *count = arg;

	(void)e;
	*count += name[0] != '.';
	return 0;
}

static size_t
files_in(const struct fixture *x, const char *sub)
{
	char *path = mem_format("%s/%s", x->maildir, sub);
	struct err e = ERR_INIT;
	size_t count = 0;
	int fd;

	if (fs_open_dir(path, &fd, &e) == 0) {
		assert_int_equal(fs_list(fd, count_name, &count, &e), 0);
		fs_drop(&fd);
	}
	free(path);
	return count;
}

static size_t
staged_files(const struct fixture *x)
{
	char *sub = mem_format("tmp/.popfetch/%s", store_id(x->store));
	size_t count = files_in(x, sub);

	free(sub);
	return count;
}

static size_t
rows(struct fixture *x, enum store_status status)
{
	struct store_rows *r;
	size_t count = 0;

	assert_int_equal(store_load(x->store, &r, &x->e), 0);
	for (size_t i = 0; i < store_rows_count(r); i++)
		count += store_rows_at(r, i).status == status;
	store_rows_free(&r);
	return count;
}

/* --- what is told when --- */

static void
a_message_is_told_only_when_it_is_recorded(void **state)
{
	struct fixture *x = *state;

	open_batch(x);
	take(x, 1, "one\n");
	take(x, 2, "two\n");
	assert_int_equal(files_in(x, "new"), 0);
	run_all(x);
	assert_int_equal(files_in(x, "new"), 2);
	assert_int_equal(told_count(x), 0);
	finish(x);
	assert_int_equal(told_count(x), 2);
	assert_int_equal(x->told[0].number, 1);
	assert_int_equal(x->told[0].outcome, DELIVER_DONE);
	assert_int_equal(rows(x, STORE_DELIVERED), 2);
	assert_int_equal(staged_files(x), 0);
}

static void
the_second_batch_records_the_first(void **state)
{
	struct fixture *x = *state;

	x->limits.messages = 1;
	open_batch(x);
	take(x, 1, "one\n");
	take(x, 2, "two\n");
	run_all(x);
	assert_int_equal(told_count(x), 1);
	assert_int_equal(rows(x, STORE_DELIVERED), 1);
	assert_int_equal(rows(x, STORE_READY), 1);
	finish(x);
	assert_int_equal(told_count(x), 2);
}

static void
nothing_is_handed_over_before_a_limit_is_reached(void **state)
{
	struct fixture *x = *state;

	x->limits.messages = 2;
	open_batch(x);
	take(x, 1, "one\n");
	assert_int_equal(batch_run(x->batch, false, &x->e), 0);
	assert_int_equal(files_in(x, "new"), 0);
	assert_true(batch_until(x->batch) != CLOCK_NEVER);
	take(x, 2, "two\n");
	assert_int_equal(batch_run(x->batch, false, &x->e), 0);
	assert_int_equal(files_in(x, "new"), 2);
}

static void
many_bytes_are_a_limit_too(void **state)
{
	struct fixture *x = *state;

	x->limits.bytes = 6;
	open_batch(x);
	take(x, 1, "one\n");
	assert_int_equal(batch_run(x->batch, false, &x->e), 0);
	assert_int_equal(files_in(x, "new"), 0);
	take(x, 2, "two\n");
	assert_int_equal(batch_run(x->batch, false, &x->e), 0);
	assert_int_equal(files_in(x, "new"), 2);
}

static void
a_cancelled_message_leaves_nothing(void **state)
{
	struct fixture *x = *state;
	struct batch_message m = { .number = 1,
				   .uid = (const uint8_t *)"a",
				   .uid_size = 1,
				   .size = -1 };

	open_batch(x);
	assert_int_equal(batch_begin(x->batch, &m, &x->e), 0);
	assert_int_equal(batch_write(x->batch, "half", 4, &x->e), 0);
	batch_cancel(x->batch);
	assert_true(batch_is_quiet(x->batch));
	assert_int_equal(staged_files(x), 0);
}

static void
a_batch_closed_before_it_was_handed_over_leaves_nothing(void **state)
{
	struct fixture *x = *state;

	open_batch(x);
	take(x, 1, "one\n");
	batch_close(&x->batch);
	assert_int_equal(staged_files(x), 0);
	assert_int_equal(files_in(x, "new"), 0);
	recover(x, 0, 0);
}

/* --- the mailbox --- */

static void
a_maildir_that_was_delivered_to_is_never_made_again(void **state)
{
	struct fixture *x = *state;
	char *away = mem_format("%s/away", x->dir);

	open_batch(x);
	take(x, 1, "one\n");
	run_all(x);
	finish(x);
	batch_close(&x->batch);
	assert_int_equal(rename(x->maildir, away), 0);
	assert_int_equal(batch_open(&x->batch, x->store, &x->target, &x->limits,
				    &x->e),
			 -1);
	assert_int_equal(x->e.kind, ERR_CREATE);
	assert_false(fs_is_there(x->maildir));
	free(away);
}

/* --- deaths --- */

enum death { DEATH_STAGED, DEATH_PUBLISHED, DEATH_SECOND_PUBLISHED };

/* A process that goes as far as this and is killed. */
static void
die_at(struct fixture *x, enum death where)
{
	pid_t pid;
	int status;

	store_close(&x->store);
	pid = fork();
	if (pid == 0) {
		open_state(x);
		open_batch(x);
		take(x, 1, "one\n");
		if (where >= DEATH_PUBLISHED)
			run_all(x);
		if (where >= DEATH_SECOND_PUBLISHED) {
			take(x, 2, "two\n");
			run_all(x);
		}
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	open_state(x);
}

static void
a_death_while_staging_delivers_nothing_and_leaves_no_file(void **state)
{
	struct fixture *x = *state;

	die_at(x, DEATH_STAGED);
	assert_int_equal(staged_files(x), 2);
	recover(x, 0, 0);
	assert_int_equal(staged_files(x), 0);
	assert_int_equal(files_in(x, "new"), 0);
	assert_int_equal(rows(x, STORE_DELIVERED), 0);
}

static void
a_death_after_publishing_counts_as_delivered(void **state)
{
	struct fixture *x = *state;

	die_at(x, DEATH_PUBLISHED);
	assert_int_equal(rows(x, STORE_READY), 1);
	recover(x, 1, 0);
	assert_int_equal(rows(x, STORE_DELIVERED), 1);
	assert_int_equal(files_in(x, "new"), 1);
	assert_int_equal(staged_files(x), 0);
	recover(x, 0, 0);
}

static void
a_message_that_a_reader_removed_before_recovery_does_not_come_back(void **state)
{
	struct fixture *x = *state;
	char *command = mem_format("rm '%s'/new/*", x->maildir);

	die_at(x, DEATH_SECOND_PUBLISHED);
	assert_int_equal(system(command), 0);
	free(command);
	recover(x, 1, 0);
	assert_int_equal(rows(x, STORE_DELIVERED), 2);
	assert_int_equal(files_in(x, "new"), 0);
}

static void
proof_that_was_cleaned_away_means_fetching_again(void **state)
{
	struct fixture *x = *state;
	char *command = mem_format("rm -r '%s'/tmp/.popfetch", x->maildir);

	die_at(x, DEATH_PUBLISHED);
	assert_int_equal(system(command), 0);
	free(command);
	recover(x, 0, 1);
	assert_int_equal(rows(x, STORE_DELIVERED), 0);
	assert_int_equal(rows(x, STORE_READY), 0);
}

/* --- MDA --- */

static void
hand_to(struct fixture *x, const char *const argv[])
{
	x->target.kind = DELIVER_MDA;
	x->target.argv = argv;
	open_batch(x);
}

static void
an_mda_takes_one_message_after_the_other(void **state)
{
	struct fixture *x = *state;
	char *script = mem_format("cat >> '%s/out'", x->dir);
	char *out = mem_format("%s/out", x->dir);
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct buf text;
	int fd;

	hand_to(x, argv);
	take(x, 1, "one\n");
	take(x, 2, "two\n");
	take(x, 3, "three\n");
	run_all(x);
	finish(x);
	assert_int_equal(told_count(x), 3);
	assert_int_equal(rows(x, STORE_DELIVERED), 3);
	buf_init(&text, 1000);
	fd = open(out, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fs_read_fd(fd, out, 1000, &text, &x->e), 0);
	fs_drop(&fd);
	assert_string_equal(buf_text(&text), "one\ntwo\nthree\n");
	buf_free(&text);
	free(script);
	free(out);
}

static void
a_message_that_the_mda_refuses_is_set_aside_and_the_others_go_on(void **state)
{
	struct fixture *x = *state;
	static const char *const argv[] = { "/bin/sh", "-c", "! grep -q two",
					    NULL };

	hand_to(x, argv);
	take(x, 1, "one\n");
	take(x, 2, "two\n");
	take(x, 3, "three\n");
	run_all(x);
	finish(x);
	assert_int_equal(told_count(x), 3);
	assert_int_equal(x->told[1].outcome, DELIVER_REFUSED);
	assert_int_equal(rows(x, STORE_DELIVERED), 2);
	assert_int_equal(rows(x, STORE_SET_ASIDE), 1);
}

static void
a_message_that_the_mda_wants_later_does_not_stop_the_others(void **state)
{
	struct fixture *x = *state;
	static const char *const argv[] = { "/bin/sh", "-c",
					    "grep -q two && exit 75; exit 0",
					    NULL };

	hand_to(x, argv);
	take(x, 1, "one\n");
	take(x, 2, "two\n");
	take(x, 3, "three\n");
	run_all(x);
	assert_null(batch_trouble(x->batch));
	finish(x);
	assert_int_equal(told_count(x), 3);
	assert_int_equal(x->told[1].outcome, DELIVER_POSTPONED);
	assert_int_equal(rows(x, STORE_DELIVERED), 2);
	assert_int_equal(rows(x, STORE_SET_ASIDE), 1);
}

static void
an_mda_that_wants_all_later_gets_no_more_and_nothing_is_counted(void **state)
{
	struct fixture *x = *state;
	static const char *const argv[] = { "/bin/sh", "-c", "exit 75", NULL };
	int64_t end = clock_deadline(10000);

	hand_to(x, argv);
	for (uint32_t i = 1; i <= 9; i++)
		take(x, i, "a\n");
	while (!batch_trouble(x->batch) && clock_ms() < end) {
		assert_int_equal(batch_run(x->batch, true, &x->e), 0);
		(void)proc_poll(NULL, 0, clock_deadline(5));
	}
	assert_non_null(batch_trouble(x->batch));
	assert_int_equal(batch_trouble(x->batch)->why.kind, ERR_LATER);
	assert_int_equal(batch_trouble(x->batch)->count, 6);
	assert_int_equal(batch_waiting(x->batch), 3);
	assert_false(batch_is_due(x->batch, true));
	finish(x);
	assert_int_equal(rows(x, STORE_DELIVERED), 0);
	assert_int_equal(rows(x, STORE_READY), 0);
	assert_int_equal(rows(x, STORE_SET_ASIDE), 0);
}

/* What a run that died leaves to the next one. */
static void
a_message_that_an_mda_had_when_the_run_died_has_failed_once_more(void **state)
{
	struct fixture *x = *state;
	static const char *const argv[] = { "/bin/sh", "-c", "exit 0", NULL };
	struct recovery_result r;

	for (int run = 1; run <= 3; run++) {
		struct store_rows *all;
		struct store_row row = { .id = 0 };
		struct batch_message m = { .number = 1,
					   .uid = (const uint8_t *)"u",
					   .uid_size = 1,
					   .size = 3 };
		const uint8_t digest[DIGEST_SHA256_SIZE] = { 7 };

		assert_int_equal(store_load(x->store, &all, &x->e), 0);
		if (store_rows_count(all) > 0)
			row = store_rows_at(all, 0);
		store_rows_free(&all);
		m.row = row.id;
		m.attempts = row.attempts;
		hand_to(x, argv);
		assert_int_equal(batch_begin(x->batch, &m, &x->e), 0);
		assert_int_equal(batch_end(x->batch, digest, 3, "a@b", &x->e),
				 0);
		assert_int_equal(batch_run(x->batch, true, &x->e), 0);
		batch_close(&x->batch);
		assert_int_equal(rows(x, STORE_READY), 1);
		assert_int_equal(recovery_run(x->store, &x->target, &r, &x->e),
				 0);
		assert_int_equal(r.again, 1);
		assert_int_equal(r.set_aside, run == 3);
		assert_int_equal(store_load(x->store, &all, &x->e), 0);
		row = store_rows_at(all, 0);
		assert_int_equal(row.status, STORE_SET_ASIDE);
		assert_int_equal(row.attempts, run);
		assert_true(row.has_digest && row.size == 3);
		assert_int_equal(row.next_try > clock_unix() + 1800, run == 3);
		store_rows_free(&all);
	}
}

static void
touch(const struct fixture *x, const char *name)
{
	char *path = mem_format("%s/%s", x->dir, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	fs_drop(&fd);
	free(path);
}

static void
several_mdas_have_a_row_each_before_they_start(void **state)
{
	struct fixture *x = *state;
	char *script =
		mem_format("until [ -e '%s/go' ]; do sleep 0.01; done", x->dir);
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };

	x->target.mda_jobs = 3;
	hand_to(x, argv);
	for (uint32_t i = 1; i <= 4; i++)
		take(x, i, "a\n");
	assert_int_equal(batch_run(x->batch, true, &x->e), 0);
	assert_int_equal(rows(x, STORE_READY), 3);
	assert_int_equal(batch_waiting(x->batch), 4);
	assert_false(batch_is_due(x->batch, true));
	touch(x, "go");
	run_all(x);
	finish(x);
	assert_int_equal(told_count(x), 4);
	assert_int_equal(rows(x, STORE_DELIVERED), 4);
	free(script);
}

static void
an_mda_that_wants_it_later_does_not_disturb_those_that_run(void **state)
{
	struct fixture *x = *state;
	char *script = mem_format("grep -q later && exit 75\n"
				  "until [ -e '%s/go' ]; do sleep 0.01; done",
				  x->dir);
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };

	x->target.mda_jobs = 3;
	hand_to(x, argv);
	take(x, 1, "now\n");
	take(x, 2, "later\n");
	take(x, 3, "now\n");
	assert_int_equal(batch_run(x->batch, true, &x->e), 0);
	assert_false(batch_is_quiet(x->batch));
	touch(x, "go");
	run_all(x);
	finish(x);
	assert_int_equal(rows(x, STORE_DELIVERED), 2);
	assert_int_equal(rows(x, STORE_READY), 0);
	free(script);
}

static size_t
open_files(void)
{
	size_t count = 0;
	struct err e = ERR_INIT;
	int fd;

	assert_int_equal(fs_open_dir("/proc/self/fd", &fd, &e), 0);
	assert_int_equal(fs_list(fd, count_name, &count, &e), 0);
	fs_drop(&fd);
	return count;
}

static void
the_file_of_a_message_goes_when_its_mda_has_ended(void **state)
{
	struct fixture *x = *state;
	static const char *const argv[] = { "/bin/sh", "-c", "exit 0", NULL };
	size_t before;

	hand_to(x, argv);
	before = open_files();
	take(x, 1, "one\n");
	assert_int_equal(open_files(), before + 1);
	run_all(x);
	assert_int_equal(rows(x, STORE_READY), 1); /* not yet recorded */
	assert_int_equal(open_files(), before);
	finish(x);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_told_only_when_it_is_recorded),
		TEST(the_second_batch_records_the_first),
		TEST(nothing_is_handed_over_before_a_limit_is_reached),
		TEST(many_bytes_are_a_limit_too),
		TEST(a_cancelled_message_leaves_nothing),
		TEST(a_batch_closed_before_it_was_handed_over_leaves_nothing),
		TEST(a_maildir_that_was_delivered_to_is_never_made_again),
		TEST(a_death_while_staging_delivers_nothing_and_leaves_no_file),
		TEST(a_death_after_publishing_counts_as_delivered),
		TEST(a_message_that_a_reader_removed_before_recovery_does_not_come_back),
		TEST(proof_that_was_cleaned_away_means_fetching_again),
		TEST(an_mda_takes_one_message_after_the_other),
		TEST(a_message_that_the_mda_refuses_is_set_aside_and_the_others_go_on),
		TEST(a_message_that_the_mda_wants_later_does_not_stop_the_others),
		TEST(an_mda_that_wants_all_later_gets_no_more_and_nothing_is_counted),
		TEST(a_message_that_an_mda_had_when_the_run_died_has_failed_once_more),
		TEST(several_mdas_have_a_row_each_before_they_start),
		TEST(an_mda_that_wants_it_later_does_not_disturb_those_that_run),
		TEST(the_file_of_a_message_goes_when_its_mda_has_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
