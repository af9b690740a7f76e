/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What RETR brings: how it is delivered, and what is known already. */
#include "config.h"

#include "keeper/incoming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "keeper/removal.h"
#include "phase_fetch.h"
#include "scratch.h"

#define FROM   "From jane@example.org Mon Jan  1 00:00:00 2024\n"
#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"
#define MAIL   HEADER ".\n..\nFrom here\n\nto there\n"

/* --- what is delivered --- */

/* Calls for each file in new/. */
static void
read_mails(struct scene *x,
	   void (*each)(const char *text, const char *expected),
	   const char *expected)
{
	char *dir = mem_format("%s/new", x->maildir);
	struct scratch_names names = scratch_list(dir);

	for (size_t i = 0; i < names.count; i++) {
		char *path = scratch_path(dir, names.list[i]);
		char *text = scratch_read(path, NULL);

		each(text, expected);
		free(text);
		free(path);
	}
	scratch_names_free(&names);
	free(dir);
}

static void
is_this(const char *text, const char *expected)
{
	assert_string_equal(text, expected);
}

static void
is_this_behind_received(const char *text, const char *expected)
{
	size_t size = strlen(text), rest = strlen(expected);

	assert_true(size > rest);
	assert_string_equal(text + size - rest, expected);
	assert_int_equal(strncmp(text, "Received: from pop.example.org ", 31),
			 0);
	/* nothing stands between */
	assert_int_equal(text[size - rest - 1], '\n');
	assert_null(strstr(text, "\nFrom jane"));
}

static void
answer_chunk(struct scene *x, uint32_t number, const char *text, size_t size)
{
	char *part = mem_format("%.*s", (int)size, text);

	scene_answer(x, LINK_CHUNK, number, 0, part);
	free(part);
}

/* As many messages as the text has bytes: each is cut somewhere else, the last
 * one everywhere. */
static void
fetch_cut(struct scene *x, const char *text)
{
	size_t size = strlen(text);
	uint32_t number;
	char uid[16];

	for (number = 1; number <= size; number++) {
		(void)snprintf(uid, sizeof(uid), "uid%u", number);
		scene_list(x, uid, fetch_octets(text));
		if (number < size) {
			answer_chunk(x, number, text, number);
			answer_chunk(x, number, text + number, size - number);
		} else {
			for (size_t i = 0; i < size; i++)
				answer_chunk(x, number, text + i, 1);
		}
		scene_message(x, number, "", fetch_octets(text));
	}
	scene_mailbox(x);
	if (fetch_run(x) != 0)
		fail_msg("%s", x->e.text);
	assert_int_equal(scene_delivered(x), size);
}

static void
a_message_that_is_cut_anywhere_arrives_whole(void **state)
{
	struct scene *x = *state;

	fetch_cut(x, MAIL);
	read_mails(x, is_this, MAIL);
}

static void
the_from_line_before_a_message_is_left_out_wherever_it_is_cut(void **state)
{
	struct scene *x = *state;

	fetch_cut(x, FROM MAIL);
	read_mails(x, is_this, MAIL);
}

static void
a_received_field_comes_right_before_the_message(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.received_header = true;
	fetch_cut(x, FROM MAIL);
	read_mails(x, is_this_behind_received, MAIL);
}

static void
a_message_of_nothing_is_delivered_too(void **state)
{
	struct scene *x = *state;

	fetch_offer(x, 1, "a", "");
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(scene_delivered(x), 1);
	read_mails(x, is_this, "");
}

static void
what_only_begins_like_a_from_line_is_delivered(void **state)
{
	struct scene *x = *state;

	fetch_cut(x, ">Fro");
	read_mails(x, is_this, ">Fro");
}

/* --- what is recorded, and known again --- */

enum whole { OF_HEADER, OF_ALL };

static void
digest(const char *text, enum whole whole, uint8_t out[DIGEST_SHA256_SIZE])
{
	struct header *h = header_new();

	header_start(h);
	header_add(h, (const uint8_t *)text, strlen(text));
	header_end(h);
	memcpy(out,
	       whole == OF_ALL ? header_content_digest(h) : header_digest(h),
	       DIGEST_SHA256_SIZE);
	header_free(&h);
}

static void
assert_digest(struct scene *x, int64_t row, const char *text, enum whole whole)
{
	uint8_t stored[DIGEST_SHA256_SIZE], expected[DIGEST_SHA256_SIZE];
	bool found;

	digest(text, whole, expected);
	assert_int_equal(store_digest(x->session.store, row, &found, stored,
				      &x->e),
			 0);
	assert_true(found);
	assert_memory_equal(stored, expected, sizeof(expected));
}

/* A row of a time when the server had no UIDL: delivered, or set aside and due.
 * Its id. */
static int64_t
row_without_uid(struct scene *x, const char *text, bool is_delivered)
{
	uint8_t of_all[DIGEST_SHA256_SIZE];
	struct store_message m = { .size = fetch_octets(text),
				   .digest = of_all };
	struct store *s = x->session.store;
	int64_t id = 0;

	digest(text, OF_ALL, of_all);
	assert_int_equal(store_begin(s, STORE_DURABLE, &x->e), 0);
	assert_int_equal(store_set_aside(s, &id, &m, x->session.now,
					 "it was refused", &x->e),
			 0);
	if (is_delivered)
		assert_int_equal(store_set_delivered(s, id, x->session.now - 1,
						     &x->e),
				 0);
	assert_int_equal(store_commit(s, &x->e), 0);
	return id;
}

