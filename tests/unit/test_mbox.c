/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Delivery to an mbox. */
#include "config.h"
#include "deliver/deliver.h"

#include "delivering.h"
#include "mboxreader.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/proc.h"

static struct {
	char *path, *dotlock, *spool;
	struct deliver_target target;
} box;

static int
setup(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	box.path = scratch_path(*state, "mbox");
	box.dotlock = scratch_path(*state, "mbox.lock");
	box.spool = scratch_path(*state, "spool");
	box.target = (struct deliver_target){ .kind = DELIVER_MBOX,
					      .path = box.path,
					      .account = "work",
					      .user = "jane",
					      .state_id = "00",
					      .spool = box.spool };
	return mkdir(box.spool, 0700);
}

static int
teardown(void **state)
{
	free(box.path);
	free(box.dotlock);
	free(box.spool);
	return scratch_teardown(state);
}

static struct deliver *
open_box(void)
{
	struct err e = ERR_INIT;
	struct deliver *d;

	if (deliver_open(&d, &box.target, true, &e) != 0)
		fail_msg("%s", e.text);
	return d;
}

static struct err
fail_to_open(bool may_create)
{
	struct err e = ERR_INIT;
	struct deliver *d;

	assert_int_equal(deliver_open(&d, &box.target, may_create, &e), -1);
	assert_null(d);
	assert_int_equal(e.kind, ERR_CREATE);
	return e;
}

static void
deliver_one(const char *text)
{
	struct deliver *d = open_box();

	delivering_batch(d, &text, 1);
	deliver_close(&d);
}

static void
expect_file(const char *text)
{
	size_t size;
	char *there = scratch_read(box.path, &size);

	assert_string_equal(there, text);
	assert_int_equal(size, strlen(text));
	free(there);
}

/* --- opening --- */

static void
a_missing_mbox_is_made_for_its_owner_alone(void **state)
{
	struct deliver *d = open_box();

	(void)state;
	assert_int_equal(scratch_mode(box.path), 0600);
	expect_file("");
	deliver_close(&d);
}

static void
a_missing_mbox_is_not_made_when_forbidden(void **state)
{
	struct err e = fail_to_open(false);

	(void)state;
	assert_non_null(strstr(e.text, "is its disk mounted?"));
	assert_false(scratch_is_there(box.path));
}

static void
its_directory_is_not_made(void **state)
{
	char *deep = scratch_path(*state, "not/there");

	box.target.path = deep;
	fail_to_open(true);
	free(deep);
}

static void
only_a_regular_file_with_one_name_is_an_mbox(void **state)
{
	char *other = scratch_path(*state, "other");
	struct err e;

	scratch_write_text(other, "");
	assert_int_equal(symlink(other, box.path), 0);
	e = fail_to_open(true);
	assert_non_null(strstr(e.text, "symbolic link"));
	unlink(box.path);
	assert_int_equal(symlink("nowhere", box.path), 0);
	fail_to_open(true);
	unlink(box.path);
	assert_int_equal(link(other, box.path), 0);
	fail_to_open(true);
	unlink(box.path);
	assert_int_equal(mkfifo(box.path, 0600), 0);
	fail_to_open(true);
	unlink(box.path);
	assert_int_equal(mkdir(box.path, 0700), 0);
	fail_to_open(true);
	if (geteuid() == 0) {
		rmdir(box.path);
		scratch_write_text(box.path, "");
		assert_int_equal(chown(box.path, 65534, 65534), 0);
		fail_to_open(true);
	}
	free(other);
}

