/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/incoming.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "keeper/compare.h"
#include "message/received_field.h"
#include "keeper/removal.h"

/* Does every message have a uid?  Then none needs to be known by its
 * content. */
static bool
all_have_uids(const struct mailbox *m)
{
	for (size_t i = 0; i < mailbox_count(m); i++)
		if (mailbox_at(m, i).uid_size == 0)
			return false;
	return true;
}

/* Had the server no UIDL before? */
static bool
has_rows_without_uid(const struct store_rows *rows)
{
	for (size_t i = 0; i < store_rows_count(rows); i++)
		if (store_rows_at(rows, i).uid_size == 0)
			return true;
	return false;
}

void
incoming_open(struct incoming *in, struct session *s, struct handover *h)
{
	*in = (struct incoming){
		.session = s,
		.handover = h,
		.header = header_new(),
		.knows_contents =
			has_rows_without_uid(mailbox_rows(s->mailbox)),
	};
	refusals_open(&in->refusals, s);
	if (all_have_uids(s->mailbox) && !in->knows_contents)
		header_without_content(in->header);
}

void
incoming_close(struct incoming *in)
{
	refusals_close(&in->refusals);
	header_free(&in->header);
}

/* --- one message into the batch --- */

static struct batch_message
describe(const struct mailbox *m, size_t entry)
{
	struct listing_entry l = mailbox_at(m, entry);
	struct batch_message b = {
		.number = l.number,
		.uid = l.uid,
		.uid_size = l.uid_size,
		.size = mailbox_size(m, entry),
	};
	struct store_row row;

	if (mailbox_row(m, entry, &row)) {
		b.row = row.id;
		b.attempts = row.attempts;
	}
	return b;
}

/* Notes a failure on the way from the link to a staged message, and names the
 * message. */
static int
check(struct incoming *in, size_t entry, int rc, struct err *e)
{
	if (rc == 0)
		return 0;
	in->has_failed = true;
	in->failed = entry;
	return err_context(e, "RETR %u",
			   mailbox_number(in->session->mailbox, entry));
}

static int
write_received(struct incoming *in, struct err *e)
{
	const struct session_settings *set = in->session->set;
	char *field;
	int rc;

	if (!set->keeper->received_header)
		return 0;
	field = received_field(set->server->host, set->server->user,
			       in->session->facts.encrypted, clock_unix());
	rc = batch_write(in->handover->batch, field, strlen(field), e);
	free(field);
	return rc;
}

static int
begin(struct incoming *in, size_t entry, struct err *e)
{
	struct batch_message m = describe(in->session->mailbox, entry);
	int rc;

	header_start(in->header);
	fromline_start(&in->fromline);
	in->begins_size = 0;
	rc = batch_begin(in->handover->batch, &m, e);
	if (rc == 0)
		rc = write_received(in, e);
	return check(in, entry, rc, e);
}

static int
begin_if_new(struct incoming *in, size_t entry, struct err *e)
{
	return batch_is_open(in->handover->batch) ? 0 : begin(in, entry, e);
}

/* Writes all but the From_ lines before the header. */
static int
write_piece(struct incoming *in, const uint8_t *bytes, size_t size,
	    struct err *e)
{
	struct batch *b = in->handover->batch;
	size_t taken = fromline_take(&in->fromline, bytes, size), held_size;
	const uint8_t *held = fromline_held(&in->fromline, &held_size);

	if (held_size > 0 && batch_write(b, held, held_size, e) != 0)
		return -1;
	return taken == size ? 0
			     : batch_write(b, bytes + taken, size - taken, e);
}

static void
note_begin(struct incoming *in, const uint8_t *bytes, size_t size)
{
	size_t room = sizeof(in->begins) - in->begins_size;

	if (size > room)
		size = room;
	memcpy(in->begins + in->begins_size, bytes, size);
	in->begins_size += size;
}

static void
count_bytes(struct session *s, uint64_t size)
{
	s->progress.bytes += size;
	s->result->bytes += size;
}

static int
take_chunk(struct incoming *in, const struct answer *a, struct err *e)
{
	struct session *s = in->session;
	size_t size = a->record.size;

	mailbox_mark(s->mailbox, a->entry, MAILBOX_RETRIEVED);
	if (handover_wants_no_more(in->handover)) {
		batch_cancel(in->handover->batch);
		return 0;
	}
	if (begin_if_new(in, a->entry, e) != 0)
		return -1;
	note_begin(in, a->record.data, size);
	header_add(in->header, a->record.data, size);
	count_bytes(s, size);
	phase_show_progress(s, false);
	return check(in, a->entry, write_piece(in, a->record.data, size, e), e);
}

