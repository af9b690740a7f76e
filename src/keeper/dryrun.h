/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright The popfetch authors */
/*
 * What --dry-run and --check say; they change nothing.
 */
#ifndef KEEPER_DRYRUN_H
#define KEEPER_DRYRUN_H

#include "session/phase.h"

/* What would be done with each message. */
void dryrun_say(struct session *s);
/* How many are new. */
void dryrun_count(struct session *s);

#endif
