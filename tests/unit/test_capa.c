/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Tests of capa.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pop3/capa.h"
#include "pop3/method.h"

enum {
	PLAIN = 1 << AUTH_PLAIN,
	LOGIN = 1 << AUTH_LOGIN,
	XOAUTH2 = 1 << AUTH_XOAUTH2,
	OAUTHBEARER = 1 << AUTH_OAUTHBEARER
};

static void
line(struct capa *c, const char *text)
{
	capa_line(c, (const uint8_t *)text, strlen(text));
}

static struct capa
learn(const char *const lines[])
{
	struct capa c;

	capa_start(&c);
	for (; *lines; lines++)
		line(&c, *lines);
	return c;
}

static void
nothing_is_known_at_the_start(void **state)
{
	struct capa c;

	(void)state;
	memset(&c, 0xff, sizeof(c));
	capa_start(&c);
	assert_false(c.known);
	assert_false(c.top || c.user || c.uidl || c.stls || c.pipelining);
	assert_false(c.utf8 || c.resp_codes || c.auth_resp_code || c.sasl);
	assert_false(c.varies);
	assert_int_equal(c.mechanisms, 0);
	assert_int_equal(c.expire_days, CAPA_EXPIRE_UNSAID);
	assert_int_equal(c.login_delay_s, 0);
	assert_string_equal(c.implementation, "");
}

static void
what_gmail_says_is_understood(void **state)
{
	const char *const lines[] = { "USER",
				      "RESP-CODES",
				      "EXPIRE 0",
				      "LOGIN-DELAY 300",
				      "TOP",
				      "UIDL",
				      "X-GOOGLE-RICO",
				      "SASL PLAIN XOAUTH2 OAUTHBEARER",
				      NULL };
	struct capa c = learn(lines);

	(void)state;
	assert_true(c.user && c.resp_codes && c.top && c.uidl && c.sasl);
	assert_false(c.pipelining || c.stls || c.auth_resp_code || c.varies);
	assert_int_equal(c.expire_days, 0);
	assert_int_equal(c.login_delay_s, 300);
	assert_int_equal(c.mechanisms, PLAIN | XOAUTH2 | OAUTHBEARER);
}

static void
what_dovecot_says_is_understood(void **state)
{
	const char *const lines[] = {
		"CAPA",	      "TOP",	    "UIDL",
		"RESP-CODES", "PIPELINING", "AUTH-RESP-CODE",
		"STLS",	      "USER",	    "SASL PLAIN LOGIN",
		NULL
	};
	struct capa c = learn(lines);

	(void)state;
	assert_true(c.top && c.uidl && c.resp_codes && c.pipelining);
	assert_true(c.auth_resp_code && c.stls && c.user);
	assert_int_equal(c.mechanisms, PLAIN | LOGIN);
	assert_int_equal(c.expire_days, CAPA_EXPIRE_UNSAID);
}

static void
tags_and_mechanisms_count_in_any_case(void **state)
{
	const char *const lines[] = {
		"top",		"Uidl",		  "StLs",
		"pipelining",	"utf8 user",	  "sasl plain xOAuth2",
		"expire never", "Auth-Resp-Code", NULL
	};
	struct capa c = learn(lines);

	(void)state;
	assert_true(c.top && c.uidl && c.stls && c.pipelining && c.utf8);
	assert_true(c.auth_resp_code && c.resp_codes);
	assert_int_equal(c.mechanisms, PLAIN | XOAUTH2);
	assert_int_equal(c.expire_days, CAPA_EXPIRE_NEVER);
}

static void
unknown_tags_surplus_arguments_and_blanks_change_nothing(void **state)
{
	const char *const lines[] = { "",	   " ",
				      "TOPPER",	   "TO",
				      "X-STLS",	   "STLS-NOT",
				      "\200\377",  "TOP indeed  really",
				      "  UIDL\t ", "\tSASL\t PLAIN  LOGIN \t",
				      NULL };
	struct capa c = learn(lines);

	(void)state;
	assert_true(c.top && c.uidl);
	assert_false(c.stls);
	assert_int_equal(c.mechanisms, PLAIN | LOGIN);
}

static void
only_whole_names_of_mechanisms_count(void **state)
{
	const char *const lines[] = { "SASL PLAINER XPLAIN PLAI X-LOGIN "
				      "SCRAM-SHA-256-PLUS LOGIN2",
				      NULL };
	struct capa c = learn(lines);

	(void)state;
	assert_true(c.sasl);
	assert_int_equal(c.mechanisms, 0);
}

