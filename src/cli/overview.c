/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli/columns.h"
#include "cli/progress.h"
#include "cli/wrap.h"
#include "account/busy.h"
#include "account/status.h"

enum { UID_MAX = 80, NAME_MIN = 7, NAME_MOST = 20, COUNT_MOST = 9999999 };
/* what the other columns of the table take */
enum { OTHERS = 60, INDENT = 4 };

struct overview {
	struct show *show;
	const char *state_dir;
	size_t columns; /* of a line */
	size_t width;	/* of the names */
	int64_t now;
	struct buf lines; /* below the account's own */
};

/* --- times --- */

/* In one unit, so that it fits: "90 minutes", "36 hours". */
static char *
short_span(int64_t seconds, bool round_up)
{
	static const struct {
		const char *name;
		int64_t worth;
	} units[] = { { "second", 1 },
		      { "minute", 60 },
		      { "hour", 3600 },
		      { "day", 86400 } };
	size_t i = 0;
	int64_t count;

	while (i < 3 && seconds >= 2 * units[i + 1].worth)
		i++;
	count = (seconds + (round_up ? units[i].worth - 1 : 0)) /
		units[i].worth;
	return mem_format("%lld %s%s", (long long)count, units[i].name,
			  text_plural((uint64_t)count));
}

static char *
past(int64_t when, int64_t now)
{
	char *span, *text;

	if (when == 0)
		return mem_string("never");
	if (when > now) /* the clock has been set back since */
		return mem_string("in the future");
	span = short_span(now - when, false);
	text = mem_format("%s ago", span);
	free(span);
	return text;
}

static char *
next_text(const struct account *a, int64_t when, int64_t now)
{
	char *span, *text;

	if (!a->enabled)
		return mem_string("disabled");
	if (when == 0)
		return mem_string("-");
	if (when <= now)
		return mem_string("next run");
	span = short_span(when - now, true);
	text = mem_format("in %s", span);
	free(span);
	return text;
}

/* --- lines --- */

