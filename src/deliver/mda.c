/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Delivery by a program (MDA) that gets the message on its standard input. */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "deliver/class.h"
#include "deliver/draft.h"
#include "deliver/mdalines.h"
#include "deliver/mdaprogram.h"
#include "sys/fs.h"
#include "sys/proc.h"

enum { GRACE_MS = 5 * 1000 };	/* between TERM and KILL */
/* While no signal and no descriptor may tell that it has ended, look so often. */
enum { LOOK_MS = 1000 };

struct mda {
	struct deliver base;
	int spool;		/* directory */
	struct proc *proc;	/* running, or NULL */
	int64_t deadline;	/* then TERM or KILL */
	bool timed_out;
	struct mdalines lines;
};

struct mda_staged {
	struct deliver_staged base;
	struct draft draft;	/* for writing; closed by finish */
	int input;		/* the same file, read-only, without a name */
	char *uid, *sender;
	char delivery_id[MDAPROGRAM_ID_SIZE + 1];
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
	*d = &m->base;
	return 0;
}

static void
mda_drop(struct deliver *d)
{
	proc_free(&mda_of(d)->proc);
}

static void
mda_close(struct deliver *d)
{
	struct mda *m = mda_of(d);

	proc_free(&m->proc);
	fs_drop(&m->spool);
	free(m);
}

static uint64_t
mda_free_bytes(const struct deliver *d)
{
	return fs_free_bytes(((const struct mda *)d)->spool);
}

/* --- one message --- */

/* Names of this state's files in the spool, which other accounts may share. */
static char *
file_prefix(const struct deliver_target *target)
{
	return mem_format("mda-%s-", target->state_id);
}

/* A file open twice and named no more: written here, and read by the MDA through a
 * descriptor that cannot write. */
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

