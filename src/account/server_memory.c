/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "account/server_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "state/fact.h"

enum {
	DAY_S = 86400,
	CAPA_S = 7 * DAY_S,
	PLAIN_S = 7 * DAY_S,
	NO_CAPA_S = 30 * DAY_S,
	LOGIN_S = 30 * DAY_S
};

static char *
identity(const struct server *server)
{
	return mem_format("%s %u %d", server->host, server->port,
			  (int)server->tls);
}

int
server_memory_is_of(struct store *s, const struct server *server, bool *same,
		    struct err *e)
{
	char *name = identity(server);
	int rc = store_fact_is(s, FACT_CAPA_OF, name, same, e);

	free(name);
	return rc;
}

/* A time further ahead than a clock that was right could have set it counts as
 * over.  INT64_MAX is for ever. */
static bool
lasts(int64_t until, int64_t now, int64_t longest)
{
	return until == INT64_MAX || (until > now && until <= now + longest);
}

static int
load_login(struct store *s, bool same, int64_t now, struct facts_go *go,
	   struct err *e)
{
	int64_t login, until;

	if (store_fact(s, FACT_LOGIN_WAYS, 0, &login, e) != 0 ||
	    store_fact(s, FACT_LOGIN_WAYS_UNTIL, 0, &until, e) != 0)
		return -1;
	go->login = same && lasts(until, now, LOGIN_S) ? login : 0;
	return 0;
}

int
server_memory_load(struct store *s, const struct server *server, int64_t now,
		   struct facts_go *go, struct err *e)
{
	int64_t learned, plain_until, no_capa_until;
	char *text;
	bool same;

	if (store_fact(s, FACT_CAPA_TIME, 0, &learned, e) != 0 ||
	    store_fact(s, FACT_PLAIN_UNTIL, 0, &plain_until, e) != 0 ||
	    store_fact(s, FACT_NO_CAPA_UNTIL, 0, &no_capa_until, e) != 0 ||
	    server_memory_is_of(s, server, &same, e) != 0 ||
	    load_login(s, same, now, go, e) != 0 ||
	    store_fact_text(s, FACT_CAPA, &text, e) != 0)
		return -1;
	go->was_greeted = same; /* else nothing was noted of it */
	go->plain = same && lasts(plain_until, now, PLAIN_S);
	go->no_capa = same && lasts(no_capa_until, now, NO_CAPA_S);
	go->knows_capa = same && text && learned > 0 && learned <= now &&
			 learned > now - CAPA_S &&
			 strlen(text) < sizeof(go->capa);
	if (go->knows_capa)
		memcpy(go->capa, text, strlen(text) + 1);
	free(text);
	return 0;
}

/* One failure may be chance, and is noted as a time that is over under any
 * clock; two in a row are not.  A success ends the row. */
static int
note_trouble(struct store *s, const char *fact, bool failed, int64_t now,
	     int64_t longest, struct err *e)
{
	int64_t until;

	if (store_fact(s, fact, 0, &until, e) != 0)
		return -1;
	if (failed)
		return store_set_fact(s, fact, until == 0 ? 1 : now + longest,
				      e);
	return until == 0 ? 0 : store_set_fact(s, fact, 0, e);
}

static int
note_flight(struct store *s, enum facts_flight flight, int64_t now,
	    struct err *e)
{
	switch (flight) {
	case FACTS_FLIGHT_HEARD:
	case FACTS_FLIGHT_FAILED:
		return note_trouble(s, FACT_PLAIN_UNTIL,
				    flight == FACTS_FLIGHT_FAILED, now, PLAIN_S,
				    e);
	case FACTS_FLIGHT_UNHEARD:
		return store_set_fact(s, FACT_PLAIN_UNTIL, INT64_MAX, e);
	case FACTS_FLIGHT_NONE:
	case FACTS_FLIGHTS:
		break;
	}
	return 0;
}

int
server_memory_turn_to(struct store *s, const struct server *server,
		      struct err *e)
{
	char *name;
	bool same;
	int rc;

	if (server_memory_is_of(s, server, &same, e) != 0)
		return -1;
	if (same)
		return 0;
	name = identity(server);
	rc = store_set_fact_text(s, FACT_CAPA_OF, name, e);
	free(name);
	if (rc != 0 || store_set_fact(s, FACT_PLAIN_UNTIL, 0, e) != 0 ||
	    store_set_fact(s, FACT_NO_CAPA_UNTIL, 0, e) != 0 ||
	    store_set_fact(s, FACT_LOGIN_WAYS, 0, e) != 0)
		return -1;
	if (store_set_fact(s, FACT_LIST_ONE, 0, e) != 0 ||
	    store_set_fact(s, FACT_LIST_BROKE, 0, e) != 0)
		return -1;
	return store_set_fact(s, FACT_CAPA_TIME, 0, e);
}

int
server_memory_note(struct store *s, const struct server *server,
		   const struct facts *f, int64_t now, struct err *e)
{
	if (server_memory_turn_to(s, server, e) != 0 ||
	    note_flight(s, f->flight, now, e) != 0)
		return -1;
	if (f->capa_broke)
		return note_trouble(s, FACT_NO_CAPA_UNTIL, true, now, NO_CAPA_S,
				    e);
	if (!f->capa_is_new)
		return 0;
	if (note_trouble(s, FACT_NO_CAPA_UNTIL, false, now, NO_CAPA_S, e) !=
		    0 ||
	    store_set_fact_text(s, FACT_CAPA, f->capa, e) != 0)
		return -1;
	return store_set_fact(s, FACT_CAPA_TIME, now, e);
}

static int
note_login(struct store *s, const struct server *server, int64_t login,
	   int64_t now, struct err *e)
{
	if (server_memory_turn_to(s, server, e) != 0 ||
	    store_set_fact(s, FACT_LOGIN_WAYS, login, e) != 0)
		return -1;
	return store_set_fact(s, FACT_LOGIN_WAYS_UNTIL, now + LOGIN_S, e);
}

int
server_memory_note_login(struct store *s, const struct server *server,
			 int64_t login, int64_t now, struct err *e)
{
	if (store_begin(s, STORE_LAZY, e) != 0)
		return -1;
	if (note_login(s, server, login, now, e) == 0)
		return store_commit(s, e);
	store_rollback(s);
	return -1;
}

static int
forget(struct store *s, const struct server *server, enum facts_flight flight,
       int64_t now, struct err *e)
{
	int64_t until =
		flight == FACTS_FLIGHT_UNHEARD ? INT64_MAX : now + PLAIN_S;

	if (store_set_fact(s, FACT_CAPA_TIME, 0, e) != 0)
		return -1;
	if (flight == FACTS_FLIGHT_NONE)
		return 0;
	if (server_memory_turn_to(s, server, e) != 0)
		return -1;
	return store_set_fact(s, FACT_PLAIN_UNTIL, until, e);
}

int
server_memory_forget(struct store *s, const struct server *server,
		     enum facts_flight flight, int64_t now, struct err *e)
{
	int64_t learned;

	if (store_fact(s, FACT_CAPA_TIME, 0, &learned, e) != 0)
		return -1;
	if (learned == 0 && flight == FACTS_FLIGHT_NONE)
		return 0;
	if (store_begin(s, STORE_LAZY, e) != 0)
		return -1;
	if (forget(s, server, flight, now, e) == 0)
		return store_commit(s, e);
	store_rollback(s);
	return -1;
}
