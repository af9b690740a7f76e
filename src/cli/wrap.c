/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "cli/wrap.h"

#include <string.h>

#include "cli/columns.h"

enum { WRAP_FURTHER = 4 };

struct wrapping {
	struct buf *out;
	size_t most;	/* columns of a line */
	size_t indent;	/* of the next line */
	size_t columns; /* of this line; 0: it has not begun */
};

static void
begin_line(struct wrapping *w)
{
	for (size_t i = 0; i < w->indent; i++)
		(void)buf_byte(w->out, ' ');
	w->columns = w->indent;
}

static void
end_line(struct wrapping *w, size_t indent)
{
	if (w->columns > 0)
		(void)buf_byte(w->out, '\n');
	w->columns = 0;
	w->indent = indent;
}

static size_t
word_size(const char *at, size_t *columns)
{
	size_t size = 0;

	*columns = 0;
	while (at[size] && at[size] != ' ')
		size += columns_char(at + size, columns);
	return size;
}

/* As much of a word as fits. */
static size_t
add_part(struct wrapping *w, const char *word, size_t left)
{
	size_t size = 0, step, columns;

	while (size < left) {
		columns = 0;
		step = columns_char(word + size, &columns);
		if (w->columns + columns > w->most)
			break;
		(void)buf_append(w->out, word + size, step);
		w->columns += columns;
		size += step;
	}
	return size;
}

static void
add_word(struct wrapping *w, const char *word, size_t size, size_t columns,
	 size_t indent)
{
	if (w->columns > w->indent && w->columns + 1 + columns > w->most &&
	    indent + columns <= w->most)
		end_line(w, indent);
	else if (w->columns > w->indent) {
		(void)buf_byte(w->out, ' ');
		w->columns++;
	}
	while (size > 0) {
		size_t part;

		if (w->columns == 0)
			begin_line(w);
		part = add_part(w, word, size);
		word += part;
		size -= part;
		if (size > 0)
			end_line(w, indent);
	}
}

void
wrap_add(struct buf *out, size_t columns, size_t indent, const char *text)
{
	size_t least = indent + WRAP_FURTHER + WRAP_LEAST, size, width;
	struct wrapping w = {
		.out = out,
		.most = columns > least ? columns : least,
		.indent = indent,
	};

	for (; *text; text += size) {
		text += strspn(text, " ");
		size = word_size(text, &width);
		if (size > 0)
			add_word(&w, text, size, width, indent + WRAP_FURTHER);
	}
	end_line(&w, indent);
}
