/* SPDX-License-Identifier: GPL-3.0-or-later */
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
#include "fetch/status.h"

enum { OVERVIEW_UID_MAX = 80, OVERVIEW_NAME_MIN = 7 };

/* How long ago, or until when; "never". */
static char *
overview_when(int64_t when, int64_t now, const char *never)
{
	char span[QUANTITY_TEXT_MAX];

	if (when == 0)
		return mem_string(never);
	if (when > now) {
		quantity_show_duration(span, when - now);
		return mem_format("in %s", span);
	}
	quantity_show_duration(span, now - when);
	return mem_format("%s ago", span);
}

static void
overview_line(struct show *s, int width, const char *name, const char *success,
	      const char *fetched, const char *kept, const char *aside,
	      const char *next, const char *error)
{
	char *line = mem_format("%-*s  %-24s  %8s  %8s  %8s  %-24s  %s", width,
				name, success, fetched, kept, aside, next,
				error);
	size_t end = strlen(line);

	while (end > 0 && line[end - 1] == ' ')
		line[--end] = '\0';
	progress_line(s->progress, line);
	free(line);
}

static void
overview_aside(void *arg, const struct store_row *row, const char *error)
{
	struct buf *lines = arg;
	char uid[OVERVIEW_UID_MAX];
	char *next = overview_when(row->next_try, clock_unix(), "now");

	text_safe(uid, sizeof(uid), row->uid, row->uid_size);
	(void)buf_format(lines, "    uid '%s', failed %u time%s, next try %s: "
			 "%s\n", uid, row->attempts,
			 text_plural(row->attempts), next,
			 error == NULL ? "" : error);
	free(next);
}

static void
overview_status(struct show *s, int width, const char *name,
		const struct status *st)
{
	int64_t now = clock_unix();
	char *success = overview_when(st->last_success, now, "never");
	char *next = overview_when(st->next_try, now, "-");
	char *fetched = mem_format("%llu", (unsigned long long)st->fetched);
	char *kept = mem_format("%llu", (unsigned long long)st->kept);
	char *aside = mem_format("%llu", (unsigned long long)st->set_aside);

	overview_line(s, width, name, success, fetched, kept, aside, next,
		      st->last_error == NULL ? "-" : st->last_error);
	free(success);
	free(next);
	free(fetched);
	free(kept);
	free(aside);
}

static void
overview_print_lines(struct show *s, struct buf *lines)
{
	char *text = mem_string_n(lines->data, lines->len);
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			progress_line(s->progress, line);
	free(text);
}

static void
overview_account(struct show *s, int width, const struct account *a,
		 const char *state_dir)
{
	struct status st;
	struct err e = ERR_INIT;
	struct buf lines;

	buf_init(&lines, SIZE_MAX);
	if (status_read(&st, a, state_dir,
			s->verbosity > 0 ? overview_aside : NULL, &lines,
			&e) == 0) {
		overview_status(s, width, a->name, &st);
		overview_print_lines(s, &lines);
	} else if (e.kind == ERR_BUSY) {
		overview_line(s, width, a->name, "is being fetched", "", "", "",
			      "", "");
	} else {
		show_error(s, a->name, &e);
	}
	status_free(&st);
	buf_free(&lines);
}

void
overview_print(struct show *s, struct account *const accounts[], size_t count,
	       const char *state_dir)
{
	int width = OVERVIEW_NAME_MIN;

	for (size_t i = 0; i < count; i++)
		if (strlen(accounts[i]->name) > (size_t)width)
			width = (int)strlen(accounts[i]->name);
	overview_line(s, width, "ACCOUNT", "LAST SUCCESS", "FETCHED", "KEPT",
		      "ASIDE", "NEXT TRY", "LAST ERROR");
	for (size_t i = 0; i < count; i++)
		overview_account(s, width, accounts[i], state_dir);
}
