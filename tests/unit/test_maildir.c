/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Delivery to a Maildir. */
#include "config.h"
#include "deliver/deliver.h"

#include "delivering.h"
#include "maildirbox.h"
#include "scratch.h"

#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mount.h>
#endif
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err
fail_to_open(bool may_create)
{
	struct err e = ERR_INIT;
	struct deliver *d;

	assert_int_equal(deliver_open(&d, &box.target, may_create, &e), -1);
	assert_null(d);
	return e;
}

/* The contents of the only message in new/; owned. */
static char *
only_message(char **name)
{
	struct scratch_names n = scratch_list(box.fresh);
	char *path, *text;

	assert_int_equal(n.count, 1);
	path = scratch_path(box.fresh, n.list[0]);
	text = scratch_read(path, NULL);
	if (name)
		*name = strdup(n.list[0]);
	assert_int_equal(scratch_mode(path), 0600);
	free(path);
	scratch_names_free(&n);
	return text;
}

/* --- opening --- */

static void
a_missing_maildir_is_made_for_its_owner_alone(void **state)
{
	struct deliver *d = maildirbox_open();

	(void)state;
	assert_int_equal(scratch_mode(box.path), 0700);
	assert_int_equal(scratch_mode(box.cur), 0700);
	assert_int_equal(scratch_mode(box.fresh), 0700);
	assert_int_equal(scratch_mode(box.tmp), 0700);
	assert_int_equal(scratch_mode(box.staging), 0700);
	assert_int_equal(scratch_count(box.staging), 0);
	assert_int_equal(scratch_count(box.fresh), 0);
	deliver_close(&d);
	assert_null(d);
	deliver_close(&d);
}

static void
a_missing_maildir_is_not_made_when_forbidden(void **state)
{
	struct err e = fail_to_open(false);

	(void)state;
	assert_int_equal(e.kind, ERR_CREATE);
	assert_non_null(strstr(e.text, "is its disk mounted?"));
	assert_false(scratch_is_there(box.path));
	/* An empty mount point is no Maildir either. */
	mkdir(box.path, 0700);
	e = fail_to_open(false);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_non_null(strstr(e.text, "is its disk mounted?"));
	assert_int_equal(scratch_count(box.path), 0);
}

static void
only_the_last_component_is_made(void **state)
{
	char *deep = scratch_path(box.path, "in/here");
	struct err e;

	(void)state;
	box.target.path = deep;
	e = fail_to_open(true);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_false(scratch_is_there(box.path));
	free(deep);
}

static void
an_empty_or_half_made_maildir_is_completed(void **state)
{
	struct deliver *d;

	(void)state;
	mkdir(box.path, 0700);
	d = maildirbox_open();
	deliver_close(&d);
	rmdir(box.fresh);
	rmdir(box.cur);
	d = maildirbox_open();
	deliver_close(&d);
	assert_true(scratch_is_there(box.fresh));
	assert_true(scratch_is_there(box.cur));
}

static void
a_directory_of_other_things_is_no_maildir(void **state)
{
	char *file;
	struct err e;

	(void)state;
	mkdir(box.path, 0700);
	file = scratch_path(box.path, "letter.txt");
	scratch_write_text(file, "x");
	e = fail_to_open(true);
	assert_int_equal(e.kind, ERR_CREATE);
	assert_int_equal(scratch_count(box.path), 1);
	free(file);
}

static void
symbolic_links_below_the_maildir_are_refused(void **state)
{
	const char *const links[] = { box.fresh, box.tmp, NULL };
	char *elsewhere = scratch_path(*state, "elsewhere");
	size_t i;

	mkdir(elsewhere, 0700);
	for (i = 0; links[i]; i++) {
		maildirbox_make();
		rmdir(links[i]);
		assert_int_equal(symlink(elsewhere, links[i]), 0);
		assert_int_equal(fail_to_open(true).kind, ERR_CREATE);
		assert_int_equal(scratch_count(elsewhere), 0);
		scratch_empty(box.path);
		rmdir(box.path);
	}
	free(elsewhere);
}

