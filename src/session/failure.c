/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/failure.h"

#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "session/identity.h"
#include "session/unnamed.h"
#include "state/fact.h"

bool
failure_row(const struct mailbox *m, size_t entry, struct store_row *row)
{
	struct store_row candidate;
	size_t at = SIZE_MAX;
	bool may_be_missing;

	if (mailbox_row(m, entry, row))
		return true;
	if (mailbox_action(m, entry) != PLAN_COMPARE)
		return false;
	may_be_missing = identity_may_be_missing(m, entry);
	while (plan_next_candidate(mailbox_plan(m), entry, &at)) {
		candidate = store_rows_at(mailbox_rows(m), at);
		if ((candidate.status == STORE_DELIVERED && may_be_missing) ||
		    !identity_may_have_failed(m, entry, at))
			continue;
		*row = candidate;
		return true;
	}
	return false;
}

/* A new one under the uid of one that was set aside because sessions broke at
 * it, with another size, may be that one: *row then. */
static bool
find_broken_before(const struct mailbox *m, size_t entry, struct store_row *row)
{
	size_t at = SIZE_MAX;

	if (mailbox_action(m, entry) != PLAN_FETCH ||
	    mailbox_row(m, entry, row))
		return false;
	while (plan_next_candidate(mailbox_plan(m), entry, &at)) {
		*row = store_rows_at(mailbox_rows(m), at);
		if (row->broke && row->status == STORE_SET_ASIDE)
			return true;
	}
	return false;
}

static bool
has_broken(const struct mailbox *m, size_t entry, const struct store_row *row)
{
	struct store_row before;

	return row->broke || mailbox_is(m, entry, MAILBOX_BROKE) ||
	       find_broken_before(m, entry, &before);
}

bool
failure_has_broken(const struct mailbox *m, size_t entry)
{
	struct store_row row = { .broke = false };

	(void)failure_row(m, entry, &row);
	return has_broken(m, entry, &row);
}

unsigned
failure_count(const struct mailbox *m, size_t entry)
{
	struct store_row row;
	unsigned now =
		mailbox_is(m, entry, MAILBOX_BROKE | MAILBOX_WAS_REFUSED);

	return failure_row(m, entry, &row) ? row.attempts + now : now;
}

bool
failure_is_safer(const struct mailbox *m, size_t entry, size_t other)
{
	unsigned failures = failure_count(m, entry);
	bool is_turn_of_last = failures / 2 % 2 == 1; /* for TOP and RETR */

	if (other == SIZE_MAX)
		return true;
	return failures < failure_count(m, other) + is_turn_of_last;
}

/* --- turns --- */

static bool
is_due(const struct session *s, const struct store_row *row)
{
	return row->attempts == 0 || s->set->ignore_backoff ||
	       plan_true_try(row->next_try, s->now) <= s->now;
}

bool
failure_is_put_off(const struct session *s, size_t entry)
{
	struct store_row row;

	return failure_row(s->mailbox, entry, &row) && !is_due(s, &row);
}

bool
failure_has_turn(const struct session *s, size_t entry)
{
	struct store_row row = { .attempts = 0 };

	(void)failure_row(s->mailbox, entry, &row);
	return has_broken(s->mailbox, entry, &row) == s->turn.tries_broken &&
	       is_due(s, &row);
}

static const enum plan_action wanted[] = { PLAN_FETCH, PLAN_COMPARE, PLAN_LEARN,
					   PLAN_DELETE };
enum { WANTED = sizeof(wanted) / sizeof(*wanted) };

/* Is there anything to do about it at all? */
static bool
is_wanted(const struct mailbox *m, size_t entry)
{
	for (size_t i = 0; i < WANTED; i++)
		if (mailbox_action(m, entry) == wanted[i])
			return true;
	return false;
}

static bool
are_any_wanted(const struct mailbox *m)
{
	for (size_t i = 0; i < WANTED; i++)
		if (plan_count(mailbox_plan(m), wanted[i]) > 0)
			return true;
	return false;
}

static bool
awaits_turn(const struct session *s, size_t entry)
{
	const struct mailbox *m = s->mailbox;
	struct store_row row = { .attempts = 0 };

	if (!is_wanted(m, entry) ||
	    mailbox_is(m, entry,
		       MAILBOX_TRIED | MAILBOX_REMOVAL | MAILBOX_DELETED))
		return false;
	(void)failure_row(m, entry, &row);
	return has_broken(m, entry, &row) && is_due(s, &row);
}

