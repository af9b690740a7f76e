/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Delivery by a program (MDA) that gets the message on its standard input.
 * Messages are handed over one after the other, or several at once, where each
 * program that ends makes room for the next message. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "deliver/class.h"
#include "deliver/draft.h"
#include "deliver/mda_run.h"
#include "sys/fs.h"

/* A message of fewer bytes than this waits in memory: making and removing a
 * file for each takes longer than many an MDA.  No piece of it is so large that
 * struct draft would write it at once. */
enum { MEMORY_MAX = DRAFT_DIRECT_MIN };

struct mda {
	struct deliver base;
	int spool; /* directory */
	struct mda_staged *running[DELIVER_JOBS_MAX];
	struct mda_run *runs[DELIVER_JOBS_MAX]; /* runs[i] is for running[i] */
	size_t count;
};

struct mda_staged {
	struct deliver_staged base;
	struct draft draft; /* for writing; its file is made when it is needed,
			       and closed by finish */
	int input;	    /* the same file, open so that it cannot be
			       changed */
	char *uid, *sender;
	char delivery_id[MDA_PROGRAM_ID_SIZE + 1];
};

static struct mda *
mda_of(struct deliver *d)
{
	return (struct mda *)d;
}

static struct mda_staged *
staged_of(struct deliver_staged *s)
{
	return (struct mda_staged *)s;
}

static int
mda_open(struct deliver **d, const struct deliver_target *target,
	 bool may_create, struct err *e)
{
	struct mda *m;
	int spool = -1;

	(void)may_create;
	if (fs_open_dir(target->spool, &spool, e) != 0)
		return -1;
	m = mem_alloc(sizeof(*m));
	m->spool = spool;
	m->base.batch_max = target->mda_jobs > 0 ? target->mda_jobs : 1;
	assert(m->base.batch_max <= DELIVER_JOBS_MAX);
	*d = &m->base;
	return 0;
}

static void
mda_space(const struct deliver *d, struct deliver_space *space)
{
	space->free_bytes = fs_free_bytes(((const struct mda *)d)->spool);
	space->copies = 1;
	space->path = d->target->spool;
}

/* --- one message --- */

/* What the names of this state's files begin with in the spool, which other
 * accounts may share. */
static char *
file_prefix(const struct deliver_target *target)
{
	return mem_format("mda-%s-", target->state_id);
}

/* Makes a file that is open twice and has no name any more.  It is written
 * here, and the MDA reads it through a descriptor that cannot write. */
static int
make_file(const struct mda *m, int *out, int *in, struct err *e)
{
	uint8_t random[8];
	char hex[2 * sizeof(random) + 1], *prefix, *name;
	struct err ignored = ERR_INIT;
	int rc;

	digest_random(random, sizeof(random));
	text_hex(hex, random, sizeof(random));
	prefix = file_prefix(m->base.target);
	name = mem_format("%s%s", prefix, hex);
	free(prefix);
	rc = fs_create_at(m->spool, name, 0600, out, e);
	if (rc == 0) {
		rc = fs_open_at(m->spool, name, in, e);
		if (fs_remove_at(m->spool, name, rc == 0 ? e : &ignored) != 0)
			rc = -1;
	}
	free(name);
	if (rc != 0) {
		fs_drop(out);
		fs_drop(in);
	}
	return rc;
}

/* Percent-encodes the uid byte by byte: text_percent alone would encode dots,
 * and could not take a NUL. */
static char *
show_uid(const struct deliver_message *message)
{
	struct buf out, part;
	char *shown;

	buf_init(&out, SIZE_MAX);
	buf_init(&part, 1);
	for (size_t i = 0; i < message->uid_size; i++) {
		buf_clear(&part);
		(void)buf_byte(&part, message->uid[i]);
		if (message->uid[i] == '.')
			(void)buf_byte(&out, '.');
		else if (message->uid[i])
			(void)text_percent(&out, buf_text(&part));
		else
			(void)buf_append(&out, "%00", 3);
	}
	shown = mem_string(buf_text(&out));
	buf_free(&part);
	buf_free(&out);
	return shown;
}

static int
mda_stage(struct deliver *d, const struct deliver_message *message,
	  struct deliver_staged **s, struct err *e)
{
	struct mda_staged *staged = mem_alloc(sizeof(*staged));

	(void)d;
	(void)e;
	draft_start(&staged->draft, -1);
	staged->input = -1;
	staged->uid = show_uid(message);
	*s = &staged->base;
	return 0;
}

static int
need_file(struct mda_staged *staged, struct err *e)
{
	if (staged->draft.fd >= 0)
		return 0;
	return make_file(mda_of(staged->base.owner), &staged->draft.fd,
			 &staged->input, e);
}

static int
mda_write(struct deliver_staged *s, const void *bytes, size_t size,
	  struct err *e)
{
	struct mda_staged *staged = staged_of(s);

	if (staged->draft.size + size >= MEMORY_MAX &&
	    need_file(staged, e) != 0)
		return -1;
	return draft_add(&staged->draft, bytes, size, e);
}

static int
mda_finish(struct deliver_staged *s, const uint8_t digest[DIGEST_SHA256_SIZE],
	   int64_t octets, const char *sender, struct err *e)
{
	struct mda_staged *staged = staged_of(s);
	const struct buf *all = &staged->draft.waiting;

	staged->sender = mem_string(sender);
	mda_program_delivery_id(staged->delivery_id, s->owner->target->state_id,
				staged->uid, octets, digest);
	if (staged->draft.fd < 0 &&
	    fs_memory(&staged->input, all->data, all->len)) {
		draft_close(&staged->draft);
		return 0;
	}
	if (need_file(staged, e) != 0 || draft_flush(&staged->draft, e) != 0)
		return -1;
	return fs_close(&staged->draft.fd, e);
}

