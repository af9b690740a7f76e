/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Rows, listing and plan of one case, from words.
 *
 * Rows are "uid:size:kind", a blank between ('?': size unknown; uid "-": none).  Kinds:
 *	D  delivered 10 days ago	d  the same, without digest
 *	N  delivered a day ago		Z  delivered tomorrow, by a wrong clock
 *	A  delivered before the release	B  delivered, by a list (size ?)
 *	G  D, seen to be gone		g  the same, without digest
 *	X  D, DELE was sent		O  D, 100 octets more when retrieved
 *	S  set aside, due		s  the same, without digest
 *	W  set aside until in 2 hours	w  the same, without digest
 *	V  set aside until next year	L  too large (without digest)
 *	R  ready
 *
 * Entries are "uid:size"; with '!' behind it the number is listed once more.
 *
 * Rules are "keep=DAYS max=SIZE n=COUNT last=DAYS all now": last counts from the
 * present, and makes the clock doubted where it jumped since; now ignores the back-off;
 * keep is for ever by default.  The release was 500 days ago.
 *
 * What is planned is shown as a word an entry: F fetch, C compare, K keep, D delete,
 * L too large, A set aside, P postponed (later), H its header is to be learned; then the row, "#" for by content, "~"
 * for a changed size, "*" where its age counts anew.
 */
#ifndef TESTS_PLAN_SCENE_H
#define TESTS_PLAN_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "state/plan.h"

enum { DAY = 86400, NOW = 1000 * DAY };
enum { SCENE_SHOWN_MAX = 256 };

struct scene {
	struct store *store;
	struct store_rows *rows;
	struct listing *l;
	struct plan *p;
	struct plan_rules rules;
};

/* total is STAT's. */
void scene_set(struct scene *c, const char *rows, const char *listed,
	       const char *rules, uint64_t total);
void scene_end(struct scene *c);
void scene_show(const struct scene *c, char out[SCENE_SHOWN_MAX]);

/* The parts of it. */
struct plan_rules scene_rules(const char *words);
void scene_add_row(struct store *s, const char *uid, int64_t size, char kind);
/* Fails the test when rc is not 0. */
void scene_check(int rc, const struct err *e);

#endif
