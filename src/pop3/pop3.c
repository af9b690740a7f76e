/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The POP3 client: commands out, replies in, over a stream.
 */
#include "config.h"

#include "pop3/pop3.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "base/secret_marks.h"
#include "base/text.h"
#include "net/stranger.h"
#include "net/tls.h"
#include "pop3/reply.h"

/* How many unwanted bytes an error text shows. */
enum { SAMPLE_MAX = 60 };
static const char not_pop3[] = "not a POP3 reply";
/* How much of the output queue secrets leave to other commands: more than a
 * window of them. */
enum { POP3_QUEUE_SPARE = 64 * 1024 };

struct pop3 {
	struct stream *stream; /* owned */
	pop3_trace *trace;
	void *trace_arg;
	struct capa capa;
	char *challenge; /* owned; NULL: none */
	size_t outstanding, secrets;
	struct secret_marks hidden; /* what was sent as a secret, and
				       pop3_hide's */
	enum pop3_code last_code;
};

void
pop3_new(struct pop3 **p, struct stream *s, pop3_trace *trace, void *arg)
{
	*p = mem_alloc(sizeof(**p));
	(*p)->stream = s;
	(*p)->trace = trace;
	(*p)->trace_arg = arg;
	capa_start(&(*p)->capa);
}

void
pop3_free(struct pop3 **p)
{
	if (!*p)
		return;
	stream_free(&(*p)->stream);
	free((*p)->challenge);
	free(*p);
	*p = NULL;
}

struct stream *
pop3_take_stream(struct pop3 **p)
{
	struct stream *s = (*p)->stream;

	(*p)->stream = NULL;
	pop3_free(p);
	return s;
}

struct stream *
pop3_stream(const struct pop3 *p)
{
	return p->stream;
}

const struct capa *
pop3_capabilities(const struct pop3 *p)
{
	return &p->capa;
}

void
pop3_set_capabilities(struct pop3 *p, const struct capa *c)
{
	p->capa = *c;
}

const char *
pop3_challenge(const struct pop3 *p)
{
	return p->challenge;
}

size_t
pop3_secrets(const struct pop3 *p)
{
	return p->secrets;
}

size_t
pop3_outstanding(const struct pop3 *p)
{
	return p->outstanding;
}

static bool
repeats_secret(const struct pop3 *p, const void *text, size_t size)
{
	return secret_marks_are_in(&p->hidden, text, size);
}

static void
trace(const struct pop3 *p, bool out, const void *text, size_t size)
{
	if (!p->trace)
		return;
	if (!out && repeats_secret(p, text, size))
		p->trace(p->trace_arg, out, "***", 3);
	else
		p->trace(p->trace_arg, out, text, size);
}

int
pop3_malformed(const struct pop3 *p, struct err *e, const char *what,
	       const uint8_t *bytes, size_t size)
{
	char sample[SAMPLE_MAX + 1];

	if (repeats_secret(p, bytes, size))
		return err_set(e, ERR_PROTOCOL, "%s", what);
	text_safe(sample, sizeof(sample), bytes, size);
	return err_set(e, ERR_PROTOCOL, "%s: '%s'", what, sample);
}

/* --- commands --- */

static int
too_long(struct err *e, const char *keyword, size_t size)
{
	return err_set(e, ERR_CONFIG,
		       "%.*s needs a line of %zu octets, "
		       "but POP3 allows no more than %d",
		       (int)strcspn(keyword, " "), keyword, size,
		       POP3_COMMAND_MAX);
}

int
pop3_command(struct pop3 *p, struct err *e, const char *format, ...)
{
	char line[POP3_COMMAND_MAX + 1];
	va_list args;
	size_t size;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	assert(length >= 0);
	size = (size_t)length;
	if (size + 2 > POP3_COMMAND_MAX)
		return too_long(e, line, size + 2);
	assert(strcspn(line, "\r\n") == size);
	trace(p, true, line, size);
	memcpy(line + size, "\r\n", 2);
	stream_queue(p->stream, line, size + 2);
	p->outstanding++;
	return 0;
}

static void
assert_one_line(const void *bytes, size_t size)
{
	assert(size == 0 || !memchr(bytes, '\r', size));
	assert(size == 0 || !memchr(bytes, '\n', size));
	assert(size == 0 || !memchr(bytes, '\0', size));
	(void)bytes;
	(void)size;
}

static void
trace_secret(const struct pop3 *p, const char *keyword)
{
	char *line = mem_format("%s***", keyword);

	trace(p, true, line, strlen(line));
	free(line);
}

