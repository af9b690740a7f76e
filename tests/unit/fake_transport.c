/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A transport whose server is a script. */
#include "config.h"

#include "fake_transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

enum { STEPS_MAX = 64, BYTES_MAX = 64 * 1024 * 1024 };

struct step {
	char *command;
	char *reply;
};

struct fake {
	struct transport base;
	int other; /* its far end; a byte from here wakes a poll */
	bool awake;
	bool freed;
	struct buf input;    /* all that was ever available */
	size_t given;	     /* of it, bytes read so far */
	size_t cut, dribble; /* 0: not set */
	bool paused;	     /* the wait between two pieces is due */
	bool ended, broken, refused;
	size_t allowed;
	struct step steps[STEPS_MAX];
	size_t step, step_count;
	struct buf output;
	size_t matched; /* of the output, by commands of the script */
};

static bool
has_input(const struct fake *f)
{
	return f->given < f->input.len;
}

/* The descriptor is readable while there is something to read. */
static void
update(struct fake *f)
{
	bool wanted = has_input(f) ||
		      ((f->ended || f->broken) && f->step == f->step_count);
	char byte = 0;

	if (wanted && !f->awake)
		assert_int_equal(write(f->other, &byte, 1), 1);
	else if (!wanted && f->awake)
		assert_int_equal(read(f->base.fd, &byte, 1), 1);
	f->awake = wanted;
}

static size_t
piece(const struct fake *f, size_t size)
{
	if (size > f->input.len - f->given)
		size = f->input.len - f->given;
	if (f->dribble > 0 && size > f->dribble)
		size = f->dribble;
	if (f->given < f->cut && size > f->cut - f->given)
		size = f->cut - f->given;
	return size;
}

static ptrdiff_t
fake_read(struct transport *t, void *out, size_t size, struct err *e)
{
	struct fake *f = (struct fake *)t;

	if (f->paused) {
		f->paused = false;
		return TRANSPORT_WANT_READ;
	}
	if (has_input(f)) {
		size = piece(f, size);
		memcpy(out, f->input.data + f->given, size);
		f->given += size;
		f->paused = f->dribble > 0 || f->given == f->cut;
		update(f);
		return (ptrdiff_t)size;
	}
	if (f->step < f->step_count)
		return TRANSPORT_WANT_READ;
	if (f->broken) {
		err_set(e, ERR_NETWORK, "line cut by the test");
		return TRANSPORT_ERROR;
	}
	return f->ended ? TRANSPORT_END : TRANSPORT_WANT_READ;
}

/* Answers the commands that have come whole. */
static void
follow_script(struct fake *f)
{
	while (f->step < f->step_count) {
		struct step *step = &f->steps[f->step];
		size_t size = strlen(step->command);
		size_t there = f->output.len - f->matched;

		if (there == 0 && size > 0)
			return;
		if (memcmp(f->output.data + f->matched, step->command,
			   there < size ? there : size) != 0)
			fail_msg("client sent something else than '%s'",
				 step->command);
		if (there < size)
			return;
		f->matched += size;
		f->step++;
		fake_input_text(f, step->reply);
	}
}

static ptrdiff_t
fake_write(struct transport *t, const void *bytes, size_t size, struct err *e)
{
	struct fake *f = (struct fake *)t;

	if (f->refused) {
		err_set(e, ERR_NETWORK, "write refused by the test");
		return TRANSPORT_ERROR;
	}
	if (size > f->allowed)
		size = f->allowed;
	if (size == 0)
		return TRANSPORT_WANT_WRITE;
	if (f->allowed != SIZE_MAX)
		f->allowed -= size;
	assert_true(buf_append(&f->output, bytes, size));
	follow_script(f);
	update(f);
	return (ptrdiff_t)size;
}

static void
fake_release(struct transport *t)
{
	struct fake *f = (struct fake *)t;

	assert_false(f->freed);
	close(t->fd);
	close(f->other);
	f->freed = true;
}

static const struct transport_class fake_class = {
	.read = fake_read,
	.write = fake_write,
	.free = fake_release,
};

struct fake *
fake_new(void)
{
	struct fake *f = mem_alloc(sizeof(*f));
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	f->base.class = &fake_class;
	f->base.fd = pair[0];
	f->other = pair[1];
	f->allowed = SIZE_MAX;
	buf_init(&f->input, BYTES_MAX);
	buf_init(&f->output, BYTES_MAX);
	return f;
}

void
fake_free(struct fake *f)
{
	if (!f->freed)
		fake_release(&f->base);
	for (size_t i = 0; i < f->step_count; i++) {
		free(f->steps[i].command);
		free(f->steps[i].reply);
	}
	buf_free(&f->input);
	buf_free(&f->output);
	free(f);
}

struct transport *
fake_transport(struct fake *f)
{
	return &f->base;
}

bool
fake_is_freed(const struct fake *f)
{
	return f->freed;
}

void
fake_input(struct fake *f, const void *bytes, size_t size)
{
	if (size > 0)
		assert_true(buf_append(&f->input, bytes, size));
	update(f);
}

void
fake_input_text(struct fake *f, const char *text)
{
	fake_input(f, text, strlen(text));
}

void
fake_reply(struct fake *f, const char *command, const char *reply)
{
	assert_true(f->step_count < STEPS_MAX);
	f->steps[f->step_count].command = mem_string(command);
	f->steps[f->step_count++].reply = mem_string(reply);
	update(f);
}

void
fake_end(struct fake *f)
{
	f->ended = true;
	update(f);
}

void
fake_break(struct fake *f)
{
	f->broken = true;
	update(f);
}

void
fake_cut(struct fake *f, size_t n)
{
	f->cut = n;
}

void
fake_dribble(struct fake *f, size_t n)
{
	f->dribble = n;
}

void
fake_allow(struct fake *f, size_t n)
{
	f->allowed = n;
}

void
fake_refuse(struct fake *f)
{
	f->refused = true;
}

const char *
fake_output(struct fake *f, size_t *size)
{
	if (size != NULL)
		*size = f->output.len;
	return buf_text(&f->output);
}
