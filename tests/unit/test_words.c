/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What the words of a refusal mean. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pop3/words.h"

static enum words_meaning
meaning(const char *text)
{
	return words_meaning((const uint8_t *)text, strlen(text));
}

static void
assert_all(const char *const texts[], enum words_meaning expected)
{
	for (; *texts; texts++)
		if (meaning(*texts) != expected)
			fail_msg("'%s' means %d", *texts, meaning(*texts));
}

static void
trouble_that_passes_is_known_by_its_words(void **state)
{
	static const char *const texts[] = {
		"Exceeded the login limit for a 15 minute period.  Reduce the "
		"frequency of requests to the POP3 server",
		"[SYS/TEMP] Server error - Please try again later.",
		"Server Unavailable. 21",
		"[AUTH] Temporary authentication failure. [mx1:2026-11-30]",
		"[AUTH] login temporarily disabled",
		"account temporarily locked",
		"TOO MANY connections from your IP",
		"Too  many failed logins",
		"maximum connection-limit reached",
		"server is overloaded",
		"Authentication server unreachable",
		"LDAP down, auth backend timeout",
		"can't connect to auth daemon",
		"database error",
		"Proxy error: no backend",
		"Unable to open mailbox",
		"Please login later",
		"Aguarde antes de conectar novamente",
		"login too soon, wait 5 minutes",
		"mailbox conversion in progress",
		"down for maintenance",
		"Please try again",
		"login frequency limited",
		"Ihr Postfach ist vor\xc3\xbc"
		"bergehend gesperrt",
		"Ihr Postfach ist vor\xfc"
		"bergehend gesperrt",
		"voruebergehend nicht erreichbar",
		"Zu viele Anmeldungen",
		"Bitte sp\xc3\xa4ter erneut versuchen",
		"Service temporairement indisponible",
		"trop de connexions",
		"Servizio momentaneamente non disponibile",
		"demasiadas conexiones",
		"\xe7\xb3\xbb\xe7\xbb\x9f\xe7\xb9\x81\xe5\xbf\x99\xef\xbc\x8c"
		"\xe8\xaf\xb7\xe7\xa8\x8d\xe5\x90\x8e\xe5\x86\x8d\xe8\xaf\x95",
		"\xcf\xb5\xcd\xb3\xb7\xb1\xc3\xa6",
		NULL,
	};

	(void)state;
	assert_all(texts, WORDS_TROUBLE);
}

static void
a_wrong_login_is_wrong_however_often_it_was_tried(void **state)
{
	static const char *const texts[] = {
		"[AUTH] Invalid login or password, too many attempts",
		"Logon failure: unknown user name or bad password.",
		"incorrect password, please try again later",
		"Login fail. Account is abnormal, service is not open, password "
		"is incorrect, login frequency limited, or system is busy.",
		"temporary password expired",
		NULL,
	};

	(void)state;
	assert_all(texts, WORDS_WRONG_LOGIN);
}

static void
a_command_that_is_not_known_says_nothing_of_the_password(void **state)
{
	static const char *const texts[] = {
		"Protocol error. Connection is closed. 10",
		"Syntax error",
		"Unknown command.",
		"unrecognised command",
		"Command is not valid in this state.",
		"Invalid base64 data in initial response",
		"too many arguments",
		NULL,
	};

	(void)state;
	assert_all(texts, WORDS_NOT_UNDERSTOOD);
}

static void
a_way_to_log_in_that_is_not_to_be_had_says_nothing_of_it_either(void **state)
{
	static const char *const texts[] = {
		"authentication mechanism not supported",
		"Unsupported authentication mechanism.",
		"[AUTH] Unsupported authentication mechanism.",
		"mechanism not available",
		"Plaintext authentication disallowed on non-secure (SSL/TLS) "
		"connections.",
		"[AUTH] USER command only available under a layer",
		"You must use stronger authentication such as APOP to connect "
		"to this server",
		NULL,
	};

	(void)state;
	assert_all(texts, WORDS_NO_MECHANISM);
}

static void
words_that_are_not_certain_say_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"[AUTH] Authentication failed",
		"Authentication failed, please try again",
		"unlimited access denied",
		"no login for busybody",
		"no login for busy@example.org",
		"no login for <too.busy-bee@example.org>",
		"no login for john.limit",
		"no login for contemporary",
		"account locked",
		"Konto gesperrt",
		"Application-specific password required",
		NULL,
	};

	(void)state;
	assert_all(texts, WORDS_NONE);
}

/* A word that the end of a text cuts is not read beyond it. */
static void
a_text_ends_where_it_ends(void **state)
{
	(void)state;
	for (size_t size = 0; size < strlen("vor\xc3\xbc"
					    "bergehend");
	     size++)
		assert_int_equal(words_meaning((const uint8_t *)"vor\xc3\xbc"
								"bergehend",
					       size),
				 WORDS_NONE);
	assert_int_equal(words_meaning((const uint8_t *)"busybody", 4),
			 WORDS_TROUBLE);
	assert_int_equal(words_meaning((const uint8_t *)"try\0again", 9),
			 WORDS_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trouble_that_passes_is_known_by_its_words),
		cmocka_unit_test(
			a_wrong_login_is_wrong_however_often_it_was_tried),
		cmocka_unit_test(
			a_command_that_is_not_known_says_nothing_of_the_password),
		cmocka_unit_test(
			a_way_to_log_in_that_is_not_to_be_had_says_nothing_of_it_either),
		cmocka_unit_test(words_that_are_not_certain_say_nothing),
		cmocka_unit_test(a_text_ends_where_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