static void
a_link_put_there_meanwhile_is_not_followed(void **state)
{
	char *other = scratch_path(*state, "other");
	struct deliver *d = open_box();
	struct deliver_staged *s = delivering_stage(d, "a\n");
	struct err e = ERR_INIT;

	scratch_write_text(other, "");
	unlink(box.path);
	assert_int_equal(symlink(other, box.path), 0);
	assert_int_equal(deliver_secure(d, &s, 1, &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
	deliver_abandon(d);
	deliver_discard(&s);
	deliver_close(&d);
	free(other);
}

/* --- what is appended --- */

static void
a_message_is_a_from_line_its_text_and_an_empty_line(void **state)
{
	regex_t pattern;
	char *text;

	(void)state;
	deliver_one("Subject: a\n\nb\n");
	text = scratch_read(box.path, NULL);
	assert_int_equal(
		regcomp(&pattern,
			"^From sender@example\\.org (Mon|Tue"
			"|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:"
			"[0-9]{2}:[0-9]{2} [0-9]{4}\nSubject: a\n\nb\n\n$",
			REG_EXTENDED | REG_NOSUB),
		0);
	assert_int_equal(regexec(&pattern, text, 0, NULL, 0), 0);
	regfree(&pattern);
	free(text);
}

static void
the_end_of_the_file_is_completed_first(void **state)
{
	static const char *const before[][2] = {
		{ "From a Sat Nov 21 10:00:00 2026\nA: b\n\nc\n\n", "" },
		{ "From a Sat Nov 21 10:00:00 2026\nA: b\n\nc\n", "\n" },
		{ "From a Sat Nov 21 10:00:00 2026\nA: b\n\nc", "\n\n" },
		{ "x", "\n\n" },
		{ "\n", "" },
		{ "\n\n", "" },
		{ "", "" }
	};
	char *text, expected[200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		scratch_write_text(box.path, before[i][0]);
		deliver_one("Subject: a\n");
		text = scratch_read(box.path, NULL);
		snprintf(expected, sizeof(expected), "%s%sFrom sender@",
			 before[i][0], before[i][1]);
		assert_memory_equal(text, expected, strlen(expected));
		free(text);
	}
}

static void
a_message_without_line_end_gets_one(void **state)
{
	struct mboxreader r;

	(void)state;
	deliver_one("Subject: a\n\nb");
	deliver_one("");
	deliver_one("Subject: c\n\nFro");
	deliver_one("Subject: d\n\nFrom ");
	r = mboxreader_read(box.path);
	assert_int_equal(r.count, 4);
	assert_string_equal(r.messages[0].text, "Subject: a\n\nb\n");
	assert_string_equal(r.messages[1].text, "\n");
	assert_string_equal(r.messages[2].text, "Subject: c\n\nFro\n");
	assert_string_equal(r.messages[3].text, "Subject: d\n\nFrom \n");
	mboxreader_free(&r);
}

static void
fields_that_mail_readers_trust_are_left_out(void **state)
{
	struct mboxreader r;

	(void)state;
	deliver_one(
		"A: b\nSTATUS: RO\nX-Status: A\nx-keywords: a\n b\nX-UID: 1\n"
		"X-IMAP: 1 2\nX-IMAPbase: 1 2\nContent-Length : 5\n"
		"Content-Type: text/plain\n\nStatus: in the body\n");
	r = mboxreader_read(box.path);
	assert_int_equal(r.count, 1);
	assert_string_equal(
		r.messages[0].text,
		"A: b\nContent-Type: text/plain\n\nStatus: in the body\n");
	mboxreader_free(&r);
}

static void
a_large_message_with_an_endless_line_passes(void **state)
{
	size_t size = 5 * 1024 * 1024, i;
	char *text = malloc(size + 1);
	struct mboxreader r;

	(void)state;
	for (i = 0; i < size; i++)
		text[i] = "abcdefg>"[i % 8];
	memcpy(text, "Subject: a\n\n", 12);
	memcpy(text + size - 8, "\nFrom x\n", 8);
	text[size] = '\0';
	deliver_one(text);
	r = mboxreader_read(box.path);
	assert_int_equal(r.count, 1);
	assert_int_equal(mboxreader_count(&r, text), 1);
	mboxreader_free(&r);
	free(text);
}

static void
discarded_messages_leave_no_trace(void **state)
{
	struct deliver *d = open_box();
	struct deliver_staged *a = delivering_stage(d, "Subject: a\n");
	struct deliver_staged *b = delivering_stage(d, "Subject: b\n");
	struct err e = ERR_INIT;
	struct mboxreader r;

	(void)state;
	deliver_discard(&a);
	assert_int_equal(deliver_secure(d, &b, 1, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(deliver_settle(d, &e), 0);
	deliver_leave(&b);
	deliver_close(&d);
	r = mboxreader_read(box.path);
	assert_int_equal(r.count, 1);
	assert_int_equal(mboxreader_count(&r, "Subject: b\n"), 1);
	mboxreader_free(&r);
	assert_int_equal(scratch_count(box.spool), 0);
}

static void
an_abandoned_batch_leaves_the_file_alone_and_unlocked(void **state)
{
	struct deliver *d = open_box();
	struct deliver_staged *s = delivering_stage(d, "Subject: a\n");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_true(scratch_is_there(box.dotlock));
	deliver_abandon(d);
	deliver_discard(&s);
	assert_false(scratch_is_there(box.dotlock));
	expect_file("");
	deliver_close(&d);
}

/* --- with other programs --- */

static void
the_mbox_is_locked_from_secure_to_settle(void **state)
{
	struct flock ask = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct deliver *d = open_box();
	struct deliver_staged *s = delivering_stage(d, "Subject: a\n");
	struct err e = ERR_INIT;
	int fd, status;

	(void)state;
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	if (fork() == 0) {
		fd = open(box.path, O_RDWR);
		_exit(fcntl(fd, F_SETLK, &ask) == 0);
	}
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
	assert_true(scratch_is_there(box.dotlock));
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_true(scratch_is_there(box.dotlock));
	assert_int_equal(deliver_settle(d, &e), 0);
	assert_false(scratch_is_there(box.dotlock));
	deliver_leave(&s);
	deliver_close(&d);
}

/* A child that holds the fcntl lock until a byte comes through the pipe. */
static pid_t
hold_lock(int *release)
{
	struct flock ask = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int ready[2], go[2], fd;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		fd = open(box.path, O_RDWR);
		if (fcntl(fd, F_SETLK, &ask) != 0 ||
		    write(ready[1], "x", 1) < 0)
			_exit(1);
		close(go[1]);
		_exit(read(go[0], &byte, 1) < 0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	*release = go[1];
	return pid;
}

static void
another_programs_lock_is_waited_for(void **state)
{
	struct deliver *d = open_box();
	struct deliver_staged *s = delivering_stage(d, "Subject: a\n");
	struct err e = ERR_INIT;
	int release, status;
	pid_t pid = hold_lock(&release), helper;

	(void)state;
	helper = fork();
	if (helper == 0) { /* once the delivery waits, or soon before */
		usleep(100 * 1000);
		_exit(write(release, "x", 1) != 1);
	}
	close(release);
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(helper, &status, 0), helper);
	deliver_abandon(d);
	deliver_discard(&s);
	deliver_close(&d);
}

/* In a process of its own: a stop request stays. */
static void
secure_and_be_stopped(void)
{
	struct deliver *d = open_box();
	struct deliver_staged *s = delivering_stage(d, "Subject: a\n");
	struct err e = ERR_INIT;

	proc_signals(PROC_STOPPABLE);
	raise(SIGTERM);
	if (deliver_secure(d, &s, 1, &e) != -1 || e.kind != ERR_STOPPED)
		_exit(1);
	deliver_abandon(d);
	deliver_discard(&s);
	deliver_close(&d);
	_exit(0);
}

static void
a_stop_request_ends_the_wait_and_nothing_is_changed(void **state)
{
	int status, release;
	pid_t pid, holder;

	(void)state;
	scratch_write_text(box.path, "");
	holder = hold_lock(&release);
	pid = fork();
	if (pid == 0)
		secure_and_be_stopped();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(release);
	assert_int_equal(waitpid(holder, &status, 0), holder);
	expect_file("");
	assert_false(scratch_is_there(box.dotlock));
}

static void
a_file_that_another_program_replaced_is_opened_anew(void **state)
{
	char *fresh = scratch_path(*state, "fresh");
	struct deliver *d = open_box();
	const char *text = "Subject: a\n";
	struct mboxreader r;

	scratch_write_text(fresh, "From x Sat Nov 21 10:00:00 2026\nA: b\n\n");
	assert_int_equal(rename(fresh, box.path), 0);
	delivering_batch(d, &text, 1);
	r = mboxreader_read(box.path);
	assert_int_equal(r.count, 2);
	mboxreader_free(&r);
	/* And one that it removed when it was empty. */
	unlink(box.path);
	delivering_batch(d, &text, 1);
	r = mboxreader_read(box.path);
	assert_int_equal(r.count, 1);
	mboxreader_free(&r);
	deliver_close(&d);
	free(fresh);
}

static void
the_file_looks_unread_afterwards(void **state)
{
	const struct timespec read_since[2] = { { .tv_nsec = UTIME_NOW },
						{ .tv_sec = 1000 } };
	struct stat st;

	(void)state;
	deliver_one("Subject: a\n");
	assert_int_equal(stat(box.path, &st), 0);
	assert_true(st.st_atim.tv_sec < st.st_mtim.tv_sec ||
		    (st.st_atim.tv_sec == st.st_mtim.tv_sec &&
		     st.st_atim.tv_nsec < st.st_mtim.tv_nsec));
	assert_int_equal(utimensat(AT_FDCWD, box.path, read_since, 0), 0);
	deliver_one("Subject: b\n");
	assert_int_equal(stat(box.path, &st), 0);
	assert_true(st.st_mtim.tv_sec > 1000);
	assert_true(st.st_atim.tv_sec < st.st_mtim.tv_sec ||
		    (st.st_atim.tv_sec == st.st_mtim.tv_sec &&
		     st.st_atim.tv_nsec < st.st_mtim.tv_nsec));
}

/* --- a full disk --- */

static void
a_failed_append_is_taken_back(void **state)
{
	const char *before = "From x Sat Nov 21 10:00:00 2026\nA: b\n\n";
	size_t size = 100 * 1000;
	char *big = malloc(size + 1);
	struct rlimit old, small;
	struct deliver *d;
	struct deliver_staged *s[2];
	struct err e = ERR_INIT;

	(void)state;
	memset(big, 'x', size);
	big[size] = '\0';
	signal(SIGXFSZ, SIG_IGN);
	scratch_write_text(box.path, before);
	d = open_box();
	s[0] = delivering_stage(d, "Subject: small\n");
	s[1] = delivering_stage(d, big);
	assert_int_equal(deliver_secure(d, s, 2, &e), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 50 * 1000;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(deliver_publish(d, &e), -1);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(e.kind, ERR_LOCAL);
	assert_false(scratch_is_there(box.dotlock));
	expect_file(before);
	deliver_drop(d);
	deliver_leave(&s[0]);
	deliver_leave(&s[1]);
	/* The next attempt finds all in order. */
	delivering_batch(d, (const char *const[]){ big }, 1);
	deliver_close(&d);
	free(big);
}

static void
a_failed_write_to_the_spool_can_be_discarded(void **state)
{
	size_t size = 500 * 1000;
	char *big = calloc(1, size);
	const struct deliver_message m = { .uid_size = 0 };
	struct rlimit old, small;
	struct deliver *d = open_box();
	struct deliver_staged *s;
	struct err e = ERR_INIT;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 100 * 1000;
	assert_int_equal(deliver_stage(d, &m, &s, &e), 0);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(deliver_write(s, big, size, &e), -1);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(e.kind, ERR_LOCAL);
	deliver_discard(&s);
	delivering_batch(d, (const char *const[]){ "Subject: a\n" }, 1);
	deliver_close(&d);
	free(big);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_missing_mbox_is_made_for_its_owner_alone),
		TEST(a_missing_mbox_is_not_made_when_forbidden),
		TEST(its_directory_is_not_made),
		TEST(only_a_regular_file_with_one_name_is_an_mbox),
		TEST(a_link_put_there_meanwhile_is_not_followed),
		TEST(a_message_is_a_from_line_its_text_and_an_empty_line),
		TEST(the_end_of_the_file_is_completed_first),
		TEST(a_message_without_line_end_gets_one),
		TEST(fields_that_mail_readers_trust_are_left_out),
		TEST(a_large_message_with_an_endless_line_passes),
		TEST(discarded_messages_leave_no_trace),
		TEST(an_abandoned_batch_leaves_the_file_alone_and_unlocked),
		TEST(the_mbox_is_locked_from_secure_to_settle),
		TEST(another_programs_lock_is_waited_for),
		TEST(a_stop_request_ends_the_wait_and_nothing_is_changed),
		TEST(a_file_that_another_program_replaced_is_opened_anew),
		TEST(the_file_looks_unread_afterwards),
		TEST(a_failed_append_is_taken_back),
		TEST(a_failed_write_to_the_spool_can_be_discarded)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
