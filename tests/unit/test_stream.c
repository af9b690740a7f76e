/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "net/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fake_transport.h"
#include "net/socket.h"

enum { LONG_MS = 20000, SHORT_MS = 30 };

struct fixture {
	struct fake *fake;
	struct stream *s;
	struct err e;
};

static void
begin_with(struct fixture *x, int64_t timeout_ms, int64_t end)
{
	*x = (struct fixture){ .fake = fake_new() };
	stream_new(&x->s, fake_transport(x->fake), timeout_ms, end);
}

static void
begin(struct fixture *x)
{
	begin_with(x, LONG_MS, CLOCK_NEVER);
}

static void
finish(struct fixture *x)
{
	stream_free(&x->s);
	assert_null(x->s);
	assert_true(fake_is_freed(x->fake));
	fake_free(x->fake);
}

static void
expect_line(struct fixture *x, const void *text, size_t length)
{
	const uint8_t *line;
	size_t size;

	if (stream_line(x->s, 1000, &line, &size, &x->e) != 0)
		fail_msg("%s", x->e.text);
	assert_int_equal(size, length);
	assert_memory_equal(line, text, length);
}

#define expect_text(x, text) expect_line(x, text, sizeof(text) - 1)

static void
expect_line_error(struct fixture *x, size_t max, enum err_kind kind,
		  const char *text)
{
	const uint8_t *line;
	size_t size;

	assert_int_equal(stream_line(x->s, max, &line, &size, &x->e), -1);
	assert_int_equal(x->e.kind, kind);
	assert_string_equal(x->e.text, text);
}

static const char script[] = "+OK ready\r\n"
			     "bare\n"
			     "\r\n"
			     "\n"
			     "cr\rinside\r\r\n"
			     "nul\0and\xff\r\n"
			     "last\r\n";

static void
expect_script(struct fixture *x)
{
	expect_text(x, "+OK ready");
	expect_text(x, "bare");
	expect_text(x, "");
	expect_text(x, "");
	expect_text(x, "cr\rinside\r");
	expect_text(x, "nul\0and\xff");
	expect_text(x, "last");
}

static void
lines_are_the_same_wherever_the_input_is_split(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < sizeof(script); cut++) {
		struct fixture x;

		begin(&x);
		fake_input(x.fake, script, sizeof(script) - 1);
		fake_cut(x.fake, cut);
		expect_script(&x);
		finish(&x);
	}
	for (size_t n = 1; n < 5; n++) {
		struct fixture x;

		begin(&x);
		fake_input(x.fake, script, sizeof(script) - 1);
		fake_dribble(x.fake, n);
		expect_script(&x);
		finish(&x);
	}
}

static void
a_line_of_just_the_maximum_is_taken_and_one_byte_more_is_not(void **state)
{
	static const char *const ends[] = { "\r\n", "\n" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct fixture x;
		const uint8_t *line;
		size_t size;

		begin(&x);
		fake_dribble(x.fake, i < 2 ? 1 : 0);
		fake_input_text(x.fake, "12345678");
		fake_input_text(x.fake, ends[i % 2]);
		fake_input_text(x.fake, "123456789");
		fake_input_text(x.fake, ends[i % 2]);
		assert_int_equal(stream_line(x.s, 8, &line, &size, &x.e), 0);
		assert_int_equal(size, 8);
		expect_line_error(&x, 8, ERR_PROTOCOL,
				  "line of more than 8 bytes from server");
		finish(&x);
	}
}

static void
an_endless_line_is_refused_as_soon_as_it_is_too_long(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	fake_dribble(x.fake, 1);
	fake_input_text(x.fake, "123456789 and no more");
	expect_line_error(&x, 8, ERR_PROTOCOL,
			  "line of more than 8 bytes from server");
	finish(&x);
}

