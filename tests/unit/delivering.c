/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A whole session as fetch drives one. */
#include "config.h"
#include "delivering.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static void
must(bool good, const char *what, const struct err *e)
{
	if (good)
		return;
	fprintf(stderr, "delivering: %s: %s\n", what, e ? e->text : "");
	fflush(stderr);
	_exit(1);
}

/* --- the database --- */

struct rows {
	char *evidence[DELIVERING_MAX]; /* READY */
	bool delivered[DELIVERING_MAX];
};

static void
load(const struct delivering *d, struct rows *r)
{
	FILE *f = fopen(d->database, "r");
	char *line = NULL;
	size_t room = 0, i;
	ssize_t size;

	memset(r, 0, sizeof(*r));
	for (i = 0; f && (size = getline(&line, &room, f)) > 0; i++) {
		must(i < d->count, "too many rows", NULL);
		line[size - 1] = '\0';
		r->delivered[i] = line[0] == 'D';
		if (line[0] == 'R')
			r->evidence[i] = mem_string(line + 1);
	}
	free(line);
	if (f)
		fclose(f);
}

static void
commit(const struct delivering *d, const struct rows *r)
{
	char *fresh = mem_format("%s.new", d->database);
	FILE *f = fopen(fresh, "w");
	size_t i;

	must(f != NULL, "open the database", NULL);
	for (i = 0; i < d->count; i++)
		fprintf(f, "%s%s\n",
			r->delivered[i]	 ? "D"
			: r->evidence[i] ? "R"
					 : "-",
			r->evidence[i] ? r->evidence[i] : "");
	must(fclose(f) == 0 && rename(fresh, d->database) == 0,
	     "write the database", NULL);
	free(fresh);
}

static void
set_delivered(struct rows *r, size_t i, bool delivered)
{
	r->delivered[i] = delivered;
	free(r->evidence[i]);
	r->evidence[i] = NULL;
}

static void
unload(struct rows *r)
{
	size_t i;

	for (i = 0; i < DELIVERING_MAX; i++)
		free(r->evidence[i]);
}

size_t
delivering_recorded(const struct delivering *d)
{
	struct rows r;
	size_t i, count = 0;

	load(d, &r);
	for (i = 0; i < d->count; i++)
		count += r.delivered[i];
	unload(&r);
	return count;
}

/* --- recovery --- */

static void
recover(const struct delivering *d, struct rows *r)
{
	enum deliver_verdict verdicts[DELIVERING_MAX];
	const char *evidence[DELIVERING_MAX] = { NULL };
	size_t index[DELIVERING_MAX], count = 0, i;
	char *copies[DELIVERING_MAX];
	struct err e = ERR_INIT;

	for (i = 0; i < d->count; i++) {
		if (!r->evidence[i])
			continue;
		index[count] = i;
		copies[count] = mem_string(r->evidence[i]);
		evidence[count] = copies[count];
		count++;
	}
	must(deliver_recover(d->target, evidence, verdicts, count, &e) == 0,
	     "recover", &e);
	for (i = 0; i < count; i++)
		set_delivered(r, index[i],
			      verdicts[i] == DELIVER_WAS_DELIVERED);
	if (count > 0)
		commit(d, r);
	deliver_recovered(d->target, evidence, count);
	for (i = 0; i < count; i++)
		free(copies[i]);
}

void
delivering_recovery(void *arg)
{
	const struct delivering *d = arg;
	struct rows r;

	load(d, &r);
	recover(d, &r);
	unload(&r);
}

/* --- delivery --- */

struct deliver_staged *
delivering_stage(struct deliver *d, const char *text)
{
	const struct deliver_message m = { .uid = (const uint8_t *)text,
					   .uid_size = 4 };
	struct deliver_staged *s;
	struct err e = ERR_INIT;

	must(deliver_stage(d, &m, &s, &e) == 0, "stage", &e);
	must(deliver_write(s, text, strlen(text), &e) == 0, "write", &e);
	must(deliver_finish(s, (const uint8_t[DIGEST_SHA256_SIZE]){ 0 }, 0,
			    "sender@example.org", &e) == 0,
	     "finish", &e);
	return s;
}

static void
publish(struct deliver *d)
{
	struct err e = ERR_INIT;

	must(deliver_publish(d, &e) == 0, "publish", &e);
	must(deliver_settle(d, &e) == 0, "settle", &e);
}

void
delivering_batch(struct deliver *d, const char *const texts[], size_t count)
{
	struct deliver_staged *staged[DELIVERING_MAX] = { NULL };
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < count; i++)
		staged[i] = delivering_stage(d, texts[i]);
	must(deliver_secure(d, staged, count, &e) == 0, "secure", &e);
	publish(d);
	for (i = 0; i < count; i++) {
		must(deliver_outcome(staged[i], &e) == DELIVER_DONE, "outcome",
		     &e);
		deliver_leave(&staged[i]);
	}
	deliver_retire(d);
}

struct batch {
	struct deliver_staged *staged[DELIVERING_MAX];
	size_t index[DELIVERING_MAX];
	size_t count;
};

static void
stage_batch(const struct delivering *d, const struct rows *r,
	    struct deliver *to, struct batch *b)
{
	size_t i;

	b->count = 0;
	for (i = 0; i < d->count && b->count < d->batch; i++) {
		if (r->delivered[i] || r->evidence[i])
			continue;
		b->staged[b->count] = delivering_stage(to, d->messages[i]);
		b->index[b->count++] = i;
	}
}

/* The commit before publishing also records the batch before this one. */
static void
commit_ready(const struct delivering *d, struct rows *r, struct batch *b)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		if (r->evidence[i])
			set_delivered(r, i, true);
	for (i = 0; i < b->count; i++)
		r->evidence[b->index[i]] =
			mem_string(deliver_evidence(b->staged[i]));
	commit(d, r);
}

static void
deliver_rest(const struct delivering *d, struct rows *r, struct deliver *to)
{
	struct err e = ERR_INIT;
	struct batch b;
	size_t i;

	for (stage_batch(d, r, to, &b); b.count > 0;
	     stage_batch(d, r, to, &b)) {
		must(deliver_secure(to, b.staged, b.count, &e) == 0, "secure",
		     &e);
		commit_ready(d, r, &b);
		deliver_retire(to);
		publish(to);
		for (i = 0; i < b.count; i++) {
			must(deliver_outcome(b.staged[i], &e) == DELIVER_DONE,
			     "outcome", &e);
			deliver_leave(&b.staged[i]);
		}
	}
	commit_ready(d, r, &b);
	if (!d->stops_before_retire)
		deliver_retire(to);
}

void
delivering_session(void *arg)
{
	const struct delivering *d = arg;
	struct err e = ERR_INIT;
	struct deliver *to;
	struct rows r;

	load(d, &r);
	recover(d, &r);
	must(deliver_open(&to, d->target, true, &e) == 0, "open", &e);
	deliver_rest(d, &r, to);
	deliver_close(&to);
	unload(&r);
}
