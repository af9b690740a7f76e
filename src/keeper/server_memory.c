/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "keeper/server_memory.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	SERVER_MEMORY_S = 7 * 86400,
	SERVER_MEMORY_NO_CAPA_S = 30 * 86400,
	SERVER_MEMORY_TEXT_MAX = 1024
};

static char *
server_memory_identity(const struct account *a)
{
	return mem_format("%s %u %d", a->host, a->port, (int)a->tls);
}

static int
server_memory_is_with(struct store *s, const struct account *a, bool *same,
		     struct err *e)
{
	char *identity = server_memory_identity(a);
	int rc = store_fact_is(s, "capa_of", identity, same, e);

	free(identity);
	return rc;
}

static bool
server_memory_is_fresh(int64_t learned, int64_t now, int64_t longest)
{
	return learned > 0 && learned > now - longest && learned <= now;
}

int
server_memory_load(struct store *s, const struct account *a, int64_t now,
		  struct link_go *go, struct err *e)
{
	int64_t fails, learned, lost;
	char *text;
	bool same;

	capa_start(&go->capa);
	if (store_fact(s, "capa_fails", 0, &fails, e) == -1 ||
	    store_fact(s, "capa_time", 0, &learned, e) == -1 ||
	    store_fact(s, "flight_lost", 0, &lost, e) == -1 ||
	    server_memory_is_with(s, a, &same, e) == -1 ||
	    store_fact_text(s, "capa", &text, e) == -1)
		return -1;
	go->skip_capa = server_memory_is_fresh(fails, now,
					      SERVER_MEMORY_NO_CAPA_S);
	go->serial = server_memory_is_fresh(lost, now, SERVER_MEMORY_S);
	if (same && text != NULL &&
	    server_memory_is_fresh(learned, now, SERVER_MEMORY_S))
		capa_read(&go->capa, text);
	free(text);
	return 0;
}

/* One dropped line is no proof that a server dislikes CAPA; two in a row are. */
static int
server_memory_note_failure(struct store *s, const struct link_facts *f,
			  int64_t now, struct err *e)
{
	int64_t suspected;

	if (store_fact(s, "capa_suspected", 0, &suspected, e) == -1)
		return -1;
	if (!f->capa_failed) {
		if (suspected == 0 || !f->capa.known)
			return 0;
		return store_set_fact(s, "capa_suspected", 0, e);
	}
	if (suspected != 0 && store_set_fact(s, "capa_fails", now, e) == -1)
		return -1;
	return store_set_fact(s, "capa_suspected", now, e);
}

/* The same of a server that may dislike what comes along with the login: the first time
 * it is forgotten, and asked again in the next session. */
static int
server_memory_note_flight(struct store *s, const struct link_facts *f,
			 int64_t now, bool *serial, struct err *e)
{
	int64_t suspected;

	*serial = false;
	if (store_fact(s, "flight_suspected", 0, &suspected, e) == -1)
		return -1;
	if (!f->flight_failed)
		return suspected == 0
			? 0 : store_set_fact(s, "flight_suspected", 0, e);
	*serial = suspected != 0;
	if (!*serial && store_set_fact(s, "capa_time", 0, e) == -1)
		return -1;
	return store_set_fact(s, "flight_suspected", now, e);
}

/* From now on it stands in the capabilities, for a week: without PIPELINING. */
static int
server_memory_found_flight(struct store *s, struct err *e)
{
	int64_t lost;

	if (store_fact(s, "flight_lost", 0, &lost, e) == -1)
		return -1;
	return lost == 0 ? 0 : store_set_fact(s, "flight_lost", 0, e);
}

static int
server_memory_remember(struct store *s, const struct account *a,
		      const struct capa *capa, int64_t now, struct err *e)
{
	char *identity = server_memory_identity(a);
	struct buf text;
	int result = -1;

	buf_init(&text, SERVER_MEMORY_TEXT_MAX);
	capa_write(capa, &text);
	if (store_set_fact_text(s, "capa", buf_text(&text), e) == 0 &&
	    store_set_fact_text(s, "capa_of", identity, e) == 0)
		result = store_set_fact(s, "capa_time", now, e);
	buf_free(&text);
	free(identity);
	return result;
}

int
server_memory_note(struct store *s, const struct account *a,
		  const struct link_facts *f, int64_t now, struct err *e)
{
	struct capa capa = f->capa;
	bool serial;

	if (server_memory_note_failure(s, f, now, e) == -1 ||
	    server_memory_note_flight(s, f, now, &serial, e) == -1 ||
	    server_memory_found_flight(s, e) == -1)
		return -1;
	if (!f->capa_asked || !capa.known || (f->flight_failed && !serial))
		return 0;
	if (serial)
		capa.pipelining = false;
	return server_memory_remember(s, a, &capa, now, e);
}

int
server_memory_forget(struct store *s, bool lost_flight, int64_t now,
		    struct err *e)
{
	int64_t learned;

	if (store_fact(s, "capa_time", 0, &learned, e) == -1)
		return -1;
	if (learned == 0 && !lost_flight)
		return 0;
	if (store_begin(s, STORE_LAZY, e) == -1)
		return -1;
	if (store_set_fact(s, "capa_time", 0, e) == 0 &&
	    (!lost_flight || store_set_fact(s, "flight_lost", now, e) == 0))
		return store_commit(s, e);
	store_rollback(s);
	return -1;
}
