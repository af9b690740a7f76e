/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phase of --catch-up: records all that is new as delivered, with its
 * header where the server gives it.
 */
#ifndef KEEPER_CATCH_UP_H
#define KEEPER_CATCH_UP_H

#include "session/phase.h"

/* What was whole when it failed, or was stopped, is recorded, and the next one
 * goes on. */
int catch_up_run(struct session *s, struct err *e);
/* What it would do. */
int catch_up_look(struct session *s, struct err *e);

#endif
