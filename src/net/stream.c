/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A byte stream to a server with a deadline on every wait. */
#include "config.h"

#include "net/stream.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "sys/proc.h"

/*
 * A poll wakes for each TLS record of a long answer, which costs CPU and takes
 * the processor from a server on the same machine.  So after GATHER_FROM bytes
 * of an answer a poll wakes only for GATHER_BYTES together (SO_RCVLOWAT; also
 * when the window is full), or after GATHER_MS.  Where fewer come in that time,
 * waking is no burden.
 */
enum {
	GATHER_FROM = STREAM_INPUT_SIZE,
	GATHER_BYTES = 128 * 1024,
	GATHER_MS = 2,
	GATHER_REST = 4 * 1024 * 1024 /* bytes until the next try */
};

/* Bytes start to end of both buffers are in use.  A buffer that is empty is
 * used from its front again, so that most reads and writes find all the room
 * there is. */
struct stream {
	struct transport *t;
	short read_event; /* what the next read or write waits for */
	short write_event;
	int64_t timeout_ms;
	int64_t end;

	/* input */
	uint8_t *in;
	size_t in_start, in_end;
	size_t scanned;	 /* unread bytes known to hold no LF */
	bool input_over; /* read failed, or the peer closed */

	/* gathering */
	uint64_t received;    /* bytes, of the whole stream */
	uint64_t gather_from; /* it begins when so many are received */
	bool gathers;	      /* SO_RCVLOWAT is set */

	/* output */
	uint8_t *out;
	size_t out_start, out_end;

	struct err failure; /* told when the input before it is used up */
};

/* --- time --- */

int
stream_silence(int64_t timeout_ms, struct err *e)
{
	if (timeout_ms % 1000 != 0)
		return err_set(e, ERR_NETWORK,
			       "no answer from server for %lld ms",
			       (long long)timeout_ms);
	return err_set(e, ERR_NETWORK,
		       "no answer from server for %lld second%s",
		       (long long)(timeout_ms / 1000),
		       timeout_ms == 1000 ? "" : "s");
}

static int
check_end(int64_t end, struct err *e)
{
	if (clock_ms() < end)
		return 0;
	return err_set(e, ERR_NETWORK, "session_timeout reached");
}

int
transport_ready(const struct transport *t, enum transport_wait want,
		int64_t timeout_ms, int64_t end, struct err *e)
{
	struct pollfd fd = { .fd = t->fd };
	int64_t silence = clock_deadline(timeout_ms);

	assert(want == TRANSPORT_WANT_READ || want == TRANSPORT_WANT_WRITE);
	fd.events = want == TRANSPORT_WANT_READ ? POLLIN : POLLOUT;
	for (;;) {
		if (proc_poll(&fd, 1, clock_earlier(silence, end)) > 0)
			return check_end(end, e);
		if (check_end(end, e) != 0)
			return -1;
		if (clock_ms() >= silence)
			return stream_silence(timeout_ms, e);
	}
}

/* --- life --- */

void
stream_new(struct stream **out, struct transport *t, int64_t timeout_ms,
	   int64_t end)
{
	struct stream *s = mem_alloc(sizeof(*s));

	s->t = t;
	s->timeout_ms = timeout_ms;
	s->end = end;
	s->in = mem_alloc(STREAM_INPUT_SIZE);
	/* The output buffer has its full size at once: growing would leave
	 * copies of passwords. */
	s->out = mem_alloc(STREAM_OUTPUT_MAX);
	s->read_event = POLLIN;
	s->write_event = POLLOUT;
	s->gather_from = GATHER_FROM;
	*out = s;
}

static void
dispose(struct stream **s)
{
	secret_wipe((*s)->out + (*s)->out_start,
		    (*s)->out_end - (*s)->out_start);
	free((*s)->out);
	free((*s)->in);
	free(*s);
	*s = NULL;
}

void
stream_free(struct stream **s)
{
	if (!*s)
		return;
	(*s)->t->class->free((*s)->t);
	dispose(s);
}

/* --- output --- */

size_t
stream_queued(const struct stream *s)
{
	return s->out_end - s->out_start;
}

