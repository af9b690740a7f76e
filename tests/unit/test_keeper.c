/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The keeper as a process of its own, with a courier that is none: what it
 * reports to the parent, and what it remembers from run to run.  It links neither
 * net nor pop3 nor courier.
 */
#include "config.h"

#include "keeper/keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fake_courier.h"
#include "scratch.h"
#include "sys/fs.h"
#include "sys/lock.h"
#include "sys/proc.h"

#define MAIL(id) "Message-ID: <" id ">\nSubject: x\n\nbody\n"

enum { PATIENCE_MS = 10 * 1000 };

struct fixture {
	char *dir, *maildir, *new_dir, *state_dir;
	struct fake_mailbox *mailbox;
	struct server server;
	struct keeper_settings keeper;
	struct keeper_job job;
	bool has_no_courier;

	/* What the parent was told. */
	struct report_result result;
	unsigned results, errors;
	enum err_kind error;
	bool is_folded;
	char *told; /* lines, each behind its level, log and errors */
};

/* --- the courier --- */

/* start_courier of the job: nothing is open yet. */
static int
start_courier(void *arg, struct link **courier, pid_t *pid, struct err *e)
{
	struct fixture *x = arg;

	if (x->has_no_courier)
		return err_set(e, ERR_OS, "cannot start a process");
	*pid = fake_courier_start(x->mailbox, courier);
	return 0;
}

/* --- the fixture --- */

static void
set_settings(struct fixture *x)
{
	static char host[] = "pop.example.org", user[] = "jane";
	static char state[] = "work", fingerprint[] = "00ff";

	x->server = (struct server){
		.host = host,
		.user = user,
		.timeout_ms = PATIENCE_MS,
		.session_timeout_ms = PATIENCE_MS,
	};
	x->keeper = (struct keeper_settings){
		.target = { .kind = DELIVER_MAILDIR,
			    .path = x->maildir,
			    .account = "work",
			    .user = user },
		.rules.keep_s = PLAN_KEEP_FOREVER,
		.account = { .state_file = state,
			     .notice_failures = 1,
			     .fingerprint = fingerprint },
	};
	x->job = (struct keeper_job){
		.start_courier = start_courier,
		.arg = x,
		.state_dir = x->state_dir,
		.settings = { .server = &x->server,
			      .keeper = &x->keeper,
			      .limits = batch_limits_usual },
	};
}

static int
set_up(void **state)
{
	struct fixture *x = mem_alloc(sizeof(*x));
	void *dir;

	if (scratch_setup(&dir) != 0)
		return -1;
	*state = x;
	x->dir = dir;
	x->maildir = scratch_path(x->dir, "Mail");
	x->new_dir = scratch_path(x->maildir, "new");
	x->state_dir = scratch_path(x->dir, "state/popfetch");
	x->mailbox = fake_mailbox_new();
	x->told = mem_string("");
	set_settings(x);
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *x = *state;
	void *dir = x->dir;

	fake_mailbox_free(x->mailbox);
	free(x->maildir);
	free(x->new_dir);
	free(x->state_dir);
	free(x->told);
	free(x);
	return scratch_teardown(&dir);
}

/* --- a run --- */

static void
hear_message(struct fixture *x, const struct link_record *r)
{
	struct report_message m;
	char *before = x->told;

	assert_true(report_read_message(r, &m));
	x->told = mem_format("%smessage %u: %s: %s\n", before,
			     (unsigned)r->number, m.sender, m.subject);
	free(before);
}

static void
hear(struct fixture *x, const struct link_record *r)
{
	static const char *const levels[] = { "warning", "answer", "summary",
					      "verbose", "protocol" };
	char *before = x->told;
	const char *what = "log";

	switch (r->type) {
	case REPORT_RESULT:
		assert_true(report_read_result(r, &x->result));
		x->results++;
		return;
	case REPORT_ERROR:
		x->error = (enum err_kind)r->value;
		x->is_folded = r->number != 0;
		x->errors++;
		what = "error";
		break;
	case REPORT_LINE:
		what = levels[r->value];
		break;
	case REPORT_LOG:
		break;
	case REPORT_MESSAGE:
		hear_message(x, r);
		return;
	default:
		return;
	}
	/* the result is the last of all */
	assert_int_equal(x->results, 0);
	x->told = mem_format("%s%s: %.*s\n", before, what, (int)r->size,
			     (const char *)r->data);
	free(before);
}

static void
forget_told(struct fixture *x)
{
	x->result = (struct report_result){ 0 };
	x->results = x->errors = 0;
	x->error = ERR_NONE;
	x->is_folded = false;
	free(x->told);
	x->told = mem_string("");
}

static _Noreturn void
be_keeper(const struct fixture *x, struct link *report)
{
	keeper_run(&x->job, &report);
	exit(0); /* so that a leak is seen */
}

