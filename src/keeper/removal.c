/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "keeper/session_state.h"
#include "state/fact.h"

/*
 * DELE for what is recorded as delivered and compared, then QUIT, in one flight where
 * the server pipelines.  Until QUIT is answered nothing is deleted; a row stays until
 * the server stops listing its uid.
 */

/* After a stop request, for DELE and QUIT. */
enum { REMOVAL_STOP_MS = 5 * 1000 };

void
removal_add(struct session *s, size_t entry, int64_t row)
{
	if (listing_at(s->listing, entry).odd ||
	    (s->marks[entry] & MARK_REMOVAL))
		return;
	s->marks[entry] |= MARK_REMOVAL;
	if (s->removal_count == s->removal_room) {
		s->removal_room = s->removal_room == 0 ? 64
						       : s->removal_room * 2;
		s->removals = mem_resize(s->removals, s->removal_room,
					 sizeof(*s->removals));
	}
	s->removals[s->removal_count++] = (struct removal){ entry, row };
}

static int
removal_end(void *arg, size_t entry, int64_t value, struct err *e)
{
	struct session *s = arg;
	char name[SESSION_NAME_MAX];

	(void)value;
	(void)e;
	session_name(s, entry, name);
	s->marked++;
	s->marks[entry] |= MARK_DELETED;
	report_line(s->report, REPORT_VERBOSE, "%s marked as deleted", name);
	return 0;
}

static int
removal_refused(void *arg, size_t entry, const struct err *why, struct err *e)
{
	struct session *s = arg;
	struct err told = *why;

	(void)e;
	s->dele_refused = true;
	err_context(&told, "DELE %u", listing_at(s->listing, entry).number);
	session_complain(s, &told);
	return 0;
}

static const struct errand_class removal_errand = {
	.order = LINK_DELE,
	.end = removal_end,
	.refused = removal_refused,
};

/* Some mailboxes answer +OK to DELE and keep the message all the same. */
static int
removal_note_useless(struct session *s, int64_t count, struct err *e)
{
	int64_t warned;

	if (count == 0)
		return 0;
	if (store_fact(s->store, FACT_WARNED_DELE, 0, &warned, e) == -1)
		return -1;
	if (warned != 0)
		return 0;
	session_warn(s, "server still lists %lld message%s deleted before: "
		     "deleted again, and not fetched again",
		     (long long)count, text_plural((uint64_t)count));
	return store_set_fact(s->store, FACT_WARNED_DELE, clock_unix(), e);
}

static bool
removal_was_sent(const struct session *s, size_t entry)
{
	size_t row = plan_at(s->plan, entry).row;

	return row != SIZE_MAX && store_rows_at(s->rows, row).dele_sent != 0;
}

/* What is about to be deleted, before it is, and on the disk: from then on its row is not
 * believed for its uid and size, and one of another size under its uid is another message
 * (one's own copy and that of a mailing list). */
static int
removal_note(struct session *s, struct err *e)
{
	int64_t now = clock_unix(), again = 0;
	int64_t confirmed;
	int result = 0;

	if (store_begin(s->store, STORE_DURABLE, e) == -1)
		return -1;
	for (size_t i = 0; i < s->removal_count && result == 0; i++) {
		again += removal_was_sent(s, s->removals[i].entry);
		if (s->removals[i].row != 0)
			result = store_set_dele_sent(
				s->store, s->removals[i].row, now, e);
	}
	if (result == 0)
		result = store_fact(s->store, FACT_QUIT_CONFIRMED, 0, &confirmed,
				    e);
	if (result == 0 && confirmed != 0)
		result = removal_note_useless(s, again, e);
	if (result == 0)
		result = store_set_fact(s->store, FACT_QUIT_CONFIRMED, 0, e);
	return session_end_note(s, result, e);
}

int
removal_run(struct session *s, struct err *e)
{
	if (s->removal_count == 0)
		return 0;
	report_phase(s->report, "deleting");
	if (session_is_stopping(s))	/* what was complete took its time */
		s->stop_until = clock_deadline(REMOVAL_STOP_MS);
	if (removal_note(s, e) == -1)
		return -1;
	for (size_t i = 0; i < s->removal_count; i++) {
		size_t entry = s->removals[i].entry;

		while (requests_room(s->requests) <= 1)	/* one is QUIT's */
			if (session_turn(s, false, e) == -1)
				return -1;
		requests_give(s->requests, &removal_errand,
			     listing_at(s->listing, entry).number, entry);
	}
	return 0;
}

/* --- QUIT --- */

static int
removal_bye(void *arg, size_t entry, int64_t value, struct err *e)
{
	struct session *s = arg;

	(void)entry;
	(void)e;
	s->bye = value;
	return 0;
}

static const struct errand_class removal_quit_errand = {
	.order = LINK_QUIT,
	.end = removal_bye,
};

static void
removal_log(struct session *s)
{
	char name[SESSION_NAME_MAX];

	s->result->deleted = s->marked;
	for (size_t i = 0; i < s->removal_count; i++) {
		size_t entry = s->removals[i].entry;

		session_name(s, entry, name);
		if (s->marks[entry] & MARK_DELETED)
			report_log(s->report, "deleted: %s", name);
	}
}

static int
removal_note_bye(struct session *s, struct err *e)
{
	if (s->removal_count == 0 || s->set->mode != SESSION_FETCH)
		return 0;
	if (s->bye == 0)
		session_warn(s, "server refused QUIT: what was to be deleted is "
			     "looked at again in the next run");
	if (s->bye != 1) {
		report_log(s->report, "deletion not confirmed: %llu messages",
			   (unsigned long long)s->marked);
		return 0;
	}
	removal_log(s);
	if (s->dele_refused)
		return 0;
	if (session_begin_note(s, e) == -1)
		return -1;
	return session_end_note(s, store_set_fact(s->store, FACT_QUIT_CONFIRMED,
						  clock_unix(), e), e);
}

/* Was something retrieved that is not delivered? */
static bool
removal_would_lose(const struct session *s)
{
	for (size_t i = 0; i < listing_count(s->listing); i++) {
		enum plan_action action = plan_at(s->plan, i).action;

		if ((s->marks[i] & MARK_RETRIEVED) &&
		    !(s->marks[i] & MARK_DELIVERED) && action != PLAN_KEEP &&
		    action != PLAN_DELETE)
			return true;
	}
	return false;
}

int
removal_quit(struct session *s, struct err *e)
{
	/* RFC 2449 section 6.7: to such a server, retrieved is as good as
	 * deleted once it hears QUIT */
	if (s->facts.expire_days == 0 && removal_would_lose(s)) {
		report_line(s->report, REPORT_VERBOSE,
			    "no QUIT: the server would delete what was not "
			    "delivered (EXPIRE 0)");
		return 0;
	}
	requests_give(s->requests, &removal_quit_errand, 0, 0);
	if (session_settle(s, e) == -1)
		return -1;
	return removal_note_bye(s, e);
}
