/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The login: chooses a method and carries it out.
 */
#include "config.h"

#include "pop3/auth.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pop3/sasl.h"

/* --- what may be sent at all --- */

static const char *
secret_noun(const struct method *m)
{
	return m->is_oauth ? "token" : "password";
}

/* CR, LF and NUL would break lines and messages; any other control character
 * could end a field of an OAuth message. */
static int
check_part(const char *name, const void *bytes, size_t size,
	   const struct method *m, struct err *e)
{
	const uint8_t *at = bytes;

	for (; size > 0; at++, size--)
		if (*at == '\r' || *at == '\n' || *at == '\0' ||
		    (m->is_oauth && (*at < 0x20 || *at == 0x7f)))
			return err_set(e, ERR_CONFIG,
				       "%s contains a control character", name);
	return 0;
}

static int
check_parts(const struct auth_settings *s, const struct method *m,
	    struct err *e)
{
	if (check_part("user name", s->user, strlen(s->user), m, e) != 0)
		return -1;
	return check_part(secret_noun(m), secret_bytes(s->secret),
			  secret_size(s->secret), m, e);
}

static bool
may_travel(const struct auth_settings *s, const struct method *m)
{
	return s->encrypted || s->may_be_clear || m->hides_secret;
}

/* This alone decides whether a credential may be sent; it is asked before the
 * first octet of one is queued. */
static int
check_travel(const struct auth_settings *s, const struct method *m,
	     struct err *e)
{
	if (may_travel(s, m))
		return 0;
	return err_set(e, ERR_CONFIG,
		       "refusing to send the %s over an "
		       "unencrypted connection: set tls = \"implicit\" or "
		       "tls = \"starttls\", or insecure_auth = true",
		       secret_noun(m));
}

/* --- the choice --- */

static bool
is_announced(const struct capa *c, enum auth_method method)
{
	return c->mechanisms & UINT32_C(1) << method;
}

uint32_t
auth_way(enum auth_method used, bool whole)
{
	return UINT32_C(1) << (whole ? AUTH_AUTO : used);
}

static bool
is_unfit(const struct auth_settings *s, enum auth_method method)
{
	return s->unfit & auth_way(method, false);
}

/* Do both lines fit into 255 octets (RFC 2449 section 4)? */
static bool
fits_user_and_pass(const struct auth_settings *s)
{
	size_t most = POP3_COMMAND_MAX - strlen("USER \r\n");

	return strlen(s->user) <= most && secret_size(s->secret) <= most;
}

/* Chooses the first mechanism that is announced and may be used here. */
static bool
choose_mechanism(const struct capa *c, const struct auth_settings *s,
		 enum auth_method *method)
{
	for (unsigned i = 0; method_table[i].word; i++) {
		if (!is_announced(c, i) || method_table[i].is_oauth ||
		    is_unfit(s, i) || !may_travel(s, &method_table[i]))
			continue;
		*method = i;
		return true;
	}
	return false;
}

static int
refuse_all(const struct pop3 *p, const struct auth_settings *s, struct err *e)
{
	err_set(e, ERR_UNAVAILABLE, "server offers no login with a password");
	auth_add_hint(p, s, e);
	return -1;
}

static int
choose_auto(const struct pop3 *p, const struct auth_settings *s,
	    enum auth_method *method, struct err *e)
{
	const struct capa *c = pop3_capabilities(p);
	bool is_open = !may_travel(s, &method_table[AUTH_USER]);
	bool may_user = !is_open && !is_unfit(s, AUTH_USER);

	if (choose_mechanism(c, s, method))
		return 0;
	if (may_user && (c->user || !c->known))
		*method = AUTH_USER;
	else if (pop3_challenge(p) && !is_unfit(s, AUTH_APOP))
		*method = AUTH_APOP;
	else if (is_open) /* check_travel refuses it */
		*method = AUTH_AUTO;
	/* CAPA may just have left out USER */
	else if (may_user && (c->mechanisms == 0 || s->unfit != 0))
		*method = AUTH_USER;
	else
		return refuse_all(p, s, e);
	return 0;
}

/* May this method be tried with this server? */
static bool
is_possible(const struct pop3 *p, const struct auth_settings *s,
	    enum auth_method method)
{
	const struct method *m = &method_table[method];
	const struct capa *c = pop3_capabilities(p);

	if (is_unfit(s, method))
		return false;
	if (method == AUTH_APOP)
		return pop3_challenge(p);
	return !m->name || m->is_oauth || !c->sasl || is_announced(c, method);
}

static int
choose(const struct pop3 *p, const struct auth_settings *s,
       enum auth_method *method, struct err *e)
{
	*method = s->method;
	if (s->method == AUTH_AUTO && choose_auto(p, s, method, e) != 0)
		return -1;
	if (!is_possible(p, s, *method)) {
		err_set(e, ERR_UNAVAILABLE,
			"server does not offer the login method '%s'",
			method_table[*method].word);
		auth_add_hint(p, s, e);
		return -1;
	}
	if (*method != AUTH_USER || fits_user_and_pass(s))
		return 0;
	if (!is_announced(pop3_capabilities(p), AUTH_PLAIN) ||
	    is_unfit(s, AUTH_PLAIN))
		return err_set(e, ERR_CONFIG,
			       "user name or password is too long for a POP3 "
			       "command, and the server has no AUTH PLAIN");
	*method = AUTH_PLAIN;
	return 0;
}