static void
two_hundred_mechanisms_do_not_hide_the_known_one(void **state)
{
	char text[4096] = "SASL";
	struct capa c;

	(void)state;
	for (int i = 0; i < 200; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 " MECH-%d", i);
	strcat(text, " OAUTHBEARER");
	capa_start(&c);
	line(&c, text);
	assert_int_equal(c.mechanisms, OAUTHBEARER);
}

static void
mechanisms_of_several_lines_add_up(void **state)
{
	const char *const lines[] = { "SASL PLAIN", "SASL LOGIN", "SASL",
				      NULL };
	struct capa c = learn(lines);

	(void)state;
	assert_int_equal(c.mechanisms, PLAIN | LOGIN);
}

static void
values_that_differ_between_users_are_asked_again(void **state)
{
	const char *const delay[] = { "LOGIN-DELAY 900 USER", NULL };
	const char *const expire[] = { "EXPIRE 30 user", NULL };
	struct capa c = learn(delay);

	(void)state;
	assert_true(c.varies);
	assert_int_equal(c.login_delay_s, 900);
	c = learn(expire);
	assert_true(c.varies);
	assert_int_equal(c.expire_days, 30);
}

static void
numbers_that_make_no_sense_are_as_if_unsaid(void **state)
{
	static const char *const words[] = { "",
					     "-1",
					     "0x10",
					     "1d",
					     "1.5",
					     "18446744073709551616",
					     "99999999999",
					     "USER" };
	char text[64];
	struct capa c;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		capa_start(&c);
		snprintf(text, sizeof(text), "EXPIRE %s", words[i]);
		line(&c, text);
		snprintf(text, sizeof(text), "LOGIN-DELAY %s", words[i]);
		line(&c, text);
		assert_int_equal(c.expire_days, CAPA_EXPIRE_UNSAID);
		assert_int_equal(c.login_delay_s, 0);
	}
}

static void
the_implementation_is_safe_to_show(void **state)
{
	const char *const lines[] = { "IMPLEMENTATION  Foo\033]0;x\007 v1.2",
				      NULL };
	struct capa c = learn(lines);
	char longer[1000] = "IMPLEMENTATION ";

	(void)state;
	assert_string_equal(c.implementation, "Foo\\x1b]0;x\\x07 v1.2");
	memset(longer + 15, 'a', sizeof(longer) - 16);
	line(&c, longer);
	assert_int_equal(strlen(c.implementation), CAPA_TEXT_MAX - 1);
}

static void
what_is_worth_remembering_is_read_again_as_it_was(void **state)
{
	const char *const lines[] = { "TOP",
				      "USER",
				      "UIDL",
				      "STLS",
				      "PIPELINING",
				      "UTF8",
				      "AUTH-RESP-CODE",
				      "SASL PLAIN XOAUTH2 GSSAPI",
				      "LOGIN-DELAY 900",
				      "EXPIRE 31",
				      "IMPLEMENTATION x",
				      NULL };
	struct capa c = learn(lines), again;
	struct buf text;

	(void)state;
	buf_init(&text, 1024);
	capa_write(&c, &text);
	assert_string_equal(buf_text(&text),
			    "TOP\nUSER\nUIDL\nPIPELINING\nRESP-CODES\n"
			    "AUTH-RESP-CODE\nSASL PLAIN XOAUTH2 GSSAPI\n"
			    "LOGIN-DELAY 900\nEXPIRE 31\n");
	capa_read(&again, buf_text(&text));
	assert_true(again.known && again.top && again.user && again.uidl);
	assert_true(again.pipelining && again.resp_codes &&
		    again.auth_resp_code);
	assert_false(again.stls || again.utf8 || again.varies);
	assert_int_equal(again.mechanisms, PLAIN | XOAUTH2);
	assert_string_equal(again.others, " GSSAPI");
	assert_int_equal(again.login_delay_s, 900);
	assert_int_equal(again.expire_days, 31);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_at_the_start),
		cmocka_unit_test(what_gmail_says_is_understood),
		cmocka_unit_test(what_dovecot_says_is_understood),
		cmocka_unit_test(tags_and_mechanisms_count_in_any_case),
		cmocka_unit_test(
			unknown_tags_surplus_arguments_and_blanks_change_nothing),
		cmocka_unit_test(only_whole_names_of_mechanisms_count),
		cmocka_unit_test(
			two_hundred_mechanisms_do_not_hide_the_known_one),
		cmocka_unit_test(mechanisms_of_several_lines_add_up),
		cmocka_unit_test(
			values_that_differ_between_users_are_asked_again),
		cmocka_unit_test(numbers_that_make_no_sense_are_as_if_unsaid),
		cmocka_unit_test(the_implementation_is_safe_to_show),
		cmocka_unit_test(
			what_is_worth_remembering_is_read_again_as_it_was),
	};

	return cmocka_run_group_tests_name("capa", tests, NULL, NULL);
}
