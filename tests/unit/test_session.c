/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The keeper's half of a session over a real database and a real Maildir, with a fake
 * courier.
 */
#include "config.h"

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
#include "fake_courier.h"
#include "commit/recovery.h"
#include "keeper/session.h"
#include "scratch.h"
#include "state/plan.h"
#include "sys/proc.h"

#define MAIL(id, body) "Message-ID: <" id ">\nSubject: x\n\n" body "\n"

struct fixture {
	char dir[64];
	char *maildir, *db;
	struct fake_mailbox *mailbox;
	struct server server;
	struct keeper_settings keeper;
	struct deliver_target target;
	struct session_settings set;
	struct store *store;
	struct link *report, *parent;
	struct report_result result;
	struct err e;
};

static void
note(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static int
setup(void **state)
{
	struct fixture *x = mem_alloc(sizeof(*x));
	static char name[] = "work", host[] = "pop.example.org",
		    user[] = "jane";

	*state = x;
	(void)snprintf(x->dir, sizeof(x->dir), "/tmp/test_session.XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	x->maildir = mem_format("%s/Mail", x->dir);
	x->db = mem_format("%s/state.db", x->dir);
	x->mailbox = fake_mailbox_new();
	x->server = (struct server){
		.host = host,
		.user = user,
		.timeout_ms = 5 * 1000,
		.session_timeout_ms = 60 * 1000,
	};
	x->keeper.rules.keep_s = PLAN_KEEP_FOREVER;
	x->target = (struct deliver_target){
		.kind = DELIVER_MAILDIR,
		.path = x->maildir,
		.account = name,
		.user = user,
		.spool = x->dir,
		.note = note,
	};
	x->set = (struct session_settings){
		.server = &x->server,
		.keeper = &x->keeper,
		.limits = batch_limits_usual,
	};
	x->keeper.target = x->target;
	return link_pair(&x->report, &x->parent, true, &x->e);
}

static int
teardown(void **state)
{
	struct fixture *x = *state;
	char *command = mem_format("rm -rf '%s'", x->dir);

	assert_int_equal(system(command), 0);
	free(command);
	link_free(&x->report);
	link_free(&x->parent);
	fake_mailbox_free(x->mailbox);
	free(x->maildir);
	free(x->db);
	free(x);
	return 0;
}

static void
drain_reports(struct fixture *x)
{
	struct link_record r;
	struct err e = ERR_INIT;

	(void)link_pull(x->parent, &e);
	while (link_next(x->parent, &r))
		;
}

/* One session; what it returned. */
static int
session(struct fixture *x)
{
	struct link *courier;
	pid_t pid = fake_courier_start(x->mailbox, &courier);
	struct recovery_result recovered;
	int result = -1, status;

	x->result = (struct report_result){ 0 };
	err_clear(&x->e);
	assert_int_equal(store_open(&x->store, x->db, -1, true, &x->e), 0);
	x->target.state_id = store_id(x->store);
	if (recovery_run(x->store, &x->target, &recovered, &x->e) == 0)
		result = session_run(&x->set, x->store, &x->target, courier,
				     x->report, &x->result, &x->e);
	link_free(&courier);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	store_close(&x->store);
	drain_reports(x);
	return result;
}

static void
session_well(struct fixture *x)
{
	if (session(x) == -1)
		fail_msg("%s", x->e.text);
	assert_true(x->mailbox->has_quit);
}

static size_t
mails(const struct fixture *x)
{
	char *path = mem_format("%s/new", x->maildir);
	size_t count = scratch_count(path);

	free(path);
	return count;
}

/* As if the deliveries so far had been so long ago. */
static void
age(struct fixture *x, int64_t seconds)
{
	struct store_rows *rows;

	assert_int_equal(store_open(&x->store, x->db, -1, true, &x->e), 0);
	assert_int_equal(store_load(x->store, &rows, &x->e), 0);
	assert_int_equal(store_begin(x->store, STORE_DURABLE, &x->e), 0);
	for (size_t i = 0; i < store_rows_count(rows); i++)
		assert_int_equal(store_set_delivered(x->store,
						     store_rows_at(rows, i).id,
						     clock_unix() - seconds,
						     &x->e),
				 0);
	assert_int_equal(store_commit(x->store, &x->e), 0);
	store_rows_free(&rows);
	store_close(&x->store);
}

/* --- fetching --- */

static void
new_messages_are_fetched_once_and_kept(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a, *b;

	a = fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));
	b = fake_mailbox_add(x->mailbox, "b", MAIL("2", "two"));
	session_well(x);
	assert_int_equal(x->result.fetched, 2);
	assert_int_equal(mails(x), 2);
	session_well(x);
	assert_int_equal(x->result.fetched, 0);
	assert_int_equal(mails(x), 2);
	assert_int_equal(a->retrs, 1);
	assert_false(a->deleted || b->deleted);
}

