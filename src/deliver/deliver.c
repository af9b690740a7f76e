/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Destinations of mail: what is common to all of them. */
#include "config.h"

#include "deliver/deliver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "deliver/class.h"
#include "deliver/mda_program.h"

static const struct deliver_class *const classes[] = {
	[DELIVER_MAILDIR] = &maildir_class,
	[DELIVER_MBOX] = &mbox_class,
	[DELIVER_MDA] = &mda_class
};
enum { CLASSES = sizeof(classes) / sizeof(classes[0]) };

char *
deliver_name(const struct deliver_target *target)
{
	const char *where =
		target->kind == DELIVER_MDA ? target->argv[0] : target->path;

	return mem_format("%s:%s", classes[target->kind]->name, where);
}

char *
deliver_fingerprint(const struct deliver_target *target)
{
	return target->kind == DELIVER_MDA ? mda_program_fingerprint(target)
					   : NULL;
}

int
deliver_open(struct deliver **d, const struct deliver_target *target,
	     bool may_create, struct err *e)
{
	const struct deliver_class *class = classes[target->kind];

	*d = NULL;
	if (class->open(d, target, may_create, e) != 0)
		return -1;
	(*d)->class = class;
	(*d)->target = target;
	if ((*d)->batch_max == 0)
		(*d)->batch_max = class->batch_max;
	return 0;
}

/* Forgets what deliver_secure has copied; evidence stays with its message. */
static void
forget_batch(struct deliver *d)
{
	free(d->batch);
	d->batch = NULL;
	d->count = 0;
}

void
deliver_close(struct deliver **d)
{
	if (!*d)
		return;
	if ((*d)->batch)
		deliver_drop(*d);
	(*d)->class->close(*d);
	*d = NULL;
}

size_t
deliver_batch_max(const struct deliver *d)
{
	return d->batch_max;
}

bool
deliver_ends_one_by_one(const struct deliver *d)
{
	return d->class->ends_one_by_one;
}

bool
deliver_is_slow(const struct deliver *d)
{
	return d->class->is_slow;
}

void
deliver_space(const struct deliver *d, struct deliver_space *space)
{
	d->class->space(d, space);
}

/* --- one message --- */

int
deliver_stage(struct deliver *d, const struct deliver_message *m,
	      struct deliver_staged **s, struct err *e)
{
	*s = NULL;
	if (d->class->stage(d, m, s, e) != 0)
		return -1;
	(*s)->owner = d;
	(*s)->outcome = DELIVER_PENDING;
	return 0;
}

int
deliver_write(struct deliver_staged *s, const void *bytes, size_t size,
	      struct err *e)
{
	return s->owner->class->write(s, bytes, size, e);
}

int
deliver_finish(struct deliver_staged *s,
	       const uint8_t digest[DIGEST_SHA256_SIZE], int64_t octets,
	       const char *sender, struct err *e)
{
	assert(sender && *sender && *sender != '-' && !strpbrk(sender, " \n"));
	return s->owner->class->finish(s, digest, octets, sender, e);
}

static void
release(struct deliver_staged **s, bool keep_file)
{
	struct deliver_staged *old = *s;

	*s = NULL;
	if (!old)
		return;
	free(old->evidence);
	if (keep_file)
		old->owner->class->leave(old);
	else
		old->owner->class->discard(old);
}

void
deliver_discard(struct deliver_staged **s)
{
	release(s, false);
}

void
deliver_leave(struct deliver_staged **s)
{
	release(s, true);
}

/* --- a batch --- */

static void
forget_evidence(struct deliver *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->batch[i]->evidence);
		d->batch[i]->evidence = NULL;
	}
}

int
deliver_secure(struct deliver *d, struct deliver_staged *const batch[],
	       size_t count, struct err *e)
{
	assert(!d->batch && count > 0 && count <= d->batch_max);
	d->batch = mem_array(count, sizeof(*d->batch));
	memcpy(d->batch, batch, count * sizeof(*d->batch));
	d->count = count;
	if (d->class->secure(d, e) == 0)
		return 0;
	forget_evidence(d);
	forget_batch(d);
	return -1;
}

void
deliver_abandon(struct deliver *d)
{
	if (!d->batch)
		return; /* deliver_secure failed */
	if (d->class->abandon)
		d->class->abandon(d);
	forget_evidence(d);
	forget_batch(d);
}

const char *
deliver_evidence(const struct deliver_staged *s)
{
	assert(s->evidence);
	return s->evidence;
}

