/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/lockstep.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "session/failure.h"
#include "session/list_sizes.h"

/* --- seeing --- */

static void
need(struct lockstep *l, enum lockstep_need what, size_t entry)
{
	if (l->need == LOCKSTEP_SURE)
		l->first = entry;
	if (l->need < what)
		l->need = what;
}

/* Without PIPELINING the courier gives one command at a time. */
static bool
is_any_answer_due(const struct session *s)
{
	return s->facts.pipelining && requests_count(s->requests) > 0;
}

/* With the last answer that is waited for none can be missing. */
static void
see_quiet(struct lockstep *l, const struct session *s)
{
	if (l->need == LOCKSTEP_QUIET && !is_any_answer_due(s))
		l->need = LOCKSTEP_SURE;
	if (l->need == LOCKSTEP_SURE)
		l->is_due = false;
}

/* Some servers count a line end as one. */
struct length {
	int64_t octets, bytes;
};

static bool
may_be(const struct session *s, size_t entry, const struct length *n)
{
	int64_t size = mailbox_size(s->mailbox, entry);

	return size < 0 || size == n->octets || size == n->bytes;
}

/* Could it be the message behind this one, or, since RETR was refused, the one
 * before? */
static bool
may_be_another(const struct lockstep *l, const struct session *s,
	       const struct length *n)
{
	size_t next;

	return (l->had_refusal && may_be(s, l->last, n)) ||
	       (is_any_answer_due(s) &&
		requests_waits_for(s->requests, LINK_RETR, &next) &&
		may_be(s, next, n));
}

void
lockstep_see(struct lockstep *l, struct session *s, size_t entry,
	     int64_t octets, int64_t bytes)
{
	int64_t listed = mailbox_size(s->mailbox, entry);
	const struct length n = { octets, bytes };
	bool is_longer = octets > listed && bytes != listed;

	cuts_see(&l->cuts, s->mailbox, entry, octets, bytes);
	if (octets < listed || listed < 0) {
		l->has_suspect = true;
		l->suspect = entry;
		need(l, LOCKSTEP_PROOF, entry);
	} else if (is_longer && l->had_refusal) {
		need(l, LOCKSTEP_PROOF, entry);
	} else if (is_longer || may_be_another(l, s, &n)) {
		need(l, l->had_refusal ? LOCKSTEP_SIZE : LOCKSTEP_QUIET, entry);
	} else if (l->need < LOCKSTEP_PROOF) {
		l->need = LOCKSTEP_SURE;
		l->had_refusal = false;
	}
	l->last = entry;
	mailbox_set_octets(s->mailbox, entry, octets);
	see_quiet(l, s);
}

void
lockstep_refused(struct lockstep *l, const struct session *s, size_t entry)
{
	if (!l->had_refusal)
		l->refused = entry;
	l->had_refusal = true;
	l->last = entry;
	see_quiet(l, s);
}

/* --- asking --- */

/* Does the server still list it?  RFC 1939 leaves out what DELE has marked. */
static bool
is_listed(const struct mailbox *m, size_t entry)
{
	return !mailbox_is(m, entry, MAILBOX_DELETED);
}

static size_t
count_listed(const struct mailbox *m)
{
	size_t count = 0;

	for (size_t i = 0; i < mailbox_count(m); i++)
		count += is_listed(m, i);
	return count;
}

/* The first one from there on that the server still lists, if may_fail is false
 * one at which it does not break off; SIZE_MAX: there is none. */
static size_t
find_from(const struct mailbox *m, size_t from, bool may_fail)
{
	size_t count = mailbox_count(m);

	for (size_t i = 0; i < count; i++) {
		size_t entry = (from + i) % count;

		if (is_listed(m, entry) &&
		    (may_fail || failure_count(m, entry) == 0))
			return entry;
	}
	return SIZE_MAX;
}

static size_t
pick(const struct mailbox *m)
{
	size_t from, entry;
	uint64_t random;

	digest_random(&random, sizeof(random));
	from = (size_t)(random % mailbox_count(m));
	entry = find_from(m, from, false);
	if (entry == SIZE_MAX)
		entry = find_from(m, from, true);
	return entry == SIZE_MAX ? from : entry;
}

static void
ask_one(struct lockstep *l, struct session *s)
{
	size_t entry = pick(s->mailbox);

	l->told = LISTING_SIZE_UNKNOWN;
	requests_give(s->requests, LINK_LIST, mailbox_number(s->mailbox, entry),
		      entry);
}

