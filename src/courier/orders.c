/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "courier/orders.h"

#include <assert.h>

#include "base/clock.h"
#include "net/stream.h"

/* A listing may be longer than STAT said, but not endless. */
enum {
	ORDERS_SURPLUS_LINES = 10000,
	ORDERS_LINES_MAX = 10 * 1000 * 1000,
	ORDERS_BYTES_MAX = 256 * 1024 * 1024,
	LINE_SHOWN = 80 /* of a malformed one */
};
/* While there are replies to read, no more orders than this are fetched. */
enum { ORDERS_ENOUGH = ORDERS_WINDOW / 4 };

struct order {
	unsigned type; /* enum link_type */
	uint32_t number;
};

struct orders {
	struct pop3 *pop3;
	struct link *link;
	bool pipelining;
	struct order ring[LINK_ORDERS_MAX];
	size_t first;	    /* the oldest one whose reply was not read yet */
	size_t sent;	    /* how many in the ring were sent */
	size_t count;	    /* how many are in the ring */
	uint64_t messages;  /* by STAT; UINT32_MAX: it does not say */
	struct err no_stat; /* how STAT was malformed, or ERR_NONE */
	bool quitting;	    /* QUIT was sent */
	bool done;	    /* and was answered */
};

/* Before a wait for the server, passes on to the keeper what has gathered. */
static int
before_wait(struct orders *o, struct err *e)
{
	if (pop3_has_input(o->pop3))
		return 0;
	return link_flush(o->link, e);
}

static int
read_reply(struct orders *o, struct pop3_reply *r, struct err *e)
{
	if (before_wait(o, e) != 0)
		return -1;
	return pop3_reply(o->pop3, false, r, e);
}

/* --- lists --- */

/* read_lines is given this (pass_uid, pass_size) and calls it for each line of
 * a listing, while the rest of it is still to be read; the line is borrowed. */
typedef int orders_line(struct orders *o, const uint8_t *line, size_t size,
			struct err *e);

static int
read_lines(struct orders *o, orders_line *each, struct err *e)
{
	uint64_t most = 2 * o->messages + ORDERS_SURPLUS_LINES, bytes = 0;
	const uint8_t *line;
	size_t size;
	bool end;

	if (most > ORDERS_LINES_MAX)
		most = ORDERS_LINES_MAX;
	for (uint64_t n = 0; n < most && bytes <= ORDERS_BYTES_MAX; n++) {
		if (before_wait(o, e) != 0 ||
		    pop3_list_line(o->pop3, &line, &size, &end, e) != 0)
			return -1;
		if (end)
			return 0;
		bytes += size;
		if (each(o, line, size, e) != 0)
			return -1;
	}
	return err_set(e, ERR_PROTOCOL,
		       "listing of %llu messages does not end after "
		       "%llu bytes",
		       (unsigned long long)o->messages,
		       (unsigned long long)bytes);
}

/* One message must not stop the others.  But a status indicator shows that the
 * replies are out of step. */
static int
pass_malformed(struct orders *o, enum link_type type, const uint8_t *line,
	       size_t size, struct err *e)
{
	bool is_status = pop3_is_status(line, size);

	pop3_mask(o->pop3, &line, &size);
	if (size > LINE_SHOWN)
		size = LINE_SHOWN;
	if (is_status)
		return err_set(e, ERR_PROTOCOL, "malformed line '%.*s'",
			       (int)size, (const char *)line);
	link_put(o->link, type, 0, LINK_MALFORMED, line, size);
	return 0;
}

static int
pass_uid(struct orders *o, const uint8_t *line, size_t size, struct err *e)
{
	const uint8_t *uid;
	size_t uid_size;
	uint32_t number;

	if (!pop3_parse_uid(line, size, &number, &uid, &uid_size) ||
	    uid_size > LINK_PAYLOAD_MAX)
		return pass_malformed(o, LINK_UID, line, size, e);
	link_put(o->link, LINK_UID, number, 0, uid, uid_size);
	return 0;
}

