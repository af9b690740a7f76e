/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/progress.h"
#include "account/status.h"

enum { OVERVIEW_UID_MAX = 80, OVERVIEW_NAME_MIN = 7 };

struct overview {
	struct show *show;
	const char *state_dir;
	int width; /* of the names */
	int64_t now;
	struct buf lines; /* of messages that fail */
};

static char *
past(int64_t when, int64_t now)
{
	char span[QUANTITY_TEXT_MAX];

	if (when == 0)
		return mem_string("never");
	if (when > now) /* the clock has been set back since */
		return mem_string("in the future");
	quantity_show_duration(span, now - when);
	return mem_format("%s ago", span);
}

static char *
next_text(int64_t when, int64_t now)
{
	char span[QUANTITY_TEXT_MAX];

	if (when == 0)
		return mem_string("-");
	if (when <= now)
		return mem_string("next run");
	quantity_show_duration(span, when - now);
	return mem_format("in %s", span);
}

static char *
error_text(const struct status *st, int64_t now)
{
	char *when, *text;

	if (!st->last_error)
		return mem_string("-");
	when = past(st->last_failure, now);
	text = mem_format("%s: %s", when, st->last_error);
	free(when);
	return text;
}

static void
print_line(const struct overview *o, const char *name, const char *success,
	   const char *fetched, const char *kept, const char *aside,
	   const char *next, const char *error)
{
	char *line =
		mem_format("%-*s  %-24s  %8s  %8s  %8s  %-24s  %s", o->width,
			   name, success, fetched, kept, aside, next, error);
	size_t end = strlen(line);

	while (end > 0 && line[end - 1] == ' ')
		line[--end] = '\0';
	progress_line(o->show->progress, line);
	free(line);
}

/* status_read calls it, while the account's lock is held and its database open.
 * So the lines are kept, to be printed behind the account's own. */
static void
print_failed(void *arg, const struct store_row *row, const char *error)
{
	struct overview *o = arg;
	char uid[OVERVIEW_UID_MAX];
	char *next = next_text(row->next_try, o->now);

	text_safe(uid, sizeof(uid), row->uid, row->uid_size);
	(void)buf_format(&o->lines, "    uid '%s', %s", uid,
			 row->status == STORE_DELIVERED ? "delivered, " : "");
	if (row->attempts > 0) /* --retry sets it back to 0 */
		(void)buf_format(&o->lines, "failed %u time%s, ", row->attempts,
				 text_plural(row->attempts));
	(void)buf_format(&o->lines, "next try %s: %s\n",
			 row->next_try <= o->now ? "in the next run" : next,
			 !error ? "" : error);
	free(next);
}

static void
print_status(const struct overview *o, const char *name,
	     const struct status *st)
{
	char *success = past(st->last_success, o->now);
	char *next = next_text(st->next_try, o->now);
	char *error = error_text(st, o->now);
	char *fetched = mem_format("%llu", (unsigned long long)st->fetched);
	char *kept = mem_format("%llu", (unsigned long long)st->kept);
	char *aside = mem_format("%llu", (unsigned long long)st->set_aside);

	print_line(o, name, success, fetched, kept, aside, next, error);
	free(success);
	free(next);
	free(error);
	free(fetched);
	free(kept);
	free(aside);
}

static void
print_lines(const struct overview *o)
{
	char *text = mem_string_n(o->lines.data, o->lines.len);
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line != '\0')
			progress_line(o->show->progress, line);
	free(text);
}

static void
print_account(struct overview *o, const struct account *a)
{
	struct status st;
	struct err e = ERR_INIT;

	o->now = clock_unix();
	buf_init(&o->lines, SIZE_MAX);
	if (status_read(&st, &a->keeper.account, o->state_dir, o->now,
			o->show->verbosity > 0 ? print_failed : NULL, o,
			&e) == 0) {
		print_status(o, a->name, &st);
		print_lines(o);
	} else if (e.kind == ERR_BUSY) {
		print_line(o, a->name, "is being fetched", "", "", "", "", "");
	} else {
		show_error(o->show, a, &e);
	}
	status_free(&st);
	buf_free(&o->lines);
}

void
overview_print(struct show *s, struct account *const accounts[], size_t count,
	       const char *state_dir)
{
	struct overview o = {
		.show = s,
		.state_dir = state_dir,
		.width = OVERVIEW_NAME_MIN,
	};

	for (size_t i = 0; i < count; i++)
		if (strlen(accounts[i]->name) > (size_t)o.width)
			o.width = (int)strlen(accounts[i]->name);
	print_line(&o, "ACCOUNT", "LAST SUCCESS", "FETCHED", "KEPT", "ASIDE",
		   "NEXT TRY", "LAST ERROR");
	for (size_t i = 0; i < count; i++)
		print_account(&o, accounts[i]);
}
