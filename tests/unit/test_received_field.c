/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "message/received_field.h"

static char *
field_of(const char *host, const char *user, bool encrypted)
{
	return received_field(host, user, encrypted, 1795255200);
}

static void
it_names_the_server_the_protocol_and_the_user(void **state)
{
	char *field = field_of("pop.example.org", "jane@example.org", true);

	(void)state;
	assert_memory_equal(field, "Received: from pop.example.org by ", 34);
	assert_non_null(strstr(field, " with POP3S (popfetch "));
	assert_non_null(strstr(field, ")\n\tfor <jane@example.org>;\n\t"));
	assert_non_null(strstr(field, " Nov 2026 "));
	assert_string_equal(field + strlen(field) - 1, "\n");
	free(field);
}

static void
an_open_connection_is_called_pop3(void **state)
{
	char *field = field_of("127.0.0.1", "jane", false);

	(void)state;
	assert_non_null(strstr(field, " with POP3 (popfetch "));
	free(field);
}

static void
a_user_name_cannot_end_the_field_or_begin_another(void **state)
{
	static const char *const names[] = {
		"jane\nX-Evil: 1", "jane> (x", "jane doe", "j\xc3\xa4ne", "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *field = field_of("pop.example.org", names[i], true);

		assert_null(strstr(field, "for <"));
		assert_null(strstr(field, "Evil"));
		free(field);
	}
}

static void
an_ipv6_address_is_named_as_it_is(void **state)
{
	char *field = field_of("::1", "jane", true);

	(void)state;
	assert_memory_equal(field, "Received: from ::1 by ", 22);
	free(field);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_names_the_server_the_protocol_and_the_user),
		cmocka_unit_test(an_open_connection_is_called_pop3),
		cmocka_unit_test(
			a_user_name_cannot_end_the_field_or_begin_another),
		cmocka_unit_test(an_ipv6_address_is_named_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