static int
pass_size(struct orders *o, const uint8_t *line, size_t size, struct err *e)
{
	uint32_t number;
	int64_t octets;

	if (!pop3_parse_size(line, size, &number, &octets))
		return pass_malformed(o, LINK_SIZE, line, size, e);
	link_put(o->link, LINK_SIZE, number, octets, NULL, 0);
	return 0;
}

static int
read_stat(struct orders *o, struct err *e)
{
	struct pop3_reply r;
	uint64_t count;
	int64_t total;

	if (read_reply(o, &r, e) != 0)
		return err_context(e, "STAT");
	if (r.status != POP3_OK) {
		pop3_session_refusal(&r, ERR_LATER, e);
		return err_context(e, "STAT");
	}
	if (!pop3_parse_stat(&r, &count, &total)) {
		pop3_malformed(o->pop3, &o->no_stat, "STAT: malformed reply",
			       r.text, r.text_size);
		count = UINT32_MAX;
		total = -1;
	}
	if (count > UINT32_MAX)
		count = UINT32_MAX;
	o->messages = count;
	link_put(o->link, LINK_STAT, (uint32_t)count, total, NULL, 0);
	return 0;
}

/* *refusal becomes what a server said instead of giving a listing; it stays
 * ERR_NONE if there was one. */
static int
read_list(struct orders *o, const char *command, orders_line *each,
	  struct err *refusal, struct err *e)
{
	struct pop3_reply r;

	if (read_reply(o, &r, e) != 0)
		return err_context(e, "%s", command);
	if (r.status != POP3_OK) {
		pop3_session_refusal(&r, ERR_PROTOCOL, refusal);
		if (r.code == POP3_CODE_NONE && refusal->kind != ERR_TROUBLE)
			return 0;
		*e = *refusal;
		return err_context(e, "%s", command);
	}
	if (read_lines(o, each, e) != 0)
		return err_context(e, "%s", command);
	return 0;
}

int
orders_ask(struct pop3 *p, bool wants_sizes, struct err *e)
{
	if (pop3_command(p, e, "STAT") != 0 || pop3_command(p, e, "UIDL") != 0)
		return -1;
	return wants_sizes ? pop3_command(p, e, "LIST") : 0;
}

/* Sends one command, unless all were sent in one flight. */
static int
ask_one(struct orders *o, const char *command, struct err *e)
{
	return o->pipelining ? 0 : pop3_command(o->pop3, e, "%s", command);
}

static int
give_listing(struct orders *o, const struct orders_settings *settings,
	     struct err *e)
{
	struct err no_uidl = ERR_INIT, no_list = ERR_INIT;

	if (o->pipelining && !settings->asked &&
	    orders_ask(o->pop3, settings->wants_sizes, e) != 0)
		return -1;
	if (ask_one(o, "STAT", e) != 0 || read_stat(o, e) != 0 ||
	    ask_one(o, "UIDL", e) != 0 ||
	    read_list(o, "UIDL", pass_uid, &no_uidl, e) != 0)
		return -1;
	/* without either of them there is no listing that could be trusted */
	if (no_uidl.kind != ERR_NONE && o->no_stat.kind != ERR_NONE) {
		*e = o->no_stat;
		return -1;
	}
	if (settings->wants_sizes &&
	    (ask_one(o, "LIST", e) != 0 ||
	     read_list(o, "LIST", pass_size, &no_list, e) != 0))
		return -1;
	link_put_text(o->link, LINK_LISTED, 0, no_uidl.kind == ERR_NONE,
		      no_uidl.text);
	return link_flush(o->link, e);
}

/* --- orders in --- */

static struct order *
order_at(struct orders *o, size_t i)
{
	return &o->ring[(o->first + i) % LINK_ORDERS_MAX];
}

