/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* What people see while popfetch runs. */
#include "config.h"

#include "cli/progress.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/bar.h"
#include "cli/terminal.h"
#include "sys/fs.h"
#include "sys/proc.h"

enum { DRAW_MS = 100, RATE_MS = 500, IDLE_MS = 1000 };
enum { NAME_MAX_BYTES = 128, PHASE_MAX = 32 };

struct slot {
	size_t number; /* the caller's */
	char name[NAME_MAX_BYTES];
	char phase[PHASE_MAX];
	struct progress_state state; /* but for its phase */
	bool is_sampled;	     /* sample_* are set */
	int64_t sample_ms;
	uint64_t sample_bytes;
	uint64_t rate; /* bytes a second, smoothed */
};

struct progress {
	int fd;
	bool bars;
	struct slot *slots; /* in order of their begin */
	size_t count;
	size_t *widths; /* columns of the lines that are drawn */
	size_t drawn;
	bool changed;	/* since they were drawn */
	bool was_drawn; /* once; then drawn_ms is set */
	int64_t drawn_ms;
};

struct progress *
progress_new(int fd, bool bars)
{
	struct progress *p = mem_alloc(sizeof(*p));

	p->fd = fd;
	p->bars = bars && terminal_can_draw(fd);
	return p;
}

/* --- drawing --- */

/* So many bytes a pipe takes without waiting, once it can be written to
 * (PIPE_BUF). */
enum { PIECE_SIZE = 4096 };

/* It may be that nobody reads what we write (a pager that waits).  A stop
 * request must be seen even then, and ends the waiting; what is not written by
 * then is lost. */
static void
put(int fd, const struct buf *text)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	struct err e = ERR_INIT;
	size_t done = 0;

	while (done < text->len) {
		size_t piece = text->len - done;

		if (piece > PIECE_SIZE)
			piece = PIECE_SIZE;
		while (proc_poll(&p, 1, proc_stops() > 0 ? 0 : CLOCK_NEVER) ==
		       0)
			if (proc_stops() > 0)
				return;
		if (fs_write(fd, text->data + done, piece, &e) != 0)
			return;
		done += piece;
	}
}

/* Rows that our lines take now: the terminal may have become narrower since. */
static size_t
drawn_rows(const struct progress *p, size_t columns)
{
	size_t rows = 0;

	for (size_t i = 0; i < p->drawn; i++)
		rows += p->widths[i] > columns
				? (p->widths[i] + columns - 1) / columns
				: 1;
	return rows;
}

/* The cursor goes to where the first bar begins. */
static void
go_up(struct progress *p, struct buf *out)
{
	size_t columns, rows;

	if (p->drawn == 0)
		return;
	terminal_size(p->fd, &columns, &rows);
	(void)buf_format(out, "\r\033[%zuA", drawn_rows(p, columns));
	p->drawn = 0;
}

static void
erase(struct progress *p, struct buf *out)
{
	if (p->drawn == 0)
		return;
	go_up(p, out);
	(void)buf_format(out, "\033[J");
}

static void
add_line(struct progress *p, struct buf *out, const char *text)
{
	p->widths = mem_resize(p->widths, p->drawn + 1, sizeof(*p->widths));
	p->widths[p->drawn++] = bar_columns(text);
	(void)buf_format(out, "%s\033[K\n", text);
}

static size_t
name_columns(const struct progress *p, size_t columns)
{
	size_t widest = 0, limit = columns / 3, i, width;

	if (limit > BAR_NAME_MAX)
		limit = BAR_NAME_MAX;
	for (i = 0; i < p->count; i++) {
		width = bar_columns(p->slots[i].name);
		widest = width > widest ? width : widest;
	}
	return widest < limit ? widest : limit;
}

/* Draws the bars from the cursor's line on; the cursor then stands below them.
 * The last column is never used: terminals differ in what they do behind it. */
static void
draw(struct progress *p, struct buf *out)
{
	size_t columns, rows, names, shown = p->count;
	struct progress_state state;
	char text[BAR_TEXT_MAX];

	terminal_size(p->fd, &columns, &rows);
	names = name_columns(p, columns - 1);
	if (shown > 0 && shown + 1 > rows)
		shown = rows > 2 ? rows - 2 : 0;
	for (size_t i = 0; i < shown; i++) {
		state = p->slots[i].state;
		state.phase = p->slots[i].phase;
		bar_format(text, columns - 1, p->slots[i].name, names, &state,
			   p->slots[i].rate);
		add_line(p, out, text);
	}
	if (shown < p->count && rows > 1) {
		snprintf(text, columns < sizeof(text) ? columns : sizeof(text),
			 "... and %zu more", p->count - shown);
		add_line(p, out, text);
	}
	(void)buf_format(out, "\033[J");
	p->changed = false;
}

