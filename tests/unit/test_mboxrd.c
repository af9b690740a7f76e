/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a message goes through on its way into an mbox: filters and spool. */
#include "config.h"
#include "deliver/mbox/mboxrd.h"

#include "deliver/deliver.h"
#include "deliver/spool.h"
#include "deliver/mbox/strip.h"
#include "mboxreader.h"
#include "scratch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- quoting --- */

struct pair {
	const char *in, *out;
};

static const struct pair quoted[] = {
	{ "", "" },
	{ "From ", ">From " },
	{ "From", "From" },
	{ "From\n", "From\n" },
	{ "From: a\n", "From: a\n" },
	{ ">From a\n", ">>From a\n" },
	{ ">>>>From a\n", ">>>>>From a\n" },
	{ "> From a\n", "> From a\n" },
	{ ">F>From a\n", ">F>From a\n" },
	{ "FFrom a\n", "FFrom a\n" },
	{ "FroFrom a\n", "FroFrom a\n" },
	{ " From a\n", " From a\n" },
	{ "a From b\n", "a From b\n" },
	{ "a\nFrom b\nFrom c\n", "a\n>From b\n>From c\n" },
	{ "a\n\nFrom b", "a\n\n>From b" },
	{ "a\r\nFrom b\r\n", "a\r\n>From b\r\n" },
	{ "a\rFrom b\n", "a\rFrom b\n" },
	{ "from a\nFROM b\n", "from a\nFROM b\n" },
	{ "Fro\nFrom b\n", "Fro\n>From b\n" },
	{ ">\n>From b\n", ">\n>>From b\n" },
	{ ">>>\n", ">>>\n" },
	{ "Subject: a\nFrom b\n c\n\nd\n", "Subject: a\n>From b\n c\n\nd\n" }
};

static void
quote(struct mboxrd *m, const char *in, size_t size, struct buf *out)
{
	mboxrd_add(m, in, size, out);
}

static void
lines_that_look_like_a_from_line_get_one_more_mark(void **state)
{
	size_t i, a, b, size;
	struct mboxrd m;
	struct buf out;

	(void)state;
	buf_init(&out, SIZE_MAX);
	for (i = 0; i < sizeof(quoted) / sizeof(quoted[0]); i++) {
		size = strlen(quoted[i].in);
		for (a = 0; a <= size; a++) {
			for (b = a; b <= size; b++) {
				buf_clear(&out);
				mboxrd_start(&m);
				quote(&m, quoted[i].in, a, &out);
				quote(&m, quoted[i].in + a, b - a, &out);
				quote(&m, quoted[i].in + b, size - b, &out);
				mboxrd_end(&m, &out);
				assert_string_equal(buf_text(&out),
						    quoted[i].out);
			}
		}
	}
	buf_free(&out);
}

static void
quoting_passes_nul_bytes(void **state)
{
	struct mboxrd m;
	struct buf out;

	(void)state;
	buf_init(&out, SIZE_MAX);
	mboxrd_start(&m);
	mboxrd_add(&m, "\0\nFrom \0\nFro\0m \n", 16, &out);
	mboxrd_end(&m, &out);
	assert_int_equal(out.len, 17);
	assert_memory_equal(out.data, "\0\n>From \0\nFro\0m \n", 17);
	buf_free(&out);
}

/* --- stripping --- */

static const char *const names[] = { "status", "content-length", NULL };

static const struct pair stripped[] = {
	{ "", "" },
	{ "A: b\n\nStatus: R\n", "A: b\n\nStatus: R\n" },
	{ "Status: R\nA: b\n", "A: b\n" },
	{ "A: b\nStatus: R\n\nc", "A: b\n\nc" },
	{ "STATUS : R\nstatus:\nsTaTuS\t \t: R\nA: b\n", "A: b\n" },
	{ "Status: R\n more\n\tand more\nA: b\n still\n", "A: b\n still\n" },
	{ "A: b\n Status: R\nc: d\n", "A: b\n Status: R\nc: d\n" },
	{ "X-Status: R\nStatus-X: R\nStatu: s\n",
	  "X-Status: R\nStatus-X: R\nStatu: s\n" },
	{ "Status\nA: b\n", "Status\nA: b\n" },
	{ "Status", "Status" },
	{ "Status:", "" },
	{ "Status: R\nContent-Length: 7\n 8\n\n", "\n" },
	{ "Status: R", "" },
	{ "no colon\n Status: R\nStatus: R\n", "no colon\n Status: R\n" },
	{ "\nStatus: R\n", "\nStatus: R\n" },
	{ " Status: R\nStatus: R\n", " Status: R\n" },
	{ "A: b\r\nStatus: R\r\n\r\nStatus: R\r\n",
	  "A: b\r\n\r\nStatus: R\r\n" },
	{ "A: b\r\r\n\r\r\nStatus: R\r\n", "A: b\r\r\n\r\r\nStatus: R\r\n" },
	{ "\rA: b\nStatus: R\n", "\rA: b\n" },
	{ "A: b\n\r", "A: b\n\r" },
	{ "Status: R\n\rx\n y\n", "\rx\n y\n" },
	{ "St atus: R\n", "St atus: R\n" },
	{ ":\nStatus: R\n", ":\n" }
};

