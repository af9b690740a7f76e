/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

void
show_open(struct show *s, int verbosity)
{
	*s = (struct show){
		.verbosity = verbosity,
		.on_terminal = isatty(STDOUT_FILENO) == 1,
	};
	s->progress = progress_new(STDOUT_FILENO, verbosity == 1);
}

void
show_close(struct show *s)
{
	progress_free(&s->progress);
}

static void
write_stderr(struct show *s, const char *account, const char *text)
{
	char *line = !account
			     ? mem_format("popfetch: %s", text)
			     : mem_format("popfetch: %s: %s", account, text);

	progress_error(s->progress, line);
	free(line);
}

void
show_error(struct show *s, const char *account, const struct err *e)
{
	write_stderr(s, account, e->text);
	s->status = err_status_worse(s->status, err_status(e->kind));
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
		return s->verbosity >= 1 ||
		       (s->verbosity == 0 && s->on_terminal);
	case REPORT_VERBOSE:
		return s->verbosity >= 1;
	case REPORT_PROTOCOL:
		break;
	}
	return s->verbosity >= 2;
}

static void
put_line(struct show *s, const char *account, const struct link_record *r,
	  const char *text)
{
	enum report_level level = (enum report_level)r->value;
	char *line;

	if (r->value < REPORT_WARNING || r->value > REPORT_PROTOCOL ||
	    !wants(s, level))
		return;
	if (level == REPORT_WARNING) {
		write_stderr(s, account, text);
		return;
	}
	line = mem_format("%s: %s", account, text);
	progress_line(s->progress, line);
	free(line);
}

/* A folded error counts for the status, and is shown to those who look. */
static void
take_error(struct show *s, const char *account,
		    const struct link_record *r, const char *text)
{
	enum err_kind kind = ERR_INTERNAL;
	bool folded = r->number == 1;

	if (r->value > ERR_NONE && r->value < ERR_KINDS)
		kind = (enum err_kind)r->value;
	s->status = err_status_worse(s->status, err_status(kind));
	if (!folded || s->verbosity >= 1 ||
	    (s->on_terminal && s->verbosity >= 0))
		write_stderr(s, account, text);
}

static void
take_progress(struct show *s, size_t slot, const struct link_record *r)
{
	struct report_progress p;
	struct progress_state state;

	if (r->size != sizeof(p))
		return;
	memcpy(&p, r->data, sizeof(p));
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
phase(struct show *s, size_t slot, const char *text)
{
	struct progress_state state = { .phase = text };

	progress_update(s->progress, slot, &state);
}

static void
take_result(struct show *s, const struct link_record *r)
{
	struct report_result result;

	if (r->size != sizeof(result))
		return;
	memcpy(&result, r->data, sizeof(result));
	s->new_messages += result.new_messages;
}

void
show_record(struct show *s, size_t slot, const char *account,
	    const struct link_record *r, bool *ended)
{
	char *text = mem_string_n(r->data, r->size);

	switch (r->type) {
	case REPORT_LINE:
		put_line(s, account, r, text);
		break;
	case REPORT_PHASE:
		phase(s, slot, text);
		break;
	case REPORT_PROGRESS:
		take_progress(s, slot, r);
		break;
	case REPORT_LOG:
		log_line("%s: %s", account, text);
		break;
	case REPORT_ERROR:
		take_error(s, account, r, text);
		break;
	case REPORT_RESULT:
		take_result(s, r);
		*ended = true;
		break;
	default:
		break;
	}
	free(text);
}