static void
lines_come_out_whole_from_a_flood_larger_than_the_buffer(void **state)
{
	struct fixture x;
	char line[64];

	(void)state;
	begin(&x);
	fake_dribble(x.fake, 16384);
	for (int i = 0; i < 40000; i++) {
		snprintf(line, sizeof(line), "%d uid-of-message-%d\r\n", i, i);
		fake_input_text(x.fake, line);
	}
	for (int i = 0; i < 40000; i++) {
		int length = snprintf(line, sizeof(line),
				      "%d uid-of-message-%d", i, i);

		expect_line(&x, line, (size_t)length);
	}
	finish(&x);
}

static void
the_longest_line_that_the_buffer_allows_passes(void **state)
{
	enum { LONGEST = STREAM_INPUT_SIZE - 2 };
	struct fixture x;
	char *text = mem_alloc(LONGEST);
	const uint8_t *line;
	size_t size;

	(void)state;
	memset(text, 'x', LONGEST);
	begin(&x);
	fake_input_text(x.fake, "short\r\n");
	fake_input(x.fake, text, LONGEST);
	fake_input_text(x.fake, "\r\nnext\r\n");
	expect_text(&x, "short");
	assert_int_equal(stream_line(x.s, LONGEST, &line, &size, &x.e), 0);
	assert_int_equal(size, LONGEST);
	assert_memory_equal(line, text, LONGEST);
	expect_text(&x, "next");
	free(text);
	finish(&x);
}

static void
what_came_before_the_end_is_read_and_then_the_end_is_an_error(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	fake_input_text(x.fake, "one\r\ntw");
	fake_end(x.fake);
	expect_text(&x, "one");
	expect_line_error(&x, 1000, ERR_NETWORK, "connection closed by server");
	finish(&x);
}

static void
what_came_before_a_connection_error_is_read_too(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	fake_input_text(x.fake, "one\r\n");
	fake_break(x.fake);
	expect_text(&x, "one");
	expect_line_error(&x, 1000, ERR_NETWORK, "line cut by the test");
	finish(&x);
}

static void
the_last_words_of_a_server_that_hung_up_are_read(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	fake_input_text(x.fake, "-ERR too many errors\r\n");
	fake_end(x.fake);
	fake_refuse(x.fake);
	stream_queue(x.s, "NOOP\r\n", 6);
	assert_int_equal(stream_push(x.s, &x.e), 0);
	expect_text(&x, "-ERR too many errors");
	assert_int_equal(stream_push(x.s, &x.e), -1);
	assert_string_equal(x.e.text, "connection closed by server");
	finish(&x);
}

static void
a_failed_write_to_a_server_that_says_nothing_is_an_error(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	fake_refuse(x.fake);
	stream_queue(x.s, "NOOP\r\n", 6);
	assert_int_equal(stream_push(x.s, &x.e), -1);
	assert_int_equal(x.e.kind, ERR_NETWORK);
	assert_string_equal(x.e.text, "write refused by the test");
	finish(&x);
}

static void
a_silent_server_ends_in_a_time_out(void **state)
{
	struct fixture x;
	int64_t start = clock_ms();

	(void)state;
	begin_with(&x, 1000, CLOCK_NEVER);
	fake_input_text(x.fake, "+OK and then");
	expect_line_error(&x, 1000, ERR_NETWORK,
			  "no answer from server for 1 second");
	assert_true(clock_ms() - start >= 1000);
	finish(&x);
}

static void
a_server_that_goes_on_talking_is_not_silent(void **state)
{
	struct fixture x;
	int64_t start = clock_ms();
	size_t have = 0;

	(void)state;
	begin_with(&x, 200, CLOCK_NEVER);
	while (clock_ms() - start < 500) {
		fake_input_text(x.fake, "x");
		assert_int_equal(stream_fill(x.s, have, &x.e), 0);
		stream_unread(x.s, &have);
		/* Less than the silence that is allowed, but not nothing. */
		usleep(20000);
	}
	finish(&x);
}

