/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The terminal's size, and a question on the controlling terminal. */
#include "config.h"

#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "sys/fs.h"

enum { COLUMNS = 80, ROWS = 24, ANSWER_MAX = 64 * 1024, READ_MAX = 4096 };

bool
terminal_can_draw(int fd)
{
	const char *term = getenv("TERM");

	return term && *term && strcmp(term, "dumb") != 0 && isatty(fd);
}

bool
terminal_is_ours(int fd)
{
	pid_t group = tcgetpgrp(fd);

	return group < 0 || group == getpgrp();
}

static volatile sig_atomic_t continued;

/* The handler of SIGCONT from terminal_watch on. */
static void
note_continued(int number)
{
	(void)number;
	continued = 1;
}

void
terminal_watch(void)
{
	struct sigaction action = { .sa_handler = note_continued };

	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGCONT, &action, NULL);
}

bool
terminal_was_left(void)
{
	bool was_left = continued;

	continued = 0;
	return was_left;
}

void
terminal_size(int fd, size_t *columns, size_t *rows)
{
	struct winsize size = { .ws_col = 0 };

	if (ioctl(fd, TIOCGWINSZ, &size) != 0)
		size.ws_col = size.ws_row = 0;
	*columns = size.ws_col ? size.ws_col : COLUMNS;
	*rows = size.ws_row ? size.ws_row : ROWS;
}

/* --- signals while the echo is off --- */

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
enum { CAUGHT = sizeof(caught) / sizeof(caught[0]) };

/* The last signal that came, or 0. */
static volatile sig_atomic_t came;

struct signals {
	struct sigaction actions[CAUGHT];
	sigset_t mask; /* as it was before */
	sigset_t open; /* lets the caught ones through */
};

/* The handler of `caught` while a question is open. */
static void
note_signal(int number)
{
	came = number;
}

/* The signals are blocked but for the wait, so that none can be missed between
 * a look at `came` and the wait. */
static void
signals_catch(struct signals *s)
{
	struct sigaction action = { .sa_handler = note_signal };
	sigset_t ours;

	sigemptyset(&ours);
	for (size_t i = 0; i < CAUGHT; i++)
		sigaddset(&ours, caught[i]);
	came = 0;
	(void)sigprocmask(SIG_BLOCK, &ours, &s->mask);
	s->open = s->mask;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < CAUGHT; i++) {
		sigdelset(&s->open, caught[i]);
		(void)sigaction(caught[i], NULL, &s->actions[i]);
		/* nohup, and shells without job control, want them ignored */
		if (s->actions[i].sa_handler != SIG_IGN)
			(void)sigaction(caught[i], &action, NULL);
	}
}

/* Restores what was before; a signal that came meanwhile has the effect that it
 * would have had. */
static void
signals_release(struct signals *s)
{
	for (size_t i = 0; i < CAUGHT; i++)
		(void)sigaction(caught[i], &s->actions[i], NULL);
	if (came)
		(void)raise(came); /* blocked still */
	(void)sigprocmask(SIG_SETMASK, &s->mask, NULL);
}

/* --- the question --- */

static void
say(int fd, const char *text)
{
	struct err ignored = ERR_INIT;

	(void)fs_write(fd, text, strlen(text), &ignored);
}

/* How long it is until then; NULL: for ever. */
static const struct timespec *
time_left(int64_t until, struct timespec *t)
{
	int64_t left = until - clock_ms();

	if (until == CLOCK_NEVER)
		return NULL;
	if (left < 0)
		left = 0;
	t->tv_sec = (time_t)(left / 1000);
	t->tv_nsec = (long)(left % 1000) * 1000 * 1000;
	return t;
}

/* False after a signal, or when it is too late. */
static bool
wait_for_input(int fd, const sigset_t *open, int64_t until)
{
	struct timespec t;
	fd_set set;

	while (!came) {
		FD_ZERO(&set);
		FD_SET(fd, &set);
		if (pselect(fd + 1, &set, NULL, NULL, time_left(until, &t),
			    open) > 0)
			return true;
		if (clock_ms() >= until)
			break;
	}
	return false;
}

/* False at the end of file, after a signal or an error, or when it is too late.
 * The terminal hands out whole lines. */
static bool
read_line(int fd, const sigset_t *open, int64_t until, struct buf *line)
{
	uint8_t *room, *end;
	ssize_t got;

	while (wait_for_input(fd, open, until)) {
		room = buf_room(line, READ_MAX);
		if (!room)
			return false;
		got = read(fd, room, READ_MAX);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		buf_added(line, (size_t)got);
		end = memchr(room, '\n', (size_t)got);
		if (end) {
			line->len = (size_t)(end - line->data);
			return true;
		}
	}
	return false;
}

static bool
ask_once(int fd, const char *prompt, bool is_shown, int64_t until,
	 struct secret **answer)
{
	struct termios shown, hidden;
	struct signals signals;
	struct buf line;
	bool done = false;

	if (tcgetattr(fd, &shown) != 0)
		return false;
	buf_init(&line, ANSWER_MAX);
	signals_catch(&signals);
	hidden = shown;
	if (!is_shown)
		hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(fd, TCSAFLUSH, &hidden) == 0) {
		say(fd, prompt);
		done = read_line(fd, &signals.open, until, &line) &&
		       (is_shown || line.len > 0);
		(void)tcsetattr(fd, TCSADRAIN, &shown);
		if (!is_shown || !done)
			say(fd, "\n");
	}
	if (done)
		*answer = secret_new(line.data, line.len);
	buf_free(&line);
	signals_release(&signals);
	return done;
}

bool
terminal_ask(const char *prompt, bool is_shown, int64_t until,
	     struct secret **answer)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool done = false;

	*answer = NULL;
	/* in the background the first tcsetattr would stop us */
	if (fd < 0 || fd >= FD_SETSIZE || tcgetpgrp(fd) != getpgrp()) {
		fs_drop(&fd);
		return false;
	}
	do {
		done = ask_once(fd, prompt, is_shown, until, answer);
	} while (!done && came == SIGTSTP && tcgetpgrp(fd) == getpgrp() &&
		 clock_ms() < until);
	fs_drop(&fd);
	return done;
}

bool
terminal_is_there(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool is_there = fd >= 0;

	fs_drop(&fd);
	return is_there;
}
