/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/quantity.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/columns.h"
#include "cli/terminal.h"
#include "cli/wrap.h"

enum { DELAY_MS = 1000, ITEM_INDENT = 7 };

static bool
is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* -1: there are no bars. */
static int
where_bars_go(int verbosity, bool answers)
{
	bool has_lines = verbosity == 1 || answers;

	if (verbosity < 0 || verbosity > 1)
		return -1;
	if (terminal_can_draw(STDERR_FILENO))
		return has_lines && is_pipe(STDOUT_FILENO) ? -1 : STDERR_FILENO;
	return verbosity == 1 ? STDOUT_FILENO : -1;
}

void
show_open(struct show *s, int verbosity, bool answers)
{
	const struct progress_place place = {
		.lines_fd = STDOUT_FILENO,
		.bars_fd = where_bars_go(verbosity, answers),
		.delay_ms = verbosity == 1 ? 0 : DELAY_MS,
	};

	*s = (struct show){
		.verbosity = verbosity,
		.on_terminal = isatty(STDOUT_FILENO) == 1,
	};
	s->progress = progress_new(&place);
}

void
show_close(struct show *s)
{
	progress_free(&s->progress);
}

bool
show_has_captions(const struct show *s)
{
	return s->verbosity == 1 && s->on_terminal;
}

size_t
show_columns(const struct show *s)
{
	size_t columns, rows;

	if (!s->on_terminal)
		return WRAP_COLUMNS;
	terminal_size(STDOUT_FILENO, &columns, &rows);
	return columns < WRAP_COLUMNS ? columns : WRAP_COLUMNS;
}

/* --- lines --- */

static bool
is_in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

/* The name must be a word of its own: one of a single letter stands inside of
 * many words. */
static bool
is_name_at(const char *line, const char *at, const char *name)
{
	size_t size = strlen(name);

	return size > 0 && text_starts(at, size, name) &&
	       (at == line || !is_in_word(at[-1])) && !is_in_word(at[size]);
}

static char *
hide_name(const char *line, const char *name)
{
	const char *at = line;
	struct buf out;
	char *hidden;

	buf_init(&out, SIZE_MAX);
	while (*at)
		if (is_name_at(line, at, name)) {
			(void)buf_append(&out, "***", 3);
			at += strlen(name);
		} else {
			(void)buf_byte(&out, (uint8_t)*at++);
		}
	hidden = mem_string(buf_text(&out));
	buf_free(&out);
	return hidden;
}

/* What -vv shows is passed on to those who are asked for help, and the user
 * name is often an address.  Servers repeat it, perhaps with bytes that are
 * shown escaped, and it is part of the name of the state. */
static char *
hide_names(const char *line, const struct account *a)
{
	const char *user = a->server.user;
	size_t size = 4 * strlen(user) + 1;
	char *safe = mem_alloc(size), *state, *raw, *all;

	text_safe(safe, size, user, strlen(user));
	state = hide_name(line, a->keeper.account.state_file);
	raw = hide_name(state, user);
	all = hide_name(raw, safe);
	free(safe);
	free(state);
	free(raw);
	return all;
}

/* Owned by the caller. */
static char *
line_of(const struct show *s, const struct account *a, const char *text)
{
	char *line = mem_format("%s: %s", a->name, text), *hidden;

	if (s->verbosity < 2)
		return line;
	hidden = hide_names(line, a);
	free(line);
	return hidden;
}

static void
write_stderr(struct show *s, const struct account *a, const char *text)
{
	char *line = a ? line_of(s, a, text) : mem_string(text);
	char *whole = mem_format("popfetch: %s", line);

	progress_error(s->progress, whole);
	free(whole);
	free(line);
}

void
show_error(struct show *s, const struct account *a, const struct err *e)
{
	write_stderr(s, a, e->text);
	s->status = err_status_worse(s->status, err_status(e->kind));
}

void
show_answer(struct show *s, const struct account *a, const char *text)
{
	char *line;

	if (s->verbosity < 0)
		return;
	line = line_of(s, a, text);
	progress_line(s->progress, line);
	free(line);
}

