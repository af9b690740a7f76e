/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What people see: on a terminal, on a pipe, and when they are asked. */
#include "config.h"
#include "cli/progress.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/secret.h"
#include "cli/bar.h"
#include "cli/columns.h"

/* --- a terminal to look at --- */

enum { ROWS_MAX = 200, COLUMNS_MAX = 200 };

/* Just as much of one as is used. */
struct screen {
	int master, slave;
	size_t columns;
	char cells[ROWS_MAX][COLUMNS_MAX + 1];
	size_t row, column;
};

static void
screen_resize(struct screen *s, unsigned short columns, unsigned short rows)
{
	struct winsize size = { .ws_col = columns, .ws_row = rows };

	assert_int_equal(ioctl(s->slave, TIOCSWINSZ, &size), 0);
	s->columns = columns;
}

static struct screen *
screen_new(unsigned short columns, unsigned short rows)
{
	struct screen *s = calloc(1, sizeof(*s));
	size_t i;

	assert_non_null(s);
	assert_int_equal(openpty(&s->master, &s->slave, NULL, NULL, NULL), 0);
	assert_int_equal(fcntl(s->master, F_SETFL, O_NONBLOCK), 0);
	screen_resize(s, columns, rows);
	for (i = 0; i < ROWS_MAX; i++)
		memset(s->cells[i], ' ', COLUMNS_MAX);
	return s;
}

static void
screen_free(struct screen *s)
{
	close(s->master);
	close(s->slave);
	free(s);
}

static void
clear_rest(struct screen *s)
{
	memset(s->cells[s->row] + s->column, ' ', COLUMNS_MAX - s->column);
}

/* Returns how many bytes the sequence behind ESC has. */
static size_t
screen_control(struct screen *s, const char *p)
{
	char *end;
	unsigned long n = strtoul(p + 1, &end, 10);
	size_t i;

	assert_int_equal(*p, '[');
	if (*end == 'A') {
		assert_true(n > 0 && n <= s->row);
		s->row -= n;
	} else if (*end == 'K') {
		clear_rest(s);
	} else {
		assert_int_equal(*end, 'J');
		clear_rest(s);
		for (i = s->row + 1; i < ROWS_MAX; i++)
			memset(s->cells[i], ' ', COLUMNS_MAX);
	}
	return (size_t)(end + 1 - p);
}

static void
screen_put(struct screen *s, char c)
{
	if (((unsigned char)c & 0xc0) == 0x80)
		return; /* the rest of a character */
	assert_true((unsigned char)c >= 0x20);
	s->cells[s->row][s->column++] = c;
	/* nothing may ever reach the last column */
	assert_true(s->column < s->columns);
}

static void
screen_take(struct screen *s, const char *p)
{
	while (*p) {
		if (*p == '\033') {
			p++;
			p += screen_control(s, p);
		} else if (*p == '\r') {
			s->column = 0;
			p++;
		} else if (*p == '\n') {
			assert_true(++s->row < ROWS_MAX);
			p++;
		} else {
			screen_put(s, *p++);
		}
	}
}

/* Takes in all that was written; returns how many bytes that was. */
static size_t
screen_look(struct screen *s)
{
	static char bytes[1 << 16];
	size_t size = 0;
	ssize_t got;

	while ((got = read(s->master, bytes + size, sizeof(bytes) - 1 - size)) >
	       0)
		size += (size_t)got;
	bytes[size] = '\0';
	screen_take(s, bytes);
	return size;
}

/* The row without the blanks at its end. */
static void
assert_row(struct screen *s, size_t row, const char *expected)
{
	char text[COLUMNS_MAX + 1];
	size_t size = COLUMNS_MAX;

	while (size > 0 && s->cells[row][size - 1] == ' ')
		size--;
	memcpy(text, s->cells[row], size);
	text[size] = '\0';
	assert_string_equal(text, expected);
}

static struct progress *
on(int lines_fd, int bars_fd, int64_t delay_ms)
{
	const struct progress_place place = { lines_fd, bars_fd, delay_ms };

	return progress_new(&place);
}

