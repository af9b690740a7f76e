/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a crash leaves in an mbox, and what recovery makes of it. */
#include "config.h"
#include "deliver/deliver.h"

#include "delivering.h"
#include "killer.h"
#include "mboxreader.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD	 "From x Sat Nov 21 10:00:00 2026\nSubject: old\n\nold\n\n"
#define ONE	 "Subject: one\n\n1\n1 From here\n"
#define TWO	 "Subject: two\n\nFrom two\n2"
#define TWO_READ "Subject: two\n\nFrom two\n2\n"
#define OTHER	 "From y Sun Nov 22 10:00:00 2026\nSubject: other\n\no\n\n"

static struct {
	char *path, *spool;
	struct deliver_target target;
	char *evidence[2];
	char *whole; /* the file as it was published */
	size_t base, size;
} box;

static int
setup(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	memset(&box, 0, sizeof(box));
	box.path = scratch_path(*state, "m box");
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
	free(box.spool);
	free(box.evidence[0]);
	free(box.evidence[1]);
	free(box.whole);
	return scratch_teardown(state);
}

/* A batch that was committed as READY and published, but not recorded; the file had
 * `old` before. */
static void
leave_batch(const char *old, const char *one, const char *two)
{
	struct deliver_staged *s[2];
	struct err e = ERR_INIT;
	struct deliver *d;
	int i;

	scratch_write_text(box.path, old);
	box.base = strlen(old);
	assert_int_equal(deliver_open(&d, &box.target, true, &e), 0);
	s[0] = delivering_stage(d, one);
	s[1] = delivering_stage(d, two);
	assert_int_equal(deliver_secure(d, s, 2, &e), 0);
	for (i = 0; i < 2; i++) {
		free(box.evidence[i]);
		box.evidence[i] = strdup(deliver_evidence(s[i]));
	}
	assert_int_equal(deliver_publish(d, &e), 0);
	deliver_drop(d);
	for (i = 0; i < 2; i++)
		deliver_leave(&s[i]);
	deliver_close(&d);
	free(box.whole);
	box.whole = scratch_read(box.path, &box.size);
}

/* "DN": delivered, not. Twice, as after a kill before the record. */
static const char *
verdicts(void)
{
	const char *const lines[] = { box.evidence[0], box.evidence[1] };
	static char letters[3];
	char first[3] = "";
	enum deliver_verdict v[2];
	struct err e = ERR_INIT;
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
expect_file(const char *bytes, size_t size)
{
	size_t got;
	char *there = scratch_read(box.path, &got);

	assert_int_equal(got, size);
	assert_memory_equal(there, bytes, size);
	free(there);
}

/* Delivers again what was not delivered; then each message is there once. */
static void
finish_and_check(const char *letters, const char *what, size_t where)
{
	const char *const texts[] = { ONE, TWO };
	struct err e = ERR_INIT;
	struct mboxreader r;
	struct deliver *d;
	int i;

	assert_int_equal(deliver_open(&d, &box.target, false, &e), 0);
	for (i = 0; i < 2; i++)
		if (letters[i] == 'N')
			delivering_batch(d, &texts[i], 1);
	deliver_close(&d);
	r = mboxreader_read(box.path);
	if (r.count != 3 || mboxreader_count(&r, ONE) != 1 ||
	    mboxreader_count(&r, TWO_READ) != 1 ||
	    mboxreader_count(&r, "Subject: old\n\nold\n") != 1)
		fail_msg("%s at %zu: %zu messages, verdicts %s", what, where,
			 r.count, letters);
	mboxreader_free(&r);
}

static const char *const olds[] = {
	OLD, "From x Sat Nov 21 10:00:00 2026\nSubject: old\n\nold\n",
	"From x Sat Nov 21 10:00:00 2026\nSubject: old\n\nold"
};
enum { OLDS = 3 };

static void
a_whole_block_was_delivered(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < OLDS; i++) {
		leave_batch(olds[i], ONE, TWO);
		assert_string_equal(verdicts(), "DD");
		expect_file(box.whole, box.size);
	}
}

