/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the state database: kills, failing disks, and what a commit costs. */
#include "config.h"
#include "state/store.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/ptrace.h>
#endif

#include <cmocka.h>

#include "store_home.h"
#include "sys/fs.h"
#include "sys/lock.h"

/* --- a disk whose syncs are counted and may fail --- */

static int file_syncs, dir_syncs;
static bool syncs_fail;

static int
sync_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		dir_syncs++;
	else
		file_syncs++;
	if (!syncs_fail)
		return 0;
	errno = EIO;
	return -1;
}

/* These take the place of libc's, for SQLite too.  Nothing here is cut off from
 * power, so that nothing need wait for a disk. */
int
fsync(int fd)
{
	return sync_file(fd);
}

int
fdatasync(int fd)
{
	return sync_file(fd);
}

static void
add(struct store *s, const char *uid, enum store_durability d)
{
	struct store_message m = {
		.uid = (const uint8_t *)uid,
		.uid_size = strlen(uid),
		.size = 1,
	};
	struct err e = ERR_INIT;

	assert_int_equal(store_begin(s, d, &e), 0);
	assert_int_equal(store_add_delivered(s, &m, 1, &e), 0);
	if (store_commit(s, &e) != 0)
		fail_msg("%s", e.text);
}

static size_t
count_rows(const struct home *h)
{
	struct store *s = home_open(h);
	struct store_rows *rows;
	struct err e = ERR_INIT;
	size_t count;

	if (store_load(s, &rows, &e) != 0)
		fail_msg("%s", e.text);
	count = store_rows_count(rows);
	store_rows_free(&rows);
	store_close(&s);
	return count;
}

/* --- what a commit costs --- */

static void
a_new_state_is_durable_with_its_directory(void **state)
{
	struct store *s;

	dir_syncs = file_syncs = 0;
	s = home_open(*state);
	assert_true(dir_syncs > 0);
	assert_true(file_syncs > 0);
	store_close(&s);
}

static void
a_durable_commit_costs_one_sync(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);

	add(s, "a", STORE_DURABLE);
	home_reopen(h, &s);
	add(s, "b", STORE_DURABLE);
	for (int i = 0; i < 20; i++) {
		file_syncs = dir_syncs = 0;
		add(s, "u", STORE_DURABLE);
		assert_int_equal(file_syncs, 1);
		assert_int_equal(dir_syncs, 0);
	}
	store_close(&s);
}

static void
a_run_of_mere_bookkeeping_never_syncs(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);

	add(s, "first", STORE_DURABLE);
	store_close(&s);
	for (int i = 0; i < 20; i++) {
		file_syncs = dir_syncs = 0;
		s = home_open(h);
		add(s, "u", STORE_LAZY);
		add(s, "u", STORE_LAZY);
		store_close(&s);
		assert_int_equal(file_syncs, 0);
		assert_int_equal(dir_syncs, 0);
	}
	assert_int_equal(count_rows(h), 41);
}

static void
lazy_and_durable_commits_take_turns(void **state)
{
	struct store *s = home_open(*state);

	for (int i = 0; i < 3; i++) {
		add(s, "lazy", STORE_LAZY);
		file_syncs = 0;
		add(s, "durable", STORE_DURABLE);
		assert_true(file_syncs >= 1);
		file_syncs = 0;
		add(s, "lazy", STORE_LAZY);
		assert_int_equal(file_syncs, 0);
	}
	store_close(&s);
}

static void
the_log_stays_small(void **state)
{
	static const enum store_durability kinds[] = { STORE_DURABLE,
						       STORE_LAZY };
	struct home *h = *state;

	for (size_t k = 0; k < 2; k++) {
		struct store *s = home_open(h);
		struct file wal;

		for (int i = 0; i < 6000; i++) {
			if (i % 500 == 0)
				home_reopen(h, &s);
			add(s, "u", kinds[k]);
		}
		store_close(&s);
		wal = file_read(h->wal);
		assert_true(wal.size < (k == 0 ? 6u : 20u) * 1024 * 1024);
		file_free(&wal);
	}
	assert_int_equal(count_rows(h), 12000);
}

/* --- failing disks --- */