bool
auth_has_way(const struct pop3 *p, const struct auth_settings *s)
{
	struct err ignored = ERR_INIT;
	enum auth_method method;

	return choose(p, s, &method, &ignored) == 0 &&
	       check_travel(s, &method_table[method], &ignored) == 0;
}

/* --- refusals --- */

/* What a server does not understand it has not judged. */
static int
misunderstand(const struct pop3_reply *r, const struct method *m, struct err *e)
{
	pop3_session_refusal(r, ERR_UNAVAILABLE, e);
	if (m->name)
		return err_context(e, "AUTH %s", m->name);
	if (m == &method_table[AUTH_APOP])
		return err_context(e, "APOP");
	return err_context(e, "USER and PASS");
}

/* A token is good for an hour or so, and no check of it helps. */
static const char *
advice(const struct method *m)
{
	return m->is_oauth ? ", get a new token"
			   : ", check user name and password";
}

/* `detail` is what else is known of the refusal, or an empty string. */
static int
refuse(const struct pop3_reply *r, const struct method *m, const char *detail,
       struct err *e)
{
	if (!*detail && pop3_is_not_understood(r))
		return misunderstand(r, m, e);
	pop3_session_refusal(r, ERR_LOGIN, e);
	if (e->kind != ERR_LOGIN)
		return -1;
	if (*detail)
		return err_context(e, "login refused%s (%s)", advice(m),
				   detail);
	return err_context(e, "login refused%s", advice(m));
}

static int
read_verdict(struct pop3 *p, enum auth_method method, struct err *e)
{
	struct pop3_reply r;

	if (pop3_reply(p, false, &r, e) != 0)
		return -1;
	if (r.status == POP3_OK)
		return 0;
	return refuse(&r, &method_table[method], "", e);
}

/* A server that does not announce USER, and does not take it, has not judged
 * the user, unless it says so. */
static int
read_verdict_on_user(struct pop3 *p, struct err *e)
{
	const struct capa *c = pop3_capabilities(p);
	const struct method *m = &method_table[AUTH_USER];
	struct pop3_reply r;

	if (pop3_reply(p, false, &r, e) != 0)
		return -1;
	if (r.status == POP3_OK)
		return 0;
	if (c->known && !c->user && r.code == POP3_CODE_NONE &&
	    r.meaning != WORDS_WRONG_LOGIN)
		return misunderstand(&r, m, e);
	return refuse(&r, m, "", e);
}

/* --- USER and PASS, APOP --- */

static int
login_user(struct pop3 *p, const struct auth_settings *s, struct err *e)
{
	if (pop3_command(p, e, "USER %s", s->user) != 0 ||
	    read_verdict_on_user(p, e) != 0 || pop3_check_idle(p, e) != 0 ||
	    pop3_secret_command(p, "PASS ", secret_bytes(s->secret),
				secret_size(s->secret), false, e) != 0)
		return -1;
	return read_verdict(p, AUTH_USER, e);
}

static int
login_apop(struct pop3 *p, const struct auth_settings *s, struct err *e)
{
	char *keyword, digest[33];
	int rc;

	if (sasl_apop(digest, pop3_challenge(p), s->secret, e) != 0)
		return -1;
	keyword = mem_format("APOP %s ", s->user);
	rc = pop3_secret_command(p, keyword, (const uint8_t *)digest,
				 strlen(digest), false, e);
	free(keyword);
	secret_wipe(digest, sizeof(digest));
	return rc != 0 ? -1 : read_verdict(p, AUTH_APOP, e);
}

/* --- SASL --- */

/* Makes one step; *line becomes its answer in base64. */
static int
make_line(const struct method *m, struct sasl_exchange *x,
	  const struct buf *challenge, struct secret **line, struct err *e)
{
	struct secret *answer = NULL;

	if (m->step(x, challenge, &answer, e) != 0)
		return -1;
	if (!answer)
		return err_set(e, ERR_PROTOCOL,
			       "challenge after the last response");
	x->answers++;
	*line = secret_base64(secret_bytes(answer), secret_size(answer));
	secret_free(&answer);
	return 0;
}

/* Gives up the exchange, which is over whatever the server replies. */
static void
cancel(struct pop3 *p)
{
	struct err ignored = ERR_INIT;
	struct pop3_reply r;

	if (pop3_outstanding(p) == 0 && pop3_command(p, &ignored, "*") == 0)
		(void)pop3_reply(p, true, &r, &ignored);
}

/* A line that acknowledges a failure holds no secret, so a trace may show
 * it. */