void
stream_queue(struct stream *s, const void *bytes, size_t size)
{
	size_t queued = stream_queued(s);

	assert(size <= STREAM_OUTPUT_MAX - queued);
	if (size > STREAM_OUTPUT_MAX - s->out_end) {
		memmove(s->out, s->out + s->out_start, queued);
		secret_wipe(s->out + queued, s->out_end - queued);
		s->out_start = 0;
		s->out_end = queued;
	}
	if (size > 0)
		memcpy(s->out + s->out_end, bytes, size);
	s->out_end += size;
}

static void
output_done(struct stream *s, size_t size)
{
	secret_wipe(s->out + s->out_start, size);
	s->out_start += size;
	if (s->gather_from < s->received + GATHER_FROM)
		s->gather_from = s->received + GATHER_FROM;
	if (s->out_start == s->out_end)
		s->out_start = s->out_end = 0;
}

/* A failed write is not told at once: the server may have said why it hung up,
 * and that has still to be read. */
static void
push(struct stream *s)
{
	while (stream_queued(s) > 0 && s->failure.kind == ERR_NONE) {
		ptrdiff_t n = s->t->class->write(s->t, s->out + s->out_start,
						 stream_queued(s), &s->failure);

		s->write_event = n == TRANSPORT_WANT_READ ? POLLIN : POLLOUT;
		if (n <= 0)
			return;
		output_done(s, (size_t)n);
	}
}

int
stream_push(struct stream *s, struct err *e)
{
	bool more;

	push(s);
	if (s->failure.kind == ERR_NONE || s->in_end > s->in_start)
		return 0;
	return stream_pull(s, &more, e);
}

/* --- input --- */

/* Makes room at the end of the buffer: at least half its size, unless the
 * unread bytes fill more than the other half. */
static size_t
input_room(struct stream *s)
{
	size_t unread = s->in_end - s->in_start;

	if (unread == 0 || s->in_end > STREAM_INPUT_SIZE / 2) {
		memmove(s->in, s->in + s->in_start, unread);
		s->in_start = 0;
		s->in_end = unread;
	}
	return STREAM_INPUT_SIZE - s->in_end;
}

/* Reads until the transport has no more (bytes that it holds decrypted would
 * not wake a poll) or the buffer is full.  True when something came. */
static bool
pull(struct stream *s)
{
	size_t room = s->input_over ? 0 : input_room(s);
	size_t before = s->in_end;

	while (room > 0) {
		ptrdiff_t n = s->t->class->read(s->t, s->in + s->in_end, room,
						&s->failure);

		s->read_event = n == TRANSPORT_WANT_WRITE ? POLLOUT : POLLIN;
		if (n <= 0) {
			s->input_over =
				n == TRANSPORT_END || n == TRANSPORT_ERROR;
			if (n == TRANSPORT_END)
				err_set(&s->failure, ERR_NETWORK,
					"connection closed by server");
			break;
		}
		s->in_end += (size_t)n;
		room -= (size_t)n;
	}
	s->received += s->in_end - before;
	return s->in_end > before;
}

int
stream_pull(struct stream *s, bool *more, struct err *e)
{
	*more = false;
	if (check_end(s->end, e) != 0)
		return -1;
	push(s);
	*more = pull(s);
	if (*more || s->failure.kind == ERR_NONE)
		return 0;
	*e = s->failure;
	return -1;
}

bool
stream_is_closed(const struct stream *s)
{
	return s->failure.kind != ERR_NONE;
}

/* --- waiting --- */

static void
set_gathering(struct stream *s, bool on)
{
	const int least = on ? GATHER_BYTES : 1;

	if (on == s->gathers)
		return;
	if (setsockopt(s->t->fd, SOL_SOCKET, SO_RCVLOWAT, &least,
		       sizeof(least)) == 0)
		s->gathers = on;
	else /* not a socket, but a test's script */
		s->gather_from = UINT64_MAX;
}

/* Polls with fds[0] for the stream; returns what proc_poll returns. */
static int
poll_ready(struct stream *s, struct pollfd fds[], nfds_t count, int64_t until)
{
	bool sends = stream_queued(s) > 0;
	int ready;

	fds[0].fd = s->t->fd;
	fds[0].events = sends ? s->read_event | s->write_event : s->read_event;
	set_gathering(s, !sends && s->received >= s->gather_from);
	if (!s->gathers)
		return proc_poll(fds, count, until);
	ready = proc_poll(fds, count,
			  clock_earlier(until, clock_deadline(GATHER_MS)));
	if (ready == 0)
		s->gather_from = s->received + GATHER_REST;
	return ready;
}

