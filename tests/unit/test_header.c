/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* Header digests, content digests and senders. */
#include "config.h"
#include "message/header.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BODY "\nSubject: in the body\nFrom: body@example.org\n"

static void
digest_split(const char *bytes, size_t size, size_t split, uint8_t *out)
{
	struct header *h = header_new();

	header_add(h, (const uint8_t *)bytes, split);
	header_add(h, (const uint8_t *)bytes + split, size - split);
	header_end(h);
	memcpy(out, header_digest(h), DIGEST_SHA256_SIZE);
	header_free(&h);
}

static void
digest_of(const char *text, uint8_t *out)
{
	digest_split(text, strlen(text), 0, out);
}

static bool
is_same(const char *a, const char *b)
{
	uint8_t x[DIGEST_SHA256_SIZE], y[DIGEST_SHA256_SIZE];

	digest_of(a, x);
	digest_of(b, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

static char *
with_crlf(const char *text)
{
	char *out = calloc(2, strlen(text) + 1), *to = out;

	for (; *text; text++) {
		if (*text == '\n')
			*to++ = '\r';
		*to++ = *text;
	}
	return out;
}

static const char whole[] = "Received: from a\n\tby b;\n  today\n"
			    "Message-ID: <1@example.org>\n"
			    "Date: Sat, 21 Nov 2026 10:00:00 +0000\n"
			    "From: \"A\" <a@example.org>\n"
			    "To: b@example.org,\n c@example.org\n"
			    "Subject:  two   words\n"
			    "X-Other: x\n";

static void
every_split_gives_the_same_digest(void **state)
{
	uint8_t expected[DIGEST_SHA256_SIZE], got[DIGEST_SHA256_SIZE];
	char *crlf = with_crlf(whole);
	size_t i;

	(void)state;
	digest_of(whole, expected);
	for (i = 0; i <= strlen(whole); i++) {
		digest_split(whole, strlen(whole), i, got);
		assert_memory_equal(got, expected, sizeof(got));
	}
	for (i = 0; i <= strlen(crlf); i++) {
		digest_split(crlf, strlen(crlf), i, got);
		assert_memory_equal(got, expected, sizeof(got));
	}
	free(crlf);
}

static void
top_and_retr_give_the_same_digest(void **state)
{
	char *message = malloc(sizeof(whole) + sizeof(BODY)), *crlf;

	(void)state;
	strcat(strcpy(message, whole), BODY);
	crlf = with_crlf(message);
	assert_true(is_same(whole, message));
	assert_true(is_same(whole, crlf));
	strcat(strcpy(message, whole), "\n");
	assert_true(is_same(whole, message));
	/* A header that just ends, even without a line end. */
	message[sizeof(whole) - 2] = '\0';
	assert_true(is_same(whole, message));
	free(message);
	free(crlf);
}

static void
with_message_id_only_the_stable_fields_count(void **state)
{
	(void)state;
	assert_true(is_same("Message-ID: <1>\nSubject: s\n",
			    "X-Added: y\nMESSAGE-ID : <1>\nStatus: RO\n"
			    "Subject:\n s  \n"));
	assert_true(is_same("Message-ID: <1>\nSubject: a b\n",
			    "Message-ID: <1>\nSubject: a\n\t b\n"));
	assert_false(is_same("Message-ID: <1>\nSubject: a b\n",
			     "Message-ID: <1>\nSubject: ab\n"));
	assert_false(is_same("Message-ID: <1>\n", "Message-ID: <2>\n"));
	assert_false(is_same("Message-ID: <1>\nTo: a\n",
			     "Message-ID: <1>\nTo: a\nDate: x\n"));
	assert_false(is_same("Message-ID: <1>\nTo: a\nSubject: b\n",
			     "Message-ID: <1>\nSubject: b\nTo: a\n"));
	assert_false(is_same("Message-ID: <1>\nTo: a\nFrom: b\n",
			     "Message-ID: <1>\nTo: aFrom: b\n"));
}

static void
without_message_id_all_fields_count_but_those_servers_change(void **state)
{
	(void)state;
	assert_true(is_same("X-A: 1\nTo: a\n",
			    "Status: RO\nX-A: 1\nX-UIDL: abc\n  def\n"
			    "To: a\nX-Status: A\nX-Keywords: k\n"));
	assert_false(is_same("X-A: 1\nTo: a\n", "X-A: 2\nTo: a\n"));
	assert_false(is_same("X-A: 1\nTo: a\n", "To: a\n"));
	/* Lines that are no fields. */
	assert_false(is_same("no colon here\n", "another\n"));
	assert_false(is_same("", "a line"));
	assert_true(is_same("a line", "a line\n\nbody"));
}

static void
the_body_never_counts(void **state)
{
	(void)state;
	assert_true(is_same("A: b\n\nbody", "A: b\n\nMessage-ID: <x>\n"));
	assert_true(is_same("\nbody", "\nother"));
	assert_true(is_same("", "\n"));
}

static void
a_header_with_doubled_carriage_returns_ends_at_its_empty_line(void **state)
{
	(void)state;
	assert_true(
		is_same("Message-ID: <1>\r\r\nTo: a\r\r\n\r\r\nSubject: b\n",
			"Message-ID: <1>\r\r\nTo: a\r\r\n\r\r\n"));
	assert_false(is_same("Subject: a\rb\n", "Subject: ab\n"));
}

static void
long_fields_count_to_their_end(void **state)
{
	size_t size = 3 * 1000 * 1000;
	char *a = malloc(size + 40), *b;

	(void)state;
	memset(a, 'x', size + 40);
	memcpy(a, "Message-ID: <1>\nSubject: ", 25);
	strcpy(a + size, "\n");
	b = strdup(a);
	assert_true(is_same(a, b));
	b[size - 1] = 'y';
	assert_false(is_same(a, b));
	/* And a name of megabytes, and a value of blanks. */
	memset(a, 'x', 30);
	memset(b, 'x', 30);
	assert_false(is_same(a, b));
	memcpy(a, "Message-ID: <1>\nSubject: ", 25);
	memset(a + 25, ' ', size - 25);
	assert_true(is_same(a, "Message-ID: <1>\nSubject:\n"));
	free(a);
	free(b);
}

static void
nul_bytes_are_bytes(void **state)
{
	uint8_t a[DIGEST_SHA256_SIZE], b[DIGEST_SHA256_SIZE];

	(void)state;
	digest_split("Subject: a\0b\n", 13, 5, a);
	digest_split("Subject: a\0c\n", 13, 5, b);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void
the_content_digest_is_that_of_all_bytes(void **state)
{
	uint8_t expected[DIGEST_SHA256_SIZE];
	struct header *h = header_new();

	(void)state;
	digest_sha256("A: b\r\n\r\nbody", 12, expected);
	header_add(h, (const uint8_t *)"A: b\r", 5);
	header_add(h, (const uint8_t *)"\n\r\nbody", 7);
	header_end(h);
	assert_memory_equal(header_content_digest(h), expected, 32);
	header_free(&h);
}

static void
one_header_serves_many_messages_also_after_an_unfinished_one(void **state)
{
	uint8_t expected[DIGEST_SHA256_SIZE], content[DIGEST_SHA256_SIZE];
	struct header *h = header_new();
	int i;

	(void)state;
	digest_of("To: a\n\n", expected);
	digest_sha256("To: a\n\n", 7, content);
	for (i = 0; i < 3; i++) {
		header_start(h);
		header_add(h, (const uint8_t *)"Message-ID: <9>\nRetu", 20);
		if (i == 2)
			header_add(h, (const uint8_t *)"\n\nbody", 6);
		if (i == 1)
			header_end(h);
		header_start(h);
		header_add(h, (const uint8_t *)"To: a\n", 6);
		header_add(h, (const uint8_t *)"\n", 1);
		header_end(h);
		assert_memory_equal(header_digest(h), expected, 32);
		assert_memory_equal(header_content_digest(h), content, 32);
		assert_string_equal(header_sender(h), "MAILER-DAEMON");
	}
	header_free(&h);
	header_free(&h);
}

/* --- senders --- */

static const char *const senders[][2] = {
	{ "", "MAILER-DAEMON" },
	{ "Return-Path: <a@example.org>\nFrom: b@example.org\n",
	  "a@example.org" },
	{ "From: b@example.org\nReturn-Path: <a@example.org>\n",
	  "a@example.org" },
	{ "Return-Path: a@example.org\n", "a@example.org" },
	{ "Return-Path: <>\nFrom: b@example.org\n", "MAILER-DAEMON" },
	{ "Return-Path:\nFrom: b@example.org\n", "b@example.org" },
	{ "return-path : < a@example.org >\n", "a@example.org" },
	{ "Return-Path: <@x,@y:a@example.org>\n", "a@example.org" },
	{ "Return-Path: <a@1>\nReturn-Path: <a@2>\n", "a@1" },
	{ "From: A B <a@example.org>\n", "a@example.org" },
	{ "From: \"A <x@y>, B\" <a@example.org>\n", "a@example.org" },
	{ "From: \"A \\\" <x@y>\" <a@example.org>\n", "a@example.org" },
	{ "From: (a comment <x@y> (nested)) a@example.org\n", "a@example.org" },
	{ "From: a@example.org (A (B) \\) C)\n", "a@example.org" },
	{ "From: root (Cron Daemon)\n", "root" },
	{ "From: A <a@example.org>, B <b@example.org>\n", "a@example.org" },
	{ "From: a@example.org, b@example.org\n", "a@example.org" },
	{ "From: A\n B\n\t<a@example.org>\n", "a@example.org" },
	{ "From: <\"a b\"@example.org>\n", "MAILER-DAEMON" },
	{ "From: <\"ab\"@example.org>\n", "\"ab\"@example.org" },
	{ "From: <jane doe@example.org>\n", "MAILER-DAEMON" },
	{ "From: <a@b@c>\n", "MAILER-DAEMON" },
	{ "From: <a\xc3\xa9@example.org>\n", "MAILER-DAEMON" },
	{ "From: <a\x01\x7f@example.org>\n", "MAILER-DAEMON" },
	{ "Return-Path: <m\xc3\xbcller@x>\nFrom: a@b\n", "a@b" },
	{ "From: undisclosed-recipients:;\n", "MAILER-DAEMON" },
	{ "From: list: a@example.org, b@example.org;\n", "a@example.org" },
	{ "From: two words\n", "MAILER-DAEMON" },
	{ "From: <>\n", "MAILER-DAEMON" },
	{ "From: <-oQ/tmp@example.org>\n", "MAILER-DAEMON" },
	{ "Return-Path: <-x@y>\nFrom: a@example.org\n", "a@example.org" },
	{ "Return-Path: <@>\nFrom: a@example.org\n", "a@example.org" },
	{ "Return-Path: <@example.org>\n", "MAILER-DAEMON" },
	{ "Return-Path: <jane@>\n", "MAILER-DAEMON" },
	{ "Return-Path: <@x:@>\n", "MAILER-DAEMON" },
	{ "From: @\n", "MAILER-DAEMON" },
	{ "From: jane@, b@example.org\n", "MAILER-DAEMON" },
	{ "From: Jane (@) <@>\n", "MAILER-DAEMON" },
	{ "From: root\n", "root" },
	{ "From: `id`@example.org\n", "`id`@example.org" },
	{ "From: $(id)@x\n", "$@x" },
	{ "From: <a@example.org\n", "a@example.org" },
	{ "Subject: x\n\nFrom: body@example.org\n", "MAILER-DAEMON" },
	{ "From joe@x Sat Nov 21 10:00:00 2026\nFrom: a@b\n", "a@b" },
	{ "X-From: a@b\nReply-To: c@d\n", "MAILER-DAEMON" }
};

static void
check_sender(const char *header, const char *expected, size_t split)
{
	struct header *h = header_new();
	size_t size = strlen(header);

	header_add(h, (const uint8_t *)header, split);
	header_add(h, (const uint8_t *)header + split, size - split);
	header_add(h, (const uint8_t *)"\n", 1);
	assert_string_equal(header_sender(h), expected);
	header_end(h);
	assert_string_equal(header_sender(h), expected);
	header_free(&h);
}

static void
the_sender_is_the_address_of_return_path_or_from(void **state)
{
	size_t i, split;

	(void)state;
	for (i = 0; i < sizeof(senders) / sizeof(senders[0]); i++)
		for (split = 0; split <= strlen(senders[i][0]); split++)
			check_sender(senders[i][0], senders[i][1], split);
}

static void
an_endless_address_is_no_sender(void **state)
{
	char *header = calloc(1, 200000);

	(void)state;
	strcpy(header, "Return-Path: <");
	memset(header + strlen(header), 'a', 100000);
	strcat(header, ">\nFrom: b@example.org\n");
	check_sender(header, "b@example.org", 1000);
	free(header);
}

static void
the_longest_address_is_one(void **state)
{
	char header[600] = "From: <", address[300] = "";

	(void)state;
	memset(address, 'a', HEADER_SENDER_MAX - 1);
	strcat(strcat(header, address), ">\n");
	check_sender(header, address, 3);
	memset(address, 'a', HEADER_SENDER_MAX);
	strcpy(header, "From: <");
	strcat(strcat(header, address), ">\n");
	check_sender(header, "MAILER-DAEMON", 3);
}

static void
the_header_is_the_same_when_the_content_is_left_out(void **state)
{
	static const uint8_t rest[] = "body\n";
	struct header *h = header_new();
	uint8_t expected[DIGEST_SHA256_SIZE];

	(void)state;
	digest_of(whole, expected);
	header_without_content(h);
	for (int i = 0; i < 2; i++) {
		header_start(h);
		header_add(h, (const uint8_t *)whole, strlen(whole));
		header_add(h, rest, sizeof(rest) - 1);
		header_end(h);
		assert_memory_equal(header_digest(h), expected,
				    DIGEST_SHA256_SIZE);
	}
	header_free(&h);
}

static void
fields_and_words_of_any_length_are_read_alike_in_any_pieces(void **state)
{
	enum { LONGEST = 3000 };
	char text[2 * LONGEST + 64];

	(void)state;
	for (size_t n = 1; n < LONGEST; n += n < 1100 && n > 900 ? 1 : 97) {
		uint8_t a[DIGEST_SHA256_SIZE], b[DIGEST_SHA256_SIZE];
		size_t size = (size_t)sprintf(text, "X: ");

		memset(text + size, 'x', n);
		size += n;
		size += (size_t)sprintf(text + size, " \t y\r\nStatus: R\n");
		memset(text + size, 'n', n);
		size += n;
		size += (size_t)sprintf(text + size, "\n\nbody\n");
		digest_split(text, size, 0, a);
		digest_split(text, size, n + 2, b);
		assert_memory_equal(a, b, sizeof(a));
		digest_split(text, size, n + 4, b);
		assert_memory_equal(a, b, sizeof(a));
	}
}

/* Of those of the message, as they come over the line, with CRLF. */
static int64_t
octets_of(const char *text, size_t split)
{
	struct header *h = header_new();
	char *crlf = with_crlf(text);
	int64_t octets;

	header_add(h, (const uint8_t *)text, split);
	header_add(h, (const uint8_t *)text + split, strlen(text) - split);
	header_end(h);
	octets = header_octets(h, (int64_t)strlen(crlf));
	free(crlf);
	header_free(&h);
	return octets;
}

static void
octets_of_fields_that_servers_change_do_not_count(void **state)
{
	static const char plain[] = "From: a@example.org\nSubject: s\n" BODY;
	static const char changed[] =
		"X-UIDL: 1\nFrom: a@example.org\nStatus: R\n\tO\n"
		"Subject: s\nX-Status: A\n" BODY;
	int64_t expected = octets_of(plain, 0);

	(void)state;
	for (size_t i = 0; i <= strlen(changed); i++)
		assert_true(octets_of(changed, i) == expected);
	assert_true(octets_of("Status: R\n", 0) == 1); /* nothing else */
	assert_true(octets_of("", 0) == 1);
}

static void
assert_text(const char *bytes, enum header_text which, const char *expected)
{
	size_t size = strlen(bytes);

	for (size_t split = 0; split <= size; split++) {
		struct header *h = header_new();
		char text[HEADER_TEXT_MAX];

		header_add(h, (const uint8_t *)bytes, split);
		header_add(h, (const uint8_t *)bytes + split, size - split);
		header_end(h);
		header_text(h, which, text);
		assert_string_equal(text, expected);
		header_free(&h);
	}
}

static void
texts_for_people_are_the_first_of_their_kind_unfolded_and_safe(void **state)
{
	(void)state;
	assert_text("From: \"A\"\r\n\t<a@x>\nFrom: b@x\n\n", HEADER_FROM,
		    "\"A\" <a@x>");
	assert_text("Subject: one\n two \x1b[2J\nSubject: x\n\n",
		    HEADER_SUBJECT, "one two \\x1b[2J");
	assert_text("Date: today\n\nSubject: in the body\n", HEADER_SUBJECT,
		    "");
	assert_text("Date: today\n\n", HEADER_DATE, "today");
}

static void
a_text_without_end_is_cut(void **state)
{
	struct header *h = header_new();
	char text[HEADER_TEXT_MAX];

	(void)state;
	header_add(h, (const uint8_t *)"Subject:", 8);
	for (int i = 0; i < 10000; i++)
		header_add(h, (const uint8_t *)" word", 5);
	header_end(h);
	header_text(h, HEADER_SUBJECT, text);
	assert_in_range(strlen(text), 200, HEADER_TEXT_MAX - 1);
	header_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_header_is_the_same_when_the_content_is_left_out),
		cmocka_unit_test(
			fields_and_words_of_any_length_are_read_alike_in_any_pieces),
		cmocka_unit_test(every_split_gives_the_same_digest),
		cmocka_unit_test(top_and_retr_give_the_same_digest),
		cmocka_unit_test(with_message_id_only_the_stable_fields_count),
		cmocka_unit_test(
			without_message_id_all_fields_count_but_those_servers_change),
		cmocka_unit_test(the_body_never_counts),
		cmocka_unit_test(
			a_header_with_doubled_carriage_returns_ends_at_its_empty_line),
		cmocka_unit_test(long_fields_count_to_their_end),
		cmocka_unit_test(nul_bytes_are_bytes),
		cmocka_unit_test(the_content_digest_is_that_of_all_bytes),
		cmocka_unit_test(
			one_header_serves_many_messages_also_after_an_unfinished_one),
		cmocka_unit_test(
			the_sender_is_the_address_of_return_path_or_from),
		cmocka_unit_test(
			octets_of_fields_that_servers_change_do_not_count),
		cmocka_unit_test(
			texts_for_people_are_the_first_of_their_kind_unfolded_and_safe),
		cmocka_unit_test(a_text_without_end_is_cut),
		cmocka_unit_test(an_endless_address_is_no_sender),
		cmocka_unit_test(the_longest_address_is_one)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
