/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What both processes of an account know about its server.  Plain data, owned
 * by the account; strings are never NULL.
 */
#ifndef LINK_SERVER_H
#define LINK_SERVER_H

#include <stdbool.h>
#include <stdint.h>

enum server_tls { SERVER_TLS_IMPLICIT, SERVER_TLS_STARTTLS, SERVER_TLS_OFF };

struct server {
	char *host; /* a name without a dot at its end, or an address without
		       brackets */
	uint16_t port;
	enum server_tls tls;
	char *user;
	int64_t timeout_ms; /* the longest silence */
	int64_t session_timeout_ms;
};

#endif