int
stream_fill(struct stream *s, size_t have, struct err *e)
{
	int64_t silence = clock_deadline(s->timeout_ms);

	assert(have < STREAM_INPUT_SIZE);
	while (s->in_end - s->in_start <= have) {
		size_t queued = stream_queued(s);
		struct pollfd fd;
		bool more;

		if (stream_pull(s, &more, e) != 0)
			return -1;
		if (more)
			continue;
		/* A server that takes our bytes is not silent. */
		if (stream_queued(s) < queued)
			silence = clock_deadline(s->timeout_ms);
		if (clock_ms() >= silence)
			return stream_silence(s->timeout_ms, e);
		poll_ready(s, &fd, 1, clock_earlier(silence, s->end));
	}
	return 0;
}

const uint8_t *
stream_unread(const struct stream *s, size_t *size)
{
	*size = s->in_end - s->in_start;
	return s->in + s->in_start;
}

void
stream_consume(struct stream *s, size_t size)
{
	assert(size <= s->in_end - s->in_start);
	s->in_start += size;
	s->scanned = s->scanned > size ? s->scanned - size : 0;
}

/* Is there a whole line among the unread bytes?  *length is its length with the
 * LF. */
static bool
find_line(struct stream *s, size_t *length)
{
	const uint8_t *start = s->in + s->in_start;
	size_t unread = s->in_end - s->in_start;
	const uint8_t *lf =
		memchr(start + s->scanned, '\n', unread - s->scanned);

	s->scanned = unread;
	if (!lf)
		return false;
	*length = (size_t)(lf - start) + 1;
	return true;
}

/* The length of a line, or of the beginning of one, without its line end. */
static size_t
line_content(const uint8_t *line, size_t length)
{
	if (length > 0 && line[length - 1] == '\n')
		length--;
	if (length > 0 && line[length - 1] == '\r')
		length--;
	return length;
}

int
stream_line(struct stream *s, size_t max, const uint8_t **line, size_t *size,
	    struct err *e)
{
	const uint8_t *start;
	size_t length;
	bool whole;

	assert(max <= STREAM_INPUT_SIZE - 2);
	while (!(whole = find_line(s, &length))) {
		start = stream_unread(s, &length);
		if (line_content(start, length) > max)
			break;
		if (stream_fill(s, length, e) != 0)
			return -1;
	}
	start = s->in + s->in_start;
	if (!whole || line_content(start, length) > max)
		return err_set(e, ERR_PROTOCOL,
			       "line of more than %zu bytes from server", max);
	*line = start;
	*size = line_content(start, length);
	stream_consume(s, length);
	/* find_line stopped at the LF: what follows is not scanned. */
	s->scanned = 0;
	return 0;
}

int
stream_wait(struct stream *s, int other, int64_t until, bool *ready,
	    struct err *e)
{
	bool polled = false;

	*ready = false;
	for (;;) {
		struct pollfd fds[2] = { { .fd = -1 },
					 { .fd = other, .events = POLLIN } };
		bool idle = s->in_end == s->in_start;

		if (check_end(s->end, e) != 0)
			return -1;
		push(s);
		if (idle)
			idle = !pull(s) && s->failure.kind == ERR_NONE;
		if (!idle && (polled || other < 0))
			return 0;
		if (idle)
			poll_ready(s, fds, 2, clock_earlier(until, s->end));
		else
			proc_poll(fds, 2, 0);
		polled = true;
		*ready = fds[1].revents != 0;
		if (!idle || *ready || clock_ms() >= until)
			return 0;
	}
}

int
stream_release(struct stream **s, struct transport **t, struct err *e)
{
	bool more;

	/* Bytes that have come but are not yet read are an injection as
	 * well. */
	if ((*s)->in_end == (*s)->in_start && stream_pull(*s, &more, e) != 0)
		return -1;
	if ((*s)->in_end > (*s)->in_start)
		return err_set(e, ERR_PROTOCOL,
			       "unexpected bytes from server "
			       "before the TLS handshake");
	if (stream_queued(*s) > 0)
		return err_set(e, ERR_PROTOCOL,
			       "command not sent before the "
			       "TLS handshake");
	set_gathering(*s, false);
	*t = (*s)->t;
	dispose(s);
	return 0;
}