/* --- is it known? --- */

/* Rows are in order of their ids.  SIZE_MAX: it is not a row of an earlier
 * session. */
static size_t
find_row(const struct store_rows *rows, int64_t id)
{
	size_t from = 0, to = store_rows_count(rows);

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (store_rows_at(rows, middle).id < id)
			from = middle + 1;
		else
			to = middle;
	}
	return from < store_rows_count(rows) &&
			       store_rows_at(rows, from).id == id
		       ? from
		       : SIZE_MAX;
}

/* The row of an earlier run.  What an earlier session of this run has delivered
 * is another message: both were there. */
static size_t
find_earlier(const struct session *s, int64_t id)
{
	const struct store_rows *rows = mailbox_rows(s->mailbox);
	size_t row = find_row(rows, id);

	if (row != SIZE_MAX && s->set->broken_only &&
	    store_rows_at(rows, row).delivered >= s->set->run_began)
		return SIZE_MAX;
	return row;
}

/* A row stands for one message: of several messages that are equal each needs
 * its own row, and two equal ones of this run are two. */
static int
find_content(struct incoming *in, size_t *row, struct err *e)
{
	struct session *s = in->session;
	const uint8_t *digest = header_content_digest(in->header);
	bool again = memcmp(in->content, digest, sizeof(in->content)) == 0;
	int64_t id, behind = again ? in->content_row : 0;

	for (;; behind = id) {
		if (store_find_content(s->store, digest, behind, &id, e) != 0)
			return -1;
		*row = id == 0 ? SIZE_MAX : find_earlier(s, id);
		if (*row == SIZE_MAX ||
		    !plan_row_is_here(mailbox_plan(s->mailbox), *row))
			break;
	}
	memcpy(in->content, digest, sizeof(in->content));
	in->content_row = behind;
	return 0;
}

/* In which ways may the message be a known one, though it did not look so
 * before it came?  In none if it was delivered: --all fetches that again on
 * purpose. */
static void
how_known(const struct incoming *in, size_t entry, bool *by_content,
	  bool *by_uid)
{
	const struct mailbox *m = in->session->mailbox;
	const struct plan *p = mailbox_plan(m);
	bool has_no_uid = plan_at(p, entry).by_content, is_delivered;
	size_t candidate = SIZE_MAX;
	struct store_row row;

	is_delivered =
		mailbox_row(m, entry, &row) && row.status == STORE_DELIVERED;
	/* also if it has a row of its own, in which it failed or was too
	 * large */
	*by_content = has_no_uid || (in->knows_contents && !is_delivered);
	*by_uid = !has_no_uid && !is_delivered &&
		  plan_next_candidate(p, entry, &candidate);
}

static int
look_up(struct incoming *in, size_t entry, int64_t octets, size_t *row,
	struct err *e)
{
	bool by_content, by_uid;

	*row = SIZE_MAX;
	how_known(in, entry, &by_content, &by_uid);
	if (by_content && find_content(in, row, e) != 0)
		return -1;
	if (*row != SIZE_MAX || !by_uid)
		return 0;
	return compare_retrieved(in->session, entry, header_digest(in->header),
				 octets, row, e);
}

/* The row in which it failed before it was known says nothing of this size or
 * of another any more. */
static int
give_up_row(struct session *s, const struct store_row *own, struct err *e)
{
	int rc;

	if (phase_begin_note(s, e) != 0)
		return -1;
	rc = store_set_size(s->store, own->id, LISTING_SIZE_UNKNOWN, false, e);
	if (rc == 0)
		rc = store_forget_failures(s->store, own->id, e);
	return phase_end_note(s, rc, e);
}

/* The message is that of row r.  If an earlier session delivered it, it is on
 * the server still; if one set it aside, it keeps its back-off.  *done: it is
 * not to be delivered now. */
static int
recognise(struct incoming *in, size_t entry, size_t r, bool *done,
	  struct err *e)
{
	struct session *s = in->session;
	struct store_row row = store_rows_at(mailbox_rows(s->mailbox), r), own;
	enum plan_action action;

	if (mailbox_row(s->mailbox, entry, &own) &&
	    own.status == STORE_SET_ASIDE && own.uid_size > 0 &&
	    row.status == STORE_DELIVERED && give_up_row(s, &own, e) != 0)
		return -1;
	plan_settle(mailbox_plan(s->mailbox), entry, r);
	mailbox_mark(s->mailbox, entry, MAILBOX_PROVEN);
	action = mailbox_action(s->mailbox, entry);
	*done = action != PLAN_FETCH;
	if (!*done) {
		batch_set_row(in->handover->batch, row.id, row.attempts);
		return 0;
	}
	batch_cancel(in->handover->batch);
	if (action == PLAN_DELETE)
		removal_add(s, entry, row.id);
	return 0;
}