/* Until the keeper has ended. */
static void
run(struct fixture *x)
{
	struct link *report, *parent;
	struct link_record r;
	struct err e = ERR_INIT;
	int status;
	pid_t pid;

	forget_told(x);
	assert_int_equal(link_pair(&report, &parent, true, &e), 0);
	pid = proc_fork(&e);
	if (pid == 0) {
		link_free(&parent);
		be_keeper(x, report);
	}
	assert_true(pid > 0);
	link_free(&report);
	while (link_wait(parent, &r, clock_deadline(PATIENCE_MS), &e) == 0)
		hear(x, &r);
	assert_true(link_is_over(parent));
	link_free(&parent);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(x->results, 1);
}

static void
run_well(struct fixture *x)
{
	run(x);
	if (x->errors > 0)
		fail_msg("%s", x->told);
}

static void
assert_told(const struct fixture *x, const char *part)
{
	if (!strstr(x->told, part))
		fail_msg("'%s' is not in:\n%s", part, x->told);
}

/* --- a fetch --- */

static void
the_result_of_a_fetch_arrives_at_the_parent(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	fake_mailbox_add(x->mailbox, "b", MAIL("2"));
	run_well(x);
	assert_int_equal(x->result.fetched, 2);
	assert_int_equal(x->result.new_messages, 2);
	assert_told(x, "summary: 2 messages fetched, ");
	assert_int_equal(scratch_count(x->new_dir), 2);
	assert_true(x->mailbox->has_quit);
}

static void
messages_are_called_by_sender_and_subject_if_that_is_wanted(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", "From: Ann <a@b>\nSubject: s\n\n");
	fake_mailbox_add(x->mailbox, "b", "Date: 1\n\n");
	x->job.settings.wants_captions = true;
	run_well(x);
	assert_told(x, "\nmessage 1: Ann: s\n");
	assert_told(x, "verbose: message 2 (uid 'b') delivered\n");
	assert_null(strstr(x->told, "verbose: message 1 "));
	assert_told(x, "log: delivered: message 1 (uid 'a')");
	x->job.settings.wants_captions = false;
	fake_mailbox_add(x->mailbox, "c", "From: Ann <a@b>\nSubject: s\n\n");
	run_well(x);
	assert_told(x, "verbose: message 3 (uid 'c') delivered\n");
	assert_null(strstr(x->told, "Ann"));
}

static void
the_next_run_fetches_what_is_new(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	run_well(x);
	run_well(x);
	assert_int_equal(x->result.fetched, 0);
	assert_told(x, "verbose: 0 messages fetched"); /* for few ears */
	fake_mailbox_add(x->mailbox, "b", MAIL("2"));
	run_well(x);
	assert_int_equal(x->result.fetched, 1);
	assert_int_equal(scratch_count(x->new_dir), 2);
}

static void
what_a_program_says_is_told(void **state)
{
	static const char *const argv[] = {
		"/bin/sh", "-c", "cat >/dev/null; echo who knows >&2", NULL
	};
	struct fixture *x = *state;

	x->keeper.target.kind = DELIVER_MDA;
	x->keeper.target.argv = argv;
	x->keeper.target.mda_timeout_ms = PATIENCE_MS;
	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	run_well(x);
	assert_told(x, "verbose: mda: who knows\n");
	assert_told(x, "log: mda: who knows\n");
}

static void
a_check_counts_and_leaves_no_state(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	x->job.settings.mode = SESSION_CHECK;
	run_well(x);
	assert_int_equal(x->result.new_messages, 1);
	assert_int_equal(x->result.fetched, 0);
	assert_false(fs_is_there(x->state_dir));
}

/* --- what fails --- */

static void
a_courier_that_cannot_be_started_is_an_error(void **state)
{
	struct fixture *x = *state;

	x->has_no_courier = true;
	run(x);
	assert_int_equal(x->errors, 1);
	assert_int_equal(x->error, ERR_OS);
	assert_told(x, "error: cannot start a process");
}

static void
a_courier_that_dies_is_an_error_and_what_was_whole_counts(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	fake_mailbox_add(x->mailbox, "b", MAIL("2"))->dies = true;
	run(x);
	assert_int_equal(x->errors, 1);
	assert_int_equal(x->error, ERR_INTERNAL);
	assert_int_equal(x->result.fetched, 1);
	assert_int_equal(scratch_count(x->new_dir), 1);
}

static void
a_message_that_is_refused_is_told_once(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1"))->refused = true;
	run(x);
	assert_int_equal(x->errors, 1);
	assert_int_equal(x->error, ERR_MESSAGE);
	assert_int_equal(x->result.failed, 1);
}

/* --- an account that another run has --- */

/* The test is the other run. */
static int
take_lock(struct fixture *x)
{
	char *path = scratch_path(x->state_dir, "work.lock");
	struct err e = ERR_INIT;
	int fd;

	assert_int_equal(fs_make_path(x->state_dir, 0700, &e), 0);
	assert_int_equal(lock_take(path, true, &fd, &e), 0);
	free(path);
	return fd;
}

static void
a_busy_account_is_left_to_the_other_run(void **state)
{
	struct fixture *x = *state;
	int lock = take_lock(x);

	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	run_well(x);
	assert_string_equal(x->told,
			    "verbose: is being fetched by another run\n");
	assert_int_equal(x->mailbox->logins, 0);
	assert_int_equal(x->result.fetched, 0);
	fs_drop(&lock);
	run_well(x);
	assert_int_equal(x->result.fetched, 1);
}

