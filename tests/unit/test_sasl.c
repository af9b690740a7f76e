/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Tests of sasl.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pop3/auth.h"
#include "pop3/sasl.h"

static void
assert_secret(struct secret *s, const void *bytes, size_t size)
{
	assert_non_null(s);
	assert_int_equal(secret_size(s), size);
	assert_memory_equal(secret_bytes(s), bytes, size);
	secret_free(&s);
}

#define assert_message(s, text) assert_secret(s, text, sizeof(text) - 1)

static struct secret *
secret(const char *text)
{
	return secret_new(text, strlen(text));
}

/* What a mechanism answers first. */
static int
start(sasl_step *step, const struct auth_settings *settings,
      struct secret **answer, struct err *e)
{
	struct sasl_exchange x = { .settings = settings };
	struct buf nothing;

	buf_init(&nothing, 0);
	return step(&x, &nothing, answer, e);
}

/* --- messages --- */

/* RFC 4616 section 4 */
static void
plain_is_nul_user_nul_password(void **state)
{
	struct secret *password = secret("tanstaaftanstaaf"), *message;
	struct auth_settings login = { .user = "tim", .secret = password };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(start(sasl_plain, &login, &message, &e), 0);
	assert_message(message, "\0tim\0tanstaaftanstaaf");
	secret_free(&password);
}

static void
plain_takes_parts_of_any_length_and_byte_but_nul(void **state)
{
	char user[256], expected[512];
	struct secret *password, *message;
	struct auth_settings login;
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < 255; i++)
		user[i] = (char)(i + 1);
	user[255] = '\0';
	password = secret_new(user, 255);
	login = (struct auth_settings){ .user = user, .secret = password };
	assert_int_equal(start(sasl_plain, &login, &message, &e), 0);
	expected[0] = '\0';
	memcpy(expected + 1, user, 256);
	memcpy(expected + 257, user, 255);
	assert_secret(message, expected, 512);
	secret_free(&password);

	password = secret_new("", 0);
	login = (struct auth_settings){ .user = "", .secret = password };
	assert_int_equal(start(sasl_plain, &login, &message, &e), 0);
	assert_message(message, "\0\0");
	secret_free(&password);
}

