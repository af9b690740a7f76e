/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Rows, listing and plan of one case, from words. */
#include "config.h"
#include "plan_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "state/age.h"

static const uint8_t digest[DIGEST_SHA256_SIZE] = { 1 };

void
scene_check(int rc, const struct err *e)
{
	if (rc != 0)
		fail_msg("%s", e->text);
}

void
scene_add_row(struct store *s, const char *uid, int64_t size, char kind)
{
	struct store_message m = {
		.uid = (const uint8_t *)uid,
		.uid_size = strcmp(uid, "-") == 0 ? 0 : strlen(uid),
		.size = size,
		.digest = strchr("dswLBg", kind) ? NULL : digest,
		.octets = kind == 'O' ? size + 100 : 0,
	};
	struct err e = ERR_INIT;
	int64_t id = 0, next = NOW;

	switch (kind) {
	case 'D':
	case 'd':
	case 'B':
	case 'G':
	case 'g':
	case 'O':
	case 'X':
		scene_check(store_add_delivered(s, &m, NOW - 10 * DAY, &e), &e);
		return;
	case 'N':
		scene_check(store_add_delivered(s, &m, NOW - DAY, &e), &e);
		return;
	case 'A':
		scene_check(store_add_delivered(s, &m, NOW - 600 * DAY, &e),
			    &e);
		return;
	case 'Z':
		scene_check(store_add_delivered(s, &m, NOW + DAY, &e), &e);
		return;
	case 'L':
		scene_check(store_set_too_large(s, &m, &e), &e);
		return;
	case 'R':
		scene_check(store_set_ready(s, &id, &m, "x", &e), &e);
		return;
	case 'W':
	case 'w':
		next = NOW + 7200;
		break;
	case 'V':
		next = NOW + 365 * DAY;
		break;
	default:
		assert_true(kind == 'S' || kind == 's');
	}
	scene_check(store_set_aside(s, &id, &m, next, "why", &e), &e);
}

static int64_t
size_of_word(const char *word)
{
	return *word == '?' ? -1 : strtoll(word, NULL, 10);
}

/* Ids of rows count from 1. */
static void
mark_row(struct store *s, int64_t id, char kind)
{
	struct err e = ERR_INIT;

	if (kind == 'G' || kind == 'g')
		scene_check(store_set_gone(s, id, NOW - DAY, &e), &e);
	if (kind == 'X')
		scene_check(store_set_dele_sent(s, id, NOW - DAY, &e), &e);
}

static void
add_rows(struct scene *c, const char *words)
{
	char *copy = strdup(words), *rest = copy, *word;
	struct err e = ERR_INIT;
	int64_t id = 0;

	scene_check(store_open(&c->store, "/nonexistent/popfetch.db", -1, false,
			       &e),
		    &e);
	scene_check(store_begin(c->store, STORE_LAZY, &e), &e);
	while ((word = strsep(&rest, " "))) {
		char *uid = strsep(&word, ":"), *size = strsep(&word, ":");

		if (!size)
			continue;
		scene_add_row(c->store, uid, size_of_word(size), *word);
		mark_row(c->store, ++id, *word);
	}
	scene_check(store_commit(c->store, &e), &e);
	scene_check(store_load(c->store, &c->rows, &e), &e);
	free(copy);
}

static void
add_entries(struct scene *c, const char *words, uint64_t total)
{
	char *copy = strdup(words), *rest = copy, *word;
	uint32_t number = 0;

	c->l = listing_new(1000, total);
	while ((word = strsep(&rest, " "))) {
		char *uid = strsep(&word, ":");

		if (!word)
			continue;
		assert_true(
			listing_add(c->l, ++number, uid,
				    strcmp(uid, "-") == 0 ? 0 : strlen(uid)));
		(void)listing_set_size(c->l, number, size_of_word(word));
		if (strchr(word, '!'))
			(void)listing_add(c->l, number, "other", 5);
	}
	listing_done(c->l);
	free(copy);
}

static int64_t
rule(const char *words, const char *name, int64_t otherwise)
{
	const char *found = strstr(words, name);

	return found ? strtoll(found + strlen(name), NULL, 10) : otherwise;
}

struct plan_rules
scene_rules(const char *words)
{
	int64_t keep = rule(words, "keep=", -1);
	int64_t last = rule(words, "last=", 0);
	struct age_clock clock = {
		.last_run = last ? NOW + last * DAY : 0,
		.went_on_s = -1,
	};

	return (struct plan_rules){
		.keep_s = keep < 0 ? PLAN_KEEP_FOREVER : keep * DAY,
		.max_size = (uint64_t)rule(words, "max=", 0),
		.max_messages = (uint64_t)rule(words, "n=", 0),
		.all = strstr(words, "all"),
		.ignore_backoff = strstr(words, "now"),
		.now = NOW,
		.last_run = clock.last_run,
		.clock_is_doubted = !age_clock_is_good(&clock, NOW),
		.released = NOW - 500 * DAY,
	};
}

void
scene_set(struct scene *c, const char *rows, const char *listed,
	  const char *rules, uint64_t total)
{
	add_rows(c, rows);
	add_entries(c, listed, total);
	c->p = plan_new(c->l, c->rows);
	c->rules = scene_rules(rules);
}

void
scene_end(struct scene *c)
{
	plan_free(&c->p);
	plan_free(&c->p);
	listing_free(&c->l);
	store_rows_free(&c->rows);
	store_close(&c->store);
}

void
scene_show(const struct scene *c, char out[SCENE_SHOWN_MAX])
{
	size_t count = listing_count(c->l), at = 0;

	*out = '\0';
	for (size_t i = 0; i < count; i++) {
		struct plan_item item = plan_at(c->p, i);
		char row[24] = "";

		if (item.row != SIZE_MAX)
			snprintf(row, sizeof(row), "%zu", item.row);
		at += (size_t)snprintf(out + at, SCENE_SHOWN_MAX - at,
				       "%s%c%s%s%s%s", i ? " " : "",
				       "FCHKDLAP"[item.action], row,
				       item.by_content ? "#" : "",
				       item.size_changed ? "~" : "",
				       plan_counts_anew(c->p, i) ? "*" : "");
		assert_true(at < SCENE_SHOWN_MAX);
	}
}