int
deliver_publish(struct deliver *d, struct err *e)
{
	int rc;

	assert(d->batch);
	rc = d->class->publish(d, e);
	if (rc == 0 && !d->class->settle)
		forget_batch(d); /* the class itself keeps what runs */
	return rc;
}

size_t
deliver_poll(const struct deliver *d, int fds[DELIVER_POLL_MAX], int64_t *until)
{
	*until = CLOCK_NEVER;
	return d->class->poll ? d->class->poll(d, fds, until) : 0;
}

int
deliver_tend(struct deliver *d, struct err *e)
{
	return d->class->tend ? d->class->tend(d, e) : 0;
}

int
deliver_settle(struct deliver *d, struct err *e)
{
	assert(d->batch || !d->class->settle);
	if (d->class->settle && d->class->settle(d, e) != 0)
		return -1;
	forget_batch(d);
	return 0;
}

enum deliver_outcome
deliver_outcome(const struct deliver_staged *s, struct err *e)
{
	if (e)
		*e = s->reason;
	return s->outcome;
}

void
deliver_retire(struct deliver *d)
{
	if (d->class->retire)
		d->class->retire(d);
}

void
deliver_drop(struct deliver *d)
{
	if (d->class->drop)
		d->class->drop(d);
	forget_batch(d);
}

/* --- recovery --- */

static bool
is_of_class(const char *evidence, const struct deliver_class *class)
{
	size_t size = strlen(class->name);

	return strncmp(evidence, class->name, size) == 0 &&
	       (evidence[size] == ' ' || evidence[size] == '\0');
}

/* Evidence of one class, in the order in which it was given. */
struct selection {
	const char **evidence;
	size_t *index; /* of each, in the whole */
	enum deliver_verdict *verdict;
	size_t count;
};

static void
select_class(struct selection *s, const struct deliver_class *class,
	     const char *const evidence[], size_t count)
{
	s->evidence = mem_array(count, sizeof(*s->evidence));
	s->index = mem_array(count, sizeof(*s->index));
	s->verdict = mem_array(count, sizeof(*s->verdict));
	s->count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!is_of_class(evidence[i], class))
			continue;
		s->evidence[s->count] = evidence[i];
		s->verdict[s->count] = DELIVER_WAS_NOT;
		s->index[s->count++] = i;
	}
}

static void
free_selection(struct selection *s)
{
	free(s->evidence);
	free(s->index);
	free(s->verdict);
}

static int
recover_class(const struct deliver_class *class,
	      const struct deliver_target *target, const char *const evidence[],
	      enum deliver_verdict verdict[], size_t count, struct err *e)
{
	struct selection s;
	int rc = 0;

	select_class(&s, class, evidence, count);
	if (class->recover && (s.count > 0 || class == classes[target->kind]))
		rc = class->recover(target, s.evidence, s.verdict, s.count, e);
	for (size_t i = 0; i < s.count; i++)
		verdict[s.index[i]] = s.verdict[i];
	free_selection(&s);
	return rc;
}

int
deliver_recover(const struct deliver_target *target,
		const char *const evidence[], enum deliver_verdict verdict[],
		size_t count, struct err *e)
{
	/* Evidence that nobody understands says nothing: the message is fetched
	 * again. */
	for (size_t i = 0; i < count; i++)
		verdict[i] = DELIVER_WAS_NOT;
	for (size_t i = 0; i < CLASSES; i++)
		if (recover_class(classes[i], target, evidence, verdict, count,
				  e) != 0)
			return -1;
	return 0;
}

void
deliver_recovered(const struct deliver_target *target,
		  const char *const evidence[], size_t count)
{
	struct selection s;

	for (size_t i = 0; i < CLASSES; i++) {
		select_class(&s, classes[i], evidence, count);
		if (classes[i]->recovered && s.count > 0)
			classes[i]->recovered(target, s.evidence, s.count);
		free_selection(&s);
	}
}

/* --- what is left of other destinations --- */

static void
clear_class(const struct deliver_class *class,
	    const struct deliver_target *target, const char *const known[],
	    size_t count)
{
	const char **places = mem_array(count, sizeof(*places));
	size_t size = strlen(class->name), n = 0;

	for (size_t i = 0; i < count; i++)
		if (strncmp(known[i], class->name, size) == 0 &&
		    known[i][size] == ':')
			places[n++] = known[i] + size + 1;
	if (class->clear)
		class->clear(target, places, n);
	free(places);
}

void
deliver_clear(const struct deliver_target *target, const char *const known[],
	      size_t count)
{
	for (size_t i = 0; i < CLASSES; i++)
		clear_class(classes[i], target, known, count);
}
