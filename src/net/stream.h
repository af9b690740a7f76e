/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A byte stream to a server with a deadline on every wait, over a replaceable
 * transport (a plain socket, TLS over it, or a test's script).
 *
 * Writing never blocks: stream_queue keeps the bytes, and every wait for input
 * also sends what is queued and reads what has come, so that neither side can
 * wait for the other (a server may stop reading until its replies are read).
 * In a long answer a wait lets some TLS records gather, for two milliseconds at
 * most.
 *
 *	stream_new(&s, transport, ...)     takes the transport
 *	stream_queue(...); stream_fill(...) or stream_line(...)
 *	stream_free(&s)
 *
 * Failures: ERR_NETWORK for time-outs, connection errors and an end of stream
 * where more was wanted; ERR_TLS for a broken TLS record layer; ERR_PROTOCOL
 * for a line beyond its bound.  After a failure the stream may only be freed.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What a transport answers instead of a count of bytes. */
enum transport_wait {
	TRANSPORT_END = 0,	  /* read: the peer closed in good order */
	TRANSPORT_ERROR = -1,	  /* *e is set */
	TRANSPORT_WANT_READ = -2, /* poll for input, call again */
	TRANSPORT_WANT_WRITE = -3 /* poll for output, call again */
};

struct transport;

/* The stream that owns a transport calls these, or the transport that is laid
 * over it.  read and write never block; they return the bytes moved (> 0) or
 * one of the above.  A write that is tried again gets the same bytes, perhaps
 * with more behind them. */
struct transport_class {
	ptrdiff_t (*read)(struct transport *t, void *out, size_t size,
			  struct err *e);
	ptrdiff_t (*write)(struct transport *t, const void *bytes, size_t size,
			   struct err *e);
	/* Says goodbye without waiting where the protocol has a goodbye
	 * (close_notify), closes the socket, and frees the transport. */
	void (*free)(struct transport *t);
};
/* Every transport starts with this. */
struct transport {
	const struct transport_class *class;
	int fd; /* to poll; owned by the transport */
};
/* Waits until the socket is ready for what read or write asked for: ERR_NETWORK
 * after timeout_ms of silence, or when `end` (clock_ms) comes.  For those who
 * use a transport before there is a stream (a handshake). */
int transport_ready(const struct transport *t, enum transport_wait want,
		    int64_t timeout_ms, int64_t end, struct err *e);

/* Sets the error of a silence that was too long, for those who wait for a
 * socket by themselves. */
int stream_silence(int64_t timeout_ms, struct err *e);

enum {
	STREAM_INPUT_SIZE = 256 * 1024, /* of the input buffer */
	STREAM_OUTPUT_MAX = 1024 * 1024 /* queued bytes; more is a misuse */
};

struct stream;

/* Makes a stream that owns t; it cannot fail.  `timeout_ms` is the longest
 * silence of the server while we wait for it, `end` the session's deadline
 * (clock_ms). */
void stream_new(struct stream **s, struct transport *t, int64_t timeout_ms,
		int64_t end);
void stream_free(struct stream **s);
/* Takes the transport out (for STLS, so that TLS can be laid over it) and frees
 * the stream.  Bytes that have come and are not consumed make it fail with
 * ERR_PROTOCOL, since after the +OK to STLS they are an injection (RFC 2595
 * section 4); queued output makes it fail as well. */
int stream_release(struct stream **s, struct transport **t, struct err *e);

void stream_queue(struct stream *s, const void *bytes, size_t size);
/* Bytes queued and not yet taken by the transport. */
size_t stream_queued(const struct stream *s);
/* Sends what can be sent without waiting. */
int stream_push(struct stream *s, struct err *e);

/* Reads what has come without waiting (and pushes): *more says whether anything
 * has.  An end of the stream is an error (ERR_NETWORK "connection closed by
 * server"). */
int stream_pull(struct stream *s, bool *more, struct err *e);
/* Waits until there are more unread bytes than `have`, the number of them that
 * the caller has looked at already. */
int stream_fill(struct stream *s, size_t have, struct err *e);
/* The unread bytes, borrowed until the next call that reads. */
const uint8_t *stream_unread(const struct stream *s, size_t *size);
void stream_consume(struct stream *s, size_t size);

/*
 * The next line without its line end (CRLF; a bare LF counts as one as well, a
 * CR inside the line stays), borrowed until the next call that reads.  Longer
 * than `max` bytes: ERR_PROTOCOL.  The line may hold any byte.
 */
int stream_line(struct stream *s, size_t max, const uint8_t **line,
		size_t *size, struct err *e);

/* Was a failure that of the connection, which the server has closed or which
 * broke, rather than a time-out? */
bool stream_is_closed(const struct stream *s);

/* Waits for both the stream and another descriptor (the link to the keeper),
 * and pushes meanwhile.  Returns when there are unread bytes, when `other` is
 * readable or hung up (*ready), or at the time `until` (clock_ms).  An end of
 * the stream is reported by the next pull or fill, not here.  `other` may be
 * -1. */
int stream_wait(struct stream *s, int other, int64_t until, bool *ready,
		struct err *e);

#endif