/* Percent-encoded; a NUL, which no C string can hold, by hand. */
static char *
show_uid(const struct deliver_message *message)
{
	struct buf out, part;
	char *shown;
	size_t i;

	buf_init(&out, SIZE_MAX);
	buf_init(&part, 1);
	for (i = 0; i < message->uid_size; i++) {
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
	struct mda_staged *staged;
	int out = -1, in = -1;

	if (make_file(mda_of(d), &out, &in, e) != 0)
		return -1;
	staged = mem_alloc(sizeof(*staged));
	draft_start(&staged->draft, out);
	staged->input = in;
	staged->uid = show_uid(message);
	mdaprogram_delivery_id(staged->delivery_id, d->target, message);
	*s = &staged->base;
	return 0;
}

static int
mda_write(struct deliver_staged *s, const void *bytes, size_t size,
	  struct err *e)
{
	return draft_add(&staged_of(s)->draft, bytes, size, e);
}

static int
mda_finish(struct deliver_staged *s, const char *sender, struct err *e)
{
	struct mda_staged *staged = staged_of(s);

	staged->sender = mem_string(sender);
	if (draft_flush(&staged->draft, e) != 0)
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

static int
mda_secure(struct deliver *d, struct err *e)
{
	(void)e;
	/* It tells recovery nothing but that it was an MDA's. */
	d->batch[0]->evidence = mem_string(mda_class.name);
	return 0;
}

static int
start(struct deliver *d, struct mda_staged *staged, struct err *e)
{
	const struct mdaprogram told = {
		.sender = staged->sender, .uid = staged->uid,
		.delivery_id = staged->delivery_id,
		.size = staged->draft.size
	};
	char **argv = mdaprogram_arguments(d->target, &told);
	char **env = mdaprogram_environment(d->target, &told);
	const struct proc_program program = {
		.argv = (const char *const *)argv,
		.env = (const char *const *)env,
		.directory = fs_home() ? fs_home() : "/",
		.input = staged->input,
		.wants_output = true,
		.wants_errors = true
	};
	int rc = proc_start(&mda_of(d)->proc, &program, e);

	mdaprogram_free_list(argv);
	mdaprogram_free_list(env);
	return rc;
}

/* Not to be started at all is no fault of the message: mail waits until somebody has
 * mended the system or the configuration. */
static int
mda_publish(struct deliver *d, bool *running, struct err *e)
{
	struct mda *m = mda_of(d);
	struct deliver_staged *s = d->batch[0];

	if (start(d, staged_of(s), e) != 0) {
		e->kind = ERR_OS;
		s->reason = *e;
		s->outcome = DELIVER_POSTPONED;
		err_clear(e);
		return 0;
	}
	m->timed_out = false;
	m->deadline = clock_deadline(d->target->mda_timeout_ms);
	mdalines_start(&m->lines, d->target, proc_output(m->proc),
		       proc_errors(m->proc));
	*running = true;
	return 0;
}

static size_t
mda_poll(const struct deliver *d, int fds[DELIVER_POLL_MAX], int64_t *until)
{
	const struct mda *m = (const struct mda *)d;

	if (!m->proc)
		return 0;
	*until = clock_earlier(m->deadline, clock_deadline(LOOK_MS));
	return mdalines_poll(&m->lines, fds);
}

static const char *
duration(char out[QUANTITY_TEXT_MAX], int64_t ms)
{
	quantity_show_duration(out, (ms + 999) / 1000);
	return out;
}

/* What its exit means. 75 is sysexits' EX_TEMPFAIL, 71 EX_OSERR, 111 qmail's. */
static enum deliver_outcome
judge(const struct mda *m, int status, struct err *e)
{
	const char *name = m->base.target->argv[0];
	char time[QUANTITY_TEXT_MAX];
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (m->timed_out)
		err_set(e, ERR_MESSAGE, "'%s' did not end within %s", name,
			duration(time, m->base.target->mda_timeout_ms));
	else if (WIFSIGNALED(status))
		err_set(e, ERR_MESSAGE, "'%s' was ended by signal %d", name,
			WTERMSIG(status));
	else if (code == 75 || code == 71 || code == 111)
		err_set(e, ERR_LATER, "'%s' asks to try again later (status "
			"%d)", name, code);
	else if (code != 0)
		err_set(e, ERR_MESSAGE, "'%s' refused the message (status %d)",
			name, code);
	if (code == 0 && !m->timed_out)
		return DELIVER_DONE;
	if (m->timed_out || code < 0)	/* the message's fault, perhaps */
		return DELIVER_POSTPONED;
	return e->kind == ERR_MESSAGE ? DELIVER_REFUSED : DELIVER_POSTPONED;
}

/* Its own last words often tell more than its status. */
static void
add_last_line(const struct mda *m, struct err *e)
{
	const char *last = mdalines_last(&m->lines);
	struct err plain = *e;

	if (e->kind != ERR_NONE && *last)
		err_set(e, plain.kind, "%s: %s", plain.text, last);
}

/* The first time-out asks it to end, the next one ends it. */
static void
hurry(struct mda *m)
{
	if (clock_ms() < m->deadline)
		return;
	proc_signal(m->proc, m->timed_out ? SIGKILL : SIGTERM);
	m->timed_out = true;
	m->deadline = clock_deadline(GRACE_MS);
}

static int
mda_continue(struct deliver *d, bool *running, struct err *e)
{
	struct mda *m = mda_of(d);
	struct deliver_staged *s = d->batch ? d->batch[0] : NULL;
	int status = 0;
	bool ended;

	(void)e;
	if (!m->proc)
		return 0;
	/* Asked first: what it wrote before it ended is in the pipes by then. A child
	 * that it left behind may hold them open, so their end is not waited for. */
	ended = proc_ended(m->proc, &status);
	mdalines_read(&m->lines);
	*running = !ended;
	if (!ended) {
		hurry(m);
		return 0;
	}
	mdalines_end(&m->lines);
	s->outcome = judge(m, status, &s->reason);
	add_last_line(m, &s->reason);
	proc_free(&m->proc);
	return 0;
}

/* --- recovery --- */

struct cleaning {
	int spool;
	char *prefix;
};

static int
remove_ours(void *arg, const char *name, struct err *e)
{
	const struct cleaning *c = arg;

	if (strncmp(name, c->prefix, strlen(c->prefix)) != 0)
		return 0;
	return fs_remove_at(c->spool, name, e);
}

/* Whether a message in flight was delivered only the MDA may know. What is left to do
 * is to remove files that were killed in the moment while they had names; if that
 * fails, delivery will say so. */
static int
mda_recover(const struct deliver_target *target, const char *const evidence[],
	    enum deliver_verdict verdict[], size_t count, struct err *e)
{
	struct cleaning c = { .spool = -1 };

	(void)evidence;
	(void)verdict;
	(void)count;
	if (target->kind == DELIVER_MDA &&
	    fs_open_dir(target->spool, &c.spool, e) == 0) {
		c.prefix = file_prefix(target);
		(void)fs_list(c.spool, remove_ours, &c, e);
		free(c.prefix);
		fs_drop(&c.spool);
	}
	err_clear(e);
	return 0;
}

const struct deliver_class mda_class = {
	.name = "mda",
	.batch_max = 1,
	.open = mda_open,
	.close = mda_close,
	.free_bytes = mda_free_bytes,
	.stage = mda_stage,
	.write = mda_write,
	.finish = mda_finish,
	.discard = mda_discard,
	.leave = mda_discard,
	.secure = mda_secure,
	.publish = mda_publish,
	.poll = mda_poll,
	.continue_ = mda_continue,
	.drop = mda_drop,
	.recover = mda_recover
};