bool
failure_awaits_turn(const struct session *s, bool named)
{
	const struct mailbox *m = s->mailbox;

	if (!are_any_wanted(m))
		return false;
	for (size_t i = 0; i < mailbox_count(m); i++)
		if (awaits_turn(s, i) &&
		    (!named || mailbox_at(m, i).uid_size > 0))
			return true;
	return false;
}

enum { OVERDUE_S = 3600, OVERDUE_DELAYS = 4 };

bool
failure_is_overdue(const struct session *s)
{
	int64_t wait = OVERDUE_S + OVERDUE_DELAYS * s->facts.login_delay_s;
	struct err ignored = ERR_INIT;
	int64_t since;

	return store_fact(s->store, FACT_TURN_MISSED, 0, &since, &ignored) ==
		       0 &&
	       since != 0 && s->now - since >= wait;
}

int
failure_begin_turn(struct session *s, struct err *e)
{
	int64_t broke;

	if (store_fact(s->store, FACT_TURN_BROKE, 0, &broke, e) != 0)
		return -1;
	s->turn.is_careful = broke != 0;
	s->turn.was_taken = true;
	return failure_note_turn(s, false, e);
}

int
failure_note_turn(struct session *s, bool missed, struct err *e)
{
	int64_t before;

	if (store_fact(s->store, FACT_TURN_MISSED, 0, &before, e) != 0)
		return -1;
	if (missed ? before != 0 && before <= s->now : before == 0)
		return 0;
	return phase_note_fact(s, FACT_TURN_MISSED, missed ? s->now : 0, e);
}

static bool
is_unnamed(const struct session *s, size_t entry)
{
	return mailbox_at(s->mailbox, entry).uid_size == 0;
}

size_t
failure_left(const struct session *s)
{
	const struct mailbox *m = s->mailbox;
	size_t left = 0;

	for (size_t i = 0; i < mailbox_count(m); i++)
		left += (mailbox_action(m, i) == PLAN_FETCH ||
			 mailbox_action(m, i) == PLAN_COMPARE) &&
			awaits_turn(s, i);
	return left;
}

/* --- counting --- */

unsigned
failure_attempts(const struct session *s, size_t entry)
{
	return is_unnamed(s, entry) ? unnamed_attempts(s, entry)
				    : failure_count(s->mailbox, entry);
}

static int64_t
next_try(enum failure_kind kind, int64_t now, unsigned attempts)
{
	return kind == FAILURE_REFUSED ? backoff_next(now, attempts)
				       : backoff_next_broken(now, attempts);
}

/* A message without a row gets one, which says that it was set aside.  It is
 * there, though nothing may have been seen of it for long. */
static int
make_row(struct session *s, size_t entry, int64_t *row, struct err *e)
{
	struct listing_entry l = mailbox_at(s->mailbox, entry);
	struct store_message m = { l.uid, l.uid_size, l.size, NULL, 0 };
	struct store_row own;

	/* the row of another size than the message is compared with */
	if (*row != 0 && !mailbox_row(s->mailbox, entry, &own))
		m.size = -1;
	if (store_set_aside(s->store, row, &m, 0, "", e) != 0)
		return -1;
	return store_set_gone(s->store, *row, 0, e);
}

/* The row to count in. */
struct count {
	int64_t row; /* 0: there is none yet */
	unsigned attempts;
	bool is_delivered;
};

static struct count
find_count(const struct session *s, size_t entry, int64_t row)
{
	struct store_row known;
	bool is_known = failure_row(s->mailbox, entry, &known);

	/* this session has recorded it as delivered: the plan knows of no row,
	 * or of what the row was before */
	if (row != 0 &&
	    (!is_known || known.id != row || known.status != STORE_DELIVERED))
		return (struct count){ .row = row, .is_delivered = true };
	if (!is_known && !find_broken_before(s->mailbox, entry, &known))
		return (struct count){ .row = 0 };
	return (struct count){ known.id, known.attempts,
			       known.status == STORE_DELIVERED };
}

static int
write_count(struct session *s, size_t entry, struct count c, bool broke,
	    int64_t next, const char *why, struct err *e)
{
	if (!c.is_delivered && make_row(s, entry, &c.row, e) != 0)
		return -1;
	return store_set_failures(s->store, c.row, c.attempts + 1, next, broke,
				  why, e);
}