static void
unwanted_fields_are_left_out_with_their_continuation_lines(void **state)
{
	size_t i, a, b, size;
	const char *in;
	struct strip s;
	struct buf out;

	(void)state;
	buf_init(&out, SIZE_MAX);
	for (i = 0; i < sizeof(stripped) / sizeof(stripped[0]); i++) {
		in = stripped[i].in;
		size = strlen(in);
		for (a = 0; a <= size; a++) {
			for (b = a; b <= size; b++) {
				buf_clear(&out);
				strip_start(&s, names);
				strip_add(&s, in, a, &out);
				strip_add(&s, in + a, b - a, &out);
				strip_add(&s, in + b, size - b, &out);
				strip_end(&s, &out);
				assert_string_equal(buf_text(&out),
						    stripped[i].out);
			}
		}
	}
	buf_free(&out);
}

static void
strip_in_two(const char *in, size_t split, struct buf *out)
{
	struct strip s;

	buf_clear(out);
	strip_start(&s, names);
	strip_add(&s, in, split, out);
	strip_add(&s, in + split, strlen(in) - split, out);
	strip_end(&s, out);
}

static void
blanks_without_end_hide_no_field(void **state)
{
	char in[1000] = "A: b\nStatus";
	size_t split;
	struct buf out;

	(void)state;
	memset(in + 11, ' ', 500);
	strcpy(in + 511, ": R\n c\nD: e\n");
	buf_init(&out, SIZE_MAX);
	for (split = 0; split <= strlen(in); split++) {
		strip_in_two(in, split, &out);
		assert_string_equal(buf_text(&out), "A: b\nD: e\n");
	}
	/* A long line that begins like one is no such field. */
	memcpy(in + 11, "x", 1);
	for (split = 0; split <= strlen(in); split++) {
		strip_in_two(in, split, &out);
		assert_string_equal(buf_text(&out), in);
	}
	buf_free(&out);
}

/* --- the spool --- */

static struct spool_text *
begin(struct spool *s)
{
	struct spool_text *t = NULL;
	struct err e = ERR_INIT;

	if (spool_begin(s, &t, &e) != 0)
		fail_msg("%s", e.text);
	return t;
}

static void
add(struct spool_text *t, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(spool_add(t, text, strlen(text), &e), 0);
}

static void
expect(const struct spool_text *t, const char *text)
{
	size_t at, size = strlen(text);
	struct err e = ERR_INIT;
	char *got = malloc(size + 1);

	assert_int_equal(spool_size(t), size);
	for (at = 0; at <= size; at++) {
		assert_int_equal(spool_read(t, at, got, size - at, &e), 0);
		assert_memory_equal(got, text + at, size - at);
	}
	free(got);
}

static void
texts_written_side_by_side_do_not_mix(void **state)
{
	struct spool *s = spool_new(*state, "spool");
	struct spool_text *a = begin(s), *b = begin(s), *c;

	add(a, "one ");
	add(b, "alpha ");
	add(b, "beta");
	add(a, "two ");
	add(a, "three");
	expect(a, "one two three");
	expect(b, "alpha beta");
	spool_end(&a);
	assert_null(a);
	c = begin(s);
	add(c, "again");
	expect(b, "alpha beta");
	expect(c, "again");
	spool_end(&b);
	spool_end(&c);
	spool_end(&c);
	a = begin(s);
	add(a, "after all were gone");
	expect(a, "after all were gone");
	spool_end(&a);
	assert_int_equal(scratch_count(*state), 0); /* nameless */
	spool_free(&s);
	spool_free(&s);
}

static size_t
open_descriptors(void)
{
	return scratch_count("/proc/self/fd");
}

static void
a_full_file_goes_with_its_last_text(void **state)
{
	struct spool *s = spool_new(*state, "spool");
	size_t before = open_descriptors(), size = 17 * 1024 * 1024;
	char *big = malloc(size + 1);
	struct spool_text *a = begin(s), *b;

	if (before == 0)
		skip();
	memset(big, 'x', size);
	big[size] = '\0';
	add(a, big);
	b = begin(s);
	add(b, "small");
	assert_int_equal(open_descriptors(), before + 2);
	assert_int_equal(spool_size(a), size);
	spool_end(&a);
	assert_int_equal(open_descriptors(), before + 1);
	expect(b, "small");
	spool_end(&b);
	spool_free(&s);
	assert_int_equal(open_descriptors(), before);
	free(big);
}

