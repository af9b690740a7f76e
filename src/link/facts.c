/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "link/facts.h"

#include "link/fields.h"

/* Each function that writes stands above the one that reads the same fields in
 * the same order. */

void
facts_put_go(struct link *l, const struct facts_go *go)
{
	struct fields f = FIELDS_NONE;

	fields_put_bool(&f, go->knows_capa);
	fields_put_text(&f, go->capa);
	fields_put_number(&f, go->login);
	fields_put_bool(&f, go->was_greeted);
	fields_put_bool(&f, go->no_capa);
	fields_put_bool(&f, go->plain);
	fields_put_bool(&f, go->wants_sizes);
	fields_put_bool(&f, go->trace);
	link_put(l, LINK_GO, 0, 0, f.bytes, f.size);
}

int
facts_read_go(const struct link_record *record, struct facts_go *go,
	      struct err *e)
{
	struct fields_reader r = { record->data, record->size, false };

	go->knows_capa = fields_bool(&r);
	fields_text(&r, go->capa, sizeof(go->capa));
	go->login = fields_number(&r);
	go->was_greeted = fields_bool(&r);
	go->no_capa = fields_bool(&r);
	go->plain = fields_bool(&r);
	go->wants_sizes = fields_bool(&r);
	go->trace = fields_bool(&r);
	if (record->type == LINK_GO && fields_are_whole(&r))
		return 0;
	return err_set(e, ERR_INTERNAL, "malformed GO from the keeper");
}

void
facts_put(struct link *l, const struct facts *facts)
{
	struct fields f = FIELDS_NONE;

	fields_put_bool(&f, facts->encrypted);
	fields_put_bool(&f, facts->has_top);
	fields_put_bool(&f, facts->announces_uidl);
	fields_put_bool(&f, facts->pipelining);
	fields_put_number(&f, facts->expire_days);
	fields_put_number(&f, facts->login_delay_s);
	fields_put_number(&f, facts->flight);
	fields_put_bool(&f, facts->capa_broke);
	fields_put_bool(&f, facts->capa_is_new);
	fields_put_text(&f, facts->capa);
	link_put(l, LINK_FACTS, 0, 0, f.bytes, f.size);
}

/* Could a courier that reads CAPA say this?  Anything beyond is made up. */
static bool
is_plausible(const struct facts *f, int64_t flight)
{
	return f->expire_days >= FACTS_EXPIRE_UNSAID &&
	       f->expire_days <= FACTS_EXPIRE_MAX && f->login_delay_s >= 0 &&
	       f->login_delay_s <= FACTS_LOGIN_DELAY_MAX && flight >= 0 &&
	       flight < FACTS_FLIGHTS;
}

int
facts_read(const struct link_record *record, struct facts *facts, struct err *e)
{
	struct fields_reader r = { record->data, record->size, false };
	int64_t flight;

	facts->encrypted = fields_bool(&r);
	facts->has_top = fields_bool(&r);
	facts->announces_uidl = fields_bool(&r);
	facts->pipelining = fields_bool(&r);
	facts->expire_days = fields_number(&r);
	facts->login_delay_s = fields_number(&r);
	flight = fields_number(&r);
	facts->capa_broke = fields_bool(&r);
	facts->capa_is_new = fields_bool(&r);
	fields_text(&r, facts->capa, sizeof(facts->capa));
	if (record->type != LINK_FACTS || !fields_are_whole(&r) ||
	    !is_plausible(facts, flight))
		return err_set(e, ERR_INTERNAL,
			       "malformed facts from the courier");
	facts->flight = (enum facts_flight)flight;
	return 0;
}