static struct progress *
on_screen(const struct screen *s)
{
	setenv("TERM", "xterm", 1);
	return on(s->slave, s->slave, 0);
}

static void
update(struct progress *p, size_t slot, uint64_t messages, uint64_t total,
       uint64_t bytes, uint64_t bytes_total)
{
	struct progress_state state = { .messages = messages,
					.messages_total = total,
					.bytes = bytes,
					.bytes_total = bytes_total,
					.phase = "fetching" };

	progress_update(p, slot, &state);
}

static void
phase(struct progress *p, size_t slot, const char *text)
{
	struct progress_state state = { .phase = text };

	progress_update(p, slot, &state);
}

/* --- bars on a terminal --- */

static void
each_account_has_a_bar_below_all_lines(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p = on_screen(s);

	(void)state;
	progress_begin(p, 7, "work");
	phase(p, 7, "connecting");
	progress_begin(p, 3, "home-and-garden");
	update(p, 3, 5, 10, 1 << 20, 0);
	assert_int_equal(screen_look(s), 0);
	progress_tick(p, 1000);
	screen_look(s);
	assert_row(s, 0, "work             connecting");
	assert_row(s, 1,
		   "home-and-garden   5/10   50%                   1.0 MiB  "
		   "[##########-----------]");
	progress_line(p, "work: 3 new messages");
	assert_int_equal(screen_look(s), 0);
	progress_tick(p, 1100);
	screen_look(s);
	assert_row(s, 0, "work: 3 new messages");
	assert_row(s, 1, "work             connecting");
	assert_row(s, 3, "");
	progress_end(p, 3);
	progress_tick(p, 2000);
	screen_look(s);
	assert_row(s, 1, "work  connecting");
	assert_row(s, 2, "");
	assert_int_equal(s->row, 2);
	progress_free(&p);
	assert_null(p);
	screen_look(s);
	assert_row(s, 0, "work: 3 new messages");
	assert_row(s, 1, "");
	assert_int_equal(s->row, 1);
	assert_int_equal(s->column, 0);
	screen_free(s);
}

static void
the_columns_of_all_bars_stand_below_each_other(void **state)
{
	struct screen *s = screen_new(60, 24);
	struct progress *p = on_screen(s);

	(void)state;
	progress_begin(p, 0, "home");
	update(p, 0, 5, 9, 9, 0);
	progress_begin(p, 1, "w");
	update(p, 1, 5, 1000, 9, 0);
	progress_begin(p, 2, "new");
	phase(p, 2, "connecting");
	progress_tick(p, 0);
	screen_look(s);
	assert_row(
		s, 0,
		"home        5/9   55%                [###########---------]");
	assert_row(
		s, 1,
		"w        5/1000    0%                [--------------------]");
	assert_row(s, 2, "new   connecting");
	progress_free(&p);
	screen_free(s);
}

static void
bars_are_drawn_ten_times_a_second_at_most(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p = on_screen(s);

	(void)state;
	assert_true(progress_tick(p, 1000) == CLOCK_NEVER);
	progress_begin(p, 0, "work");
	assert_true(progress_tick(p, 1000) == CLOCK_NEVER);
	assert_true(screen_look(s) > 0);
	assert_true(progress_tick(p, 5000) == CLOCK_NEVER);
	assert_int_equal(screen_look(s), 0);
	phase(p, 0, "one");
	assert_true(progress_tick(p, 1001) == 1100);
	phase(p, 0, "two");
	assert_true(progress_tick(p, 1099) == 1100);
	assert_int_equal(screen_look(s), 0);
	assert_true(progress_tick(p, 1100) == CLOCK_NEVER);
	screen_look(s);
	assert_row(s, 0, "work  two");
	progress_free(&p);
	screen_free(s);
}

