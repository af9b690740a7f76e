/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "keeper/requests.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "link/report.h"
#include "sys/proc.h"

enum { REQUESTS_LAST_WORDS_MS = 2 * 1000 };

struct errand {
	const struct errand_class *class;
	uint32_t number;
	size_t entry;
};

struct requests {
	struct link *courier, *report;
	const struct requests_listing *listing;
	void *arg;
	int64_t silence_ms;
	int64_t heard;		/* clock_ms of the last record */
	bool listing_due;	/* GO was sent, LISTED has not come */
	bool said_bye;		/* the courier may go */
	enum facts_flight failed_flight;
	struct errand ring[LINK_ORDERS_MAX];
	size_t first, count;
	bool begun;		/* a part of the oldest one's answer has come */
};

struct requests *
requests_new(struct link *courier, struct link *report,
	    const struct requests_listing *listing, void *arg,
	    int64_t silence_ms)
{
	struct requests *x = mem_alloc(sizeof(*x));

	x->courier = courier;
	x->report = report;
	x->listing = listing;
	x->arg = arg;
	x->silence_ms = silence_ms;
	return x;
}

void
requests_free(struct requests **x)
{
	free(*x);
	*x = NULL;
}

enum facts_flight
requests_failed_flight(const struct requests *x)
{
	return x->failed_flight;
}

/* --- orders --- */

void
requests_go(struct requests *x, const struct facts_go *go)
{
	struct err later = ERR_INIT;	/* a courier that is gone is seen in time */

	facts_put_go(x->courier, go);
	(void)link_flush(x->courier, &later);
	x->listing_due = true;
	x->heard = clock_ms();
}

size_t
requests_room(const struct requests *x)
{
	return LINK_ORDERS_MAX - x->count;
}

size_t
requests_count(const struct requests *x)
{
	return x->count;
}

bool
requests_waits_for(const struct requests *x, const struct errand_class *class,
		  size_t *entry)
{
	*entry = x->ring[x->first].entry;
	return x->count > 0 && x->ring[x->first].class == class;
}

void
requests_give(struct requests *x, const struct errand_class *class,
	     uint32_t number, size_t entry)
{
	struct errand *n = &x->ring[(x->first + x->count) % LINK_ORDERS_MAX];

	assert(x->count < LINK_ORDERS_MAX);
	if (x->count++ == 0)
		x->heard = clock_ms();
	*n = (struct errand){
		.class = class,
		.number = number,
		.entry = entry,
	};
	link_put(x->courier, class->order, number, 0, NULL, 0);
}

/* --- answers --- */

static int
requests_nonsense(const struct link_record *r, struct err *e)
{
	return err_set(e, ERR_INTERNAL, "unexpected record %u from the courier",
		       r->type);
}

static void
requests_text(const struct link_record *r, struct err *why)
{
	enum err_kind kind = ERR_INTERNAL;

	if (r->value > ERR_NONE && r->value < ERR_KINDS)
		kind = (enum err_kind)r->value;
	err_set(why, kind, "%.*s", (int)r->size, (const char *)r->data);
}

static int
requests_finish(struct requests *x, const struct link_record *r, struct err *e)
{
	struct errand done = x->ring[x->first];
	struct err why = ERR_INIT;

	x->first = (x->first + 1) % LINK_ORDERS_MAX;
	x->count--;
	x->begun = false;
	x->said_bye = x->said_bye || r->type == LINK_BYE;
	if (r->type != LINK_REFUSED)
		return done.class->end == NULL ? 0
			: done.class->end(x->arg, done.entry, r->value, e);
	requests_text(r, &why);
	return done.class->refused == NULL ? 0
		: done.class->refused(x->arg, done.entry, &why, e);
}

/* Which record ends an errand well? */
static unsigned
requests_last_record(unsigned order)
{
	switch (order) {
	case LINK_LIST:
		return LINK_LISTED;
	case LINK_DELE:
		return LINK_DELETED;
	case LINK_QUIT:
		return LINK_BYE;
	default:
		return LINK_END;
	}
}

static int
requests_answer(struct requests *x, const struct link_record *r, struct err *e)
{
	const struct errand *first = &x->ring[x->first];

	if (x->count == 0)
		return requests_nonsense(r, e);
	if (first->class->order == LINK_LIST && r->type == LINK_SIZE)
		return x->listing->size(x->arg, r->number, r->value, e);
	if (r->number != first->number)
		return requests_nonsense(r, e);
	if (r->type == LINK_CHUNK && (first->class->order == LINK_RETR ||
				      first->class->order == LINK_TOP)) {
		x->begun = true;
		return first->class->chunk == NULL ? 0
			: first->class->chunk(x->arg, first->entry, r->data,
					      r->size, e);
	}
	/* what is refused has no beginning, which would go with the next message */
	if (r->type == LINK_REFUSED ? x->begun
	    : r->type != requests_last_record(first->class->order))
		return requests_nonsense(r, e);
	return requests_finish(x, r, e);
}

