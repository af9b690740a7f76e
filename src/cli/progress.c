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
#include "cli/columns.h"
#include "cli/pace.h"
#include "cli/terminal.h"
#include "cli/wrap.h"
#include "sys/fs.h"
#include "sys/proc.h"

enum { DRAW_MS = 100, IDLE_MS = 1000 };
enum { NAME_MAX_BYTES = 128, PHASE_MAX = 32, LINES_MAX = 64 * 1024 };

struct slot {
	size_t number; /* the caller's */
	char name[NAME_MAX_BYTES];
	char phase[PHASE_MAX];
	struct progress_state state; /* but for its phase */
	struct pace pace;
};

struct progress {
	struct progress_place place;
	bool bars;
	bool lines_on_terminal;
	struct slot *slots; /* in order of their begin */
	size_t count;
	size_t *widths; /* columns of the lines that are drawn */
	size_t drawn;
	struct buf lines; /* that come with the next drawing */
	bool changed;	  /* since the bars were drawn */
	int64_t due_ms;	  /* the next drawing, not before */
	bool is_due_set;
};

struct progress *
progress_new(const struct progress_place *place)
{
	struct progress *p = mem_alloc(sizeof(*p));

	p->place = *place;
	p->bars = place->bars_fd >= 0 && terminal_can_draw(place->bars_fd);
	if (p->bars)
		terminal_watch();
	p->lines_on_terminal = isatty(place->lines_fd) == 1;
	buf_init(&p->lines, SIZE_MAX);
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

/* Where others have written, what was drawn stays as it is: nobody knows how
 * far up that was. */
static void
see_stop(struct progress *p)
{
	if (!terminal_was_left())
		return;
	p->drawn = 0;
	p->changed = true;
}

static bool
is_ours(struct progress *p)
{
	bool ours = terminal_is_ours(p->place.bars_fd);

	if (!ours)
		p->drawn = 0;
	return ours;
}

/* The cursor goes to where the first bar begins. */
static void
go_up(struct progress *p, struct buf *out)
{
	size_t columns, rows;

	if (p->drawn == 0)
		return;
	terminal_size(p->place.bars_fd, &columns, &rows);
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
	p->widths[p->drawn++] = columns_of(text);
	(void)buf_format(out, "%s\033[K\n", text);
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* The last column is never used: terminals differ in what they do behind it. */
static struct bar_layout
lay_out(const struct progress *p, size_t columns)
{
	struct bar_layout l = { .columns = columns - 1 };
	size_t limit = l.columns / 3;

	for (size_t i = 0; i < p->count; i++) {
		const struct slot *s = &p->slots[i];

		l.name = larger(l.name, columns_of(s->name));
		l.count = larger(l.count, bar_count_columns(&s->state));
	}
	if (limit > BAR_NAME_MAX)
		limit = BAR_NAME_MAX;
	if (l.name > limit)
		l.name = limit;
	return l;
}

/* Draws the bars from the cursor's line on; the cursor then stands below
 * them. */
static void
draw(struct progress *p, struct buf *out)
{
	size_t columns, rows, shown = p->count;
	struct bar_layout layout;
	struct progress_state state;
	char text[BAR_TEXT_MAX];

	terminal_size(p->place.bars_fd, &columns, &rows);
	layout = lay_out(p, columns);
	if (shown > 0 && shown + 1 > rows)
		shown = rows > 2 ? rows - 2 : 0;
	for (size_t i = 0; i < shown; i++) {
		state = p->slots[i].state;
		state.phase = p->slots[i].phase;
		bar_format(text, &layout, p->slots[i].name, &state,
			   &p->slots[i].pace);
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

/* The bars go, and what waits for them is written. */
static void
hide(struct progress *p, struct buf *out)
{
	erase(p, out);
	if (p->lines.len == 0)
		return;
	put(p->place.bars_fd, out);
	buf_clear(out);
	put(p->place.lines_fd, &p->lines);
	buf_clear(&p->lines);
}

/* Lines go another way than bars, but to the same terminal. */
static void
redraw(struct progress *p)
{
	struct buf out;

	buf_init(&out, SIZE_MAX);
	if (p->lines.len > 0)
		hide(p, &out);
	else
		go_up(p, &out);
	draw(p, &out);
	put(p->place.bars_fd, &out);
	buf_free(&out);
}

/* Takes the bars away; they come again with the next drawing. */
static void
clear(struct progress *p)
{
	struct buf out;

	see_stop(p);
	(void)is_ours(p);
	if (p->drawn == 0 && p->lines.len == 0)
		return;
	buf_init(&out, SIZE_MAX);
	hide(p, &out);
	put(p->place.bars_fd, &out);
	buf_free(&out);
	p->changed = true;
}

void
progress_free(struct progress **p)
{
	struct progress *old = *p;

	*p = NULL;
	if (!old)
		return;
	clear(old);
	buf_free(&old->lines);
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

/* Writes the safe line that was added last, or lets it wait. */
static void
write_line(struct progress *p)
{
	bool waits = p->drawn > 0 && p->lines_on_terminal;

	p->changed |= waits;
	if (waits && p->lines.len < LINES_MAX)
		return;
	if (waits)
		clear(p);
	put(p->place.lines_fd, &p->lines);
	buf_clear(&p->lines);
}

void
progress_line(struct progress *p, const char *line)
{
	add_safe(&p->lines, line);
	write_line(p);
}

void
progress_line_cut(struct progress *p, const char *line)
{
	size_t size = strlen(line), room = 4 * size + 1, columns, rows;
	char *safe = mem_alloc(room);

	text_safe(safe, room, line, size);
	terminal_size(p->place.lines_fd, &columns, &rows);
	columns_cut(safe, columns - 1);
	(void)buf_format(&p->lines, "%s\n", safe);
	free(safe);
	write_line(p);
}

void
progress_line_wrapped(struct progress *p, size_t indent, const char *line)
{
	size_t size = strlen(line), room = 4 * size + 1, columns, rows;
	char *safe = mem_alloc(room);

	text_safe(safe, room, line, size);
	terminal_size(p->place.lines_fd, &columns, &rows);
	wrap_add(&p->lines, p->lines_on_terminal ? columns : SIZE_MAX, indent,
		 safe);
	free(safe);
	write_line(p);
}

void
progress_error(struct progress *p, const char *line)
{
	struct buf out;

	if (isatty(STDERR_FILENO))
		clear(p);
	buf_init(&out, SIZE_MAX);
	add_safe(&out, line);
	put(STDERR_FILENO, &out);
	buf_free(&out);
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

/* Is a rate shown?  It has to sink when nothing comes any more. */
static bool
is_moving(const struct progress *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->slots[i].pace.rate > 0)
			return true;
	return false;
}

static void
measure(struct progress *p, int64_t now_ms)
{
	bool was_moving = is_moving(p);

	for (size_t i = 0; i < p->count; i++)
		pace_measure(&p->slots[i].pace, &p->slots[i].state, now_ms);
	p->changed |= was_moving && !is_moving(p);
}

/* When the bars are to be drawn, or looked at again. */
static int64_t
next_drawing(const struct progress *p)
{
	if (!p->changed && !is_moving(p))
		return CLOCK_NEVER;
	return p->due_ms + (p->changed ? 0 : IDLE_MS - DRAW_MS);
}

int64_t
progress_tick(struct progress *p, int64_t now_ms)
{
	int64_t due;

	if (p->count == 0 && p->drawn == 0)
		return CLOCK_NEVER;
	if (!p->is_due_set)
		p->due_ms = now_ms + p->place.delay_ms;
	p->is_due_set = true;
	see_stop(p);
	measure(p, now_ms);
	due = next_drawing(p);
	if (now_ms < due)
		return due;
	if (!is_ours(p)) {
		clear(p);
		p->due_ms = now_ms + IDLE_MS;
		return p->due_ms;
	}
	p->due_ms = now_ms + DRAW_MS;
	redraw(p);
	return next_drawing(p);
}

/* --- questions --- */

bool
progress_ask(struct progress *p, const char *prompt, bool is_shown,
	     int64_t until, struct secret **answer)
{
	struct buf safe;
	bool done;

	if (p)
		clear(p);
	buf_init(&safe, SIZE_MAX);
	add_safe(&safe, prompt);
	safe.len--; /* its line end */
	done = terminal_ask(buf_text(&safe), is_shown, until, answer);
	buf_free(&safe);
	return done;
}