void
show_early_end(struct show *s, const struct account *a, int status,
	       bool at_once)
{
	struct err e = ERR_INIT;

	if (WIFSIGNALED(status) && at_once)
		err_set(&e, ERR_STOPPED, "stopped at once");
	else if (WIFSIGNALED(status))
		err_set(&e, ERR_INTERNAL, "its process was killed by signal %d",
			WTERMSIG(status));
	else
		err_set(&e, ERR_INTERNAL, "its process ended early");
	show_error(s, a, &e);
}

/* --- records --- */

static bool
wants(const struct show *s, enum report_level level)
{
	switch (level) {
	case REPORT_WARNING:
	case REPORT_ANSWER:
		return s->verbosity >= 0;
	case REPORT_SUMMARY:
	case REPORT_SAID:
		return s->verbosity >= 1 ||
		       (s->verbosity == 0 && s->on_terminal);
	case REPORT_VERBOSE:
		return s->verbosity >= 1;
	case REPORT_TROUBLE:
		return true;
	case REPORT_PROTOCOL:
		break;
	}
	return s->verbosity >= 2;
}

static bool
is_for_stderr(enum report_level level)
{
	return level == REPORT_WARNING || level == REPORT_TROUBLE ||
	       level == REPORT_SAID;
}

void
show_no_account(struct show *s, const char *path, const struct shard *shard)
{
	char *line;

	if (!wants(s, REPORT_SUMMARY))
		return;
	if (shard->count > 0)
		line = mem_format("no account of '%s' is in shard %u/%u", path,
				  shard->number, shard->count);
	else
		line = mem_format("no account is enabled in '%s'", path);
	progress_line(s->progress, line);
	free(line);
}

static void
put_line(struct show *s, const struct account *a, const struct link_record *r,
	 const char *text)
{
	enum report_level level = (enum report_level)r->value;
	char *line;

	if (r->value < REPORT_WARNING || r->value > REPORT_SAID ||
	    !wants(s, level))
		return;
	if (is_for_stderr(level)) {
		write_stderr(s, a, text);
		return;
	}
	line = line_of(s, a, text);
	progress_line(s->progress, line);
	free(line);
}

/* A folded error counts for the status, and is shown to those who look. */
static void
take_error(struct show *s, const struct account *a, const struct link_record *r,
	   const char *text)
{
	enum err_kind kind = ERR_INTERNAL;
	bool folded = r->number == 1;

	if (r->value > ERR_NONE && r->value < ERR_KINDS)
		kind = (enum err_kind)r->value;
	s->status = err_status_worse(s->status, err_status(kind));
	if (!folded || s->verbosity >= 1 ||
	    (s->on_terminal && s->verbosity >= 0))
		write_stderr(s, a, text);
}

static void
take_message(struct show *s, const struct account *a,
	     const struct link_record *r)
{
	struct report_message m;
	char *line;

	if (!show_has_captions(s) || !report_read_message(r, &m))
		return;
	line = mem_format("%s: message %u%s%s%s%s", a->name, r->number,
			  m.sender[0] ? " from " : "", m.sender,
			  m.subject[0] ? ": " : "", m.subject);
	progress_line_cut(s->progress, line);
	free(line);
}

static void
take_progress(struct show *s, size_t slot, const struct link_record *r)
{
	struct report_progress p;
	struct progress_state state;

	if (!report_read_progress(r, &p))
		return;
	state = (struct progress_state){
		.messages = p.messages,
		.messages_total = p.messages_total,
		.bytes = p.bytes,
		.bytes_total = p.bytes_total,
		.phase = "fetching",
	};
	progress_update(s->progress, slot, &state);
}

static void
show_phase(struct show *s, size_t slot, const char *text)
{
	struct progress_state state = { .phase = text };

	progress_update(s->progress, slot, &state);
}

static void
take_result(struct show *s, const struct link_record *r,
	    struct report_result *result)
{
	if (report_read_result(r, result))
		s->new_messages += result->new_messages;
	else
		*result = (struct report_result){ .is_again = false };
}

/* Adds what there is of a header, with two blanks in between. */
static void
add_text(struct buf *line, const char *text)
{
	if (*text)
		(void)buf_format(line, "%s%s",
				 line->len > ITEM_INDENT ? "  " : "", text);
}

