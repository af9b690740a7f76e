/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The POP3 client (RFC 1939, 2449, 2595, 3206, 5034): commands out, replies in,
 * over a stream.  It knows neither disk nor account; whoever calls it keeps
 * track of which reply belongs to which command (replies come in order).
 *
 *	pop3_new                     takes the stream
 *	pop3_greeting                first of all
 *	pop3_capa, pop3_stls         optional
 *	auth_send, auth_receive (auth.h)
 *	pop3_command ... pop3_reply  queue any number, read as many replies;
 *	                             pop3_list_line or pop3_body behind a +OK
 *	                             that has more lines
 *	pop3_free
 *
 * Everything outside the protocol is ERR_PROTOCOL and makes the session
 * unusable: the caller drops the connection without QUIT, so that the server
 * deletes nothing.  A -ERR is a reply, not an error, unless a function here
 * says so.
 */
#ifndef POP3_POP3_H
#define POP3_POP3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"
#include "net/stream.h"
#include "pop3/body.h"
#include "pop3/capa.h"

enum {
	POP3_COMMAND_MAX = 255,		 /* with CRLF (RFC 2449 section 4) */
	POP3_REPLY_MAX = 4096,		 /* RFC 1939 says 512; be liberal */
	POP3_CHALLENGE_MAX = 128 * 1024, /* of SASL, behind the "+" */
	POP3_LINE_MAX = 65536,		 /* of a listing; uids may be long */
	POP3_CAPA_LINES_MAX = 1000
};

/* Response codes (RFC 2449, 3206, 6856); honoured when the server announced
 * RESP-CODES or AUTH-RESP-CODE, and, from servers that announce nothing before
 * login, [AUTH], [SYS/...], [IN-USE] and [LOGIN-DELAY] all the same. */
enum pop3_code {
	POP3_CODE_NONE,
	POP3_CODE_IN_USE, /* also the old texts "lock busy" and the like */
	POP3_CODE_LOGIN_DELAY,
	POP3_CODE_SYS_TEMP,
	POP3_CODE_SYS_PERM,
	POP3_CODE_AUTH,
	POP3_CODE_UTF8
};

enum pop3_status { POP3_OK, POP3_ERR, POP3_CONTINUE };

struct pop3_reply {
	enum pop3_status status; /* +OK, -ERR, "+ " of SASL */
	enum pop3_code code;
	const uint8_t *text; /* behind the status word (and one blank); borrowed
				until the next read */
	size_t text_size;
};

/* Called for each line sent (out) and each status line and capability received,
 * for -vv; bodies and listings are not traced.  Secrets come as "***".  The
 * text is as on the wire: make it safe before showing it. */
typedef void pop3_trace(void *arg, bool out, const void *text, size_t size);

struct pop3;

/* Takes the stream.  trace may be NULL. */
void pop3_new(struct pop3 **p, struct stream *s, pop3_trace *trace, void *arg);
void pop3_free(struct pop3 **p);
struct stream *pop3_stream(const struct pop3 *p); /* borrowed */
const struct capa *pop3_capabilities(const struct pop3 *p);
/* Tells what was learned in an earlier session, in place of asking. */
void pop3_set_capabilities(struct pop3 *p, const struct capa *c);
/* The APOP challenge of the greeting with its angle brackets, if it is a msg-id
 * (RFC 1939 section 7; anything else, NULL, is no challenge: CVE-2007-1558). */
const char *pop3_challenge(const struct pop3 *p);

/* Reads the greeting.  -ERR fails: by its code as pop3_refusal says, else
 * ERR_LATER.  Bytes of TLS fail with a hint to `tls = "implicit"`. */
int pop3_greeting(struct pop3 *p, struct err *e);
/* Asks; a -ERR is fine and gives an empty capability set. */
int pop3_capa(struct pop3 *p, struct err *e);
/* Sends STLS and reads its reply: 0 only on +OK with nothing behind it (else
 * ERR_TLS: it was refused; ERR_PROTOCOL: injected bytes).  Then the caller
 * takes the stream out (pop3_take_stream), does TLS, and begins anew with
 * pop3_new without a greeting: challenge and capabilities are forgotten (RFC
 * 2595 4). */