static void
the_rate_follows_and_sinks_when_nothing_comes(void **state)
{
	struct screen *s = screen_new(100, 24);
	struct progress *p = on_screen(s);
	int64_t next;
	int i;

	(void)state;
	progress_begin(p, 0, "w");
	update(p, 0, 0, 4, 0, 4 << 20);
	assert_true(progress_tick(p, 0) == CLOCK_NEVER);
	update(p, 0, 1, 4, 1 << 20, 4 << 20);
	assert_true(progress_tick(p, 500) == 1500);
	screen_look(s);
	assert_row(s, 0,
		   "w  1/4   25%     0:02 left     1.0 MiB     2.0 MiB/s  "
		   "[##########------------------------------]");
	update(p, 0, 4, 4, 4 << 20, 4 << 20);
	assert_true(progress_tick(p, 1500) == 2500);
	screen_look(s);
	assert_row(s, 0,
		   "w  4/4  100%                   4.0 MiB     2.5 MiB/s  "
		   "[########################################]");
	for (i = 0, next = 2500; next != CLOCK_NEVER; i++)
		next = progress_tick(p, next);
	assert_true(i >= 10 && i <= 40);
	screen_look(s);
	assert_row(s, 0,
		   "w  4/4  100%                   4.0 MiB                "
		   "[########################################]");
	progress_free(&p);
	screen_free(s);
}

static void
the_time_left_is_shown_while_something_comes(void **state)
{
	struct screen *s = screen_new(50, 24);
	struct progress *p = on_screen(s);
	int64_t now;

	(void)state;
	progress_begin(p, 0, "w");
	update(p, 0, 0, 100, 0, 100 << 20);
	progress_tick(p, 0);
	screen_look(s);
	assert_row(s, 0, "w    0/100    0%                [---------------]");
	update(p, 0, 1, 100, 1 << 20, 100 << 20);
	progress_tick(p, 10000);
	screen_look(s);
	assert_row(s, 0, "w    1/100    1%    16:31 left  [---------------]");
	update(p, 0, 2, 100, 2 << 19, 100 << 20);
	progress_tick(p, 100 * 1000);
	screen_look(s);
	assert_row(s, 0, "w    2/100    1%  2:45:01 left  [---------------]");
	for (now = 101 * 1000; now != CLOCK_NEVER;)
		now = progress_tick(p, now);
	screen_look(s);
	assert_row(s, 0, "w    2/100    1%                [---------------]");
	progress_free(&p);
	screen_free(s);
}

static void
a_bar_that_is_delayed_comes_when_it_is_time(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p;

	(void)state;
	setenv("TERM", "xterm", 1);
	p = on(s->slave, s->slave, 1000);
	assert_true(progress_tick(p, 0) == CLOCK_NEVER);
	progress_begin(p, 0, "work");
	assert_true(progress_tick(p, 5000) == 6000);
	update(p, 0, 0, 100, 0, 100 << 20);
	assert_true(progress_tick(p, 5100) == 6000);
	progress_line(p, "one");
	screen_look(s);
	assert_row(s, 0, "one");
	assert_row(s, 1, "");
	update(p, 0, 10, 100, 10 << 20, 100 << 20);
	assert_true(progress_tick(p, 6000) == 7000);
	screen_look(s);
	/* what came in the meantime counts */
	assert_non_null(strstr(s->cells[1], "10%     0:09 left"));
	progress_free(&p);
	screen_look(s);
	assert_row(s, 1, "");
	screen_free(s);
}

static void
what_ends_before_a_bar_is_due_leaves_no_trace(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p;

	(void)state;
	setenv("TERM", "xterm", 1);
	p = on(s->slave, s->slave, 1000);
	progress_begin(p, 0, "work");
	progress_tick(p, 5000);
	progress_end(p, 0);
	progress_tick(p, 5999);
	progress_free(&p);
	assert_int_equal(screen_look(s), 0);
	screen_free(s);
}

static void
a_run_that_was_stopped_draws_below_what_others_wrote(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p = on_screen(s);

	(void)state;
	progress_begin(p, 0, "work");
	progress_tick(p, 0);
	screen_look(s);
	assert_int_equal(write(s->slave, "$ fg\r\n", 6), 6);
	assert_int_equal(raise(SIGCONT), 0);
	assert_true(progress_tick(p, 1000) == CLOCK_NEVER);
	screen_look(s);
	assert_row(s, 1, "$ fg");
	assert_row(s, 2, "work");
	progress_free(&p);
	screen_look(s);
	assert_row(s, 2, "");
	assert_int_equal(s->row, 2);
	screen_free(s);
}

