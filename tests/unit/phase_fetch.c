/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "phase_fetch.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/failure.h"
#include "base/mem.h"
#include "scratch.h"
#include "sys/proc.h"

/* --- what there is --- */

int64_t
fetch_set_aside(struct scene *x, const char *uid, int64_t size,
		unsigned attempts)
{
	const struct store_message m = {
		.uid = (const uint8_t *)uid,
		.uid_size = strlen(uid),
		.size = size,
	};
	struct store *s = x->session.store;
	int64_t id = 0;

	assert_int_equal(store_begin(s, STORE_DURABLE, &x->e), 0);
	while (attempts-- > 0)
		assert_int_equal(store_set_aside(s, &id, &m, x->session.now,
						 "it failed", &x->e),
				 0);
	assert_int_equal(store_commit(s, &x->e), 0);
	return id;
}

int64_t
fetch_octets(const char *text)
{
	int64_t octets = 0;

	for (const char *c = text; *c; c++)
		octets += *c == '\n' ? 2 : 1;
	return octets;
}

void
fetch_offer(struct scene *x, uint32_t number, const char *uid, const char *text)
{
	scene_list(x, uid, fetch_octets(text));
	scene_message(x, number, text, -1);
}

static const char *argv[] = { "/bin/sh", NULL, NULL };
static char script[128], out[128];

void
fetch_by_program(struct scene *x, const char *body)
{
	char *text = mem_format("out=${0%%/*}/out\n%s\n", body);

	(void)snprintf(script, sizeof(script), "%s/mda", x->dir);
	(void)snprintf(out, sizeof(out), "%s/out", x->dir);
	scratch_write_text(script, text);
	free(text);
	argv[1] = script;
	x->keeper_settings.target.kind = DELIVER_MDA;
	x->keeper_settings.target.argv = argv;
	x->keeper_settings.target.mda_timeout_ms = 5 * 1000;
}

/* --- the phase --- */

int
fetch_begin(struct scene *x, struct retrieve *r)
{
	const struct deliver_target *target = &x->keeper_settings.target;

	assert_int_equal(retrieve_open(r, &x->session, target, &x->e), 0);
	return retrieve_run(r, &x->e);
}

int
fetch_run(struct scene *x)
{
	struct retrieve r;
	int rc = fetch_begin(x, &r);

	retrieve_close(&r);
	return rc;
}

void
fetch_fail(struct scene *x)
{
	struct retrieve r;

	assert_int_equal(fetch_begin(x, &r), -1);
	retrieve_save(&r, &x->e);
	retrieve_blame(&r, &x->e);
	failure_blame_awaited(&x->session, &x->e);
	retrieve_close(&r);
}

void
fetch_stop(void)
{
	proc_signals(PROC_TERM_ONLY);
	assert_int_equal(raise(SIGTERM), 0);
	(void)proc_poll(NULL, 0, 0); /* lets it in */
	assert_true(proc_stops() > 0);
}

void
fetch_stop_when_asked(struct scene *x, void (*answer)(struct scene *))
{
	struct pollfd asked = { .fd = link_input(x->courier),
				.events = POLLIN };
	pid_t test = getpid(), pid;

	proc_signals(PROC_TERM_ONLY);
	pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return;
	if (poll(&asked, 1, 5 * 1000) != 1)
		_exit(1);
	(void)kill(test, SIGTERM);
	(void)poll(NULL, 0, 100); /* till it is let in */
	answer(x);
	_exit(0);
}

/* --- what came of it --- */

struct store_row
fetch_row(struct scene *x, const char *uid)
{
	struct store_row found = { .id = 0 };
	struct store_rows *rows;

	assert_int_equal(store_load(x->session.store, &rows, &x->e), 0);
	for (size_t i = store_rows_count(rows); i-- > 0;) {
		struct store_row row = store_rows_at(rows, i);

		if (row.uid_size == strlen(uid) &&
		    memcmp(row.uid, uid, row.uid_size) == 0)
			found = row;
	}
	store_rows_free(&rows);
	found.uid = NULL; /* it was the rows' */
	return found;
}

size_t
fetch_times_told(struct scene *x, const char *part)
{
	const char *at = x->told;
	size_t count = 0;

	if (scene_was_told(x, part))
		for (at = x->told; (at = strstr(at, part)); at++)
			count++;
	return count;
}

void
fetch_assert_written(const char *expected)
{
	char *text;

	if (!scratch_is_there(out)) {
		assert_string_equal("", expected);
		return;
	}
	text = scratch_read(out, NULL);
	assert_string_equal(text, expected);
	free(text);
}
