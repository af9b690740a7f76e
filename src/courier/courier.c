/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "courier/courier.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "courier/orders.h"
#include "net/socket.h"
#include "net/stream.h"
#include "net/tls.h"
#include "pop3/auth.h"
#include "pop3/pop3.h"
#include "sys/proc.h"

enum { COURIER_SECRET_MAX = 1024 * 1024 };

struct courier {
	struct account *account;
	struct link *link;
	struct link_go go;
	struct link_facts facts;
	struct secret *secret;
	struct pop3 *pop3;
	bool may_be_clear, greeted;
	bool asked;		/* STAT and UIDL went along with the login */
	bool serial;		/* that failed, now or in the last session */
	bool lost_flight;	/* now, and the server did not say why */
	int64_t timeout_ms, end;
};

static void
courier_phase(struct courier *c, const char *phase)
{
	struct err ignored = ERR_INIT;

	link_put_text(c->link, LINK_PHASE, 0, 0, phase);
	(void)link_flush(c->link, &ignored);
}

static void
courier_trace(void *arg, bool out, const void *text, size_t size)
{
	struct courier *c = arg;

	if (size > LINK_PAYLOAD_MAX)
		size = LINK_PAYLOAD_MAX;
	link_put(c->link, LINK_TRACE, 0, out, text, size);
}

static void
courier_note(struct courier *c, char *line)
{
	link_put_text(c->link, LINK_NOTE, 0, 0, line);
	free(line);
}

/* --- before the connection --- */

static int
courier_wait_go(struct courier *c, struct err *e)
{
	struct link_record r;

	if (link_wait(c->link, &r, CLOCK_NEVER, e) == -1)
		return -1;
	if (r.type != LINK_GO || r.size != sizeof(c->go))
		return err_set(e, ERR_INTERNAL, "no GO from the keeper");
	memcpy(&c->go, r.data, sizeof(c->go));
	return 0;
}

static int
courier_secret(struct courier *c, struct err *e)
{
	const char *const *command =
		(const char *const *)c->account->password_command;

	if (c->account->password != NULL) {
		c->secret = c->account->password;
		c->account->password = NULL;
		return 0;
	}
	courier_phase(c, "asking for the password");
	/* a person may have to type a passphrase meanwhile: no other limit */
	if (proc_first_line(command, COURIER_SECRET_MAX, c->end, &c->secret,
			    e) == -1)
		return err_context(e, "password_command");
	return 0;
}

/* --- connection and TLS --- */

static void
courier_new_pop3(struct courier *c, struct transport *t)
{
	struct stream *s;

	stream_new(&s, t, c->timeout_ms, c->end);
	pop3_new(&c->pop3, s, c->go.trace ? courier_trace : NULL, c);
}

static int
courier_tls(struct courier *c, struct transport **t, struct err *e)
{
	const struct account *a = c->account;
	struct tls_settings settings = {
		.server_name = a->tls_server_name,
		.ca_file = a->tls_ca_file,
		.ca_dir = a->tls_ca_dir,
		.pins = a->tls_pins,
		.pin_count = a->tls_pin_count,
		.min_version = a->tls_min_version,
		.cert_file = a->tls_cert_file,
		.key_file = a->tls_key_file,
	};
	char info[TLS_INFO_MAX];

	if (tls_connect(t, &settings, c->timeout_ms, c->end, e) == -1)
		return err_context(e, "TLS");
	tls_info(*t, info);
	courier_note(c, mem_format("%s, certificate %s", info,
				   a->tls_pin_count > 0 ? "matches a pin"
							: "verified"));
	c->facts.encrypted = true;
	return 0;
}

static int
courier_connect(struct courier *c, struct err *e)
{
	const struct account *a = c->account;
	struct transport *t;
	char peer[SOCKET_PEER_MAX];
	int fd;

	courier_phase(c, "connecting");
	if (socket_connect(&fd, a->host, a->port,
			   clock_earlier(clock_deadline(c->timeout_ms), c->end),
			   e) == -1)
		return -1;
	socket_peer(fd, peer);
	courier_note(c, mem_format("connected to %s (%s)", a->host, peer));
	c->may_be_clear = a->insecure_auth || socket_is_loopback(fd);
	t = socket_transport(fd);
	if (a->tls == ACCOUNT_TLS_IMPLICIT && courier_tls(c, &t, e) == -1) {
		t->class->free(t);
		return -1;
	}
	courier_new_pop3(c, t);
	if (pop3_greeting(c->pop3, e) == -1)
		return -1;
	c->greeted = true;
	return 0;
}

