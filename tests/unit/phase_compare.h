/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/* A scene in which messages are compared with what is on record. */
#ifndef TESTS_PHASE_COMPARE_H
#define TESTS_PHASE_COMPARE_H

#include "phase_scene.h"

#define HEADER "Message-ID: <1@x>\nSubject: x\n\n"
#define OTHER  "Message-ID: <2@x>\nSubject: y\n\n"

enum { KEEP_DAYS = 14, OLD_DAYS = 20 };

/* compare_run, which must go well and leave no answer. */
void compare_well(struct scene *x);
/* The same, and the deletions that come of it: all that was asked for. */
void compare_and_delete(struct scene *x, const char *asked);
void compare_assert_action(struct scene *x, size_t entry,
			   enum plan_action action);

#endif