static void
who_asked_for_something_else_hears_that_it_is_busy(void **state)
{
	struct fixture *x = *state;
	int lock = take_lock(x);

	x->job.settings.mode = SESSION_CHECK;
	run(x);
	assert_int_equal(x->error, ERR_LATER);
	x->job.settings.mode = SESSION_CATCH_UP;
	run(x);
	assert_int_equal(x->error, ERR_LATER);
	x->job.settings.mode = SESSION_DRY_RUN;
	run_well(x);
	assert_told(x, "answer: is being fetched by another run");
	assert_int_equal(x->mailbox->logins, 0);
	fs_drop(&lock);
}

/* --- a login that was refused --- */

static void
a_refused_login_is_told_and_not_tried_again_at_once(void **state)
{
	struct fixture *x = *state;

	x->mailbox->refuses_login = true;
	run(x);
	assert_int_equal(x->error, ERR_LOGIN);
	assert_false(x->is_folded);
	assert_told(x, "error: server refused the login");
	assert_int_equal(x->mailbox->logins, 1);
	run(x);
	assert_int_equal(x->error, ERR_LOGIN);
	assert_true(x->is_folded); /* it was told */
	assert_told(x, "error: login was refused, next try in ");
	assert_int_equal(x->mailbox->logins, 1);
}

static void
who_names_the_account_tries_the_login_again(void **state)
{
	struct fixture *x = *state;

	x->mailbox->refuses_login = true;
	run(x);
	x->mailbox->refuses_login = false;
	x->job.settings.ignore_backoff = true;
	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	run_well(x);
	assert_int_equal(x->result.fetched, 1);
	x->job.settings.ignore_backoff = false;
	run_well(x);
	assert_int_equal(x->mailbox->logins, 3);
}

/* --- a server in trouble --- */

static void
a_server_in_trouble_is_left_in_peace_for_a_while(void **state)
{
	struct fixture *x = *state;

	x->mailbox->is_in_trouble = true;
	run(x);
	assert_int_equal(x->error, ERR_TROUBLE);
	assert_told(x, "error: server is busy");
	assert_int_equal(x->mailbox->logins, 1);
	x->mailbox->is_in_trouble = false;
	run(x);
	assert_int_equal(x->error, ERR_TROUBLE);
	assert_true(x->is_folded);
	assert_told(x, "error: server was in trouble, next try in ");
	assert_int_equal(x->mailbox->logins, 1);
	x->job.settings.ignore_backoff = true;
	run_well(x);
	x->job.settings.ignore_backoff = false;
	run_well(x);
	assert_int_equal(x->mailbox->logins, 3);
}

/* --- --catch-up --- */

static void
an_account_that_works_is_left_alone_by_catch_up(void **state)
{
	struct fixture *x = *state;

	run_well(x);
	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	x->job.settings.mode = SESSION_CATCH_UP;
	run_well(x);
	assert_told(x, "answer: left alone, since it has been fetched before");
	assert_told(x, "popfetch --catch-up work");
	assert_int_equal(x->mailbox->logins, 1);
	x->job.settings.mode = SESSION_FETCH;
	run_well(x);
	assert_int_equal(x->result.fetched, 1);
}

static void
an_account_that_works_is_caught_up_when_it_is_named(void **state)
{
	struct fixture *x = *state;

	run_well(x);
	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	x->job.settings.mode = SESSION_CATCH_UP;
	x->job.settings.ignore_backoff = true;
	run_well(x);
	assert_int_equal(x->result.kept, 1);
	x->job.settings.mode = SESSION_FETCH;
	run_well(x);
	assert_int_equal(x->result.fetched, 0);
}

static void
a_new_account_is_caught_up(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1"));
	x->job.settings.mode = SESSION_CATCH_UP;
	run_well(x);
	assert_int_equal(x->result.kept, 1);
	x->job.settings.mode = SESSION_FETCH;
	run_well(x);
	assert_int_equal(x->result.fetched, 0);
	assert_int_equal(scratch_count(x->new_dir), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_result_of_a_fetch_arrives_at_the_parent),
		TEST(messages_are_called_by_sender_and_subject_if_that_is_wanted),
		TEST(the_next_run_fetches_what_is_new),
		TEST(what_a_program_says_is_told),
		TEST(a_check_counts_and_leaves_no_state),
		TEST(a_courier_that_cannot_be_started_is_an_error),
		TEST(a_courier_that_dies_is_an_error_and_what_was_whole_counts),
		TEST(a_message_that_is_refused_is_told_once),
		TEST(a_busy_account_is_left_to_the_other_run),
		TEST(who_asked_for_something_else_hears_that_it_is_busy),
		TEST(a_refused_login_is_told_and_not_tried_again_at_once),
		TEST(a_server_in_trouble_is_left_in_peace_for_a_while),
		TEST(who_names_the_account_tries_the_login_again),
		TEST(an_account_that_works_is_left_alone_by_catch_up),
		TEST(an_account_that_works_is_caught_up_when_it_is_named),
		TEST(a_new_account_is_caught_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
