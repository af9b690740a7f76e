/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/quantity.h"
#include "base/text.h"
#include "keeper/session_state.h"

/* --dry-run and --check: answers that change nothing. */

static const char *
answer_verb(enum plan_action action)
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
answer_say(struct session *s, size_t entry)
{
	enum plan_action action = plan_at(s->plan, entry).action;
	int64_t octets = session_size(s, entry);
	bool stays = action == PLAN_KEEP || action == PLAN_LEARN;
	char name[SESSION_NAME_MAX], why[PLAN_REASON_MAX];
	char size[QUANTITY_TEXT_MAX] = "unknown size";

	session_name(s, entry, name);
	plan_reason(s->plan, entry, why);
	if (octets >= 0)
		quantity_show_size(size, (uint64_t)octets);
	report_line(s->report,
		    stays ? REPORT_VERBOSE : REPORT_ANSWER,
		    "would %s %s, %s: %s", answer_verb(action), name, size, why);
	if (action == PLAN_FETCH && s->set->keeper->rules.keep_s == 0)
		report_line(s->report, REPORT_ANSWER,
			    "would delete %s once delivered", name);
}

void
answer_dry_run(struct session *s)
{
	for (size_t i = 0; i < listing_count(s->listing); i++)
		answer_say(s, i);
	report_line(s->report, REPORT_ANSWER,
		    "%zu message%s: would fetch %zu and delete %zu",
		    listing_count(s->listing),
		    text_plural(listing_count(s->listing)),
		    plan_count(s->plan, PLAN_FETCH),
		    plan_count(s->plan, PLAN_DELETE));
}

void
answer_check(struct session *s)
{
	size_t count = plan_count(s->plan, PLAN_FETCH);

	report_line(s->report, REPORT_ANSWER, "%zu new message%s", count,
		    text_plural(count));
}