int
pop3_secret_command(struct pop3 *p, const char *keyword, const uint8_t *secret,
		    size_t size, bool exchange, struct err *e)
{
	size_t length = strlen(keyword);

	assert_one_line(keyword, length);
	assert_one_line(secret, size);
	if (!exchange && length + size + 2 > POP3_COMMAND_MAX)
		return too_long(e, keyword, length + size + 2);
	/* a server may go on sending challenges without reading the answers;
	 * these must leave room for other commands */
	if (stream_queued(p->stream) + length + size >
	    STREAM_OUTPUT_MAX - POP3_QUEUE_SPARE)
		return err_set(e, ERR_CONFIG, "password or token is too long");
	secret_marks_add(&p->hidden, secret, size);
	trace_secret(p, keyword);
	stream_queue(p->stream, keyword, length);
	stream_queue(p->stream, secret, size);
	stream_queue(p->stream, "\r\n", 2);
	p->outstanding++;
	p->secrets++;
	return 0;
}

/* --- replies --- */

void
pop3_hide(struct pop3 *p, const struct secret *secret)
{
	secret_marks_add(&p->hidden, secret_bytes(secret), secret_size(secret));
}

void
pop3_mask(const struct pop3 *p, const uint8_t **text, size_t *size)
{
	static const char instead[] = "*** (hidden: it repeats a secret)";

	if (!repeats_secret(p, *text, *size))
		return;
	*text = (const uint8_t *)instead;
	*size = sizeof(instead) - 1;
}

/* Reads and takes apart a status line. */
static int
read_status(struct pop3 *p, bool may_continue, struct pop3_reply *r,
	    struct err *e)
{
	const uint8_t *line;
	size_t size;
	bool known;

	if (stream_line(p->stream,
			may_continue ? POP3_CHALLENGE_MAX : POP3_REPLY_MAX,
			&line, &size, e) != 0)
		return -1;
	trace(p, false, line, size);
	known = reply_parse(r, line, size, &p->capa) &&
		(size <= POP3_REPLY_MAX || r->status == POP3_CONTINUE);
	if (known && (r->status != POP3_CONTINUE || may_continue)) {
		/* a challenge, or numbers that were asked for, may hold it by
		 * chance: whoever shows these looks for it */
		if (r->status == POP3_ERR)
			pop3_mask(p, &r->text, &r->text_size);
		return 0;
	}
	return pop3_malformed(p, e, not_pop3, line, size);
}

int
pop3_reply(struct pop3 *p, bool may_continue, struct pop3_reply *r,
	   struct err *e)
{
	if (p->outstanding == 0)
		return err_set(e, ERR_PROTOCOL,
			       "no command is waiting for a reply");
	if (read_status(p, may_continue, r, e) != 0)
		return -1;
	p->last_code = r->code;
	p->outstanding--;
	return 0;
}

enum pop3_code
pop3_last_code(const struct pop3 *p)
{
	return p->last_code;
}

bool
pop3_has_input(const struct pop3 *p)
{
	size_t size;

	(void)stream_unread(p->stream, &size);
	return size > 0;
}

int
pop3_check_idle(struct pop3 *p, struct err *e)
{
	static const char surplus[] = "server sent data that was not asked for";
	const uint8_t *bytes;
	size_t size;
	bool more;

	assert(p->outstanding == 0);
	if (!pop3_has_input(p) && stream_pull(p->stream, &more, e) != 0)
		return -1;
	bytes = stream_unread(p->stream, &size);
	if (size == 0)
		return 0;
	pop3_malformed(p, e, surplus, bytes, size);
	e->sys = EBADMSG;
	return -1;
}

/* --- the start of a session --- */

/* A server that speaks TLS from the start may have found out that we do not,
 * and have sent an alert. */
static int
refuse_tls_record(struct pop3 *p, struct err *e)
{
	enum { RECORD_HEAD = 3 };
	const uint8_t *bytes;
	size_t size = 0;

	do {
		if (stream_fill(p->stream, size, e) != 0)
			return -1;
		bytes = stream_unread(p->stream, &size);
	} while (size < RECORD_HEAD && tls_is_record(bytes, size));
	return tls_is_record(bytes, size) ? stranger_is_tls(e) : 0;
}

/* What another service says is shown to people as what it is. */
static int
refuse_stranger(struct pop3 *p, struct err *e)
{
	const uint8_t *line;
	size_t size;

	line = stream_unread(p->stream, &size);
	if (line[0] == '+' || line[0] == '-')
		return 0;
	if (stream_line(p->stream, POP3_REPLY_MAX, &line, &size, e) != 0)
		return -1;
	trace(p, false, line, size);
	if (stranger_name(line, size))
		return stranger_error(ERR_PROTOCOL, line, size, e);
	return pop3_malformed(p, e, not_pop3, line, size);
}