static void
mda_discard(struct deliver_staged *s)
{
	struct mda_staged *staged = staged_of(s);

	draft_close(&staged->draft);
	fs_drop(&staged->input);
	free(staged->uid);
	free(staged->sender);
	free(staged);
}

/* --- running it --- */

/* The evidence tells recovery nothing but that an MDA had the message. */
static int
mda_secure(struct deliver *d, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < d->count; i++)
		d->batch[i]->evidence = mem_string(mda_class.name);
	return 0;
}

static int
start(struct mda *m, struct mda_staged *staged, struct err *e)
{
	const struct mda_program told = { .sender = staged->sender,
					  .uid = staged->uid,
					  .delivery_id = staged->delivery_id,
					  .size = staged->draft.size };

	assert(m->count < m->base.batch_max);
	if (mda_run_start(&m->runs[m->count], m->base.target, &told,
			  staged->input, e) != 0)
		return -1;
	m->running[m->count++] = staged;
	return 0;
}

/* It is not the message's fault if an MDA cannot be started at all: mail waits
 * until somebody has mended the system or the configuration.  But it is if what
 * the MDA is to be told of this message is too long. */
static int
mda_publish(struct deliver *d, struct err *e)
{
	struct mda *m = mda_of(d);
	struct err why = ERR_INIT;

	(void)e;
	for (size_t i = 0; i < d->count; i++) {
		struct mda_staged *staged = staged_of(d->batch[i]);

		if (why.kind == ERR_NONE && start(m, staged, &why) == 0)
			continue;
		staged->base.reason = why;
		staged->base.outcome = DELIVER_POSTPONED;
		if (why.sys != E2BIG)
			continue;
		staged->base.reason.kind = ERR_MESSAGE;
		err_clear(&why);
	}
	return 0;
}

static size_t
mda_poll(const struct deliver *d, int fds[DELIVER_POLL_MAX], int64_t *until)
{
	const struct mda *m = (const struct mda *)d;
	size_t i, count = 0;
	int64_t its;

	for (i = 0; i < m->count; i++) {
		count += mda_run_poll(m->runs[i], fds + count, &its);
		*until = clock_earlier(*until, its);
	}
	return count;
}

static int
mda_tend(struct deliver *d, struct err *e)
{
	struct mda *m = mda_of(d);
	size_t i, kept = 0;

	(void)e;
	for (i = 0; i < m->count; i++) {
		struct deliver_staged *s = &m->running[i]->base;

		if (mda_run_ended(m->runs[i], &s->outcome, &s->reason)) {
			mda_run_free(&m->runs[i]);
			continue;
		}
		m->runs[kept] = m->runs[i];
		m->running[kept++] = m->running[i];
	}
	m->count = kept;
	return 0;
}

/* Nobody will record what these MDAs do, so it is better that they do not
 * finish. */
static void
mda_drop(struct deliver *d)
{
	struct mda *m = mda_of(d);

	mda_run_stop(m->runs, m->count);
	while (m->count > 0)
		mda_run_free(&m->runs[--m->count]);
}

static void
mda_close(struct deliver *d)
{
	struct mda *m = mda_of(d);

	mda_drop(d);
	fs_drop(&m->spool);
	free(m);
}

/* --- recovery --- */

struct cleaning {
	int spool;
	char *prefix;
};

/* fs_list calls it for each name in the spool directory. */
static int
remove_ours(void *arg, const char *name, struct err *e)
{
	const struct cleaning *c = arg;

	if (strncmp(name, c->prefix, strlen(c->prefix)) != 0)
		return 0;
	return fs_remove_at(c->spool, name, e);
}

/* Removes the files of runs that were killed in the moment while these had
 * names. */
static void
mda_clear(const struct deliver_target *target, const char *const places[],
	  size_t count)
{
	struct cleaning c = { .spool = -1 };
	struct err ignored = ERR_INIT;

	(void)places;
	(void)count;
	if (fs_open_dir(target->spool, &c.spool, &ignored) != 0)
		return;
	c.prefix = file_prefix(target);
	(void)fs_list(c.spool, remove_ours, &c, &ignored);
	free(c.prefix);
	fs_drop(&c.spool);
}

/* Only the MDA may know whether a message in flight was delivered; and perhaps
 * it took the run down with it, at this very message. */
static int
mda_recover(const struct deliver_target *target, const char *const evidence[],
	    enum deliver_verdict verdict[], size_t count, struct err *e)
{
	(void)evidence;
	(void)e;
	for (size_t i = 0; i < count; i++)
		verdict[i] = DELIVER_WAS_IN_HAND;
	if (target->kind == DELIVER_MDA)
		mda_clear(target, NULL, 0);
	return 0;
}

/* deliver.c has this table; class.h says what is called when. */
const struct deliver_class mda_class = { .name = "mda",
					 .ends_one_by_one = true,
					 .is_slow = true,
					 .open = mda_open,
					 .close = mda_close,
					 .space = mda_space,
					 .stage = mda_stage,
					 .write = mda_write,
					 .finish = mda_finish,
					 .discard = mda_discard,
					 .leave = mda_discard,
					 .secure = mda_secure,
					 .publish = mda_publish,
					 .poll = mda_poll,
					 .tend = mda_tend,
					 .drop = mda_drop,
					 .recover = mda_recover,
					 .clear = mda_clear };
