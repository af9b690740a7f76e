/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * The login methods, one row each.
 */
#include "config.h"

#include "pop3/method.h"

#include <stddef.h>

const struct method method_table[] = {
	[AUTH_AUTO] = { .word = "auto" },
	[AUTH_USER] = { .word = "user" },
	[AUTH_PLAIN] = { .word = "plain",
			 .name = "PLAIN",
			 .step = sasl_plain,
			 .is_whole = true },
	[AUTH_LOGIN] = { .word = "login", .name = "LOGIN", .step = sasl_login },
	[AUTH_APOP] = { .word = "apop", .hides_secret = true },
	/* Exchange Online refuses a token in the AUTH line. */
	[AUTH_XOAUTH2] = { .word = "xoauth2",
			   .name = "XOAUTH2",
			   .step = sasl_xoauth2,
			   .is_oauth = true },
	[AUTH_OAUTHBEARER] = { .word = "oauthbearer",
			       .name = "OAUTHBEARER",
			       .step = sasl_oauthbearer,
			       .is_oauth = true },
	{ .word = NULL },
};

_Static_assert(sizeof(method_table) / sizeof(*method_table) <= METHOD_MAX + 1,
	       "each method is a bit of struct capa");
