/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "link/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "link/fields.h"

enum { REPORT_TEXT_MAX = 4096 };

static void __attribute__((format(printf, 4, 0)))
report_text(struct link *l, enum report_type type, int64_t value,
	    const char *format, va_list args)
{
	char text[REPORT_TEXT_MAX];

	(void)vsnprintf(text, sizeof(text), format, args);
	link_put_text(l, type, 0, value, text);
}

void
report_line(struct link *l, enum report_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_text(l, REPORT_LINE, (int64_t)level, format, args);
	va_end(args);
}

void
report_log(struct link *l, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report_text(l, REPORT_LOG, 0, format, args);
	va_end(args);
}

void
report_phase(struct link *l, const char *phase)
{
	link_put_text(l, REPORT_PHASE, 0, 0, phase);
	report_flush(l);
}

static void
put_count(struct fields *f, uint64_t count)
{
	fields_put_number(f, count > INT64_MAX ? INT64_MAX : (int64_t)count);
}

static uint64_t
read_count(struct fields_reader *f)
{
	int64_t count = fields_number(f);

	return count < 0 ? 0 : (uint64_t)count;
}

void
report_progress(struct link *l, const struct report_progress *p)
{
	struct fields f = FIELDS_NONE;

	put_count(&f, p->messages);
	put_count(&f, p->messages_total);
	put_count(&f, p->bytes);
	put_count(&f, p->bytes_total);
	link_put(l, REPORT_PROGRESS, 0, 0, f.bytes, f.size);
}

bool
report_read_progress(const struct link_record *r, struct report_progress *p)
{
	struct fields_reader f = { r->data, r->size, false };

	p->messages = read_count(&f);
	p->messages_total = read_count(&f);
	p->bytes = read_count(&f);
	p->bytes_total = read_count(&f);
	return fields_are_whole(&f);
}

void
report_error(struct link *l, const struct err *e, bool folded)
{
	link_put_text(l, REPORT_ERROR, folded, (int64_t)e->kind, e->text);
	report_flush(l);
}

void
report_result(struct link *l, const struct report_result *r)
{
	struct fields f = FIELDS_NONE;

	put_count(&f, r->new_messages);
	put_count(&f, r->fetched);
	put_count(&f, r->deleted);
	put_count(&f, r->kept);
	put_count(&f, r->failed);
	put_count(&f, r->bytes);
	fields_put_bool(&f, r->is_logged_in);
	fields_put_bool(&f, r->is_listed);
	fields_put_bool(&f, r->is_again);
	fields_put_bool(&f, r->is_limited);
	link_put(l, REPORT_RESULT, 0, 0, f.bytes, f.size);
	report_flush(l);
}

bool
report_read_result(const struct link_record *r, struct report_result *p)
{
	struct fields_reader f = { r->data, r->size, false };

	p->new_messages = read_count(&f);
	p->fetched = read_count(&f);
	p->deleted = read_count(&f);
	p->kept = read_count(&f);
	p->failed = read_count(&f);
	p->bytes = read_count(&f);
	p->is_logged_in = fields_bool(&f);
	p->is_listed = fields_bool(&f);
	p->is_again = fields_bool(&f);
	p->is_limited = fields_bool(&f);
	return fields_are_whole(&f);
}

/* --- single messages --- */

enum { UID_MAX = 2048, STATE_MAX = 256, ERROR_MAX = ERR_TEXT_MAX };

static void
put_cut(struct fields *f, const char *text, size_t max)
{
	char *cut = mem_string_n(text, strnlen(text, max - 1));

	fields_put_text(f, cut);
	free(cut);
}

void
report_message(struct link *l, uint32_t number, const char *sender,
	       const char *subject)
{
	struct fields f = FIELDS_NONE;

	put_cut(&f, sender, REPORT_FIELD_MAX);
	put_cut(&f, subject, REPORT_FIELD_MAX);
	link_put(l, REPORT_MESSAGE, number, 0, f.bytes, f.size);
}

bool
report_read_message(const struct link_record *r, struct report_message *m)
{
	struct fields_reader f = { r->data, r->size, false };

	fields_text(&f, m->sender, sizeof(m->sender));
	fields_text(&f, m->subject, sizeof(m->subject));
	return fields_are_whole(&f);
}

void
report_item(struct link *l, const struct report_item *item)
{
	struct fields f = FIELDS_NONE;

	fields_put_number(&f, item->size);
	put_cut(&f, item->uid, UID_MAX);
	put_cut(&f, item->state, STATE_MAX);
	put_cut(&f, item->error, ERROR_MAX);
	fields_put_text(&f, item->date);
	fields_put_text(&f, item->from);
	fields_put_text(&f, item->subject);
	link_put(l, REPORT_ITEM, item->number, 0, f.bytes, f.size);
}

bool
report_read_item(const struct link_record *r, struct report_item *item)
{
	struct fields_reader f = { r->data, r->size, false };

	item->number = r->number;
	item->size = fields_number(&f);
	item->uid = mem_alloc(UID_MAX);
	item->state = mem_alloc(STATE_MAX);
	item->error = mem_alloc(ERROR_MAX);
	fields_text(&f, item->uid, UID_MAX);
	fields_text(&f, item->state, STATE_MAX);
	fields_text(&f, item->error, ERROR_MAX);
	fields_text(&f, item->date, sizeof(item->date));
	fields_text(&f, item->from, sizeof(item->from));
	fields_text(&f, item->subject, sizeof(item->subject));
	return fields_are_whole(&f);
}

/* For the answer of a parent that has waited until the deadline. */
enum { REPLY_MS = 2 * 1000 };

int
report_ask(struct link *l, const char *question, int64_t deadline,
	   enum report_reply *reply, struct err *e)
{
	struct link_record r;

	*reply = REPORT_TOO_LATE;
	link_put_text(l, REPORT_ASK, 0, deadline, question);
	report_flush(l);
	if (link_wait(l, &r, deadline + REPLY_MS, e) != 0) {
		if (e->kind != ERR_NETWORK)
			return -1;
		err_clear(e);
		return 0;
	}
	*reply = REPORT_NOTHING;
	if (r.type == REPORT_REPLY && r.value > REPORT_NOTHING &&
	    r.value <= REPORT_YES)
		*reply = (enum report_reply)r.value;
	return 0;
}

void
report_flush(struct link *l)
{
	struct err ignored = ERR_INIT;

	(void)link_flush(l, &ignored);
}