static void
a_file_that_ends_at_the_offset_has_nothing(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < OLDS; i++) {
		leave_batch(olds[i], ONE, TWO);
		assert_int_equal(truncate(box.path, (off_t)box.base), 0);
		assert_string_equal(verdicts(), "NN");
		expect_file(olds[i], box.base);
		finish_and_check("NN", "cut", 0);
	}
}

static void
torn_at_any_byte_every_message_comes_once(void **state)
{
	size_t at;
	int i;

	(void)state;
	for (i = 0; i < OLDS; i++) {
		leave_batch(olds[i], ONE, TWO);
		for (at = box.base; at <= box.size; at++) {
			scratch_write(box.path, box.whole, at);
			finish_and_check(verdicts(), "torn", at);
		}
	}
}

static void
a_tail_of_nuls_is_cut_off(void **state)
{
	const char *v;
	char *torn;
	size_t at, second;

	(void)state;
	leave_batch(OLD, ONE, TWO);
	second = (size_t)(strstr(box.whole + box.base + 1, "From sender") -
			  box.whole);
	torn = malloc(box.size);
	for (at = box.base; at <= box.size; at++) {
		memcpy(torn, box.whole, box.size);
		memset(torn + at, '\0', box.size - at);
		scratch_write(box.path, torn, box.size);
		v = verdicts();
		assert_int_equal(v[0], at >= second ? 'D' : 'N');
		assert_int_equal(v[1], at == box.size ? 'D' : 'N');
		finish_and_check(v, "NULs from", at);
		/* The size was written, the first pages were not. */
		memcpy(torn, box.whole, box.size);
		memset(torn + box.base, '\0', at - box.base);
		scratch_write(box.path, torn, box.size);
		finish_and_check(verdicts(), "NULs up to", at);
	}
	free(torn);
}

static void
mail_that_another_program_put_behind_is_never_cut(void **state)
{
	struct mboxreader r;
	const char *v;
	size_t at;
	char *end;

	(void)state;
	leave_batch(OLD, ONE, TWO);
	for (at = box.base; at <= box.size; at++) {
		scratch_write(box.path, box.whole, at);
		scratch_append(box.path, OTHER);
		v = verdicts();
		if (at == box.size)
			assert_string_equal(v, "DD");
		if (at == box.base)
			assert_string_equal(v, "NN");
		end = scratch_read(box.path, NULL);
		assert_non_null(strstr(end, OTHER));
		free(end);
		/* A program that completes lines as we do. */
		scratch_write(box.path, box.whole, at);
		scratch_append(box.path, "\n\n" OTHER);
		(void)verdicts();
		r = mboxreader_read(box.path);
		assert_int_equal(mboxreader_count(&r, "Subject: other\n\no\n"),
				 1);
		mboxreader_free(&r);
	}
}

static void
nor_when_our_batch_was_long_and_is_torn_early(void **state)
{
	char big[2000] = "Subject: big\n\n", *end;
	size_t at;

	(void)state;
	while (strlen(big) < 1800)
		strcat(big, "a line like others\n");
	leave_batch(OLD, big, TWO);
	for (at = box.base; at <= box.size; at++) {
		scratch_write(box.path, box.whole, at);
		scratch_append(box.path, OTHER);
		(void)verdicts();
		end = scratch_read(box.path, NULL);
		assert_non_null(strstr(end, OTHER));
		free(end);
	}
}

static void
what_is_longer_than_our_batch_is_not_cut(void **state)
{
	char *file, *end;

	(void)state;
	leave_batch(OLD, ONE, TWO);
	file = calloc(1, box.size + 20);
	memcpy(file, box.whole, box.size);
	memset(file + box.size - 10, 'x', 5); /* no block of ours any more */
	strcpy(file + box.size, "somebody's\n");
	scratch_write_text(box.path, file);
	assert_string_equal(verdicts(), "DN");
	end = scratch_read(box.path, NULL);
	assert_string_equal(end, file);
	free(end);
	free(file);
}

/* --- rewritten by a mail reader --- */

/* The n-th From_ line that the batch was written with. */
static const char *
from_line(int n)
{
	const char *line = strstr(box.whole + box.base, "From sender");

	while (--n > 0)
		line = strstr(line + 1, "From sender");
	return line;
}