static void
a_staging_directory_that_is_a_link_is_refused(void **state)
{
	char *ours = scratch_path(*state, "Mail/tmp/.popfetch");
	char *elsewhere = scratch_path(*state, "elsewhere");

	maildirbox_make();
	mkdir(elsewhere, 0700);
	assert_int_equal(symlink(elsewhere, ours), 0);
	assert_int_equal(fail_to_open(true).kind, ERR_CREATE);
	assert_int_equal(scratch_count(elsewhere), 0);
	free(ours);
	free(elsewhere);
}

static void
a_maildir_that_is_a_file_is_refused(void **state)
{
	(void)state;
	scratch_write_text(box.path, "mail");
	assert_int_equal(fail_to_open(true).kind, ERR_CREATE);
}

static void
a_new_that_may_not_be_written_is_found_out_at_once(void **state)
{
	const bool is_root = geteuid() == 0;
	const uid_t nobody = 65534;
	enum err_kind kind;

	maildirbox_make();
	chmod(box.fresh, 0500);
	if (is_root) { /* whom no mode would stop */
		assert_int_equal(chmod(*state, 0755), 0);
		assert_int_equal(chown(box.path, nobody, (gid_t)-1), 0);
		assert_int_equal(chown(box.cur, nobody, (gid_t)-1), 0);
		assert_int_equal(chown(box.fresh, nobody, (gid_t)-1), 0);
		assert_int_equal(chown(box.tmp, nobody, (gid_t)-1), 0);
		assert_int_equal(seteuid(nobody), 0);
	}
	kind = fail_to_open(true).kind;
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	chmod(box.fresh, 0700);
	assert_int_equal(kind, ERR_CREATE);
}

#ifdef __linux__
/* In a process of its own, which has its own mounts: status 77 where that is
 * forbidden. */
static void
open_over_a_mount(const char *source, const char *type, unsigned long flags)
{
	struct err e = ERR_INIT;
	struct deliver *d;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(source, box.fresh, type, flags, NULL) != 0)
		_exit(77);
	_exit(deliver_open(&d, &box.target, true, &e) == -1 &&
			      e.kind == ERR_CONFIG
		      ? 0
		      : 1);
}

static int
status_over_a_mount(const char *source, const char *type, unsigned long flags)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		open_over_a_mount(source, type, flags);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
tmp_and_new_on_different_file_systems_are_refused(void **state)
{
	(void)state;
	maildirbox_make();
	if (status_over_a_mount("none", "tmpfs", 0) == 77)
		skip();
	assert_int_equal(status_over_a_mount("none", "tmpfs", 0), 0);
	/* One file system under two mounts: no rename either. */
	assert_int_equal(status_over_a_mount(box.cur, NULL, MS_BIND), 0);
	assert_int_equal(scratch_count(box.fresh), 0);
}
#endif

/* --- delivering --- */

static void
a_message_appears_in_new_whole_and_only_when_published(void **state)
{
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s = delivering_stage(d, "Subject: a\n\nb\n");
	struct err e = ERR_INIT;
	char *text;

	(void)state;
	assert_int_equal(scratch_count(box.fresh), 0);
	assert_int_equal(scratch_count(box.staging), 2); /* and the sentinel */
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_int_equal(scratch_count(box.fresh), 0);
	assert_int_equal(deliver_outcome(s, NULL), DELIVER_PENDING);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(deliver_settle(d, &e), 0);
	assert_int_equal(deliver_outcome(s, &e), DELIVER_DONE);
	deliver_leave(&s);
	assert_null(s);
	text = only_message(NULL);
	assert_string_equal(text, "Subject: a\n\nb\n");
	assert_int_equal(scratch_count(box.staging), 1); /* the sentinel */
	deliver_retire(d);
	assert_int_equal(scratch_count(box.staging), 0);
	deliver_close(&d);
	free(text);
}

