/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
#include "config.h"

#include "phase_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keeper/compare.h"
#include "keeper/removal.h"

void
compare_well(struct scene *x)
{
	if (compare_run(&x->session, true, &x->e) != 0)
		fail_msg("%s", x->e.text);
	assert_int_equal(requests_count(x->session.requests), 0);
}

void
compare_and_delete(struct scene *x, const char *asked)
{
	compare_well(x);
	assert_int_equal(removal_run(&x->session, &x->e), 0);
	scene_assert_asked(x, asked);
}

void
compare_assert_action(struct scene *x, size_t entry, enum plan_action action)
{
	assert_int_equal(mailbox_action(x->session.mailbox, entry), action);
}