static void
ask_all(struct lockstep *l, struct session *s)
{
	bool uids = mailbox_has_uids(s->mailbox);

	free(l->was_seen);
	l->was_seen =
		mem_array(mailbox_count(s->mailbox), sizeof(*l->was_seen));
	l->seen = 0;
	l->is_wrong = false;
	requests_give(s->requests, uids ? LINK_UIDL : LINK_LIST, 0, SIZE_MAX);
}

void
lockstep_ask(struct lockstep *l, struct session *s)
{
	if (l->is_in_step)
		cuts_ask(&l->cuts, s);
	else if (s->list_one == LIST_ONE_FAILS)
		ask_all(l, s);
	else
		ask_one(l, s);
}

/* --- answers --- */

/* Is this the entry's size as listed in this session (a row may be another
 * message's)?  Or its octets exactly, from a server that estimates sizes until
 * it has sent a message? */
static bool
is_size(const struct mailbox *m, size_t entry, int64_t size)
{
	int64_t listed = mailbox_at(m, entry).size;

	return listed < 0 || size == listed ||
	       mailbox_has_octets(m, entry, size);
}

static bool
is_its_uid(const struct listing_entry *x, const struct link_record *r)
{
	char hex[LISTING_UID_HEX];
	size_t size = r->size;
	const void *uid = listing_short_uid(r->data, &size, hex);

	return size == x->uid_size && memcmp(uid, x->uid, size) == 0;
}

/* One line of the whole list, which counts once.  Mail may have come
 * meanwhile. */
static void
take_line(struct lockstep *l, const struct mailbox *m, const struct answer *a)
{
	size_t entry = listing_find(mailbox_listing(m), a->record.number);
	struct listing_entry x;

	if (entry == SIZE_MAX)
		return;
	x = mailbox_at(m, entry);
	l->seen += is_listed(m, entry) && !l->was_seen[entry];
	l->was_seen[entry] = true;
	if (a->type == LINK_SIZE)
		l->is_wrong |= !is_size(m, entry, a->record.value);
	else if (!x.odd)
		l->is_wrong |= !is_its_uid(&x, &a->record);
}

static void
be_sure(struct lockstep *l)
{
	l->need = LOCKSTEP_SURE;
	l->has_suspect = l->had_refusal = l->is_due = false;
	l->is_in_step = false;
}

/* It is proven. */
static void
go_on(struct lockstep *l, struct session *s)
{
	l->is_in_step = true;
	l->told = LISTING_SIZE_UNKNOWN;
	if (!cuts_judge(&l->cuts, s))
		be_sure(l);
}

static int
fail(struct err *e)
{
	return err_set(e, ERR_PROTOCOL, "replies and commands are out of step");
}

static int
end_all(struct lockstep *l, struct session *s, const struct answer *a,
	struct err *e)
{
	if (a->record.value != 1 || l->is_wrong ||
	    l->seen < count_listed(s->mailbox))
		return fail(e);
	go_on(l, s);
	return 0;
}

/* If it was not answered as it should be, another proof is due. */
static int
end_one(struct lockstep *l, struct session *s, const struct answer *a,
	struct err *e)
{
	if (a->record.value != 1 || l->told < 0) {
		list_sizes_fail(s);
		return 0;
	}
	list_sizes_learn(s, true);
	if (!is_size(s->mailbox, a->entry, l->told))
		return fail(e);
	go_on(l, s);
	return 0;
}

/* A size that was asked for once more. */
static void
end_size(struct lockstep *l, const struct session *s)
{
	bool is_last = cuts_take(&l->cuts, s, l->told);

	l->told = LISTING_SIZE_UNKNOWN;
	if (is_last)
		be_sure(l);
}

int
lockstep_take(struct lockstep *l, struct session *s, const struct answer *a,
	      struct err *e)
{
	bool is_one = a->entry != SIZE_MAX;

	if (!a->is_last && is_one)
		l->told = a->record.value;
	else if (!a->is_last)
		take_line(l, s->mailbox, a);
	if (!a->is_last)
		return 0;
	if (l->is_in_step) {
		end_size(l, s);
		return 0;
	}
	return is_one ? end_one(l, s, a, e) : end_all(l, s, a, e);
}

void
lockstep_close(struct lockstep *l)
{
	free(l->was_seen);
	l->was_seen = NULL;
	cuts_close(&l->cuts);
}