static void
names_are_those_of_a_maildir_and_tell_the_size(void **state)
{
	const char *text[] = { "Subject: a\n\n", "Subject: b\n\nbody\n" };
	struct deliver *d = maildirbox_open();
	struct scratch_names n;
	regex_t pattern;
	struct stat st;
	char *path, *size;
	size_t i;

	(void)state;
	delivering_batch(d, text, 2);
	deliver_close(&d);
	assert_int_equal(regcomp(&pattern,
				 "^[0-9]{10,}\\.M[0-9]{1,6}P[0-9]+"
				 "Q[0-9]+R[0-9a-f]{16}\\.[^/:,]+,S=[0-9]+$",
				 REG_EXTENDED | REG_NOSUB),
			 0);
	n = scratch_list(box.fresh);
	assert_int_equal(n.count, 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(regexec(&pattern, n.list[i], 0, NULL, 0), 0);
		path = scratch_path(box.fresh, n.list[i]);
		assert_int_equal(stat(path, &st), 0);
		size = strstr(n.list[i], ",S=") + 3;
		assert_int_equal(atol(size), st.st_size);
		free(path);
	}
	scratch_names_free(&n);
	regfree(&pattern);
}

static void
bytes_of_any_value_and_number_pass_unchanged(void **state)
{
	const struct deliver_message m = { .uid_size = 0 };
	size_t size = 300 * 1000, i, piece, got;
	char *bytes = malloc(size), *name, *path, *read;
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s;
	struct err e = ERR_INIT;

	(void)state;
	for (i = 0; i < size; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	assert_int_equal(deliver_stage(d, &m, &s, &e), 0);
	for (i = 0, piece = 1; i < size; i += piece, piece = piece * 3 + 1) {
		piece = piece < size - i ? piece : size - i;
		assert_int_equal(deliver_write(s, bytes + i, piece, &e), 0);
	}
	assert_int_equal(
		deliver_finish(s, (const uint8_t[DIGEST_SHA256_SIZE]){ 0 }, 0,
			       "a@b", &e),
		0);
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(deliver_settle(d, &e), 0);
	deliver_leave(&s);
	deliver_close(&d);
	free(only_message(&name));
	path = scratch_path(box.fresh, name);
	read = scratch_read(path, &got);
	assert_int_equal(got, size);
	assert_memory_equal(read, bytes, size);
	free(read);
	free(path);
	free(name);
	free(bytes);
}

static void
several_messages_may_be_staged_at_once(void **state)
{
	const struct deliver_message m = { .uid_size = 0 };
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s[2];
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(deliver_stage(d, &m, &s[0], &e), 0);
	assert_int_equal(deliver_stage(d, &m, &s[1], &e), 0);
	assert_int_equal(deliver_write(s[0], "a", 1, &e), 0);
	assert_int_equal(deliver_write(s[1], "b", 1, &e), 0);
	assert_int_equal(deliver_write(s[0], "c", 1, &e), 0);
	assert_int_equal(scratch_count(box.staging), 3);
	deliver_discard(&s[0]);
	assert_int_equal(scratch_count(box.staging), 2);
	deliver_discard(&s[1]);
	assert_null(s[1]);
	deliver_discard(&s[1]);
	assert_int_equal(scratch_count(box.staging), 0);
	deliver_close(&d);
}

static void
an_abandoned_batch_leaves_nothing(void **state)
{
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s = delivering_stage(d, "Subject: a\n\n");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_int_equal(scratch_count(box.staging), 2);
	deliver_abandon(d);
	deliver_discard(&s);
	assert_int_equal(scratch_count(box.staging), 0);
	assert_int_equal(scratch_count(box.fresh), 0);
	deliver_close(&d);
}

static void
a_dropped_batch_stays_as_it_is(void **state)
{
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s = delivering_stage(d, "Subject: a\n\n");
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	deliver_drop(d);
	deliver_leave(&s);
	deliver_close(&d);
	assert_int_equal(scratch_count(box.staging), 2);
}

static void
retiring_spares_the_sentinel_of_the_batch_in_hand(void **state)
{
	struct deliver *d = maildirbox_open();
	struct deliver_staged *a = delivering_stage(d, "a\n"), *b;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(deliver_secure(d, &a, 1, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(deliver_settle(d, &e), 0);
	b = delivering_stage(d, "b\n");
	assert_int_equal(deliver_secure(d, &b, 1, &e), 0);
	assert_int_equal(scratch_count(box.staging), 3);
	deliver_retire(d);
	assert_int_equal(scratch_count(box.staging), 2);
	assert_non_null(strstr(deliver_evidence(b), "sentinel"));
	deliver_drop(d);
	deliver_leave(&a);
	deliver_leave(&b);
	deliver_close(&d);
}

/* The only one; the caller frees. */
static char *
sentinel_path(void)
{
	struct scratch_names n = scratch_list(box.staging);
	char *path = NULL;

	for (size_t i = 0; i < n.count; i++) {
		if (strncmp(n.list[i], "sentinel.", 9) != 0)
			continue;
		assert_null(path);
		path = scratch_path(box.staging, n.list[i]);
	}
	scratch_names_free(&n);
	assert_non_null(path);
	return path;
}

static void
what_is_cleared_away_by_age_takes_the_sentinel_first(void **state)
{
	const struct deliver_message m = { .uid_size = 0 };
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s;
	struct err e = ERR_INIT;
	struct stat sentinel, after;
	char *path;

	(void)state;
	assert_int_equal(deliver_stage(d, &m, &s, &e), 0);
	path = sentinel_path();
	assert_int_equal(stat(path, &sentinel), 0);
	usleep(20000);
	assert_int_equal(deliver_write(s, "a\n", 2, &e), 0);
	assert_int_equal(deliver_finish(s, (const uint8_t[32]){ 0 }, 0, "a@b",
					&e),
			 0);
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mtim.tv_sec, sentinel.st_mtim.tv_sec);
	assert_int_equal(after.st_mtim.tv_nsec, sentinel.st_mtim.tv_nsec);
	assert_non_null(strstr(deliver_evidence(s), strrchr(path, '/') + 1));
	deliver_abandon(d);
	deliver_discard(&s);
	deliver_close(&d);
	free(path);
}

/* It was begun before that one was handed over, and has its sentinel still. */
static void
a_message_that_comes_in_meanwhile_keeps_its_sentinel(void **state)
{
	const struct deliver_message m = { .uid_size = 0 };
	struct deliver *d = maildirbox_open();
	struct deliver_staged *first = delivering_stage(d, "a\n"), *batch[2];
	struct err e = ERR_INIT;
	char *path = sentinel_path();

	(void)state;
	assert_int_equal(deliver_stage(d, &m, &batch[0], &e), 0);
	assert_int_equal(deliver_secure(d, &first, 1, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(deliver_settle(d, &e), 0);
	deliver_leave(&first);
	assert_int_equal(deliver_finish(batch[0], (const uint8_t[32]){ 0 }, 0,
					"a@b", &e),
			 0);
	batch[1] = delivering_stage(d, "c\n");
	assert_int_equal(scratch_count(box.staging), 4);
	assert_int_equal(deliver_secure(d, batch, 2, &e), 0);
	deliver_retire(d); /* the first batch is on record */
	assert_true(scratch_is_there(path));
	assert_non_null(
		strstr(deliver_evidence(batch[0]), strrchr(path, '/') + 1));
	assert_null(strstr(deliver_evidence(batch[1]), strrchr(path, '/') + 1));
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(deliver_settle(d, &e), 0);
	deliver_leave(&batch[0]);
	deliver_leave(&batch[1]);
	assert_int_equal(scratch_count(box.staging), 2);
	deliver_retire(d);
	assert_int_equal(scratch_count(box.staging), 0);
	deliver_close(&d);
	free(path);
}

static void
a_failed_write_can_be_discarded(void **state)
{
	struct rlimit old, small = { 100000, RLIM_INFINITY };
	const struct deliver_message m = { .uid_size = 0 };
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s;
	struct err e = ERR_INIT;
	char *bytes = calloc(1, 200000);

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	assert_int_equal(deliver_stage(d, &m, &s, &e), 0);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(deliver_write(s, bytes, 200000, &e), -1);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(e.kind, ERR_LOCAL);
	deliver_discard(&s);
	assert_int_equal(scratch_count(box.staging), 0);
	deliver_close(&d);
	free(bytes);
}

static void
a_batch_fits_into_few_descriptors(void **state)
{
	struct rlimit old, small;
	struct deliver *d;

	(void)state;
	d = maildirbox_open();
	assert_int_equal(deliver_batch_max(d), 256);
	deliver_close(&d);
	getrlimit(RLIMIT_NOFILE, &old);
	small = old;
	small.rlim_cur = 20; /* is raised */
	setrlimit(RLIMIT_NOFILE, &small);
	d = maildirbox_open();
	assert_int_equal(deliver_batch_max(d), 256);
	deliver_close(&d);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void
new_swapped_for_a_link_does_not_lead_mail_away(void **state)
{
	char *elsewhere = scratch_path(*state, "elsewhere");
	char *moved = scratch_path(box.path, "moved");
	struct deliver *d = maildirbox_open();
	struct deliver_staged *s = delivering_stage(d, "a\n");
	struct err e = ERR_INIT;

	mkdir(elsewhere, 0700);
	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_int_equal(rename(box.fresh, moved), 0);
	assert_int_equal(symlink(elsewhere, box.fresh), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(deliver_settle(d, &e), 0);
	assert_int_equal(scratch_count(elsewhere), 0);
	assert_int_equal(scratch_count(moved), 1);
	deliver_leave(&s);
	deliver_close(&d);
	free(elsewhere);
	free(moved);
}

static void
free_space_is_told(void **state)
{
	struct deliver *d = maildirbox_open();
	struct deliver_space space;

	(void)state;
	deliver_space(d, &space);
	assert_true(space.free_bytes > 0);
	assert_int_equal(space.copies, 1);
	assert_string_equal(space.path, box.target.path);
	deliver_close(&d);
}

#define TEST(f)                                              \
	cmocka_unit_test_setup_teardown(f, maildirbox_setup, \
					maildirbox_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_missing_maildir_is_made_for_its_owner_alone),
		TEST(a_missing_maildir_is_not_made_when_forbidden),
		TEST(only_the_last_component_is_made),
		TEST(an_empty_or_half_made_maildir_is_completed),
		TEST(a_directory_of_other_things_is_no_maildir),
		TEST(symbolic_links_below_the_maildir_are_refused),
		TEST(a_staging_directory_that_is_a_link_is_refused),
		TEST(a_maildir_that_is_a_file_is_refused),
		TEST(a_new_that_may_not_be_written_is_found_out_at_once),
#ifdef __linux__
		TEST(tmp_and_new_on_different_file_systems_are_refused),
#endif
		TEST(a_message_appears_in_new_whole_and_only_when_published),
		TEST(names_are_those_of_a_maildir_and_tell_the_size),
		TEST(bytes_of_any_value_and_number_pass_unchanged),
		TEST(several_messages_may_be_staged_at_once),
		TEST(an_abandoned_batch_leaves_nothing),
		TEST(a_dropped_batch_stays_as_it_is),
		TEST(retiring_spares_the_sentinel_of_the_batch_in_hand),
		TEST(what_is_cleared_away_by_age_takes_the_sentinel_first),
		TEST(a_message_that_comes_in_meanwhile_keeps_its_sentinel),
		TEST(a_failed_write_can_be_discarded),
		TEST(a_batch_fits_into_few_descriptors),
		TEST(new_swapped_for_a_link_does_not_lead_mail_away),
		TEST(free_space_is_told)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
