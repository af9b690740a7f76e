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
	else
		(void)err_set(e, kind, "%s: %llu of %llu messages fetched", why,
			      (unsigned long long)r->fetched, all);
}

bool
ending_is_early(const struct session *s, struct err *e)
{
	bool has_turn_to_come = s->set->mode == SESSION_FETCH &&
				phase_is_stopping(s) && failure_left(s) > 0;

	if (s->is_stopped_short || has_turn_to_come)
		ending_say(s, ERR_STOPPED, "stopped by a signal", e);
	else if (s->is_out_of_time && (s->set->mode == SESSION_CATCH_UP ||
				       s->set->mode == SESSION_DELETE))
		ending_say(s, ERR_NETWORK, "session_timeout reached", e);
	return e->kind != ERR_NONE;
}
