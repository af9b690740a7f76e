/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
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
 *	                             pop3_list_line or pop3_body after a +OK
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
#include "pop3/words.h"

enum {
	POP3_COMMAND_MAX = 255,		 /* with CRLF (RFC 2449 section 4) */
	POP3_REPLY_MAX = 4096,		 /* RFC 1939 says 512; be liberal */
	POP3_CHALLENGE_MAX = 128 * 1024, /* of SASL, after the "+" */
	POP3_LINE_MAX = 65536,		 /* of a listing; uids may be long */
	POP3_CAPA_LINES_MAX = 1000
};

/* Response codes (RFC 2449, 3206, 6856).  They count when the server announced
 * RESP-CODES or AUTH-RESP-CODE; [AUTH], [SYS/...], [IN-USE] and [LOGIN-DELAY]
 * also count from servers that announce nothing before login. */
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
	enum words_meaning meaning; /* of the words of a -ERR */
	const uint8_t *text; /* after the status word (and one blank); borrowed
				until the next read */
	size_t text_size;
};

/* The client holds this and calls it, for -vv, in the middle of a command or
 * reply: for each line sent (out) and each status line and capability received;
 * bodies and listings are not traced.  Secrets come as "***".  The text is as
 * on the wire: make it safe before showing it. */
typedef void pop3_trace(void *arg, bool out, const void *text, size_t size);

struct pop3;

/* Takes the stream.  trace may be NULL. */
void pop3_new(struct pop3 **p, struct stream *s, pop3_trace *trace, void *arg);
void pop3_free(struct pop3 **p);
struct stream *pop3_stream(const struct pop3 *p); /* borrowed */
const struct capa *pop3_capabilities(const struct pop3 *p);
/* Sets what was learned in an earlier session, instead of asking. */
void pop3_set_capabilities(struct pop3 *p, const struct capa *c);
/* The APOP challenge of the greeting with its angle brackets, if it is a msg-id
 * (RFC 1939 section 7; anything else, NULL, is no challenge: CVE-2007-1558). */
const char *pop3_challenge(const struct pop3 *p);

/* Reads the greeting.  -ERR fails as pop3_session_refusal says, else as
 * ERR_LATER; it says nothing about a login.  Bytes of TLS fail with a hint to
 * `tls = "implicit"`. */
int pop3_greeting(struct pop3 *p, struct err *e);
/* Asks for the capabilities; a -ERR is fine and gives an empty set. */
int pop3_capa(struct pop3 *p, struct err *e);
/* Sends STLS and reads its reply: 0 only on +OK with nothing after it (else
 * ERR_TLS: it was refused; ERR_PROTOCOL: injected bytes).  Then the caller
 * takes the stream out (pop3_take_stream), does TLS, and begins anew with
 * pop3_new without a greeting: challenge and capabilities are forgotten (RFC
 * 2595 4). */
int pop3_stls(struct pop3 *p, struct err *e);
struct stream *pop3_take_stream(struct pop3 **p); /* frees p */

/* --- commands and replies --- */

/* Queues one command line; CRLF is added.  A line longer than POP3_COMMAND_MAX
 * is ERR_CONFIG (only user names can make it so) and never cut.  The arguments
 * must not hold CR, LF or NUL (assert). */
