/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * An error on its way up: what went wrong, in words for the user, and what the
 * caller must do about it.
 *
 * Functions that can fail take a `struct err *e` as last argument and return 0,
 * or -1 with *e set.  Fill it where it happens (err_set, err_sys), add context
 * on the way up (err_context), report it once at the top.
 *
 * The text is one line, always valid UTF-8 without control characters: every
 * function here escapes what it is given (text_safe), so server text may be
 * passed as it came.  Secrets must never be passed.  Text longer than
 * ERR_TEXT_MAX - 1 bytes is cut.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

enum { ERR_TEXT_MAX = 1024 };

/* Kinds tell the caller what to do; each has one exit status (sysexits.h). */
enum err_kind {
	ERR_NONE,	 /* no error: status 0 */
	ERR_BUSY,	 /* another run holds the account: 0, quietly */
	ERR_USAGE,	 /* command line: 64 */
	ERR_DATABASE,	 /* state database corrupt, foreign, newer: 65 */
	ERR_NOHOST,	 /* no such host: 68 */
	ERR_UNAVAILABLE, /* server lacks what is needed, SYS/PERM: 69 */
	ERR_INTERNAL,	 /* a bug of ours, or the link broke: 70 */
	ERR_OS,		 /* fork, exec, descriptors: 71 */
	ERR_CREATE,	 /* destination cannot be made or opened: 73 */
	ERR_LOCAL,	 /* local read, write or sync failed: 74 */
	ERR_LATER,	 /* try again later, not the network: 75 */
	ERR_TROUBLE,	 /* server says that it cannot for now: 75, a pause */
	ERR_NETWORK,	 /* try again later: connection, time-out: 75 */
	ERR_MESSAGE,	 /* only this message; go on with others: 75 */
	ERR_STOPPED,	 /* a signal asked to stop: 75 */
	ERR_PROTOCOL,	 /* server broke the protocol: 76, no QUIT */
	ERR_TLS,	 /* handshake or certificate: 76 */
	ERR_LOGIN,	 /* credentials refused: 77 */
	ERR_CONFIG,	 /* configuration: 78 */
	ERR_KINDS	 /* how many there are */
};

struct err {
	enum err_kind kind;
	int sys;   /* errno of err_sys, or as a function says; else 0 */
	bool told; /* the user has been told; set by whoever did */
	char text[ERR_TEXT_MAX];
};

/* The start value of an error, which err_clear restores. */
#define ERR_INIT ((struct err){ .kind = ERR_NONE })
void err_clear(struct err *e);

/* Sets *e, with `told` false, and returns -1, so that callers can write `return
 * err_set(...)`. */
int err_set(struct err *e, enum err_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of the errno current at the call
 * appended. */
int err_sys(struct err *e, enum err_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "CONTEXT: " before the text; kind and errno stay.  Returns -1. */
int err_context(struct err *e, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The sysexits status of a kind: the only table of them in the program. */
int err_status(enum err_kind kind);

/* The exit status of a run in which both of these occurred: the one that comes
 * first in 78 77 65 73 74 71 70 76 69 68 75 64, else 0. */
int err_status_worse(int a, int b);

/* May an error of this kind pass without anybody's doing (network down, host
 * not found, a server in trouble or one that is busy)?  The option
 * `notice_after` applies to such errors. */
bool err_is_passing(enum err_kind kind);

#endif
