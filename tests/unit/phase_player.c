/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "phase_player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sys/proc.h"

/* The test writes answers to scene.courier, whose other end is `script`; the
 * player reads them there, and writes there what it was asked for. */
static struct {
	struct link *script, *stage; /* stage: the keeper's */
	pid_t pid;
} player;

int
player_set_up(void **state)
{
	struct scene *x;

	assert_int_equal(scene_set_up(state), 0);
	x = *state;
	player.stage = x->courier;
	player.pid = 0;
	return link_pair(&x->courier, &player.script, true, &x->e);
}

/* It ends when the keeper's end is closed. */
static void
stop(struct scene *x)
{
	struct err ignored = ERR_INIT;
	int status;

	if (x->keeper)
		(void)link_flush(x->keeper, &ignored);
	link_free(&x->keeper);
	if (player.pid > 0)
		assert_int_equal(waitpid(player.pid, &status, 0), player.pid);
	player.pid = 0;
}

int
player_tear_down(void **state)
{
	link_free(&player.script);
	link_free(&player.stage);
	stop(*state);
	return scene_tear_down(state);
}

static bool
ends_answer(unsigned type)
{
	return type != LINK_FACTS && type != LINK_STAT && type != LINK_UID &&
	       type != LINK_SIZE && type != LINK_CHUNK;
}

/* The next of them, if there is one. */
static void
answer(const struct link_record *order)
{
	struct link_record r;

	do {
		bool is_named;

		if (!link_next(player.script, &r))
			return;
		is_named = r.number != 0 || r.type == LINK_ERROR;
		link_put(player.stage, r.type,
			 is_named ? r.number : order->number, r.value, r.data,
			 r.size);
	} while (!ends_answer(r.type));
}

static void
play(void)
{
	struct link_record order;
	struct err e = ERR_INIT;

	if (link_pull(player.script, &e) != 0)
		return;
	while (link_wait(player.stage, &order, CLOCK_NEVER, &e) == 0) {
		link_put(player.script, order.type, order.number, 0, NULL, 0);
		(void)link_flush(player.script, &e);
		answer(&order);
		(void)link_flush(player.stage, &e);
	}
}

void
player_start(struct scene *x)
{
	const int keep[] = {
		link_input(player.script),
		link_output(player.script),
		link_input(player.stage),
		link_output(player.stage),
	};

	player.pid = proc_fork(&x->e);
	if (player.pid == 0) {
		proc_close_others(keep, sizeof(keep) / sizeof(keep[0]));
		play();
		_exit(0);
	}
	assert_true(player.pid > 0);
	link_free(&player.script);
	link_free(&player.stage);
}

void
player_assert_asked(struct scene *x, const char *expected)
{
	stop(x);
	scene_assert_asked(x, expected);
}

int
player_set_up_known(void **state)
{
	int rc = player_set_up(state);
	struct scene *x = *state;

	x->session.list_one = LIST_ONE_WORKS;
	return rc;
}

int
player_set_up_failing(void **state)
{
	int rc = player_set_up(state);
	struct scene *x = *state;

	x->session.list_one = LIST_ONE_FAILS;
	return rc;
}

void
player_tell_size(struct scene *x, int64_t size)
{
	scene_answer(x, LINK_SIZE, 0, size, "");
	scene_answer(x, LINK_LISTED, 0, 1, "");
}