int
failure_note(struct session *s, size_t entry, int64_t row,
	     enum failure_kind kind, const char *why, struct err *e)
{
	struct count c = find_count(s, entry, row);
	bool unnamed = c.row == 0 && is_unnamed(s, entry);
	bool broke = kind == FAILURE_BROKE;
	int64_t next;

	if (unnamed)
		c.attempts = unnamed_attempts(s, entry);
	next = next_try(kind, clock_unix(), c.attempts);
	if (unnamed)
		return unnamed_note(s, entry, next, broke, e);
	if (phase_begin_note(s, e) != 0)
		return -1;
	return phase_end_note(s, write_count(s, entry, c, broke, next, why, e),
			      e);
}

int
failure_forget(struct session *s, size_t entry, struct err *e)
{
	struct store_row row;

	if (!failure_row(s->mailbox, entry, &row) || row.attempts == 0 ||
	    row.status != STORE_DELIVERED || !is_due(s, &row))
		return 0;
	if (phase_begin_note(s, e) != 0)
		return -1;
	return phase_end_note(s, store_forget_failures(s->store, row.id, e), e);
}

const char *
failure_fate(bool is_delivered)
{
	return is_delivered ? "not deleted for now" : "set aside";
}

void
failure_say_fate(const struct session *s, size_t entry, bool is_delivered,
		 struct err *e)
{
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, entry, name);
	err_context(e, "%s is %s", name, failure_fate(is_delivered));
}

static bool
is_of_message(const char *error)
{
	return strstr(error, " is set aside: ") ||
	       strstr(error, " is not deleted for now: ");
}

static bool
has_any_failed(const struct store_rows *rows)
{
	bool has = false;

	for (size_t i = 0; i < store_rows_count(rows) && !has; i++) {
		struct store_row row = store_rows_at(rows, i);

		has = row.gone_since == 0 &&
		      (row.status == STORE_SET_ASIDE || row.attempts > 0);
	}
	return has;
}

int
failure_settle(struct session *s, struct err *e)
{
	struct store_rows *rows = NULL;
	char *error = NULL;
	bool is_settled = false;

	if (store_fact_text(s->store, FACT_LAST_ERROR, &error, e) != 0)
		return -1;
	if (error && is_of_message(error) &&
	    store_load(s->store, &rows, e) == 0)
		is_settled = !has_any_failed(rows);
	free(error);
	store_rows_free(&rows);
	if (e->kind != ERR_NONE)
		return -1;
	return is_settled ? phase_note_fact(s, FACT_LAST_FAILURE, 0, e) : 0;
}

/* People hear of it once: the errors themselves may have been folded, each of
 * them behind a session that went well. */
static void
say_left(struct session *s, size_t entry, const struct count *c,
	 const struct err *why)
{
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, entry, name);
	report_log(s->report, "%s: %s: %s", failure_fate(c->is_delivered), name,
		   why->text);
	if (c->attempts == BACKOFF_PATIENCE)
		phase_warn(s, "%s is %s, since three sessions broke at it: %s",
			   name, failure_fate(c->is_delivered), why->text);
}

void
failure_blame(struct session *s, size_t entry, int64_t row,
	      const struct err *why)
{
	struct count c = find_count(s, entry, row);
	bool unnamed = is_unnamed(s, entry);
	struct err ignored = ERR_INIT;
	int64_t next;

	if (unnamed)
		c.attempts = unnamed_attempts(s, entry);
	if (why->kind == ERR_STOPPED && c.attempts >= BACKOFF_PATIENCE)
		return;
	next = next_try(FAILURE_BROKE, clock_unix(), c.attempts);
	(void)(unnamed ? unnamed_note(s, entry, next, true, &ignored)
		       : failure_note(s, entry, row, FAILURE_BROKE, why->text,
				      &ignored));
	if (c.attempts >= BACKOFF_PATIENCE)
		say_left(s, entry, &c, why);
}

bool
failure_may_be_by_message(const struct err *why)
{
	return why->kind == ERR_PROTOCOL || why->kind == ERR_NETWORK ||
	       why->kind == ERR_INTERNAL || why->kind == ERR_STOPPED;
}

void
failure_blame_awaited(struct session *s, const struct err *why)
{
	const struct requests *x = s->requests;
	size_t entry;

	if (failure_may_be_by_message(why) &&
	    (requests_waits_for(x, LINK_RETR, &entry) ||
	     requests_waits_for(x, LINK_TOP, &entry)))
		failure_blame(s, entry, 0, why);
}
