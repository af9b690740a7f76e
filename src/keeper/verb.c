/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/chosen.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "keeper/compare.h"
#include "keeper/item.h"
#include "keeper/removal.h"
#include "session/failure.h"
#include "session/headers.h"
#include "session/learning.h"

enum { ANSWER_MIN = 15 }; /* for people to think */

/* --- which messages --- */

static int
need_uids(const struct session *s, struct err *e)
{
	return mailbox_has_uids(s->mailbox)
		       ? 0
		       : err_set(e, ERR_UNAVAILABLE,
				 "server has no UIDL, so that no message can "
				 "be named");
}

static size_t
choose(struct session *s, bool is_chosen[])
{
	size_t count = 0;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++) {
		struct listing_entry l = mailbox_at(s->mailbox, i);

		is_chosen[i] = l.uid_size > 0 &&
			       chosen_find(s->set->chosen, l.uid, l.uid_size);
		count += is_chosen[i];
	}
	return count;
}

/* One for each entry; owned by the caller.  NULL: *e says why. */
static bool *
choose_named(struct session *s, size_t *count, struct err *e)
{
	bool *is_chosen;

	if (need_uids(s, e) != 0)
		return NULL;
	is_chosen = mem_array(mailbox_count(s->mailbox), sizeof(*is_chosen));
	*count = choose(s, is_chosen);
	if (chosen_missing(s->set->chosen,
			   "is not on the server: --list shows what is",
			   e) == 0)
		return is_chosen;
	free(is_chosen);
	return NULL;
}

/* Of these, those whose header can be asked for. */
static bool *
with_header(const struct session *s, const bool is_chosen[])
{
	size_t count = mailbox_count(s->mailbox);
	bool *wanted = mem_array(count, sizeof(*wanted));

	for (size_t i = 0; i < count && compare_has_top(s); i++)
		wanted[i] = is_chosen[i] && !failure_has_broken(s->mailbox, i);
	return wanted;
}

static int
read_headers(struct session *s, const bool is_chosen[], headers_take *take,
	     void *arg, struct err *e)
{
	bool *wanted = with_header(s, is_chosen);
	int rc = headers_each(s, wanted, take, arg, e);

	free(wanted);
	return rc;
}

/* --- --list --- */

/* Headers come in order of numbers, and those without one in between. */
struct verb_shown {
	const bool *is_chosen;
	size_t next;
};

static void
show_up_to(struct session *s, struct verb_shown *v, size_t end)
{
	for (; v->next < end; v->next++)
		if (v->is_chosen[v->next])
			item_show(s, v->next, NULL);
}

static int
take_shown(struct session *s, void *arg, size_t entry, const struct header *h,
	   struct err *e)
{
	struct verb_shown *v = arg;

	(void)e;
	show_up_to(s, v, entry);
	item_show(s, entry, h);
	v->next = entry + 1;
	s->progress.messages = v->next;
	return 0;
}

static int
list_messages(struct session *s, struct err *e)
{
	size_t count = mailbox_count(s->mailbox);
	struct verb_shown v = { .next = 0 };
	bool *all;
	int rc;

	if (need_uids(s, e) != 0)
		return -1;
	all = mem_array(count, sizeof(*all));
	memset(all, true, count);
	s->progress.messages_total = count;
	v.is_chosen = all;
	rc = compare_run(s, false, e);
	if (rc == 0)
		rc = read_headers(s, all, take_shown, &v, e);
	/* where the line broke, all but the headers is known all the same; who
	 * wants it to stop has seen enough */
	if (!phase_is_stopping(s))
		show_up_to(s, &v, count);
	free(all);
	s->is_stopped_short = v.next < count;
	if (v.next == count)
		report_line(s->report, REPORT_ANSWER, "%zu message%s", count,
			    text_plural(count));
	return rc;
}

/* --- --skip --- */

