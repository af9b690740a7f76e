/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/headers.h"

#include "base/clock.h"

enum {
	SLICE_MS = 5 * 1000,
	FIRST = 64, /* are asked for at once, before any has come */
	SERIAL = 2  /* the same without PIPELINING: on the wire, and the next */
};

static size_t
first_ahead(const struct session *s)
{
	if (s->turn.tries_broken)
		return 1;
	return s->facts.pipelining ? FIRST : SERIAL;
}

/* What one session had no time for the next one looks at first, since what is
 * looked at again in each would never leave any for the rest. */
static size_t
first_entry(const struct session *s)
{
	size_t count = mailbox_count(s->mailbox);

	for (size_t i = 0; s->look_from > 0 && i < count; i++)
		if (mailbox_number(s->mailbox, i) >= s->look_from)
			return i;
	return 0;
}

void
headers_open(struct headers *h, struct session *s, enum link_type order,
	     const bool is_wanted[])
{
	*h = (struct headers){
		.session = s,
		.order = order,
		.is_wanted = is_wanted,
		.first = first_entry(s),
		.end = mailbox_count(s->mailbox),
		.ahead = phase_window(s, order, first_ahead(s)),
		.until = clock_deadline(SLICE_MS),
		.reader = header_new(),
	};
	header_without_content(h->reader);
	header_start(h->reader);
	h->header = h->reader;
}

void
headers_close(struct headers *h)
{
	header_free(&h->reader);
}

/* Which entry is asked for at this place of the order? */
static size_t
entry_at(const struct headers *h, size_t place)
{
	return (h->first + place) % mailbox_count(h->session->mailbox);
}

/* To the next one that is wanted; false: there is none. */
static bool
find_next(struct headers *h)
{
	while (h->next < h->end && !h->is_wanted[entry_at(h, h->next)])
		h->next++;
	return h->next < h->end;
}

/* From each that is under way, and from this one, a DELE may follow, and a RETR
 * where it is a TOP. */
static bool
has_command(const struct headers *h)
{
	size_t under_way = requests_count(h->session->requests) + 1;
	size_t each = h->order == LINK_TOP ? 2 : 1;

	return phase_has_commands(h->session,
				  h->later + 2 * h->retrs + each * under_way);
}

/* Would the RETRs that follow from what has come, each with a DELE behind it,
 * no longer be done?  Before the first one each counts as a guess of one. */
static bool
is_full(const struct headers *h)
{
	const struct requests *x = h->session->requests;
	int64_t needs = requests_pace_ms(x, h->order, 1) +
			requests_pace_ms(x, LINK_RETR, 1) * (int64_t)h->retrs;

	return h->retrs > 0 &&
	       (!phase_fits(h->session, needs, h->later + h->retrs) ||
		!has_command(h));
}

static bool
may_ask(struct headers *h)
{
	struct session *s = h->session;

	if (phase_is_stopping(s))
		s->is_stopped_short = true;
	if (is_full(h)) {
		s->top.is_cut = true;
		return false;
	}
	if (!has_command(h))
		s->is_out_of_time = true;
	return !phase_is_ending(s) && phase_has_time(s, h->order, 0, h->later);
}

/* Not until it is clear what follows from those under way. */
static bool
must_wait(const struct headers *h)
{
	return requests_count(h->session->requests) > 0 && !has_command(h);
}

static void
give(struct headers *h, size_t entry)
{
	requests_give(h->session->requests, h->order,
		      mailbox_number(h->session->mailbox, entry), entry);
}

static void
note_place(const struct headers *h)
{
	struct session *s = h->session;

	if (s->is_out_of_time && s->look_next == 0)
		s->look_next = mailbox_number(s->mailbox, entry_at(h, h->next));
}

static void
ask(struct headers *h)
{
	struct session *s = h->session;

	while (!h->is_held && requests_count(s->requests) < h->ahead &&
	       requests_room(s->requests) > 0 && clock_ms() < h->until &&
	       find_next(h) && !must_wait(h)) {
		if (!may_ask(h)) {
			note_place(h);
			headers_stop(h);
			return;
		}
		give(h, entry_at(h, h->next++));
	}
}

bool
headers_go_on(struct headers *h)
{
	h->until = clock_deadline(SLICE_MS);
	h->later = 0;
	h->is_held = h->has_asked_last = false;
	return find_next(h);
}

void
headers_stop(struct headers *h)
{
	h->end = h->next;
}

void
headers_ask_last(struct headers *h)
{
	if (h->is_held)
		return;
	h->is_held = true;
	while (h->end > h->next && !h->is_wanted[entry_at(h, h->end - 1)])
		h->end--;
	h->has_asked_last = h->end > h->next;
	if (h->has_asked_last)
		give(h, entry_at(h, --h->end));
}

bool
headers_has_asked_last(const struct headers *h)
{
	return h->has_asked_last;
}

void
headers_expect(struct headers *h, size_t count)
{
	h->later += count;
}

void
headers_expect_retr(struct headers *h)
{
	h->retrs++;
}

/* One has come, so more may be asked for at once. */
static void
widen(struct headers *h)
{
	const struct session *s = h->session;

	if (s->window > 0)
		return;
	if (h->ahead < first_ahead(s))
		h->ahead = first_ahead(s);
	else
		h->ahead += s->facts.pipelining;
}

static void
take(struct headers *h, const struct answer *a)
{
	if (h->order == LINK_RETR && a->type != LINK_REFUSED)
		mailbox_mark(h->session->mailbox, a->entry, MAILBOX_RETRIEVED);
	if (a->type == LINK_CHUNK)
		header_add(h->reader, a->record.data, a->record.size);
	if (!a->is_last)
		return;
	widen(h);
	h->entry = a->entry;
	h->is_refused = a->type == LINK_REFUSED;
	h->octets = a->record.value;
	if (h->is_refused)
		answer_why(a, &h->why);
	else
		header_end(h->reader);
}

int
headers_next(struct headers *h, struct err *e)
{
	struct answer a = { .is_last = false };
	int got = 1;

	header_start(h->reader);
	while (got > 0 && !a.is_last) {
		ask(h);
		got = phase_next(h->session, &a, e);
		if (got > 0)
			take(h, &a);
	}
	return got;
}

int
headers_each(struct session *s, const bool is_wanted[], headers_take *take_one,
	     void *arg, struct err *e)
{
	struct headers h;
	int got = 1, rc = 0;

	headers_open(&h, s, LINK_TOP, is_wanted);
	do
		while (rc == 0 && (got = headers_next(&h, e)) > 0)
			if (!h.is_refused && !header_is_empty(h.header))
				rc = take_one(s, arg, h.entry, h.header, e);
	while (rc == 0 && got == 0 && headers_go_on(&h));
	headers_close(&h);
	return rc != 0 ? -1 : got;
}