static int
courier_capa(struct courier *c, struct err *e)
{
	if (c->go.capa.known || c->go.skip_capa)
		return 0;
	c->facts.capa_asked = true;
	return pop3_capa(c->pop3, e);
}

static int
courier_starttls(struct courier *c, struct err *e)
{
	const struct capa *capa = pop3_capabilities(c->pop3);
	struct stream *s;
	struct transport *t;

	if (capa->known && !capa->stls)
		return err_set(e, ERR_TLS, "server does not offer STLS");
	if (pop3_stls(c->pop3, e) == -1)
		return -1;
	s = pop3_take_stream(&c->pop3);
	if (stream_release(&s, &t, e) == -1) {
		stream_free(&s);
		return err_context(e, "STLS");
	}
	if (courier_tls(c, &t, e) == -1) {
		t->class->free(t);
		return -1;
	}
	courier_new_pop3(c, t);
	return courier_capa(c, e);
}

/* --- login --- */

/* Login and listing go in one flight to a server that pipelines (RFC 2449 section 6.6).
 * Where CAPA is to be asked once more after the login, it comes first. */
static int
courier_ask_along(struct courier *c, bool whole, struct err *e)
{
	const struct capa *capa = pop3_capabilities(c->pop3);

	c->asked = whole && !c->serial && c->account->pipelining &&
		   capa->known && capa->pipelining &&
		   (c->go.capa.known || !capa->varies);
	return c->asked ? orders_ask(c->pop3, c->go.wants_sizes, e) : 0;
}

/* Could it become this?  *whole: it is. */
static bool
courier_begins(const uint8_t *bytes, size_t size, const char *word, bool *whole)
{
	size_t length = strlen(word);

	*whole = size >= length;
	return memcmp(bytes, word, *whole ? length : size) == 0;
}

static int
courier_flight_lost(struct err *e)
{
	err_clear(e);
	return err_set(e, ERR_PROTOCOL,
		       "no answer to what was sent along with the login");
}

/* Was what came along with the login lost, as a proxy before the server may do, or is
 * there an answer to STAT?  Silence is none; a line that breaks says nothing. */
static int
courier_see_flight(struct courier *c, struct err *e)
{
	struct stream *s = pop3_stream(c->pop3);
	int64_t silent = clock_ms() + c->timeout_ms;
	bool whole = false;
	size_t size = 0;

	while (c->asked && !whole) {
		const uint8_t *bytes;

		if (stream_fill(s, size, e) == -1)
			return clock_ms() < silent ? -1
						   : courier_flight_lost(e);
		bytes = stream_unread(s, &size);
		if (!courier_begins(bytes, size, "+OK", &whole) &&
		    !courier_begins(bytes, size, "-ERR [", &whole))
			return courier_flight_lost(e);
	}
	return 0;
}

static int
courier_login(struct courier *c, struct err *e)
{
	const struct account *a = c->account;
	struct auth_settings settings = {
		.method = a->auth,
		.user = a->user,
		.secret = c->secret,
		.host = a->host,
		.port = a->port,
		.encrypted = c->facts.encrypted,
		.may_be_clear = c->may_be_clear,
	};
	enum auth_method used;
	bool whole;

	courier_phase(c, "logging in");
	if (auth_send(c->pop3, &settings, &used, &whole, e) == -1 ||
	    courier_ask_along(c, whole, e) == -1 ||
	    auth_receive(c->pop3, &settings, used, whole, e) == -1)
		return err_context(e, "login");
	courier_note(c, mem_format("logged in as %s by %s", a->user,
				   auth_names[used]));
	return courier_see_flight(c, e);
}

/* Some servers announce PIPELINING, or the true EXPIRE and LOGIN-DELAY, only to
 * those who have logged in (RFC 2449 sections 6.5 and 6.7). */
static int
courier_late_capa(struct courier *c, struct err *e)
{
	struct capa before = *pop3_capabilities(c->pop3);

	if (c->go.capa.known || !before.known ||
	    (!before.varies && before.pipelining))
		return 0;
	if (pop3_capa(c->pop3, e) == -1)
		return -1;
	if (!pop3_capabilities(c->pop3)->known)
		pop3_set_capabilities(c->pop3, &before);
	return 0;
}

