/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What to do where no login is to be had by the way that is configured:
 * auth_add_hint, which auth.h declares.
 */
#include "config.h"

#include "pop3/auth.h"

#include "base/buf.h"

static bool
has(const struct capa *c, unsigned method)
{
	return c->mechanisms & UINT32_C(1) << method;
}

static bool
offers_tokens_alone(const struct capa *c)
{
	for (unsigned i = 0; method_table[i].word; i++)
		if (has(c, i) && !method_table[i].is_oauth)
			return false;
	return c->mechanisms != 0;
}

/* USER and PASS, which may work without being announced, and were not tried. */
static bool
may_try_user(const struct capa *c, const struct auth_settings *s)
{
	if (s->method == AUTH_AUTO)
		return s->unfit == 0 && c->mechanisms != 0 && !c->user;
	return method_table[s->method].name;
}

static void
write_tokens(const struct capa *c, struct buf *out)
{
	const char *before = ": set auth =";

	for (unsigned i = 0; method_table[i].word; i++) {
		if (!has(c, i))
			continue;
		(void)buf_format(out, "%s \"%s\"", before,
				 method_table[i].word);
		before = " or";
	}
	(void)buf_format(out, " and let password_command print a token (see "
			      "PROVIDERS in popfetch.conf(5))");
}

static void
write_offer(const struct capa *c, struct buf *out)
{
	struct buf names;

	buf_init(&names, SIZE_MAX);
	capa_write_mechanisms(c, &names);
	if (names.len > 0)
		(void)buf_format(out, "; server offers%s", buf_text(&names));
	else if (c->known && !c->user)
		(void)buf_format(out, "; server announces no login");
	if (names.len > 0 && c->mechanisms == 0)
		(void)buf_format(out, ", which popfetch does not have");
	buf_free(&names);
}

void
auth_add_hint(const struct pop3 *p, const struct auth_settings *s,
	      struct err *e)
{
	const struct capa *c = pop3_capabilities(p);
	bool is_oauth = method_table[s->method].is_oauth;
	struct buf hint;

	buf_init(&hint, SIZE_MAX);
	write_offer(c, &hint);
	if (!is_oauth && offers_tokens_alone(c))
		write_tokens(c, &hint);
	if (!is_oauth && may_try_user(c, s))
		(void)buf_format(&hint, "; auth = \"user\" may work");
	else if (!is_oauth && hint.len > 0 && c->mechanisms == 0)
		(void)buf_format(&hint, ": ask who runs it for PLAIN over TLS");
	err_set(e, e->kind, "%s%s", e->text, buf_text(&hint));
	buf_free(&hint);
}