/* --- its end --- */

/* A row without uid is found by the digest of the whole message, even where the
 * message has a uid by now. */
static const uint8_t *
digest_of(const struct incoming *in, size_t entry)
{
	const struct mailbox *m = in->session->mailbox;
	bool by_content = plan_at(mailbox_plan(m), entry).by_content;
	struct store_row row;

	if (mailbox_row(m, entry, &row))
		by_content = row.uid_size == 0;
	return by_content ? header_content_digest(in->header)
			  : header_digest(in->header);
}

static int
stage(struct incoming *in, size_t entry, int64_t octets, struct err *e)
{
	struct mailbox *m = in->session->mailbox;
	int rc;

	fromline_end(&in->fromline);
	rc = write_piece(in, NULL, 0, e);
	if (rc == 0) {
		mailbox_set_digest(m, entry, header_digest(in->header));
		rc = batch_end(in->handover->batch, digest_of(in, entry),
			       octets, header_sender(in->header), e);
	}
	if (rc == 0)
		handover_note(in->handover, entry, in->header);
	return check(in, entry, rc, e);
}

static void
throw_away(struct incoming *in)
{
	struct handover *h = in->handover;

	in->threw_away = true;
	batch_cancel(h->batch);
	if (h->is_late)
		h->thrown++;
	else if (!h->has_failed)
		in->session->is_stopped_short = true;
}

/* Behind a line too many the reply to RETR is taken for the first line of its
 * message, which is longer than listed then. */
static int
check_step(struct incoming *in, const struct answer *a, struct err *e)
{
	bool is_reply = in->begins_size == sizeof(in->begins) &&
			(memcmp(in->begins, "+OK ", 4) == 0 ||
			 memcmp(in->begins, "+OK\n", 4) == 0);
	int64_t listed = mailbox_at(in->session->mailbox, a->entry).size;
	int rc = 0;

	if (is_reply && a->record.value != listed && a->came != listed)
		rc = err_set(e, ERR_PROTOCOL,
			     "message begins with the reply: the server has "
			     "sent a line too many before it");
	return check(in, a->entry, rc, e);
}

static int
take_end(struct incoming *in, const struct answer *a, struct err *e)
{
	struct session *s = in->session;
	int64_t octets = a->record.value;
	struct store_row own;
	bool done = false;
	size_t row;

	mailbox_mark(s->mailbox, a->entry, MAILBOX_RETRIEVED);
	if (batch_is_open(in->handover->batch) && check_step(in, a, e) != 0)
		return -1;
	lockstep_see(&in->handover->lockstep, s, a->entry, octets, a->came);
	if (handover_wants_no_more(in->handover)) {
		throw_away(in);
		return 0;
	}
	if (begin_if_new(in, a->entry, e) != 0)
		return -1;
	header_end(in->header);
	if (refusals_settle(&in->refusals, e) != 0)
		return -1;
	if (octets > a->came) /* sizes are listed with line ends of two */
		count_bytes(s, (uint64_t)(octets - a->came));
	s->progress.messages++;
	phase_show_progress(s, false);
	octets = header_octets(in->header, octets);
	if (look_up(in, a->entry, octets, &row, e) != 0)
		return -1;
	if (row != SIZE_MAX &&
	    !(mailbox_row(s->mailbox, a->entry, &own) &&
	      own.id == store_rows_at(mailbox_rows(s->mailbox), row).id) &&
	    recognise(in, a->entry, row, &done, e) != 0)
		return -1;
	mailbox_mark(s->mailbox, a->entry, MAILBOX_LOOKED_UP);
	if (done)
		return 0;
	return stage(in, a->entry, octets, e);
}

/* The server refuses the message: the others are fetched all the same. */
static int
take_refused(struct incoming *in, const struct answer *a, struct err *e)
{
	struct err why;

	answer_why(a, &why);
	lockstep_refused(&in->handover->lockstep, in->session, a->entry);
	return refusals_add(&in->refusals, a->entry, &why, e);
}

int
incoming_take(struct incoming *in, const struct answer *a, struct err *e)
{
	if (a->type == LINK_CHUNK)
		return take_chunk(in, a, e);
	return a->type == LINK_REFUSED ? take_refused(in, a, e)
				       : take_end(in, a, e);
}