/* A text in which "@1@" and "@2@" stand for these lines. */
static char *
with_lines(const char *text)
{
	char *out = NULL;
	const char *line;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	for (; *text; text++) {
		if (strncmp(text, "@1@", 3) != 0 &&
		    strncmp(text, "@2@", 3) != 0) {
			assert_int_not_equal(fputc(*text, f), EOF);
			continue;
		}
		line = from_line(text[1] - '0');
		assert_true(fprintf(f, "%.*s", (int)strcspn(line, "\n"), line) >
			    0);
		text += 2;
	}
	assert_int_equal(fclose(f), 0);
	return out;
}

static void
rewrite(const char *first, const char *second, const char *third)
{
	char *all = NULL, *text;

	assert_true(asprintf(&all, "%s%s%s", first, second, third) >= 0);
	text = with_lines(all);
	scratch_write_text(box.path, text);
	free(text);
	free(all);
}

#define ONE_READ                                              \
	"@1@\nStatus: RO\nSubject: one\nContent-Length: 15\n" \
	"X-Status: A\n\n1\n1 From here\n\n"
#define ONE_READ_TOO "@2@\nSubject: one\n\n1\n1 From here\n\n"
#define TWO_KEPT     "@2@\nSubject: two\n\n>From two\n2\n\n"

static void
messages_are_found_though_a_reader_marked_or_moved_them(void **state)
{
	(void)state;
	leave_batch(OLD, ONE, TWO);
	rewrite(OLD, ONE_READ, TWO_KEPT);
	assert_string_equal(verdicts(), "DD");
	rewrite(TWO_KEPT, ONE_READ, OLD);
	assert_string_equal(verdicts(), "DD");
	rewrite(ONE_READ, TWO_KEPT, ""); /* the old one is gone */
	assert_string_equal(verdicts(), "DD");
	rewrite(OLD, "\n\n", ONE_READ TWO_KEPT OTHER);
	assert_string_equal(verdicts(), "DD");
	rewrite(OLD, ONE_READ, ""); /* the second is deleted */
	assert_string_equal(verdicts(), "DN");
	rewrite(OLD, OTHER, "");
	assert_string_equal(verdicts(), "NN");
	rewrite("", "", "");
	assert_string_equal(verdicts(), "NN");
}

static void
a_rewritten_file_is_left_as_it_is(void **state)
{
	const char *const files[] = {
		OLD ONE_READ TWO_KEPT, TWO_KEPT, OTHER,		  OLD OTHER,
		OLD ONE_READ OTHER,    "",	 "no mbox at all"
	};
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		leave_batch(OLD, ONE, TWO);
		text = with_lines(files[i]);
		scratch_write_text(box.path, text);
		(void)verdicts();
		expect_file(text, strlen(text));
		free(text);
	}
}

static void
of_two_equal_messages_each_is_found_for_itself(void **state)
{
	(void)state;
	leave_batch(OLD, ONE, ONE);
	assert_string_equal(verdicts(), "DD");
	rewrite(OLD, ONE_READ, "");
	assert_string_equal(verdicts(), "DN");
	rewrite(OLD, ONE_READ, ONE_READ_TOO);
	assert_string_equal(verdicts(), "DD");
}

/* It was there before, or another account has brought it meanwhile. */
static void
an_equal_message_with_another_from_line_is_not_ours(void **state)
{
	static const char older[] =
		"From sender@example.org Sat Nov 21 11:00:00 2026\n" ONE "\n";

	(void)state;
	leave_batch(OLD, ONE, TWO);
	rewrite(OLD, older, TWO_KEPT);
	assert_string_equal(verdicts(), "ND");
	rewrite(OLD, older, "");
	assert_string_equal(verdicts(), "NN");
}

/* --- other cases --- */

