/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: the options of the configuration file, one table row each, and how
 * their values are read.
 *
 * A value is checked and converted at once when it is met; whether options go together
 * is seen when accounts are made of sections (confmerge).
 */
#ifndef CLI_CONFOPT_H
#define CLI_CONFOPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"

enum confopt_id {
	CONFOPT_JOBS, CONFOPT_STATE_DIR, CONFOPT_LOG,
	CONFOPT_NOTICE_AFTER,
	CONFOPT_HOST, CONFOPT_PORT, CONFOPT_USER, CONFOPT_PASSWORD,
	CONFOPT_PASSWORD_FILE, CONFOPT_PASSWORD_COMMAND, CONFOPT_AUTH,
	CONFOPT_INSECURE_AUTH, CONFOPT_TLS, CONFOPT_TLS_CA_FILE,
	CONFOPT_TLS_CA_DIR, CONFOPT_TLS_PIN, CONFOPT_TLS_MIN_VERSION,
	CONFOPT_TLS_CERT_FILE, CONFOPT_TLS_KEY_FILE, CONFOPT_TLS_SERVER_NAME,
	CONFOPT_MAILDIR, CONFOPT_MBOX, CONFOPT_MDA, CONFOPT_MDA_TIMEOUT,
	CONFOPT_MDA_JOBS,
	CONFOPT_KEEP, CONFOPT_STATE, CONFOPT_MAX_SIZE, CONFOPT_MAX_MESSAGES,
	CONFOPT_RECEIVED_HEADER, CONFOPT_TIMEOUT, CONFOPT_SESSION_TIMEOUT,
	CONFOPT_PIPELINING, CONFOPT_ENABLED,
	CONFOPT_COUNT
};

/* A file that was read.  Lives as long as the values that came from it. */
struct conffile {
	char *path;
	char *dir;		/* absolute; relative paths start here */
};

struct confvalue {
	bool set;
	const struct conffile *file;
	int line;
	int64_t number;		/* also sizes, choices, truth values, seconds */
	bool is_count;		/* notice_after: number is failures */
	bool had_dot;		/* a host: at its end */
	char *text;		/* owned; paths are absolute */
	char **list;		/* owned, NULL-terminated, with its strings */
	size_t count;
	struct secret *secret;	/* owned */
};

struct confopt {
	const char *name;
	bool global, account;	/* may stand outside of sections, inside */
	bool is_list, may_be_empty;
	/* Sets *v (appends, for a list) from the text.  The error's text says only
	 * what is wrong: file, line, account and option are added by the caller. */
	int (*read)(struct confvalue *v, const char *text, struct err *e);
};

extern const struct confopt confopt_table[CONFOPT_COUNT];

/* By name; NULL when there is none that may stand there. */
const struct confopt *confopt_find(const char *name, bool global);
/* Says what an unknown name was probably meant to be.  Returns -1. */
int confopt_unknown(const char *name, bool global, struct err *e);
void confvalue_free(struct confvalue *v);

#endif
