/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* An mbox as a mail reader sees it. */
#include "config.h"
#include "mboxreader.h"

#include "scratch.h"

#include <stdlib.h>
#include <string.h>

static void
begin_message(struct mboxreader *r, const char *line, size_t size)
{
	struct mboxreader_message *m;

	r->messages =
		realloc(r->messages, (r->count + 1) * sizeof(*r->messages));
	m = &r->messages[r->count++];
	m->from_line = strndup(line, size - 1);
	m->text = calloc(1, 1);
	m->size = 0;
}

static void
add_line(struct mboxreader *r, const char *line, size_t size)
{
	struct mboxreader_message *m;
	size_t marks = 0;

	assert_true(r->count > 0);
	m = &r->messages[r->count - 1];
	while (marks < size && line[marks] == '>')
		marks++;
	if (marks > 0 && size - marks >= 5 &&
	    memcmp(line + marks, "From ", 5) == 0) {
		line++;
		size--;
	}
	m->text = realloc(m->text, m->size + size + 1);
	memcpy(m->text + m->size, line, size);
	m->size += size;
	m->text[m->size] = '\0';
}

/* The empty line before the next From_ line is not the message's. */
static void
end_messages(struct mboxreader *r)
{
	struct mboxreader_message *m = r->messages;

	for (; m < r->messages + r->count; m++) {
		assert_true(m->size >= 1 && m->text[m->size - 1] == '\n');
		m->text[--m->size] = '\0';
	}
}

struct mboxreader
mboxreader_read(const char *path)
{
	struct mboxreader r = { NULL, 0 };
	size_t size, line;
	char *bytes = scratch_read(path, &size), *p = bytes, *lf;

	for (; p < bytes + size; p += line) {
		lf = memchr(p, '\n', (size_t)(bytes + size - p));
		line = (size_t)((lf ? lf + 1 : bytes + size) - p);
		if (line >= 5 && memcmp(p, "From ", 5) == 0)
			begin_message(&r, p, line);
		else
			add_line(&r, p, line);
	}
	free(bytes);
	end_messages(&r);
	return r;
}

void
mboxreader_free(struct mboxreader *r)
{
	size_t i;

	for (i = 0; i < r->count; i++) {
		free(r->messages[i].from_line);
		free(r->messages[i].text);
	}
	free(r->messages);
	*r = (struct mboxreader){ NULL, 0 };
}

size_t
mboxreader_count(const struct mboxreader *r, const char *text)
{
	size_t i, count = 0;

	for (i = 0; i < r->count; i++)
		count += r->messages[i].size == strlen(text) &&
			 strcmp(r->messages[i].text, text) == 0;
	return count;
}