static void
columns_are_never_fewer_than_on_a_terminal(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
	} table[] = { { "", 0 },
		      { "b\303\274ro", 4 },
		      { "\340\270\201", 1 },	   /* Thai */
		      { "\341\204\200", 2 },	   /* Hangul */
		      { "\341\271\203", 1 },	   /* m with a dot below */
		      { "\342\200\231", 1 },	   /* a quotation mark */
		      { "\346\227\245", 2 },	   /* Han */
		      { "\360\237\230\200", 2 } }; /* an emoji */

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(columns_of(table[i].text), table[i].columns);
}

static void
a_text_is_cut_between_characters(void **state)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *cut;
	} table[] = {
		{ "Monday", 6, "Monday" },
		{ "Monday", 5, "Mo..." },
		{ "Monday", 4, "M..." },
		{ "Monday", 3, "Mon" },
		{ "Monday", 0, "" },
		{ "\346\227\245\346\227\245\346\227\245", 6,
		  "\346\227\245\346\227\245\346\227\245" },
		{ "\346\227\245\346\227\245\346\227\245", 5,
		  "\346\227\245..." },
		{ "\346\227\245\346\227\245\346\227\245", 4, "..." },
		{ "\346\227\245\346\227\245\346\227\245", 1, "" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strcpy(text, table[i].text);
		columns_cut(text, table[i].columns);
		assert_string_equal(text, table[i].cut);
	}
}

/* Whatever the width, a line never reaches the last column (screen_put), and name and
 * count are the last to go. */
static void
bars_fit_every_width(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p = on_screen(s);
	unsigned short columns;
	char start[16];

	(void)state;
	progress_begin(p, 0, "a-very-long-name-of-an-account-indeed");
	progress_begin(p, 1, "b\303\274ro");
	for (columns = 2; columns < 180; columns++) {
		screen_resize(s, columns, 24);
		update(p, 0, 3, 123456, 1 << 30, 1U << 31);
		update(p, 1, 3, 5, 1 << 30, 0);
		/* lines are drawn anew, not where the wider ones were */
		progress_tick(p, columns * 1000);
		assert_true(screen_look(s) > 0);
		if (columns < 60)
			continue;
		memcpy(start, s->cells[s->row - 2], 15);
		start[15] = '\0';
		assert_string_equal(start, "a-very-long-nam");
		assert_non_null(strstr(s->cells[s->row - 2], "     3/123456"));
	}
	progress_free(&p);
	screen_free(s);
}

static void
more_bars_than_rows_are_summed_up(void **state)
{
	struct screen *s = screen_new(80, 5);
	struct progress *p = on_screen(s);
	char name[8];
	size_t i;

	(void)state;
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "a%zu", i);
		progress_begin(p, i, name);
	}
	progress_tick(p, 0);
	screen_look(s);
	assert_row(s, 2, "a2");
	assert_row(s, 3, "... and 7 more");
	assert_row(s, 4, "");
	assert_int_equal(s->row, 4);
	for (i = 0; i < 6; i++)
		progress_end(p, i);
	progress_tick(p, 1000);
	screen_look(s);
	assert_row(s, 0, "a6");
	assert_row(s, 3, "a9");
	progress_free(&p);
	screen_free(s);
}

static void
a_terminal_that_became_narrower_is_cleared(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p = on_screen(s);
	char bytes[4096] = "";

	(void)state;
	progress_begin(p, 0, "w");
	update(p, 0, 1, 2, 1, 2);
	progress_tick(p, 0);
	screen_look(s);
	/* its 73 columns take three rows of 30 now */
	screen_resize(s, 30, 24);
	update(p, 0, 2, 2, 2, 2);
	progress_tick(p, 1000);
	assert_true(read(s->master, bytes, sizeof(bytes) - 1) > 0);
	assert_memory_equal(bytes, "\r\033[3A", 5);
	progress_free(&p);
	screen_free(s);
}

