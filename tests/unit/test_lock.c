/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a caller, and the other programs of a machine, notice of sys/lock.h. */
#include "config.h"
#include "sys/lock.h"
#include "sys/lock_mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sys/fs.h"
#include "sys/proc.h"
#include "sysbox.h"

static int mbox = -1;
static struct err e;

/* How link(2) behaves; ours stands before the C library's. */
static enum { AS_IT_IS, NO_HARD_LINKS, LOST_REPLY } links;

int
link(const char *from, const char *to)
{
	if (links == NO_HARD_LINKS) {
		errno = EPERM;
		return -1;
	}
	if (linkat(AT_FDCWD, from, AT_FDCWD, to, 0) != 0)
		return -1;
	errno = EIO;
	return links == LOST_REPLY ? -1 : 0;
}

static int
enter_place(void **state)
{
	(void)state;
	links = AS_IT_IS;
	err_clear(&e);
	if (sysbox_enter() != 0)
		return -1;
	mbox = open("mbox", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return mbox < 0;
}

static int
leave_place(void **state)
{
	(void)state;
	fs_drop(&mbox);
	return sysbox_leave();
}

/* A child that runs `body`; it tells by closing the pipe's end that it is ready,
 * or by writing its answer. */
struct child {
	pid_t pid;
	int answers;
};

static struct child
start_child(void (*body)(int answers))
{
	struct child c;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)fflush(NULL);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		body(ends[1]);
		_exit(0);
	}
	(void)close(ends[1]);
	c.answers = ends[0];
	return c;
}

/* One byte, or -1 when it ended without. */
static int
answer_of(struct child *c)
{
	char byte;

	return read(c->answers, &byte, 1) == 1 ? byte : -1;
}

static void
end_child(struct child *c)
{
	(void)kill(c->pid, SIGKILL);
	assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
	(void)close(c->answers);
}

static void
answer(int fd, char byte)
{
	if (write(fd, &byte, 1) != 1)
		_exit(1);
}

static int
count_entries(void *arg, const char *name, struct err *why)
{
	(void)name;
	(void)why;
	++*(int *)arg;
	return 0;
}

/* The place has so many files: no unique name is left over. */
static void
assert_files(int expected)
{
	int dir = -1, count = 0;

	assert_int_equal(fs_open_dir(".", &dir, &e), 0);
	assert_int_equal(fs_list(dir, count_entries, &count, &e), 0);
	assert_int_equal(count, expected);
	fs_drop(&dir);
}

/* --- the account's lock --- */

static void
take_account(int answers)
{
	int fd = -1;

	if (lock_take("account.lock", true, &fd, &e) == 0)
		answer(answers, 't');
	else
		answer(answers, e.kind == ERR_BUSY ? 'b' : '?');
	(void)pause();
}

