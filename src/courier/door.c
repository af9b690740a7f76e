/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "courier/door.h"

#include <poll.h>

#include "base/clock.h"
#include "net/probe.h"
#include "net/socket.h"
#include "net/stranger.h"
#include "sys/proc.h"

/* BOTH_MS: sslh and its like wait up to five seconds for TLS before they let
 * anybody greet.  It counts from the beginning, as PATIENCE_MS does. */
enum { PATIENCE_MS = 2000, PROBE_MS = 5000, BOTH_MS = 8000 };
enum { PORT_CLEAR = 110, PORT_TLS = 995 };

/* Has something come on fds[0], an end or an error included?  It also returns
 * early when something has happened to the others, or a signal came. */
static bool
has_spoken(struct pollfd fds[], nfds_t count, int64_t until)
{
	return proc_poll(fds, count, until) > 0 && fds[0].revents != 0;
}

static bool
wait_for_greeting(int fd, int64_t until)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN } };

	do {
		if (has_spoken(fds, 1, until))
			return true;
	} while (clock_ms() < until);
	return false;
}

/* Waits for the greeting and the answer at once. */
static enum probe_state
run_probe(struct probe *p, int fd, int64_t until)
{
	enum probe_state state = PROBE_WAITS;

	while (state == PROBE_WAITS && clock_ms() < until) {
		struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
					probe_wants(p) };

		if (has_spoken(fds, 2, until))
			return PROBE_OVER;
		if (fds[1].revents != 0)
			state = probe_go_on(p);
	}
	return state;
}

static void
say_so(struct connection *c, const char *text)
{
	struct err ignored = ERR_INIT;

	link_put_text(c->link, LINK_NOTE, 0, 0, text);
	(void)link_flush(c->link, &ignored);
}

/* *is_asked: the question was sent.  Sets *e for a stranger. */
static enum probe_state
ask_for_tls(struct connection *c, int fd, int64_t until, bool *is_asked,
	    struct err *e)
{
	struct probe *p = probe_new(fd, c->set->tls.server_name);
	enum probe_state state = PROBE_OVER;
	const uint8_t *answer;
	size_t size;

	c->is_probed = true;
	if (!p)
		return state;
	say_so(c, "no greeting for 2 seconds: asking whether the port speaks "
		  "TLS from the first byte");
	state = run_probe(p, fd, until);
	*is_asked = probe_is_asked(p);
	answer = probe_answer(p, &size);
	if (state == PROBE_STRANGER)
		stranger_error(ERR_PROTOCOL, answer, size, e);
	probe_free(&p);
	return state;
}

/* Does a port that speaks TLS speak in the clear as well?  Where only the end
 * comes, it was TLS that was waited for. */
static bool
speaks_both(struct connection *c, int fd, int64_t until)
{
	say_so(c, "it does: waiting a moment longer for a greeting in the "
		  "clear");
	return wait_for_greeting(fd, until) && socket_has_bytes(fd);
}

/* --- the contract --- */

void
door_add_ports(const struct server *server, struct err *e)
{
	uint16_t usual =
		server->tls == SERVER_TLS_IMPLICIT ? PORT_TLS : PORT_CLEAR;

	if (server->port != usual)
		err_set(e, e->kind, "%s; " STRANGER_PORTS, e->text);
}

int
door_wait(struct connection *c, int fd, struct err *e)
{
	int64_t over = clock_deadline(c->server->timeout_ms);
	int64_t until = clock_earlier(over, c->end);
	int64_t both = clock_earlier(clock_deadline(BOTH_MS),
				     clock_deadline(c->server->timeout_ms / 2));
	enum probe_state state = PROBE_OVER;
	bool is_asked = false;

	if (c->is_probed || c->go->was_greeted)
		return 0;
	if (wait_for_greeting(fd, clock_earlier(clock_deadline(PATIENCE_MS),
						until)))
		return 0;
	if (clock_ms() < until)
		state = ask_for_tls(c, fd,
				    clock_earlier(clock_deadline(PROBE_MS),
						  until),
				    &is_asked, e);
	if (state == PROBE_TLS &&
	    !speaks_both(c, fd, clock_earlier(both, c->end)))
		stranger_is_tls(e);
	if (e->kind != ERR_NONE)
		return err_context(e, "greeting");
	if (wait_for_greeting(fd, until) || clock_ms() < over)
		return 0;
	stream_silence(c->server->timeout_ms, e);
	if (is_asked)
		err_set(e, e->kind, "%s, nor one in TLS", e->text);
	door_add_ports(c->server, e);
	return err_context(e, "greeting");
}
