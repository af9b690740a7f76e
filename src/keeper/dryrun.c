/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/dryrun.h"

#include <stdio.h>

#include "base/quantity.h"
#include "base/text.h"
#include "session/failure.h"

static const char *
verb(enum plan_action action)
{
	switch (action) {
	case PLAN_FETCH:
		return "fetch";
	case PLAN_COMPARE:
		return "compare";
	case PLAN_KEEP:
	case PLAN_LEARN:
		return "keep";
	case PLAN_DELETE:
		return "delete";
	case PLAN_TOO_LARGE:
	case PLAN_SET_ASIDE:
	case PLAN_LATER:
		break;
	}
	return "leave";
}

static void
show_reason(const struct session *s, size_t entry, bool is_put_off,
	    char why[PLAN_REASON_MAX])
{
	if (is_put_off)
		snprintf(why, PLAN_REASON_MAX,
			 "not compared: that failed, and is tried again later");
	else
		plan_reason(mailbox_plan(s->mailbox), entry, why);
}

static void
say_one(struct session *s, size_t entry)
{
	enum plan_action action = mailbox_action(s->mailbox, entry);
	bool is_put_off =
		action == PLAN_COMPARE && failure_is_put_off(s, entry);
	bool stays = action == PLAN_KEEP || action == PLAN_LEARN || is_put_off;
	int64_t octets = mailbox_size(s->mailbox, entry);
	char name[MAILBOX_NAME_MAX], why[PLAN_REASON_MAX];
	char size[QUANTITY_TEXT_MAX] = "unknown size";

	mailbox_name(s->mailbox, entry, name);
	show_reason(s, entry, is_put_off, why);
	if (octets >= 0)
		quantity_show_size(size, (uint64_t)octets);
	report_line(s->report, stays ? REPORT_VERBOSE : REPORT_ANSWER,
		    "would %s %s, %s: %s", is_put_off ? "keep" : verb(action),
		    name, size, why);
	if (action == PLAN_FETCH && s->set->keeper->rules.keep_s == 0 &&
	    !mailbox_at(s->mailbox, entry).odd)
		report_line(s->report, REPORT_ANSWER,
			    "would delete %s once delivered", name);
}

void
dryrun_say(struct session *s)
{
	const struct plan *p = mailbox_plan(s->mailbox);
	size_t count = mailbox_count(s->mailbox);

	for (size_t i = 0; i < count; i++)
		say_one(s, i);
	report_line(s->report, REPORT_ANSWER,
		    "%zu message%s: would fetch %zu and delete %zu", count,
		    text_plural(count), plan_count(p, PLAN_FETCH),
		    plan_count(p, PLAN_DELETE));
}

void
dryrun_count(struct session *s)
{
	size_t count = plan_count(mailbox_plan(s->mailbox), PLAN_FETCH);

	s->result->new_messages = count;
	report_line(s->report, REPORT_ANSWER, "%zu new message%s", count,
		    text_plural(count));
}