static void
the_session_ends_on_time_though_the_server_goes_on_talking(void **state)
{
	struct fixture x;
	int result;

	(void)state;
	begin_with(&x, LONG_MS, clock_deadline(SHORT_MS));
	do {
		fake_input_text(x.fake, "more and more\r\n");
		result = stream_fill(x.s, 0, &x.e);
		if (result == 0) {
			size_t size;

			stream_unread(x.s, &size);
			stream_consume(x.s, size);
		}
	} while (result == 0);
	assert_int_equal(x.e.kind, ERR_NETWORK);
	assert_string_equal(x.e.text, "session_timeout reached");
	finish(&x);
}

static void
the_session_ends_on_time_while_waiting(void **state)
{
	struct fixture x;
	bool ready;

	(void)state;
	begin_with(&x, LONG_MS, clock_deadline(SHORT_MS));
	assert_int_equal(stream_fill(x.s, 0, &x.e), -1);
	assert_string_equal(x.e.text, "session_timeout reached");
	assert_int_equal(stream_wait(x.s, -1, CLOCK_NEVER, &ready, &x.e), -1);
	assert_string_equal(x.e.text, "session_timeout reached");
	finish(&x);
}

static void
queued_commands_go_out_in_order_while_waiting_for_a_reply(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	fake_reply(x.fake, "STAT\r\n", "+OK 1 2\r\n");
	fake_reply(x.fake, "UIDL\r\n", "+OK\r\n.\r\n");
	stream_queue(x.s, "STAT\r\n", 6);
	stream_queue(x.s, "UIDL\r\n", 6);
	assert_int_equal(stream_queued(x.s), 12);
	expect_text(&x, "+OK 1 2");
	assert_int_equal(stream_queued(x.s), 0);
	expect_text(&x, "+OK");
	expect_text(&x, ".");
	assert_string_equal(fake_output(x.fake, NULL), "STAT\r\nUIDL\r\n");
	finish(&x);
}

static void
nothing_is_written_before_a_push_or_a_wait(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	stream_queue(x.s, "QUIT\r\n", 6);
	assert_string_equal(fake_output(x.fake, NULL), "");
	assert_int_equal(stream_push(x.s, &x.e), 0);
	assert_string_equal(fake_output(x.fake, NULL), "QUIT\r\n");
	finish(&x);
}

static void
a_queue_that_goes_out_in_pieces_arrives_whole(void **state)
{
	enum { SIZE = 700 * 1000 };
	struct fixture x;
	char *sent = mem_alloc(2 * SIZE);
	size_t size;

	(void)state;
	for (size_t i = 0; i < 2 * SIZE; i++)
		sent[i] = (char)(i * 7919 >> 8);
	begin(&x);
	stream_queue(x.s, sent, SIZE);
	fake_allow(x.fake, SIZE - 1000);
	assert_int_equal(stream_push(x.s, &x.e), 0);
	assert_int_equal(stream_queued(x.s), 1000);
	/* No room for it behind the first half: the rest has to move. */
	stream_queue(x.s, sent + SIZE, SIZE);
	while (stream_queued(x.s) > 0) {
		fake_allow(x.fake, 12345);
		assert_int_equal(stream_push(x.s, &x.e), 0);
	}
	assert_memory_equal(fake_output(x.fake, &size), sent, 2 * SIZE);
	assert_int_equal(size, 2 * SIZE);
	free(sent);
	finish(&x);
}

static void
pull_does_not_wait(void **state)
{
	struct fixture x;
	bool more = true;
	size_t size;

	(void)state;
	begin(&x);
	assert_int_equal(stream_pull(x.s, &more, &x.e), 0);
	assert_false(more);
	fake_input_text(x.fake, "now");
	assert_int_equal(stream_pull(x.s, &more, &x.e), 0);
	assert_true(more);
	assert_memory_equal(stream_unread(x.s, &size), "now", 3);
	assert_int_equal(size, 3);
	fake_end(x.fake);
	assert_int_equal(stream_pull(x.s, &more, &x.e), -1);
	assert_int_equal(x.e.kind, ERR_NETWORK);
	assert_string_equal(x.e.text, "connection closed by server");
	finish(&x);
}