static int
take_skipped(struct session *s, void *arg, size_t entry, const struct header *h,
	     struct err *e)
{
	(void)s;
	return learning_add(arg, entry, header_digest(h), e);
}

/* Nothing is to be done about these. */
static void
leave_skipped(struct session *s, bool is_chosen[])
{
	char name[MAILBOX_NAME_MAX];
	struct store_row row;

	for (size_t i = 0; i < mailbox_count(s->mailbox); i++) {
		if (!is_chosen[i])
			continue;
		if (!mailbox_row(s->mailbox, i, &row) || !row.skipped) {
			s->progress.messages_total++;
			continue;
		}
		is_chosen[i] = false;
		mailbox_name(s->mailbox, i, name);
		report_line(s->report, REPORT_ANSWER, "%s is skipped already",
			    name);
	}
}

static int
skip_all(struct session *s, struct learning *l, const bool is_chosen[],
	 struct err *e)
{
	if (read_headers(s, is_chosen, take_skipped, l, e) != 0)
		return -1;
	/* whose header could be had is not to be known by uid and size alone */
	if (s->is_stopped_short || s->is_out_of_time)
		return learning_save(l, e);
	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		if (is_chosen[i] &&
		    !mailbox_is(s->mailbox, i, MAILBOX_LEARNED) &&
		    learning_add(l, i, NULL, e) != 0)
			return -1;
	return learning_save(l, e);
}

static int
skip_messages(struct session *s, struct err *e)
{
	struct learning l;
	size_t count;
	bool *is_chosen = choose_named(s, &count, e);
	int rc;

	if (!is_chosen)
		return -1;
	leave_skipped(s, is_chosen);
	learning_open(&l, s);
	rc = skip_all(s, &l, is_chosen, e);
	if (rc == 0)
		rc = failure_settle(s, e);
	learning_close(&l);
	free(is_chosen);
	return rc;
}

/* --- --delete --- */

/* What is to be deleted: of each entry whether it is, and its header as it was
 * shown. */
struct victim {
	bool has_digest, was_compared, is_confirmed;
	uint8_t digest[DIGEST_SHA256_SIZE];
};

static int
take_victim(struct session *s, void *arg, size_t entry, const struct header *h,
	    struct err *e)
{
	struct victim *v = (struct victim *)arg + entry;

	(void)e;
	v->has_digest = true;
	memcpy(v->digest, header_digest(h), sizeof(v->digest));
	item_show(s, entry, h);
	return 0;
}

static int
confirm_victim(struct session *s, void *arg, size_t entry,
	       const struct header *h, struct err *e)
{
	struct victim *v = (struct victim *)arg + entry;

	(void)s;
	(void)e;
	v->was_compared = v->has_digest;
	v->is_confirmed = v->has_digest && memcmp(v->digest, header_digest(h),
						  sizeof(v->digest)) == 0;
	return 0;
}

static void
show_rest(struct session *s, const bool is_chosen[],
	  const struct victim victims[])
{
	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		if (is_chosen[i] && !victims[i].has_digest)
			item_show(s, i, NULL);
}

static void
say_unwanted(struct session *s, enum report_reply reply)
{
	struct err why = ERR_INIT;

	if (reply == REPORT_NO) {
		report_line(s->report, REPORT_ANSWER, "nothing is deleted");
		return;
	}
	if (reply == REPORT_TOO_LATE)
		(void)err_set(&why, ERR_LATER,
			      "no answer for %d minutes: nothing is deleted",
			      ANSWER_MIN);
	else
		(void)err_set(&why, ERR_STOPPED,
			      "no answer: nothing is deleted");
	phase_complain(s, &why, false);
}

