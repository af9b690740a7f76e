/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "message/received_field.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

/* Names come from the configuration and the system, and must not end the
 * field. */
static char *
fit_word(const char *name, const char *otherwise)
{
	static const char unfit[] = "()<>,;:\\\"[]";
	char *word = mem_string(name);
	bool literal = strchr(name, ':');

	for (char *c = word; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f ||
		    (strchr(unfit, *c) && !(literal && *c == ':'))) {
			free(word);
			return mem_string(otherwise);
		}
	if (*word != '\0')
		return word;
	free(word);
	return mem_string(otherwise);
}

char *
received_field(const char *host, const char *user, bool encrypted,
	       int64_t unix_s)
{
	char here[256] = "", date[CLOCK_DATE_MAX];
	char *by, *from, *name, *field, *for_user;

	(void)gethostname(here, sizeof(here) - 1);
	clock_rfc5322(date, sizeof(date), unix_s);
	by = fit_word(here, "localhost");
	from = fit_word(host, "unknown");
	name = fit_word(user, "");
	for_user = *name == '\0' ? mem_string("")
				 : mem_format("\n\tfor <%s>", name);
	field = mem_format("Received: from %s by %s with %s (popfetch %s)%s;"
			   "\n\t%s\n",
			   from, by, encrypted ? "POP3S" : "POP3",
			   PACKAGE_VERSION, for_user, date);
	free(by);
	free(from);
	free(name);
	free(for_user);
	return field;
}