static void
foreign_bytes_do_no_harm(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p = on_screen(s);

	(void)state;
	progress_begin(p, 0, "a\033[2Jb");
	phase(p, 0, "\007x");
	progress_tick(p, 0);
	progress_line(p, "evil \033]0;t\007 line\nsecond");
	progress_tick(p, 100);
	screen_look(s);
	assert_row(s, 0, "evil \\x1b]0;t\\x07 line\\x0asecond");
	assert_row(s, 1, "a\\x1b[2Jb  \\x07x");
	progress_free(&p);
	screen_free(s);
}

static void
a_gauge_is_never_more_than_full(void **state)
{
	struct progress_state over = { .messages = 9,
				       .messages_total = 3,
				       .bytes = UINT64_MAX,
				       .bytes_total = 1 };
	struct bar_layout layout = { .columns = 60, .name = 1, .count = 3 };
	struct pace pace = { .rate = UINT64_MAX, .left_s = INT64_MAX };
	char text[BAR_TEXT_MAX];
	size_t columns;

	(void)state;
	bar_format(text, &layout, "w", &over, &pace);
	columns = columns_of(text);
	assert_true(columns >= 40 && columns <= 60);
	assert_null(strchr(text, '-'));
	assert_int_equal(text[strlen(text) - 1], ']');
}

/* --- no terminal, or one that cannot --- */

/* What is written to a pipe while `use` runs. */
static void
on_pipe(void (*use)(struct progress *p), char *out, size_t size)
{
	struct progress *p;
	ssize_t got;
	int fds[2];

	setenv("TERM", "xterm", 1);
	assert_int_equal(pipe(fds), 0);
	p = on(fds[1], fds[1], 0);
	use(p);
	progress_free(&p);
	close(fds[1]);
	got = read(fds[0], out, size - 1);
	assert_true(got >= 0);
	out[got] = '\0';
	close(fds[0]);
}

static void
use_all(struct progress *p)
{
	progress_begin(p, 0, "work");
	update(p, 0, 1, 2, 3, 4);
	assert_true(progress_tick(p, 1000) == CLOCK_NEVER);
	progress_line(p, "work: 1 message");
	progress_end(p, 0);
	progress_line(p, "tab\tand \377");
	assert_true(progress_tick(p, 2000) == CLOCK_NEVER);
}

static void
a_pipe_gets_lines_alone(void **state)
{
	char out[256];

	(void)state;
	on_pipe(use_all, out, sizeof(out));
	assert_string_equal(out, "work: 1 message\ntab\\x09and \\xff\n");
}

static void
a_dumb_or_unwanted_terminal_gets_lines_alone(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p;

	(void)state;
	setenv("TERM", "dumb", 1);
	p = on(s->slave, s->slave, 0);
	use_all(p);
	progress_free(&p);
	unsetenv("TERM");
	p = on(s->slave, s->slave, 0);
	use_all(p);
	progress_free(&p);
	setenv("TERM", "xterm", 1);
	p = on(s->slave, -1, 0);
	use_all(p);
	progress_free(&p);
	screen_look(s);
	assert_row(s, 4, "work: 1 message");
	assert_row(s, 6, "");
	screen_free(s);
}

/* --- errors --- */

static void
errors_go_to_standard_error(void **state)
{
	struct screen *s = screen_new(80, 24);
	struct progress *p = on_screen(s);
	int saved = dup(STDERR_FILENO), fds[2];
	char out[64] = "";

	(void)state;
	assert_int_equal(pipe(fds), 0);
	progress_begin(p, 0, "work");
	progress_tick(p, 0);
	screen_look(s);
	fflush(stderr);
	dup2(fds[1], STDERR_FILENO);
	progress_error(p, "popfetch: work: bad");
	dup2(saved, STDERR_FILENO);
	assert_true(read(fds[0], out, sizeof(out) - 1) > 0);
	assert_string_equal(out, "popfetch: work: bad\n");
	assert_int_equal(screen_look(s), 0);

	/* on the same terminal it stands above the bars */
	dup2(s->slave, STDERR_FILENO);
	progress_error(p, "popfetch: work: worse");
	dup2(saved, STDERR_FILENO);
	screen_look(s);
	assert_row(s, 0, "popfetch: work: worse");
	assert_row(s, 1, "");
	assert_true(progress_tick(p, 100) == CLOCK_NEVER);
	screen_look(s);
	assert_row(s, 1, "work");
	assert_row(s, 2, "");
	progress_free(&p);
	close(fds[0]);
	close(fds[1]);
	close(saved);
	screen_free(s);
}

