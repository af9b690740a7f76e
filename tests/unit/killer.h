/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * Kills a piece of work at a system call: it runs in a child, and the n-th call by
 * which a process changes what others see of its files is not carried out any more.
 */
#ifndef TESTS_KILLER_H
#define TESTS_KILLER_H

#include <stdbool.h>

/* Can it be done here at all?  (Linux, ptrace not forbidden.) */
bool killer_works(void);
/* Runs work(arg) in a child and kills it at call `n` (0 is the first).  False when it
 * ended before; a failed assertion in it (exit status not 0) fails the test. */
bool killer_run(void (*work)(void *arg), void *arg, unsigned n);

#endif