/* --- all the way and back --- */

/* Pieces of which messages are made that could be mistaken for something. */
static const char *const pieces[] = {
	"From ",      "From: ",
	">",	      ">>From ",
	"\n",	      "\n\n",
	"\r\n",	      "\r",
	"a",	      " ",
	"\t",	      "F",
	"Fr",	      "From",
	"Subject: x", "Statu",
	"x: y\n",     ":",
	"\xff",	      "\n\nFrom joe Sat Nov 21 10:00:00 2026\n"
};
enum { PIECES = sizeof(pieces) / sizeof(pieces[0]) };

static uint32_t seed = 12345;

static uint32_t
next_random(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static size_t
generate(char *out)
{
	uint32_t count = next_random() % 24, i;
	const char *piece;
	char *to = out;

	for (i = 0; i < count; i++) {
		piece = pieces[next_random() % PIECES];
		to = stpcpy(to, piece);
		if (next_random() % 16 == 0)
			*to++ = '\0';
	}
	*to++ = '\n';
	return (size_t)(to - out);
}

enum { GENERATED_MAX = 24 * 50, BATCH = 200, BATCHES = 50 };

struct generated {
	char bytes[GENERATED_MAX];
	size_t size;
};

/* In pieces that split it anywhere. */
static struct deliver_staged *
stage_generated(struct deliver *d, const struct generated *g)
{
	const struct deliver_message m = { .uid_size = 0 };
	struct deliver_staged *s;
	struct err e = ERR_INIT;
	size_t at, piece;

	assert_int_equal(deliver_stage(d, &m, &s, &e), 0);
	for (at = 0; at < g->size; at += piece) {
		piece = 1 + next_random() % 12;
		piece = piece < g->size - at ? piece : g->size - at;
		assert_int_equal(deliver_write(s, g->bytes + at, piece, &e), 0);
	}
	assert_int_equal(
		deliver_finish(s, (const uint8_t[DIGEST_SHA256_SIZE]){ 0 }, 0,
			       "a@b", &e),
		0);
	return s;
}

static void
deliver_generated(struct deliver *d, struct generated *g)
{
	struct deliver_staged *s[BATCH];
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < BATCH; i++) {
		g[i].size = generate(g[i].bytes);
		s[i] = stage_generated(d, &g[i]);
	}
	assert_int_equal(deliver_secure(d, s, BATCH, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	assert_int_equal(deliver_settle(d, &e), 0);
	for (i = 0; i < BATCH; i++)
		deliver_leave(&s[i]);
}

static void
ten_thousand_generated_messages_come_back_byte_by_byte(void **state)
{
	struct generated *g = calloc(BATCH, sizeof(*g));
	char *path = scratch_path(*state, "mbox");
	const struct deliver_target target = { .kind = DELIVER_MBOX,
					       .path = path,
					       .account = "work",
					       .user = "jane",
					       .state_id = "00",
					       .spool = *state };
	struct err e = ERR_INIT;
	struct deliver *d;
	struct mboxreader r;
	int i, k;

	assert_int_equal(deliver_open(&d, &target, true, &e), 0);
	for (i = 0; i < BATCHES; i++) {
		assert_int_equal(truncate(path, 0), 0);
		deliver_generated(d, g);
		r = mboxreader_read(path);
		assert_int_equal(r.count, BATCH);
		for (k = 0; k < BATCH; k++) {
			assert_int_equal(r.messages[k].size, g[k].size);
			assert_memory_equal(r.messages[k].text, g[k].bytes,
					    g[k].size);
		}
		mboxreader_free(&r);
	}
	deliver_close(&d);
	free(path);
	free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			lines_that_look_like_a_from_line_get_one_more_mark),
		cmocka_unit_test(quoting_passes_nul_bytes),
		cmocka_unit_test(
			unwanted_fields_are_left_out_with_their_continuation_lines),
		cmocka_unit_test(blanks_without_end_hide_no_field),
		cmocka_unit_test_setup_teardown(
			texts_written_side_by_side_do_not_mix, scratch_setup,
			scratch_teardown),
		cmocka_unit_test_setup_teardown(
			a_full_file_goes_with_its_last_text, scratch_setup,
			scratch_teardown),
		cmocka_unit_test_setup_teardown(
			ten_thousand_generated_messages_come_back_byte_by_byte,
			scratch_setup, scratch_teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