static void
print_row(const struct overview *o, const char *name, const char *success,
	  const char *fetched, const char *kept, const char *aside,
	  const char *next)
{
	size_t used = columns_of(name);
	char *line = mem_format("%s%*s  %-16s  %7s  %7s  %5s  %s", name,
				(int)(used < o->width ? o->width - used : 0),
				"", success, fetched, kept, aside, next);
	size_t end = strlen(line);

	while (end > 0 && line[end - 1] == ' ')
		line[--end] = '\0';
	progress_line(o->show->progress, line);
	free(line);
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

/* Returns what stands in the column of names: one that is too long for it gets
 * lines of its own. */
static const char *
print_name(const struct overview *o, const struct account *a)
{
	struct overview above = *o;

	if (columns_of(a->name) <= o->width)
		return a->name;
	buf_init(&above.lines, SIZE_MAX);
	wrap_add(&above.lines, o->columns, 0, a->name);
	print_lines(&above);
	buf_free(&above.lines);
	return "";
}

static void
add_line(struct overview *o, char *text)
{
	wrap_add(&o->lines, o->columns, INDENT, text);
	free(text);
}

/* status_read calls it, while the account's lock is held and its database open.
 * So the lines are kept, to be printed behind the account's own. */
static void
add_failed(void *arg, const struct store_row *row, const char *error)
{
	struct overview *o = arg;
	char uid[UID_MAX], span[QUANTITY_TEXT_MAX];
	bool is_due = row->next_try <= o->now;
	struct buf line;

	text_safe(uid, sizeof(uid), row->uid, row->uid_size);
	buf_init(&line, SIZE_MAX);
	(void)buf_format(&line, "uid '%s', %s", uid,
			 row->status == STORE_DELIVERED ? "delivered, " : "");
	if (row->attempts > 0) /* --retry sets it back to 0 */
		(void)buf_format(&line, "failed %u time%s, ", row->attempts,
				 text_plural(row->attempts));
	quantity_show_duration(span, is_due ? 0 : row->next_try - o->now);
	(void)buf_format(&line, "next try in %s: %s",
			 is_due ? "the next run" : span, !error ? "" : error);
	add_line(o, mem_string(buf_text(&line)));
	buf_free(&line);
}

static void
add_error(struct overview *o, const struct status *st)
{
	char span[QUANTITY_TEXT_MAX];

	if (!st->last_error)
		return;
	quantity_show_duration(span, o->now - st->last_failure);
	add_line(o, st->last_failure > o->now
			    ? mem_format("last error, in the future: %s",
					 st->last_error)
			    : mem_format("last error, %s ago: %s", span,
					 st->last_error));
}

static void
add_trouble(struct overview *o, const struct account *a,
	    const struct status *st)
{
	char text[ERR_TEXT_MAX];

	if (st->trouble.kind == TROUBLE_NONE)
		return;
	busy_text(text, &st->trouble, &a->keeper.account, o->state_dir, a->name,
		  o->now);
	add_line(o, mem_format("trouble: %s", text));
}

/* --- accounts --- */

static char *
count_text(uint64_t count)
{
	return count <= COUNT_MOST
		       ? mem_format("%llu", (unsigned long long)count)
		       : mem_string("many");
}

static void
print_status(const struct overview *o, const struct account *a,
	     const struct status *st)
{
	char *success = past(st->last_success, o->now);
	char *next = next_text(a, st->next_try, o->now);
	char *fetched = count_text(st->fetched), *kept = count_text(st->kept);
	char *aside = count_text(st->set_aside);

	print_row(o, print_name(o, a), success, fetched, kept, aside, next);
	free(success);
	free(next);
	free(fetched);
	free(kept);
	free(aside);
}

/* Nobody waits for the mail of an account that is disabled. */
static void
print_unreadable(struct overview *o, const struct account *a,
		 const struct err *e)
{
	if (a->enabled) {
		print_row(o, print_name(o, a), "cannot be read", "", "", "",
			  "");
		show_error(o->show, a, e);
		return;
	}
	print_row(o, print_name(o, a), "", "", "", "", "disabled");
	add_line(o, mem_string(e->text));
}

static void
print_account(struct overview *o, const struct account *a)
{
	struct status st;
	struct err e = ERR_INIT;
	struct buf failed;

	o->now = clock_unix();
	buf_init(&o->lines, SIZE_MAX);
	if (status_read(&st, &a->keeper.account, o->state_dir, o->now,
			o->show->verbosity > 0 ? add_failed : NULL, o, &e) == 0)
		print_status(o, a, &st);
	else if (e.kind == ERR_BUSY)
		print_row(o, print_name(o, a), "is being fetched", "", "", "",
			  a->enabled ? "" : "disabled");
	else
		print_unreadable(o, a, &e);
	failed = o->lines;
	buf_init(&o->lines, SIZE_MAX);
	add_error(o, &st);
	add_trouble(o, a, &st);
	(void)buf_append(&o->lines, failed.data, failed.len);
	print_lines(o);
	if (a->enabled && (st.is_failing || st.trouble.kind != TROUBLE_NONE))
		o->show->has_trouble = true;
	status_free(&st);
	buf_free(&failed);
	buf_free(&o->lines);
}

/* A table in few columns has less room for names. */
static size_t
width_of_names(struct account *const accounts[], size_t count, size_t columns)
{
	size_t most = columns < NAME_MIN + OTHERS ? NAME_MIN : columns - OTHERS;
	size_t widest = NAME_MIN, width;

	if (most > NAME_MOST)
		most = NAME_MOST;

	for (size_t i = 0; i < count; i++) {
		width = columns_of(accounts[i]->name);
		if (width > widest && width <= most)
			widest = width;
	}
	return widest;
}

void
overview_print(struct show *s, struct account *const accounts[], size_t count,
	       const char *state_dir)
{
	size_t columns = show_columns(s);
	struct overview o = {
		.show = s,
		.state_dir = state_dir,
		.columns = columns,
		.width = width_of_names(accounts, count, columns),
	};

	print_row(&o, "ACCOUNT", "LAST SUCCESS", "FETCHED", "KEPT", "ASIDE",
		  "NEXT TRY");
	for (size_t i = 0; i < count; i++)
		print_account(&o, accounts[i]);
}