int pop3_command(struct pop3 *p, struct err *e, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Queues a line whose bytes are secret, after a keyword that may be shown
 * ("PASS ", "AUTH PLAIN ", ""); it is traced as the keyword and "***".  It may
 * exceed POP3_COMMAND_MAX only as part of an `exchange` (inside a SASL exchange
 * no limit applies, RFC 5034 section 4), else that is ERR_CONFIG. */
int pop3_secret_command(struct pop3 *p, const char *keyword,
			const uint8_t *secret, size_t size, bool exchange,
			struct err *e);
/* How many such lines were sent? */
size_t pop3_secrets(const struct pop3 *p);
/* From now on, replies that repeat this are hidden, in texts, errors and
 * traces, also after the secret is wiped (secret_marks.h).  It is meant for the
 * password of a login, whatever form that is sent in; what is sent by
 * pop3_secret_command is hidden without it. */
void pop3_hide(struct pop3 *p, const struct secret *secret);
/* Sets ERR_PROTOCOL, "WHAT: 'the first of these bytes'", without these where
 * they repeat what is hidden. */
int pop3_malformed(const struct pop3 *p, struct err *e, const char *what,
		   const uint8_t *bytes, size_t size);
/* For what is to be shown: a text that repeats what is hidden becomes one that
 * says so. */
void pop3_mask(const struct pop3 *p, const uint8_t **text, size_t *size);
/* How many commands have a reply that was not read yet. */
size_t pop3_outstanding(const struct pop3 *p);

/* Waits for the next reply line.  "+" continuations are replies only where
 * `may_continue`; otherwise they are ERR_PROTOCOL, as are "+ok", "*", binary,
 * and a reply when none is outstanding.  "+ERR" (seen from hMailServer) is a
 * -ERR.  A text that repeats a secret is replaced. */
int pop3_reply(struct pop3 *p, bool may_continue, struct pop3_reply *r,
	       struct err *e);

/* Reads one line of a listing after a +OK, unstuffed, borrowed until the next
 * read; *end at the end marker (then the line is empty).  Lines may end in a
 * bare LF, the end marker is "." CRLF only; "." LF is ERR_PROTOCOL. */
int pop3_list_line(struct pop3 *p, const uint8_t **line, size_t *size,
		   bool *end, struct err *e);
/* Reads more of a message after the +OK of RETR or TOP: waits until there is
 * some, and decodes it into out.  b was set by body_start; b->ended tells the
 * end. */
int pop3_body(struct pop3 *p, struct body *b, uint8_t *out, size_t out_size,
	      size_t *written, struct err *e);
/* The code of the last reply that was read. */
enum pop3_code pop3_last_code(const struct pop3 *p);
/* Is there input that was received but not looked at? */
bool pop3_has_input(const struct pop3 *p);
/* To be called when no reply is outstanding: if something has come all the
 * same, it is ERR_PROTOCOL, with EBADMSG. */
int pop3_check_idle(struct pop3 *p, struct err *e);

/* --- meaning --- */

/* Makes an error of a -ERR, whose text is what the server said.  Its kind
 * follows from the code (IN-USE, LOGIN-DELAY, SYS/TEMP: ERR_LATER; SYS/PERM:
 * ERR_UNAVAILABLE; AUTH: ERR_LOGIN; none: `otherwise`).  Returns -1. */
int pop3_refusal(const struct pop3_reply *r, enum err_kind otherwise,
		 struct err *e);

/* The same for a -ERR to what opens a session: greeting, login and listing.
 * What the server cannot do for now, as LOGIN-DELAY, SYS/TEMP or its words say,
 * is ERR_TROUBLE, also behind [AUTH]: "temporarily" is no verdict about a
 * password; IN-USE is ERR_LATER, SYS/PERM ERR_UNAVAILABLE, all else
 * `otherwise`. */
int pop3_session_refusal(const struct pop3_reply *r, enum err_kind otherwise,
			 struct err *e);
/* Does a -ERR say that the command, or its form, means nothing to the server,
 * or that it does not have this way to log in?  Then it is no verdict about
 * what the command holds. */
bool pop3_is_not_understood(const struct pop3_reply *r);

/* Does a line of a listing begin as the reply to a command does, by which one
 * sees that the replies are out of step? */
bool pop3_is_status(const uint8_t *line, size_t size);

/* "N SIZE..." of STAT and LIST, "N UID" of UIDL.  False when malformed.
 *
 * STAT is a hint: *total is -1 where something else stands in its place, or
 * nothing. */
bool pop3_parse_stat(const struct pop3_reply *r, uint64_t *count,
		     int64_t *total);
/* *octets is -1 when the size is not a number that fits (sizes are hints). */
bool pop3_parse_size(const uint8_t *line, size_t size, uint32_t *number,
		     int64_t *octets);
/* Several blanks before the uid are skipped (Comcast); the uid is the rest of
 * the line without trailing blanks, and may be empty. */
bool pop3_parse_uid(const uint8_t *line, size_t size, uint32_t *number,
		    const uint8_t **uid, size_t *uid_size);

#endif