static void
a_commit_whose_sync_fails_is_an_error_and_ends_all_writing(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	struct store_message m = { (const uint8_t *)"u", 1, 1, NULL, 0 };
	struct store_rows *rows;
	struct err e = ERR_INIT;
	size_t count;

	add(s, "before", STORE_DURABLE);
	assert_int_equal(store_begin(s, STORE_DURABLE, &e), 0);
	assert_int_equal(store_add_delivered(s, &m, 1, &e), 0);
	syncs_fail = true;
	assert_int_equal(store_commit(s, &e), -1);
	syncs_fail = false;
	assert_int_equal(e.kind, ERR_LOCAL);
	assert_int_equal(e.sys, EIO);
	assert_non_null(strstr(e.text, h->db));
	assert_non_null(strstr(e.text, strerror(EIO)));
	/* Reading goes on, writing does not. */
	assert_int_equal(store_load(s, &rows, &e), 0);
	store_rows_free(&rows);
	assert_int_equal(store_begin(s, STORE_DURABLE, &e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
	store_close(&s);
	/* It may be there or not; what was before it is. */
	count = count_rows(h);
	assert_true(count == 1 || count == 2);
}

static void
a_state_whose_directory_cannot_be_synced_is_not_believed(void **state)
{
	struct home *h = *state;
	struct store *s;
	struct err e = ERR_INIT;

	syncs_fail = true;
	assert_int_equal(store_open(&s, h->db, -1, true, &e), -1);
	syncs_fail = false;
	assert_null(s);
	assert_int_equal(e.kind, ERR_CREATE);
	s = home_open(h);
	store_close(&s);
}

/* --- the mark --- */

static int
take_lock(const struct home *h)
{
	char *path = home_path(h, "a.lock");
	struct err e = ERR_INIT;
	int lock = -1;

	if (lock_take(path, true, &lock, &e) != 0)
		fail_msg("%s", e.text);
	free(path);
	return lock;
}

static struct store *
open_locked(const struct home *h, int lock, bool create)
{
	struct store *s;
	struct err e = ERR_INIT;

	if (store_open(&s, h->db, lock, create, &e) != 0)
		fail_msg("%s", e.text);
	return s;
}

/* A state with one row, and the mark that a failed commit of another one leaves. */
static int
fail_a_commit(const struct home *h)
{
	struct store_message m = { (const uint8_t *)"u", 1, 1, NULL, 0 };
	struct err e = ERR_INIT;
	int lock = take_lock(h);
	struct store *s = open_locked(h, lock, true);

	add(s, "before", STORE_DURABLE);
	assert_int_equal(store_begin(s, STORE_DURABLE, &e), 0);
	assert_int_equal(store_add_delivered(s, &m, 1, &e), 0);
	syncs_fail = true;
	assert_int_equal(store_commit(s, &e), -1);
	syncs_fail = false;
	store_close(&s);
	assert_true(lock_is_marked(lock));
	return lock;
}

static void
a_state_is_marked_while_it_is_written_only(void **state)
{
	struct home *h = *state;
	int lock = take_lock(h);
	struct store *s = open_locked(h, lock, true);

	assert_true(lock_is_marked(lock));
	store_close(&s);
	assert_false(lock_is_marked(lock));
	s = open_locked(h, lock, true);
	assert_false(lock_is_marked(lock));
	add(s, "u", STORE_LAZY);
	assert_true(lock_is_marked(lock));
	store_close(&s);
	assert_false(lock_is_marked(lock));
	fs_drop(&lock);
}

static void
behind_a_failed_commit_the_log_is_made_durable_before_it_is_believed(
	void **state)
{
	struct home *h = *state;
	struct err e = ERR_INIT;
	int lock = fail_a_commit(h);
	struct store *s;

	syncs_fail = true;
	assert_int_equal(store_open(&s, h->db, lock, true, &e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
	assert_non_null(strstr(e.text, h->wal));
	assert_true(lock_is_marked(lock));
	syncs_fail = false;
	file_syncs = 0;
	s = open_locked(h, lock, true);
	assert_true(file_syncs > 0);
	add(s, "u", STORE_DURABLE);
	store_close(&s);
	assert_false(lock_is_marked(lock));
	file_syncs = 0;
	s = open_locked(h, lock, true);
	assert_int_equal(file_syncs, 0);
	store_close(&s);
	fs_drop(&lock);
}

static void
a_marked_state_that_is_only_read_stays_as_it_is(void **state)
{
	struct home *h = *state;
	int lock = fail_a_commit(h);
	struct file before = file_read(h->wal), after;
	struct store *s = open_locked(h, lock, false);
	struct store_rows *rows = home_load(s);

	file_syncs = dir_syncs = 0;
	assert_true(store_rows_count(rows) > 0);
	store_rows_free(&rows);
	store_close(&s);
	assert_int_equal(file_syncs + dir_syncs, 0);
	assert_true(lock_is_marked(lock));
	after = file_read(h->wal);
	assert_int_equal(after.size, before.size);
	assert_memory_equal(after.bytes, before.bytes, before.size);
	file_free(&before);
	file_free(&after);
	fs_drop(&lock);
}

static void
a_marked_state_that_was_opened_to_be_read_is_made_durable_at_its_first_write(
	void **state)
{
	struct home *h = *state;
	int lock = fail_a_commit(h);
	struct store *s = open_locked(h, lock, false);
	struct err e = ERR_INIT;

	syncs_fail = true;
	assert_int_equal(store_begin(s, STORE_LAZY, &e), -1);
	assert_int_equal(e.kind, ERR_LOCAL);
	syncs_fail = false;
	store_close(&s);
	assert_true(lock_is_marked(lock));
	s = open_locked(h, lock, false);
	file_syncs = 0;
	add(s, "u", STORE_LAZY);
	assert_true(file_syncs > 0);
	store_close(&s);
	/* who opens it to write has the directories above it to look after */
	assert_true(lock_is_marked(lock));
	s = open_locked(h, lock, true);
	store_close(&s);
	assert_false(lock_is_marked(lock));
	fs_drop(&lock);
}

static void
the_mark_of_a_state_that_could_not_be_made_stays(void **state)
{
	struct home *h = *state;
	int lock = take_lock(h);
	struct err e = ERR_INIT;
	struct store *s;

	syncs_fail = true;
	assert_int_equal(store_open(&s, h->db, lock, true, &e), -1);
	syncs_fail = false;
	assert_int_equal(e.kind, ERR_CREATE);
	assert_true(lock_is_marked(lock));
	s = open_locked(h, lock, true);
	store_close(&s);
	assert_false(lock_is_marked(lock));
	fs_drop(&lock);
}

/* One row of half a kibibyte after the other until the limit is reached. */
static void
fill_up(const struct home *h, size_t limit)
{
	const struct rlimit most = { limit, limit };
	struct store *s = home_open(h);
	uint8_t uid[512] = { 0 };
	struct store_message m = { uid, sizeof(uid), 1, NULL, 0 };
	struct err e = ERR_INIT;
	size_t before = 0;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &most), 0);
	for (;;) {
		if (store_begin(s, STORE_DURABLE, &e) != 0)
			_exit(10);
		for (int i = 0; i < 10; i++)
			if (store_add_delivered(s, &m, 1, &e) != 0)
				_exit(11);
		if (store_commit(s, &e) != 0)
			break;
		before += 10;
		if (before > 100000)
			_exit(12);
	}
	if (e.kind != ERR_LOCAL || e.sys != EFBIG || !strstr(e.text, h->db))
		_exit(13);
	_exit(before > 0 ? 0 : 14);
}

static void
a_full_disk_is_an_error_and_loses_nothing(void **state)
{
	struct home *h = *state;

	for (size_t limit = 60000; limit < 120000; limit += 1777) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			fill_up(h, limit);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		assert_int_equal(count_rows(h) % 10, 0);
		assert_true(count_rows(h) > 0);
		home_clear(h);
	}
}

static void
a_full_disk_while_the_state_is_made_leaves_what_can_be_made_later(void **state)
{
	struct home *h = *state;

	for (size_t limit = 0; limit < 40000; limit += 1111) {
		pid_t pid = fork();
		struct store *s;
		int status;

		if (pid == 0) {
			const struct rlimit most = { limit, limit };
			struct err e = ERR_INIT;

			signal(SIGXFSZ, SIG_IGN);
			setrlimit(RLIMIT_FSIZE, &most);
			if (store_open(&s, h->db, -1, true, &e) != 0)
				_exit(e.kind == ERR_CREATE ? 0 : 1);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
		s = home_open(h);
		add(s, "u", STORE_DURABLE);
		store_close(&s);
		assert_int_equal(count_rows(h), 1);
		home_clear(h);
	}
}

/* --- kills --- */

/* What the child has got done, seen by its parent. */
struct done {
	int opened, ready, delivered;
};

/* The life of a state: made, a message ready, the message delivered. */
static void
live(const char *path, struct done *done)
{
	const uint8_t digest[DIGEST_SHA256_SIZE] = { 1 };
	struct store_message m = { (const uint8_t *)"uid", 3, 100, digest, 0 };
	struct store *s;
	struct err e = ERR_INIT;
	int64_t id = 0;

	if (store_open(&s, path, -1, true, &e) != 0)
		_exit(1);
	done->opened = 1;
	if (store_begin(s, STORE_DURABLE, &e) != 0 ||
	    store_set_ready(s, &id, &m, "evidence", &e) != 0 ||
	    store_commit(s, &e) != 0)
		_exit(1);
	done->ready = 1;
	if (store_begin(s, STORE_DURABLE, &e) != 0 ||
	    store_set_delivered(s, id, 7, &e) != 0 || store_commit(s, &e) != 0)
		_exit(1);
	done->delivered = 1;
	store_close(&s);
	_exit(0);
}

static int
count_intent(void *arg, int64_t id, const char *evidence, struct err *e)
{
	(void)id;
	(void)e;
	assert_string_equal(evidence, "evidence");
	++*(int *)arg;
	return 0;
}

/* All or nothing of each transaction, and all that was said to be done. */
static void
assert_lived(const struct home *h, const struct done *done)
{
	struct store *s;
	struct store_rows *rows;
	struct err e = ERR_INIT;
	int intents = 0;

	for (int create = 0; create < 2; create++) {
		if (store_open(&s, h->db, -1, create, &e) != 0)
			fail_msg("%s", e.text);
		if (done->opened)
			assert_false(store_is_new(s));
		if (create == 0)
			store_close(&s);
	}
	assert_int_equal(store_intents(s, count_intent, &intents, &e), 0);
	assert_int_equal(store_load(s, &rows, &e), 0);
	if (done->ready)
		assert_int_equal(store_rows_count(rows), 1);
	if (done->delivered)
		assert_int_equal(intents, 0);
	if (store_rows_count(rows) > 0) {
		enum store_status status = store_rows_at(rows, 0).status;

		assert_int_equal(store_rows_count(rows), 1);
		assert_int_equal(status,
				 intents ? STORE_READY : STORE_DELIVERED);
	} else {
		assert_int_equal(intents, 0);
	}
	store_rows_free(&rows);
	add(s, "afterwards", STORE_DURABLE);
	store_close(&s);
}

#ifdef __linux__
static struct done *
shared_done(void)
{
	void *p = mmap(NULL, sizeof(struct done), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(p != MAP_FAILED);
	return p;
}

/* Lets the child come to its stop `n` at the border of a system call and kills it
 * there.  False when it ended before; -1 when children cannot be traced. */
static int
kill_at(pid_t pid, unsigned long n)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		return -1;
	while (n-- > 0) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0)
			return -1;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return 0;
		}
		assert_true(WIFSTOPPED(status));
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return 1;
}