static void
a_known_mailbox_needs_no_sizes(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));
	session_well(x);
	x->mailbox->lists = 0;
	session_well(x);
	assert_int_equal(x->mailbox->lists, 0);
}

static void
what_is_not_kept_is_deleted_in_the_same_session(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	x->keeper.rules.keep_s = 0;
	session_well(x);
	assert_true(a->deleted);
	assert_int_equal(a->tops, 0);
	assert_int_equal(x->result.deleted, 1);
}

static void
a_message_due_by_age_is_compared_and_deleted(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	x->keeper.rules.keep_s = 86400;
	session_well(x);
	assert_false(a->deleted);
	age(x, 86400 + 10);
	session_well(x);
	assert_true(a->deleted);
	assert_int_equal(a->tops, 1);
	assert_int_equal(a->retrs, 1);
}

static void
another_message_under_the_uid_and_size_of_one_due_is_fetched(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	x->keeper.rules.keep_s = 86400;
	session_well(x);
	age(x, 86400 + 10);
	(void)snprintf(a->text, sizeof(a->text), "%s", MAIL("2", "new"));
	session_well(x);
	assert_false(a->deleted);
	assert_int_equal(mails(x), 2);
}

static void
a_uid_with_another_size_and_the_same_header_is_the_same_message(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	session_well(x);
	a->size += 7;
	session_well(x);
	assert_int_equal(mails(x), 1);
	assert_int_equal(a->tops, 1);
	session_well(x);
	assert_int_equal(a->tops, 1); /* the new size was stored */
}

static void
a_uid_with_another_size_and_header_is_a_new_message(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	session_well(x);
	(void)snprintf(a->text, sizeof(a->text), "%s", MAIL("2", "other"));
	a->size = (int64_t)strlen(a->text);
	session_well(x);
	assert_int_equal(mails(x), 2);
	session_well(x);
	assert_int_equal(mails(x), 2);
}

static void
without_top_a_message_is_retrieved_to_compare_it(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	x->mailbox->no_top = true;
	session_well(x);
	a->size += 7;
	session_well(x);
	assert_int_equal(mails(x), 1);
	assert_int_equal(a->retrs, 2);
}

static void
twins_of_one_uid_and_content_are_delivered_once(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));
	struct fake_message *b =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	x->keeper.rules.keep_s = 0;
	session_well(x);
	assert_int_equal(mails(x), 1);
	assert_true(a->deleted && b->deleted);
}

static void
twins_of_one_uid_and_different_content_are_both_delivered(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));
	fake_mailbox_add(x->mailbox, "a", MAIL("2", "two"));
	session_well(x);
	assert_int_equal(mails(x), 2);
	session_well(x);
	assert_int_equal(mails(x), 2);
}

static void
a_server_without_uidl_serves_only_fetch_and_delete(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "", MAIL("1", "one"));

	x->mailbox->no_uidl = true;
	assert_int_equal(session(x), -1);
	assert_int_equal(x->e.kind, ERR_UNAVAILABLE);
	assert_non_null(strstr(x->e.text, "UIDL"));
	x->keeper.rules.keep_s = 0;
	session_well(x);
	assert_int_equal(mails(x), 1);
	assert_true(a->deleted);
	session_well(x); /* as if the deletion had come to nothing */
	assert_int_equal(mails(x), 1);
}

static void
all_fetches_again_and_forgets_nothing(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));
	session_well(x);
	x->set.all = true;
	session_well(x);
	assert_int_equal(mails(x), 2);
	x->set.all = false;
	session_well(x);
	assert_int_equal(mails(x), 2);
}

/* --- trouble --- */

static void
a_refused_message_is_set_aside_and_the_others_come(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	fake_mailbox_add(x->mailbox, "b", MAIL("2", "two"));
	a->refused = true;
	assert_int_equal(session(x), -1);
	assert_int_equal(x->e.kind, ERR_MESSAGE);
	assert_true(x->e.told);
	assert_non_null(strstr(x->e.text, "RETR 1: "));
	assert_true(x->mailbox->has_quit);
	assert_int_equal(mails(x), 1);
	session_well(x);
	assert_int_equal(a->retrs, 1); /* it waits for its next try */
	a->refused = false;
	x->set.ignore_backoff = true;
	session_well(x);
	assert_int_equal(mails(x), 2);
}

