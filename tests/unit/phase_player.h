/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * A courier for a scene whose phase asks for more when it has been answered: a
 * process that gives the answers one by one, each when an order has come,
 * whichever that is.
 *
 *	scene_row, scene_list, scene_mailbox
 *	scene_answer ...	in the order in which they will be asked for;
 *				one about message 0 is about whatever is asked
 *				for
 *	player_start		then run a phase
 *	player_assert_asked	instead of scene_assert_asked
 *
 * An order for which no answer is left gets none.
 */
#ifndef TESTS_PHASE_PLAYER_H
#define TESTS_PHASE_PLAYER_H

#include "phase_scene.h"

/* For cmocka, instead of the scene's. */
int player_set_up(void **state);
int player_tear_down(void **state);

/* Before the phase opens anything that another process must not hold. */
void player_start(struct scene *x);
/* All orders.  Nothing can be asked for any more. */
void player_assert_asked(struct scene *x, const char *expected);

/* The same, where LIST of one message is known to work, or to fail. */
int player_set_up_known(void **state);
int player_set_up_failing(void **state);
/* The answer to LIST of whichever message. */
void player_tell_size(struct scene *x, int64_t size);

#endif