static int
courier_try_open(struct courier *c, struct err *e)
{
	if (courier_connect(c, e) == -1 || courier_capa(c, e) == -1)
		return -1;
	if (c->account->tls == ACCOUNT_TLS_STARTTLS &&
	    courier_starttls(c, e) == -1)
		return -1;
	if (c->go.capa.known)
		pop3_set_capabilities(c->pop3, &c->go.capa);
	return courier_login(c, e);
}

/* What was remembered may be true no longer.  Not in question where the server gave its
 * reason in a response code: then it is not asked to refuse a password twice. */
static bool
courier_memory_may_be_why(const struct courier *c, const struct err *e)
{
	return c->go.capa.known && c->greeted && c->pop3 != NULL &&
	       pop3_last_code(c->pop3) == POP3_CODE_NONE &&
	       (e->kind == ERR_LOGIN || e->kind == ERR_UNAVAILABLE ||
		e->kind == ERR_PROTOCOL || e->kind == ERR_NETWORK) &&
	       clock_ms() < c->end;
}

/* The server greeted us, and went away or fell silent at CAPA, or right after it had
 * refused it. */
static bool
courier_capa_may_be_why(const struct courier *c, const struct err *e)
{
	return e->kind == ERR_NETWORK && !c->go.skip_capa && c->greeted &&
	       c->pop3 != NULL && !pop3_capabilities(c->pop3)->known &&
	       clock_ms() < c->end;
}

/* Data behind the login may make a server close the line, refuse the login, or lose the
 * data.  A reason in a response code is another one. */
static bool
courier_flight_may_be_why(const struct courier *c, const struct err *e)
{
	return c->asked && clock_ms() < c->end &&
	       (e->kind == ERR_PROTOCOL || e->kind == ERR_NETWORK ||
		(e->kind == ERR_LOGIN && c->pop3 != NULL &&
		 pop3_last_code(c->pop3) == POP3_CODE_NONE));
}

static int
courier_open_again(struct courier *c, const char *how, struct err *e)
{
	courier_note(c, mem_format("%s; once more %s", e->text, how));
	err_clear(e);
	c->asked = c->greeted = false;
	c->facts.encrypted = false;
	pop3_free(&c->pop3);
	return courier_try_open(c, e);
}

static int
courier_open(struct courier *c, struct err *e)
{
	int result = courier_try_open(c, e);

	if (result == -1 && courier_flight_may_be_why(c, e)) {
		c->go.capa.known = false;
		c->serial = true;
		c->lost_flight = e->kind != ERR_LOGIN;
		c->facts.flight_failed = e->kind == ERR_NETWORK;
		result = courier_open_again(c, "one command at a time", e);
	}
	if (result == -1 && courier_memory_may_be_why(c, e)) {
		c->go.capa.known = false;
		result = courier_open_again(c, "as with an unknown server", e);
	}
	if (result == -1 && courier_capa_may_be_why(c, e)) {
		c->go.skip_capa = true;
		c->facts.capa_failed = true;
		result = courier_open_again(c, "without CAPA", e);
	}
	secret_free(&c->secret);
	return result == -1 ? -1 : courier_late_capa(c, e);
}

static int
courier_session(struct courier *c, struct err *e)
{
	struct orders_settings settings = { .wants_sizes = c->go.wants_sizes };

	c->end = clock_deadline(c->account->session_timeout_s * 1000);
	c->serial = c->go.serial;
	if (courier_secret(c, e) == -1 || courier_open(c, e) == -1)
		return -1;
	c->facts.capa = *pop3_capabilities(c->pop3);
	if (c->serial && !c->facts.flight_failed)	/* remembered so */
		c->facts.capa.pipelining = false;
	settings.pipelining = c->account->pipelining &&
			      c->facts.capa.pipelining;
	settings.asked = c->asked;
	link_put(c->link, LINK_FACTS, 0, 0, &c->facts, sizeof(c->facts));
	courier_phase(c, "listing");
	return orders_run(c->pop3, c->link, &settings, e);
}

void
courier_run(struct account *a, struct link **link)
{
	struct courier c = {
		.account = a,
		.link = *link,
		.timeout_ms = a->timeout_s * 1000,
	};
	struct err e = ERR_INIT, ignored = ERR_INIT;

	if (courier_wait_go(&c, &e) == 0 && courier_session(&c, &e) == -1)
		link_put_text(c.link, LINK_ERROR,
			      c.lost_flight && e.kind == ERR_LATER,
			      (int64_t)e.kind, e.text);
	(void)link_flush(c.link, &ignored);
	secret_free(&c.secret);
	secret_free(&a->password);
	pop3_free(&c.pop3);
	link_free(link);
}
