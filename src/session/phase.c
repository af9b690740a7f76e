/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/phase.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "sys/proc.h"

enum { PROGRESS_MS = 100 };

/* --- answers --- */

bool
phase_is_stopping(const struct session *s)
{
	return s->stop_until != 0 || proc_stops() > 0;
}

static int
see_stop(struct session *s, struct err *e)
{
	bool idle = requests_count(s->requests) == 0;

	if (proc_stops() == 0)
		return 0;
	if (s->stop_until == 0)
		s->stop_until = clock_deadline(PHASE_STOP_MS);
	if (!s->mailbox || (!idle && clock_ms() >= s->stop_until))
		return err_set(e, ERR_STOPPED, "stopped by a signal");
	return 0;
}

int
phase_wait(struct session *s, const int fds[], size_t fd_count, int64_t until,
	   struct err *e)
{
	if (see_stop(s, e) != 0)
		return -1;
	if (clock_ms() >= s->end)
		return err_set(e, ERR_NETWORK, "session_timeout reached");
	if (s->stop_until != 0 && requests_count(s->requests) > 0)
		until = clock_earlier(until, s->stop_until);
	return requests_wait(s->requests, fds, fd_count,
			     clock_earlier(until, s->end), e);
}

int
phase_next(struct session *s, struct answer *a, struct err *e)
{
	int got = 0;

	while (got == 0 && requests_count(s->requests) > 0) {
		got = requests_next(s->requests, a, e);
		if (got == 0 && phase_wait(s, NULL, 0, CLOCK_NEVER, e) != 0)
			return -1;
	}
	return got;
}

/* --- words --- */

void
phase_complain(struct session *s, const struct err *e)
{
	report_error(s->report, e, false);
	if (s->first.kind != ERR_NONE)
		return;
	s->first = *e;
	s->first.told = true;
}

void
phase_warn(struct session *s, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report_line(s->report, REPORT_WARNING, "%s", text);
}

void
phase_show_progress(struct session *s, bool now)
{
	if (!now && clock_ms() < s->progress_at + PROGRESS_MS)
		return;
	s->progress_at = clock_ms();
	report_progress(s->report, &s->progress);
	report_flush(s->report);
}

/* --- transactions --- */

int
phase_begin_note(struct session *s, struct err *e)
{
	return store_begin(s->store, STORE_LAZY, e);
}

int
phase_end_note(struct session *s, int rc, struct err *e)
{
	if (rc == 0)
		return store_commit(s->store, e);
	store_rollback(s->store);
	return -1;
}

int
phase_note_fact(struct session *s, const char *name, int64_t value,
		struct err *e)
{
	if (phase_begin_note(s, e) != 0)
		return -1;
	return phase_end_note(s, store_set_fact(s->store, name, value, e), e);
}
