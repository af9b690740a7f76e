/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/requests.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "link/report.h"
#include "sys/proc.h"

enum { LAST_WORDS_MS = 2 * 1000, FIXED = 3 /* descriptors */ };

struct request {
	enum link_type order;
	uint32_t number;
	size_t entry;
};

/* What answers of one kind have taken. */
struct pace {
	int64_t ms, count;
	int64_t least;	  /* ms of the fastest */
	int64_t expected; /* so many are still to come */
};

struct requests {
	struct link *courier, *report;
	int64_t silence_ms;
	int64_t heard; /* clock_ms of the last record */
	/* The courier reads no more: so long we wait for its last words; or
	 * 0. */
	int64_t deaf_until;
	bool said_bye; /* the courier may go */
	enum facts_flight failed_flight;
	int64_t login; /* the last LINK_LOGIN, or -1 */
	struct request ring[LINK_ORDERS_MAX];
	size_t first, count;
	uint64_t given;
	/* A part of the answer to the oldest request has come. */
	bool begun;
	int64_t came;			  /* octets of it */
	struct pace paces[LINK_QUIT + 1]; /* by order */
	int64_t since; /* clock_ms: the oldest request waits for its answer */
	struct request last; /* that was answered */
	size_t flight;
	bool is_surplus;
};

