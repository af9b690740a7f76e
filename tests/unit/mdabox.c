/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* An MDA that is a shell script. */
#include "config.h"
#include "mdabox.h"

#include "scratch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "sys/proc.h"

struct mdabox box;

static void
note(void *arg, const char *line)
{
	(void)arg;
	assert_true(box.note_count < MDABOX_NOTES_MAX);
	box.notes[box.note_count++] = strdup(line);
}

int
mdabox_setup(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	memset(&box, 0, sizeof(box));
	box.spool = scratch_path(*state, "spool");
	box.out = scratch_path(*state, "out");
	box.script = scratch_path(*state, "mda");
	box.argv[0] = box.script;
	box.target = (struct deliver_target){ .kind = DELIVER_MDA,
					      .argv = box.argv,
					      .mda_timeout_ms = 60 * 1000,
					      .account = "work",
					      .user = "jane@example.org",
					      .state_id = "00ff",
					      .spool = box.spool,
					      .note = note };
	setenv("HOME", *state, 1);
	return mkdir(box.spool, 0700);
}

int
mdabox_teardown(void **state)
{
	while (box.note_count > 0)
		free(box.notes[--box.note_count]);
	free(box.spool);
	free(box.out);
	free(box.script);
	return scratch_teardown(state);
}

/* The MDA is this shell script; its directory is that of `out`. */
void
mdabox_script(const char *body)
{
	char *text = NULL;

	assert_true(asprintf(&text, "#!/bin/sh\n%s\n", body) > 0);
	scratch_write_text(box.script, text);
	assert_int_equal(chmod(box.script, 0700), 0);
	free(text);
}

struct deliver *
mdabox_open(void)
{
	struct err e = ERR_INIT;
	struct deliver *d;

	if (deliver_open(&d, &box.target, false, &e) != 0)
		fail_msg("%s", e.text);
	return d;
}

struct deliver_staged *
mdabox_stage(struct deliver *d, const char *text, const char *uid)
{
	const struct deliver_message m = { .uid = (const uint8_t *)uid,
					   .uid_size = strlen(uid) };
	struct digest *digest = digest_new(DIGEST_SHA256);
	uint8_t bytes[DIGEST_SIZE_MAX];
	struct deliver_staged *s;
	struct err e = ERR_INIT;

	digest_add(digest, text, strlen(text));
	digest_end(digest, bytes);
	digest_free(&digest);
	if (deliver_stage(d, &m, &s, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(deliver_write(s, text, strlen(text), &e), 0);
	assert_int_equal(deliver_finish(s, bytes, 1234, "joe@example.net", &e),
			 0);
	return s;
}

bool
mdabox_is_running(const struct deliver *d)
{
	int raw[DELIVER_POLL_MAX];
	int64_t until;

	(void)deliver_poll(d, raw, &until);
	return until != CLOCK_NEVER;
}

void
mdabox_wait(struct deliver *d)
{
	struct pollfd fds[DELIVER_POLL_MAX];
	int raw[DELIVER_POLL_MAX];
	struct err e = ERR_INIT;
	int64_t until;
	size_t i, count;

	while (mdabox_is_running(d)) {
		count = deliver_poll(d, raw, &until);
		assert_true(count <= DELIVER_POLL_MAX);
		for (i = 0; i < count; i++)
			fds[i] = (struct pollfd){ raw[i], POLLIN, 0 };
		proc_poll(fds, count, clock_earlier(until, clock_deadline(20)));
		assert_int_equal(deliver_tend(d, &e), 0);
	}
}

enum deliver_outcome
mdabox_run(struct deliver *d, struct deliver_staged *s, struct err *why)
{
	enum deliver_outcome outcome;
	struct err e = ERR_INIT;

	assert_int_equal(deliver_secure(d, &s, 1, &e), 0);
	assert_int_equal(deliver_publish(d, &e), 0);
	mdabox_wait(d);
	assert_int_equal(deliver_settle(d, &e), 0);
	outcome = deliver_outcome(s, why);
	deliver_leave(&s);
	return outcome;
}

/* One message through the script. */
enum deliver_outcome
mdabox_run_script(const char *body, const char *text, struct err *why)
{
	struct deliver *d;
	struct err ignored;
	enum deliver_outcome outcome;

	mdabox_script(body);
	d = mdabox_open();
	outcome = mdabox_run(d, mdabox_stage(d, text, "uid1"),
			     why ? why : &ignored);
	deliver_close(&d);
	return outcome;
}

void
mdabox_expect(const char *text)
{
	char *there = scratch_read(box.out, NULL);

	assert_string_equal(there, text);
	free(there);
}
