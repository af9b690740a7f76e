/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For conf*.c only: the options of the configuration file, one table row each, and how
 * their values are read.
 *
 * A value is checked and converted at once when it is met; whether options go together
 * is seen when accounts are made of sections (conf_merge).
 */
#ifndef CONFIG_CONF_OPTION_H
#define CONFIG_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"

enum conf_option_id {
	CONF_OPTION_JOBS, CONF_OPTION_STATE_DIR, CONF_OPTION_LOG,
	CONF_OPTION_NOTICE_AFTER,
	CONF_OPTION_HOST, CONF_OPTION_PORT, CONF_OPTION_USER, CONF_OPTION_PASSWORD,
	CONF_OPTION_PASSWORD_FILE, CONF_OPTION_PASSWORD_COMMAND, CONF_OPTION_AUTH,
	CONF_OPTION_INSECURE_AUTH, CONF_OPTION_TLS, CONF_OPTION_TLS_CA_FILE,
	CONF_OPTION_TLS_CA_DIR, CONF_OPTION_TLS_PIN, CONF_OPTION_TLS_MIN_VERSION,
	CONF_OPTION_TLS_CERT_FILE, CONF_OPTION_TLS_KEY_FILE, CONF_OPTION_TLS_SERVER_NAME,
	CONF_OPTION_MAILDIR, CONF_OPTION_MBOX, CONF_OPTION_MDA, CONF_OPTION_MDA_TIMEOUT,
	CONF_OPTION_MDA_JOBS,
	CONF_OPTION_KEEP, CONF_OPTION_STATE, CONF_OPTION_MAX_SIZE, CONF_OPTION_MAX_MESSAGES,
	CONF_OPTION_RECEIVED_HEADER, CONF_OPTION_TIMEOUT, CONF_OPTION_SESSION_TIMEOUT,
	CONF_OPTION_PIPELINING, CONF_OPTION_ENABLED,
	CONF_OPTION_COUNT
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

struct conf_option {
	const char *name;
	bool global, account;	/* may stand outside of sections, inside */
	bool is_list, may_be_empty;
	/* Sets *v (appends, for a list) from the text.  The error's text says only
	 * what is wrong: file, line, account and option are added by the caller. */
	int (*read)(struct confvalue *v, const char *text, struct err *e);
};

extern const struct conf_option conf_option_table[CONF_OPTION_COUNT];

/* By name; NULL when there is none that may stand there. */
const struct conf_option *conf_option_find(const char *name, bool global);
/* Says what an unknown name was probably meant to be.  Returns -1. */
int conf_option_unknown(const char *name, bool global, struct err *e);
void confvalue_free(struct confvalue *v);

#endif
