/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What a crash has left in the staging directory of a Maildir. */
#include "config.h"

#include "deliver/maildir_recovery.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "deliver/evidence.h"
#include "deliver/staging.h"
#include "sys/fs.h"

/* The words of a Maildir's evidence. */
enum { CLASS, PATH, STAGED, FINAL, SENTINEL, WORDS };

struct maildir_claim {
	char *words[WORDS]; /* NULL: not understood, so that it says nothing */
	bool judged;
	bool delivered;
};

struct maildir_recovery {
	const struct deliver_target *target;
	struct maildir_claim *claims;
	size_t count;
};

static void
begin(struct maildir_recovery *r, const struct deliver_target *target,
      const char *const evidence[], size_t count)
{
	r->target = target;
	r->claims = mem_array(count, sizeof(*r->claims));
	r->count = count;
	for (size_t i = 0; i < count; i++)
		r->claims[i].judged =
			!evidence_split(evidence[i], r->claims[i].words, WORDS);
}

static void
end(struct maildir_recovery *r)
{
	for (size_t i = 0; i < r->count; i++)
		evidence_free(r->claims[i].words, WORDS);
	free(r->claims);
}

/* --- the names in a staging directory --- */

struct maildir_names {
	char **list;
	size_t count;
};

/* fs_list calls it for each name in the staging directory. */
static int
add_name(void *arg, const char *name, struct err *e)
{
	struct maildir_names *n = arg;

	(void)e;
	if (n->count % 64 == 0)
		n->list = mem_resize(n->list, n->count + 64, sizeof(*n->list));
	n->list[n->count++] = mem_string(name);
	return 0;
}

/* For qsort and bsearch. */
static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The list must be complete: absence from it is evidence, so a look that failed
 * must not pass for one that found nothing. */
static int
read_names(struct maildir_names *n, int dir, struct err *e)
{
	n->list = NULL;
	n->count = 0;
	if (fs_list(dir, add_name, n, e) != 0)
		return -1;
	if (n->count > 0)
		qsort(n->list, n->count, sizeof(*n->list), compare_names);
	return 0;
}

static bool
has_name(const struct maildir_names *n, const char *name)
{
	return n->count > 0 && bsearch(&name, n->list, n->count,
				       sizeof(*n->list), compare_names);
}

static void
free_names(struct maildir_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
}

/* --- judging --- */

static int
publish(const struct staging *s, const struct maildir_claim *c, struct err *e)
{
	if (fs_rename_at(s->dir, c->words[STAGED], s->new_dir, c->words[FINAL],
			 e) == 0)
		return 0;
	if (e->sys != EEXIST)
		return -1;
	/* Nobody else has such a name, so this is our own rename, which came
	 * into effect in new/ only, on a file system where a rename is not one
	 * act. */
	err_clear(e);
	return fs_remove_at(s->dir, c->words[STAGED], e);
}

static int
judge(const struct staging *s, const struct maildir_names *n,
      struct maildir_claim *c, struct err *e)
{
	c->judged = true;
	c->delivered = has_name(n, c->words[STAGED]) ||
		       has_name(n, c->words[SENTINEL]);
	if (!has_name(n, c->words[STAGED]) || publish(s, c, e) == 0)
		return 0;
	if (e->sys != ENOENT || fs_is_there_at(s->dir, c->words[STAGED]))
		return -1;
	err_clear(e);
	if (staging_was_published(s, c->words[FINAL], &c->delivered, e) != 0)
		return -1;
	if (c->delivered)
		return 0;
	/* somebody is removing files just now, so their absence says nothing */
	return fs_remove_at(s->dir, c->words[SENTINEL], e);
}

/* Judges all claims on the Maildir `path`.  What was renamed before, whoever
 * did it, is made durable, too, since its verdict rests on that. */
static int
judge_path(struct maildir_recovery *r, const struct staging *s,
	   const struct maildir_names *n, const char *path, struct err *e)
{
	struct maildir_claim *c;
	bool any = false;

	for (c = r->claims; c < r->claims + r->count; c++) {
		if (c->judged || strcmp(c->words[PATH], path) != 0)
			continue;
		if (judge(s, n, c, e) != 0)
			return -1;
		any = true;
	}
	if (!any)
		return 0;
	return fs_sync(s->new_dir, path, e) != 0 ? -1
						 : fs_sync(s->dir, path, e);
}

/* Looks at all claims, since one Maildir may be known by several paths. */
static bool
is_claimed(const struct maildir_recovery *r, const char *name)
{
	const struct maildir_claim *c;

	for (c = r->claims; c < r->claims + r->count; c++)
		if (c->words[STAGED] && (strcmp(c->words[STAGED], name) == 0 ||
					 strcmp(c->words[SENTINEL], name) == 0))
			return true;
	return false;
}

