/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Delivery to a Maildir: staged in tmp/.popfetch/STATE-ID/, renamed into
 * new/. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "deliver/class.h"
#include "deliver/draft.h"
#include "deliver/evidence.h"
#include "deliver/maildir_recovery.h"
#include "deliver/sentinel.h"
#include "deliver/staging.h"
#include "sys/fs.h"

/* Each staged message has a descriptor until its batch is secured;
 * OTHER_DESCRIPTORS are left for everything else. */
enum { BATCH_MAX = 256, OTHER_DESCRIPTORS = 64 };
enum { HOST_MAX = 64, RANDOM_SIZE = 8, RANDOM_STOCK = 64 * RANDOM_SIZE };

struct maildir {
	struct deliver base;
	struct staging staging;
	char host[HOST_MAX + 1]; /* fit for a file name */
	unsigned counter;
	uint8_t random
		[RANDOM_STOCK]; /* the last random_left bytes are unused */
	size_t random_left;
	struct sentinels sentinels;
};

struct maildir_staged {
	struct deliver_staged base;
	struct draft draft; /* secure closes its descriptor */
	struct sentinel *sentinel;
	char *name;  /* in the staging directory */
	char *final; /* in new/; set by finish */
};

static struct maildir *
maildir_of(struct deliver *d)
{
	return (struct maildir *)d;
}

static struct maildir_staged *
staged_of(struct deliver_staged *s)
{
	return (struct maildir_staged *)s;
}

/* --- open and close --- */

/* The host's name as a part of a file name: by Maildir's custom '/' becomes
 * \057 and ':' becomes \072, and other bytes that are unusual in a name are
 * treated alike. */
static void
set_host(struct maildir *m)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	char name[256] = "";
	size_t i, at = 0;

	if (gethostname(name, sizeof(name) - 1) != 0 || !name[0])
		strcpy(name, "localhost");
	for (i = 0; name[i] && at + 4 <= HOST_MAX; i++) {
		if (strchr(plain, name[i]))
			m->host[at++] = name[i];
		else
			at += (size_t)snprintf(m->host + at, 5, "\\%03o",
					       (unsigned char)name[i]);
	}
	m->host[at] = '\0';
}

/* There are descriptors for a batch that is being secured, and for the next one
 * that comes in at the same time. */
static size_t
batch_max_by_descriptors(void)
{
	const rlim_t wanted = 2 * BATCH_MAX + OTHER_DESCRIPTORS;
	struct rlimit limit;
	rlim_t half;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1;
	if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur =
			limit.rlim_max < wanted ? limit.rlim_max : wanted;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
		if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
			return 1;
	}
	if (limit.rlim_cur >= wanted)
		return BATCH_MAX;
	if (limit.rlim_cur < OTHER_DESCRIPTORS + 4)
		return 1;
	half = (limit.rlim_cur - OTHER_DESCRIPTORS) / 2;
	return (size_t)half;
}

static int
maildir_open(struct deliver **d, const struct deliver_target *target,
	     bool may_create, struct err *e)
{
	struct maildir *m;
	struct staging staging;

	if (staging_open(&staging, target->path, target->state_id, may_create,
			 e) != 0)
		return -1;
	m = mem_alloc(sizeof(*m));
	m->staging = staging;
	m->sentinels.dir = staging.dir;
	m->base.batch_max = batch_max_by_descriptors();
	set_host(m);
	*d = &m->base;
	return 0;
}

static void
maildir_close(struct deliver *d)
{
	struct maildir *m = maildir_of(d);

	sentinels_free(&m->sentinels);
	staging_close(&m->staging);
	free(m);
}

static void
maildir_space(const struct deliver *d, struct deliver_space *space)
{
	const struct maildir *m = (const struct maildir *)d;

	space->free_bytes = fs_free_bytes(m->staging.dir);
	space->copies = 1;
	space->path = d->target->path;
}

/* --- one message --- */

/* The digits are taken from a stock, since asking for few bytes costs as much
 * as asking for many. */