static void
fill_waits_for_more_than_the_caller_has(void **state)
{
	struct fixture x;
	size_t size;

	(void)state;
	begin(&x);
	fake_input_text(x.fake, "abcdef");
	fake_cut(x.fake, 2);
	assert_int_equal(stream_fill(x.s, 0, &x.e), 0);
	stream_unread(x.s, &size);
	assert_int_equal(size, 2);
	assert_int_equal(stream_fill(x.s, 1, &x.e), 0);
	assert_int_equal(stream_fill(x.s, 2, &x.e), 0);
	assert_memory_equal(stream_unread(x.s, &size), "abcdef", 6);
	assert_int_equal(size, 6);
	finish(&x);
}

static void
consumed_bytes_are_gone_and_lines_go_on_behind_them(void **state)
{
	struct fixture x;

	(void)state;
	begin(&x);
	fake_input_text(x.fake, "body bytesone\r\ntwo\r\n");
	assert_int_equal(stream_fill(x.s, 0, &x.e), 0);
	stream_consume(x.s, 10);
	expect_text(&x, "one");
	stream_consume(x.s, 1);
	expect_text(&x, "wo");
	finish(&x);
}

static void
wait_tells_which_side_has_something(void **state)
{
	struct fixture x;
	int link[2];
	bool ready;
	size_t size;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, link), 0);
	begin(&x);
	assert_int_equal(stream_wait(x.s, link[0], clock_ms() - 1, &ready,
				     &x.e),
			 0);
	assert_false(ready);
	assert_int_equal(write(link[1], "!", 1), 1);
	assert_int_equal(stream_wait(x.s, link[0], CLOCK_NEVER, &ready, &x.e),
			 0);
	assert_true(ready);
	stream_unread(x.s, &size);
	assert_int_equal(size, 0);

	fake_input_text(x.fake, "+OK\r\n");
	assert_int_equal(stream_wait(x.s, link[0], CLOCK_NEVER, &ready, &x.e),
			 0);
	assert_true(ready);
	stream_unread(x.s, &size);
	assert_int_equal(size, 5);

	assert_int_equal(read(link[0], &(char){ 0 }, 1), 1);
	assert_int_equal(stream_wait(x.s, link[0], CLOCK_NEVER, &ready, &x.e),
			 0);
	assert_false(ready);
	stream_consume(x.s, 5);

	close(link[1]);
	assert_int_equal(stream_wait(x.s, link[0], CLOCK_NEVER, &ready, &x.e),
			 0);
	assert_true(ready);
	close(link[0]);
	finish(&x);
}

static void
wait_ends_at_its_time_and_sends_meanwhile(void **state)
{
	struct fixture x;
	int64_t until = clock_deadline(SHORT_MS);
	bool ready;

	(void)state;
	begin(&x);
	stream_queue(x.s, "NOOP\r\n", 6);
	assert_int_equal(stream_wait(x.s, -1, until, &ready, &x.e), 0);
	assert_true(clock_ms() >= until);
	assert_false(ready);
	assert_string_equal(fake_output(x.fake, NULL), "NOOP\r\n");
	finish(&x);
}

static void
wait_leaves_the_end_of_the_stream_to_the_next_read(void **state)
{
	struct fixture x;
	bool ready;

	(void)state;
	begin(&x);
	fake_end(x.fake);
	for (int i = 0; i < 3; i++)
		assert_int_equal(stream_wait(x.s, -1, CLOCK_NEVER, &ready,
					     &x.e),
				 0);
	assert_int_equal(stream_fill(x.s, 0, &x.e), -1);
	assert_string_equal(x.e.text, "connection closed by server");
	finish(&x);
}

static void
a_released_transport_is_usable_and_the_stream_is_gone(void **state)
{
	struct fixture x;
	struct transport *t = NULL;

	(void)state;
	begin(&x);
	fake_reply(x.fake, "STLS\r\n", "+OK\r\n");
	stream_queue(x.s, "STLS\r\n", 6);
	expect_text(&x, "+OK");
	assert_int_equal(stream_release(&x.s, &t, &x.e), 0);
	assert_null(x.s);
	assert_ptr_equal(t, fake_transport(x.fake));
	assert_false(fake_is_freed(x.fake));
	stream_free(&x.s);
	fake_free(x.fake);
}

