/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "courier/connection.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "courier/door.h"
#include "courier/orders.h"
#include "net/socket.h"
#include "net/stream.h"

/* How long, after a login that succeeded, the answer to what was sent along
 * with it may take: a server that throws that away, as Cyrus does, never
 * answers. */
enum { UNHEARD_MS = 10 * 1000 };

static void
say_phase(struct connection *c, const char *phase)
{
	struct err ignored = ERR_INIT;

	link_put_text(c->link, LINK_PHASE, 0, 0, phase);
	(void)link_flush(c->link, &ignored);
}

static void
note(struct connection *c, char *line)
{
	link_put_text(c->link, LINK_NOTE, 0, 0, line);
	free(line);
}

/* A pop3_trace: pop3 holds it for as long as the connection lasts, and calls it
 * in the middle of a command or reply. */
static void
trace(void *arg, bool out, const void *text, size_t size)
{
	struct connection *c = arg;

	if (size > LINK_PAYLOAD_MAX)
		size = LINK_PAYLOAD_MAX;
	link_put(c->link, LINK_TRACE, 0, out, text, size);
}

/* --- connection and TLS --- */

static void
begin_pop3(struct connection *c, struct transport *t)
{
	struct stream *s;

	stream_new(&s, t, c->server->timeout_ms, c->end);
	pop3_new(&c->pop3, s, c->go->trace ? trace : NULL, c);
}

static int
encrypt(struct connection *c, struct transport **t, struct err *e)
{
	struct tls_settings set = c->set->tls;
	char info[TLS_INFO_MAX];

	set.behind_stls = c->server->tls == SERVER_TLS_STARTTLS;
	if (tls_connect(t, &set, c->server->timeout_ms, c->end, e) != 0)
		return err_context(e, "TLS");
	tls_info(*t, info);
	note(c, mem_format("%s, certificate %s", info,
			   set.pin_count > 0 ? "matches a pin" : "verified"));
	c->encrypted = true;
	return 0;
}

static int
greet(struct connection *c, struct err *e)
{
	if (pop3_greeting(c->pop3, e) == 0) {
		c->greeted = true;
		return 0;
	}
	if (e->kind == ERR_NETWORK && clock_ms() < c->end &&
	    !stream_is_closed(pop3_stream(c->pop3)))
		door_add_ports(c->server, e);
	/* on an open line anybody may have said it, and would make the next
	 * runs wait */
	if (c->server->tls == SERVER_TLS_STARTTLS && e->kind == ERR_TROUBLE)
		e->kind = ERR_LATER;
	return -1;
}

static int
dial(struct connection *c, struct err *e)
{
	const struct server *server = c->server;
	int64_t until = clock_deadline(server->timeout_ms);
	struct transport *t;
	char peer[SOCKET_PEER_MAX];
	int fd, rc;

	say_phase(c, "connecting");
	if (socket_connect(&fd, server->host, server->port,
			   clock_earlier(until, c->end), e) != 0)
		return -1;
	socket_peer(fd, peer);
	note(c, mem_format("connected to %s (%s)", server->host, peer));
	c->may_be_clear = c->set->insecure_auth || socket_is_loopback(fd);
	t = socket_transport(fd);
	if (server->tls == SERVER_TLS_IMPLICIT)
		rc = encrypt(c, &t, e);
	else
		rc = door_wait(c, fd, e);
	if (rc != 0) {
		t->class->free(t);
		return -1;
	}
	begin_pop3(c, t);
	return greet(c, e);
}

/* Does this attempt rely on what an earlier session learned? */
static bool
is_known(const struct connection *c)
{
	return c->go->knows_capa && !c->again;
}

static int
ask_capa(struct connection *c, struct err *e)
{
	if (is_known(c) || c->go->no_capa || c->capa_broke)
		return 0;
	c->capa_asked = true;
	return pop3_capa(c->pop3, e);
}

static int
start_tls(struct connection *c, struct err *e)
{
	const struct capa *capa = pop3_capabilities(c->pop3);
	struct transport *t;
	struct stream *s;

	if (capa->known && !capa->stls)
		return err_set(e, ERR_TLS,
			       "TLS: server does not offer STLS here: try tls "
			       "= \"implicit\" (the port of POP3 is 995 then)");
	if (pop3_stls(c->pop3, e) != 0)
		return -1;
	s = pop3_take_stream(&c->pop3);
	if (stream_release(&s, &t, e) != 0) {
		stream_free(&s);
		return err_context(e, "STLS");
	}
	if (encrypt(c, &t, e) != 0) {
		t->class->free(t);
		return -1;
	}
	begin_pop3(c, t);
	return ask_capa(c, e);
}

/* --- login --- */

/* Queues the listing along with a login that is one line (`whole`).  Where CAPA
 * must be asked again after the login, CAPA comes first, and the listing is
 * left for later. */