static void
random_hex(struct maildir *m, char out[2 * RANDOM_SIZE + 1])
{
	if (m->random_left == 0) {
		digest_random(m->random, sizeof(m->random));
		m->random_left = sizeof(m->random);
	}
	text_hex(out, m->random + sizeof(m->random) - m->random_left,
		 RANDOM_SIZE);
	m->random_left -= RANDOM_SIZE;
}

/* A name is never used again: two runs, two hosts, or a clock that goes back
 * may make all of it equal but the random digits. */
static char *
fresh_name(struct maildir *m)
{
	int64_t us = clock_unix_us();
	char hex[2 * RANDOM_SIZE + 1];

	random_hex(m, hex);
	return mem_format("%" PRId64 ".M%" PRId64 "P%ldQ%uR%s.%s", us / 1000000,
			  us % 1000000, (long)getpid(), m->counter++, hex,
			  m->host);
}

static int
maildir_stage(struct deliver *d, const struct deliver_message *message,
	      struct deliver_staged **s, struct err *e)
{
	struct maildir *m = maildir_of(d);
	struct maildir_staged *staged;
	struct sentinel *sentinel;
	char *name;
	int fd = -1;

	(void)message;
	if (staging_secure(&m->staging, d->target->path, e) != 0 ||
	    sentinel_use(&m->sentinels, &sentinel, e) != 0)
		return -1;
	name = fresh_name(m);
	if (fs_create_at(m->staging.dir, name, 0600, &fd, e) != 0) {
		sentinel_unused(&m->sentinels, sentinel);
		free(name);
		return -1;
	}
	staged = mem_alloc(sizeof(*staged));
	staged->sentinel = sentinel;
	draft_start(&staged->draft, fd);
	staged->draft.to_sync = true;
	staged->name = name;
	*s = &staged->base;
	return 0;
}

static int
maildir_write(struct deliver_staged *s, const void *bytes, size_t size,
	      struct err *e)
{
	return draft_add(&staged_of(s)->draft, bytes, size, e);
}

static int
maildir_finish(struct deliver_staged *s,
	       const uint8_t digest[DIGEST_SHA256_SIZE], int64_t octets,
	       const char *sender, struct err *e)
{
	struct maildir_staged *staged = staged_of(s);

	(void)digest;
	(void)octets;
	(void)sender;
	if (draft_flush(&staged->draft, e) != 0)
		return -1;
	staged->final =
		mem_format("%s,S=%" PRIu64, staged->name, staged->draft.size);
	return 0;
}

static void
maildir_leave(struct deliver_staged *s)
{
	struct maildir_staged *staged = staged_of(s);

	draft_close(&staged->draft);
	free(staged->name);
	free(staged->final);
	free(staged);
}

static void
remove_staged(struct maildir *m, const char *name)
{
	struct err ignored = ERR_INIT; /* recovery removes what stays */

	(void)fs_remove_at(m->staging.dir, name, &ignored);
}

static void
maildir_discard(struct deliver_staged *s)
{
	struct maildir *m = maildir_of(s->owner);

	remove_staged(m, staged_of(s)->name);
	sentinel_unused(&m->sentinels, staged_of(s)->sentinel);
	maildir_leave(s);
}

/* --- a batch --- */

static void
set_evidence(struct deliver *d)
{
	struct maildir_staged *staged;
	struct buf line;

	for (size_t i = 0; i < d->count; i++) {
		staged = staged_of(d->batch[i]);
		buf_init(&line, SIZE_MAX);
		evidence_add(&line, maildir_class.name);
		evidence_add(&line, d->target->path);
		evidence_add(&line, staged->name);
		evidence_add(&line, staged->final);
		evidence_add(&line, staged->sentinel->name);
		staged->base.evidence = mem_string(buf_text(&line));
		buf_free(&line);
	}
}

/* Collects the descriptors of the staged files, and those of their sentinels
 * that are not durable yet.  Messages that share a sentinel follow one
 * another. */
static size_t
list_unsynced(const struct deliver *d, int fds[])
{
	const struct sentinel *last = NULL;
	size_t i, count = 0;

	for (i = 0; i < d->count; i++) {
		const struct maildir_staged *s = staged_of(d->batch[i]);

		fds[count++] = s->draft.fd;
		if (s->sentinel != last && s->sentinel->fd >= 0)
			fds[count++] = s->sentinel->fd;
		last = s->sentinel;
	}
	return count;
}

