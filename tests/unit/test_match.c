/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Tests of the match: rows and entries of one uid, against a slow search. */
#include "config.h"
#include "state/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "plan_scene.h"

enum { MOST = 60, WORDS_MAX = MOST * 16 };

/* How rows or entries are made. */
struct shape {
	bool ordered;
	unsigned repeats;  /* of ten */
	unsigned gaps;	   /* of ten */
	unsigned nameless; /* of ten */
};

static unsigned
chance(void)
{
	return (unsigned)rand() % 10;
}

/* From `first` on, as words of a scene; `kind` is put behind each. */
static void
make_words(const struct shape *s, int first, const char *kind,
	   char out[WORDS_MAX])
{
	char *at = out;
	int next = first, used;

	for (int i = 0; i < MOST / 2 + rand() % (MOST / 2); i++) {
		used = s->ordered ? next : first + rand() % MOST;
		if (chance() < s->repeats && next > first)
			used = next - 1;
		else
			next += chance() < s->gaps ? 2 : 1;
		if (chance() < s->nameless)
			at += sprintf(at, "-:1%s ", kind);
		else
			at += sprintf(at, "u%d:1%s ", used, kind);
	}
	*at = '\0';
}

static bool
is_same(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	return a_size > 0 && a_size == b_size && memcmp(a, b, a_size) == 0;
}

static bool
fits(const struct scene *c, size_t row, size_t entry)
{
	struct store_row r = store_rows_at(c->rows, row);
	struct listing_entry x = listing_at(c->l, entry);

	return is_same(r.uid, r.uid_size, x.uid, x.uid_size);
}

static void
check_rows_of(const struct scene *c, const struct match *m, size_t entry)
{
	size_t found = match_first_row(m, entry);

	for (size_t r = 0; r < store_rows_count(c->rows); r++) {
		if (!fits(c, r, entry))
			continue;
		assert_int_equal(found, r);
		assert_true(match_has_digest(m, entry));
		found = match_next_row(m, r);
	}
	assert_true(found == SIZE_MAX);
}

static void
check_twins_of(const struct scene *c, const struct match *m, size_t entry)
{
	struct listing_entry x = listing_at(c->l, entry);
	size_t before = SIZE_MAX, last = entry, others = 0;

	for (size_t i = 0; i < listing_count(c->l); i++) {
		struct listing_entry y = listing_at(c->l, i);

		if (i == entry ||
		    !is_same(x.uid, x.uid_size, y.uid, y.uid_size))
			continue;
		others++;
		if (i < entry)
			before = i;
		else
			last = i;
	}
	assert_true(match_twin(m, entry) == before);
	assert_true(match_last(m, entry) == last);
	assert_int_equal(match_is_alone(m, entry), others == 0);
}

static void
check_words(const char *rows, const char *listed)
{
	struct scene c;
	struct match *m;

	scene_set(&c, rows, listed, "", 0);
	m = match_new(c.l, c.rows);
	for (size_t i = 0; i < listing_count(c.l); i++) {
		check_rows_of(&c, m, i);
		check_twins_of(&c, m, i);
	}
	match_free(&m);
	scene_end(&c);
}

static const struct shape shapes[] = {
	{ .ordered = true },
	{ .ordered = true, .gaps = 3 },
	{ .ordered = true, .repeats = 2 },
	{ .ordered = true, .nameless = 1 },
	{ .ordered = false },
	{ .ordered = false, .repeats = 2, .nameless = 1 },
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]), ROUNDS = 5 };

static void
whatever_the_order_the_same_is_found(void **state)
{
	char rows[WORDS_MAX], listed[WORDS_MAX];

	(void)state;
	srand(1);
	for (int i = 0; i < SHAPES * SHAPES * ROUNDS; i++) {
		/* uids of two lengths; the listing begins later than the rows */
		make_words(&shapes[i % SHAPES], 70, ":D", rows);
		make_words(&shapes[i / SHAPES % SHAPES], 70 + rand() % 30, "",
			   listed);
		check_words(rows, listed);
	}
}

static void
nothing_matches_nothing(void **state)
{
	(void)state;
	check_words("", "");
	check_words("a:1:D b:1:D", "");
	check_words("", "a:1 b:1 a:1");
}

static void
what_is_listed_again_after_new_mail_is_found(void **state)
{
	(void)state;
	check_words("a:1:D b:1:D c:1:D", "a:1 x:1 b:1 y:1 x:1 c:1 a:1");
	check_words("a:1:D aa:1:D b:1:D", "b:1 aa:1 a:1 ab:1");
	check_words("b:1:D a:1:D b:1:D", "b:1 a:1 b:1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_order_the_same_is_found),
		cmocka_unit_test(nothing_matches_nothing),
		cmocka_unit_test(what_is_listed_again_after_new_mail_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
