/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/clock.h"
#include "base/quantity.h"
#include "base/text.h"
#include "fetch/session_state.h"

/* --dry-run, --check and --catch-up: answers that change nothing on the server. */

static const char *
answer_verb(enum plan_action action)
{
	switch (action) {
	case PLAN_FETCH:
		return "fetch";
	case PLAN_COMPARE:
		return "compare";
	case PLAN_KEEP:
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
	char name[SESSION_NAME_MAX], why[PLAN_REASON_MAX];
	char size[QUANTITY_TEXT_MAX] = "unknown size";

	session_name(s, entry, name);
	plan_reason(s->plan, entry, why);
	if (octets >= 0)
		quantity_show_size(size, (uint64_t)octets);
	report_line(s->report,
		    action == PLAN_KEEP ? REPORT_VERBOSE : REPORT_ANSWER,
		    "would %s %s, %s: %s", answer_verb(action), name, size, why);
	if (action == PLAN_FETCH && s->account->keep_s == 0)
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

/* --- --catch-up --- */

static int
answer_record(struct session *s, size_t entry, const uint8_t *digest,
	      struct err *e)
{
	struct listing_entry m = listing_at(s->listing, entry);
	struct store_message row = { m.uid, m.uid_size, m.size, digest, 0 };
	size_t known = plan_at(s->plan, entry).row;
	int64_t now = clock_unix();

	if (m.uid_size == 0)
		return 0;	/* there is nothing to know it by */
	s->marks[entry] |= MARK_ASKED;
	if (digest != NULL &&
	    examine_find_row(s, entry, digest, &known, e) == -1)
		return -1;
	if (known != SIZE_MAX &&
	    store_rows_at(s->rows, known).status == STORE_DELIVERED)
		return 0;
	s->result->kept++;
	if (known != SIZE_MAX)
		return store_set_delivered(s->store,
			store_rows_at(s->rows, known).id, now, e);
	return store_add_delivered(s->store, &row, now, e);
}

/* Those whose header the server did not give. */
static int
answer_record_rest(struct session *s, struct err *e)
{
	for (size_t i = 0; i < listing_count(s->listing); i++) {
		enum plan_action action = plan_at(s->plan, i).action;

		if (action == PLAN_KEEP || action == PLAN_DELETE ||
		    (s->marks[i] & MARK_ASKED))
			continue;
		if (answer_record(s, i, NULL, e) == -1)
			return -1;
	}
	return 0;
}

int
answer_catch_up(struct session *s, struct err *e)
{
	int result;

	if (!s->has_uidl)
		return err_set(e, ERR_UNAVAILABLE,
			       "--catch-up needs a server with UIDL");
	if (store_begin(s->store, STORE_DURABLE, e) == -1)
		return -1;
	result = examine_digests(s, answer_record, e);
	if (result == 0)
		result = answer_record_rest(s, e);
	if (session_end_note(s, result, e) == -1)
		return -1;
	report_line(s->report, REPORT_SUMMARY,
		    "%llu message%s recorded as delivered",
		    (unsigned long long)s->result->kept,
		    text_plural(s->result->kept));
	return 0;
}