int pop3_stls(struct pop3 *p, struct err *e);
struct stream *pop3_take_stream(struct pop3 **p); /* frees p */

/* --- commands and replies --- */

/* Queues one command line; CRLF is added.  Longer than POP3_COMMAND_MAX:
 * ERR_CONFIG (only user names can make it so); never cut.  The arguments must
 * not hold CR, LF or NUL (assert). */
int pop3_command(struct pop3 *p, struct err *e, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A line of any length whose bytes are secret, behind a keyword that may be
 * shown ("PASS ", "AUTH PLAIN ", ""): traced as the keyword and "***".  As one
 * line beyond POP3_COMMAND_MAX only where `exchange` (inside a SASL exchange no
 * limit applies, RFC 5034 section 4), else ERR_CONFIG. */
int pop3_secret_command(struct pop3 *p, const char *keyword,
			const uint8_t *secret, size_t size, bool exchange,
			struct err *e);
/* From now on replies that repeat this are hidden too, in texts and traces;
 * borrowed until NULL is set.  For the password of a login, whatever form it is
 * sent in. */
void pop3_hide(struct pop3 *p, const struct secret *secret);
/* Commands whose reply has not been read. */
size_t pop3_outstanding(const struct pop3 *p);

/* Waits for the next reply line.  "+" continuations are replies only where
 * `may_continue`; else, and for "+ok", "*", binary: ERR_PROTOCOL.  "+ERR" (seen
 * of hMailServer) is a -ERR.  A reply when none is outstanding: ERR_PROTOCOL.
 * A text that repeats the secret just sent is replaced. */
int pop3_reply(struct pop3 *p, bool may_continue, struct pop3_reply *r,
	       struct err *e);

/* One line of a listing behind a +OK, unstuffed, borrowed until the next read;
 * *end at the end marker (then line is empty).  Lines may end in a bare LF, the
 * end marker is "." CRLF only; "." LF is ERR_PROTOCOL. */
int pop3_list_line(struct pop3 *p, const uint8_t **line, size_t *size,
		   bool *end, struct err *e);
/* More of a message behind +OK of RETR or TOP: waits until there is some, and
 * decodes into out.  b was set by body_start; b->ended tells the end. */
int pop3_body(struct pop3 *p, struct body *b, uint8_t *out, size_t out_size,
	      size_t *written, struct err *e);
/* The code of the last reply that was read. */
enum pop3_code pop3_last_code(const struct pop3 *p);
/* Is there input that was received and not looked at? */
bool pop3_has_input(const struct pop3 *p);
/* Nothing is outstanding, so nothing may have come: ERR_PROTOCOL when it
 * did. */
int pop3_check_idle(struct pop3 *p, struct err *e);

/* --- meaning --- */

/* Makes an error of a -ERR: kind by its code (IN-USE, LOGIN-DELAY, SYS/TEMP:
 * ERR_LATER; SYS/PERM: ERR_UNAVAILABLE; AUTH: ERR_LOGIN; none: `otherwise`),
 * text: what the server said.  Returns -1. */
int pop3_refusal(const struct pop3_reply *r, enum err_kind otherwise,
		 struct err *e);

/* "N SIZE..." of STAT and LIST, "N UID" of UIDL.  False when malformed. */
bool pop3_parse_stat(const struct pop3_reply *r, uint64_t *count,
		     uint64_t *total);
/* size is -1 when it is no number that fits (sizes are hints). */
bool pop3_parse_size(const uint8_t *line, size_t size, uint32_t *number,
		     int64_t *octets);
/* Several blanks before the uid are skipped (Comcast); the uid is all the rest
 * of the line but trailing blanks, and may be empty. */
bool pop3_parse_uid(const uint8_t *line, size_t size, uint32_t *number,
		    const uint8_t **uid, size_t *uid_size);

#endif