static int
take(struct orders *o, struct err *e)
{
	struct link_record r;

	/* a look at the link before each reply would be a system call for each
	 * message */
	if (o->count >= ORDERS_WINDOW ||
	    (o->count > ORDERS_ENOUGH && pop3_has_input(o->pop3)))
		return 0;
	if (link_pull(o->link, e) != 0)
		return -1;
	while (o->count < LINK_ORDERS_MAX && link_next(o->link, &r)) {
		if (r.type < LINK_LIST || r.type > LINK_QUIT)
			return err_set(e, ERR_INTERNAL, "unknown order");
		*order_at(o, o->count++) = (struct order){
			.type = r.type,
			.number = r.number,
		};
	}
	return 0;
}

/* --- commands out --- */

static int
send_command(struct orders *o, const struct order *order, struct err *e)
{
	struct pop3 *p = o->pop3;

	switch (order->type) {
	case LINK_LIST:
		if (order->number == 0)
			return pop3_command(p, e, "LIST");
		return pop3_command(p, e, "LIST %u", order->number);
	case LINK_UIDL:
		return pop3_command(p, e, "UIDL");
	case LINK_TOP:
		return pop3_command(p, e, "TOP %u 0", order->number);
	case LINK_RETR:
		return pop3_command(p, e, "RETR %u", order->number);
	case LINK_DELE:
		return pop3_command(p, e, "DELE %u", order->number);
	default:
		assert(order->type == LINK_QUIT);
		o->quitting = true;
		return pop3_command(p, e, "QUIT");
	}
}

static int
send_orders(struct orders *o, struct err *e)
{
	size_t window = o->pipelining ? ORDERS_WINDOW : 1;

	/* input that is there already cannot be the answer to what is sent
	 * now */
	if (o->sent == 0 && o->count > 0 && pop3_check_idle(o->pop3, e) != 0)
		return -1;
	while (o->sent < o->count && o->sent < window && !o->quitting)
		if (send_command(o, order_at(o, o->sent++), e) != 0)
			return -1;
	return 0;
}

/* --- replies in --- */

static const char *
order_name(unsigned type)
{
	switch (type) {
	case LINK_LIST:
		return "LIST";
	case LINK_UIDL:
		return "UIDL";
	case LINK_TOP:
		return "TOP";
	case LINK_RETR:
		return "RETR";
	case LINK_DELE:
		return "DELE";
	default:
		return "QUIT";
	}
}

static int
pass_message(struct orders *o, uint32_t number, struct err *e)
{
	struct body body;

	body_start(&body);
	do {
		size_t room, got;
		uint8_t *to;

		if (before_wait(o, e) != 0)
			return -1;
		to = link_reserve(o->link, BODY_OUT_MIN, &room);
		if (pop3_body(o->pop3, &body, to, room, &got, e) != 0)
			return -1;
		if (got > 0)
			link_commit(o->link, LINK_CHUNK, number, 0, got);
	} while (!body.ended);
	link_put(o->link, LINK_END, number,
		 body.octets > INT64_MAX ? INT64_MAX : (int64_t)body.octets,
		 NULL, 0);
	return 0;
}

/* Some servers answer with the size alone, or with a list. */
static bool
pass_one_size(struct orders *o, uint32_t number, const struct pop3_reply *r)
{
	uint32_t told;
	int64_t octets;

	if (!pop3_parse_size(r->text, r->text_size, &told, &octets) ||
	    told != number)
		return false;
	link_put(o->link, LINK_SIZE, number, octets, NULL, 0);
	return true;
}

static int
pass_list(struct orders *o, const struct order *order,
	  const struct pop3_reply *r, struct err *e)
{
	bool ok = r->status == POP3_OK;

	/* what is said of one message may be true of that one alone */
	if (!ok && order->number == 0 && r->meaning == WORDS_TROUBLE)
		return pop3_session_refusal(r, ERR_TROUBLE, e);
	if (ok && order->number != 0)
		ok = pass_one_size(o, order->number, r);
	else if (ok &&
		 read_lines(o, order->type == LINK_UIDL ? pass_uid : pass_size,
			    e) != 0)
		return -1;
	link_put(o->link, LINK_LISTED, order->number, ok, NULL, 0);
	return 0;
}