static int
requests_list_record(struct requests *x, const struct link_record *r,
		    struct err *e)
{
	struct facts facts;
	char why[ERR_TEXT_MAX];

	switch (r->type) {
	case LINK_FACTS:
		if (facts_read(r, &facts, e) != 0)
			return -1;
		return x->listing->facts(x->arg, &facts, e);
	case LINK_STAT:
		return x->listing->stat(x->arg, r->number, r->value, e);
	case LINK_UID:
		return x->listing->uid(x->arg, r->number, r->data, r->size, e);
	case LINK_SIZE:
		return x->listing->size(x->arg, r->number, r->value, e);
	case LINK_LISTED:
		x->listing_due = false;
		text_safe(why, sizeof(why), r->data, r->size);
		return x->listing->listed(x->arg, r->value != 0, why, e);
	default:
		break;
	}
	return requests_nonsense(r, e);
}

static int
requests_record(struct requests *x, const struct link_record *r, struct err *e)
{
	const char *text = (const char *)r->data;

	switch (r->type) {
	case LINK_NOTE:
		report_line(x->report, REPORT_VERBOSE, "%.*s", (int)r->size,
			    text);
		return 0;
	case LINK_TRACE:
		report_line(x->report, REPORT_PROTOCOL, "%s %.*s",
			    r->value != 0 ? ">" : "<", (int)r->size, text);
		return 0;
	case LINK_PHASE:
		link_put(x->report, REPORT_PHASE, 0, 0, r->data, r->size);
		report_flush(x->report);
		return 0;
	case LINK_ERROR:
		if (r->number < FACTS_FLIGHTS)
			x->failed_flight = (enum facts_flight)r->number;
		requests_text(r, e);
		return -1;
	default:
		return x->listing_due ? requests_list_record(x, r, e)
				      : requests_answer(x, r, e);
	}
}

/* --- waiting --- */

/* One bufferful, so that the caller gets to its batch in the midst of a torrent. */
static int
requests_records(struct requests *x, struct err *e)
{
	struct link_record r;

	if (link_pull(x->courier, e) == -1)
		return -1;
	while (link_next(x->courier, &r)) {
		x->heard = clock_ms();
		if (requests_record(x, &r, e) == -1)
			return -1;
	}
	if (link_is_over(x->courier) && !x->said_bye)
		return err_set(e, ERR_INTERNAL, "the courier is gone");
	return 0;
}

static int
requests_check_silence(const struct requests *x, struct err *e)
{
	if ((x->count > 0 || x->listing_due) &&
	    clock_ms() >= x->heard + x->silence_ms)
		return err_set(e, ERR_NETWORK, "the courier says nothing");
	return 0;
}

/* The courier reads no more: it says why, behind all that was read before, which may be
 * much. */
static int
requests_last_words(struct requests *x, struct err *e)
{
	struct pollfd p = { .fd = link_input(x->courier), .events = POLLIN };
	int64_t until = clock_deadline(REQUESTS_LAST_WORDS_MS);

	while (!link_is_over(x->courier) && clock_ms() < until) {
		(void)proc_poll(&p, 1, until);
		if (requests_records(x, e) == -1)
			return -1;
	}
	return err_set(e, ERR_INTERNAL, "the courier is gone");
}

int
requests_wait(struct requests *x, const struct batch *b, int64_t until,
	     struct err *e)
{
	struct pollfd p[2 + DELIVER_POLL_MAX] = {
		{ .fd = link_input(x->courier), .events = POLLIN },
		/* only to hear that the parent is gone */
		{ .fd = link_output(x->report), .events = 0 },
	};
	struct err gone = ERR_INIT;
	int fds[DELIVER_POLL_MAX];
	size_t extra = b == NULL ? 0 : batch_poll(b, fds);

	for (size_t i = 0; i < extra; i++)
		p[2 + i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (link_flush(x->courier, &gone) == -1)
		return requests_last_words(x, e);
	if (x->count > 0 || x->listing_due)
		until = clock_earlier(until, x->heard + x->silence_ms);
	(void)proc_poll(p, (nfds_t)(2 + extra), until);
	if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		return err_set(e, ERR_STOPPED, "the parent process is gone");
	if (requests_records(x, e) == -1)
		return -1;
	return requests_check_silence(x, e);
}