static void
redraw(struct progress *p)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	if (p->drawn > 0 || p->count > 0) {
		go_up(p, &out);
		draw(p, &out);
	}
	p->changed = false;
	put(p->fd, &out);
	buf_free(&out);
}

/* Takes the bars away; they come again with the next redraw. */
static void
hide(struct progress *p)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	erase(p, &out);
	put(p->fd, &out);
	buf_free(&out);
}

void
progress_free(struct progress **p)
{
	struct progress *old = *p;

	*p = NULL;
	if (!old)
		return;
	hide(old);
	free(old->slots);
	free(old->widths);
	free(old);
}

/* --- lines --- */

static void
add_safe(struct buf *out, const char *line)
{
	size_t size = strlen(line), room = 4 * size + 1;
	uint8_t *to = buf_room(out, room);

	text_safe((char *)to, room, line, size);
	buf_added(out, strlen((char *)to));
	(void)buf_byte(out, '\n');
}

void
progress_line(struct progress *p, const char *line)
{
	struct buf out;
	bool again = p->drawn > 0;

	buf_init(&out, SIZE_MAX);
	erase(p, &out);
	add_safe(&out, line);
	if (again)
		draw(p, &out);
	put(p->fd, &out);
	buf_free(&out);
}

void
progress_error(struct progress *p, const char *line)
{
	bool again = p->drawn > 0 && isatty(STDERR_FILENO);
	struct buf out;

	if (again)
		hide(p);
	buf_init(&out, SIZE_MAX);
	add_safe(&out, line);
	put(STDERR_FILENO, &out);
	buf_free(&out);
	if (again)
		redraw(p);
}

/* --- bars --- */

static struct slot *
find(const struct progress *p, size_t number)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->slots[i].number == number)
			return &p->slots[i];
	return NULL;
}

void
progress_begin(struct progress *p, size_t slot, const char *account)
{
	struct slot *s;

	if (!p->bars)
		return;
	assert(!find(p, slot));
	p->slots = mem_resize(p->slots, p->count + 1, sizeof(*p->slots));
	s = &p->slots[p->count++];
	*s = (struct slot){ .number = slot };
	text_safe(s->name, sizeof(s->name), account, strlen(account));
	p->changed = true;
}

void
progress_update(struct progress *p, size_t slot,
		const struct progress_state *state)
{
	struct slot *s = find(p, slot);

	if (!s)
		return;
	s->state = *state;
	s->state.phase = NULL;
	if (state->phase)
		text_safe(s->phase, sizeof(s->phase), state->phase,
			  strlen(state->phase));
	p->changed = true;
}

void
progress_end(struct progress *p, size_t slot)
{
	struct slot *s = find(p, slot);

	if (!s)
		return;
	memmove(s, s + 1, (size_t)(p->slots + p->count - s - 1) * sizeof(*s));
	p->count--;
	p->changed = true;
}

/* Each sample counts for half of the rate: so it follows within seconds and
 * does not jump. */
static void
sample(struct slot *s, int64_t now_ms)
{
	uint64_t bytes = s->state.bytes, news;
	int64_t passed = now_ms - s->sample_ms;

	if (s->is_sampled && bytes >= s->sample_bytes) {
		if (passed < RATE_MS)
			return;
		news = (uint64_t)((double)(bytes - s->sample_bytes) * 1000 /
				  (double)passed);
		s->rate = s->rate > 0 ? s->rate / 2 + news / 2 : news;
	}
	s->is_sampled = true;
	s->sample_ms = now_ms;
	s->sample_bytes = bytes;
}

/* Is a rate shown?  It has to sink when nothing comes any more. */
static bool
is_moving(const struct progress *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->slots[i].rate > 0)
			return true;
	return false;
}

int64_t
progress_tick(struct progress *p, int64_t now_ms)
{
	int64_t due;

	if (!p->changed && !is_moving(p))
		return CLOCK_NEVER;
	due = p->drawn_ms + (p->changed ? DRAW_MS : IDLE_MS);
	if (p->was_drawn && now_ms < due)
		return due;
	for (size_t i = 0; i < p->count; i++)
		sample(&p->slots[i], now_ms);
	redraw(p);
	p->was_drawn = true;
	p->drawn_ms = now_ms;
	return is_moving(p) ? now_ms + IDLE_MS : CLOCK_NEVER;
}

/* --- questions --- */

bool
progress_ask(struct progress *p, const char *prompt, bool is_shown,
	     struct secret **answer)
{
	bool again = p && p->drawn > 0, done;
	struct buf safe;

	if (again)
		hide(p);
	buf_init(&safe, SIZE_MAX);
	add_safe(&safe, prompt);
	safe.len--; /* its line end */
	done = terminal_ask(buf_text(&safe), is_shown, answer);
	buf_free(&safe);
	if (again)
		redraw(p);
	return done;
}