static void
a_nul_in_a_password_or_token_is_refused(void **state)
{
	struct secret *s = secret_new("a\0b", 3), *message = NULL;
	struct auth_settings login = {
		.user = "u", .secret = s, .host = "h", .port = 1
	};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(start(sasl_plain, &login, &message, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	err_clear(&e);
	assert_int_equal(start(sasl_xoauth2, &login, &message, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	err_clear(&e);
	assert_int_equal(start(sasl_oauthbearer, &login, &message, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_null(message);
	secret_free(&s);
}

/* The example of Google's documentation of the mechanism. */
static void
xoauth2_has_the_documented_form(void **state)
{
	struct secret *token = secret("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEu"
				      "Y29tCg"),
		      *message, *encoded;
	struct auth_settings login = { .user = "someuser@example.com",
				       .secret = token };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(start(sasl_xoauth2, &login, &message, &e), 0);
	encoded = secret_base64(secret_bytes(message), secret_size(message));
	assert_message(
		encoded,
		"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYX"
		"JlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0"
		"Q2cBAQ==");
	assert_message(message,
		       "user=someuser@example.com\001auth=Bearer ya29."
		       "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\001\001");
	secret_free(&token);
}

/* RFC 7628 section 4.1 */
static void
oauthbearer_has_the_documented_form(void **state)
{
	struct secret *token = secret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg"
				      "=="),
		      *message, *encoded;
	struct auth_settings login = { .user = "user@example.com",
				       .secret = token,
				       .host = "server.example.com",
				       .port = 143 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(start(sasl_oauthbearer, &login, &message, &e), 0);
	encoded = secret_base64(secret_bytes(message), secret_size(message));
	assert_message(
		encoded,
		"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLm"
		"V4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52"
		"YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB");
	secret_free(&message);
	secret_free(&token);
}

static void
oauthbearer_escapes_commas_and_equal_signs_of_the_user(void **state)
{
	struct secret *token = secret("t"), *message;
	struct auth_settings login = {
		.user = "a,b=c", .secret = token, .host = "h", .port = 995
	};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(start(sasl_oauthbearer, &login, &message, &e), 0);
	assert_message(
		message,
		"n,a=a=2Cb=3Dc,\001host=h\001port=995\001auth=Bearer t\001\001");
	secret_free(&token);
}

/* RFC 1939 section 7 */
static void
apop_computes_the_digest_of_the_standard(void **state)
{
	struct secret *password = secret("tanstaaf");
	struct err e = ERR_INIT;
	char out[33];

	(void)state;
	assert_int_equal(sasl_apop(out, "<1896.697170952@dbc.mtview.ca.us>",
				   password, &e),
			 0);
	assert_string_equal(out, "c4c9334bac560ecc979e58001b3e22fb");
	secret_free(&password);
}

/* --- base64 --- */

static const struct {
	const char *plain, *encoded;
} vectors[] = {
	/* RFC 4648 section 10 */
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\377\377\376\373", "///++w==" },
	{ "Username:", "VXNlcm5hbWU6" },
};

static void
base64_encodes_as_the_standard_says(void **state)
{
	struct secret *s;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		s = secret_base64(vectors[i].plain, strlen(vectors[i].plain));
		assert_secret(s, vectors[i].encoded,
			      strlen(vectors[i].encoded));
	}
}

static void
base64_decodes_as_the_standard_says(void **state)
{
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		buf_init(&out, 100);
		assert_true(buf_byte(&out, '>'));
		assert_true(sasl_decode(vectors[i].encoded,
					strlen(vectors[i].encoded), &out));
		assert_int_equal(out.data[0], '>');
		assert_int_equal(out.len, strlen(vectors[i].plain) + 1);
		assert_memory_equal(out.data + 1, vectors[i].plain,
				    out.len - 1);
		buf_free(&out);
	}
}

static void
what_is_not_base64_is_refused_and_leaves_nothing_behind(void **state)
{
	static const char *const bad[] = {
		"Z",	     "Zg",    "Zg=",	      "Zg===",	  "=",
		"==",	     "===",   "====",	      "Z===",	  "Zm9vZ",
		"Zm9v Zg==", " Zm9v", "Zm9v\n",	      "Zg==Zg==", "Z=g=",
		"Zm=v",	     "=m9v",  "Zm9vZg==Zm9v", "Zm9-",	  "Zm9_",
		"Zm9\200",   "Zm9.",  "Zm9v====",     "*",	  "Zm9v\r\nYmFy"
	};
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		buf_init(&out, 100);
		assert_true(buf_byte(&out, '>'));
		assert_false(sasl_decode(bad[i], strlen(bad[i]), &out));
		assert_int_equal(out.len, 1);
		buf_free(&out);
	}
	buf_init(&out, 100);
	assert_false(sasl_decode("Zm\0v", 4, &out));
	buf_free(&out);
}

static void
decoding_stops_at_the_bound_of_the_buffer(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 5);
	assert_false(sasl_decode("Zm9vYmFy", 8, &out));
	assert_int_equal(out.len, 0);
	assert_true(sasl_decode("Zm9vYmE=", 8, &out));
	assert_int_equal(out.len, 5);
	buf_free(&out);
}

static void
every_length_and_byte_comes_back_from_base64(void **state)
{
	uint8_t bytes[700];
	struct secret *encoded;
	struct buf out;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t size = 0; size <= sizeof(bytes); size++) {
		encoded = secret_base64(bytes, size);
		assert_int_equal(secret_size(encoded), (size + 2) / 3 * 4);
		buf_init(&out, size);
		assert_true(sasl_decode(secret_bytes(encoded),
					secret_size(encoded), &out));
		assert_int_equal(out.len, size);
		if (size > 0)
			assert_memory_equal(out.data, bytes, size);
		buf_free(&out);
		secret_free(&encoded);
	}
}

/* --- OAuth failures --- */

static void
check_failure(const char *json, const char *expected)
{
	char out[300];
	struct buf b;

	buf_init(&b, 10000);
	assert_true(buf_append(&b, json, strlen(json)));
	sasl_oauth_failure(&b, out, sizeof(out));
	assert_string_equal(out, expected);
	buf_free(&b);
}

static void
the_status_of_a_failed_oauth_login_is_shown(void **state)
{
	(void)state;
	check_failure("{\"status\":\"400\",\"schemes\":\"Bearer\",\"scope\":"
		      "\"https://mail.google.com/\"}",
		      "status 400");
	check_failure("{ \"schemes\" : \"Bearer\" ,\r\n\t\"status\" : 401 }",
		      "status 401");
	check_failure("{\"error_description\":\"token \\\"x\\\" is ol\\u0064\","
		      "\"status\":\"invalid_token\"}",
		      "status invalid_token: token \"x\" is old");
}

static void
only_members_of_the_outermost_object_count(void **state)
{
	(void)state;
	check_failure("{\"a\":{\"status\":\"1\"},\"b\":[\"status\",2],"
		      "\"c\":\"status\",\"status\":\"3\"}",
		      "status 3");
	check_failure("[{\"status\":\"1\"}]", "[{\"status\":\"1\"}]");
	check_failure("{\"x\\\"status\":\"1\",\"status\":\"2\"}", "status 2");
}

static void
a_failure_that_is_no_json_is_shown_whole_and_safe(void **state)
{
	(void)state;
	check_failure("", "");
	check_failure("go away", "go away");
	check_failure("\033[2J", "\\x1b[2J");
	check_failure("{\"status\":\"a\\u001b\\n\\u202e\"}",
		      "status a\\x1b\\x0a\\xe2\\x80\\xae");
	check_failure("{\"status\":{}}", "{\"status\":{}}");
}

static void
json_that_is_cut_anywhere_does_no_harm(void **state)
{
	static const char json[] =
		"{\"status\":\"in\\u00e9\\\\v\\/alid\","
		"\"error_description\":\"some\\n words\",\"n\":[1,{}]}";
	char out[20], copy[sizeof(json)];
	struct buf b;

	(void)state;
	for (size_t size = 0; size < sizeof(json); size++) {
		memcpy(copy, json, size);
		buf_init(&b, size);
		assert_true(buf_append(&b, copy, size));
		sasl_oauth_failure(&b, out, sizeof(out));
		assert_true(strlen(out) < sizeof(out));
		buf_free(&b);
	}
}

static void
a_failure_with_long_values_is_cut(void **state)
{
	char json[4000] = "{\"status\":\"", out[100];
	struct buf b;

	(void)state;
	memset(json + 11, 'x', sizeof(json) - 12);
	buf_init(&b, sizeof(json));
	assert_true(buf_append(&b, json, sizeof(json) - 1));
	sasl_oauth_failure(&b, out, sizeof(out));
	assert_int_equal(strlen(out), sizeof(out) - 1);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_is_nul_user_nul_password),
		cmocka_unit_test(
			plain_takes_parts_of_any_length_and_byte_but_nul),
		cmocka_unit_test(a_nul_in_a_password_or_token_is_refused),
		cmocka_unit_test(xoauth2_has_the_documented_form),
		cmocka_unit_test(oauthbearer_has_the_documented_form),
		cmocka_unit_test(
			oauthbearer_escapes_commas_and_equal_signs_of_the_user),
		cmocka_unit_test(apop_computes_the_digest_of_the_standard),
		cmocka_unit_test(base64_encodes_as_the_standard_says),
		cmocka_unit_test(base64_decodes_as_the_standard_says),
		cmocka_unit_test(
			what_is_not_base64_is_refused_and_leaves_nothing_behind),
		cmocka_unit_test(decoding_stops_at_the_bound_of_the_buffer),
		cmocka_unit_test(every_length_and_byte_comes_back_from_base64),
		cmocka_unit_test(the_status_of_a_failed_oauth_login_is_shown),
		cmocka_unit_test(only_members_of_the_outermost_object_count),
		cmocka_unit_test(
			a_failure_that_is_no_json_is_shown_whole_and_safe),
		cmocka_unit_test(json_that_is_cut_anywhere_does_no_harm),
		cmocka_unit_test(a_failure_with_long_values_is_cut),
	};

	return cmocka_run_group_tests_name("sasl", tests, NULL, NULL);
}