/* --- questions --- */

enum { SAID_NOTHING = 10, SAID_RIGHT, SAID_WRONG, ECHO_OFF };

/* The child's part: asks on its terminal, and exits with what came of it. */
static void
ask_and_exit(void)
{
	struct secret *answer = NULL;
	struct termios mode;
	bool done =
		progress_ask(NULL, "Password\a: ", false, CLOCK_NEVER, &answer);
	int status = SAID_NOTHING;

	if (done)
		status = strcmp((const char *)secret_bytes(answer),
				"open sesame") == 0
				 ? SAID_RIGHT
				 : SAID_WRONG;
	secret_free(&answer);
	if (tcgetattr(STDIN_FILENO, &mode) != 0 || !(mode.c_lflag & ECHO))
		status = ECHO_OFF;
	_exit(status);
}

/* Reads until the text was seen; all that was read is appended to `seen`. */
static void
wait_for(int fd, char *seen, size_t size, const char *text)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char *from = seen + strlen(seen);
	ssize_t got;
	size_t len;

	while (!strstr(from, text)) {
		assert_int_equal(poll(&poll_fd, 1, 20000), 1);
		len = strlen(seen);
		got = read(fd, seen + len, size - 1 - len);
		assert_true(got > 0);
		seen[len + (size_t)got] = '\0';
	}
}

static int
wait_for_end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Types this at the prompt and returns the child's wait status. */
static int
answer_with(const char *typed, char *seen, size_t size)
{
	int master, status;
	pid_t pid = forkpty(&master, NULL, NULL, NULL);

	assert_true(pid >= 0);
	if (pid == 0)
		ask_and_exit();
	seen[0] = '\0';
	wait_for(master, seen, size, "Password\\x07: ");
	assert_int_equal(write(master, typed, strlen(typed)), strlen(typed));
	wait_for(master, seen, size, "\n");
	status = wait_for_end(pid);
	close(master);
	return status;
}

static void
an_answer_is_not_echoed(void **state)
{
	char seen[1024];
	int status = answer_with("open sesame\n", seen, sizeof(seen));

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SAID_RIGHT);
	assert_string_equal(seen, "Password\\x07: \r\n");
}

static void
an_empty_line_or_the_end_is_no_answer(void **state)
{
	char seen[1024];
	int status = answer_with("\n", seen, sizeof(seen));

	(void)state;
	assert_int_equal(WEXITSTATUS(status), SAID_NOTHING);
	status = answer_with("\004", seen, sizeof(seen));
	assert_int_equal(WEXITSTATUS(status), SAID_NOTHING);
}

static void
a_question_ends_when_it_is_too_late(void **state)
{
	enum { PATIENCE_MS = 300 };
	struct secret *answer = NULL;
	int master;
	pid_t pid = forkpty(&master, NULL, NULL, NULL);

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(20); /* else it would ask for ever */
		_exit(progress_ask(NULL, "Sure? ", true,
				   clock_deadline(PATIENCE_MS), &answer));
	}
	assert_int_equal(wait_for_end(pid), 0);
	close(master);
}

/* What login_tty does. */
static bool
become_terminal(int fd)
{
	return setsid() > 0 && ioctl(fd, TIOCSCTTY, 0) == 0 &&
	       dup2(fd, STDIN_FILENO) >= 0;
}