static void
an_mbox_that_is_gone_is_an_error_if_new_mail_is_to_go_there(void **state)
{
	const char *lines[2];
	enum deliver_verdict v[2];
	struct err e = ERR_INIT;
	char *other = scratch_path(*state, "other");

	leave_batch(OLD, ONE, TWO);
	lines[0] = box.evidence[0];
	lines[1] = box.evidence[1];
	unlink(box.path);
	assert_int_equal(deliver_recover(&box.target, lines, v, 2, &e), -1);
	assert_int_equal(e.kind, ERR_CREATE);
	box.target.path = other;
	assert_string_equal(verdicts(), "NN");
	assert_false(scratch_is_there(box.path));
	assert_false(scratch_is_there(other));
	free(other);
}

static void
what_has_taken_the_place_of_an_old_mbox_stops_nobody(void **state)
{
	char *other = scratch_path(*state, "other");

	leave_batch(OLD, ONE, TWO);
	unlink(box.path);
	box.target.path = other;
	assert_int_equal(mkdir(box.path, 0700), 0);
	assert_string_equal(verdicts(), "NN");
	assert_int_equal(rmdir(box.path), 0);
	assert_int_equal(symlink(other, box.path), 0);
	assert_string_equal(verdicts(), "NN");
	free(other);
}

static void
a_large_torn_message_is_cut_off(void **state)
{
	size_t size = 3 * 1024 * 1024;
	char *big = malloc(size + 1);

	(void)state;
	memset(big, 'x', size);
	memcpy(big, "Subject: big\n\n", 14);
	big[size] = '\0';
	leave_batch(OLD, ONE, big);
	assert_int_equal(truncate(box.path, 2 * 1024 * 1024), 0);
	assert_string_equal(verdicts(), "DN");
	free(big);
}

static void
evidence_of_no_sense_says_nothing(void **state)
{
	static const char *const lines[] = {
		"mbox", "mbox x", "mbox %2Fx 1 2 3 4 5 6 7 8",
		"mbox %2Fx 99999999999999999999 a b c d e f g"
	};
	enum deliver_verdict v[4];
	struct err e = ERR_INIT;
	int i;

	(void)state;
	assert_int_equal(deliver_recover(&box.target, lines, v, 4, &e), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(v[i], DELIVER_WAS_NOT);
}

static void
killed_at_any_call_every_message_comes_once(void **state)
{
	char *database = scratch_path(*state, "database");
	struct delivering d = { .target = &box.target,
				.database = database,
				.batch = 2,
				.messages = { ONE, TWO,
					      "Subject: three\n\n3\n" },
				.count = 3 };
	struct mboxreader r;
	bool killed = true;
	unsigned n;

	if (!killer_works())
		skip();
	for (n = 0; killed; n++) {
		mkdir(box.spool, 0700);
		killed = killer_run(delivering_session, &d, n);
		if (n % 3 == 0)
			killer_run(delivering_recovery, &d, n / 3 % 20);
		delivering_session(&d);
		r = mboxreader_read(box.path);
		if (r.count != 3 || mboxreader_count(&r, ONE) != 1 ||
		    mboxreader_count(&r, TWO_READ) != 1)
			fail_msg("killed at call %u: %zu messages", n, r.count);
		mboxreader_free(&r);
		assert_int_equal(delivering_recorded(&d), 3);
		scratch_empty(*state);
	}
	assert_true(n > 50);
	free(database);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_block_was_delivered),
		TEST(a_file_that_ends_at_the_offset_has_nothing),
		TEST(torn_at_any_byte_every_message_comes_once),
		TEST(a_tail_of_nuls_is_cut_off),
		TEST(mail_that_another_program_put_behind_is_never_cut),
		TEST(nor_when_our_batch_was_long_and_is_torn_early),
		TEST(what_is_longer_than_our_batch_is_not_cut),
		TEST(messages_are_found_though_a_reader_marked_or_moved_them),
		TEST(a_rewritten_file_is_left_as_it_is),
		TEST(of_two_equal_messages_each_is_found_for_itself),
		TEST(an_equal_message_with_another_from_line_is_not_ours),
		TEST(an_mbox_that_is_gone_is_an_error_if_new_mail_is_to_go_there),
		TEST(what_has_taken_the_place_of_an_old_mbox_stops_nobody),
		TEST(a_large_torn_message_is_cut_off),
		TEST(evidence_of_no_sense_says_nothing),
		TEST(killed_at_any_call_every_message_comes_once)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
