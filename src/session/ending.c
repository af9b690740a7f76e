/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/ending.h"

#include "session/failure.h"

void
ending_say(const struct session *s, enum err_kind kind, const char *why,
	   struct err *e)
{
	const struct report_result *r = s->result;
	unsigned long long all = s->progress.messages_total;

	if (s->set->mode == SESSION_CATCH_UP)
		(void)err_set(e, kind,
			      "%s: %llu of %llu messages recorded; "
			      "run --catch-up again for the rest",
			      why, (unsigned long long)r->kept, all);
	else if (s->set->mode == SESSION_DELETE)
		(void)err_set(e, kind, "%s: %llu of %llu messages deleted", why,
			      (unsigned long long)r->deleted, all);
	else if (s->set->mode == SESSION_SKIP)
		(void)err_set(e, kind, "%s: %llu of %llu messages skipped", why,
			      (unsigned long long)r->kept, all);
	else if (s->set->mode == SESSION_LIST)
		(void)err_set(e, kind, "%s: %llu of %llu messages shown", why,
			      (unsigned long long)s->progress.messages, all);
	else
		(void)err_set(e, kind, "%s: %llu of %llu messages fetched", why,
			      (unsigned long long)r->fetched, all);
}

/* Is what there was no time for left undone in more than words? */
static bool
is_work(enum session_mode mode)
{
	return mode == SESSION_CATCH_UP || mode == SESSION_SKIP ||
	       mode == SESSION_DELETE;
}

bool
ending_is_early(const struct session *s, struct err *e)
{
	bool has_turn_to_come = s->set->mode == SESSION_FETCH &&
				phase_is_stopping(s) && failure_left(s) > 0;

	if (s->is_stopped_short || has_turn_to_come)
		ending_say(s, ERR_STOPPED, "stopped by a signal", e);
	else if (s->is_out_of_time && is_work(s->set->mode))
		ending_say(s, ERR_NETWORK, "session_timeout reached", e);
	return e->kind != ERR_NONE;
}
