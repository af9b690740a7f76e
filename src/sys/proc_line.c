/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* The first line of a program's output. */
#include "config.h"

#include "sys/proc.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#ifndef __linux__
extern char **environ;
#endif

/* How often to look whether the program has ended, where no SIGCHLD tells. */
enum { LOOK_MS = 50 };

/* The most that is read in one go: more than a pipe holds, and little enough
 * that a program which never stops printing meets its deadline. */
enum { READ_STEP = 4096, READ_STEPS = 32 };

struct first_line {
	struct buf text; /* up to and without the LF */
	bool whole;	 /* the LF has come */
	bool too_long;
	bool at_end; /* of the output */
	struct proc_lines said;
	proc_lines_note *note; /* or NULL */
	void *arg;
	bool lacks_terminal; /* as what it says suggests */
};

/* --- what it says --- */

static bool
has_word(const char *line, const char *word)
{
	for (const char *at = line; *at; at++)
		if ((at == line || !isalpha((unsigned char)at[-1])) &&
		    text_starts(at, strlen(at), word))
			return true;
	return false;
}

/* gpg, its agent and its pinentries, and what else asks for a passphrase: "No
 * secret key" alone says that there is none. */
static bool
is_about_terminal(const char *line)
{
	static const char *const words[] = { "tty", "terminal", "pinentry",
					     "ioctl", "agent" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (has_word(line, words[i]))
			return true;
	return false;
}

static void
note_line(void *arg, const char *text)
{
	struct first_line *line = arg;

	line->lacks_terminal |= is_about_terminal(text);
	if (line->note)
		line->note(line->arg, text);
}

/* --- what it prints --- */

static void
take_line(struct first_line *line, const uint8_t *bytes, size_t size)
{
	const uint8_t *lf = memchr(bytes, '\n', size);

	if (line->whole || line->too_long)
		return;
	line->whole = lf;
	if (!buf_append(&line->text, bytes, lf ? (size_t)(lf - bytes) : size))
		line->too_long = true;
}

/* Reads what is there; what follows the line is thrown away, so that the
 * program does not die of SIGPIPE. */
static void
drain(struct first_line *line, int fd)
{
	uint8_t step[READ_STEP];
	ssize_t n = 1;

	for (int i = 0; i < READ_STEPS && n > 0 && !line->at_end; i++) {
		n = read(fd, step, sizeof(step));
		if (n > 0)
			take_line(line, step, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			line->at_end = true;
	}
	secret_wipe(step, sizeof(step));
}

static void
wait_a_little(const struct first_line *line, int fd, int64_t deadline)
{
	struct pollfd p[1 + PROC_LINES_STREAMS];
	int fds[PROC_LINES_STREAMS];
	size_t count = proc_lines_poll(&line->said, fds);

	for (size_t i = 0; i < count; i++)
		p[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (!line->at_end)
		p[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	proc_poll(p, (nfds_t)count,
		  clock_earlier(deadline, clock_deadline(LOOK_MS)));
}

static void
read_all(struct first_line *line, const struct proc *p)
{
	drain(line, proc_output(p));
	proc_lines_read(&line->said);
}

/* Waits until the program ends, not its output: a daemon that it left behind
 * may keep the pipes open. */
static int
await_line(struct proc *p, const char *name, int64_t deadline,
	   struct first_line *line, int *status, struct err *e)
{
	while (!proc_ended(p, status)) {
		if (proc_stops() > 0)
			return err_set(e, ERR_STOPPED, "'%s' was stopped",
				       name);
		if (clock_poll_timeout(deadline) == 0)
			return err_set(e, ERR_LATER, "'%s' took too long",
				       name);
		wait_a_little(line, proc_output(p), deadline);
		read_all(line, p);
	}
	read_all(line, p);
	return 0;
}

static int
check_status(const char *name, int status, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_set(e, ERR_LATER, "'%s' was ended by signal %d",
			       name, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ERR_LATER, "'%s' failed (status %d)", name,
			       WEXITSTATUS(status));
	return 0;
}

static bool
has_ended_well(struct proc *p)
{
	int status;

	return proc_ended(p, &status) && status == 0;
}

static int
make_secret(const struct first_line *line, const char *name, size_t max,
	    struct secret **out, struct err *e)
{
	const struct buf *text = &line->text;
	size_t start = text_mark_size(text->data, text->len);
	size_t size = text->len - start;

	if (size > 0 && text->data[text->len - 1] == '\r')
		size--;
	if (line->too_long || size > max)
		return err_set(e, ERR_LATER,
			       "'%s' printed a line of more than %zu bytes",
			       name, max);
	if (size == 0)
		return err_set(e, ERR_LATER, "'%s' printed nothing", name);
	*out = secret_new(text->data + start, size);
	return 0;
}

/* Its own last words tell the most, but may tell the secret, too, if it has got
 * so far as to print one, or ended well.  Where it has failed it may have
 * wanted to ask somebody, as it can where it is tried by hand. */
static void
add_words(struct first_line *line, bool has_failed, struct err *e)
{
	const char *last = proc_lines_last(&line->said);
	struct err plain = *e;
	char shown[ERR_TEXT_MAX / 2];

	if (e->kind != ERR_LATER)
		return;
	if (line->text.len > 0 || !has_failed)
		last = "";
	text_safe(shown, sizeof(shown), last, strlen(last));
	(void)err_set(e, plain.kind, "%s%s%s%s", plain.text, *shown ? ": " : "",
		      shown,
		      has_failed && line->lacks_terminal
			      ? " (it has no terminal here: an agent must hold "
				"the key)"
			      : "");
}

int
proc_first_line(const char *const argv[], size_t max, int64_t deadline,
		proc_lines_note *note, void *arg, struct secret **line,
		struct err *e)
{
	const struct proc_program program = {
		.argv = argv,
		.env = (const char *const *)environ,
		.input = -1,
		.wants_output = true,
		.wants_errors = true,
		.dies_with_us = true
	};
	struct first_line first;
	struct proc *p = NULL;
	int rc, status = 0;

	*line = NULL;
	if (proc_start(&p, &program, e) != 0) {
		e->kind = ERR_CONFIG;
		return -1;
	}
	memset(&first, 0, sizeof(first));
	/* a byte order mark before the line, a CR behind it */
	buf_init(&first.text, max + 4);
	first.note = note;
	first.arg = arg;
	proc_lines_start(&first.said, note_line, &first, -1, proc_errors(p));
	rc = await_line(p, argv[0], deadline, &first, &status, e);
	proc_lines_end(&first.said);
	if (rc == 0)
		rc = check_status(argv[0], status, e);
	if (rc == 0)
		rc = make_secret(&first, argv[0], max, line, e);
	if (rc != 0)
		add_words(&first, !has_ended_well(p), e);
	buf_free(&first.text);
	proc_free(&p);
	return rc;
}