/* Do people want it?  An answer that does not come is none. */
static int
ask(struct session *s, size_t count, bool *is_wanted, struct err *e)
{
	enum report_reply reply = REPORT_YES;
	int64_t until = clock_deadline(ANSWER_MIN * 60 * 1000);
	char question[128];

	snprintf(question, sizeof(question),
		 "Delete %s on the server, for good? [y/N] ",
		 count == 1 ? "this message" : "these messages");
	if (!s->set->yes &&
	    report_ask(s->report, question, until, &reply, e) != 0)
		return -1;
	*is_wanted = reply == REPORT_YES;
	if (!*is_wanted)
		say_unwanted(s, reply);
	return 0;
}

static void
refuse_victim(struct session *s, size_t entry, const char *why)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_MESSAGE, "%s", why);
	removal_refuse(s, entry, &e);
}

static void
add_victim(struct session *s, size_t entry, const struct victim *v)
{
	struct store_row row = { .id = 0 };

	(void)mailbox_row(s->mailbox, entry, &row);
	if (mailbox_at(s->mailbox, entry).odd)
		refuse_victim(s, entry, "its number is listed twice");
	else if (v->has_digest && !v->was_compared)
		refuse_victim(s, entry,
			      "its header could not be asked for again");
	else if (v->has_digest && !v->is_confirmed)
		refuse_victim(s, entry, "its header has changed");
	else
		/* a row without digest counts for nothing once DELE is on
		 * record: that is for removal_quit */
		removal_add(s, entry, row.has_digest ? row.id : 0);
}

/* Reads headers, and finds out whether that was ended by a stop request or the
 * time: then nothing is deleted, since what was not shown, or not compared, is
 * not known for what it is. */
static int
read_to_end(struct session *s, const bool is_chosen[], headers_take *take,
	    struct victim victims[], bool *is_over, struct err *e)
{
	if (read_headers(s, is_chosen, take, victims, e) != 0)
		return -1;
	*is_over = phase_is_ending(s);
	s->is_stopped_short = phase_is_stopping(s);
	return 0;
}

static int
delete_named(struct session *s, const bool is_chosen[], size_t count,
	     struct victim victims[], struct err *e)
{
	bool is_wanted, is_over;

	s->progress.messages_total = count;
	if (read_to_end(s, is_chosen, take_victim, victims, &is_over, e) != 0)
		return -1;
	if (is_over)
		return 0;
	show_rest(s, is_chosen, victims);
	if (ask(s, count, &is_wanted, e) != 0)
		return -1;
	if (!is_wanted)
		return 0;
	if (read_to_end(s, is_chosen, confirm_victim, victims, &is_over, e) !=
	    0)
		return -1;
	if (is_over)
		return 0;
	for (size_t i = 0; i < mailbox_count(s->mailbox); i++)
		if (is_chosen[i])
			add_victim(s, i, &victims[i]);
	if (removal_waiting(s) == 0)
		removal_say_count(s);
	return removal_run(s, e);
}

static int
delete_messages(struct session *s, struct err *e)
{
	size_t count;
	bool *is_chosen = choose_named(s, &count, e);
	struct victim *victims;
	int rc;

	if (!is_chosen)
		return -1;
	victims = mem_array(mailbox_count(s->mailbox), sizeof(*victims));
	rc = delete_named(s, is_chosen, count, victims, e);
	free(victims);
	free(is_chosen);
	return rc;
}

int
verb_run(struct session *s, struct err *e)
{
	switch (s->set->mode) {
	case SESSION_LIST:
		return list_messages(s, e);
	case SESSION_SKIP:
		return skip_messages(s, e);
	case SESSION_DELETE:
		return delete_messages(s, e);
	case SESSION_FETCH:
	case SESSION_DRY_RUN:
	case SESSION_CHECK:
	case SESSION_CATCH_UP:
	case SESSION_CATCH_UP_DRY_RUN:
		break;
	}
	return 0;
}

void
verb_blame(struct session *s, const struct err *why)
{
	bool writes =
		s->set->mode == SESSION_SKIP || s->set->mode == SESSION_DELETE;

	if (writes && why->kind != ERR_STOPPED)
		failure_blame_awaited(s, why);
}
