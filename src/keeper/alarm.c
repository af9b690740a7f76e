/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "keeper/alarm.h"

#include <string.h>

#include "account/busy.h"
#include "base/clock.h"
#include "base/text.h"
#include "link/report.h"

static bool
is_wanted(const struct alarm *a)
{
	return a->set->mode == SESSION_FETCH && !a->set->list;
}

/* Logins have failed before, but this run did not come so far.  Of what was in
 * its way people hear as `notice_after` says. */
static bool
is_of_earlier_runs(const struct trouble *t, enum err_kind why)
{
	return (t->kind == TROUBLE_REFUSED || t->kind == TROUBLE_PUT_OFF) &&
	       (why == ERR_NETWORK || why == ERR_NOHOST);
}

void
alarm_look(struct alarm *a, struct store *s, enum err_kind why)
{
	struct err ignored = ERR_INIT;
	int64_t now = clock_unix();
	struct trouble t;
	bool due;

	if (is_wanted(a) && trouble_note_aside(s, now, &ignored) == 0 &&
	    trouble_find(s, now, &t, &ignored) == 0 &&
	    !is_of_earlier_runs(&t, why) &&
	    trouble_is_due(s, &t, now, &due, &ignored) == 0 && due)
		a->trouble = t;
}

void
alarm_look_at_lock(struct alarm *a)
{
	const struct account_settings *account = &a->set->keeper->account;
	int64_t now = clock_unix();

	if (is_wanted(a) && busy_is_due(account, a->state_dir, now))
		a->trouble = busy_find(account, a->state_dir, now);
}

static void
note_told(struct alarm *a, struct store *s)
{
	struct err ignored = ERR_INIT;
	int64_t now = clock_unix();

	if (s)
		(void)trouble_note_told(s, &a->trouble, now, &ignored);
	else
		busy_note_told(&a->set->keeper->account, a->state_dir, now);
	a->trouble.kind = TROUBLE_NONE;
}

static void
say(const struct alarm *a, char text[ERR_TEXT_MAX])
{
	busy_text(text, &a->trouble, &a->set->keeper->account, a->state_dir,
		  a->set->keeper->target.account, clock_unix());
}

void
alarm_join(struct alarm *a, struct err *e)
{
	struct err cause = *e;
	char text[ERR_TEXT_MAX], shown[ERR_TEXT_MAX / 2];

	if ((a->trouble.kind != TROUBLE_REFUSED || e->kind != ERR_LOGIN) &&
	    (a->trouble.kind != TROUBLE_PUT_OFF || e->kind != ERR_TROUBLE))
		return;
	say(a, text);
	text_safe(shown, sizeof(shown), cause.text, strlen(cause.text));
	(void)err_set(e, cause.kind, "%s; %s", shown, text);
	a->is_joined = true;
}

/* On record only when the parent has it: a run that is killed in between tells
 * once more, where it would have kept people from hearing of it for a day. */
void
alarm_tell(struct alarm *a, struct store *s)
{
	char text[ERR_TEXT_MAX];

	if (a->trouble.kind == TROUBLE_NONE)
		return;
	if (!a->is_joined) {
		say(a, text);
		report_line(a->report, REPORT_TROUBLE, "%s", text);
		report_flush(a->report);
	}
	note_told(a, s);
}
