/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/headers.h"

void
headers_open(struct headers *h, struct session *s, enum link_type order,
	     const bool is_wanted[])
{
	*h = (struct headers){
		.session = s,
		.order = order,
		.is_wanted = is_wanted,
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

static void
ask(struct headers *h)
{
	struct session *s = h->session;
	size_t count = mailbox_count(s->mailbox);

	for (; h->next < count && requests_room(s->requests) > 0; h->next++) {
		if (!h->is_wanted[h->next])
			continue;
		if (phase_is_stopping(s)) {
			s->is_stopped_short = true;
			h->next = count;
			return;
		}
		requests_give(s->requests, h->order,
			      mailbox_number(s->mailbox, h->next), h->next);
	}
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