struct requests *
requests_new(struct link *courier, struct link *report, int64_t silence_ms)
{
	struct requests *x = mem_alloc(sizeof(*x));

	x->courier = courier;
	link_never_wait(courier);
	x->report = report;
	x->silence_ms = silence_ms;
	x->login = -1;
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

int64_t
requests_login(const struct requests *x)
{
	return x->login;
}

/* --- requests --- */

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

size_t
requests_flight(const struct requests *x)
{
	return x->flight;
}

uint64_t
requests_given(const struct requests *x)
{
	return x->given;
}

size_t
requests_answered(const struct requests *x, enum link_type order)
{
	return (size_t)x->paces[order].count;
}

bool
requests_broke_behind(const struct requests *x, enum link_type order,
		      size_t *entry)
{
	*entry = x->last.entry;
	return x->is_surplus && x->last.order == order;
}

bool
requests_waits_for(const struct requests *x, enum link_type order,
		   size_t *entry)
{
	*entry = x->ring[x->first].entry;
	return x->count > 0 && x->ring[x->first].order == order;
}

static void
add(struct requests *x, enum link_type order, uint32_t number, size_t entry)
{
	size_t at = (x->first + x->count) % LINK_ORDERS_MAX;

	assert(x->count < LINK_ORDERS_MAX);
	if (x->count++ == 0) {
		x->heard = x->since = clock_ms();
		/* what shows that they were out of step is no flight */
		if (order != LINK_LIST && order != LINK_UIDL)
			x->flight = 0;
	}
	if (x->count > x->flight)
		x->flight = x->count;
	x->ring[at] = (struct request){ order, number, entry };
	x->paces[order].expected++;
	x->given++;
}

void
requests_go(struct requests *x, const struct facts_go *go)
{
	/* that the courier is gone is noticed in time */
	struct err later = ERR_INIT;

	add(x, LINK_GO, 0, 0);
	facts_put_go(x->courier, go);
	(void)link_flush(x->courier, &later);
}

void
requests_give(struct requests *x, enum link_type order, uint32_t number,
	      size_t entry)
{
	add(x, order, number, entry);
	link_put(x->courier, order, number, 0, NULL, 0);
}

/* --- answers --- */

static int
fail_nonsense(const struct link_record *r, struct err *e)
{
	return err_set(e, ERR_INTERNAL, "unexpected record %u from the courier",
		       r->type);
}

/* Is it a kind of error that a courier can have?  It has no lock, no database
 * and no destination. */
static bool
is_couriers(int64_t kind)
{
	return kind > ERR_NONE && kind < ERR_KINDS && kind != ERR_BUSY &&
	       kind != ERR_USAGE && kind != ERR_DATABASE && kind != ERR_CREATE;
}

static void
read_error(const struct link_record *r, struct err *why)
{
	enum err_kind kind = ERR_INTERNAL;

	if (is_couriers(r->value))
		kind = (enum err_kind)r->value;
	err_set(why, kind, "%.*s", (int)r->size, (const char *)r->data);
}

void
answer_why(const struct answer *a, struct err *why)
{
	read_error(&a->record, why);
}

/* Which record ends the answer to this order well? */
static enum link_type
last_record(enum link_type order)
{
	switch (order) {
	case LINK_GO:
	case LINK_LIST:
	case LINK_UIDL:
		return LINK_LISTED;
	case LINK_DELE:
		return LINK_DELETED;
	case LINK_QUIT:
		return LINK_BYE;
	default:
		return LINK_END;
	}
}

/* May this record be a part of the answer that is not its last one? */
static bool
is_part(enum link_type order, unsigned type)
{
	switch (order) {
	case LINK_GO:
		return type == LINK_FACTS || type == LINK_STAT ||
		       type == LINK_UID || type == LINK_SIZE;
	case LINK_LIST:
		return type == LINK_SIZE;
	case LINK_UIDL:
		return type == LINK_UID;
	case LINK_RETR:
	case LINK_TOP:
		return type == LINK_CHUNK;
	default:
		return false;
	}
}

/* Is the record's number that of the order?  In answers to GO, and in
 * LINK_SIZE and LINK_UID, it is that of a message. */
static bool
has_own_number(enum link_type order, unsigned type)
{
	return order != LINK_GO && type != LINK_SIZE && type != LINK_UID;
}

/* --- how long they take --- */

/* A listing is no short command. */
static void
measure(struct requests *x, const struct request *r)
{
	struct pace *p = &x->paces[r->order];
	int64_t now = clock_ms(), ms = now - x->since;

	x->since = now;
	p->expected--;
	if (r->number == 0 && r->order != LINK_QUIT)
		return;
	if (p->count++ == 0 || ms < p->least)
		p->least = ms;
	p->ms += ms;
}

static bool
is_slower(const struct pace *a, const struct pace *b)
{
	return a->count > 0 &&
	       (b->count == 0 || a->ms * b->count > b->ms * a->count);
}

/* Of a kind that was not answered yet: no RETR took less than a short command
 * does. */
static struct pace
guess(const struct requests *x)
{
	static const enum link_type kinds[] = { LINK_LIST, LINK_TOP,
						LINK_DELE };
	struct pace slowest = { .count = 0 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (is_slower(&x->paces[kinds[i]], &slowest))
			slowest = x->paces[kinds[i]];
	if (slowest.count == 0)
		slowest = (struct pace){ x->paces[LINK_RETR].least, 1, 0, 0 };
	return slowest;
}

int64_t
requests_pace_ms(const struct requests *x, enum link_type order, size_t count)
{
	struct pace p = x->paces[order];

	if (p.count == 0) {
		p = guess(x);
		/* how large messages are nobody has seen */
		if (order == LINK_RETR && count > 1)
			count = 1;
	}
	return p.ms * (int64_t)count / p.count;
}

int64_t
requests_expected_ms(const struct requests *x)
{
	int64_t ms = 0;

	for (enum link_type t = LINK_LIST; t <= LINK_QUIT; t++)
		ms += requests_pace_ms(x, t, (size_t)x->paces[t].expected);
	return ms;
}

/* --- one answer --- */

static int
take_answer(struct requests *x, const struct link_record *r, struct answer *a,
	    struct err *e)
{
	struct request oldest = x->ring[x->first];
	bool part = is_part(oldest.order, r->type);

	if (x->count == 0 || (has_own_number(oldest.order, r->type) &&
			      r->number != oldest.number))
		return fail_nonsense(r, e);
	/* an answer that has begun cannot become a refusal: its beginning would
	 * go with the next message */
	if (!part && r->type != last_record(oldest.order) &&
	    (r->type != LINK_REFUSED || oldest.order == LINK_GO || x->begun))
		return fail_nonsense(r, e);
	if (!x->begun)
		x->came = 0;
	x->begun = part && r->type == LINK_CHUNK;
	if (x->begun)
		x->came += (int64_t)r->size;
	if (!part) {
		measure(x, &oldest);
		x->last = oldest;
		x->first = (x->first + 1) % LINK_ORDERS_MAX;
		x->count--;
		x->said_bye = x->said_bye || r->type == LINK_BYE;
	}
	*a = (struct answer){
		.type = (enum link_type)r->type,
		.order = oldest.order,
		.entry = oldest.entry,
		.is_last = !part,
		.came = x->came,
		.record = *r,
	};
	return 1;
}

/* Of LINK_ERROR. */
static void
read_number(struct requests *x, uint32_t number)
{
	uint32_t flight = number & ~LINK_SURPLUS;

	x->is_surplus = (number & LINK_SURPLUS) != 0;
	if (flight < FACTS_FLIGHTS)
		x->failed_flight = (enum facts_flight)flight;
}

/* What is not an answer goes on to the parent, or is the courier's end.  1: *a
 * is an answer. */
static int
take_record(struct requests *x, const struct link_record *r, struct answer *a,
	    struct err *e)
{
	const char *text = (const char *)r->data;

	x->heard = clock_ms();
	switch (r->type) {
	case LINK_NOTE:
		report_line(x->report, REPORT_VERBOSE, "%.*s", (int)r->size,
			    text);
		return 0;
	case LINK_SAID:
		report_line(x->report, REPORT_SAID, "password_command: %.*s",
			    (int)r->size, text);
		report_flush(x->report);
		return 0;
	case LINK_TRACE:
		report_line(x->report, REPORT_PROTOCOL, "%s %.*s",
			    r->value != 0 ? ">" : "<", (int)r->size, text);
		return 0;
	case LINK_PHASE:
		link_put(x->report, REPORT_PHASE, 0, 0, r->data, r->size);
		report_flush(x->report);
		return 0;
	case LINK_LOGIN:
		x->login = r->value;
		return 0;
	case LINK_ERROR:
		read_number(x, r->number);
		read_error(r, e);
		return -1;
	default:
		return take_answer(x, r, a, e);
	}
}

int
requests_next(struct requests *x, struct answer *a, struct err *e)
{
	struct link_record r;
	int got = 0;

	while (got == 0 && link_next(x->courier, &r))
		got = take_record(x, &r, a, e);
	if (got == 0 && link_is_over(x->courier) && !x->said_bye)
		return err_set(e, ERR_INTERNAL, "the courier is gone");
	return got;
}

/* --- waiting --- */

/* A courier that reads no more says why, behind all that it wrote before, which
 * may be much: so it is read on for a while. */
static void
flush_orders(struct requests *x)
{
	struct err gone = ERR_INIT;

	if (x->deaf_until == 0 && link_flush(x->courier, &gone) != 0)
		x->deaf_until = clock_deadline(LAST_WORDS_MS);
}

static int
check_time(const struct requests *x, struct err *e)
{
	int64_t now = clock_ms();

	if (link_has_next(x->courier))
		return 0;
	if (x->deaf_until != 0 && now >= x->deaf_until)
		return err_set(e, ERR_INTERNAL, "the courier is gone");
	if (x->count > 0 && now >= x->heard + x->silence_ms)
		return err_set(e, ERR_NETWORK, "the courier says nothing");
	return 0;
}

static int64_t
wait_until(const struct requests *x, int64_t until)
{
	if (x->deaf_until != 0)
		until = clock_earlier(until, x->deaf_until);
	return x->count == 0 ? until
			     : clock_earlier(until, x->heard + x->silence_ms);
}

int
requests_wait(struct requests *x, const int fds[], size_t fd_count,
	      int64_t until, struct err *e)
{
	struct pollfd p[FIXED + REQUESTS_DESCRIPTORS_MAX] = {
		{ .fd = link_input(x->courier), .events = POLLIN },
		/* only to hear that the parent is gone */
		{ .fd = link_output(x->report), .events = 0 },
		{ .fd = -1, .events = POLLOUT },
	};

	assert(fd_count <= REQUESTS_DESCRIPTORS_MAX);
	flush_orders(x);
	if (link_has_next(x->courier))
		return check_time(x, e);
	if (link_has_unsent(x->courier))
		p[2].fd = link_output(x->courier);
	for (size_t i = 0; i < fd_count; i++)
		p[FIXED + i] =
			(struct pollfd){ .fd = fds[i], .events = POLLIN };
	(void)proc_poll(p, (nfds_t)(FIXED + fd_count), wait_until(x, until));
	if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		return err_set(e, ERR_STOPPED, "the parent process is gone");
	if (link_pull(x->courier, e) != 0)
		return -1;
	return check_time(x, e);
}