static void
pass_refusal(struct orders *o, uint32_t number, const struct pop3_reply *r)
{
	struct err why = ERR_INIT;

	pop3_session_refusal(r, ERR_MESSAGE, &why);
	link_put_text(o->link, LINK_REFUSED, number, (int64_t)why.kind,
		      why.text);
}

static void
pass_bye(struct orders *o, const struct pop3_reply *r)
{
	const uint8_t *text = r->text;
	size_t size = r->text_size;

	pop3_mask(o->pop3, &text, &size);
	link_put(o->link, LINK_BYE, 0, r->status == POP3_OK, text,
		 size < LINK_PAYLOAD_MAX ? size : LINK_PAYLOAD_MAX);
	o->done = true;
}

static int
pass_answer(struct orders *o, const struct order *order,
	    const struct pop3_reply *r, struct err *e)
{
	switch (order->type) {
	case LINK_LIST:
	case LINK_UIDL:
		return pass_list(o, order, r, e);
	case LINK_QUIT:
		pass_bye(o, r);
		return 0;
	default:
		break;
	}
	if (r->status != POP3_OK)
		pass_refusal(o, order->number, r);
	else if (order->type == LINK_DELE)
		link_put(o->link, LINK_DELETED, order->number, 0, NULL, 0);
	else
		return pass_message(o, order->number, e);
	return 0;
}

static int
add_context(const struct order *order, struct err *e)
{
	if (order->number == 0)
		return err_context(e, "%s", order_name(order->type));
	return err_context(e, "%s %u", order_name(order->type), order->number);
}

static int
finish_one(struct orders *o, struct err *e)
{
	struct order order = *order_at(o, 0);
	struct pop3_reply r;

	if (read_reply(o, &r, e) != 0) {
		/* the server may just close instead of answering QUIT */
		if (order.type != LINK_QUIT || e->kind != ERR_NETWORK)
			return add_context(&order, e);
		link_put_text(o->link, LINK_BYE, 0, -1, e->text);
		err_clear(e);
		o->done = true;
		return 0;
	}
	if (pass_answer(o, &order, &r, e) != 0)
		return add_context(&order, e);
	o->first = (o->first + 1) % LINK_ORDERS_MAX;
	o->count--;
	o->sent--;
	return 0;
}

/* Waits for an order while no reply is outstanding, and keeps the session
 * alive. */
static int
wait_idle(struct orders *o, struct err *e)
{
	int64_t noop = clock_deadline(ORDERS_NOOP_MS);
	struct pop3_reply r;
	bool ready;

	if (link_flush(o->link, e) != 0)
		return -1;
	if (stream_wait(pop3_stream(o->pop3), link_input(o->link), noop, &ready,
			e) != 0 ||
	    pop3_check_idle(o->pop3, e) != 0)
		return -1;
	if (ready || clock_ms() < noop)
		return 0;
	/* any answer will do: the server has heard us */
	if (pop3_command(o->pop3, e, "NOOP") != 0 ||
	    pop3_reply(o->pop3, false, &r, e) != 0)
		return err_context(e, "NOOP");
	return 0;
}

int
orders_run(struct pop3 *p, struct link *l,
	   const struct orders_settings *settings, struct err *e)
{
	struct orders o = {
		.pop3 = p,
		.link = l,
		.pipelining = settings->pipelining,
	};

	if (give_listing(&o, settings, e) != 0)
		return -1;
	while (!o.done) {
		if (take(&o, e) != 0)
			return -1;
		if (o.count == 0 && link_is_over(l))
			return 0;
		if (send_orders(&o, e) != 0)
			return -1;
		if ((o.sent > 0 ? finish_one : wait_idle)(&o, e) != 0)
			return -1;
	}
	return link_flush(l, e);
}