static void
bytes_behind_the_reply_to_stls_are_an_injection(void **state)
{
	(void)state;
	/* Read along with the reply, or still on their way. */
	for (int later = 0; later < 2; later++) {
		struct fixture x;
		struct transport *t = NULL;

		begin(&x);
		fake_input_text(x.fake, "+OK begin\r\n+OK injected\r\n");
		if (later)
			fake_cut(x.fake, 11);
		expect_text(&x, "+OK begin");
		if (later)
			fake_cut(x.fake, 0);
		assert_int_equal(stream_release(&x.s, &t, &x.e), -1);
		assert_int_equal(x.e.kind, ERR_PROTOCOL);
		assert_string_equal(x.e.text, "unexpected bytes from server "
					      "before the TLS handshake");
		assert_null(t);
		assert_non_null(x.s);
		finish(&x);
	}
}

static void
a_command_that_was_not_sent_prevents_the_release(void **state)
{
	struct fixture x;
	struct transport *t = NULL;

	(void)state;
	begin(&x);
	fake_allow(x.fake, 0);
	stream_queue(x.s, "CAPA\r\n", 6);
	assert_int_equal(stream_release(&x.s, &t, &x.e), -1);
	assert_int_equal(x.e.kind, ERR_PROTOCOL);
	finish(&x);
}

/* A server on a real socket that reads no further command before its reply to
 * the one before has been taken. */
static void
both_directions_full_do_not_block_each_other(void **state)
{
	enum { COMMANDS = 1000 * 1000, BLOCK = 1000 };
	int pair[2];
	struct stream *s;
	struct err e = ERR_INIT;
	size_t taken = 0, size;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char block[BLOCK];

		close(pair[0]);
		for (size_t i = 0; i < COMMANDS / BLOCK; i++)
			if (recv(pair[1], block, BLOCK, MSG_WAITALL) != BLOCK ||
			    send(pair[1], block, BLOCK, MSG_NOSIGNAL) != BLOCK)
				_exit(1);
		_exit(0);
	}
	close(pair[1]);
	stream_new(&s, socket_transport(pair[0]), LONG_MS, CLOCK_NEVER);
	for (size_t i = 0; i < COMMANDS / 10; i++)
		stream_queue(s, "NOOP 1234\n", 10);
	while (taken < COMMANDS) {
		if (stream_fill(s, 0, &e) != 0)
			fail_msg("%s", e.text);
		stream_unread(s, &size);
		stream_consume(s, size);
		taken += size;
	}
	stream_free(&s);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A stream over TCP, its socket (the stream's), and its server's end. */
static int
connect_stream(struct stream **s, int *fd)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int here = socket(AF_INET, SOCK_STREAM, 0), there;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size),
			 0);
	assert_int_equal(connect(here, (struct sockaddr *)&at, size), 0);
	there = accept(listener, NULL, NULL);
	assert_true(there >= 0);
	close(listener);
	stream_new(s, socket_transport(here), LONG_MS, CLOCK_NEVER);
	*fd = here;
	return there;
}

/* It is there before it is read, so that nothing is waited for. */
static void
answer(struct stream *s, int fd, int there, size_t size)
{
	char *bytes = mem_alloc(size);
	struct err e = ERR_INIT;
	int come = 0;
	size_t unread;

	assert_int_equal(write(there, bytes, size), size);
	free(bytes);
	while ((size_t)come < size)
		assert_int_equal(ioctl(fd, FIONREAD, &come), 0);
	for (; size > 0; size -= unread) {
		if (stream_fill(s, 0, &e) != 0)
			fail_msg("%s", e.text);
		stream_unread(s, &unread);
		stream_consume(s, unread);
	}
}

/* So many bytes wake a wait. */
static int
wakes_for(int fd)
{
	int bytes;
	socklen_t size = sizeof(bytes);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, &size),
			 0);
	return bytes;
}