static void
an_account_is_locked_once(void **state)
{
	struct child c;
	struct stat st;
	int fd = -1;

	(void)state;
	assert_int_equal(lock_take("account.lock", true, &fd, &e), 0);
	assert_int_equal(stat("account.lock", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	c = start_child(take_account);
	assert_int_equal(answer_of(&c), 'b');
	end_child(&c);
	fs_drop(&fd);
	c = start_child(take_account);
	assert_int_equal(answer_of(&c), 't');
	assert_int_equal(lock_take("account.lock", true, &fd, &e), -1);
	assert_int_equal(e.kind, ERR_BUSY);
	assert_int_equal(fd, -1);
	end_child(&c); /* killed: the lock goes with it */
	assert_int_equal(lock_take("account.lock", true, &fd, &e), 0);
	fs_drop(&fd);
	assert_true(fs_is_there("account.lock"));
}

static void
a_mark_outlives_the_lock_and_takes_no_room(void **state)
{
	struct stat st;
	int fd = -1;

	(void)state;
	assert_int_equal(lock_take("account.lock", true, &fd, &e), 0);
	assert_false(lock_is_marked(fd));
	assert_int_equal(lock_mark(fd, "account", &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_blocks, 0);
	fs_drop(&fd);
	assert_int_equal(lock_take("account.lock", false, &fd, &e), 0);
	assert_true(lock_is_marked(fd));
	assert_int_equal(lock_mark(fd, "account", &e), 0);
	lock_unmark(fd);
	assert_false(lock_is_marked(fd));
	fs_drop(&fd);
	fd = open("account.lock", O_RDONLY | O_CLOEXEC);
	assert_int_equal(lock_mark(fd, "account", &e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
	fs_drop(&fd);
}

static void
a_lock_is_not_created_unasked(void **state)
{
	int fd = 7;

	(void)state;
	assert_int_equal(lock_take("account.lock", false, &fd, &e), 0);
	assert_int_equal(fd, -1);
	assert_false(fs_is_there("account.lock"));
	assert_int_equal(lock_take("account.lock", true, &fd, &e), 0);
	fs_drop(&fd);
	assert_int_equal(lock_take("account.lock", false, &fd, &e), 0);
	assert_true(fd >= 0);
	fs_drop(&fd);
}

static void
set_age(const char *path, int64_t when)
{
	const struct timespec times[2] = { { .tv_sec = (time_t)when },
					   { .tv_sec = (time_t)when } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
the_time_of_a_lock_says_when_it_was_taken(void **state)
{
	int64_t now = clock_unix();
	int fd = -1;

	(void)state;
	assert_int_equal(lock_taken("account.lock", now), 0);
	assert_int_equal(lock_take("account.lock", true, &fd, &e), 0);
	fs_drop(&fd);
	set_age("account.lock", now - 3600);
	assert_true(lock_taken("account.lock", now) == now - 3600);
	assert_int_equal(lock_take("account.lock", true, &fd, &e), 0);
	assert_true(lock_taken("account.lock", now + 9) >= now);
	fs_drop(&fd);
	set_age("account.lock", now + 3600);
	assert_true(lock_taken("account.lock", now) == now);
	assert_true(lock_taken("account.lock", now + 60) == now);
}

static void
that_people_were_told_of_a_lock_is_noted_beside_it(void **state)
{
	int64_t now = clock_unix();

	(void)state;
	assert_false(lock_told("account.busy", now, 60));
	lock_note_told("account.busy", now);
	assert_true(lock_told("account.busy", now, 60));
	assert_true(lock_told("account.busy", now + 59, 60));
	assert_false(lock_told("account.busy", now + 60, 60));
	assert_false(lock_told("account.busy", now - 1, 60));
	lock_note_told("account.busy", now + 60);
	assert_true(lock_told("account.busy", now + 60, 60));
	lock_note_told("none/account.busy", now);
	assert_int_equal(symlink("elsewhere", "link.busy"), 0);
	lock_note_told("link.busy", now);
	assert_false(fs_is_there("elsewhere"));
}

static void
a_lock_that_cannot_be_made_is_named(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(lock_take("none/account.lock", true, &fd, &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(e.text, "'none/account.lock'"));
	assert_int_equal(symlink("elsewhere", "link.lock"), 0);
	assert_int_equal(lock_take("link.lock", true, &fd, &e), -1);
	assert_false(fs_is_there("elsewhere"));
}

/* --- the locks of an mbox --- */

static int
take_now(struct lock_mailbox **l)
{
	return lock_mailbox_take(l, mbox, "mbox", 0, &e);
}

static void
hold_mailbox(int answers)
{
	struct lock_mailbox *l = NULL;
	int fd = open("mbox", O_RDWR | O_CLOEXEC);

	answer(answers,
	       lock_mailbox_take(&l, fd, "mbox", 0, &e) == 0 ? 't' : 'h');
	(void)pause();
}

static void
test_fcntl(int answers)
{
	struct flock ask = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open("mbox", O_RDWR | O_CLOEXEC);

	answer(answers, fcntl(fd, F_SETLK, &ask) == 0 ? 't' : 'h');
	(void)pause();
}

static int
answer_once(void (*body)(int answers))
{
	struct child c = start_child(body);
	int got = answer_of(&c);

	end_child(&c);
	return got;
}

static void
a_locked_mailbox_is_locked_for_both_kinds_of_programs(void **state)
{
	struct lock_mailbox *l = NULL;
	char text[300] = "", expected[32];
	int fd;

	(void)state;
	assert_int_equal(take_now(&l), 0);
	assert_int_equal(answer_once(test_fcntl), 'h');
	assert_int_equal(answer_once(hold_mailbox), 'h');
	fd = open("mbox.lock", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	(void)close(fd);
	snprintf(expected, sizeof(expected), "%ld:", (long)getpid());
	assert_memory_equal(text, expected, strlen(expected));
	assert_files(2);
	lock_mailbox_release(&l);
	assert_null(l);
	assert_files(1);
	assert_int_equal(answer_once(test_fcntl), 't');
	lock_mailbox_release(&l);
}

static void
a_mailbox_locked_by_fcntl_is_left_alone(void **state)
{
	struct child c = start_child(test_fcntl);
	struct lock_mailbox *l = NULL;
	char expected[64];

	(void)state;
	assert_int_equal(answer_of(&c), 't');
	assert_int_equal(take_now(&l), -1);
	assert_null(l);
	assert_int_equal(e.kind, ERR_LATER);
	snprintf(expected, sizeof(expected), "'mbox' is locked by process %ld",
		 (long)c.pid);
	assert_string_equal(e.text, expected);
	assert_files(1);
	end_child(&c);
	assert_int_equal(take_now(&l), 0);
	lock_mailbox_release(&l);
}

static void
write_dotlock(const char *text)
{
	int fd = open("mbox.lock", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		      0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void
age_dotlock(long seconds)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

	times[1].tv_sec = time(NULL) - seconds;
	assert_int_equal(utimensat(AT_FDCWD, "mbox.lock", times,
				   AT_SYMLINK_NOFOLLOW),
			 0);
}

static void
while_the_dotlock_is_held_fcntl_is_not(void **state)
{
	static const char *const owners[] = { "",
					      "1",
					      "1:elsewhere.example\n",
					      "999999999:elsewhere\n",
					      "garbage\n",
					      "0:\n",
					      "-1:x\n" };
	struct lock_mailbox *l = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		write_dotlock(owners[i]);
		age_dotlock(200);
		assert_int_equal(take_now(&l), -1);
		assert_int_equal(e.kind, ERR_LATER);
		assert_non_null(
			strstr(e.text, i == 0 ? "'mbox.lock' exists"
					      : "'mbox.lock' is held by"));
		assert_int_equal(answer_once(test_fcntl), 't');
		assert_files(2);
		assert_int_equal(unlink("mbox.lock"), 0);
	}
}

static void
a_file_system_without_hard_links_has_dotlocks_too(void **state)
{
	struct lock_mailbox *l = NULL;
	char owner[32] = "", expected[32];
	int fd;

	(void)state;
	links = NO_HARD_LINKS;
	assert_int_equal(take_now(&l), 0);
	fd = open("mbox.lock", O_RDONLY | O_CLOEXEC);
	snprintf(expected, sizeof(expected), "%ld:", (long)getpid());
	assert_true(read(fd, owner, sizeof(owner) - 1) > 0);
	(void)close(fd);
	assert_memory_equal(owner, expected, strlen(expected));
	assert_files(2);
	lock_mailbox_release(&l);
	assert_files(1);
	write_dotlock("1:elsewhere.example\n");
	assert_int_equal(take_now(&l), -1);
	assert_int_equal(e.kind, ERR_LATER);
	age_dotlock(310);
	assert_int_equal(take_now(&l), 0);
	lock_mailbox_release(&l);
	assert_files(1);
}

static void
a_link_that_was_made_counts_whatever_the_reply(void **state)
{
	struct lock_mailbox *l = NULL;

	(void)state;
	links = LOST_REPLY;
	assert_int_equal(take_now(&l), 0);
	assert_files(2);
	lock_mailbox_release(&l);
	assert_files(1);
}

static void
a_dotlock_of_a_killed_run_is_broken(void **state)
{
	struct child c = start_child(hold_mailbox);
	struct lock_mailbox *l = NULL;

	(void)state;
	assert_int_equal(answer_of(&c), 't');
	assert_int_equal(take_now(&l), -1);
	end_child(&c);
	assert_true(fs_is_there("mbox.lock"));
	assert_int_equal(take_now(&l), 0);
	assert_files(2);
	lock_mailbox_release(&l);
	assert_files(1);
}

static void
a_dotlock_that_nobody_touches_is_broken_after_five_minutes(void **state)
{
	struct lock_mailbox *l = NULL;

	(void)state;
	write_dotlock("1:elsewhere.example\n");
	age_dotlock(290);
	assert_int_equal(take_now(&l), -1);
	age_dotlock(310);
	assert_int_equal(take_now(&l), 0);
	lock_mailbox_release(&l);
	assert_files(1);
}

static void
touching_keeps_a_dotlock_young(void **state)
{
	struct lock_mailbox *l = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(take_now(&l), 0);
	age_dotlock(310);
	lock_mailbox_touch(l);
	assert_int_equal(stat("mbox.lock", &st), 0);
	assert_true(st.st_mtime >= time(NULL) - 60);
	lock_mailbox_release(&l);
}

static void
a_dotlock_that_others_broke_and_took_stays_theirs(void **state)
{
	struct lock_mailbox *l = NULL;

	(void)state;
	assert_int_equal(take_now(&l), 0);
	assert_int_equal(unlink("mbox.lock"), 0);
	write_dotlock("1:elsewhere.example\n");
	lock_mailbox_release(&l);
	assert_true(fs_is_there("mbox.lock"));
}

static void
a_planted_link_or_directory_is_neither_followed_nor_removed(void **state)
{
	struct lock_mailbox *l = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(symlink("victim", "mbox.lock"), 0);
	age_dotlock(1000);
	assert_int_equal(take_now(&l), -1);
	assert_int_equal(e.kind, ERR_LATER);
	assert_non_null(strstr(e.text, "'mbox.lock'"));
	assert_false(fs_is_there("victim"));
	assert_int_equal(lstat("mbox.lock", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(unlink("mbox.lock"), 0);
	assert_int_equal(mkdir("mbox.lock", 0700), 0);
	age_dotlock(1000);
	assert_int_equal(take_now(&l), -1);
	assert_int_equal(lstat("mbox.lock", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_files(2);
}

static void
take_in_closed_directory(int answers)
{
	struct lock_mailbox *l = NULL;
	int fd;

	if (geteuid() == 0 && setuid(65534) != 0)
		_exit(1);
	fd = open("mbox", O_RDWR | O_CLOEXEC);
	if (fd < 0 || lock_mailbox_take(&l, fd, "mbox", 0, &e) != 0)
		answer(answers, '?');
	else
		answer(answers, access("mbox.lock", F_OK) == 0 ? 'd' : 'f');
	(void)pause();
}

static void
where_the_directory_is_closed_fcntl_alone_serves(void **state)
{
	struct child c;

	(void)state;
	assert_int_equal(chmod("mbox", 0666), 0);
	assert_int_equal(chmod(".", 0555), 0);
	c = start_child(take_in_closed_directory);
	assert_int_equal(answer_of(&c), 'f');
	assert_int_equal(answer_once(test_fcntl), 'h');
	end_child(&c);
}

static void
where_the_directory_is_closed_a_dotlock_is_obeyed(void **state)
{
	struct child c;

	(void)state;
	assert_int_equal(chmod("mbox", 0666), 0);
	write_dotlock("1:elsewhere.example\n");
	assert_int_equal(chmod(".", 0555), 0);
	c = start_child(take_in_closed_directory);
	assert_int_equal(answer_of(&c), '?');
	end_child(&c);
	age_dotlock(310);
	c = start_child(take_in_closed_directory);
	assert_int_equal(answer_of(&c), 'd');
	end_child(&c);
}

static void
a_replaced_mailbox_is_to_be_opened_again(void **state)
{
	struct lock_mailbox *l = NULL;
	int fd;

	(void)state;
	fd = open("new", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	(void)close(fd);
	assert_int_equal(rename("new", "mbox"), 0);
	assert_int_equal(take_now(&l), -1);
	assert_null(l);
	assert_int_equal(e.kind, ERR_LATER);
	assert_int_equal(e.sys, ESTALE);
	assert_files(1);
	assert_int_equal(answer_once(test_fcntl), 't');
	assert_int_equal(unlink("mbox"), 0);
	assert_int_equal(take_now(&l), -1);
	assert_int_equal(e.sys, ESTALE);
	assert_files(0);
}

static void
release_after_a_while(int answers)
{
	struct lock_mailbox *l = NULL;
	int fd = open("mbox", O_RDWR | O_CLOEXEC);

	if (lock_mailbox_take(&l, fd, "mbox", 0, &e) != 0)
		_exit(1);
	answer(answers, 't');
	proc_poll(NULL, 0, clock_deadline(100));
	lock_mailbox_release(&l);
	(void)pause();
}

static void
waiting_gets_the_lock_once_it_is_free(void **state)
{
	struct child c = start_child(release_after_a_while);
	struct lock_mailbox *l = NULL;

	(void)state;
	assert_int_equal(answer_of(&c), 't');
	assert_int_equal(lock_mailbox_take(&l, mbox, "mbox",
					   clock_deadline(30000), &e),
			 0);
	lock_mailbox_release(&l);
	end_child(&c);
}

static void
waiting_ends_at_the_deadline(void **state)
{
	struct child c = start_child(hold_mailbox);
	struct lock_mailbox *l = NULL;
	int64_t start = clock_ms(), took;

	(void)state;
	assert_int_equal(answer_of(&c), 't');
	assert_int_equal(lock_mailbox_take(&l, mbox, "mbox", start + 120, &e),
			 -1);
	took = clock_ms() - start;
	assert_int_equal(e.kind, ERR_LATER);
	assert_true(took >= 120 && took <= 20000);
	end_child(&c);
}

static void
wait_until_stopped(int answers)
{
	struct lock_mailbox *l = NULL;
	int fd = open("mbox", O_RDWR | O_CLOEXEC);

	proc_signals(PROC_STOPPABLE);
	(void)raise(SIGTERM);
	if (lock_mailbox_take(&l, fd, "mbox", CLOCK_NEVER, &e) == 0)
		answer(answers, 't');
	else
		answer(answers, e.kind == ERR_STOPPED ? 's' : '?');
	/* What is free may be taken for all that. */
	lock_mailbox_release(&l);
	if (lock_mailbox_take(&l,
			      open("free", O_RDWR | O_CREAT | O_CLOEXEC, 0600),
			      "free", 0, &e) == 0)
		answer(answers, 't');
	lock_mailbox_release(&l);
	_exit(0);
}

static void
a_stop_request_ends_the_waiting(void **state)
{
	struct lock_mailbox *l = NULL;
	struct child c;

	(void)state;
	assert_int_equal(take_now(&l), 0);
	c = start_child(wait_until_stopped);
	assert_int_equal(answer_of(&c), 's');
	assert_int_equal(answer_of(&c), 't');
	end_child(&c);
	lock_mailbox_release(&l);
}

enum { RIVALS = 4, ROUNDS = 15 };

/* Adds 1 to the number in the mailbox, in a way that only locks make safe. */
static void
count_up(int answers)
{
	struct lock_mailbox *l = NULL;
	char text[16];
	int i, fd = open("mbox", O_RDWR | O_CLOEXEC), n;
	ssize_t size;

	for (i = 0; i < ROUNDS; i++) {
		if (lock_mailbox_take(&l, fd, "mbox", clock_deadline(120000),
				      &e) != 0)
			_exit(1);
		size = pread(fd, text, sizeof(text) - 1, 0);
		text[size > 0 ? size : 0] = '\0';
		n = snprintf(text, sizeof(text), "%08d", atoi(text) + 1);
		proc_poll(NULL, 0, clock_deadline(1));
		if (pwrite(fd, text, (size_t)n, 0) != n)
			_exit(1);
		lock_mailbox_release(&l);
	}
	answer(answers, 'd');
	_exit(0);
}

static void
rivals_take_turns_and_none_starves(void **state)
{
	struct child c[RIVALS];
	char text[16] = "";
	int i;

	(void)state;
	for (i = 0; i < RIVALS; i++)
		c[i] = start_child(count_up);
	for (i = 0; i < RIVALS; i++) {
		assert_int_equal(answer_of(&c[i]), 'd');
		end_child(&c[i]);
	}
	assert_true(pread(mbox, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(atoi(text), RIVALS * ROUNDS);
	assert_files(1);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_place, leave_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_account_is_locked_once),
		TEST(a_mark_outlives_the_lock_and_takes_no_room),
		TEST(a_lock_is_not_created_unasked),
		TEST(the_time_of_a_lock_says_when_it_was_taken),
		TEST(that_people_were_told_of_a_lock_is_noted_beside_it),
		TEST(a_lock_that_cannot_be_made_is_named),
		TEST(a_locked_mailbox_is_locked_for_both_kinds_of_programs),
		TEST(a_mailbox_locked_by_fcntl_is_left_alone),
		TEST(while_the_dotlock_is_held_fcntl_is_not),
		TEST(a_file_system_without_hard_links_has_dotlocks_too),
		TEST(a_link_that_was_made_counts_whatever_the_reply),
		TEST(a_dotlock_of_a_killed_run_is_broken),
		TEST(a_dotlock_that_nobody_touches_is_broken_after_five_minutes),
		TEST(touching_keeps_a_dotlock_young),
		TEST(a_dotlock_that_others_broke_and_took_stays_theirs),
		TEST(a_planted_link_or_directory_is_neither_followed_nor_removed),
		TEST(where_the_directory_is_closed_fcntl_alone_serves),
		TEST(where_the_directory_is_closed_a_dotlock_is_obeyed),
		TEST(a_replaced_mailbox_is_to_be_opened_again),
		TEST(waiting_gets_the_lock_once_it_is_free),
		TEST(waiting_ends_at_the_deadline),
		TEST(a_stop_request_ends_the_waiting),
		TEST(rivals_take_turns_and_none_starves),
	};

	(void)alarm(300); /* a wait that never ends fails */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
