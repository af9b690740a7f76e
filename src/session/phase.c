/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/phase.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "state/rules.h"
#include "sys/proc.h"

enum { PROGRESS_MS = 100 };

/* --- answers --- */

bool
phase_is_stopping(const struct session *s)
{
	return s->stop_until != 0 || proc_stops() > 0;
}

bool
phase_is_ending(const struct session *s)
{
	return phase_is_stopping(s) || s->is_out_of_time;
}

/* --- time --- */

enum { SPARE_PART = 20, SPARE_MOST_MS = 30 * 1000, SLOW_MS = 5 * 1000 };

/* What is set aside for the end: records, and an answer that takes longer. */
static int64_t
spare(const struct session *s)
{
	int64_t part = s->set->server->session_timeout_ms / SPARE_PART;

	return part < SPARE_MOST_MS ? part : SPARE_MOST_MS;
}

bool
phase_fits(const struct session *s, int64_t first_ms, size_t later)
{
	const struct requests *x = s->requests;
	int64_t left = s->work_end - clock_ms() - spare(s);
	int64_t needs = requests_expected_ms(x) + first_ms +
			requests_pace_ms(x, LINK_DELE, later + 1);

	return left >= needs + needs / 2;
}

static uint64_t
commands_left(const struct session *s)
{
	const struct ration *r = &s->ration;
	uint64_t given = requests_given(s->requests) - r->from;

	if (r->most == 0)
		return UINT64_MAX;
	return given < (uint64_t)r->most ? (uint64_t)r->most - given : 0;
}

bool
phase_has_commands(const struct session *s, size_t later)
{
	return commands_left(s) >= (uint64_t)later + 2;
}

bool
phase_has_time(struct session *s, enum link_type order, int64_t program_ms,
	       size_t later)
{
	int64_t first_ms = requests_pace_ms(s->requests, order, 1);

	if (!phase_fits(s, first_ms + program_ms, later) ||
	    !phase_has_commands(s, later))
		s->is_out_of_time = true;
	return !s->is_out_of_time;
}

size_t
phase_window(const struct session *s, enum link_type order, size_t most)
{
	int64_t left = (s->work_end - clock_ms()) / SLOW_MS;

	if (s->window > 0 && most > s->window)
		most = s->window;
	if (requests_answered(s->requests, order) > 0 || left >= (int64_t)most)
		return most;
	return left > 0 ? (size_t)left : 1;
}

bool
phase_is_over(const struct session *s)
{
	return clock_ms() >= s->work_end - spare(s);
}

size_t
phase_affordable(const struct session *s, enum link_type order, size_t count)
{
	const struct requests *x = s->requests;
	int64_t all, left;

	if (count > commands_left(s))
		count = (size_t)commands_left(s);
	all = requests_pace_ms(x, order, count);
	left = s->work_end - clock_ms() - spare(s);
	left -= requests_expected_ms(x) + requests_pace_ms(x, LINK_QUIT, 1);
	left -= left / 3;
	if (left >= all)
		return count;
	return left <= 0 ? 0 : (size_t)((int64_t)count * left / all);
}

/* --- stopping --- */

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

#define LEAST_BOUND   (INT64_C(64) << 20)
#define BOUND_UNKNOWN (INT64_C(1) << 30)

/* Sizes are hints, so this is far from what is listed. */
static int64_t
octets_most(int64_t listed)
{
	if (listed < 0)
		return BOUND_UNKNOWN;
	return listed > LEAST_BOUND / 4 ? 4 * listed : LEAST_BOUND;
}

static int
check_octets(const struct session *s, const struct answer *a, struct err *e)
{
	const struct plan_rules *rules = &s->set->keeper->rules;
	int64_t listed = mailbox_size(s->mailbox, a->entry);
	int64_t most = octets_most(listed);
	/* where no size is known max_size could not be kept before either */
	bool is_ours = listed >= 0 && !rules_allow_size(rules, most);
	char bound[QUANTITY_TEXT_MAX], size[QUANTITY_TEXT_MAX] = "unknown";

	if (is_ours)
		most = (int64_t)rules->max_size;
	if (a->came <= most)
		return 0;
	quantity_show_size(bound, (uint64_t)most);
	if (listed >= 0)
		quantity_show_size(size, (uint64_t)listed);
	return err_set(e, ERR_PROTOCOL,
		       "%s %u: more than %s%s came, and no end (size by LIST: "
		       "%s)",
		       a->order == LINK_TOP ? "TOP" : "RETR", a->record.number,
		       is_ours ? "the max_size of " : "", bound, size);
}

int
phase_take(struct session *s, struct answer *a, struct err *e)
{
	int got = requests_next(s->requests, a, e);

	if (got > 0 && a->type == LINK_CHUNK && check_octets(s, a, e) != 0)
		return -1;
	return got;
}

int
phase_next(struct session *s, struct answer *a, struct err *e)
{
	int got = 0;

	while (got == 0 && requests_count(s->requests) > 0) {
		got = phase_take(s, a, e);
		if (got == 0 && phase_wait(s, NULL, 0, CLOCK_NEVER, e) != 0)
			return -1;
	}
	return got;
}

/* --- words --- */

void
phase_complain_as(struct session *s, const struct err *told,
		  const struct err *kept, bool again)
{
	report_error(s->report, told, again);
	if (s->first.kind != ERR_NONE)
		return;
	s->first = *kept;
	s->first.told = true;
}

void
phase_complain(struct session *s, const struct err *e, bool again)
{
	phase_complain_as(s, e, e, again);
}

void
phase_put_off(struct session *s, const struct err *e)
{
	report_line(s->report, REPORT_VERBOSE, "%s", e->text);
	if (s->first.kind == ERR_NONE)
		s->first = *e;
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