/* Looks at the socket too, but is over at once. */
static void
wait_a_moment(struct stream *s, int readable)
{
	struct err e = ERR_INIT;
	bool ready;

	assert_int_equal(stream_wait(s, readable, CLOCK_NEVER, &ready, &e), 0);
	assert_true(ready);
}

static void
records_of_a_long_answer_gather_until_it_ends(void **state)
{
	enum { PIECE = 16 * 1024, PIECES = 20 };
	struct stream *s;
	struct err e = ERR_INIT;
	int fd, there = connect_stream(&s, &fd);
	int readable = open("/dev/zero", O_RDONLY);
	bool ready;

	(void)state;
	answer(s, fd, there, PIECE);
	wait_a_moment(s, readable);
	assert_int_equal(wakes_for(fd), 1);
	for (int i = 0; i < PIECES; i++)
		answer(s, fd, there, PIECE);
	wait_a_moment(s, readable);
	assert_true(wakes_for(fd) > PIECE);
	/* a new command, whose answer may be short */
	stream_queue(s, "NOOP\r\n", 6);
	answer(s, fd, there, 5);
	wait_a_moment(s, readable);
	assert_int_equal(wakes_for(fd), 1);
	for (int i = 0; i < PIECES; i++)
		answer(s, fd, there, PIECE);
	wait_a_moment(s, readable);
	assert_true(wakes_for(fd) > PIECE);
	/* nothing comes */
	assert_int_equal(stream_wait(s, -1, clock_deadline(50), &ready, &e), 0);
	assert_int_equal(wakes_for(fd), 1);
	close(readable);
	close(there);
	stream_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			lines_are_the_same_wherever_the_input_is_split),
		cmocka_unit_test(
			a_line_of_just_the_maximum_is_taken_and_one_byte_more_is_not),
		cmocka_unit_test(
			an_endless_line_is_refused_as_soon_as_it_is_too_long),
		cmocka_unit_test(
			lines_come_out_whole_from_a_flood_larger_than_the_buffer),
		cmocka_unit_test(
			the_longest_line_that_the_buffer_allows_passes),
		cmocka_unit_test(
			what_came_before_the_end_is_read_and_then_the_end_is_an_error),
		cmocka_unit_test(
			what_came_before_a_connection_error_is_read_too),
		cmocka_unit_test(
			the_last_words_of_a_server_that_hung_up_are_read),
		cmocka_unit_test(
			a_failed_write_to_a_server_that_says_nothing_is_an_error),
		cmocka_unit_test(a_silent_server_ends_in_a_time_out),
		cmocka_unit_test(a_server_that_goes_on_talking_is_not_silent),
		cmocka_unit_test(
			the_session_ends_on_time_though_the_server_goes_on_talking),
		cmocka_unit_test(the_session_ends_on_time_while_waiting),
		cmocka_unit_test(
			queued_commands_go_out_in_order_while_waiting_for_a_reply),
		cmocka_unit_test(nothing_is_written_before_a_push_or_a_wait),
		cmocka_unit_test(a_queue_that_goes_out_in_pieces_arrives_whole),
		cmocka_unit_test(pull_does_not_wait),
		cmocka_unit_test(fill_waits_for_more_than_the_caller_has),
		cmocka_unit_test(
			consumed_bytes_are_gone_and_lines_go_on_behind_them),
		cmocka_unit_test(wait_tells_which_side_has_something),
		cmocka_unit_test(wait_ends_at_its_time_and_sends_meanwhile),
		cmocka_unit_test(
			wait_leaves_the_end_of_the_stream_to_the_next_read),
		cmocka_unit_test(
			a_released_transport_is_usable_and_the_stream_is_gone),
		cmocka_unit_test(
			bytes_behind_the_reply_to_stls_are_an_injection),
		cmocka_unit_test(
			a_command_that_was_not_sent_prevents_the_release),
		cmocka_unit_test(both_directions_full_do_not_block_each_other),
		cmocka_unit_test(records_of_a_long_answer_gather_until_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