/* Another session: the same message, listed with this uid. */
static void
come_again(struct scene *x, const char *uid, const char *text)
{
	mailbox_free(&x->session.mailbox);
	listing_free(&x->listing);
	fetch_offer(x, 1, uid, text);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
}

static void
a_row_has_the_digest_of_the_header_and_the_octets_that_stay(void **state)
{
	struct scene *x = *state;
	struct store_row row;

	fetch_offer(x, 1, "a", "Status: RO\n" MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	row = fetch_row(x, "a");
	assert_int_equal(row.size, fetch_octets("Status: RO\n" MAIL));
	assert_int_equal(row.octets, fetch_octets(MAIL));
	assert_digest(x, row.id, MAIL, OF_HEADER);
}

static void
a_message_without_uid_that_is_known_is_not_delivered_again(void **state)
{
	struct scene *x = *state;
	struct retrieve r;

	row_without_uid(x, MAIL, true);
	fetch_offer(x, 1, "", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_begin(x, &r), 0);
	assert_true(retrieve_saw_contents(&r));
	retrieve_close(&r);
	assert_int_equal(scene_delivered(x), 0);
	assert_int_equal(scene_row_count(x), 1);
}

static void
a_message_without_uid_that_is_known_is_deleted_if_it_is_not_kept(void **state)
{
	struct scene *x = *state;

	x->keeper_settings.rules.keep_s = 0;
	row_without_uid(x, MAIL, true);
	fetch_offer(x, 1, "", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(removal_run(&x->session, &x->e), 0);
	scene_assert_asked(x, "RETR 1, DELE 1");
	assert_int_equal(scene_delivered(x), 0);
}

static void
two_equal_ones_without_uid_of_one_session_are_two(void **state)
{
	struct scene *x = *state;
	struct retrieve r;

	fetch_offer(x, 1, "", MAIL);
	fetch_offer(x, 2, "", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_begin(x, &r), 0);
	assert_true(retrieve_saw_contents(&r));
	retrieve_close(&r);
	assert_int_equal(scene_delivered(x), 2);
	assert_int_equal(scene_row_count(x), 2);
}

static void
of_equal_ones_without_uid_each_row_stands_for_one(void **state)
{
	struct scene *x = *state;

	row_without_uid(x, MAIL, true);
	row_without_uid(x, MAIL, true);
	fetch_offer(x, 1, "", MAIL);
	fetch_offer(x, 2, "", MAIL);
	fetch_offer(x, 3, "", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(scene_delivered(x), 1);
	assert_int_equal(scene_row_count(x), 3);
}

static void
what_came_before_there_were_uids_is_known_by_its_content(void **state)
{
	struct scene *x = *state;

	row_without_uid(x, MAIL, true);
	fetch_offer(x, 1, "a", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(scene_delivered(x), 0);
}

static void
what_was_set_aside_before_there_were_uids_comes_once(void **state)
{
	struct scene *x = *state;
	int64_t id = row_without_uid(x, MAIL, false);

	fetch_offer(x, 1, "a", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(scene_row_now(x, id).status, STORE_DELIVERED);
	assert_digest(x, id, MAIL, OF_ALL);
	come_again(x, "a", MAIL);
	come_again(x, "", MAIL);
	assert_int_equal(scene_delivered(x), 1);
	assert_int_equal(scene_row_count(x), 1);
}

static void
what_all_fetches_again_keeps_the_digest_of_the_whole_message(void **state)
{
	struct scene *x = *state;
	int64_t id = row_without_uid(x, MAIL, true);

	x->settings.all = true;
	fetch_offer(x, 1, "a", MAIL);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	assert_int_equal(scene_delivered(x), 1);
	assert_digest(x, id, MAIL, OF_ALL);
	x->settings.all = false;
	come_again(x, "a", MAIL);
	assert_int_equal(scene_delivered(x), 1);
}

/* Its uid was given to a message that failed, too, and it is listed with the
 * size of that one. */
static void
one_that_its_header_and_octets_show_to_be_known_is_not_delivered(void **state)
{
	struct scene *x = *state;

	scene_row(x, "a", 500, HEADER, fetch_octets(MAIL), 1);
	fetch_set_aside(x, "a", 10, 1);
	scene_list(x, "a", 10);
	scene_message(x, 1, MAIL, -1);
	scene_mailbox(x);
	assert_int_equal(fetch_run(x), 0);
	scene_assert_asked(x, "RETR 1");
	assert_int_equal(scene_delivered(x), 0);
	assert_true(mailbox_is(x->session.mailbox, 0, MAILBOX_PROVEN));
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_that_is_cut_anywhere_arrives_whole),
		TEST(the_from_line_before_a_message_is_left_out_wherever_it_is_cut),
		TEST(a_received_field_comes_right_before_the_message),
		TEST(a_message_of_nothing_is_delivered_too),
		TEST(what_only_begins_like_a_from_line_is_delivered),
		TEST(a_row_has_the_digest_of_the_header_and_the_octets_that_stay),
		TEST(a_message_without_uid_that_is_known_is_not_delivered_again),
		TEST(a_message_without_uid_that_is_known_is_deleted_if_it_is_not_kept),
		TEST(two_equal_ones_without_uid_of_one_session_are_two),
		TEST(of_equal_ones_without_uid_each_row_stands_for_one),
		TEST(what_came_before_there_were_uids_is_known_by_its_content),
		TEST(what_was_set_aside_before_there_were_uids_comes_once),
		TEST(what_all_fetches_again_keeps_the_digest_of_the_whole_message),
		TEST(one_that_its_header_and_octets_show_to_be_known_is_not_delivered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
