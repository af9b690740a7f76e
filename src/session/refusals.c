/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "session/refusals.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/mem.h"
#include "session/failure.h"

enum { MANY = 5 };

struct refusal {
	size_t entry;
	enum err_kind kind;
	char *text;
};

void
refusals_open(struct refusals *r, struct session *s)
{
	*r = (struct refusals){ .session = s };
}

void
refusals_forget(struct refusals *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->at[i].text);
	r->count = 0;
}

void
refusals_close(struct refusals *r)
{
	refusals_forget(r);
	free(r->at);
	r->at = NULL;
	r->room = 0;
}

static bool
is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* To the next thing that counts: words with a digit do not. */
static const char *
skip_names(const char *s)
{
	size_t size = 0;
	bool is_name = false;

	while (is_of_word(s[size]))
		is_name |= isdigit((unsigned char)s[size++]) != 0;
	return is_name ? s + size : s;
}

/* The same words may name the message, by its number or uid, or the failure,
 * for the provider's own records. */
static bool
says_the_same(const char *a, const char *b)
{
	bool is_in_word = false;

	for (;; a++, b++) {
		if (!is_in_word) {
			a = skip_names(a);
			b = skip_names(b);
		}
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
		is_in_word = is_of_word(*a);
	}
}

int
refusals_add(struct refusals *r, size_t entry, const struct err *why,
	     struct err *e)
{
	if (r->count > 0 && !says_the_same(r->at[0].text, why->text) &&
	    refusals_settle(r, e) != 0)
		return -1;
	if (r->count == r->room) {
		r->room = 2 * r->room + MANY;
		r->at = mem_resize(r->at, r->room, sizeof(*r->at));
	}
	r->at[r->count++] = (struct refusal){
		.entry = entry,
		.kind = why->kind,
		.text = mem_string(why->text),
	};
	return 0;
}

bool
refusals_are_many(const struct refusals *r)
{
	return r->count >= MANY;
}

bool
refusals_reach_the_end(const struct refusals *r)
{
	return r->count > MANY;
}

bool
refusals_are_of_new(const struct refusals *r)
{
	return failure_count(r->session->mailbox, r->at[0].entry) == 0;
}

bool
refusals_have_new(const struct refusals *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (failure_count(r->session->mailbox, r->at[i].entry) == 0)
			return true;
	return false;
}

/* --- the messages' fault --- */

static enum failure_kind
kind_of(const struct refusal *x)
{
	return x->kind == ERR_MESSAGE || x->kind == ERR_UNAVAILABLE
		       ? FAILURE_REFUSED
		       : FAILURE_LATER;
}

/* What may pass is told when the message is set aside; until then it is trouble
 * like any other that passes.  Of a message that was delivered before people
 * hear once: nothing that they wait for is missing. */
static void
tell(struct session *s, const struct refusal *x, struct err *e)
{
	unsigned told_at = kind_of(x) == FAILURE_LATER ? BACKOFF_PATIENCE : 0;
	unsigned before = failure_attempts(s, x->entry);
	struct store_row row = { .attempts = 0 };
	bool is_delivered = failure_row(s->mailbox, x->entry, &row) &&
			    row.status == STORE_DELIVERED;
	char name[MAILBOX_NAME_MAX];

	mailbox_name(s->mailbox, x->entry, name);
	if (before < told_at) {
		report_log(s->report, "failed: %s: %s", name, x->text);
		e->kind = ERR_LATER;
		phase_put_off(s, e);
		return;
	}
	report_log(s->report, "%s: %s: %s", failure_fate(is_delivered), name,
		   x->text);
	failure_say_fate(s, x->entry, is_delivered, e);
	phase_complain(s, e, is_delivered && before > told_at);
}

static struct err
why_of(const struct session *s, const struct refusal *x)
{
	struct err why = ERR_INIT;

	err_set(&why, ERR_MESSAGE, "%s", x->text);
	err_context(&why, "RETR %u", mailbox_number(s->mailbox, x->entry));
	return why;
}

static int
settle_one(struct session *s, const struct refusal *x, struct err *e)
{
	struct err why = why_of(s, x), told;

	s->result->failed++;
	told = why;
	tell(s, x, &told);
	return failure_note(s, x->entry, 0, kind_of(x), why.text, e);
}

int
refusals_settle(struct refusals *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < r->count && rc == 0; i++)
		rc = settle_one(r->session, &r->at[i], e);
	refusals_forget(r);
	return rc;
}

/* --- the server's limit --- */

static bool
is_due(const struct mailbox *m, size_t entry)
{
	return mailbox_action(m, entry) == PLAN_DELETE &&
	       !mailbox_is_back(m, entry);
}

int
refusals_note_due(struct refusals *r, struct err *e)
{
	struct session *s = r->session;

	for (size_t i = 0; i < r->count; i++) {
		const struct refusal *x = &r->at[i];
		struct err why = why_of(s, x);

		if (is_due(s->mailbox, x->entry) &&
		    failure_note(s, x->entry, 0, kind_of(x), why.text, e) != 0)
			return -1;
	}
	return 0;
}

void
refusals_confirm(struct refusals *r)
{
	struct session *s = r->session;

	(void)err_set(&s->later, ERR_TROUBLE,
		      "RETR %u and %zu more: server gives no more messages for "
		      "now: %s",
		      mailbox_number(s->mailbox, r->at[0].entry), r->count - 1,
		      r->at[0].text);
	s->result->is_limited = true;
	refusals_forget(r);
}
