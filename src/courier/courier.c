/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "courier/courier.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "courier/connection.h"
#include "courier/orders.h"
#include "link/facts.h"
#include "sys/proc.h"

enum { SECRET_MAX = 1024 * 1024 };

static int
wait_for_go(struct link *l, struct facts_go *go, struct err *e)
{
	struct link_record r;

	if (link_wait(l, &r, CLOCK_NEVER, e) != 0)
		return -1;
	return facts_read_go(&r, go, e);
}

/* proc_first_line calls it while password_command runs: at once, since it may
 * ask to be touched. */
static void
note_program(void *arg, const char *line)
{
	struct err ignored = ERR_INIT;

	link_put_text(arg, LINK_SAID, 0, 0, line);
	(void)link_flush(arg, &ignored);
}

static int
get_secret(struct courier_settings *set, struct link *l, int64_t end,
	   struct secret **secret, struct err *e)
{
	struct err ignored = ERR_INIT;

	*secret = set->password;
	set->password = NULL;
	if (*secret)
		return 0;
	link_put_text(l, LINK_PHASE, 0, 0, "asking for the password");
	(void)link_flush(l, &ignored);
	/* a person may have to type a passphrase meanwhile, so the session's
	 * end is the only limit */
	if (proc_first_line((const char *const *)set->password_command,
			    SECRET_MAX, end, note_program, l, secret, e) == 0)
		return 0;
	if (e->kind == ERR_LATER && clock_ms() >= end)
		err_set(e, ERR_LATER, "%s; session_timeout is over", e->text);
	return err_context(e, "password_command");
}

/* Tells the keeper what it needs to know, and to remember for the next
 * session. */
static void
tell_facts(const struct connection *c, bool pipelining)
{
	const struct capa *capa = pop3_capabilities(c->pop3);
	struct facts f = {
		.encrypted = c->encrypted,
		.has_top = !capa->known || capa->top,
		.announces_uidl = capa->known && capa->uidl,
		.pipelining = pipelining,
		.expire_days = capa->expire_days,
		.login_delay_s = capa->login_delay_s,
		.flight = c->flight,
		.capa_broke = c->capa_broke,
		.capa_is_new = c->capa_asked && capa->known,
	};
	struct buf text;

	buf_init(&text, sizeof(f.capa) - 1);
	capa_write(capa, &text);
	memcpy(f.capa, buf_text(&text), text.len);
	facts_put(c->link, &f);
	buf_free(&text);
}

/* The secret is wiped as soon as it is no longer needed. */
static int
serve(struct connection *c, struct secret **secret, struct err *e)
{
	struct orders_settings settings = {
		.wants_sizes = c->go->wants_sizes,
	};
	int rc;

	c->secret = *secret;
	rc = connection_open(c, e);
	c->secret = NULL;
	secret_free(secret);
	if (rc != 0)
		return -1;
	settings.asked = c->asked;
	settings.pipelining = c->set->pipelining && !c->plain &&
			      pop3_capabilities(c->pop3)->pipelining;
	tell_facts(c, settings.pipelining);
	link_put_text(c->link, LINK_PHASE, 0, 0, "listing");
	return orders_run(c->pop3, c->link, &settings, e);
}

static int
run(const struct server *server, struct courier_settings *set, struct link *l,
    enum facts_flight *flight, struct err *e)
{
	struct facts_go go;
	struct connection c = {
		.server = server,
		.set = set,
		.go = &go,
		.link = l,
	};
	struct secret *secret = NULL;
	int rc = -1;

	if (wait_for_go(l, &go, e) != 0)
		return link_is_over(l) ? 0 : -1; /* over: nobody is left */
	c.end = clock_deadline(server->session_timeout_ms);
	if (get_secret(set, l, c.end, &secret, e) == 0)
		rc = serve(&c, &secret, e);
	*flight = c.flight;
	pop3_free(&c.pop3);
	return rc;
}

/* Returns the flight that the next session is to know of.  Whatever came after
 * it, one that was thrown away was so; that another one failed counts if the
 * second login may have been put off because the server still has the mailbox
 * open for the first. */
static uint32_t
failed_flight(enum facts_flight flight, const struct err *e)
{
	bool is_put_off = e->kind == ERR_LATER || e->kind == ERR_TROUBLE;
	bool counts = flight == FACTS_FLIGHT_UNHEARD ||
		      (flight == FACTS_FLIGHT_FAILED && is_put_off);

	return counts ? flight : FACTS_FLIGHT_NONE;
}

static uint32_t
surplus(const struct err *e)
{
	return e->sys == EBADMSG ? LINK_SURPLUS : 0;
}

void
courier_run(const struct server *server, struct courier_settings *set,
	    struct link **link)
{
	enum facts_flight flight = FACTS_FLIGHT_NONE;
	struct err e = ERR_INIT, ignored = ERR_INIT;

	if (run(server, set, *link, &flight, &e) != 0)
		link_put_text(*link, LINK_ERROR,
			      failed_flight(flight, &e) | surplus(&e),
			      (int64_t)e.kind, e.text);
	(void)link_flush(*link, &ignored);
	secret_free(&set->password);
	link_free(link);
}