static void
a_kill_at_any_system_call_loses_nothing_that_was_done(void **state)
{
	struct home *h = *state;
	struct done *done = shared_done();
	unsigned long n;
	int killed = 1;

	/* Each call has two stops; the second of one leaves what the first of the
	 * next does. */
	for (n = 1; killed == 1; n += 2) {
		pid_t pid;

		memset(done, 0, sizeof(*done));
		pid = fork();
		if (pid == 0) {
			if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
				_exit(0);
			raise(SIGSTOP);
			live(h->db, done);
		}
		killed = kill_at(pid, n);
		if (killed == -1)
			break;
		assert_lived(h, done);
		home_clear(h);
	}
	munmap(done, sizeof(*done));
	if (killed == -1)
		skip();
	assert_true(n > 60);
}
#endif

static void
a_kill_between_two_writes_undoes_the_first(void **state)
{
	struct home *h = *state;
	struct store *s = home_open(h);
	pid_t pid;
	int status;

	add(s, "before", STORE_DURABLE);
	store_close(&s);
	pid = fork();
	if (pid == 0) {
		struct store_message m = { (const uint8_t *)"u", 1, 1, NULL,
					   0 };
		struct err e = ERR_INIT;

		s = home_open(h);
		(void)store_begin(s, STORE_DURABLE, &e);
		for (int i = 0; i < 100; i++)
			(void)store_add_delivered(s, &m, 1, &e);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_rows(h), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, home_make, home_remove)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_state_is_durable_with_its_directory),
		TEST(a_durable_commit_costs_one_sync),
		TEST(a_run_of_mere_bookkeeping_never_syncs),
		TEST(lazy_and_durable_commits_take_turns),
		TEST(the_log_stays_small),
		TEST(a_commit_whose_sync_fails_is_an_error_and_ends_all_writing),
		TEST(a_state_whose_directory_cannot_be_synced_is_not_believed),
		TEST(a_state_is_marked_while_it_is_written_only),
		TEST(behind_a_failed_commit_the_log_is_made_durable_before_it_is_believed),
		TEST(a_marked_state_that_is_only_read_stays_as_it_is),
		TEST(a_marked_state_that_was_opened_to_be_read_is_made_durable_at_its_first_write),
		TEST(the_mark_of_a_state_that_could_not_be_made_stays),
		TEST(a_full_disk_is_an_error_and_loses_nothing),
		TEST(a_full_disk_while_the_state_is_made_leaves_what_can_be_made_later),
#ifdef __linux__
		TEST(a_kill_at_any_system_call_loses_nothing_that_was_done),
#endif
		TEST(a_kill_between_two_writes_undoes_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