static int
ask_along(struct connection *c, bool whole, struct err *e)
{
	const struct capa *capa = pop3_capabilities(c->pop3);

	c->asked = whole && !c->plain && c->set->pipelining && capa->known &&
		   capa->pipelining && (is_known(c) || !capa->varies);
	return c->asked ? orders_ask(c->pop3, c->go->wants_sizes, e) : 0;
}

/* Do the bytes begin with the word, as far as they go?  *whole: they are long
 * enough to hold all of it. */
static bool
begins(const uint8_t *bytes, size_t size, const char *word, bool *whole)
{
	size_t length = strlen(word);

	*whole = size >= length;
	return memcmp(bytes, word, *whole ? length : size) == 0;
}

static int
found_unheard(struct connection *c, struct err *e)
{
	c->flight = FACTS_FLIGHT_UNHEARD;
	err_clear(e);
	return err_set(e, ERR_PROTOCOL,
		       "no answer to what was sent along with the login");
}

/* STAT was refused, or what came was no answer to it. */
static int
found_refused(struct connection *c, struct err *e)
{
	struct pop3_reply r;

	if (pop3_reply(c->pop3, false, &r, e) == 0)
		(void)pop3_session_refusal(&r, ERR_PROTOCOL, e);
	if (e->kind == ERR_TROUBLE) /* with the flight, perhaps */
		c->flight = FACTS_FLIGHT_FAILED;
	return err_context(e, "STAT");
}

/* Waits for the beginning of an answer.  A connection that breaks is an error;
 * silence is not. */
static int
wait_for_answer(struct connection *c, bool *comes, struct err *e)
{
	struct stream *s = pop3_stream(c->pop3);
	int64_t longest = UNHEARD_MS < c->server->timeout_ms
				  ? UNHEARD_MS
				  : c->server->timeout_ms;
	bool ignored;
	size_t size;

	*comes = true;
	if (stream_wait(s, -1, clock_earlier(clock_deadline(longest), c->end),
			&ignored, e) != 0)
		return -1;
	(void)stream_unread(s, &size);
	return size > 0 ? 0 : stream_pull(s, comes, e);
}

/* Finds out whether there is an answer to STAT, or what was sent along with the
 * login was thrown away, as a proxy in front of the server may do. */
static int
see_flight(struct connection *c, struct err *e)
{
	struct stream *s = pop3_stream(c->pop3);
	const uint8_t *bytes;
	bool comes, fits, whole = false;
	size_t size = 0;

	if (!c->asked)
		return 0;
	if (wait_for_answer(c, &comes, e) != 0)
		return -1;
	if (!comes)
		return found_unheard(c, e);
	while (!whole) {
		if (stream_fill(s, size, e) != 0)
			return -1;
		bytes = stream_unread(s, &size);
		fits = begins(bytes, size, "+OK", &whole) ||
		       begins(bytes, size, "-ERR [", &whole);
		if (!fits)
			return found_refused(c, e);
	}
	c->flight = FACTS_FLIGHT_HEARD;
	return 0;
}

/* One way to log in, with what can go along with it. */
static int
try_way(struct connection *c, struct login_try *t, struct err *e)
{
	t->is_sent = false;
	if (auth_send(c->pop3, t->settings, &t->used, &t->whole, e) != 0)
		return -1;
	t->is_sent = true;
	t->secrets = pop3_secrets(c->pop3);
	if (ask_along(c, t->whole, e) != 0)
		return -1;
	return auth_receive(c->pop3, t->settings, t->used, t->whole, e);
}

/* Is there another way to log in, which may be tried on this line? */
static bool
may_go_on(struct connection *c, struct login_try *t, struct err *e)
{
	enum login_next next;

	t->has_company = c->asked;
	t->is_sure = !c->asked && !is_known(c);
	next = login_failed(&c->login, t, e);
	c->wants_line = next == LOGIN_NEW_LINE;
	if (next != LOGIN_SAME_LINE)
		return false;
	note(c, mem_format("login: %s; trying another way", e->text));
	err_clear(e);
	t->is_first = false;
	return true;
}

static int
log_in(struct connection *c, struct err *e)
{
	const struct server *server = c->server;
	struct auth_settings settings = {
		.method = c->set->auth,
		.user = server->user,
		.secret = c->secret,
		.host = server->host,
		.port = server->port,
		.encrypted = c->encrypted,
		.may_be_clear = c->may_be_clear,
	};
	struct login_try try = {
		.pop3 = c->pop3,
		.settings = &settings,
		.is_first = true,
	};

	say_phase(c, "logging in");
	settings.unfit = c->login.unfit;
	if (!auth_has_way(c->pop3, &settings)) /* the server has changed */
		settings.unfit = c->login.unfit = 0;
	while (try_way(c, &try, e) != 0) {
		if (!may_go_on(c, &try, e))
			return err_context(e, "login");
		settings.unfit = c->login.unfit;
	}
	login_worked(&c->login);
	note(c, mem_format("logged in as %s using %s", server->user,
			   method_table[try.used].word));
	return see_flight(c, e);
}