static void
an_interrupt_ends_the_program_with_the_echo_on(void **state)
{
	char seen[1024] = "";
	struct termios mode;
	int master, slave, status;
	pid_t pid;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	pid = fork();
	if (pid == 0) {
		close(master);
		/* what runs in the background may have it ignored */
		(void)signal(SIGINT, SIG_DFL);
		if (become_terminal(slave))
			ask_and_exit();
		_exit(1);
	}
	wait_for(master, seen, sizeof(seen), "Password");
	assert_int_equal(tcgetattr(slave, &mode), 0);
	assert_false(mode.c_lflag & ECHO);
	assert_int_equal(write(master, "open\003", 5), 5);
	status = wait_for_end(pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	assert_int_equal(tcgetattr(slave, &mode), 0);
	assert_true(mode.c_lflag & ECHO);
	close(master);
	close(slave);
}

static volatile sig_atomic_t interrupts;

static void
count_interrupt(int number)
{
	(void)number;
	interrupts++;
}

/* As the parent has it: blocked, with a handler that is let in while it waits. */
static void
ask_with_blocked_signals(void)
{
	struct sigaction action = { .sa_handler = count_interrupt };
	struct secret *answer = NULL;
	sigset_t set;
	bool done;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	done = progress_ask(NULL, "Password\a: ", false, CLOCK_NEVER, &answer);
	if (done || interrupts != 0)
		_exit(1);
	sigemptyset(&set);
	sigsuspend(&set);
	_exit(interrupts == 1 ? 42 : 2);
}

static void
a_stop_request_is_not_lost(void **state)
{
	char seen[1024] = "";
	int master, status;
	pid_t pid = forkpty(&master, NULL, NULL, NULL);

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		ask_with_blocked_signals();
	wait_for(master, seen, sizeof(seen), "Password");
	assert_int_equal(kill(pid, SIGTERM), 0);
	status = wait_for_end(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	close(master);
}

static void
nobody_is_asked_without_a_terminal(void **state)
{
	pid_t pid = fork();
	struct secret *answer = NULL;
	int status;

	(void)state;
	if (pid == 0) {
		setsid();
		_exit(progress_ask(NULL, "Password: ", false, CLOCK_NEVER,
				   &answer) ||
		      answer);
	}
	status = wait_for_end(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_account_has_a_bar_below_all_lines),
		cmocka_unit_test(
			the_columns_of_all_bars_stand_below_each_other),
		cmocka_unit_test(bars_are_drawn_ten_times_a_second_at_most),
		cmocka_unit_test(the_rate_follows_and_sinks_when_nothing_comes),
		cmocka_unit_test(the_time_left_is_shown_while_something_comes),
		cmocka_unit_test(a_bar_that_is_delayed_comes_when_it_is_time),
		cmocka_unit_test(what_ends_before_a_bar_is_due_leaves_no_trace),
		cmocka_unit_test(
			a_run_that_was_stopped_draws_below_what_others_wrote),
		cmocka_unit_test(columns_are_never_fewer_than_on_a_terminal),
		cmocka_unit_test(a_text_is_cut_between_characters),
		cmocka_unit_test(bars_fit_every_width),
		cmocka_unit_test(more_bars_than_rows_are_summed_up),
		cmocka_unit_test(a_terminal_that_became_narrower_is_cleared),
		cmocka_unit_test(foreign_bytes_do_no_harm),
		cmocka_unit_test(a_gauge_is_never_more_than_full),
		cmocka_unit_test(a_pipe_gets_lines_alone),
		cmocka_unit_test(a_dumb_or_unwanted_terminal_gets_lines_alone),
		cmocka_unit_test(errors_go_to_standard_error),
		cmocka_unit_test(an_answer_is_not_echoed),
		cmocka_unit_test(an_empty_line_or_the_end_is_no_answer),
		cmocka_unit_test(a_question_ends_when_it_is_too_late),
		cmocka_unit_test(
			an_interrupt_ends_the_program_with_the_echo_on),
		cmocka_unit_test(a_stop_request_is_not_lost),
		cmocka_unit_test(nobody_is_asked_without_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