int
pop3_greeting(struct pop3 *p, struct err *e)
{
	struct pop3_reply r;

	if (refuse_tls_record(p, e) != 0 || refuse_stranger(p, e) != 0 ||
	    read_status(p, false, &r, e) != 0)
		return err_context(e, "greeting");
	if (r.status == POP3_ERR) {
		pop3_session_refusal(&r, ERR_LATER, e);
		return err_context(e, "greeting");
	}
	free(p->challenge);
	p->challenge = reply_challenge(r.text, r.text_size);
	return 0;
}

static int
read_capabilities(struct pop3 *p, struct capa *c, struct err *e)
{
	const uint8_t *line;
	size_t size;
	bool end;

	for (unsigned count = 0; count <= POP3_CAPA_LINES_MAX; count++) {
		if (pop3_list_line(p, &line, &size, &end, e) != 0)
			return -1;
		if (end)
			return 0;
		trace(p, false, line, size);
		capa_line(c, line, size);
	}
	return err_set(e, ERR_PROTOCOL, "more than %d capabilities",
		       POP3_CAPA_LINES_MAX);
}

int
pop3_capa(struct pop3 *p, struct err *e)
{
	struct pop3_reply r;
	struct capa fresh;

	capa_start(&fresh);
	if (pop3_check_idle(p, e) != 0 || pop3_command(p, e, "CAPA") != 0 ||
	    pop3_reply(p, false, &r, e) != 0)
		return err_context(e, "CAPA");
	fresh.known = r.status == POP3_OK;
	if (fresh.known && read_capabilities(p, &fresh, e) != 0)
		return err_context(e, "CAPA");
	p->capa = fresh;
	return 0;
}

int
pop3_stls(struct pop3 *p, struct err *e)
{
	struct pop3_reply r;

	/* A reply that came before its command is an injection as well. */
	if (pop3_check_idle(p, e) != 0 || pop3_command(p, e, "STLS") != 0 ||
	    pop3_reply(p, false, &r, e) != 0)
		return err_context(e, "STLS");
	if (r.status == POP3_ERR) {
		pop3_refusal(&r, ERR_TLS, e);
		e->kind = ERR_TLS;
		return err_context(e, "STLS");
	}
	if (pop3_check_idle(p, e) != 0)
		return err_context(e, "STLS");
	return 0;
}

/* --- multi-line responses --- */

/*
 * This looks for the line end itself, for speed, and since it must see the CR:
 * a listing from a server that ends lines with a bare LF is read, but an end
 * marker is "." CRLF and nothing else.  "." LF is neither a marker nor an
 * entry, and no server is known to send it; to go on in either way would be a
 * guess.
 */
int
pop3_list_line(struct pop3 *p, const uint8_t **line, size_t *size, bool *end,
	       struct err *e)
{
	const uint8_t *bytes, *lf = NULL;
	size_t have, looked = 0, length;

	for (;;) {
		bytes = stream_unread(p->stream, &have);
		if (have > looked)
			lf = memchr(bytes + looked, '\n', have - looked);
		if (lf || have > POP3_LINE_MAX)
			break;
		looked = have;
		if (stream_fill(p->stream, have, e) != 0)
			return -1;
	}
	if (!lf || lf - bytes > POP3_LINE_MAX)
		return err_set(e, ERR_PROTOCOL,
			       "line of a listing is longer than %d octets",
			       POP3_LINE_MAX);
	length = (size_t)(lf - bytes);
	stream_consume(p->stream, length + 1);
	*end = length == 2 && bytes[0] == '.' && bytes[1] == '\r';
	if (length == 1 && bytes[0] == '.')
		return err_set(e, ERR_PROTOCOL, "'.' without CR in a listing");
	length -= length > 0 && bytes[length - 1] == '\r';
	*line = bytes + (length > 0 && bytes[0] == '.');
	*size = length - (size_t)(*line - bytes);
	return 0;
}

int
pop3_body(struct pop3 *p, struct body *b, uint8_t *out, size_t out_size,
	  size_t *written, struct err *e)
{
	const uint8_t *bytes;
	size_t size, used;

	assert(out_size >= BODY_OUT_MIN);
	*written = 0;
	while (*written == 0 && !b->ended) {
		bytes = stream_unread(p->stream, &size);
		if (size == 0) {
			if (stream_fill(p->stream, 0, e) != 0)
				return -1;
			bytes = stream_unread(p->stream, &size);
		}
		*written = body_decode(b, bytes, size, &used, out, out_size);
		stream_consume(p->stream, used);
	}
	return 0;
}