/* How one may log in is what was said before the login: who has logged in may
 * be told of nothing more, and the next session goes by what is remembered. */
static void
keep_methods(struct capa *after, const struct capa *before)
{
	after->sasl = before->sasl;
	after->mechanisms = before->mechanisms;
	memcpy(after->others, before->others, sizeof(after->others));
	after->user = before->user;
}

/* Some servers announce PIPELINING, or the true EXPIRE and LOGIN-DELAY, only to
 * those who have logged in (RFC 2449 sections 6.5 and 6.7). */
static int
ask_capa_late(struct connection *c, struct err *e)
{
	struct capa before = *pop3_capabilities(c->pop3), after;

	if (is_known(c) || !before.known ||
	    (!before.varies && before.pipelining))
		return 0;
	if (pop3_capa(c->pop3, e) != 0)
		return -1;
	after = *pop3_capabilities(c->pop3);
	keep_methods(&after, &before);
	pop3_set_capabilities(c->pop3, after.known ? &after : &before);
	return 0;
}

/* --- the first attempt and the second --- */

static int
try_open(struct connection *c, struct err *e)
{
	struct capa known;

	if (dial(c, e) != 0 || ask_capa(c, e) != 0)
		return -1;
	if (c->server->tls == SERVER_TLS_STARTTLS && start_tls(c, e) != 0)
		return -1;
	if (is_known(c)) {
		capa_read(&known, c->go->capa);
		pop3_set_capabilities(c->pop3, &known);
	}
	return log_in(c, e);
}

/* Did the server greet us, and go away or fall silent at CAPA, or right after
 * it had refused it? */
static bool
broke_at_capa(const struct connection *c, const struct err *e)
{
	return e->kind == ERR_NETWORK && c->capa_asked &&
	       !pop3_capabilities(c->pop3)->known;
}

/* Has a code of the server said the last word?  [AUTH] has not where the way to
 * log in is the trouble. */
static bool
has_last_word(const struct connection *c, const struct err *e)
{
	enum pop3_code code = pop3_last_code(c->pop3);

	return code != POP3_CODE_NONE &&
	       (code != POP3_CODE_AUTH || e->kind != ERR_UNAVAILABLE);
}

/* May the failure be due to what was sent along, or left out, because it was
 * taken for known? */
static bool
is_plain_better(const struct connection *c, const struct err *e)
{
	bool is_lost;

	if (!c->greeted || !c->pop3 || clock_ms() >= c->end)
		return false;
	if (c->wants_line)
		return true;
	is_lost = e->kind == ERR_NETWORK || e->kind == ERR_PROTOCOL;
	if (c->asked && is_lost)
		return true;
	if (broke_at_capa(c, e))
		return true;
	return (c->asked || is_known(c)) && !has_last_word(c, e) &&
	       (is_lost || e->kind == ERR_LOGIN || e->kind == ERR_UNAVAILABLE);
}

static int
open_plainly(struct connection *c, struct err *e)
{
	bool broke = broke_at_capa(c, e);
	const char *how = "one command at a time";

	if (broke)
		how = "without CAPA";
	else if (c->wants_line)
		how = "another way";
	note(c, mem_format("%s; trying again %s", e->text, how));
	if (c->asked && !c->wants_line && c->flight != FACTS_FLIGHT_UNHEARD)
		c->flight = FACTS_FLIGHT_FAILED;
	err_clear(e);
	c->plain = c->again = true;
	c->capa_broke = broke;
	c->asked = c->greeted = c->encrypted = c->wants_line = false;
	c->login.is_closed = false;
	pop3_free(&c->pop3);
	return try_open(c, e);
}

static void
remember_login(struct connection *c)
{
	int64_t number = login_number(&c->login, c->set->auth);

	if (number != c->go->login)
		link_put(c->link, LINK_LOGIN, 0, number, NULL, 0);
}

int
connection_open(struct connection *c, struct err *e)
{
	int rc;

	c->plain = c->go->plain;
	login_recall(&c->login, c->go->login, c->set->auth);
	rc = try_open(c, e);
	if (rc != 0 && is_plain_better(c, e))
		rc = open_plainly(c, e);
	if (rc != 0)
		login_over(&c->login, e);
	remember_login(c);
	if (rc == 0)
		rc = ask_capa_late(c, e);
	if (rc == 0 && !c->asked)
		rc = pop3_check_idle(c->pop3, e);
	return rc;
}
