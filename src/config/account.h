/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One account as the configuration describes it: plain data, filled by config/conf, owned
 * by it, borrowed by everybody else.  Paths are absolute, durations and sizes numbers,
 * all defaults filled in; strings are NULL where an option has no value.
 */
#ifndef CONFIG_ACCOUNT_H
#define CONFIG_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/secret.h"
#include "deliver/deliver.h"
#include "net/tls.h"
#include "pop3/auth.h"

enum account_tls { ACCOUNT_TLS_IMPLICIT, ACCOUNT_TLS_STARTTLS, ACCOUNT_TLS_OFF };

struct account {
	char *name;			/* the title */
	bool enabled;

	char *host;
	uint16_t port;
	enum account_tls tls;
	char *tls_ca_file, *tls_ca_dir;
	struct tls_pin *tls_pins;
	size_t tls_pin_count;
	enum tls_version tls_min_version;
	char *tls_cert_file, *tls_key_file;
	char *tls_server_name;		/* never NULL */

	char *user;
	struct secret *password;	/* known already, or NULL */
	char *password_file;
	char **password_command;	/* NULL-terminated, or NULL */
	bool ask_password;		/* none of these: ask on the terminal */
	enum auth_method auth;
	bool insecure_auth;

	enum deliver_kind kind;
	char *path;			/* Maildir or mbox */
	char **mda;			/* NULL-terminated argument list */
	int64_t mda_timeout_s;
	unsigned mda_jobs;
	bool received_header;

	int64_t keep_s;			/* 0: "no"; PLAN_KEEP_FOREVER */
	uint64_t max_size;		/* 0: none */
	uint64_t max_messages;		/* 0: none */
	int64_t timeout_s, session_timeout_s;
	bool pipelining;		/* "auto" */

	char *state;			/* the option's value, or
					   account_state_name */
	char *dotted_state;		/* what this was before a dot at the end of
					   a host was left out, or NULL */
	unsigned notice_failures;	/* notice_after in runs, or 0 ... */
	int64_t notice_s;		/* ... and then a duration */
	char *fingerprint;		/* hex digest over the login's options, and
					   time, size and inode of the files that they
					   and the secret stand in (never over the
					   secret): a change ends a login back-off */
};

/* Wipes and frees all that it holds; *a is zeroed. */
void account_free(struct account *a);

/* "USER@HOST", the host in lower case, ":PORT" behind it unless 110 or 995 (an IPv6
 * address then stands in brackets): what `state` is by default.  Owned by the caller. */
char *account_state_name(const struct account *a);
/* File name of its state without directory and suffix: `state` (or, if that is NULL,
 * account_state_name) percent-encoded, at most 200 bytes: the end of a longer one gives
 * way to a digest.  Owned by the caller. */
char *account_state_file(const struct account *a);

/* Sets `password` from the first line of `password_file`; nothing to do without one, or
 * when the password is known.  The parent calls it for the accounts that are
 * fetched, before it forks.  ERR_CONFIG when the file cannot be read, is no regular file
 * of ours (or root's) that only we may read, or begins with an empty line. */
int account_read_password(struct account *a, struct err *e);

#endif
