/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/item.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "account/chosen.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "link/report.h"
#include "session/failure.h"

static void
show_time(char out[QUANTITY_TEXT_MAX], int64_t when)
{
	time_t at = (time_t)when;
	struct tm tm;

	if (!localtime_r(&at, &tm) ||
	    strftime(out, QUANTITY_TEXT_MAX, "%Y-%m-%d %H:%M", &tm) == 0)
		snprintf(out, QUANTITY_TEXT_MAX, "?");
}

static char *
kept_state(const struct session *s, size_t entry, const struct store_row *row)
{
	int64_t keep_s = s->set->keeper->rules.keep_s, until;
	char reason[PLAN_REASON_MAX], text[QUANTITY_TEXT_MAX];

	if (!row->skipped && row->has_digest && keep_s > 0 &&
	    keep_s != PLAN_KEEP_FOREVER &&
	    !__builtin_add_overflow(row->delivered, keep_s, &until) &&
	    until > s->now) {
		show_time(text, until);
		return mem_format("kept until %s", text);
	}
	plan_reason(mailbox_plan(s->mailbox), entry, reason);
	return mem_string(reason);
}

static char *
failed_state(const struct session *s, const struct store_row *row)
{
	char text[QUANTITY_TEXT_MAX];

	show_time(text, row->next_try);
	return mem_format("set aside%s%s",
			  row->next_try > s->now ? ", next try " : "",
			  row->next_try > s->now ? text : "");
}

/* Why it has failed the last time, "" if it has not; owned by the caller. */
static char *
error_of(struct session *s, size_t entry)
{
	struct err ignored = ERR_INIT;
	char *error = NULL;
	struct store_row row;

	if (failure_row(s->mailbox, entry, &row) && row.attempts > 0)
		(void)store_error(s->store, row.id, &error, &ignored);
	return error ? error : mem_string("");
}

/* In words; owned by the caller. */
static char *
state_of(const struct session *s, size_t entry)
{
	enum plan_action action = mailbox_action(s->mailbox, entry);
	char reason[PLAN_REASON_MAX];
	struct store_row row;
	bool has_row = failure_row(s->mailbox, entry, &row);

	if (has_row && row.status == STORE_SET_ASIDE && row.attempts > 0)
		return failed_state(s, &row);
	if (has_row && action == PLAN_KEEP)
		return kept_state(s, entry, &row);
	if (action == PLAN_DELETE)
		return mem_string("deleted in the next run");
	plan_reason(mailbox_plan(s->mailbox), entry, reason);
	return mem_string(reason);
}

void
item_show(struct session *s, size_t entry, const struct header *h)
{
	struct listing_entry l = mailbox_at(s->mailbox, entry);
	struct report_item item = {
		.number = l.number,
		.size = mailbox_size(s->mailbox, entry),
		.uid = chosen_text(l.uid, l.uid_size),
		.state = state_of(s, entry),
		.error = error_of(s, entry),
	};

	if (h) {
		header_text(h, HEADER_DATE, item.date);
		header_text(h, HEADER_FROM, item.from);
		header_text(h, HEADER_SUBJECT, item.subject);
	}
	report_item(s->report, &item);
	free(item.uid);
	free(item.state);
	free(item.error);
}