static void
print_header(const struct show *s, const struct report_item *item)
{
	struct buf line;

	buf_init(&line, SIZE_MAX);
	(void)buf_format(&line, "%*s", ITEM_INDENT, "");
	add_text(&line, item->date);
	add_text(&line, item->from);
	add_text(&line, item->subject);
	if (line.len > ITEM_INDENT && s->on_terminal)
		progress_line_cut(s->progress, buf_text(&line));
	else if (line.len > ITEM_INDENT)
		progress_line(s->progress, buf_text(&line));
	buf_free(&line);
}

/* What becomes of it has a line of its own where the terminal is too narrow for
 * one that has all. */
static void
print_state(const struct show *s, size_t columns,
	    const struct report_item *item)
{
	char size[QUANTITY_TEXT_MAX] = "size ?", *name, *all;

	if (item->size >= 0)
		quantity_show_tenths(size, (uint64_t)item->size);
	name = mem_format("%5u  %10s  uid %s", item->number, size, item->uid);
	all = mem_format("%s  %s", name, item->state);
	if (columns_of(all) <= columns) {
		progress_line(s->progress, all);
	} else {
		progress_line(s->progress, name);
		progress_line_wrapped(s->progress, ITEM_INDENT, item->state);
	}
	free(name);
	free(all);
}

/* What stands in front has a place of its own, what may be long comes last:
 *
 *	   17     3.4 KiB  uid uid-000017  set aside, next try 2026-12-14 10:00
 *	       Tue, 1 Dec 2026 10:00:00 +0000  jane@example.org  The subject
 *	       last error: RETR 17: server said: no
 */
static void
print_item(const struct show *s, const struct report_item *item)
{
	size_t columns = SIZE_MAX, rows;
	char *error;

	if (s->on_terminal)
		terminal_size(STDOUT_FILENO, &columns, &rows);
	print_state(s, columns, item);
	print_header(s, item);
	if (item->error[0] == '\0')
		return;
	error = mem_format("last error: %s", item->error);
	progress_line_wrapped(s->progress, ITEM_INDENT, error);
	free(error);
}

static void
show_item(struct show *s, const struct link_record *r)
{
	struct report_item item;

	if (report_read_item(r, &item) && (s->verbosity >= 0 || s->asks))
		print_item(s, &item);
	free(item.uid);
	free(item.state);
	free(item.error);
}

/* All but "y" and "yes" is a no. */
static bool
is_yes(const struct secret *answer)
{
	const uint8_t *bytes = secret_bytes(answer);
	size_t size = secret_size(answer);

	return (size == 1 && (bytes[0] == 'y' || bytes[0] == 'Y')) ||
	       (size == 3 && strncasecmp((const char *)bytes, "yes", 3) == 0);
}

static void
ask(struct show *s, struct link *link, const char *question, int64_t until)
{
	enum report_reply reply = REPORT_NOTHING;
	struct secret *answer = NULL;

	if (progress_ask(s->progress, question, true, until, &answer))
		reply = is_yes(answer) ? REPORT_YES : REPORT_NO;
	else if (clock_ms() >= until)
		reply = REPORT_TOO_LATE;
	secret_free(&answer);
	link_put(link, REPORT_REPLY, 0, reply, NULL, 0);
	report_flush(link);
}

void
show_record(struct show *s, size_t slot, const struct account *a,
	    struct link *link, const struct link_record *r, bool *ended,
	    struct report_result *result)
{
	char *text = mem_string_n(r->data, r->size);

	switch (r->type) {
	case REPORT_LINE:
		put_line(s, a, r, text);
		break;
	case REPORT_PHASE:
		show_phase(s, slot, text);
		break;
	case REPORT_PROGRESS:
		take_progress(s, slot, r);
		break;
	case REPORT_MESSAGE:
		take_message(s, a, r);
		break;
	case REPORT_LOG:
		log_line("%s: %s", a->name, text);
		break;
	case REPORT_ERROR:
		take_error(s, a, r, text);
		break;
	case REPORT_ITEM:
		show_item(s, r);
		break;
	case REPORT_ASK:
		ask(s, link, text, r->value);
		break;
	case REPORT_RESULT:
		take_result(s, r, result);
		*ended = true;
		break;
	default:
		break;
	}
	free(text);
}