static void
a_courier_that_dies_in_a_message_costs_only_that_message(void **state)
{
	struct fixture *x = *state;
	struct fake_message *b;

	fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));
	b = fake_mailbox_add(x->mailbox, "b", MAIL("2", "another"));
	b->dies = true;
	assert_int_equal(session(x), -1);
	assert_int_equal(x->e.kind, ERR_INTERNAL);
	assert_int_equal(mails(x), 1);
	b->dies = false;
	session_well(x);
	assert_int_equal(mails(x), 2);
}

static void
a_courier_that_answers_what_was_not_asked_is_not_believed(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"))->lies = true;
	x->keeper.rules.keep_s = 0;
	assert_int_equal(session(x), -1);
	assert_int_equal(x->e.kind, ERR_INTERNAL);
	assert_int_equal(mails(x), 0);
	assert_false(x->mailbox->has_quit);
}

static void
no_quit_is_sent_while_expire_0_would_delete_what_is_not_delivered(void **state)
{
	struct fixture *x = *state;
	static const char *const argv[] = { "/bin/sh", "-c", "exit 75", NULL };

	x->mailbox->expire_days = 0;
	x->target.kind = DELIVER_MDA;
	x->target.argv = argv;
	x->target.mda_timeout_ms = 5000;
	fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));
	assert_int_equal(session(x), -1);
	assert_int_equal(x->e.kind, ERR_LATER);
	assert_false(x->mailbox->has_quit);
}

/* --- the other modes --- */

static void
a_dry_run_changes_nothing(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	x->set.mode = SESSION_DRY_RUN;
	x->keeper.rules.keep_s = 0;
	session_well(x);
	assert_int_equal(a->retrs, 0);
	assert_false(a->deleted);
	assert_false(scratch_is_there(x->maildir));
	x->set.mode = SESSION_FETCH;
	session_well(x);
	assert_int_equal(x->result.fetched, 1);
}

static void
check_counts_what_is_new(void **state)
{
	struct fixture *x = *state;

	fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));
	fake_mailbox_add(x->mailbox, "b", MAIL("2", "two"));
	x->set.mode = SESSION_CHECK;
	session_well(x);
	assert_int_equal(x->result.new_messages, 2);
	assert_int_equal(mails(x), 0);
}

static void
catch_up_records_all_and_fetches_only_what_comes_later(void **state)
{
	struct fixture *x = *state;
	struct fake_message *a =
		fake_mailbox_add(x->mailbox, "a", MAIL("1", "one"));

	x->set.mode = SESSION_CATCH_UP;
	session_well(x);
	assert_int_equal(a->retrs, 0);
	fake_mailbox_add(x->mailbox, "b", MAIL("2", "two"));
	x->set.mode = SESSION_FETCH;
	session_well(x);
	assert_int_equal(x->result.fetched, 1);
	assert_int_equal(a->retrs, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_messages_are_fetched_once_and_kept),
		TEST(a_known_mailbox_needs_no_sizes),
		TEST(what_is_not_kept_is_deleted_in_the_same_session),
		TEST(a_message_due_by_age_is_compared_and_deleted),
		TEST(another_message_under_the_uid_and_size_of_one_due_is_fetched),
		TEST(a_uid_with_another_size_and_the_same_header_is_the_same_message),
		TEST(a_uid_with_another_size_and_header_is_a_new_message),
		TEST(without_top_a_message_is_retrieved_to_compare_it),
		TEST(twins_of_one_uid_and_content_are_delivered_once),
		TEST(twins_of_one_uid_and_different_content_are_both_delivered),
		TEST(a_server_without_uidl_serves_only_fetch_and_delete),
		TEST(all_fetches_again_and_forgets_nothing),
		TEST(a_refused_message_is_set_aside_and_the_others_come),
		TEST(a_courier_that_dies_in_a_message_costs_only_that_message),
		TEST(a_courier_that_answers_what_was_not_asked_is_not_believed),
		TEST(no_quit_is_sent_while_expire_0_would_delete_what_is_not_delivered),
		TEST(a_dry_run_changes_nothing),
		TEST(check_counts_what_is_new),
		TEST(catch_up_records_all_and_fetches_only_what_comes_later),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