/* Syncs all of these, and their directory. */
static int
sync_batch(struct deliver *d, struct err *e)
{
	int *fds = mem_array(2 * d->count, sizeof(*fds)), rc;
	size_t i, count = list_unsynced(d, fds);

	rc = fs_sync_all(maildir_of(d)->staging.dir, fds, count, e);
	free(fds);
	for (i = 0; i < d->count && rc == 0; i++) {
		fs_drop(&staged_of(d->batch[i])->sentinel->fd);
		rc = fs_close(&staged_of(d->batch[i])->draft.fd, e);
	}
	return rc;
}

static int
maildir_secure(struct deliver *d, struct err *e)
{
	sentinels_seal(&maildir_of(d)->sentinels);
	if (sync_batch(d, e) != 0)
		return -1;
	set_evidence(d);
	return 0;
}

/* Somebody else has removed a staged file.  As long as the sentinel exists
 * recovery would take that for a delivery, so the sentinel goes: it is better
 * to fetch a batch twice. */
static int
note_vanished(struct maildir *m, struct deliver_staged *s, struct err *e)
{
	s->outcome = DELIVER_POSTPONED;
	s->reason = *e;
	err_clear(e);
	if (fs_remove_at(m->staging.dir, staged_of(s)->sentinel->name, e) != 0)
		return -1;
	return fs_sync(m->staging.dir, m->base.target->path, e);
}

/* *e says why a rename failed: was the message published all the same, or has
 * its file vanished? */
static int
look_for(struct maildir *m, struct maildir_staged *staged, struct err *e)
{
	struct err why = *e;
	bool was;

	if (e->sys == EXDEV)
		e->kind = ERR_CONFIG;
	if (e->sys != ENOENT || fs_is_there_at(m->staging.dir, staged->name))
		return -1;
	err_clear(e);
	if (staging_was_published(&m->staging, staged->final, &was, e) != 0)
		return -1;
	if (was)
		return 0;
	*e = why;
	return note_vanished(m, &staged->base, e);
}

static int
maildir_publish(struct deliver *d, struct err *e)
{
	struct maildir *m = maildir_of(d);
	struct maildir_staged *staged;

	for (size_t i = 0; i < d->count; i++) {
		staged = staged_of(d->batch[i]);
		if (fs_rename_at(m->staging.dir, staged->name,
				 m->staging.new_dir, staged->final, e) != 0 &&
		    look_for(m, staged, e) != 0)
			return -1;
	}
	return 0;
}

/* In this order: if the removal from the staging directory were durable before
 * the entry in new/, a power cut between them would lose what recovery believes
 * delivered. */
static int
maildir_settle(struct deliver *d, struct err *e)
{
	struct maildir *m = maildir_of(d);

	if (fs_sync(m->staging.new_dir, d->target->path, e) != 0 ||
	    fs_sync(m->staging.dir, d->target->path, e) != 0)
		return -1;
	for (size_t i = 0; i < d->count; i++) {
		sentinel_settled(staged_of(d->batch[i])->sentinel);
		if (d->batch[i]->outcome == DELIVER_PENDING)
			d->batch[i]->outcome = DELIVER_DONE;
	}
	return 0;
}

static void
maildir_retire(struct deliver *d)
{
	sentinels_retire(&maildir_of(d)->sentinels);
}

/* deliver.c has this table; class.h says what is called when. */
const struct deliver_class maildir_class = { .name = "maildir",
					     .batch_max = BATCH_MAX,
					     .open = maildir_open,
					     .close = maildir_close,
					     .space = maildir_space,
					     .stage = maildir_stage,
					     .write = maildir_write,
					     .finish = maildir_finish,
					     .discard = maildir_discard,
					     .leave = maildir_leave,
					     .secure = maildir_secure,
					     .publish = maildir_publish,
					     .settle = maildir_settle,
					     .retire = maildir_retire,
					     .recover = maildir_recover,
					     .recovered = maildir_recovered,
					     .clear = maildir_clear };