static int
send_line(struct pop3 *p, const struct sasl_exchange *x,
	  const struct secret *line, struct err *e)
{
	const uint8_t *bytes = secret_bytes(line);

	if (x->progress == SASL_FAILED)
		return pop3_command(p, e, "%s", (const char *)bytes);
	return pop3_secret_command(p, "", bytes, secret_size(line), true, e);
}

static int
answer(struct pop3 *p, const struct method *m, struct sasl_exchange *x,
       const struct pop3_reply *r, struct err *e)
{
	struct secret *line = NULL;
	struct buf challenge;
	int rc = -1;

	buf_init(&challenge, POP3_CHALLENGE_MAX);
	if (!sasl_decode(r->text, r->text_size, &challenge))
		err_set(e, ERR_PROTOCOL, "challenge is not base64");
	else if (make_line(m, x, &challenge, &line, e) == 0)
		rc = send_line(p, x, line, e);
	if (!line)
		cancel(p);
	secret_free(&line);
	buf_free(&challenge);
	return rc;
}

/* The server asks for the initial response, which it has not heard. */
static int
give_up_whole(struct pop3 *p, struct err *e)
{
	cancel(p);
	return err_set(e, ERR_UNAVAILABLE, "initial response was not heard");
}

/* Reads replies and answers challenges until the server has decided. */
static int
converse(struct pop3 *p, const struct method *m, struct sasl_exchange *x,
	 bool whole, struct err *e)
{
	struct pop3_reply r;

	for (;;) {
		if (pop3_reply(p, true, &r, e) != 0)
			return -1;
		/* a command that was sent behind it is the answer already */
		if (whole && r.status == POP3_CONTINUE && r.text_size == 0 &&
		    pop3_outstanding(p) == 0)
			return give_up_whole(p, e);
		switch (r.status) {
		case POP3_OK:
			if (x->progress == SASL_DONE)
				return 0;
			return err_set(
				e, ERR_PROTOCOL,
				"server accepts a login that is not complete");
		case POP3_ERR:
			if (x->answers > 0 || r.code == POP3_CODE_AUTH)
				return refuse(&r, m, x->failure, e);
			return misunderstand(&r, m, e);
		case POP3_CONTINUE:
			if (answer(p, m, x, &r, e) != 0)
				return -1;
		}
	}
}

static void
free_state(const struct method *m, struct sasl_exchange *x)
{
	if (m->free_state)
		m->free_state(x->state);
}

/* Sends the whole login in one line, unless that is too long for a command. */
static int
send_whole(struct pop3 *p, const struct method *m,
	   const struct auth_settings *s, bool *whole, struct err *e)
{
	struct sasl_exchange x = { .settings = s };
	char *keyword = mem_format("AUTH %s ", m->name);
	struct secret *line = NULL;
	struct buf nothing;
	int rc = -1;

	buf_init(&nothing, 0);
	if (make_line(m, &x, &nothing, &line, e) != 0)
		goto out;
	*whole = strlen(keyword) + secret_size(line) + strlen("\r\n") <=
		 POP3_COMMAND_MAX;
	rc = 0;
	if (*whole)
		rc = pop3_secret_command(p, keyword, secret_bytes(line),
					 secret_size(line), false, e);
out:
	secret_free(&line);
	free_state(m, &x);
	free(keyword);
	return rc;
}

int
auth_exchange(struct pop3 *p, const struct method *m,
	      const struct auth_settings *s, bool whole, struct err *e)
{
	struct sasl_exchange x = { .settings = s,
				   .answers = whole,
				   .progress = whole ? SASL_DONE : SASL_MORE };
	int rc = -1;

	if (whole || pop3_command(p, e, "AUTH %s", m->name) == 0)
		rc = converse(p, m, &x, whole, e);
	free_state(m, &x);
	return rc;
}

/* --- the login --- */

int
auth_send(struct pop3 *p, const struct auth_settings *s, enum auth_method *used,
	  bool *whole, struct err *e)
{
	const struct method *m;

	assert(s->user && s->secret);
	if (choose(p, s, used, e) != 0)
		return -1;
	m = &method_table[*used];
	if (check_parts(s, m, e) != 0 || check_travel(s, m, e) != 0 ||
	    pop3_check_idle(p, e) != 0)
		return -1;
	/* A server that lists SASL takes initial responses (RFC 2449 6.3). */
	*whole = m->is_whole && pop3_capabilities(p)->sasl &&
		 !(s->unfit & auth_way(*used, true));
	return *whole ? send_whole(p, m, s, whole, e) : 0;
}

static int
receive(struct pop3 *p, const struct auth_settings *s, enum auth_method used,
	bool whole, struct err *e)
{
	const struct method *m = &method_table[used];

	if (check_travel(s, m, e) != 0)
		return -1;
	if (used == AUTH_USER)
		return login_user(p, s, e);
	if (used == AUTH_APOP)
		return login_apop(p, s, e);
	return auth_exchange(p, m, s, whole, e);
}

int
auth_receive(struct pop3 *p, const struct auth_settings *s,
	     enum auth_method used, bool whole, struct err *e)
{
	pop3_hide(p, s->secret);
	return receive(p, s, used, whole, e);
}