static void
remove_stale(const struct maildir_recovery *r, const struct staging *s,
	     const struct maildir_names *n)
{
	struct err ignored = ERR_INIT; /* the next recovery tries again */

	for (size_t i = 0; i < n->count; i++)
		if (!is_claimed(r, n->list[i]))
			(void)fs_remove_at(s->dir, n->list[i], &ignored);
}

static int
recover_staging(struct maildir_recovery *r, const struct staging *s,
		const char *path, struct err *e)
{
	struct maildir_names n;
	int rc;

	rc = read_names(&n, s->dir, e);
	if (rc == 0)
		rc = judge_path(r, s, &n, path, e);
	if (rc == 0)
		remove_stale(r, s, &n);
	free_names(&n);
	return rc;
}

static bool
is_claimed_path(const struct maildir_recovery *r, const char *path)
{
	const struct maildir_claim *c;

	for (c = r->claims; c < r->claims + r->count; c++)
		if (c->words[PATH] && strcmp(c->words[PATH], path) == 0)
			return true;
	return false;
}

static void
void_claims(struct maildir_recovery *r, const char *path)
{
	struct maildir_claim *c;

	for (c = r->claims; c < r->claims + r->count; c++)
		if (!c->judged && strcmp(c->words[PATH], path) == 0)
			c->judged = true;
}

static bool
is_target(const struct deliver_target *target, const char *path)
{
	return target->kind == DELIVER_MAILDIR &&
	       strcmp(target->path, path) == 0;
}

static int
recover_path(struct maildir_recovery *r, const char *path, struct err *e)
{
	struct staging s;
	int rc = 0;

	if (staging_find(&s, path, r->target->state_id, e) != 0)
		return -1;
	if (s.new_dir < 0 && is_target(r->target, path) &&
	    is_claimed_path(r, path))
		rc = err_set(e, ERR_CREATE,
			     "Maildir '%s' does not exist; is its "
			     "disk mounted?",
			     path);
	else if (s.new_dir >= 0 && s.dir >= 0)
		rc = recover_staging(r, &s, path, e);
	else
		void_claims(r, path);
	staging_close(&s);
	return rc;
}

int
maildir_recover(const struct deliver_target *target,
		const char *const evidence[], enum deliver_verdict verdict[],
		size_t count, struct err *e)
{
	struct maildir_recovery r;
	int rc = 0;

	begin(&r, target, evidence, count);
	for (size_t i = 0; i < count && rc == 0; i++)
		if (!r.claims[i].judged)
			rc = recover_path(&r, r.claims[i].words[PATH], e);
	if (rc == 0 && target->kind == DELIVER_MAILDIR &&
	    !is_claimed_path(&r, target->path))
		rc = recover_path(&r, target->path, e);
	for (size_t i = 0; i < count; i++)
		if (r.claims[i].delivered)
			verdict[i] = DELIVER_WAS_DELIVERED;
	end(&r);
	return rc;
}

/* --- afterwards --- */

static void
remove_sentinel(const struct maildir_recovery *r, const struct maildir_claim *c)
{
	struct err ignored = ERR_INIT; /* the next recovery removes it */
	struct staging s;

	if (staging_find(&s, c->words[PATH], r->target->state_id, &ignored) !=
	    0)
		return;
	if (s.dir >= 0)
		(void)fs_remove_at(s.dir, c->words[SENTINEL], &ignored);
	staging_close(&s);
}

static bool
is_same_batch(const struct maildir_claim *a, const struct maildir_claim *b)
{
	return a->words[PATH] && b->words[PATH] &&
	       strcmp(a->words[SENTINEL], b->words[SENTINEL]) == 0 &&
	       strcmp(a->words[PATH], b->words[PATH]) == 0;
}

void
maildir_recovered(const struct deliver_target *target,
		  const char *const evidence[], size_t count)
{
	struct maildir_recovery r;

	begin(&r, target, evidence, count);
	for (size_t i = 0; i < count; i++)
		if (r.claims[i].words[PATH] &&
		    (i == 0 || !is_same_batch(&r.claims[i], &r.claims[i - 1])))
			remove_sentinel(&r, &r.claims[i]);
	end(&r);
}

/* --- other Maildirs --- */

/* A Maildir in which a copy of the state is at work is locked, and left
 * alone. */
static void
clear_path(const struct maildir_recovery *nothing, const char *path)
{
	struct err ignored = ERR_INIT;
	struct staging s;
	struct maildir_names n;

	if (staging_find(&s, path, nothing->target->state_id, &ignored) != 0)
		return;
	if (s.dir >= 0) {
		if (read_names(&n, s.dir, &ignored) == 0)
			remove_stale(nothing, &s, &n);
		free_names(&n);
	}
	staging_close(&s);
}

void
maildir_clear(const struct deliver_target *target, const char *const places[],
	      size_t count)
{
	const struct maildir_recovery nothing = { .target = target };

	for (size_t i = 0; i < count; i++)
		clear_path(&nothing, places[i]);
}
